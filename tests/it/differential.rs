//! Our server against a real redis-server: random commands of each family, replies byte for byte.
//! Skipped (and says so) without a reference server; see `common::server::reference`.
//!
//! A new command joins its family's list here as one more arm of the generator.

use fastrand::Rng;

use super::common::differ::{
    Args, Differ, Generator, edge_integer, float, index, key, member, pick, repeat, value,
};
use super::common::reference;
use crate::args;

const COUNT: usize = 4_000;
/// Before it, doubles had other digits, and options and whole families of commands were missing.
const OLDEST: (u32, u32) = (7, 4);

fn compare(seed: u64, generators: &[Generator]) {
    let Some(reference) = reference() else { return };
    let differ = Differ::start(&reference, &[]);
    if differ.reference_is_older_than(OLDEST) {
        eprintln!("skipped: the reference server is older than Redis {}.{}", OLDEST.0, OLDEST.1);
        return;
    }
    differ.run(seed, COUNT, generators, false);
    differ.run(seed + 1, COUNT, generators, true);
}

#[test]
fn strings_reply_as_the_reference() {
    compare(11, &[strings, strings, strings, generic]);
}

#[test]
fn bitmaps_reply_as_the_reference() {
    compare(71, &[bitmaps, bitmaps, bitmaps, strings, generic]);
}

#[test]
fn lists_reply_as_the_reference() {
    compare(21, &[lists, lists, lists, generic]);
}

#[test]
fn sets_reply_as_the_reference() {
    compare(31, &[sets, sets, sets, generic]);
}

#[test]
fn hashes_reply_as_the_reference() {
    compare(41, &[hashes, hashes, hashes, generic]);
}

#[test]
fn sorted_sets_reply_as_the_reference() {
    compare(51, &[zsets, zsets, zsets, generic]);
}

#[test]
fn keys_of_any_type_reply_as_the_reference() {
    compare(71, &[generic, generic, generic, sorts, lists, sets, hashes, strings]);
}

#[test]
fn all_families_together_reply_as_the_reference() {
    compare(61, &[strings, bitmaps, lists, sets, hashes, zsets, generic]);
}

fn generic(r: &mut Rng) -> Args {
    let kinds = ["string", "list", "set", "hash", "zset"];
    let kind = pick(r, &kinds);
    let k = key(r, kind);
    match r.u8(..17) {
        13 => args!["MOVE", k, pick(r, &["0", "1", "99", "x", "9999999999"])],
        14 => args!["EXPIREAT", k, pick(r, &["1", "-5", "9223372036854775807", "x"])],
        15 => args!["RANDOMKEY", "too", "many"],
        16 => args!["SCAN", "0", "COUNT", 100_000, pick(r, &["MATCH", "TYPE", "X"]), kind],
        0 => args!["DEL", k, key(r, kind)],
        1 => args!["UNLINK", k],
        2 => args!["EXISTS", k, key(r, kind), k],
        3 => args!["TYPE", k],
        4 => args!["OBJECT", "ENCODING", k],
        5 => args!["RENAME", k, key(r, kind)],
        6 => args!["RENAMENX", k, key(r, kind)],
        7 => args!["COPY", k, key(r, kind), pick(r, &["REPLACE", "DB", "BOGUS"])],
        8 => args!["EXPIREAT", k, 32_503_680_000_i64, pick(r, &["NX", "XX", "GT", "LT", "??"])],
        9 => args!["EXPIRETIME", k],
        10 => args!["PERSIST", k],
        11 => args!["TOUCH", k, key(r, kind)],
        _ => args!["KEYS", pick(r, &["key:*:1", "key:[sl]*", "*:3", "key:?et:\\2", "none"])],
    }
}

