//! Bitmaps over the wire: what a random comparison does not say in words, and what it cannot see
//! (notifications, the count of changes).

use super::common::{Server, Value};

fn bulk_of(bytes: &[u8]) -> Value {
    Value::bulk(bytes)
}

#[test]
fn setbit_grows_the_string_with_zeros() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["SETBIT", "b", 7, 1], 0);
    assert_reply!(client, ["SETBIT", "b", 7, 0], 1);
    assert_reply!(client, ["SETBIT", "b", 16, 1], 0);
    assert_reply!(client, ["GET", "b"], bulk_of(b"\0\0\x80"));
    assert_reply!(client, ["GETBIT", "b", 16], 1);
    assert_reply!(client, ["GETBIT", "b", 4_294_967_295_u64], 0);
    assert_reply!(client, ["SET", "n", 12], "+OK");
    assert_reply!(client, ["OBJECT", "ENCODING", "n"], Some("int"));
    assert_reply!(client, ["SETBIT", "n", 6, 1], 0);
    assert_reply!(client, ["GET", "n"], Some("32"));
    assert_reply!(client, ["OBJECT", "ENCODING", "n"], Some("raw"));
}

#[test]
fn bit_offsets_are_limited_by_the_longest_string() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let error = "-ERR bit offset is not an integer or out of range";
    for offset in ["4294967296", "-1", "x", "#1", "9223372036854775807"] {
        assert_reply!(client, ["SETBIT", "b", offset, 1], error);
        assert_reply!(client, ["GETBIT", "b", offset], error);
    }
    assert_reply!(client, ["BITFIELD", "b", "GET", "u8", "#9223372036854775807"], error);
    assert_reply!(client, ["BITFIELD", "b", "GET", "u8", "#"], error);
    let bit = "-ERR bit is not an integer or out of range";
    assert_reply!(client, ["SETBIT", "b", 0, 2], bit);
    assert_reply!(client, ["SETBIT", "b", 0, "x"], bit);
    assert_reply!(client, ["EXISTS", "b"], 0);
}

#[test]
fn counting_and_finding() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.command(&["SET", "s", "foobar"]);
    assert_reply!(client, ["BITCOUNT", "s"], 26);
    assert_reply!(client, ["BITCOUNT", "s", 1, 1], 6);
    assert_reply!(client, ["BITCOUNT", "s", 5, 30, "BIT"], 17);
    assert_reply!(client, ["BITCOUNT", "s", -5, -10], 0);
    assert_reply!(client, ["BITCOUNT", "s", 1], "-ERR syntax error");
    assert_reply!(client, ["BITCOUNT", "s", 1, 2, "HEX"], "-ERR syntax error");
    assert_reply!(client, ["BITPOS", "s", 1], 1);
    assert_reply!(client, ["BITPOS", "s", 1, 7, 15, "bit"], 9);
    assert_reply!(client, ["BITPOS", "s", 2], "-ERR The bit argument must be 1 or 0.");
    assert_reply!(client, ["SET", "ones", b"\xff\xff"], "+OK");
    assert_reply!(client, ["BITPOS", "ones", 0], 16);
    assert_reply!(client, ["BITPOS", "ones", 0, 1], 16);
    assert_reply!(client, ["BITPOS", "ones", 0, 0, -1], -1);
    assert_reply!(client, ["BITPOS", "ones", 0, 5], -1);
    assert_reply!(client, ["BITPOS", "missing", 0], 0);
    assert_reply!(client, ["BITPOS", "missing", 1], -1);
}

