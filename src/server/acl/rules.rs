//! The words of ACL SETUSER and of `user` lines: what each does to a user. The words are applied
//! one after the other to a copy of the user's rules; a wrong one leaves the user as it was.

use super::selector::{KeyPattern, READ, Selector, WRITE};
use super::user::{Rules, hash_password, is_hash};
use crate::commands::acl::NAMES;
use crate::commands::table::{Command, CommandTable};
use crate::util::split_args::split_args;

/// Why a word cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleError {
    UnknownCommand,
    Syntax,
    KeysAfterAll,
    ChannelsAfterAll,
    NoSuchPassword,
    BadHash,
    DuplicateUser,
    FirstArgOfSubcommand,
}

impl RuleError {
    /// Redis' text.
    pub fn text(self) -> &'static str {
        match self {
            RuleError::UnknownCommand => "Unknown command or category name in ACL",
            RuleError::Syntax => "Syntax error",
            RuleError::KeysAfterAll => {
                "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and \
                 does not have any effect. Try 'resetkeys' to start with an empty list of patterns"
            }
            RuleError::ChannelsAfterAll => {
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid \
                 and does not have any effect. Try 'resetchannels' to start with an empty list of \
                 channels"
            }
            RuleError::NoSuchPassword => {
                "The password you are trying to remove from the user does not exist"
            }
            RuleError::BadHash => {
                "The password hash must be exactly 64 characters and contain only lowercase \
                 hexadecimal characters"
            }
            RuleError::DuplicateUser => {
                "Duplicate user found. A user can only be defined once in config files"
            }
            RuleError::FirstArgOfSubcommand => {
                "Allowing first-arg of a subcommand is not supported"
            }
        }
    }
}

/// What rules depend on besides the user they change.
#[derive(Clone, Copy)]
pub struct RuleContext<'a> {
    pub commands: &'a CommandTable,
    /// `acl-pubsub-default allchannels`: new selectors have all channels.
    pub all_channels: bool,
}

/// Blanks and zero bytes are for nobody's name: rules are separated by blanks.
pub fn has_spaces(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, b' ' | b'\t'..=b'\r' | 0))
}

/// Joins the words of selectors, `(+get`, `~a*)`, to one word each. `Err`: index of a parenthesis
/// that is not closed.
pub fn merge_selectors<W: AsRef<[u8]>>(words: &[W]) -> Result<Vec<Vec<u8>>, usize> {
    let mut merged: Vec<Vec<u8>> = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (idx, word) in words.iter().enumerate() {
        let word = word.as_ref();
        let closes = word.last() == Some(&b')');
        match open.take() {
            None if word.first() == Some(&b'(') && !closes => open = Some((idx, word.to_vec())),
            None => merged.push(word.to_vec()),
            Some((start, mut text)) => {
                text.push(b' ');
                text.extend_from_slice(word);
                if closes {
                    merged.push(text);
                } else {
                    open = Some((start, text));
                }
            }
        }
    }
    match open {
        Some((start, _)) => Err(start),
        None => Ok(merged),
    }
}

/// Applies one word to a user.
pub fn apply(cx: RuleContext<'_>, rules: &mut Rules, word: &[u8]) -> Result<(), RuleError> {
    match word.to_ascii_lowercase().as_slice() {
        b"" => {}
        b"on" => rules.enabled = true,
        b"off" => rules.enabled = false,
        b"skip-sanitize-payload" => rules.skip_sanitize_payload = true,
        b"sanitize-payload" => rules.skip_sanitize_payload = false,
        b"nopass" => {
            rules.nopass = true;
            rules.passwords.clear();
        }
        b"resetpass" => {
            rules.nopass = false;
            rules.passwords.clear();
        }
        b"clearselectors" => rules.selectors.truncate(1),
        b"reset" => *rules = Rules::new(cx.commands, cx.all_channels),
        _ => return apply_prefixed(cx, rules, word),
    }
    Ok(())
}

fn apply_prefixed(cx: RuleContext<'_>, rules: &mut Rules, word: &[u8]) -> Result<(), RuleError> {
    let (prefix, rest) = (word[0], &word[1..]);
    match prefix {
        b'>' => add_password(rules, hash_password(rest)),
        b'#' => add_password(rules, checked_hash(rest)?),
        b'<' => return remove_password(rules, &hash_password(rest)),
        b'!' => return remove_password(rules, &checked_hash(rest)?),
        b'(' if rest.ends_with(b")") => {
            let mut selector = Selector::new(cx.commands, cx.all_channels);
            for word in split_args(&rest[..rest.len() - 1]).unwrap_or_default() {
                apply_to_selector(cx.commands, &mut selector, &word)?;
            }
            rules.selectors.push(selector);
        }
        _ => return apply_to_selector(cx.commands, rules.root_mut(), word),
    }
    Ok(())
}

fn checked_hash(text: &[u8]) -> Result<Box<[u8]>, RuleError> {
    if is_hash(text) { Ok(text.into()) } else { Err(RuleError::BadHash) }
}

fn add_password(rules: &mut Rules, hash: Box<[u8]>) {
    if !rules.passwords.contains(&hash) {
        rules.passwords.push(hash);
    }
    rules.nopass = false;
}

fn remove_password(rules: &mut Rules, hash: &[u8]) -> Result<(), RuleError> {
    let at = rules.passwords.iter().position(|known| **known == *hash);
    rules.passwords.remove(at.ok_or(RuleError::NoSuchPassword)?);
    Ok(())
}

