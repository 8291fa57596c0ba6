//! COMMAND and its sub-commands: what the command table and the documentation say, as replies.
//! Nothing is decided here; a fact that is wrong in a reply is wrong in a row. Commands appear in
//! table order, those that `rename-command` removed not at all.

use crate::commands::args::is_option;
use crate::commands::docs::{self, CommandDoc, DocArg, arg_flag, doc_flag};
use crate::commands::help::reply_help;
use crate::commands::keys::{self, KeyRef};
use crate::commands::spec::{Begin, Find, KeySpec};
use crate::commands::table::{Command, CommandTable};
use crate::commands::{Args, CmdResult, Ctx, ReplyError, acl, flag, key_flag};
use crate::protocol::reply::{Aggregate, Reply};
use crate::util::glob::string_match;

/// COMMAND
pub fn command(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    reply_all_info(&mut ctx.client.reply, &ctx.server.commands);
    Ok(())
}

/// COMMAND COUNT
pub fn command_count(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.client.reply.count(ctx.server.commands.named().len());
    Ok(())
}

/// COMMAND INFO [name ...]
pub fn command_info(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (reply, table) = (&mut ctx.client.reply, &ctx.server.commands);
    let names = &args[2..];
    if names.is_empty() {
        reply_all_info(reply, table);
        return Ok(());
    }
    reply.array(names.len());
    for name in names {
        match table.lookup_full(name) {
            Some(command) => reply_info(reply, table, command),
            None => reply.null(),
        }
    }
    Ok(())
}

/// COMMAND DOCS [name ...]
pub fn command_docs(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let table = &ctx.server.commands;
    let names = &args[2..];
    let commands: Vec<&Command> = if names.is_empty() {
        table.named()
    } else {
        names.iter().filter_map(|name| table.lookup_full(name)).collect()
    };
    reply_docs_map(&mut ctx.client.reply, table, &commands);
    Ok(())
}

/// COMMAND LIST [FILTERBY <MODULE name | ACLCAT category | PATTERN pattern>]
pub fn command_list(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let filter = ListFilter::parse(&args[2..])?;
    let (reply, table) = (&mut ctx.client.reply, &ctx.server.commands);
    let mut len = 0;
    let header = reply.deferred();
    for command in table.named() {
        let subcommands = command.subcommands.iter().map(|id| table.get(*id));
        for command in std::iter::once(command).chain(subcommands) {
            if filter.passes(command) {
                reply.bulk_str(&command.full_name);
                len += 1;
            }
        }
    }
    reply.close_deferred(header, Aggregate::Array, len);
    Ok(())
}

/// COMMAND GETKEYS command-line
pub fn command_getkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let line = &args[2..];
    let keys = keys_of_line(&ctx.server.commands, line)?;
    let reply = &mut ctx.client.reply;
    reply.array(keys.len());
    for key in keys {
        reply.bulk(line[key.pos]);
    }
    Ok(())
}

/// COMMAND GETKEYSANDFLAGS command-line
pub fn command_getkeysandflags(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let line = &args[2..];
    let keys = keys_of_line(&ctx.server.commands, line)?;
    let reply = &mut ctx.client.reply;
    reply.array(keys.len());
    for key in keys {
        reply.array(2);
        reply.bulk(line[key.pos]);
        reply_names(reply, u64::from(key.flags), key_flag::NAMES);
    }
    Ok(())
}

/// COMMAND HELP
pub fn command_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    const LINES: &[&str] = &[
        "(no subcommand)",
        "    Describe every command.",
        "COUNT",
        "    Count the commands.",
        "LIST [FILTERBY <MODULE <name>|ACLCAT <category>|PATTERN <pattern>>]",
        "    Name the commands and sub-commands, or those that pass the filter.",
        "INFO [<command-name> ...]",
        "    Describe the named commands, or all if none is named.",
        "DOCS [<command-name> ...]",
        "    Return the documentation of the named commands, or of all.",
        "GETKEYS <full-command>",
        "    Pick the keys out of a command line.",
        "GETKEYSANDFLAGS <full-command>",
        "    Pick the keys out of a command line, each with its access flags.",
    ];
    reply_help(&mut ctx.client.reply, args[0], LINES);
    Ok(())
}

/// Which commands COMMAND LIST names.
enum ListFilter<'a> {
    All,
    /// Commands of a module; modules cannot be loaded, so there are none.
    Module,
    /// Commands of a category; 0 = no such category, nothing passes.
    AclCategory(u64),
    Pattern(&'a [u8]),
}

