//! Streams against a real redis-server: random commands of the family with explicit IDs, replies
//! byte for byte except times; then every stream as DUMP payload from either server to the other.
//! Skipped without a reference server.

use fastrand::Rng;

use super::common::client::Client;
use super::common::differ::{Args, Differ, edge_integer, key, pick, repeat, value};
use super::common::{Server, Value, reference};
use crate::args;

/// Before it XINFO and XAUTOCLAIM had other replies, and XREAD no `+`.
const OLDEST: (u32, u32) = (7, 4);
const COUNT: usize = 4_000;
/// Small nodes, so that there are many; payloads not compressed, so that they can be compared.
const CONFIG: &[(&str, &str)] =
    &[("stream-node-max-entries", "5"), ("rdbcompression", "no"), ("stream-node-max-bytes", "300")];

#[test]
fn streams_reply_as_the_reference() {
    let Some(reference) = reference() else { return };
    let differ = Differ::start(&reference, CONFIG);
    if differ.reference_is_older_than(OLDEST) {
        eprintln!("skipped: the reference server is older than Redis {}.{}", OLDEST.0, OLDEST.1);
        return;
    }
    for (seed, resp3) in [(81, false), (82, true)] {
        differ.run(seed, COUNT, &[entries, entries, reads, groups, info, strangers], resp3);
        let (ours, theirs) = differ.servers();
        payloads_are_exchanged(ours, theirs);
    }
}

fn stream_key(r: &mut Rng) -> String {
    match r.u8(..25) {
        0 => key(r, "list"),
        n => format!("key:stream:{}", n % 4),
    }
}

/// Mostly ascending, so that many can be added.
fn id(r: &mut Rng) -> String {
    match r.u8(..24) {
        0 => pick(r, &["", "-", "+", "x", "5-", "-5", "1-2-3", "18446744073709551616-0"]).into(),
        1 => pick(r, &["0", "0-0", "0-1", "18446744073709551615-18446744073709551615"]).into(),
        2 | 3 => r.u8(..200).to_string(),
        _ => format!("{}-{}", r.u8(..200), r.u8(..5)),
    }
}

fn new_id(r: &mut Rng) -> String {
    match r.u8(..30) {
        0 => id(r),
        1..=7 => format!("{}-*", r.u8(..200)),
        _ => format!("{}-{}", r.u8(..200), r.u8(1..5)),
    }
}

fn bound(r: &mut Rng) -> String {
    match r.u8(..10) {
        0 => "-".into(),
        1 => "+".into(),
        2..=4 => format!("({}", id(r)),
        _ => id(r),
    }
}

fn pairs(r: &mut Rng, mut command: Args) -> Args {
    for _ in 0..r.u8(1..4) {
        command.extend(args![pick(r, &["f", "g", "h", "12"]), value(r)]);
    }
    command
}

fn trimming(r: &mut Rng, mut command: Args) -> Args {
    let how = pick(r, &["~", "=", "", ""]);
    let (strategy, limit) = match r.bool() {
        true => ("MAXLEN", r.i32(-1..25).to_string()),
        false => ("MINID", id(r)),
    };
    command.extend(args![strategy]);
    if !how.is_empty() {
        command.extend(args![how]);
    }
    command.extend(args![limit]);
    if r.u8(..4) == 0 {
        command.extend(args!["LIMIT", r.i32(-1..12)]);
    }
    command
}