/// Not where there are sorted sets: SORT makes skiplists of those in the reference, which shows in
/// OBJECT ENCODING and in what ZLEXCOUNT says where scores differ.
fn sorts(r: &mut Rng) -> Args {
    let kind = pick(r, &["list", "set", "string"]);
    let k = key(r, kind);
    let words = [
        "ALPHA",
        "DESC",
        "ASC",
        "GET",
        "LIMIT",
        "STORE",
        "#",
        "key:string:*",
        "1",
        "2",
        "key:hash:*->member-3",
        "-1",
    ];
    let command = args![pick(r, &["SORT", "SORT", "SORT_RO"]), k];
    let mut command = match r.u8(..6) {
        // Without ALPHA: texts of equal weight stand in no defined order.
        0 => return [command, args!["BY", "key:string:*"]].concat(),
        1 => [command, args!["GET", "#", "GET", "key:string:*"]].concat(),
        2 => [command, args!["LIMIT", index(r), index(r)]].concat(),
        3 => [command, args!["STORE", key(r, "list"), "ALPHA"]].concat(),
        _ => [command, args!["ALPHA"]].concat(),
    };
    for _ in 0..r.u8(..3) {
        command.extend(args![pick(r, &words)]);
    }
    command
}

fn strings(r: &mut Rng) -> Args {
    let k = key(r, "string");
    let condition = ["NX", "XX", "GET", "KEEPTTL", "PERSIST", "EX"];
    match r.u8(..23) {
        0 | 1 => args!["SET", k, value(r)],
        2 => args!["SET", k, value(r), pick(r, &condition)],
        3 => args!["SET", k, value(r), pick(r, &condition), pick(r, &condition)],
        4 => args!["GET", k],
        5 => args!["APPEND", k, value(r)],
        6 => args!["STRLEN", k],
        7 => args![pick(r, &["INCR", "DECR"]), k],
        8 => args![pick(r, &["INCRBY", "DECRBY"]), k, edge_integer(r)],
        9 => args!["INCRBYFLOAT", k, float(r)],
        10 => args!["GETRANGE", k, index(r), index(r)],
        11 => args!["SETRANGE", k, r.u8(..40), value(r)],
        12 => repeat(r, 4, args!["MGET"], |r, a| a.extend(args![key(r, "string")])),
        13 => {
            let set = args![pick(r, &["MSET", "MSETNX"])];
            repeat(r, 4, set, |r, a| a.extend(args![key(r, "string"), value(r)]))
        }
        14 => args!["GETSET", k, value(r)],
        15 => args!["GETDEL", k],
        16 => args!["SETNX", k, value(r)],
        17 => [args!["SET", k, value(r)], expiry(r), expiry(r)].concat(),
        18 => [args!["GETEX", k], expiry(r)].concat(),
        19 => args![pick(r, &["SETEX", "PSETEX"]), k, pick(r, &["0", "-1", "x"]), value(r)],
        20 => args!["SUBSTR", k, index(r), edge_integer(r)],
        21 => args!["LCS", k, key(r, "string"), "IDX", "MINMATCHLEN", index(r), "WITHMATCHLEN"],
        _ => args!["LCS", k, key(r, "string"), pick(r, &["LEN", "IDX"])],
    }
}

/// Times that are past, far, or none.
fn expiry(r: &mut Rng) -> Args {
    let far = ["32503680000", "32503680000000", "9223372036854775807", "0", "-1", "x"];
    match r.u8(..6) {
        0 => args!["EX", pick(r, &["0", "-1", "x", "9223372036854775807"])],
        1 => args!["PX", pick(r, &["0", "-7", "", "9223372036854775807"])],
        2 => args!["EXAT", pick(r, &far)],
        3 => args!["PXAT", pick(r, &far)],
        4 => args![pick(r, &["PERSIST", "KEEPTTL", "EX", "persist", "GET"])],
        _ => args!["PXAT", "32503680000000", "PXAT", "32503680001000"],
    }
}

/// An offset of a bit or field, near the beginning, at an edge, or no offset.
fn bit(r: &mut Rng) -> String {
    match r.u8(..30) {
        0 => pick(r, &["-1", "x", "#", "#x", "4294967296", "#536870912", "", "007"]).into(),
        1..=5 => format!("#{}", r.u8(..12)),
        _ => r.u16(..300).to_string(),
    }
}

