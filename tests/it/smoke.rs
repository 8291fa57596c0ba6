//! The first things any client does: if these fail, nothing else is worth reading.

use std::time::Duration;

use super::common::{Server, Value};

#[test]
fn ping_set_get() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["PING"], "+PONG");
    assert_reply!(client, ["PING", "hello"], Some("hello"));
    assert_reply!(client, ["SET", "k", "v"], "+OK");
    assert_reply!(client, ["GET", "k"], Some("v"));
    assert_reply!(client, ["GET", "missing"], None);
    assert_reply!(client, ["INCRBY", "n", 41], 41);
    assert_reply!(client, ["DEL", "k", "n", "missing"], 2);
}

#[test]
fn values_are_binary_safe() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let value: Vec<u8> = (0..=255).chain(*b"\r\n$-1\r\n").collect();
    assert_reply!(client, ["SET", b"k\0\r\n", value], "+OK");
    assert_reply!(client, ["GET", b"k\0\r\n"], Value::bulk(&value));
    let big = vec![b'x'; 1 << 20];
    assert_reply!(client, ["SET", "big", big], "+OK");
    assert_reply!(client, ["GET", "big"], Value::bulk(&big));
}

#[test]
fn inline_commands() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.send_raw(b"PING\r\n\r\nSET k \"a b\\x00\"\nGET k\r\n");
    assert_eq!(client.read().to_string(), "+PONG");
    assert_eq!(client.read().to_string(), "+OK");
    assert_eq!(client.read(), Value::bulk(b"a b\0"));
}

#[test]
fn error_texts() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let unknown = "-ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' ";
    assert_reply!(client, ["NOSUCH", "a", "b"], unknown);
    assert_reply!(client, ["GET"], "-ERR wrong number of arguments for 'get' command");
    assert_reply!(client, ["SET", "k", "v", "BOGUS"], "-ERR syntax error");
    assert_reply!(client, ["SET", "k", "v"], "+OK");
    assert_reply!(client, ["INCR", "k"], "-ERR value is not an integer or out of range");
    let wrong_type = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    assert_reply!(client, ["LPUSH", "k", "x"], wrong_type);
}

#[test]
fn protocol_errors_close_the_connection() {
    let server = Server::start(&[]);
    for (bytes, text) in [
        (&b"*1\r\n:1\r\n"[..], "-ERR Protocol error: expected '$', got ':'"),
        (b"*x\r\n", "-ERR Protocol error: invalid multibulk length"),
        (b"*1\r\n$-5\r\n", "-ERR Protocol error: invalid bulk length"),
        (b"SET \"open\r\n", "-ERR Protocol error: unbalanced quotes in request"),
    ] {
        let mut client = server.client();
        client.send_raw(bytes);
        assert_eq!(client.read().to_string(), text);
        assert!(client.is_closed_within(Duration::from_secs(5)), "still open after {text}");
    }
}

#[test]
fn resp3_replies() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let hello = client.hello3();
    assert_eq!(hello.get("proto"), Some(&Value::Int(3)));
    assert_reply!(client, ["GET", "missing"], "(null)");
    assert_reply!(client, ["HSET", "h", "f", "v"], 1);
    assert_reply!(client, ["HGETALL", "h"], r#"{"f": "v"}"#);
}

#[test]
fn pipeline_of_ten_thousand() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let commands: Vec<Vec<String>> = (0..5_000)
        .flat_map(|i| {
            let (key, value) = (format!("key:{i}"), format!("value:{i}"));
            [vec!["SET".into(), key.clone(), value], vec!["GET".into(), key]]
        })
        .collect();
    let replies = client.pipeline(&commands);
    assert_eq!(replies.len(), 10_000);
    for (i, pair) in replies.chunks(2).enumerate() {
        assert_eq!(pair[0], Value::Simple(b"OK".to_vec()));
        assert_eq!(pair[1], Value::bulk(format!("value:{i}")));
    }
}

#[test]
fn a_request_may_arrive_byte_by_byte() {
    let server = Server::start(&[]);
    let mut client = server.client();
    for byte in b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$2\r\nvv\r\n" {
        client.send_raw(&[*byte]);
        std::thread::sleep(Duration::from_micros(200));
    }
    assert_eq!(client.read().to_string(), "+OK");
    assert_reply!(client, ["GET", "k"], Some("vv"));
}

#[test]
fn sigterm_ends_the_server_and_restart_brings_it_back() {
    let mut server = Server::start(&[]);
    assert_reply!(server.client(), ["SET", "k", "v"], "+OK");
    assert!(server.stop().success());
    server.restart();
    assert_reply!(server.client(), ["GET", "k"], None);
}
