//! AUTH, HELLO, CLIENT and the limits of connections.

use std::time::Duration;

use super::common::client::Client;
use super::common::server::wait_until;
use super::common::{Server, Value};

const SOON: Duration = Duration::from_secs(5);

/// A field of the client's own CLIENT INFO line.
fn field(client: &mut Client, name: &str) -> String {
    field_of(&client.command(&["CLIENT", "INFO"]).text(), name)
}

fn field_of(line: &str, name: &str) -> String {
    let start = format!("{name}=");
    let found = line.split_whitespace().find_map(|field| field.strip_prefix(&start));
    found.unwrap_or_else(|| panic!("no {name} in {line}")).to_string()
}

/// The line of the client of that name, if it is connected.
fn line_of(client: &mut Client, name: &str) -> Option<String> {
    let list = client.command(&["CLIENT", "LIST"]).text();
    let wanted = format!(" name={name} ");
    list.lines().find(|line| line.contains(&wanted)).map(str::to_string)
}

#[test]
fn passwords() {
    let server = Server::start(&[("requirepass", "secret")]);
    let mut client = server.client();
    assert_reply!(client, ["GET", "k"], "-NOAUTH Authentication required.");
    let wrong = "-WRONGPASS invalid username-password pair or user is disabled.";
    assert_reply!(client, ["AUTH", "wrong"], wrong);
    assert_reply!(client, ["AUTH", "nobody", "secret"], wrong);
    assert_reply!(client, ["AUTH", "a", "b", "c"], "-ERR syntax error");
    assert!(client.command(&["HELLO", "3"]).text().starts_with("NOAUTH HELLO must be called"));
    assert_reply!(client, ["AUTH", "secret"], "+OK");
    assert_reply!(client, ["GET", "k"], None);
    let mut client = server.client();
    let hello = client.command(&["HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me"]);
    assert_eq!(hello.get("proto"), Some(&Value::Int(3)));
    assert_reply!(client, ["CLIENT", "GETNAME"], Some("me"));
    assert_reply!(client, ["RESET"], "+RESET");
    assert_reply!(client, ["GET", "k"], "-NOAUTH Authentication required.");
}

#[test]
fn strangers_may_send_little() {
    let server = Server::start(&[("requirepass", "secret")]);
    for (bytes, text) in [
        (&b"*100\r\n"[..], "-ERR Protocol error: unauthenticated multibulk length"),
        (b"*1\r\n$20000\r\n", "-ERR Protocol error: unauthenticated bulk length"),
    ] {
        let mut client = server.client();
        client.send_raw(bytes);
        assert_eq!(client.read().to_string(), text);
        assert!(client.is_closed_within(SOON));
    }
}

#[test]
fn hello_refuses_what_it_does_not_know() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["HELLO", 4], "-NOPROTO unsupported protocol version");
    let text = "-ERR Protocol version is not an integer or out of range";
    assert_reply!(client, ["HELLO", "x"], text);
    assert_reply!(client, ["HELLO", 3, "FOO"], "-ERR Syntax error in HELLO option 'FOO'");
    let text = "-ERR Client names cannot contain spaces, newlines or special characters.";
    assert_reply!(client, ["HELLO", 3, "SETNAME", "a b"], text);
    let text = "-ERR AUTH <password> called without any password configured for the default \
                user. Are you sure your configuration is correct?";
    assert_reply!(client, ["AUTH", "x"], text);
    assert_eq!(client.command(&["HELLO"]).get("proto"), Some(&Value::Int(2)));
}

#[test]
fn the_line_of_a_client() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["CLIENT", "SETNAME", "me"], "+OK");
    assert_reply!(client, ["CLIENT", "SETINFO", "lib-name", "lib"], "+OK");
    assert_reply!(client, ["SELECT", 3], "+OK");
    assert_reply!(client, ["WATCH", "a", "b"], "+OK");
    let line = client.command(&["CLIENT", "LIST"]).text();
    let id = client.command(&["CLIENT", "ID"]).int();
    assert!(line.starts_with(&format!("id={id} addr=127.0.0.1:")), "{line}");
    for (name, value) in [
        ("name", "me"),
        ("flags", "N"),
        ("db", "3"),
        ("multi", "-1"),
        ("watch", "2"),
        ("qbuf", "26"),
        ("obl", "0"),
        ("omem", "0"),
        ("events", "r"),
        ("cmd", "client|list"),
        ("user", "default"),
        ("redir", "-1"),
        ("resp", "2"),
        ("lib-name", "lib"),
        ("lib-ver", ""),
    ] {
        assert_eq!(field_of(&line, name), value, "{name} in {line}");
    }
    assert_reply!(client, ["CLIENT", "LIST", "TYPE", "pubsub"], Some(""));
    assert_reply!(client, ["CLIENT", "LIST", "TYPE", "x"], "-ERR Unknown client type 'x'");
    assert_reply!(client, ["CLIENT", "LIST", "ID", "x"], "-ERR Invalid client ID");
    let line = client.command(&["CLIENT", "LIST", "ID", "999", &id.to_string()]).text();
    assert_eq!(line.lines().count(), 1);
}