impl<'a> ListFilter<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<ListFilter<'a>, ReplyError> {
        match args {
            [] => Ok(ListFilter::All),
            [filterby, kind, value] if is_option(filterby, "filterby") => {
                if is_option(kind, "module") {
                    Ok(ListFilter::Module)
                } else if is_option(kind, "aclcat") {
                    let named = acl::NAMES.iter().find(|(_, name)| is_option(value, name));
                    Ok(ListFilter::AclCategory(named.map_or(0, |(bit, _)| *bit)))
                } else if is_option(kind, "pattern") {
                    Ok(ListFilter::Pattern(value))
                } else {
                    Err(ReplyError::SYNTAX)
                }
            }
            _ => Err(ReplyError::SYNTAX),
        }
    }

    fn passes(&self, command: &Command) -> bool {
        match self {
            ListFilter::All => true,
            ListFilter::Module => false,
            ListFilter::AclCategory(category) => command.spec.acl & category != 0,
            ListFilter::Pattern(pattern) => {
                string_match(pattern, command.full_name.as_bytes(), true)
            }
        }
    }
}

/// The keys of a whole command line. Errors: "ERR Invalid command specified", and those of
/// [`keys::checked_keys`].
fn keys_of_line(table: &CommandTable, line: &[&[u8]]) -> Result<Vec<KeyRef>, ReplyError> {
    let command = line.first().and_then(|name| table.lookup(name));
    let command = match (command, line.get(1)) {
        (Some(container), Some(name)) if !container.subcommands.is_empty() => {
            table.lookup_sub(container, name)
        }
        (command, _) => command,
    };
    let command = command.ok_or(ReplyError::fixed("ERR Invalid command specified"))?;
    keys::checked_keys(command.spec, line)
}

/// A set of the names whose bits are on, as simple strings.
fn reply_names<Bits: Copy + Into<u64>>(reply: &mut Reply, bits: u64, names: &[(Bits, &str)]) {
    let on = |(bit, _): &&(Bits, &str)| bits & (*bit).into() != 0;
    reply.set(names.iter().filter(on).count());
    for (_, name) in names.iter().filter(on) {
        reply.simple(name);
    }
}

fn reply_all_info(reply: &mut Reply, table: &CommandTable) {
    let commands = table.named();
    reply.array(commands.len());
    for command in commands {
        reply_info(reply, table, command);
    }
}

/// The ten elements that describe a command, its sub-commands (likewise) last.
fn reply_info(reply: &mut Reply, table: &CommandTable, command: &Command) {
    let spec = command.spec;
    let range = keys::legacy_range(spec.keys);
    reply.array(10);
    reply.bulk_str(&command.full_name);
    reply.int(i64::from(spec.arity));
    reply_names(reply, spec.flags, flag::NAMES);
    reply.int(i64::from(range.first));
    reply.int(i64::from(range.last));
    reply.int(i64::from(range.step));
    reply_acl_categories(reply, spec.acl);
    reply.set(spec.tips.len());
    for tip in spec.tips {
        reply.bulk_str(tip);
    }
    reply.set(spec.keys.len());
    for key in spec.keys {
        reply_key_spec(reply, key);
    }
    if command.subcommands.is_empty() {
        reply.set(0);
        return;
    }
    reply.array(command.subcommands.len());
    for id in &command.subcommands {
        reply_info(reply, table, table.get(*id));
    }
}

fn reply_acl_categories(reply: &mut Reply, categories: u64) {
    let on = |(bit, _): &&(u64, &str)| categories & bit != 0;
    reply.set(acl::NAMES.iter().filter(on).count());
    for (_, name) in acl::NAMES.iter().filter(on) {
        reply.simple(&format!("@{name}"));
    }
}

fn reply_key_spec(reply: &mut Reply, spec: &KeySpec) {
    reply.map(3 + usize::from(spec.notes.is_some()));
    if let Some(notes) = spec.notes {
        reply_text(reply, "notes", notes);
    }
    reply.bulk_str("flags");
    reply_names(reply, u64::from(spec.flags), key_flag::NAMES);
    reply.bulk_str("begin_search");
    match spec.begin {
        Begin::Index(pos) => {
            reply_search(reply, "index", 1);
            reply_number(reply, "index", pos);
        }
        Begin::Keyword { keyword, startfrom } => {
            reply_search(reply, "keyword", 2);
            reply_text(reply, "keyword", keyword);
            reply_number(reply, "startfrom", startfrom);
        }
        Begin::Unknown => reply_search(reply, "unknown", 0),
    }
    reply.bulk_str("find_keys");
    match spec.find {
        Find::Range { lastkey, step, limit } => {
            reply_search(reply, "range", 3);
            reply_number(reply, "lastkey", lastkey);
            reply_number(reply, "keystep", step);
            reply_number(reply, "limit", limit);
        }
        Find::KeyNum { keynumidx, firstkey, step } => {
            reply_search(reply, "keynum", 3);
            reply_number(reply, "keynumidx", keynumidx);
            reply_number(reply, "firstkey", firstkey);
            reply_number(reply, "keystep", step);
        }
        Find::Unknown => reply_search(reply, "unknown", 0),
    }
}

