//! Strings over the wire: encodings, expiry options, limits, notifications.

use super::common::{Server, Value};

#[test]
fn encodings_follow_the_way_of_writing() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut encoding = |commands: &[&[&str]]| {
        client.command(&["DEL", "k"]);
        for command in commands {
            client.command(command);
        }
        client.command(&["OBJECT", "ENCODING", "k"]).text()
    };
    let (short, long) = ("x".repeat(44), "x".repeat(45));
    assert_eq!(encoding(&[&["SET", "k", "12"]]), "int");
    assert_eq!(encoding(&[&["SET", "k", &short]]), "embstr");
    assert_eq!(encoding(&[&["SET", "k", &long]]), "raw");
    assert_eq!(encoding(&[&["INCR", "k"]]), "int");
    assert_eq!(encoding(&[&["SET", "k", "12"], &["INCRBYFLOAT", "k", "1"]]), "embstr");
    assert_eq!(encoding(&[&["INCRBYFLOAT", "k", "1"], &["INCR", "k"]]), "int");
    assert_eq!(encoding(&[&["APPEND", "k", "12"]]), "int");
    assert_eq!(encoding(&[&["APPEND", "k", "1"], &["APPEND", "k", "2"]]), "raw");
    assert_eq!(encoding(&[&["APPEND", "k", "1"], &["APPEND", "k", "2"], &["INCR", "k"]]), "int");
    assert_eq!(encoding(&[&["SETRANGE", "k", "0", "7"]]), "raw");
    assert_eq!(encoding(&[&["SET", "k", "x"], &["SETRANGE", "k", "0", ""]]), "embstr");
}

#[test]
fn expiry_options() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["SET", "k", "v", "EX", 10, "EX", 100], "+OK");
    assert!((99..=100).contains(&client.command(&["TTL", "k"]).int()));
    assert_reply!(client, ["SET", "k", "w", "KEEPTTL", "GET"], Some("v"));
    assert!(client.command(&["PTTL", "k"]).int() > 90_000);
    for options in
        [["EX", "10", "PX", "10"], ["EX", "10", "KEEPTTL", "GET"], ["NX", "EX", "1", "XX"]]
    {
        let mut command = vec!["SET", "k", "v"];
        command.extend(options);
        assert_eq!(client.command(&command).to_string(), "-ERR syntax error");
    }
    let invalid = "-ERR invalid expire time in 'set' command";
    for time in ["0", "-1", "9223372036854775807", "9223372036854775"] {
        assert_reply!(client, ["SET", "k", "v", "EX", time], invalid);
    }
    let invalid = "-ERR invalid expire time in 'psetex' command";
    assert_reply!(client, ["PSETEX", "k", 0, "v"], invalid);
    assert_reply!(client, ["GETEX", "k", "PERSIST"], Some("w"));
    assert_reply!(client, ["TTL", "k"], -1);
    assert_reply!(client, ["GETEX", "k", "PXAT", 1], Some("w"));
    assert_reply!(client, ["EXISTS", "k"], 0);
    assert_reply!(client, ["SET", "k", "v", "EX", 10], "+OK");
    assert_reply!(client, ["INCRBYFLOAT", "k", 1], "-ERR value is not a valid float");
    assert_reply!(client, ["SETRANGE", "k", 0, "1"], 1);
    assert_reply!(client, ["INCR", "k"], 2);
    assert_reply!(client, ["INCRBYFLOAT", "k", "0.5"], Some("2.5"));
    assert_reply!(client, ["TTL", "k"], 10);
    assert_reply!(client, ["GETSET", "k", "w"], Some("2.5"));
    assert_reply!(client, ["TTL", "k"], -1);
}

#[test]
fn ranges_clamp_to_the_string() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.command(&["SET", "k", "hello"]);
    for (start, end, part) in [
        ("0", "-1", "hello"),
        ("-3", "-2", "ll"),
        ("3", "100", "lo"),
        ("-100", "1", "he"),
        ("5", "10", ""),
        ("3", "1", ""),
        ("-100", "-90", ""),
        ("-1", "-100", ""),
        ("-9223372036854775808", "9223372036854775807", "hello"),
    ] {
        assert_reply!(client, ["GETRANGE", "k", start, end], Some(part));
        assert_reply!(client, ["SUBSTR", "k", start, end], Some(part));
    }
    client.command(&["SET", "n", "123456"]);
    assert_reply!(client, ["GETRANGE", "n", 1, 3], Some("234"));
}