#[test]
fn kill_filters() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut victim = server.client();
    let id = victim.command(&["CLIENT", "ID"]).int();
    assert_reply!(client, ["CLIENT", "KILL", "ID", id, "TYPE", "pubsub"], 0);
    assert_reply!(client, ["CLIENT", "KILL", "ID", id, "MAXAGE", 100], 0);
    assert_reply!(client, ["CLIENT", "KILL", "ID", id, "USER", "default"], 1);
    assert!(victim.is_closed_within(SOON));
    let mut victim = server.client();
    let addr = field(&mut victim, "addr");
    assert_reply!(client, ["CLIENT", "KILL", addr], "+OK");
    assert!(victim.is_closed_within(SOON));
    assert_reply!(client, ["CLIENT", "KILL", "1.2.3.4:5"], "-ERR No such client");
    assert_reply!(client, ["CLIENT", "KILL", "ID", 0], "-ERR client-id should be greater than 0");
    assert_reply!(client, ["CLIENT", "KILL", "USER", "bob"], "-ERR No such user 'bob'");
    assert_reply!(client, ["CLIENT", "KILL", "SKIPME", "x"], "-ERR syntax error");
    assert_reply!(client, ["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "no"], 1);
    assert!(client.is_closed_within(SOON));
}

#[test]
fn reply_modes() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.send(&["CLIENT", "REPLY", "SKIP"]);
    client.send(&["PING", "1"]);
    client.send(&["PING", "2"]);
    assert_eq!(client.read(), Value::bulk("2"));
    client.send(&["CLIENT", "REPLY", "OFF"]);
    client.send(&["PING", "3"]);
    client.send(&["CLIENT", "REPLY", "SKIP"]);
    client.send(&["NOSUCH"]);
    assert_reply!(client, ["CLIENT", "REPLY", "ON"], "+OK");
    assert_reply!(client, ["PING", "4"], Some("4"));
}

#[test]
fn pauses_hold_writes_or_everything_back() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    assert_reply!(
        client,
        ["CLIENT", "PAUSE", "x"],
        "-ERR timeout is not an integer or out of range"
    );
    assert_reply!(client, ["CLIENT", "PAUSE", -1], "-ERR timeout is negative");
    assert_reply!(
        client,
        ["CLIENT", "PAUSE", 1, "x"],
        "-ERR CLIENT PAUSE mode must be WRITE or ALL"
    );
    assert_reply!(client, ["CLIENT", "PAUSE", 60_000, "WRITE"], "+OK");
    assert_reply!(other, ["GET", "k"], None);
    other.send_raw(b"SET k 1\r\nGET k\r\nSET k\r\n");
    assert!(other.try_read(Duration::from_millis(100)).is_none());
    assert_reply!(client, ["GET", "k"], None);
    assert_reply!(client, ["CLIENT", "UNPAUSE"], "+OK");
    assert_eq!(other.read().to_string(), "+OK");
    assert_eq!(other.read(), Value::bulk("1"));
    assert!(other.read().is_error());
    assert_reply!(client, ["CLIENT", "PAUSE", 200], "+OK");
    other.send(&["MULTI"]);
    assert!(other.try_read(Duration::from_millis(50)).is_none());
    assert_eq!(other.read().to_string(), "+OK");
    assert_reply!(other, ["PING"], "+QUEUED");
    assert_reply!(other, ["EXEC"], "[+PONG]");
}

