//! HyperLogLogs over the wire: bytes and estimates beside a reference server, and broken ones.

use fastrand::Rng;

use super::common::differ::{Args, Differ, key, pick};
use super::common::{Server, Value, reference};
use crate::args;

#[test]
fn counting_caches_in_the_string() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["PFADD", "h", "a", "b", "c"], 1);
    assert_reply!(client, ["PFADD", "h", "c"], 0);
    assert_reply!(client, ["GETRANGE", "h", 15, 15], Value::bulk(b"\x80"));
    assert_reply!(client, ["PFCOUNT", "h"], 3);
    assert_reply!(client, ["GETRANGE", "h", 8, 15], Value::bulk(b"\x03\0\0\0\0\0\0\0"));
    assert_reply!(client, ["PFADD", "other", "c", "d"], 1);
    assert_reply!(client, ["PFCOUNT", "h", "other", "missing"], 4);
    assert_reply!(client, ["PFMERGE", "to", "h", "other"], "+OK");
    assert_reply!(client, ["PFCOUNT", "to"], 4);
    assert_reply!(client, ["PFDEBUG", "ENCODING", "to"], "+sparse");
    assert_reply!(client, ["PFDEBUG", "TODENSE", "to"], 1);
    assert_reply!(client, ["PFDEBUG", "DECODE", "to"], "-ERR HLL encoding is not sparse");
    assert_reply!(client, ["PFMERGE", "h", "to"], "+OK");
    assert_reply!(client, ["PFDEBUG", "ENCODING", "h"], "+dense");
    assert_reply!(client, ["STRLEN", "h"], 12304);
    assert_reply!(client, ["PFDEBUG", "X", "h"], "-ERR Unknown PFDEBUG subcommand 'X'");
    assert_reply!(client, ["PFDEBUG", "X", "no"], "-ERR The specified key does not exist");
}

#[test]
fn broken_ones_are_told() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let wrong = "-WRONGTYPE Key is not a valid HyperLogLog string value.";
    let broken = "-INVALIDOBJ Corrupted HLL object detected";
    assert_reply!(client, ["SET", "s", "text"], "+OK");
    assert_reply!(client, ["PFADD", "s", "x"], wrong);
    assert_reply!(client, ["PFCOUNT", "s"], wrong);
    assert_reply!(client, ["PFMERGE", "h", "s"], wrong);
    assert_reply!(client, ["EXISTS", "h"], 0);
    assert_reply!(client, ["PFADD", "h", "x"], 1);
    assert_reply!(client, ["APPEND", "h", "tail"], 24);
    assert_reply!(client, ["PFCOUNT", "h"], broken);
    assert_reply!(client, ["PFCOUNT", "h", "other"], broken);
    assert_reply!(client, ["PFMERGE", "other", "h"], broken);
    assert_reply!(client, ["PFDEBUG", "GETREG", "h"], broken);
    assert_reply!(client, ["LPUSH", "l", "x"], 1);
    let other = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_reply!(client, ["PFADD", "l", "x"], other);
}

#[test]
fn bytes_and_estimates_are_those_of_the_reference() {
    let Some(reference) = reference() else { return };
    let differ = Differ::start(&reference, &[("hll-sparse-max-bytes", "600")]);
    if differ.reference_is_older_than((7, 4)) {
        return;
    }
    differ.run(91, 3000, &[hyperloglogs], false);
}

fn hyperloglogs(r: &mut Rng) -> Args {
    let k = key(r, "string");
    match r.u8(..12) {
        0..=4 => {
            let mut add = args!["PFADD", k];
            let (from, len) = (r.u32(..3000), r.u32(..60));
            add.extend((from..from + len).map(|n| n.to_string().into_bytes()));
            add
        }
        5 => args!["PFCOUNT", k],
        6 => args!["PFCOUNT", k, key(r, "string"), key(r, "string")],
        7 => args!["PFMERGE", k, key(r, "string"), key(r, "string")],
        8 => args!["GET", k],
        9 => args!["PFDEBUG", pick(r, &["DECODE", "ENCODING", "GETREG"]), k],
        10 => args!["STRLEN", k],
        _ => args!["DEL", k],
    }
}