#[test]
fn operations_between_strings() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["SET", "a", b"\xff\x0f\x01"], "+OK");
    assert_reply!(client, ["SET", "b", b"\x0f\xff"], "+OK");
    for (op, result) in
        [("AND", *b"\x0f\x0f\0"), ("or", *b"\xff\xff\x01"), ("XOR", *b"\xf0\xf0\x01")]
    {
        assert_reply!(client, ["BITOP", op, "to", "a", "b"], 3);
        assert_reply!(client, ["GET", "to"], bulk_of(&result));
    }
    assert_reply!(client, ["BITOP", "NOT", "a", "a"], 3);
    assert_reply!(client, ["GET", "a"], bulk_of(b"\0\xf0\xfe"));
    assert_reply!(client, ["BITOP", "AND", "to", "missing", "other"], 0);
    assert_reply!(client, ["EXISTS", "to"], 0);
    let one_key = "-ERR BITOP NOT must be called with a single source key.";
    assert_reply!(client, ["BITOP", "NOT", "to", "a", "b"], one_key);
    assert_reply!(client, ["BITOP", "NAND", "to", "a"], "-ERR syntax error");
    client.command(&["SADD", "set", "x"]);
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_reply!(client, ["BITOP", "OR", "to", "a", "set"], wrong_type);
}

#[test]
fn fields_of_integers() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let reply = client.command(&["BITFIELD", "f", "SET", "u8", "#1", "255", "GET", "i4", "8"]);
    assert_eq!(reply.to_string(), "[:0, :-1]");
    let fail = ["BITFIELD", "f", "OVERFLOW", "FAIL", "INCRBY", "u8", "8", "1"];
    assert!(client.command(&fail).items()[0].is_null());
    let sat = ["BITFIELD", "f", "OVERFLOW", "SAT", "INCRBY", "i5", "0", "1000", "GET", "i5", "0"];
    assert_eq!(client.command(&sat).to_string(), "[:15, :15]");
    assert_reply!(client, ["BITFIELD", "none"], "[]");
    assert_reply!(client, ["EXISTS", "none"], 0);
    let kind = "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not \
                supported but i64 is.";
    assert_reply!(client, ["BITFIELD", "f", "GET", "u64", 0], kind);
    let overflow = "-ERR Invalid OVERFLOW type specified";
    assert_reply!(client, ["BITFIELD", "f", "OVERFLOW", "UP"], overflow);
    assert_reply!(client, ["BITFIELD", "f", "SET", "u8", 0], "-ERR syntax error");
    let read_only = "-ERR BITFIELD_RO only supports the GET subcommand";
    assert_reply!(client, ["BITFIELD_RO", "f", "SET", "u8", 0, 1], read_only);
    assert_eq!(client.command(&["BITFIELD_RO", "f", "GET", "u8", "8"]).to_string(), "[:255]");
}

#[test]
fn only_changes_are_counted_and_notified() {
    let server = Server::start(&[("notify-keyspace-events", "KEA")]);
    let mut client = server.client();
    let mut listener = server.client();
    listener.command(&["PSUBSCRIBE", "__keyevent@0__:*"]);
    let mut step = |command: &[&str], event: Option<&str>, changes: u64| {
        let before: u64 = server.info("rdb_changes_since_last_save").parse().unwrap();
        client.command(command);
        let after: u64 = server.info("rdb_changes_since_last_save").parse().unwrap();
        assert_eq!(after - before, changes, "{command:?}");
        if let Some(event) = event {
            let message = listener.read();
            assert_eq!(message.items()[2].text(), format!("__keyevent@0__:{event}"));
        }
    };
    step(&["SETBIT", "b", "3", "0"], Some("setbit"), 1);
    step(&["SETBIT", "b", "3", "0"], None, 0);
    step(&["SETBIT", "b", "3", "1"], Some("setbit"), 1);
    step(&["BITFIELD", "b", "GET", "u8", "0"], None, 0);
    step(&["BITFIELD", "b", "SET", "u4", "0", "1", "SET", "u4", "4", "9"], Some("setbit"), 1);
    step(&["BITFIELD", "b", "SET", "u4", "0", "1"], None, 0);
    step(&["BITOP", "NOT", "to", "b"], Some("set"), 1);
    step(&["BITOP", "NOT", "to", "missing"], Some("del"), 1);
    step(&["BITOP", "NOT", "to", "missing"], None, 0);
}
