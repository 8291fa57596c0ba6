//! The Lua debugger over the wire: what a client that speaks to it sees, what stays of a session,
//! and a session of redis-cli where there is one.

use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::common::Server;
use super::common::client::Client;
use super::common::server::wait_until;

const SCRIPT: &str =
    "local a = redis.call('incr', KEYS[1])\nredis.call('set', 'other', a)\nreturn {a, ARGV[1]}";
const CLOSED_LIMIT: Duration = Duration::from_secs(10);

/// A client whose script has stopped before its first line.
fn session(server: &Server, mode: &str, script: &str) -> Client {
    let mut client = server.client();
    assert_reply!(client, ["SCRIPT", "DEBUG", mode], "+OK");
    let stop = client.command(&["EVAL", script, "1", "counter", "arg"]).to_string();
    assert!(stop.contains("* Stopped at 1, stop reason = step over"), "{stop}");
    client
}

fn tell(client: &mut Client, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    client.command(&words).to_string()
}

#[test]
fn what_a_forked_session_does_is_forgotten() {
    let mut server = Server::start(&[("appendonly", "yes")]);
    let mut client = session(&server, "yes", SCRIPT);
    let mut other = server.client();
    assert_reply!(other, ["PING"], "+PONG");
    let step = tell(&mut client, "step");
    for part in ["<redis> incr counter", "<reply> 1", "* Stopped at 2", "redis.call('set'"] {
        assert!(step.contains(part), "{step}");
    }
    assert!(tell(&mut client, "print a").contains("<value> 1"));
    let got = tell(&mut client, "redis get counter");
    assert!(got.contains("<reply>") && got.contains('1'), "the child's data: {got}");
    assert!(tell(&mut client, "continue").contains("<endsession>"));
    assert_eq!(client.read().to_string(), "[:1, \"arg\"]");
    assert!(client.is_closed_within(CLOSED_LIMIT));
    assert_reply!(other, ["DBSIZE"], 0);
    // Its end is noticed, and it does not stand in the way of other children.
    assert_reply!(other, ["BGSAVE"], "+Background saving started");
    assert!(wait_until(CLOSED_LIMIT, || server.info("rdb_bgsave_in_progress") == "0"));
    assert!(!server.log().contains("unmatched pid"));
    assert!(server.stop().success());
}

#[test]
fn a_synchronous_session_works_on_the_data_set() {
    let server = Server::start(&[]);
    let mut client = session(&server, "sync", SCRIPT);
    assert!(tell(&mut client, "abort").contains("<endsession>"));
    let reply = client.read().to_string();
    assert!(reply.starts_with("-ERR script aborted for user request script: "), "{reply}");
    assert!(client.is_closed_within(CLOSED_LIMIT));
    let mut client = session(&server, "SYNC", SCRIPT);
    let mut other = server.client();
    other.send(&["GET", "counter"]);
    assert!(tell(&mut client, "next").contains("* Stopped at 2"));
    assert!(tell(&mut client, "c").contains("<endsession>"));
    assert_eq!(client.read().to_string(), "[:1, \"arg\"]");
    assert_eq!(other.read().to_string(), "\"1\"", "served after the session");
    assert!(client.is_closed_within(CLOSED_LIMIT));
}

#[test]
fn a_person_who_leaves_does_not_stop_the_server() {
    let server = Server::start(&[("busy-reply-threshold", "50")]);
    for mode in ["sync", "yes"] {
        drop(session(&server, mode, SCRIPT));
        drop(session(&server, mode, "while true do end"));
        assert_reply!(server.client(), ["PING"], "+PONG");
    }
    assert_reply!(server.client(), ["GET", "counter"], Some("1"));
}

#[test]
fn sessions_end_with_the_server() {
    let mut server = Server::start(&[]);
    let mut client = session(&server, "yes", SCRIPT);
    assert!(server.stop().success());
    assert!(client.is_closed_within(CLOSED_LIMIT));
    assert!(server.log().contains("Killing debugging session"));
}

#[test]
fn debugging_is_for_eval_outside_of_a_pipeline() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let replies = client.pipeline(&[&["PING"][..], &["SCRIPT", "DEBUG", "yes"]]);
    assert_eq!(replies[1].to_string(), "-ERR SCRIPT DEBUG must be called outside a pipeline");
    assert_reply!(client, ["SCRIPT", "DEBUG", "what"], "-ERR Use SCRIPT DEBUG YES/SYNC/NO");
    assert_reply!(client, ["SCRIPT", "DEBUG", "yes"], "+OK");
    assert_reply!(
        client,
        ["EVALSHA", &"0".repeat(40), "0"],
        "-ERR Please use EVAL instead of EVALSHA for debugging"
    );
    assert_reply!(client, ["SCRIPT", "DEBUG", "no"], "+OK");
    assert_reply!(client, ["EVAL", "return redis.breakpoint()", "0"], None::<&str>);
    let mut client = server.client();
    assert_reply!(client, ["SCRIPT", "DEBUG", "sync"], "+OK");
    let reply = client.command(&["EVAL", "return ]", "0"]).to_string();
    assert_eq!(reply, "[+<endsession>]");
    assert!(client.read().is_error() && client.is_closed_within(CLOSED_LIMIT));
}

#[test]
fn what_is_no_command_ends_the_script() {
    let server = Server::start(&[]);
    let mut client = session(&server, "sync", SCRIPT);
    client.send_raw(b"nonsense\r\n");
    assert!(client.read().to_string().contains("<endsession>"));
    let reply = client.read().to_string();
    assert!(reply.starts_with("-ERR protocol error script: "), "{reply}");
}

/// `REDIS_CLI`, else redis-cli beside the reference or in PATH.
fn redis_cli() -> Option<PathBuf> {
    let named = env::var_os("REDIS_CLI").map(PathBuf::from);
    let beside =
        env::var_os("REDIS_REFERENCE").map(|path| PathBuf::from(path).with_file_name("redis-cli"));
    let dirs = env::var_os("PATH").unwrap_or_default();
    let in_path = env::split_paths(&dirs).map(|dir| dir.join("redis-cli"));
    named.into_iter().chain(beside).chain(in_path).find(|path| path.is_file())
}

#[test]
fn redis_cli_debugs_a_script() {
    let Some(cli) = redis_cli() else {
        eprintln!("skipped: no redis-cli (set REDIS_CLI)");
        return;
    };
    let server = Server::start(&[]);
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script.lua");
    std::fs::write(&script, SCRIPT).unwrap();
    let port = server.port.to_string();
    for (option, left) in [("--ldb", None), ("--ldb-sync-mode", Some("1"))] {
        let mut child = Command::new(&cli)
            .args(["-h", "127.0.0.1", "-p", &port, option, "--eval"])
            .arg(&script)
            .args(["counter", ",", "arg"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"step\nprint a\nwhole\ncontinue\nquit\n").unwrap();
        drop(input);
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        for part in [
            "Lua debugging session started",
            "* Stopped at 1, stop reason = step over",
            "<redis> incr counter",
            "* Stopped at 2, stop reason = step over",
            "<value> 1",
            "return {a, ARGV[1]}",
            "(Lua debugging session ended",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert_reply!(server.client(), ["GET", "counter"], left);
    }
}
