//! Where the keys of a command line are: by the key specs of its row, or by a function for the
//! commands whose keys no spec describes. Not the policy that uses them (cluster redirection, ACL,
//! client tracking). Command lines come from clients: any shape of argv gives an answer, at worst
//! no key at all; the handler reports the syntax error then.
//!
//! Two entries, as callers want different things: [`get_keys`] knows what the command does with
//! each key but leaves out shard channels; [`routing_keys`] counts them in, without flags.

use super::args::is_option;
use super::key_flag::{ACCESS, DELETE, INCOMPLETE, NOT_KEY, OW, RO, RW, UPDATE, VARIABLE_FLAGS};
use super::spec::{Begin, CommandSpec, Find, GetKeys, KeySpec};
use super::{ReplyError, flag};
use crate::protocol::number;

/// A key of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyRef {
    /// Index into argv, always valid.
    pub pos: usize,
    /// Bits of [`super::key_flag`]; 0 = not known.
    pub flags: u32,
}

/// The range that COMMAND INFO shows as first key, last key and step, for clients older than key
/// specs. A negative `last` counts from the end; all three are 0 if no range fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LegacyRange {
    pub first: i32,
    pub last: i32,
    pub step: i32,
    /// The range misses some keys, or names too many: the command is to have `MOVABLE_KEYS`.
    pub movable: bool,
}

/// A spec did not fit the command line.
struct InvalidSpec;

/// True if the command may have keys. Shard channels are none.
pub fn has_keys(spec: &CommandSpec) -> bool {
    spec.get_keys.is_some() || spec.keys.iter().any(|key| key.flags & NOT_KEY == 0)
}

/// The keys of `argv` with what the command does to them, into `out` (cleared first). Empty if
/// there are none or the line is malformed.
pub fn get_keys(spec: &CommandSpec, argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    out.clear();
    let has_specs = spec.keys.iter().any(|key| key.flags & NOT_KEY == 0);
    let vague = spec.keys.iter().any(|key| key.flags & VARIABLE_FLAGS != 0);
    if has_specs && !vague && by_specs(spec, argv, out).is_ok() {
        return;
    }
    out.clear();
    if let Some(function) = spec.get_keys {
        by_function(function, argv, out);
    }
}

/// The keys and shard channels of `argv` that decide about its cluster slot, into `out` (cleared
/// first). Flags may be 0.
pub fn routing_keys(spec: &CommandSpec, argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    out.clear();
    match spec.get_keys {
        Some(function) => by_function(function, argv, out),
        None => by_legacy_range(legacy_range(spec.keys), argv, out),
    }
}

/// The keys for COMMAND GETKEYS, which wants a reason if there are none.
///
/// Errors: "ERR The command has no key arguments", "ERR Invalid number of arguments specified for
/// command", "ERR Invalid arguments specified for command".
pub fn checked_keys(spec: &CommandSpec, argv: &[&[u8]]) -> Result<Vec<KeyRef>, ReplyError> {
    const NO_KEYS: ReplyError = ReplyError::fixed("ERR The command has no key arguments");
    const ARITY: ReplyError =
        ReplyError::fixed("ERR Invalid number of arguments specified for command");
    const INVALID: ReplyError = ReplyError::fixed("ERR Invalid arguments specified for command");
    if !has_keys(spec) {
        return Err(NO_KEYS);
    }
    let argc = i64::try_from(argv.len()).map_err(|_| ARITY)?;
    let arity = i64::from(spec.arity);
    if (arity > 0 && arity != argc) || argc < -arity {
        return Err(ARITY);
    }
    let mut keys = Vec::new();
    get_keys(spec, argv, &mut keys);
    if keys.is_empty() && spec.flags & flag::NO_MANDATORY_KEYS == 0 {
        return Err(INVALID);
    }
    Ok(keys)
}

/// The legacy range of a command: its spec if it has just one range, else what consecutive ranges
/// of step 1 cover together.
pub fn legacy_range(specs: &[KeySpec]) -> LegacyRange {
    if specs.is_empty() {
        return LegacyRange::default();
    }
    let mut range = LegacyRange::default();
    let mut found = false;
    for spec in specs {
        let (Begin::Index(pos), Find::Range { lastkey, step, .. }) = (spec.begin, spec.find) else {
            range.movable = true;
            continue;
        };
        let follows = !found || range.last == pos - 1;
        if specs.len() > 1 && (step != 1 || !follows) {
            range.movable = true;
            continue;
        }
        range.movable |= spec.flags & INCOMPLETE != 0;
        let last = if lastkey >= 0 { lastkey + pos } else { lastkey };
        if !found {
            range.first = pos;
            range.step = step;
        }
        range.last = last;
        found = true;
    }
    range.movable |= !found;
    range
}

