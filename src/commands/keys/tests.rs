//! Tests of key extraction: whole command lines against the positions and flags they must give, and
//! hostile lines that must only not panic.

use super::*;
use crate::commands::key_flag::INSERT;
use crate::commands::key_specs as specs;

fn command(keys: &'static [KeySpec], get_keys: Option<GetKeys>, arity: i32) -> CommandSpec {
    CommandSpec { name: "test", arity, keys, get_keys, ..CommandSpec::DEFAULT }
}

fn split(line: &str) -> Vec<&[u8]> {
    line.split(' ').map(|word| if word == "\"\"" { b"" } else { word.as_bytes() }).collect()
}

fn found(spec: &CommandSpec, line: &str) -> Vec<usize> {
    let mut out = Vec::new();
    get_keys(spec, &split(line), &mut out);
    out.iter().map(|key| key.pos).collect()
}

fn flags(spec: &CommandSpec, line: &str) -> Vec<u32> {
    let mut out = Vec::new();
    get_keys(spec, &split(line), &mut out);
    out.iter().map(|key| key.flags).collect()
}

fn routed(spec: &CommandSpec, line: &str) -> Vec<usize> {
    let mut out = Vec::new();
    routing_keys(spec, &split(line), &mut out);
    out.iter().map(|key| key.pos).collect()
}

#[test]
fn ranges() {
    let mget = command(specs::KEYS1_RO_ACCESS, None, -2);
    assert_eq!(found(&mget, "mget a b c"), [1, 2, 3]);
    assert_eq!(routed(&mget, "mget a b c"), [1, 2, 3]);
    let mset = command(specs::MSET_KEYS, None, -3);
    assert_eq!(found(&mset, "mset a 1 b 2"), [1, 3]);
    assert_eq!(routed(&mset, "mset a 1 b 2"), [1, 3]);
    let blpop = command(specs::KEYS1_BUT_LAST_RW_ACCESS_DELETE, None, -3);
    assert_eq!(found(&blpop, "blpop a b 0"), [1, 2]);
    let lcs = command(specs::LCS_KEYS, None, -3);
    assert_eq!(found(&lcs, "lcs a b LEN"), [1, 2]);
    let smove = command(specs::MOVE_ELEMENT, None, 4);
    assert_eq!(flags(&smove, "smove a b m"), [RW | ACCESS | DELETE, RW | INSERT]);
}

#[test]
fn shard_channels_route_but_are_no_keys() {
    let spublish = command(specs::SHARD_CHANNEL, None, 3);
    assert!(!has_keys(&spublish));
    assert!(found(&spublish, "spublish ch msg").is_empty());
    assert_eq!(routed(&spublish, "spublish ch msg"), [1]);
}

#[test]
fn counted_keys_and_their_destination() {
    let store = command(specs::STORE_FROM_NUMKEYS, Some(GetKeys::ZunionInterDiffStore), -4);
    assert_eq!(found(&store, "zunionstore d 2 a b WEIGHTS 1 2"), [1, 3, 4]);
    assert_eq!(routed(&store, "zunionstore d 2 a b WEIGHTS 1 2"), [3, 4, 1]);
    assert!(found(&store, "zunionstore d 3 a b").is_empty());
    assert!(found(&store, "zunionstore d x a b").is_empty());
    let eval = command(specs::SCRIPT_RW, Some(GetKeys::Eval), -3);
    assert_eq!(found(&eval, "eval s 2 a b c"), [3, 4]);
    assert!(found(&eval, "eval s 0 a").is_empty());
    assert!(found(&eval, "eval s -1 a").is_empty());
    assert!(found(&eval, "eval s 9223372036854775807 a").is_empty());
}

#[test]
fn keywords_are_searched_from_either_end() {
    let xread = command(specs::XREAD_KEYS, Some(GetKeys::Xread), -4);
    assert_eq!(found(&xread, "xread COUNT 1 STREAMS a b 0 0"), [4, 5]);
    assert!(routed(&xread, "xread STREAMS a b 0").is_empty());
    let group = command(specs::XREADGROUP_KEYS, Some(GetKeys::Xread), -7);
    assert_eq!(found(&group, "xreadgroup GROUP streams c STREAMS a 0"), [5]);
    assert_eq!(routed(&group, "xreadgroup GROUP streams c STREAMS a 0"), [5]);
    let migrate = command(specs::MIGRATE_KEYS, Some(GetKeys::Migrate), -6);
    assert_eq!(found(&migrate, "migrate h 1 k 0 5"), [3]);
    assert_eq!(found(&migrate, "migrate h 1 \"\" 0 5 COPY KEYS a b"), [8, 9]);
    assert!(found(&migrate, "migrate h 1 k 0 5 KEYS a").is_empty());
    assert_eq!(found(&migrate, "migrate h 1 \"\" 0 5 AUTH keys KEYS a"), [9]);
    let geo = command(specs::GEORADIUS_KEYS, Some(GetKeys::Georadius), -6);
    assert_eq!(found(&geo, "georadius k 1 2 3 m STORE d"), [1, 7]);
    assert_eq!(routed(&geo, "georadius k 1 2 3 m STORE a STOREDIST b"), [1, 9]);
}