#[test]
fn strings_do_not_grow_beyond_the_limit() {
    let server = Server::start(&[("proto-max-bulk-len", "1mb")]);
    let mut client = server.client();
    let error = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    assert_reply!(client, ["SETRANGE", "k", 1_048_576, "x"], error);
    assert_reply!(client, ["SETRANGE", "k", "9223372036854775807", "x"], error);
    assert_reply!(client, ["EXISTS", "k"], 0);
    assert_reply!(client, ["SETRANGE", "k", 1_048_575, "x"], 1_048_576);
    assert_reply!(client, ["APPEND", "k", "y"], error);
    assert_reply!(client, ["SETRANGE", "k", -1, "x"], "-ERR offset is out of range");
}

#[test]
fn counters_stop_at_the_ends() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let overflow = "-ERR increment or decrement would overflow";
    client.command(&["SET", "n", i64::MAX.to_string().as_str()]);
    assert_reply!(client, ["INCR", "n"], overflow);
    assert_reply!(client, ["DECRBY", "n", i64::MAX], 0);
    assert_reply!(client, ["INCRBY", "n", i64::MIN], Value::Int(i64::MIN));
    assert_reply!(client, ["DECR", "n"], overflow);
    assert_reply!(client, ["DECRBY", "n", i64::MIN], "-ERR decrement would overflow");
    let infinite = "-ERR increment would produce NaN or Infinity";
    assert_reply!(client, ["INCRBYFLOAT", "n", "inf"], infinite);
    for text in ["", " 1", "1 ", "1.0", "+1", "01"] {
        client.command(&["SET", "n", text]);
        assert_reply!(client, ["INCR", "n"], "-ERR value is not an integer or out of range");
    }
}

#[test]
fn notifications_name_the_effect() {
    let server = Server::start(&[("notify-keyspace-events", "KEA")]);
    let mut client = server.client();
    let mut listener = server.client();
    listener.command(&["PSUBSCRIBE", "__keyevent@0__:*"]);
    let mut step = |command: &[&str], events: &[&str]| {
        client.command(command);
        for event in events {
            let message = listener.read();
            let name = message.items()[2].text();
            assert_eq!(name, format!("__keyevent@0__:{event}"), "{command:?}");
        }
    };
    step(&["SET", "k", "1", "EX", "100"], &["set", "expire"]);
    step(&["INCR", "k"], &["incrby"]);
    step(&["INCRBYFLOAT", "k", "1"], &["incrbyfloat"]);
    step(&["APPEND", "k", "x"], &["append"]);
    step(&["SETRANGE", "k", "9", "x"], &["setrange"]);
    step(&["GETEX", "k", "PERSIST"], &["persist"]);
    step(&["GETEX", "k", "EX", "100"], &["expire"]);
    step(&["GETSET", "k", "v"], &["set"]);
    step(&["SETNX", "k", "v"], &[]);
    step(&["MSET", "a", "1", "b", "2"], &["set", "set"]);
    step(&["MSETNX", "a", "1", "c", "2"], &[]);
    step(&["GETDEL", "k"], &["del"]);
    step(&["GETEX", "a", "EXAT", "1"], &["del"]);
}

#[test]
fn longest_common_subsequence() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.command(&["MSET", "a", "ohmytext", "b", "mynewtext"]);
    assert_reply!(client, ["LCS", "a", "b"], Some("mytext"));
    assert_reply!(client, ["LCS", "a", "b", "LEN"], 6);
    let reply = client.command(&["LCS", "a", "b", "IDX", "MINMATCHLEN", "4", "WITHMATCHLEN"]);
    assert_eq!(reply.to_string(), r#"["matches", [[[:4, :7], [:5, :8], :4]], "len", :6]"#);
    let both = "-ERR If you want both the length and indexes, please just use IDX.";
    assert_reply!(client, ["LCS", "a", "b", "IDX", "LEN"], both);
    client.command(&["RPUSH", "l", "x"]);
    let strings = "-ERR The specified keys must contain string values";
    assert_reply!(client, ["LCS", "a", "l"], strings);
}