fn by_legacy_range(range: LegacyRange, argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    let argc = i64::try_from(argv.len()).unwrap_or(i64::MAX);
    let first = i64::from(range.first);
    let last = i64::from(range.last) + if range.last < 0 { argc } else { 0 };
    if range.first == 0 || last >= argc {
        return;
    }
    push_range(first, last, i64::from(range.step), 0, out);
}

fn push_range(first: i64, last: i64, step: i64, flags: u32, out: &mut Vec<KeyRef>) {
    let mut at = first;
    while at <= last {
        if let Ok(pos) = usize::try_from(at) {
            out.push(KeyRef { pos, flags });
        }
        at += step.max(1);
    }
}

fn by_specs(spec: &CommandSpec, argv: &[&[u8]], out: &mut Vec<KeyRef>) -> Result<(), InvalidSpec> {
    for key in spec.keys.iter().filter(|key| key.flags & NOT_KEY == 0) {
        by_spec(key, argv, out)?;
    }
    Ok(())
}

fn by_spec(key: &KeySpec, argv: &[&[u8]], out: &mut Vec<KeyRef>) -> Result<(), InvalidSpec> {
    let argc = i64::try_from(argv.len()).map_err(|_| InvalidSpec)?;
    let begin = match key.begin {
        Begin::Index(pos) => i64::from(pos),
        Begin::Keyword { keyword, startfrom } => match find_keyword(keyword, startfrom, argv) {
            Some(at) => at,
            None => return Ok(()),
        },
        Begin::Unknown => return Err(InvalidSpec),
    };
    let (first, last, step) = match key.find {
        Find::Range { lastkey, step, limit } => {
            (begin, last_of_range(begin, argc, i64::from(lastkey), i64::from(limit)), step)
        }
        Find::KeyNum { keynumidx, firstkey, step } => {
            let at = usize::try_from(begin + i64::from(keynumidx)).map_err(|_| InvalidSpec)?;
            let count = argv.get(at).and_then(|arg| number::parse_i64(arg)).ok_or(InvalidSpec)?;
            let first = begin + i64::from(firstkey);
            // A count beyond the line, of whatever size, makes `last` too big.
            (first, first.saturating_add(count.max(0)) - 1, step)
        }
        Find::Unknown => return Err(InvalidSpec),
    };
    if first >= argc || last >= argc || last < first {
        return Err(InvalidSpec);
    }
    push_range(first, last, i64::from(step), key.flags, out);
    if key.flags & INCOMPLETE != 0 {
        return Err(InvalidSpec);
    }
    Ok(())
}

/// The last key of a range that begins at `begin`. A `limit` of n: the keys are the first n-th of
/// the rest of the line.
fn last_of_range(begin: i64, argc: i64, lastkey: i64, limit: i64) -> i64 {
    if lastkey >= 0 {
        begin + lastkey
    } else if limit == 0 {
        argc + lastkey
    } else {
        begin + (argc - begin) / limit + lastkey
    }
}

/// The position behind a keyword. A keyword cannot be the last argument; a search from the end does
/// not reach argument 1.
fn find_keyword(keyword: &str, startfrom: i32, argv: &[&[u8]]) -> Option<i64> {
    let start = usize::try_from(startfrom.unsigned_abs()).ok()?;
    let is_keyword = |&at: &usize| is_option(argv[at], keyword);
    let at = if startfrom > 0 {
        (start..argv.len().saturating_sub(1)).find(is_keyword)
    } else {
        (2..(argv.len() + 1).saturating_sub(start)).rev().find(is_keyword)
    };
    i64::try_from(at? + 1).ok()
}

fn by_function(function: GetKeys, argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    match function {
        GetKeys::ZunionInterDiff | GetKeys::SintercardKeys | GetKeys::Lmpop | GetKeys::Zmpop => {
            counted_keys(None, 1, argv, out)
        }
        GetKeys::Eval | GetKeys::FunctionCall | GetKeys::Blmpop | GetKeys::Bzmpop => {
            counted_keys(None, 2, argv, out)
        }
        GetKeys::ZunionInterDiffStore => counted_keys(Some(1), 2, argv, out),
        GetKeys::Set => set_keys(argv, out),
        GetKeys::Bitfield => bitfield_keys(argv, out),
        GetKeys::SortRo => push_checked(1, RO | ACCESS, argv, out),
        GetKeys::Sort => sort_keys(argv, out),
        GetKeys::Migrate => migrate_keys(argv, out),
        GetKeys::Georadius => georadius_keys(argv, out),
        GetKeys::Xread => xread_keys(argv, out),
    }
}

fn push_checked(pos: usize, flags: u32, argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    if pos < argv.len() {
        out.push(KeyRef { pos, flags });
    }
}