fn entries(r: &mut Rng) -> Args {
    let k = stream_key(r);
    match r.u8(..20) {
        0..=8 => {
            let new = new_id(r);
            pairs(r, args!["XADD", k, new])
        }
        9 => {
            let start = if r.bool() { args!["XADD", k] } else { args!["XADD", k, "NOMKSTREAM"] };
            let mut command = trimming(r, start);
            command.extend(args![new_id(r)]);
            pairs(r, command)
        }
        10 => trimming(r, args!["XTRIM", k]),
        11 | 12 => repeat(r, 3, args!["XDEL", k], |r, a| a.extend(args![id(r)])),
        13 => args!["XLEN", k],
        14 | 15 => args![pick(r, &["XRANGE", "XREVRANGE"]), k, bound(r), bound(r)],
        16 => args!["XRANGE", k, bound(r), bound(r), "COUNT", r.i32(-2..9)],
        17 => args!["XREVRANGE", k, "+", "-", pick(r, &["COUNT", "X"]), edge_integer(r)],
        18 if r.u8(..3) == 0 => args!["DEL", k],
        18 => args!["COPY", k, stream_key(r), pick(r, &["REPLACE", "DB"])],
        _ => xsetid(r, k),
    }
}

fn xsetid(r: &mut Rng, k: String) -> Args {
    match r.u8(..12) {
        0 => args!["XSETID", k, id(r), "ENTRIESADDED", r.i32(-1..60), "MAXDELETEDID", id(r)],
        1 => args!["XSETID", k, id(r), pick(r, &["ENTRIESADDED", "MAXDELETEDID", "x"])],
        _ => args!["XDEL", k, id(r), id(r), id(r)],
    }
}

fn group(r: &mut Rng) -> &'static str {
    pick(r, &["g1", "g1", "g1", "g2", "none"])
}

fn consumer(r: &mut Rng) -> &'static str {
    pick(r, &["alice", "bob", "carol"])
}

fn reads(r: &mut Rng) -> Args {
    let (k, g, c) = (stream_key(r), group(r), consumer(r));
    match r.u8(..12) {
        0 => args!["XREAD", "COUNT", r.i32(-1..5), "STREAMS", k, stream_key(r), id(r), "$"],
        1 => args!["XREAD", "STREAMS", k, pick(r, &["+", "$", "0", ">", "5-1"])],
        2 => args!["XREAD", pick(r, &["BLOCK", "NOACK", "GROUP", "x"]), "-1", "STREAMS", k, "0"],
        3..=6 => args!["XREADGROUP", "GROUP", g, c, "COUNT", r.u8(..6), "STREAMS", k, ">"],
        7 => args!["XREADGROUP", "GROUP", g, c, "NOACK", "COUNT", 2, "STREAMS", k, ">"],
        8 => args!["XREADGROUP", "GROUP", g, c, "STREAMS", k, stream_key(r), ">", id(r)],
        9 => args!["XREADGROUP", "GROUP", g, c, "STREAMS", k, pick(r, &["0", "$", "+", "7"])],
        10 => args!["XREADGROUP", "GROUP", g, c, "COUNT", 3, "STREAMS", k, id(r)],
        _ => repeat(r, 3, args!["XACK", k, g], |r, a| a.extend(args![id(r)])),
    }
}

fn groups(r: &mut Rng) -> Args {
    let (k, g, c) = (stream_key(r), group(r), consumer(r));
    match r.u8(..16) {
        0..=2 => args!["XGROUP", "CREATE", k, g, pick(r, &["0", "$", "50", "x"])],
        3 => args!["XGROUP", "CREATE", k, g, "0", "MKSTREAM", "ENTRIESREAD", r.i32(-2..9)],
        4 => args!["XGROUP", "SETID", k, g, id(r)],
        5 => args!["XGROUP", "SETID", k, g, pick(r, &["$", "-", "+"]), "ENTRIESREAD", r.u8(..9)],
        6 if r.u8(..4) == 0 => args!["XGROUP", "DESTROY", k, g],
        6 | 7 => args!["XGROUP", "CREATECONSUMER", k, g, c],
        8 => args!["XGROUP", "DELCONSUMER", k, g, c],
        9 => args!["XGROUP", "SETID", k, g, "0", pick(r, &["MKSTREAM", "ENTRIESREAD"])],
        10..=12 => {
            let min_idle = pick(r, &["0", "-1", "9999999"]);
            claim(r, args!["XCLAIM", k, g, c, min_idle])
        }
        13 => args!["XAUTOCLAIM", k, g, c, pick(r, &["0", "9999999", "x"]), bound(r)],
        14 => args!["XAUTOCLAIM", k, g, c, "0", bound(r), "COUNT", r.i32(-1..5), "JUSTID"],
        _ => args!["XAUTOCLAIM", k, g, c, "0", "0", "COUNT", r.u8(1..3)],
    }
}

