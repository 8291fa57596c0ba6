//! A replica that reads the RDB straight from its link: what it has when that fails, and that it
//! ends when it is told to, however slow its master is.
//!
//! The master that fails is a socket of the test: it answers the handshake and sends what no real
//! master would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use crate::common::server::{Server, wait_until};

const LIMIT: Duration = Duration::from_secs(40);
const QUICK: &[(&str, &str)] =
    &[("repl-diskless-sync-delay", "0"), ("repl-rdb-channel", "no"), ("save", "")];
const MARK: &[u8; 40] = b"0123456789012345678901234567890123456789";

fn start(more: &[(&str, &str)]) -> Server {
    Server::start(&[QUICK, more].concat())
}

fn follow(replica: &Server, port: u16) {
    assert_reply!(replica.client(), ["REPLICAOF", "127.0.0.1", port], "+OK");
}

fn wait_for_link(replica: &Server) {
    let up = || replica.info("master_link_status") == "up";
    assert!(wait_until(LIMIT, up), "no link; log:\n{}", replica.log());
}

/// A library whose function `version` tells its number.
fn library(version: u8) -> String {
    let function = format!("function() return {version} end");
    format!(
        "#!lua name=lib\nredis.register_function{{function_name='version', callback={function}, \
         flags={{'no-writes'}}}}"
    )
}

/// An RDB with 200 keys and that library, whose code is no Lua any more.
fn rdb_with_a_broken_library() -> Vec<u8> {
    let source = start(&[("rdbcompression", "no")]);
    let mut client = source.client();
    call!(client, ["DEBUG", "POPULATE", 200, "new", 1000]);
    call!(client, ["FUNCTION", "LOAD", library(2)]);
    assert_reply!(client, ["SAVE"], "+OK");
    let mut rdb = std::fs::read(source.path("dump.rdb")).unwrap();
    let at = rdb.windows(8).position(|text| text == b"return 2").expect("the code is in there");
    rdb[at + 7] = b'(';
    // A checksum of zero is not looked at.
    let end = rdb.len();
    rdb[end - 8..].fill(0);
    rdb
}

/// Reads one command; its name.
fn read_command(input: &mut impl BufRead) -> String {
    let mut line = || {
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        line.trim().to_lowercase()
    };
    let argc: usize = line()[1..].parse().unwrap();
    // No argument of a handshake has a line break.
    let argv: Vec<String> = (0..argc).map(|_| (line(), line()).1).collect();
    argv[0].clone()
}

/// Answers a replica until it is to be sent an RDB of that history.
fn shake_hands(mut stream: &TcpStream, history: &str) {
    let mut input = BufReader::new(stream);
    loop {
        let reply = match read_command(&mut input).as_str() {
            "ping" => "+PONG\r\n".to_string(),
            "psync" => {
                let mark = std::str::from_utf8(MARK).unwrap();
                let text = format!("+FULLRESYNC {history}\r\n$EOF:{mark}\r\n");
                return stream.write_all(text.as_bytes()).unwrap();
            }
            _ => "+OK\r\n".to_string(),
        };
        stream.write_all(reply.as_bytes()).unwrap();
    }
}

/// Serves one replica: sends the RDB, slowly until `hurry`.
fn fake_master(history: String, rdb: Vec<u8>, hurry: &Arc<AtomicBool>) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let hurry = Arc::clone(hurry);
    let thread = spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        shake_hands(&stream, &history);
        for piece in rdb.chunks(500) {
            stream.write_all(piece).unwrap();
            if !hurry.load(SeqCst) {
                sleep(Duration::from_millis(10));
            }
        }
        stream.write_all(MARK).unwrap();
        // Until the replica hangs up.
        let _ = stream.read_to_end(&mut Vec::new());
    });
    (port, thread)
}

/// The old data and the old functions are served while the new ones come, and stay if one of those
/// does not load.
#[test]
fn a_library_that_does_not_load_leaves_the_old_data_and_functions() {
    let master = start(&[]);
    let replica = start(&[
        ("repl-diskless-load", "swapdb"),
        ("loading-process-events-interval-bytes", "1024"),
    ]);
    let mut client = master.client();
    call!(client, ["FUNCTION", "LOAD", library(1)]);
    call!(client, ["DEBUG", "POPULATE", 50, "old", 100]);
    follow(&replica, master.port);
    wait_for_link(&replica);
    assert_reply!(client, ["WAIT", 1, 10_000], 1);
    let state = || {
        let mut client = replica.client();
        let digest = call!(client, ["DEBUG", "DIGEST"]).text();
        (digest, call!(client, ["FUNCTION", "DUMP"]))
    };
    let before = state();
    let offset: i64 = master.info("master_repl_offset").parse().unwrap();
    let history = format!("{} {}", master.info("master_replid"), offset + 10_000);
    let hurry = Arc::new(AtomicBool::new(false));
    let (port, thread) = fake_master(history, rdb_with_a_broken_library(), &hurry);
    follow(&replica, port);
    assert!(wait_until(LIMIT, || replica.info("async_loading") == "1"), "{}", replica.log());
    let mut reader = replica.client();
    assert_reply!(reader, ["FCALL", "version", 0], 1);
    assert_reply!(reader, ["EXISTS", "old:7"], 1);
    hurry.store(true, SeqCst);
    replica.wait_for_log("Failed loading library");
    thread.join().unwrap();
    assert!(wait_until(LIMIT, || replica.info("loading") == "0"));
    assert_reply!(reader, ["FCALL", "version", 0], 1);
    assert_eq!(state(), before);
    // The true master replaces its library, and is followed.
    follow(&replica, master.port);
    call!(client, ["FUNCTION", "LOAD", "REPLACE", library(3)]);
    wait_for_link(&replica);
    assert_reply!(client, ["WAIT", 1, 10_000], 1);
    assert_reply!(reader, ["FCALL", "version", 0], 3);
}

/// SIGTERM ends a load from a link on which nothing comes.
#[test]
fn a_silent_master_does_not_keep_its_replica_from_ending() {
    for load in ["on-empty-db", "swapdb"] {
        // Ten seconds for each key.
        let master = start(&[("rdb-key-save-delay", "10000000"), ("rdbcompression", "no")]);
        let mut replica = start(&[("repl-diskless-load", load)]);
        call!(master.client(), ["DEBUG", "POPULATE", 10, "key", 200_000]);
        follow(&replica, master.port);
        replica.wait_for_log("Loading DB in memory");
        let begin = Instant::now();
        assert!(replica.stop().success(), "{}", replica.log());
        assert!(begin.elapsed() < Duration::from_secs(8), "{}", replica.log());
    }
}
