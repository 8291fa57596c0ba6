//! What COMMAND DOCS tells beyond the row of the command table: summary, complexity, history and
//! arguments. Name, group and first version stand in the row ([`super::CommandSpec`]), not here.
//! redis-cli builds its hints from the arguments, so their names, tokens, order and flags are a
//! contract; summaries and history are prose in our own words.
//!
//! Invariant: each group's slice is sorted by full name (`config|get`), which [`find`] relies on.

mod bitmap;
mod cluster;
mod connection;
mod generic;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod pubsub;
mod scripting;
mod server;
mod set;
mod sorted_set;
mod stream;
mod string;
mod transactions;

/// The documentation of one command or sub-command.
#[derive(Debug, Clone, Copy)]
pub struct CommandDoc {
    /// Full name in lower case: `get`, `config|get`.
    pub name: &'static str,
    pub summary: &'static str,
    pub complexity: Option<&'static str>,
    /// Bits of [`doc_flag`].
    pub doc_flags: u8,
    pub deprecated_since: Option<&'static str>,
    pub replaced_by: Option<&'static str>,
    /// (version, what it added or changed), oldest first.
    pub history: &'static [(&'static str, &'static str)],
    pub arguments: &'static [DocArg],
}

impl CommandDoc {
    pub const DEFAULT: CommandDoc = CommandDoc {
        name: "",
        summary: "",
        complexity: None,
        doc_flags: 0,
        deprecated_since: None,
        replaced_by: None,
        history: &[],
        arguments: &[],
    };
}

/// Properties of a documented command.
pub mod doc_flag {
    pub const DEPRECATED: u8 = 1 << 0;
    /// Internal to Redis: replicas and tools send it, users do not.
    pub const SYSCMD: u8 = 1 << 1;

    /// The names that COMMAND DOCS shows, in its order.
    pub const NAMES: &[(u8, &str)] = &[(DEPRECATED, "deprecated"), (SYSCMD, "syscmd")];
}

/// Properties of an argument.
pub mod arg_flag {
    pub const OPTIONAL: u8 = 1 << 0;
    pub const MULTIPLE: u8 = 1 << 1;
    /// With MULTIPLE: the token is repeated before each value.
    pub const MULTIPLE_TOKEN: u8 = 1 << 2;

    /// The names that COMMAND DOCS shows, in its order.
    pub const NAMES: &[(u8, &str)] =
        &[(OPTIONAL, "optional"), (MULTIPLE, "multiple"), (MULTIPLE_TOKEN, "multiple_token")];
}

/// What an argument holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgType {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf,
    Block,
}

impl ArgType {
    /// The name that COMMAND DOCS shows.
    pub const fn name(self) -> &'static str {
        match self {
            ArgType::String => "string",
            ArgType::Integer => "integer",
            ArgType::Double => "double",
            ArgType::Key => "key",
            ArgType::Pattern => "pattern",
            ArgType::UnixTime => "unix-time",
            ArgType::PureToken => "pure-token",
            ArgType::OneOf => "oneof",
            ArgType::Block => "block",
        }
    }

    /// True if the argument consists of others ([`DocArg::args`]).
    pub const fn is_compound(self) -> bool {
        matches!(self, ArgType::OneOf | ArgType::Block)
    }
}

/// One argument of a command, or a part of a compound one.
#[derive(Debug, Clone, Copy)]
pub struct DocArg {
    pub name: &'static str,
    pub kind: ArgType,
    /// Index into the key specs of the command's row.
    pub key_spec_index: Option<u8>,
    pub token: Option<&'static str>,
    pub since: Option<&'static str>,
    pub deprecated_since: Option<&'static str>,
    /// Bits of [`arg_flag`].
    pub flags: u8,
    /// The name to show instead of `name`.
    pub display_text: Option<&'static str>,
    /// Alternatives (`OneOf`) or parts (`Block`).
    pub args: &'static [DocArg],
}

const fn arg(kind: ArgType, name: &'static str) -> DocArg {
    DocArg {
        name,
        kind,
        key_spec_index: None,
        token: None,
        since: None,
        deprecated_since: None,
        flags: 0,
        display_text: None,
        args: &[],
    }
}

const fn string(name: &'static str) -> DocArg {
    arg(ArgType::String, name)
}

const fn integer(name: &'static str) -> DocArg {
    arg(ArgType::Integer, name)
}

const fn double(name: &'static str) -> DocArg {
    arg(ArgType::Double, name)
}