fn claim(r: &mut Rng, command: Args) -> Args {
    let mut command = repeat(r, 4, command, |r, a| a.extend(args![id(r)]));
    for _ in 0..r.u8(..3) {
        command.extend(match r.u8(..9) {
            0 => args!["FORCE"],
            1 => args!["JUSTID"],
            2 => args!["RETRYCOUNT", r.i32(-1..40)],
            3 => args!["LASTID", id(r)],
            4 => args!["TIME", 1_600_000_000_000_i64],
            5 => args!["IDLE", pick(r, &["0", "50000", "-5", "x"])],
            6 => args!["FORCE", "JUSTID"],
            7 => args![pick(r, &["BOGUS", "TIME", "IDLE"])],
            _ => args!["FORCE", "RETRYCOUNT", 3],
        });
    }
    command
}

fn info(r: &mut Rng) -> Args {
    let (k, g) = (stream_key(r), group(r));
    match r.u8(..10) {
        0 => args!["XINFO", "STREAM", k],
        1 => args!["XINFO", "STREAM", k, "FULL"],
        2 => args!["XINFO", "STREAM", k, "FULL", pick(r, &["COUNT", "x"]), r.i32(-1..20)],
        3 => args!["XINFO", "GROUPS", k],
        4 => args!["XINFO", "CONSUMERS", k, g],
        5 => args!["XPENDING", k, g],
        6 => args!["XPENDING", k, g, bound(r), bound(r), r.i32(-1..20)],
        7 => args!["XPENDING", k, g, "-", "+", 10, consumer(r)],
        8 => args!["XPENDING", k, g, "IDLE", pick(r, &["0", "999999999", "x"]), "-", "+", 5],
        _ => args!["OBJECT", "ENCODING", k],
    }
}

/// Values of other types under keys that stream commands meet.
fn strangers(r: &mut Rng) -> Args {
    match r.u8(..3) {
        0 => args!["RPUSH", key(r, "list"), "x"],
        1 => args!["SET", key(r, "string"), "x"],
        _ => args!["TYPE", stream_key(r)],
    }
}

fn payloads_are_exchanged(ours: &Server, theirs: &Server) {
    let (mut ours, mut theirs) = (ours.client(), theirs.client());
    let mut seen = 0;
    for n in 0..4 {
        let key = format!("key:stream:{n}");
        if ours.command(&["TYPE", &key]).text() != "stream" {
            continue;
        }
        seen += 1;
        let payloads =
            [&mut ours, &mut theirs].map(|client| match client.command(&["DUMP", &key]) {
                Value::Bulk(payload) => payload,
                other => panic!("DUMP {key}: {other}"),
            });
        if ours.command(&["XINFO", "GROUPS", &key]).items().is_empty() {
            assert!(payloads[0] == payloads[1], "DUMP {key} differs: {payloads:?}");
        }
        let wanted = full_info(&mut theirs, &key);
        let [of_ours, of_theirs] = payloads;
        for (client, payload) in [(&mut ours, of_theirs), (&mut theirs, of_ours)] {
            let restore: [&[u8]; 5] = [b"RESTORE", b"copy", b"0", &payload, b"REPLACE"];
            assert_eq!(client.command(&restore).to_string(), "+OK", "{key}");
            assert_eq!(full_info(client, "copy"), wanted, "{key}");
        }
    }
    let chosen = std::env::var_os("DIFF_SEED").is_some();
    assert!(seen > 0 || chosen, "no stream is left to exchange");
}

fn full_info(client: &mut Client, key: &str) -> String {
    let info = client.command(&["XINFO", "STREAM", key, "FULL", "COUNT", "0"]);
    info.without_times().to_string()
}
