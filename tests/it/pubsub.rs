//! Subscriptions and messages, in both protocols.

use std::time::Duration;

use super::common::{Server, Value};

#[test]
fn messages_reach_channels_and_patterns() {
    let server = Server::start(&[]);
    let (mut subscriber, mut publisher) = (server.client(), server.client());
    assert_reply!(subscriber, ["SUBSCRIBE", "news", "sport"], "[\"subscribe\", \"news\", :1]");
    assert_eq!(subscriber.read().to_string(), "[\"subscribe\", \"sport\", :2]");
    assert_reply!(subscriber, ["PSUBSCRIBE", "n*"], "[\"psubscribe\", \"n*\", :3]");
    assert_reply!(publisher, ["PUBLISH", "news", "hello"], 2);
    assert_eq!(subscriber.read().to_string(), "[\"message\", \"news\", \"hello\"]");
    assert_eq!(subscriber.read().to_string(), "[\"pmessage\", \"n*\", \"news\", \"hello\"]");
    assert_reply!(publisher, ["PUBLISH", "nobody", "hello"], 1);
    assert_eq!(subscriber.read().to_string(), "[\"pmessage\", \"n*\", \"nobody\", \"hello\"]");
    assert_reply!(publisher, ["PUBSUB", "NUMSUB", "news", "x"], "[\"news\", :1, \"x\", :0]");
    assert_reply!(publisher, ["PUBSUB", "NUMPAT"], 1);
    assert_eq!(
        publisher.command(&["PUBSUB", "CHANNELS"]).sorted().to_string(),
        "[\"news\", \"sport\"]"
    );
    assert_reply!(publisher, ["PUBSUB", "CHANNELS", "s*"], "[\"sport\"]");
    assert_reply!(subscriber, ["UNSUBSCRIBE", "news"], "[\"unsubscribe\", \"news\", :2]");
    assert_reply!(subscriber, ["UNSUBSCRIBE"], "[\"unsubscribe\", \"sport\", :1]");
    assert_reply!(subscriber, ["UNSUBSCRIBE"], "[\"unsubscribe\", (nil), :1]");
    assert_reply!(subscriber, ["PUNSUBSCRIBE"], "[\"punsubscribe\", \"n*\", :0]");
    assert_reply!(subscriber, ["PING"], "+PONG");
}

#[test]
fn resp2_subscribers_can_do_little_else() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["SSUBSCRIBE", "c"], "[\"ssubscribe\", \"c\", :1]");
    let reply = client.command(&["GET", "k"]).to_string();
    assert_eq!(
        reply,
        "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET \
         are allowed in this context"
    );
    assert_reply!(client, ["PING"], "[\"pong\", \"\"]");
    assert_reply!(client, ["PING", "x"], "[\"pong\", \"x\"]");
    assert_eq!(server.client().command(&["SPUBLISH", "c", "m"]).int(), 1);
    assert_eq!(client.read().to_string(), "[\"smessage\", \"c\", \"m\"]");
    assert_reply!(client, ["SUNSUBSCRIBE"], "[\"sunsubscribe\", \"c\", :0]");
    assert_reply!(client, ["GET", "k"], None);
}

#[test]
fn own_messages_come_after_the_reply_that_caused_them() {
    let server = Server::start(&[]);
    let mut client = server.client();
    client.hello3();
    assert_reply!(client, ["SUBSCRIBE", "c"], ">[\"subscribe\", \"c\", :1]");
    assert_reply!(client, ["PUBLISH", "c", "m"], 1);
    assert_eq!(client.read().to_string(), ">[\"message\", \"c\", \"m\"]");
    assert_reply!(client, ["MULTI"], "+OK");
    for queued in [&["PING", "x"][..], &["PUBLISH", "c", "1"], &["PUBLISH", "c", "2"]] {
        assert_eq!(client.command(queued).to_string(), "+QUEUED");
    }
    assert_reply!(client, ["EXEC"], "[\"x\", :1, :1]");
    assert_eq!(client.read().to_string(), ">[\"message\", \"c\", \"1\"]");
    assert_eq!(client.read().to_string(), ">[\"message\", \"c\", \"2\"]");
}

#[test]
fn reply_off_does_not_hold_messages_back() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    client.hello3();
    client.send(&["CLIENT", "REPLY", "OFF"]);
    client.send(&["GET", "k"]);
    client.send(&["SUBSCRIBE", "c"]);
    assert_eq!(client.read().to_string(), ">[\"subscribe\", \"c\", :1]");
    assert_reply!(other, ["PUBLISH", "c", "m"], 1);
    assert_eq!(client.read().to_string(), ">[\"message\", \"c\", \"m\"]");
    client.send(&["CLIENT", "REPLY", "ON"]);
    assert_eq!(client.read().to_string(), "+OK");
}

#[test]
fn everybody_gets_the_message_in_its_protocol() {
    let server = Server::start(&[]);
    let mut clients: Vec<_> = (0..50).map(|_| server.client()).collect();
    for (i, client) in clients.iter_mut().enumerate() {
        if i % 2 == 1 {
            client.hello3();
        }
        client.command(&["SUBSCRIBE", "c"]);
    }
    let message = "x".repeat(100_000);
    let mut publisher = server.client();
    assert_reply!(publisher, ["PUBLISH", "c", message.clone()], 50);
    for (i, client) in clients.iter_mut().enumerate() {
        let parts = ["message", "c", &message].map(Value::bulk).to_vec();
        let want = if i % 2 == 1 { Value::Push(parts) } else { Value::Array(parts) };
        assert!(client.read() == want, "client {i}");
    }
    drop(clients);
    let gone = || publisher.command(&["PUBLISH", "c", "m"]).int() == 0;
    assert!(super::common::server::wait_until(Duration::from_secs(5), gone));
}

/// More receivers than there are spare buffers, and turns that differ in what they bring.
#[test]
fn many_subscribers_get_all_messages_in_order() {
    let server = Server::start(&[]);
    let mut subscribers: Vec<_> = (0..150).map(|_| server.client()).collect();
    for subscriber in &mut subscribers {
        subscriber.command(&["SUBSCRIBE", "c"]);
    }
    let mut publisher = server.client();
    for (count, bytes) in [(1, 1), (40, 30), (3, 9000), (30, 3000), (1, 50_000), (2, 2)] {
        let messages: Vec<String> = (0..count).map(|n| format!("{n:0bytes$}")).collect();
        let commands: Vec<[&str; 3]> = messages.iter().map(|m| ["PUBLISH", "c", m]).collect();
        for receivers in publisher.pipeline(&commands) {
            assert_eq!(receivers.int(), 150);
        }
        for subscriber in &mut subscribers {
            for message in &messages {
                let expected = format!("[\"message\", \"c\", \"{message}\"]");
                assert_eq!(subscriber.read().to_string(), expected);
            }
        }
    }
}