/// The start of a key spec's half: its type, and the header of a map of `pairs` numbers.
fn reply_search(reply: &mut Reply, kind: &str, pairs: usize) {
    reply.map(2);
    reply_text(reply, "type", kind);
    reply.bulk_str("spec");
    reply.map(pairs);
}

fn reply_text(reply: &mut Reply, name: &str, text: &str) {
    reply.bulk_str(name);
    reply.bulk_str(text);
}

fn reply_number(reply: &mut Reply, name: &str, number: i32) {
    reply.bulk_str(name);
    reply.int(i64::from(number));
}

fn reply_docs_map(reply: &mut Reply, table: &CommandTable, commands: &[&Command]) {
    reply.map(commands.len());
    for command in commands {
        reply.bulk_str(&command.full_name);
        reply_docs(reply, table, command);
    }
}

/// The documentation of one command: only the fields that it has.
fn reply_docs(reply: &mut Reply, table: &CommandTable, command: &Command) {
    let doc = docs::find(&command.full_name).unwrap_or(const { &CommandDoc::DEFAULT });
    let texts = [("complexity", doc.complexity)];
    let later_texts =
        [("deprecated_since", doc.deprecated_since), ("replaced_by", doc.replaced_by)];
    let optional = texts.iter().chain(&later_texts).filter(|(_, text)| text.is_some()).count()
        + usize::from(doc.doc_flags != 0)
        + usize::from(!doc.history.is_empty())
        + usize::from(!doc.arguments.is_empty())
        + usize::from(!command.subcommands.is_empty());
    reply.map(3 + optional);
    reply_text(reply, "summary", doc.summary);
    reply_text(reply, "since", command.spec.since);
    reply_text(reply, "group", command.spec.group.name());
    reply_present(reply, &texts);
    if doc.doc_flags != 0 {
        reply.bulk_str("doc_flags");
        reply_names(reply, u64::from(doc.doc_flags), doc_flag::NAMES);
    }
    reply_present(reply, &later_texts);
    if !doc.history.is_empty() {
        reply.bulk_str("history");
        reply.set(doc.history.len());
        for (version, change) in doc.history {
            reply.array(2);
            reply.bulk_str(version);
            reply.bulk_str(change);
        }
    }
    if !doc.arguments.is_empty() {
        reply.bulk_str("arguments");
        reply_doc_args(reply, doc.arguments);
    }
    if !command.subcommands.is_empty() {
        reply.bulk_str("subcommands");
        let subcommands: Vec<&Command> =
            command.subcommands.iter().map(|id| table.get(*id)).collect();
        reply_docs_map(reply, table, &subcommands);
    }
}

/// Name and text of those fields that there are.
fn reply_present(reply: &mut Reply, fields: &[(&str, Option<&str>)]) {
    for (name, text) in fields {
        if let Some(text) = text {
            reply_text(reply, name, text);
        }
    }
}

fn reply_doc_args(reply: &mut Reply, args: &[DocArg]) {
    reply.array(args.len());
    for arg in args {
        let compound = arg.kind.is_compound();
        let texts = [
            ("token", arg.token),
            ("since", arg.since),
            ("deprecated_since", arg.deprecated_since),
        ];
        let optional = texts.iter().filter(|(_, text)| text.is_some()).count()
            + usize::from(arg.key_spec_index.is_some())
            + usize::from(arg.flags != 0);
        // A compound argument shows its parts, any other its display text.
        reply.map(3 + optional);
        reply_text(reply, "name", arg.name);
        reply_text(reply, "type", arg.kind.name());
        if !compound {
            reply_text(reply, "display_text", arg.shown_name());
        }
        if let Some(index) = arg.key_spec_index {
            reply_number(reply, "key_spec_index", i32::from(index));
        }
        reply_present(reply, &texts);
        if arg.flags != 0 {
            reply.bulk_str("flags");
            reply_names(reply, u64::from(arg.flags), arg_flag::NAMES);
        }
        if compound {
            reply.bulk_str("arguments");
            reply_doc_args(reply, arg.args);
        }
    }
}