#[test]
fn expired_keys_stay_during_a_pause() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["SET", "k", 1, "PX", 20], "+OK");
    assert_reply!(client, ["CLIENT", "PAUSE", 60_000, "WRITE"], "+OK");
    std::thread::sleep(Duration::from_millis(40));
    assert_reply!(client, ["GET", "k"], None);
    assert_reply!(client, ["EXISTS", "k"], 0);
    assert_reply!(client, ["CLIENT", "UNPAUSE"], "+OK");
    assert_reply!(client, ["SET", "k", 2, "NX", "GET"], None);
    assert_reply!(client, ["GET", "k"], Some("2"));
}

#[test]
fn too_many_clients() {
    let server = Server::start(&[("maxclients", "3")]);
    let mut kept: Vec<Client> = Vec::new();
    let full = wait_until(SOON, || {
        let mut client = server.client();
        let answer = client.command(&["PING"]);
        if answer.is_error() {
            assert_eq!(answer.to_string(), "-ERR max number of clients reached");
            assert!(client.is_closed_within(SOON));
            return true;
        }
        kept.push(client);
        false
    });
    assert!(full && kept.len() <= 3);
}

#[test]
fn idle_clients_are_closed() {
    let server = Server::start(&[("timeout", "1")]);
    let (mut idle, mut subscriber) = (server.client(), server.client());
    subscriber.command(&["SUBSCRIBE", "c"]);
    assert_reply!(idle, ["PING"], "+PONG");
    assert!(idle.is_closed_within(Duration::from_secs(10)));
    assert!(!subscriber.is_closed_within(Duration::from_millis(10)));
}

#[test]
fn a_request_and_the_end_of_input_in_one_go() {
    use std::io::{Read, Write};
    let server = Server::start(&[]);
    for _ in 0..20 {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.write_all(b"PING\r\nPING x\r\n").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = String::new();
        stream.read_to_string(&mut all).unwrap();
        // Whether the replies are sent before the end is noticed is a matter of timing.
        assert!(all.is_empty() || all == "+PONG\r\n$1\r\nx\r\n", "{all:?}");
    }
    let mut client = server.client();
    let gone = || client.command(&["CLIENT", "LIST"]).text().lines().count() <= 2;
    assert!(wait_until(SOON, gone));
}

#[test]
fn big_arguments_in_pieces() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    assert_reply!(client, ["CLIENT", "SETNAME", "writer"], "+OK");
    let value = vec![b'v'; 3_000_000];
    client.send_raw(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3000000\r\n");
    client.send_raw(&value[..1_000_000]);
    let arrived = wait_until(SOON, || {
        let line = line_of(&mut other, "writer").expect("it is connected");
        field_of(&line, "qbuf") == "1000000"
    });
    assert!(arrived);
    client.send_raw(&value[1_000_000..]);
    client.send_raw(b"\r\nGET k\r\n");
    assert_eq!(client.read().to_string(), "+OK");
    assert_eq!(client.read(), Value::bulk(&value));
}

#[test]
fn slow_readers_are_closed_at_the_hard_limit() {
    let server = Server::start(&[("client-output-buffer-limit", "normal 100000 0 0")]);
    let (mut client, mut other) = (server.client(), server.client());
    assert_reply!(client, ["SET", "k", vec![b'x'; 60_000]], "+OK");
    assert_reply!(client, ["CLIENT", "SETNAME", "reader"], "+OK");
    assert_reply!(client, ["GET", "k"], Value::bulk(vec![b'x'; 60_000]));
    client.send_raw(b"GET k\r\nGET k\r\nGET k\r\nSET done 1\r\n");
    assert!(client.is_closed_within(SOON), "and gets nothing of what is over the limit");
    assert_eq!(line_of(&mut other, "reader"), None);
    assert!(server.log().contains("scheduled to be closed ASAP for overcoming of output buffer"));
}

#[test]
fn the_largest_clients_are_evicted_first() {
    let server = Server::start(&[("maxmemory-clients", "1mb")]);
    let mut control = server.client();
    assert_reply!(control, ["CLIENT", "NO-EVICT", "on"], "+OK");
    let mut small = server.client();
    assert_reply!(small, ["CLIENT", "SETNAME", "small"], "+OK");
    small.send_raw(b"*2\r\n$100000\r\n");
    let mut large = server.client();
    assert_reply!(large, ["CLIENT", "SETNAME", "large"], "+OK");
    large.send_raw(b"*2\r\n$2000000\r\n");
    assert!(large.is_closed_within(SOON));
    assert_eq!(line_of(&mut control, "large"), None);
    assert!(line_of(&mut control, "small").is_some());
}