/// `numkeys key [key ...]`, the count at `count_at`, and perhaps a destination before it. The count
/// is read as C's `atoi` does, since an EVAL of "2x" is refused by the command and not here.
fn counted_keys(dest: Option<usize>, count_at: usize, argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    let Some(count) = argv.get(count_at).map(|arg| leading_int(arg)) else { return };
    let first = count_at + 1;
    let Ok(count) = usize::try_from(count) else { return };
    if count == 0 || count > argv.len() - first {
        return;
    }
    out.extend((first..first + count).map(|pos| KeyRef { pos, flags: 0 }));
    out.extend(dest.map(|pos| KeyRef { pos, flags: 0 }));
}

/// The number at the start of `arg`, as far as it is one; 0 if it is none or does not fit.
fn leading_int(arg: &[u8]) -> i32 {
    let arg = arg.trim_ascii_start();
    let (negative, digits) = match arg.first() {
        Some(b'-') => (true, &arg[1..]),
        Some(b'+') => (false, &arg[1..]),
        _ => (false, arg),
    };
    let mut value: i32 = 0;
    for byte in digits.iter().take_while(|byte| byte.is_ascii_digit()) {
        let next = value.checked_mul(10).and_then(|v| v.checked_add(i32::from(byte - b'0')));
        match next {
            Some(next) => value = next,
            None => return 0,
        }
    }
    if negative { -value } else { value }
}

/// SET reads the old value only with GET.
fn set_keys(argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    let reads = argv.iter().skip(3).any(|arg| is_option(arg, "get"));
    let flags = if reads { RW | ACCESS | UPDATE } else { OW | UPDATE };
    push_checked(1, flags, argv, out);
}

/// BITFIELD writes unless all its operations are GET; a malformed line counts as writing.
fn bitfield_keys(argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    let mut writes = false;
    let mut i = 2;
    while i < argv.len() && !writes {
        let rest = argv.len() - i - 1;
        if is_option(argv[i], "get") && rest >= 2 {
            i += 3;
        } else if is_option(argv[i], "overflow") && rest >= 1 {
            i += 2;
        } else {
            writes = true;
        }
    }
    let flags = if writes { RW | ACCESS | UPDATE } else { RO | ACCESS };
    push_checked(1, flags, argv, out);
}

/// SORT: the sorted key, and the destination of the last STORE. Keys that BY and GET patterns reach
/// depend on the data.
fn sort_keys(argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    push_checked(1, RO | ACCESS, argv, out);
    let mut store = None;
    let mut i = 2;
    while i < argv.len() {
        if is_option(argv[i], "limit") {
            i += 2;
        } else if is_option(argv[i], "get") || is_option(argv[i], "by") {
            i += 1;
        } else if is_option(argv[i], "store") && i + 1 < argv.len() {
            store = Some(i + 1);
        }
        i += 1;
    }
    out.extend(store.map(|pos| KeyRef { pos, flags: OW | UPDATE }));
}

/// MIGRATE: argument 3, or, if that is empty, all that follow KEYS. A name in both places is a
/// syntax error: no keys.
fn migrate_keys(argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    const FLAGS: u32 = RW | ACCESS | DELETE;
    let mut i = 6;
    while i < argv.len() {
        if is_option(argv[i], "keys") {
            if argv[3].is_empty() {
                out.extend((i + 1..argv.len()).map(|pos| KeyRef { pos, flags: FLAGS }));
            }
            return;
        }
        if is_option(argv[i], "auth") {
            i += 1;
        } else if is_option(argv[i], "auth2") {
            i += 2;
        }
        i += 1;
    }
    push_checked(3, FLAGS, argv, out);
}

/// GEORADIUS and GEORADIUSBYMEMBER: the index, and the destination of the last STORE or STOREDIST.
fn georadius_keys(argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    push_checked(1, 0, argv, out);
    let mut store = None;
    let mut i = 5;
    while i + 1 < argv.len() {
        if is_option(argv[i], "store") || is_option(argv[i], "storedist") {
            i += 1;
            store = Some(i);
        }
        i += 1;
    }
    out.extend(store.map(|pos| KeyRef { pos, flags: 0 }));
}

/// XREAD and XREADGROUP: the first half of what follows STREAMS. The options before it are walked,
/// as a group or a stream may be called "streams" too.
fn xread_keys(argv: &[&[u8]], out: &mut Vec<KeyRef>) {
    let mut i = 1;
    while i < argv.len() {
        if is_option(argv[i], "streams") {
            let rest = argv.len() - i - 1;
            if rest.is_multiple_of(2) {
                out.extend((i + 1..i + 1 + rest / 2).map(|pos| KeyRef { pos, flags: 0 }));
            }
            return;
        }
        i += if is_option(argv[i], "block") || is_option(argv[i], "count") {
            2
        } else if is_option(argv[i], "group") {
            3
        } else if is_option(argv[i], "noack") {
            1
        } else {
            return;
        };
    }
}

#[cfg(test)]
mod tests;
