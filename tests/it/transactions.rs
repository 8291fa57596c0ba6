//! MULTI, EXEC, DISCARD and WATCH as clients see them.

use std::time::Duration;

use super::common::Server;

#[test]
fn queued_commands_run_together() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["EXEC"], "-ERR EXEC without MULTI");
    assert_reply!(client, ["DISCARD"], "-ERR DISCARD without MULTI");
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["MULTI"], "-ERR MULTI calls can not be nested");
    assert_reply!(client, ["WATCH", "k"], "-ERR WATCH inside MULTI is not allowed");
    assert_reply!(client, ["SET", "k", "text"], "+QUEUED");
    assert_reply!(client, ["INCR", "k"], "+QUEUED");
    assert_reply!(client, ["GET", "k"], "+QUEUED");
    assert_eq!(server.client().command(&["GET", "k"]).to_string(), "(nil)");
    let error = "-ERR value is not an integer or out of range";
    assert_reply!(client, ["EXEC"], &*format!("[+OK, {error}, \"text\"]"));
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["EXEC"], "[]");
}

#[test]
fn a_refused_command_dooms_the_transaction() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let abort = "-EXECABORT Transaction discarded because of previous errors.";
    for refused in [&["NOSUCH"][..], &["GET"], &["CLIENT", "NOSUCH"]] {
        assert_reply!(client, ["MULTI"], "+OK");
        assert!(client.command(refused).is_error());
        assert_reply!(client, ["SET", "k", 1], "+QUEUED");
        assert_reply!(client, ["EXEC"], abort);
        assert_reply!(client, ["GET", "k"], None);
    }
    assert_reply!(client, ["MULTI"], "+OK");
    let reason = "wrong number of arguments for 'exec' command";
    let text = format!("-EXECABORT Transaction discarded because of: {reason}");
    assert_reply!(client, ["EXEC", "now"], &*text);
    assert_reply!(client, ["PING"], "+PONG");
}

#[test]
fn watched_keys() {
    let server = Server::start(&[]);
    let (mut client, mut other) = (server.client(), server.client());
    for (setup, change, broken) in [
        (&["SET", "k", "1"][..], &["SET", "k", "1"][..], true),
        (&["SET", "k", "1"], &["GET", "k"], false),
        (&["DEL", "k"], &["DEL", "k"], false),
        (&["DEL", "k"], &["APPEND", "k", "x"], true),
        (&["SET", "k", "1"], &["DEL", "k"], true),
    ] {
        client.command(setup);
        assert_reply!(client, ["WATCH", "k", "elsewhere"], "+OK");
        other.command(change);
        assert_reply!(client, ["MULTI"], "+OK");
        assert_reply!(client, ["PING"], "+QUEUED");
        let want = if broken { "(nil array)" } else { "[+PONG]" };
        assert_reply!(client, ["EXEC"], want);
    }
    client.command(&["SET", "k", "1"]);
    assert_reply!(client, ["WATCH", "k"], "+OK");
    assert_reply!(other, ["SET", "k", "2"], "+OK");
    assert_reply!(client, ["UNWATCH"], "+OK");
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["EXEC"], "[]");
}

#[test]
fn a_watched_key_that_runs_out_breaks_the_watch_but_not_one_that_had_run_out() {
    let server = Server::start(&[]);
    let mut client = server.client();
    assert_reply!(client, ["SET", "k", "1", "PX", 20], "+OK");
    assert_reply!(client, ["WATCH", "k"], "+OK");
    std::thread::sleep(Duration::from_millis(40));
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["EXEC"], "(nil array)");
    assert_reply!(client, ["WATCH", "k"], "+OK");
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["GET", "k"], "+QUEUED");
    assert_reply!(client, ["EXEC"], "[(nil)]");
}

#[test]
fn a_client_that_leaves_takes_its_watches_along() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let mut gone = server.client();
    assert_reply!(gone, ["WATCH", "k"], "+OK");
    assert_reply!(gone, ["MULTI"], "+OK");
    drop(gone);
    assert_reply!(client, ["SET", "k", "1"], "+OK");
    assert_reply!(client, ["WATCH", "k"], "+OK");
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["EXEC"], "[]");
}