fn int_type(r: &mut Rng) -> String {
    match r.u8(..20) {
        0 => pick(r, &["u64", "i65", "u0", "x8", "i", "", "8", "I8", "u-1"]).into(),
        1 => pick(r, &["i1", "u1", "i64", "u63", "i63"]).into(),
        _ => format!("{}{}", pick(r, &["i", "u"]), r.u8(1..64)),
    }
}

/// An integer of any size, or none.
fn integer(r: &mut Rng) -> String {
    match r.u8(..10) {
        0..=2 => edge_integer(r),
        3 => (r.i64(..) >> r.u8(..64)).to_string(),
        4 => value_text(r),
        _ => r.i32(-300..300).to_string(),
    }
}

fn value_text(r: &mut Rng) -> String {
    pick(r, &["x", "1.5", "", "+1", "9223372036854775808"]).into()
}

fn bitfield(r: &mut Rng, k: String) -> Args {
    let name = pick(r, &["BITFIELD", "BITFIELD", "bitfield", "BITFIELD_RO"]);
    repeat(r, 4, args![name, k], |r, a| match r.u8(..12) {
        0..=3 => a.extend(args!["GET", int_type(r), bit(r)]),
        4..=6 => a.extend(args!["SET", int_type(r), bit(r), integer(r)]),
        7..=9 => a.extend(args!["INCRBY", int_type(r), bit(r), integer(r)]),
        10 => a.extend(args!["OVERFLOW", pick(r, &["WRAP", "sat", "SAT", "FAIL", "FAIL", "up"])]),
        _ => a.push(pick(r, &["OVERFLOW", "GET", "SET", "u8"]).into()),
    })
}

fn bitmaps(r: &mut Rng) -> Args {
    let k = key(r, "string");
    let unit = ["BYTE", "BIT", "bit", "HEX"];
    match r.u8(..16) {
        0 | 1 => args!["SETBIT", k, bit(r).trim_start_matches('#'), r.u8(..2)],
        2 => args!["SETBIT", k, bit(r), pick(r, &["0", "1", "2", "-1", "x"])],
        3 => args!["GETBIT", k, bit(r)],
        4 => args!["BITCOUNT", k, index(r), index(r)],
        5 => args!["BITCOUNT", k, r.i32(-200..200), r.i32(-200..200), pick(r, &unit)],
        6 => [args!["BITCOUNT", k], repeat(r, 4, args!["0"], |r, a| a.push(index(r).into()))]
            .concat(),
        7 => args!["BITPOS", k, pick(r, &["0", "1", "2"])],
        8 => args!["BITPOS", k, r.u8(..2), index(r)],
        9 => args!["BITPOS", k, r.u8(..2), index(r), index(r)],
        10 => args!["BITPOS", k, r.u8(..2), r.i32(-200..200), r.i32(-200..200), pick(r, &unit)],
        11 | 12 => {
            let op = pick(r, &["AND", "or", "XOR", "NOT", "NAND"]);
            repeat(r, 4, args!["BITOP", op, k], |r, a| a.extend(args![key(r, "string")]))
        }
        13 => args!["SET", k, vec![*b"\0\xff\x80".get(r.usize(..3)).unwrap(); r.usize(..300)]],
        _ => bitfield(r, k),
    }
}