#[test]
fn flags_follow_the_options() {
    let set = command(specs::SET_KEY, Some(GetKeys::Set), -3);
    assert_eq!(flags(&set, "set get v"), [OW | UPDATE]);
    assert_eq!(flags(&set, "set k v EX 1 GeT"), [RW | ACCESS | UPDATE]);
    let bitfield = command(specs::BITFIELD_KEY, Some(GetKeys::Bitfield), -2);
    assert_eq!(flags(&bitfield, "bitfield k get u8 0 overflow wrap get u8 1"), [RO | ACCESS]);
    assert_eq!(flags(&bitfield, "bitfield k get u8 0 set u8 0 1"), [RW | ACCESS | UPDATE]);
    assert_eq!(flags(&bitfield, "bitfield k get u8"), [RW | ACCESS | UPDATE]);
    let sort = command(specs::SORT_KEYS, Some(GetKeys::Sort), -2);
    assert_eq!(found(&sort, "sort k GET store LIMIT 0 store BY x STORE d"), [1, 10]);
    assert_eq!(found(&sort, "sort k STORE a STORE b"), [1, 5]);
    assert_eq!(flags(&sort, "sort k STORE a"), [RO | ACCESS, OW | UPDATE]);
}

#[test]
fn checked_keys_gives_the_reason() {
    let error = |spec: &CommandSpec, line: &str| checked_keys(spec, &split(line)).unwrap_err();
    let ping = command(&[], None, -1);
    assert_eq!(error(&ping, "ping").text(), b"ERR The command has no key arguments");
    let get = command(specs::KEY1_RO_ACCESS, None, 2);
    let arity = b"ERR Invalid number of arguments specified for command";
    assert_eq!(error(&get, "get a b").text(), arity);
    let zunion = command(specs::NUMKEYS1_RO_ACCESS, Some(GetKeys::ZunionInterDiff), -3);
    let invalid = b"ERR Invalid arguments specified for command";
    assert_eq!(error(&zunion, "zunion 3 a").text(), invalid);
    let mut eval = command(specs::SCRIPT_RW, Some(GetKeys::Eval), -3);
    eval.flags = flag::NO_MANDATORY_KEYS;
    assert_eq!(checked_keys(&eval, &split("eval s 0")).unwrap(), []);
}

#[test]
fn legacy_ranges() {
    let shown = |specs| {
        let range = legacy_range(specs);
        (range.first, range.last, range.step, range.movable)
    };
    assert_eq!(shown(&[]), (0, 0, 0, false));
    assert_eq!(shown(specs::KEY1_RO), (1, 1, 1, false));
    assert_eq!(shown(specs::KEYS1_BUT_LAST_RW_ACCESS_DELETE), (1, -2, 1, false));
    assert_eq!(shown(specs::MSET_KEYS), (1, -1, 2, false));
    assert_eq!(shown(specs::MOVE_ELEMENT), (1, 2, 1, false));
    assert_eq!(shown(specs::STORE_FROM_KEYS), (1, -1, 1, false));
    assert_eq!(shown(specs::STORE_FROM_NUMKEYS), (1, 1, 1, true));
    assert_eq!(shown(specs::XREAD_KEYS), (0, 0, 0, true));
    assert_eq!(shown(specs::MIGRATE_KEYS), (3, 3, 1, true));
}

/// Every kind of extraction over every short line made of words that mean something to one of them.
#[test]
fn no_line_panics_or_points_outside() {
    const WORDS: &[&str] = &["k", "2", "-1", "STORE", "GET", "KEYS", "STREAMS", "GROUP", "\"\""];
    let functions = [
        None,
        Some(GetKeys::Set),
        Some(GetKeys::Sort),
        Some(GetKeys::SortRo),
        Some(GetKeys::Migrate),
        Some(GetKeys::ZunionInterDiffStore),
        Some(GetKeys::Eval),
        Some(GetKeys::Georadius),
        Some(GetKeys::Xread),
        Some(GetKeys::Bitfield),
    ];
    let all: &[&'static [KeySpec]] = &[
        specs::STORE_FROM_NUMKEYS,
        specs::XREADGROUP_KEYS,
        specs::XREAD_KEYS,
        specs::MIGRATE_KEYS,
        specs::GEORADIUS_KEYS,
        specs::SORT_KEYS,
        specs::SET_KEY,
        specs::MSET_KEYS,
        specs::KEYS1_BUT_LAST_RW_ACCESS_DELETE,
    ];
    fastrand::seed(7);
    let mut out = Vec::new();
    for _ in 0..4000 {
        let words = (0..fastrand::usize(0..12)).map(|_| WORDS[fastrand::usize(0..WORDS.len())]);
        let line = words.fold("cmd".to_string(), |line, word| line + " " + word);
        let argv = split(&line);
        for function in functions {
            for keys in all {
                let spec = command(keys, function, -1);
                get_keys(&spec, &argv, &mut out);
                assert!(out.iter().all(|key| key.pos < argv.len()), "{line}");
                routing_keys(&spec, &argv, &mut out);
                assert!(out.iter().all(|key| key.pos < argv.len()), "{line}");
            }
        }
    }
}