/// Applies one word to a selector.
pub fn apply_to_selector(
    commands: &CommandTable,
    selector: &mut Selector,
    word: &[u8],
) -> Result<(), RuleError> {
    match word.to_ascii_lowercase().as_slice() {
        b"allkeys" | b"~*" => {
            selector.all_keys = true;
            selector.keys.clear();
        }
        b"resetkeys" => {
            selector.all_keys = false;
            selector.keys.clear();
        }
        b"allchannels" | b"&*" => {
            selector.all_channels = true;
            selector.channels.clear();
        }
        b"resetchannels" => {
            selector.all_channels = false;
            selector.channels.clear();
        }
        b"allcommands" | b"+@all" => selector.set_all_commands(true),
        b"nocommands" | b"-@all" => selector.set_all_commands(false),
        _ => return apply_pattern_or_command(commands, selector, word),
    }
    Ok(())
}

fn apply_pattern_or_command(
    commands: &CommandTable,
    selector: &mut Selector,
    word: &[u8],
) -> Result<(), RuleError> {
    match word {
        [b'~', glob @ ..] => add_key_pattern(selector, READ | WRITE, glob),
        [b'%', rest @ ..] => {
            if selector.all_keys {
                return Err(RuleError::KeysAfterAll);
            }
            let (access, glob) = key_access(rest)?;
            add_key_pattern(selector, access, glob)
        }
        [b'&', glob @ ..] => add_channel_pattern(selector, glob),
        [sign @ (b'+' | b'-'), name @ ..] => {
            let allow = *sign == b'+';
            match name {
                [b'@', category @ ..] => {
                    let bit = category_bit(category).ok_or(RuleError::UnknownCommand)?;
                    selector.set_category(commands, bit, name, allow);
                    Ok(())
                }
                _ if allow && name.contains(&b'|') => allow_part(commands, selector, name),
                _ => {
                    let command = find(commands, name).ok_or(RuleError::UnknownCommand)?;
                    selector.set_command(command, allow);
                    Ok(())
                }
            }
        }
        _ => Err(RuleError::Syntax),
    }
}

/// The letters between `%` and `~`, and the pattern.
fn key_access(rest: &[u8]) -> Result<(u8, &[u8]), RuleError> {
    let mut access = 0;
    for (i, byte) in rest.iter().enumerate() {
        let bit = match byte.to_ascii_uppercase() {
            b'R' => READ,
            b'W' => WRITE,
            b'~' if access != 0 => return Ok((access, &rest[i + 1..])),
            _ => return Err(RuleError::Syntax),
        };
        if access & bit != 0 {
            return Err(RuleError::Syntax);
        }
        access |= bit;
    }
    // `%R` without a pattern means the empty key.
    if access != 0 { Ok((access, b"")) } else { Err(RuleError::Syntax) }
}

fn add_key_pattern(selector: &mut Selector, access: u8, glob: &[u8]) -> Result<(), RuleError> {
    if selector.all_keys {
        return Err(RuleError::KeysAfterAll);
    }
    if has_spaces(glob) {
        return Err(RuleError::Syntax);
    }
    match selector.keys.iter_mut().find(|known| *known.glob == *glob) {
        Some(known) => known.access |= access,
        None => selector.keys.push(KeyPattern { access, glob: glob.into() }),
    }
    Ok(())
}

fn add_channel_pattern(selector: &mut Selector, glob: &[u8]) -> Result<(), RuleError> {
    if selector.all_channels {
        return Err(RuleError::ChannelsAfterAll);
    }
    if has_spaces(glob) {
        return Err(RuleError::Syntax);
    }
    if !selector.channels.iter().any(|known| **known == *glob) {
        selector.channels.push(glob.into());
    }
    Ok(())
}

/// `+container|sub-command` or `+command|first-argument`.
fn allow_part(
    commands: &CommandTable,
    selector: &mut Selector,
    name: &[u8],
) -> Result<(), RuleError> {
    let bar = name.iter().rposition(|byte| *byte == b'|').expect("the caller saw a bar");
    let (container, part) = (&name[..bar], &name[bar + 1..]);
    let command = find(commands, container).ok_or(RuleError::UnknownCommand)?;
    if command.parent.is_some() {
        return Err(RuleError::FirstArgOfSubcommand);
    }
    if part.is_empty() {
        return Err(RuleError::Syntax);
    }
    if command.subcommands.is_empty() {
        log::warn!(
            "Deprecation warning: Allowing a first arg of an otherwise blocked command is a \
             misuse of ACL and may get disabled in the future (offender: +{})",
            String::from_utf8_lossy(name)
        );
        selector.add_first_arg(command, part);
        return Ok(());
    }
    let sub = find(commands, name).ok_or(RuleError::UnknownCommand)?;
    selector.set_command(sub, true);
    Ok(())
}

/// The bit of a category, by its name in any case.
pub fn category_bit(name: &[u8]) -> Option<u64> {
    let found = NAMES.iter().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name));
    found.map(|(bit, _)| *bit)
}

/// Rules name commands as they were before any `rename-command`.
fn find<'a>(commands: &'a CommandTable, name: &[u8]) -> Option<&'a Command> {
    commands.iter().find(|command| command.full_name.as_bytes().eq_ignore_ascii_case(name))
}