fn lists(r: &mut Rng) -> Args {
    let k = key(r, "list");
    let end = ["LEFT", "RIGHT"];
    match r.u8(..15) {
        0..=2 => {
            let push = args![pick(r, &["LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]), k];
            repeat(r, 6, push, |r, a| a.push(value(r)))
        }
        3 => args![pick(r, &["LPOP", "RPOP"]), k],
        4 => args![pick(r, &["LPOP", "RPOP"]), k, index(r)],
        5 => args!["LLEN", k],
        6 => args!["LINDEX", k, index(r)],
        7 => args!["LSET", k, index(r), value(r)],
        8 => args!["LINSERT", k, pick(r, &["BEFORE", "AFTER", "NEXT"]), value(r), value(r)],
        9 => args!["LREM", k, r.i32(-3..4), value(r)],
        10 => args!["LTRIM", k, index(r), index(r)],
        11 => args!["LMOVE", k, key(r, "list"), pick(r, &end), pick(r, &end)],
        12 => args!["LPOS", k, value(r), "RANK", index(r), "COUNT", r.u8(..4)],
        13 => args!["LMPOP", 2, k, key(r, "list"), pick(r, &end), "COUNT", r.u8(..4)],
        _ => args!["LRANGE", k, index(r), index(r)],
    }
}

fn sets(r: &mut Rng) -> Args {
    let k = key(r, "set");
    match r.u8(..12) {
        0..=2 => repeat(r, 8, args!["SADD", k], |r, a| a.push(member(r))),
        3 => args!["SADD", k, value(r)],
        4 | 5 => repeat(r, 4, args!["SREM", k], |r, a| a.push(member(r))),
        6 => args!["SISMEMBER", k, member(r)],
        7 => repeat(r, 4, args!["SMISMEMBER", k], |r, a| a.push(member(r))),
        8 => args!["SMOVE", k, key(r, "set"), member(r)],
        9 => {
            let operation = pick(r, &["SINTER", "SUNION", "SDIFF"]);
            repeat(r, 3, args![operation], |r, a| a.extend(args![key(r, "set")]))
        }
        10 => {
            let operation = pick(r, &["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]);
            repeat(r, 3, args![operation, k], |r, a| a.extend(args![key(r, "set")]))
        }
        _ => match r.u8(..3) {
            0 => args!["SINTERCARD", 2, k, key(r, "set"), "LIMIT", r.u8(..5)],
            1 => args!["SCARD", k],
            _ => args!["SMEMBERS", k],
        },
    }
}

fn hashes(r: &mut Rng) -> Args {
    let k = key(r, "hash");
    if r.u8(..3) == 0 {
        return hash_expires(r, k);
    }
    match r.u8(..15) {
        0..=2 => repeat(r, 5, args!["HSET", k], |r, a| a.extend([member(r), value(r)])),
        3 => args!["HSETNX", k, member(r), value(r)],
        4 => args!["HGET", k, member(r)],
        5 => repeat(r, 4, args!["HMGET", k], |r, a| a.push(member(r))),
        6 => repeat(r, 4, args!["HDEL", k], |r, a| a.push(member(r))),
        7 => args!["HEXISTS", k, member(r)],
        8 => args!["HINCRBY", k, member(r), edge_integer(r)],
        9 => args!["HINCRBYFLOAT", k, member(r), float(r)],
        10 => args!["HSTRLEN", k, member(r)],
        11 => args!["HSCAN", k, "0", "COUNT", pick(r, &["100000", "0", "x"]), "NOVALUES"],
        12 => args!["HSCAN", k, 0, "COUNT", 100_000, pick(r, &["MATCH", "X"]), "member-*"],
        13 => args!["HRANDFIELD", k, pick(r, &["0", "x", "100"]), pick(r, &["WITHVALUES", "?"])],
        _ => args![pick(r, &["HLEN", "HKEYS", "HVALS", "HGETALL", "HRANDFIELD"]), k],
    }
}

/// Expire times of fields: far ahead, or long past, so that the replies do not depend on the time.
fn hash_expires(r: &mut Rng, k: String) -> Args {
    let far = 32_503_680_000_000_i64 + r.i64(0..5) * 1000;
    let at = match r.u8(..8) {
        0 => pick(r, &["1", "0", "-1", "x", "70368744177664", "9223372036854775807"]).to_string(),
        _ => far.to_string(),
    };
    let command = match r.u8(..8) {
        0 | 1 => args!["HPEXPIREAT", k, at],
        2 => args!["HPEXPIREAT", k, at, pick(r, &["NX", "XX", "GT", "LT", "??"])],
        3 => args!["HEXPIREAT", k, far / 1000],
        4 => args!["HPERSIST", k],
        5 => args!["HEXPIRETIME", k],
        6 => args![pick(r, &["HTTL", "HPTTL"]), k],
        _ => args!["HPEXPIRETIME", k],
    };
    // The time that is left depends on the clock: only ask fields that cannot have one.
    let name = if command[0].ends_with(b"TTL") { b"none".to_vec() } else { member(r) };
    match r.u8(..12) {
        0 => [command, args![pick(r, &["FIELDS", "FIELD"]), index(r), name]].concat(),
        1 | 2 => [command, args!["fields", 1, name]].concat(),
        _ => [command, args!["FIELDS", 2, name, "none"]].concat(),
    }
}

fn zsets(r: &mut Rng) -> Args {
    let k = key(r, "zset");
    let bounds = ["-inf", "+inf", "(0", "5", "(12", "-7.5", "x"];
    match r.u8(..22) {
        0..=2 => repeat(r, 6, args!["ZADD", k], |r, a| a.extend(args![float(r), member(r)])),
        3 => {
            let option = pick(r, &["NX", "XX", "GT", "LT", "CH", "INCR"]);
            args!["ZADD", k, option, float(r), member(r)]
        }
        4 => args!["ZINCRBY", k, float(r), member(r)],
        5 => args!["ZREM", k, member(r), member(r)],
        6 => args![pick(r, &["ZSCORE", "ZRANK", "ZREVRANK"]), k, member(r)],
        7 => args!["ZMSCORE", k, member(r), member(r)],
        8 => args!["ZCOUNT", k, pick(r, &bounds), pick(r, &bounds)],
        9 => zsets_by_lex(r),
        10 => args!["ZRANGE", k, index(r), index(r), pick(r, &["WITHSCORES", "REV", "LIMIT"])],
        11 => args!["ZRANGEBYSCORE", k, pick(r, &bounds), pick(r, &bounds), "WITHSCORES"],
        12 => {
            let limit = [index(r), index(r)];
            let (min, max) = (pick(r, &bounds), pick(r, &bounds));
            args!["ZREVRANGEBYSCORE", k, min, max, "LIMIT", limit[0], limit[1]]
        }
        13 => args![pick(r, &["ZPOPMIN", "ZPOPMAX"]), k, r.u8(..4)],
        14 => args!["ZREMRANGEBYRANK", k, index(r), index(r)],
        15 => {
            let operation = pick(r, &["ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE"]);
            args![operation, key(r, "zset"), 2, k, key(r, "zset")]
        }
        16 => args!["ZREMRANGEBYSCORE", k, pick(r, &bounds), pick(r, &bounds)],
        17 => {
            let (dst, end) = (key(r, "zset"), pick(r, &["BYSCORE", "REV", "WITHSCORES"]));
            args!["ZRANGESTORE", dst, k, index(r), index(r), end]
        }
        18 => args!["ZMPOP", 2, k, key(r, "zset"), pick(r, &["MIN", "MAX", "x"]), "COUNT", 2],
        19 => args!["ZINTERCARD", 2, k, key(r, "zset"), "LIMIT", r.u8(..3)],
        20 => args!["ZSCAN", k, 0, "COUNT", 1000, "MATCH", pick(r, &["*", "member*", "1?"])],
        _ => {
            let operation = pick(r, &["ZUNION", "ZINTER", "ZDIFF"]);
            let other = pick(r, &["zset", "set"]);
            args![operation, 2, k, key(r, other), "WITHSCORES"]
        }
    }
}

/// Ranges of strings say nothing of sets whose scores differ: these have keys of their own.
fn zsets_by_lex(r: &mut Rng) -> Args {
    let k = format!("lex:{}", r.u8(..3));
    let bounds = ["-", "+", "[1", "(2", "[member-30", "(member-40", "x"];
    let (min, max) = (pick(r, &bounds), pick(r, &bounds));
    match r.u8(..8) {
        0..=2 => repeat(r, 6, args!["ZADD", k], |r, a| a.extend(args![0, member(r)])),
        3 => args!["ZLEXCOUNT", k, min, max],
        4 => args!["ZRANGEBYLEX", k, min, max],
        5 => args!["ZREVRANGEBYLEX", k, min, max, "LIMIT", index(r), index(r)],
        6 => args!["ZRANGE", k, min, max, "BYLEX", pick(r, &["REV", "WITHSCORES"])],
        _ => args!["ZREMRANGEBYLEX", k, min, max],
    }
}