const fn pattern(name: &'static str) -> DocArg {
    arg(ArgType::Pattern, name)
}

const fn unix_time(name: &'static str) -> DocArg {
    arg(ArgType::UnixTime, name)
}

const fn key(name: &'static str, key_spec_index: u8) -> DocArg {
    arg(ArgType::Key, name).key_spec(key_spec_index)
}

/// A word without a value.
const fn token(name: &'static str, token: &'static str) -> DocArg {
    arg(ArgType::PureToken, name).token(token)
}

const fn one_of(name: &'static str, args: &'static [DocArg]) -> DocArg {
    DocArg { args, ..arg(ArgType::OneOf, name) }
}

const fn block(name: &'static str, args: &'static [DocArg]) -> DocArg {
    DocArg { args, ..arg(ArgType::Block, name) }
}

impl DocArg {
    const fn key_spec(self, index: u8) -> DocArg {
        DocArg { key_spec_index: Some(index), ..self }
    }

    const fn token(self, token: &'static str) -> DocArg {
        DocArg { token: Some(token), ..self }
    }

    const fn since(self, version: &'static str) -> DocArg {
        DocArg { since: Some(version), ..self }
    }

    const fn deprecated_since(self, version: &'static str) -> DocArg {
        DocArg { deprecated_since: Some(version), ..self }
    }

    const fn display(self, text: &'static str) -> DocArg {
        DocArg { display_text: Some(text), ..self }
    }

    const fn optional(self) -> DocArg {
        DocArg { flags: self.flags | arg_flag::OPTIONAL, ..self }
    }

    const fn multiple(self) -> DocArg {
        DocArg { flags: self.flags | arg_flag::MULTIPLE, ..self }
    }

    const fn multiple_token(self) -> DocArg {
        DocArg { flags: self.flags | arg_flag::MULTIPLE | arg_flag::MULTIPLE_TOKEN, ..self }
    }

    /// The text that stands for the argument in a syntax line.
    pub fn shown_name(&self) -> &'static str {
        self.display_text.unwrap_or(self.name)
    }
}

static GROUPS: &[&[CommandDoc]] = &[
    bitmap::DOCS,
    cluster::DOCS,
    connection::DOCS,
    generic::DOCS,
    geo::DOCS,
    hash::DOCS,
    hyperloglog::DOCS,
    list::DOCS,
    pubsub::DOCS,
    scripting::DOCS,
    server::DOCS,
    set::DOCS,
    sorted_set::DOCS,
    stream::DOCS,
    string::DOCS,
    transactions::DOCS,
];

/// The documentation of a command by its full lower-case name: `get`, `config|get`.
pub fn find(full_name: &str) -> Option<&'static CommandDoc> {
    GROUPS.iter().find_map(|docs| {
        let at = docs.binary_search_by(|doc| doc.name.cmp(full_name)).ok()?;
        Some(&docs[at])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_args(command: &str, args: &[DocArg]) {
        for (i, arg) in args.iter().enumerate() {
            let dup = args[..i].iter().any(|earlier| earlier.name == arg.name);
            assert!(!dup, "{command}: {} stands twice", arg.name);
            assert_eq!(arg.kind.is_compound(), arg.args.len() > 1, "{command}: {}", arg.name);
            if arg.kind == ArgType::PureToken {
                assert!(arg.token.is_some(), "{command}: {} has no token", arg.name);
            }
            check_args(command, arg.args);
        }
    }

    #[test]
    fn groups_are_sorted_and_every_entry_is_found() {
        let mut seen = std::collections::BTreeSet::new();
        for docs in GROUPS {
            assert!(docs.windows(2).all(|pair| pair[0].name < pair[1].name));
            for doc in *docs {
                assert_eq!(find(doc.name).unwrap().name, doc.name);
                assert!(seen.insert(doc.name), "{} is in two groups", doc.name);
            }
        }
        assert!(find("nosuch").is_none());
        assert!(find("config|nosuch").is_none());
    }

    #[test]
    fn entries_are_complete_and_arguments_well_formed() {
        for doc in GROUPS.iter().flat_map(|docs| docs.iter()) {
            assert!(!doc.summary.is_empty() && !doc.summary.ends_with('.'), "{}", doc.name);
            let deprecated = doc.doc_flags & doc_flag::DEPRECATED != 0;
            assert_eq!(deprecated, doc.deprecated_since.is_some(), "{}", doc.name);
            check_args(doc.name, doc.arguments);
        }
    }
}
