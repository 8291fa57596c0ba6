//! May this user run this command line? Also with these keys and channels? One selector must allow
//! all of it. Not what happens on a refusal: see the module above.

use super::selector::{READ, Selector, WRITE};
use super::user::{Rules, User};
use crate::commands::key_flag::{ACCESS, DELETE, INSERT, UPDATE};
use crate::commands::keys::{KeyRef, get_keys, has_keys};
use crate::commands::table::{Command, CommandTable};
use crate::commands::{Args, flag};
use crate::util::glob::string_match;

/// Why a command is refused. Ordered: of several selectors' refusals the greatest is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    Command,
    Key,
    Auth,
    Channel,
}

impl Reason {
    /// The word that ACL LOG shows.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Command => "command",
            Reason::Key => "key",
            Reason::Auth => "auth",
            Reason::Channel => "channel",
        }
    }
}

/// A refusal: why, and which argument is to blame (0: the command).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Denial {
    pub reason: Reason,
    pub arg: usize,
}

impl Denial {
    const COMMAND: Denial = Denial { reason: Reason::Command, arg: 0 };

    /// Redis' text without a code. `verbose` names key and channel, as ACL DRYRUN does.
    pub fn message(self, user: &[u8], command: &Command, args: Args<'_>, verbose: bool) -> Vec<u8> {
        let what: &[u8] = match self.reason {
            Reason::Key => b"key",
            Reason::Channel => b"channel",
            Reason::Command | Reason::Auth => {
                let name = command.full_name.as_bytes();
                return [b"User ", user, b" has no permissions to run the '", name, b"' command"]
                    .concat();
            }
        };
        if !verbose {
            return [b"No permissions to access a ", what].concat();
        }
        let object = args.get(self.arg).copied().unwrap_or_default();
        [b"User ", user, b" has no permissions to access the '", object, b"' ", what].concat()
    }

    /// What EXEC says about a command that was allowed when it was queued.
    pub fn exec_reason(self) -> &'static str {
        match self.reason {
            Reason::Command | Reason::Auth => "no permission to execute the command or subcommand",
            Reason::Key => "no permission to touch the specified keys",
            Reason::Channel => "no permission to access one of the channels used as arguments",
        }
    }
}

/// Which arguments of a command are channels: the first, all, or none; and whether they are
/// patterns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Channels {
    None,
    First,
    All { patterns: bool },
}

/// Leaving channels is always allowed.
fn channels_of(command: &Command) -> Channels {
    if command.spec.flags & flag::PUBSUB == 0 || command.parent.is_some() {
        return Channels::None;
    }
    match command.spec.name {
        "publish" | "spublish" => Channels::First,
        "subscribe" | "ssubscribe" => Channels::All { patterns: false },
        "psubscribe" => Channels::All { patterns: true },
        _ => Channels::None,
    }
}

/// A command line with its keys, found when first asked for.
struct Line<'a> {
    command: &'a Command,
    args: Args<'a>,
    keys: Option<Vec<KeyRef>>,
}

impl<'a> Line<'a> {
    fn new(command: &'a Command, args: Args<'a>) -> Line<'a> {
        Line { command, args, keys: None }
    }

    fn keys(&mut self) -> &[KeyRef] {
        let (command, args) = (self.command, self.args);
        self.keys.get_or_insert_with(|| {
            let mut keys = Vec::new();
            get_keys(command.spec, args.0, &mut keys);
            keys
        })
    }

    fn check(&mut self, selector: &Selector) -> Result<(), Denial> {
        let (command, args) = (self.command, self.args);
        let always = command.spec.flags & flag::NO_AUTH != 0;
        if !always && !selector.allows_command(command.id, args.get(1).copied()) {
            return Err(Denial::COMMAND);
        }
        if !selector.all_keys && has_keys(command.spec) {
            for key in self.keys() {
                if !allows_key(selector, args[key.pos], key.flags) {
                    return Err(Denial { reason: Reason::Key, arg: key.pos });
                }
            }
        }
        if selector.all_channels {
            return Ok(());
        }
        let (end, patterns) = match channels_of(command) {
            Channels::None => return Ok(()),
            Channels::First => (2, false),
            Channels::All { patterns } => (args.len(), patterns),
        };
        for arg in 1..end.min(args.len()) {
            if !channel_matches(&selector.channels, args[arg], patterns) {
                return Err(Denial { reason: Reason::Channel, arg });
            }
        }
        Ok(())
    }
}

/// What must be allowed for what a command does with a key. Commands that only look whether a key
/// is there ask for nothing: any pattern does.
fn wanted_access(flags: u32) -> u8 {
    let read = if flags & ACCESS != 0 { READ } else { 0 };
    let write = if flags & (INSERT | DELETE | UPDATE) != 0 { WRITE } else { 0 };
    read | write
}

fn allows_key(selector: &Selector, key: &[u8], flags: u32) -> bool {
    let wanted = wanted_access(flags);
    selector.all_keys
        || selector.keys.iter().any(|pattern| {
            pattern.access & wanted == wanted && string_match(&pattern.glob, key, false)
        })
}

/// A channel against patterns. A pattern to subscribe to must be one of them, letter by letter.
pub fn channel_matches(patterns: &[Box<[u8]>], channel: &[u8], is_pattern: bool) -> bool {
    patterns.iter().any(|known| match is_pattern {
        true => **known == *channel,
        false => string_match(known, channel, false),
    })
}

/// May the user run this line? `None`: nobody asks (a master, the AOF).
///
/// If no selector allows it, the refusal that came closest is returned: the command is refused only
/// if no selector has it, else the last key or channel that did not fit.
pub fn check_command(user: Option<&User>, command: &Command, args: Args<'_>) -> Result<(), Denial> {
    let Some(user) = user.filter(|user| !user.is_unrestricted()) else { return Ok(()) };
    let mut line = Line::new(command, args);
    let mut worst = Denial::COMMAND;
    for selector in &user.rules().selectors {
        match line.check(selector) {
            Ok(()) => return Ok(()),
            Err(denial) => worst = worst.max(denial),
        }
    }
    Err(worst)
}

/// May the user run this line and read every key there is (SORT with BY or GET)?
pub fn check_reading_all_keys(user: Option<&User>, command: &Command, args: Args<'_>) -> bool {
    let Some(user) = user.filter(|user| !user.is_unrestricted()) else { return true };
    let mut line = Line::new(command, args);
    user.rules().selectors.iter().any(|selector| {
        let reads_all = selector.all_keys
            || selector.keys.iter().any(|p| p.access & READ != 0 && *p.glob == *b"*");
        reads_all && line.check(selector).is_ok()
    })
}

/// The channels that are left to a user by new rules, if any of the old ones is gone.
pub fn remaining_channels(new: &Rules, old: &Rules) -> Option<Vec<Box<[u8]>>> {
    if new.selectors.iter().any(|selector| selector.all_channels) {
        return None;
    }
    let left: Vec<Box<[u8]>> =
        new.selectors.iter().flat_map(|selector| selector.channels.iter().cloned()).collect();
    let kept = |selector: &Selector| {
        !selector.all_channels && selector.channels.iter().all(|channel| left.contains(channel))
    };
    if old.selectors.iter().all(kept) { None } else { Some(left) }
}

/// The command that argv names, with the sub-command if it has some.
pub fn find_command<'a>(commands: &'a CommandTable, args: Args<'_>) -> Option<&'a Command> {
    let command = commands.lookup(args.first()?)?;
    match args.get(1) {
        Some(sub) if !command.subcommands.is_empty() => commands.lookup_sub(command, sub),
        _ => Some(command),
    }
}
