//! `Selector`: one set of permissions of a user: commands, keys, channels. Not what the words of a
//! rule mean (`rules`) and not the policy of several selectors (`check`).
//!
//! Invariant: the bits of `allowed`, `first_args` and `future` are what `command_rules`, applied
//! one after the other to "all" or "none", give; so printing the rules loses nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::table::{Command, CommandId, CommandTable};

/// Reading keys is allowed.
pub const READ: u8 = 1;
/// Writing keys is allowed.
pub const WRITE: u8 = 2;

/// Keys that may be used, and for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern {
    /// [`READ`], [`WRITE`] or both.
    pub access: u8,
    pub glob: Box<[u8]>,
}

impl KeyPattern {
    /// `alone`: no pattern stands beside it. `~*` beside others could not be read again, since it
    /// means all keys and takes no pattern after it.
    fn describe(&self, alone: bool, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.access {
            READ => b"%R~",
            WRITE => b"%W~",
            _ if *self.glob == *b"*" && !alone => b"%RW~",
            _ => b"~",
        });
        out.extend_from_slice(&self.glob);
    }
}

/// `+name` or `-name`; the name is that of a command, of a category (`@set`), or a command with a
/// first argument (`select|0`), in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRule {
    pub allow: bool,
    pub name: Box<[u8]>,
}

/// A set of commands: a bit for each id.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct CommandSet(Box<[u64]>);

impl CommandSet {
    fn new(commands: usize) -> CommandSet {
        CommandSet(vec![0; commands.div_ceil(64)].into())
    }

    #[inline]
    fn has(&self, id: CommandId) -> bool {
        let at = usize::from(id.0);
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn assign(&mut self, id: CommandId, on: bool) {
        let at = usize::from(id.0);
        if let Some(word) = self.0.get_mut(at / 64) {
            let bit = 1 << (at % 64);
            if on { *word |= bit } else { *word &= !bit }
        }
    }

    fn is_full(&self) -> bool {
        self.0.iter().all(|word| *word == u64::MAX)
    }

    fn fill(&mut self, on: bool) {
        self.0.fill(if on { u64::MAX } else { 0 });
    }
}

/// What a user may do; see the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    pub all_keys: bool,
    pub all_channels: bool,
    /// The rules begin with `+@all` and take nothing away: every bit is set.
    pub all_commands: bool,
    /// The rules begin with `+@all`: commands that do not exist yet are allowed, too.
    future: bool,
    allowed: CommandSet,
    /// First arguments, in lower case, with which a command is allowed although its bit is not
    /// set.
    first_args: BTreeMap<CommandId, BTreeSet<Box<[u8]>>>,
    pub keys: Vec<KeyPattern>,
    pub channels: Vec<Box<[u8]>>,
    command_rules: Vec<CommandRule>,
}

impl Selector {
    /// Without any permission, save perhaps for all channels (`acl-pubsub-default`).
    pub fn new(commands: &CommandTable, all_channels: bool) -> Selector {
        Selector {
            all_keys: false,
            all_channels,
            all_commands: false,
            future: false,
            allowed: CommandSet::new(commands.len()),
            first_args: BTreeMap::new(),
            keys: Vec::new(),
            channels: Vec::new(),
            command_rules: Vec::new(),
        }
    }

    /// Nothing is forbidden.
    pub fn is_unrestricted(&self) -> bool {
        self.all_keys && self.all_channels && self.all_commands
    }

    /// The command itself is allowed, whatever its keys are. `first`: its first argument.
    #[inline]
    pub fn allows_command(&self, id: CommandId, first: Option<&[u8]>) -> bool {
        self.all_commands || self.allowed.has(id) || self.allows_first_arg(id, first)
    }

    fn allows_first_arg(&self, id: CommandId, first: Option<&[u8]>) -> bool {
        let (Some(first), Some(known)) = (first, self.first_args.get(&id)) else { return false };
        known.iter().any(|arg| arg.eq_ignore_ascii_case(first))
    }

    /// `+@all` or `-@all`.
    pub fn set_all_commands(&mut self, allow: bool) {
        self.allowed.fill(allow);
        self.all_commands = allow;
        self.future = allow;
        self.first_args.clear();
        self.command_rules.clear();
    }

    /// A command with its sub-commands.
    pub fn set_command(&mut self, command: &Command, allow: bool) {
        self.set_bits(command, allow);
        self.remember(allow, command.full_name.as_bytes());
    }

    /// All commands of a category; `name` begins with `@`.
    pub fn set_category(&mut self, table: &CommandTable, bit: u64, name: &[u8], allow: bool) {
        for command in table.iter().filter(|command| command.spec.acl & bit != 0) {
            self.set_bits(command, allow);
        }
        self.remember(allow, name);
    }

    /// Allows a command without sub-commands for one first argument.
    pub fn add_first_arg(&mut self, command: &Command, arg: &[u8]) {
        self.first_args.entry(command.id).or_default().insert(arg.to_ascii_lowercase().into());
        let name = [command.full_name.as_bytes(), b"|", arg].concat();
        self.remember(true, &name);
    }

    fn set_bits(&mut self, command: &Command, allow: bool) {
        for id in std::iter::once(&command.id).chain(&command.subcommands) {
            self.allowed.assign(*id, allow);
        }
        self.all_commands = self.future && self.allowed.is_full();
        self.first_args.remove(&command.id);
    }

    /// The last rule about a command counts; one about a container replaces those about its
    /// sub-commands.
    fn remember(&mut self, allow: bool, name: &[u8]) {
        let name = name.to_ascii_lowercase();
        self.command_rules.retain(|rule| {
            let rest = rule.name.strip_prefix(name.as_slice());
            !rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'|')
        });
        self.command_rules.push(CommandRule { allow, name: name.into() });
    }

    /// `+@all` or `-@all` and what follows it.
    pub fn describe_commands(&self) -> Vec<u8> {
        let mut out = if self.future { b"+@all".to_vec() } else { b"-@all".to_vec() };
        for rule in &self.command_rules {
            out.extend_from_slice(if rule.allow { b" +" } else { b" -" });
            out.extend_from_slice(&rule.name);
        }
        out
    }

    /// The key patterns, separated by blanks.
    pub fn describe_keys(&self) -> Vec<u8> {
        if self.all_keys {
            return b"~*".to_vec();
        }
        let mut out = Vec::new();
        for (i, pattern) in self.keys.iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            pattern.describe(self.keys.len() == 1, &mut out);
        }
        out
    }

    /// The channel patterns, separated by blanks.
    pub fn describe_channels(&self) -> Vec<u8> {
        if self.all_channels {
            return b"&*".to_vec();
        }
        let patterns: Vec<Vec<u8>> =
            self.channels.iter().map(|channel| [b"&", &channel[..]].concat()).collect();
        patterns.join(&b' ')
    }

    /// The rules that make this selector, in the order in which Redis prints them.
    pub fn describe(&self) -> Vec<u8> {
        let mut parts = vec![self.describe_keys()];
        if !self.all_channels {
            parts.push(b"resetchannels".to_vec());
        }
        parts.push(self.describe_channels());
        parts.push(self.describe_commands());
        parts.retain(|part| !part.is_empty());
        parts.join(&b' ')
    }
}
