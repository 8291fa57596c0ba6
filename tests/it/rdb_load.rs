//! Loading: what clients see meanwhile, what a damaged file does, DEBUG RELOAD, RESTORE, and
//! redis-check-rdb.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use crate::common::Server;
use crate::common::client::Client;
use crate::common::server::{binary_under_test, wait_until};
use crate::rdb_save::fill;

const LIMIT: Duration = Duration::from_secs(20);

fn start() -> Server {
    Server::start(&[("enable-debug-command", "yes"), ("save", "''")])
}

fn run(program: &Path, dir: &Path, args: &[&str]) -> Output {
    Command::new(program).args(args).current_dir(dir).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn clients_are_served_while_data_is_loaded() {
    let server = Server::start(&[
        ("enable-debug-command", "yes"),
        ("save", "''"),
        ("loading-process-events-interval-bytes", "1024"),
    ]);
    let (mut loader, mut other) = (server.client(), server.client());
    call!(loader, ["DEBUG", "POPULATE", 5000, "key", 100]);
    call!(loader, ["CONFIG", "SET", "key-load-delay", 2000]);
    loader.send(&["DEBUG", "RELOAD"]);
    let refused = || {
        let reply = server.client().command(&["GET", "key:1"]).to_string();
        reply.contains("LOADING Redis is loading the dataset in memory")
    };
    assert!(wait_until(LIMIT, refused), "nobody was refused; log:\n{}", server.log());
    // Comes while its client is in the middle of a command.
    loader.send(&["PING"]);
    let info = call!(other, ["INFO", "persistence"]).text();
    for field in
        ["loading:1\r\n", "async_loading:0\r\n", "loading_loaded_perc:", "loading_eta_seconds:"]
    {
        assert!(info.contains(field), "{field} in {info}");
    }
    assert_eq!(call!(other, ["MULTI"]).text(), "OK");
    assert!(call!(other, ["GET", "key:1"]).is_error());
    assert!(call!(other, ["EXEC"]).to_string().contains("EXECABORT"));
    assert_eq!(call!(other, ["CONFIG", "SET", "key-load-delay", 0]).text(), "OK");
    assert_eq!(loader.read().text(), "OK");
    assert_eq!(loader.read().text(), "PONG");
    assert_eq!(call!(other, ["DBSIZE"]).int(), 5000);
    assert_eq!(
        (server.info("loading"), server.info("rdb_last_load_keys_loaded")),
        ("0".into(), "5000".into())
    );
}

#[test]
fn debug_reload_and_its_options() {
    let server = start();
    let mut client = server.client();
    fill(&mut client);
    let before = call!(client, ["DEBUG", "DIGEST"]).text();
    assert_eq!(call!(client, ["DEBUG", "RELOAD"]).text(), "OK");
    assert_eq!(call!(client, ["DEBUG", "DIGEST"]).text(), before);
    call!(client, ["SET", "only here", 1]);
    assert_eq!(call!(client, ["DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE"]).text(), "OK");
    assert_eq!(call!(client, ["EXISTS", "only here"]).int(), 1);
    assert_eq!(call!(client, ["DEBUG", "RELOAD", "NOSAVE"]).text(), "OK");
    assert_eq!(call!(client, ["DEBUG", "DIGEST"]).text(), before);
    assert!(call!(client, ["DEBUG", "RELOAD", "x"]).is_error());
    let file = server.path("dump.rdb");
    let whole = fs::read(&file).expect("was saved");
    fs::write(&file, &whole[..whole.len() / 2]).expect("ours");
    let reply = call!(client, ["DEBUG", "RELOAD", "NOSAVE"]).to_string();
    assert!(reply.contains("Error trying to load the RDB dump"), "{reply}");
}

#[test]
fn damaged_files_end_the_start_with_status_1() {
    let mut server = start();
    let mut client = server.client();
    fill(&mut client);
    call!(client, ["SAVE"]);
    server.crash();
    let file = server.path("dump.rdb");
    let whole = fs::read(&file).expect("was saved");
    let start = |bytes: &[u8]| {
        fs::write(&file, bytes).expect("ours");
        let dir = server.dir.path();
        let args = ["--port", &server.port.to_string(), "--bind", "127.0.0.1", "--save", ""];
        let output = run(&binary_under_test(), dir, &args);
        (output.status.code(), stdout(&output))
    };
    let fatal = "Fatal error loading the DB, check server logs. Exiting.";
    let end = "Terminating server after rdb file reading failure.";
    let mut flipped = whole.clone();
    let at = flipped.len() - 20;
    flipped[at] ^= 1;
    let newer = [b"REDIS0099", &whole[9..]].concat();
    for (bytes, texts) in [
        (&b"no rdb at all"[..], ["Wrong signature trying to load DB from file", fatal]),
        (&newer, ["Can't handle RDB format version 99", fatal]),
        (&whole[..whole.len() - 30], ["Unexpected EOF reading RDB file", end]),
        (&flipped, ["Internal error in RDB reading offset", end]),
    ] {
        let (status, log) = start(bytes);
        assert_eq!(status, Some(1), "{log}");
        texts.iter().for_each(|text| assert!(log.contains(text), "{text:?} in {log}"));
    }
}

#[test]
fn restore_and_its_options() {
    let server = start();
    let mut client = server.client();
    call!(client, ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    call!(client, ["RPUSH", "list", "a", "b"]);
    let payload = call!(client, ["DUMP", "list"]).bytes().to_vec();
    let mut restore = |key: &str, ttl: &str, options: &[&str]| {
        let mut args: Vec<&[u8]> = vec![b"RESTORE", key.as_bytes(), ttl.as_bytes(), &payload];
        args.extend(options.iter().map(|option| option.as_bytes()));
        client.command(&args).to_string()
    };
    assert!(restore("list", "0", &[]).contains("BUSYKEY Target key name already exists."));
    assert!(restore("list", "0", &["REPLACE"]).contains("OK"));
    assert!(restore("ttl", "100000", &[]).contains("OK"));
    assert!(restore("at", "4102444800000", &["ABSTTL"]).contains("OK"));
    assert!(restore("past", "1", &["ABSTTL"]).contains("OK"));
    assert!(restore("idle", "0", &["IDLETIME", "1000"]).contains("OK"));
    assert!(restore("x", "-1", &[]).contains("Invalid TTL value, must be >= 0"));
    assert!(
        restore("x", "0", &["IDLETIME", "-1"]).contains("Invalid IDLETIME value, must be >= 0")
    );
    assert!(restore("x", "0", &["FREQ", "256"]).contains("Invalid FREQ value"));
    assert!(restore("x", "0", &["FREQ", "1", "IDLETIME", "1"]).contains("syntax error"));
    assert_eq!(call!(client, ["PEXPIRETIME", "at"]).int(), 4_102_444_800_000);
    assert!((90_000..=100_000).contains(&call!(client, ["PTTL", "ttl"]).int()));
    assert_eq!(call!(client, ["EXISTS", "past"]).int(), 0);
    assert!(call!(client, ["OBJECT", "IDLETIME", "idle"]).int() >= 1000);
    assert_eq!(call!(client, ["LRANGE", "ttl", 0, -1]).items().len(), 2);

    let damaged = |at: usize| {
        let mut bytes = payload.clone();
        bytes[at] ^= 0x55;
        bytes
    };
    let wrong = damaged(payload.len() - 1);
    let reply = client.command(&[&b"RESTORE"[..], b"x", b"0", &wrong]).to_string();
    assert!(reply.contains("DUMP payload version or checksum are wrong"), "{reply}");
    call!(client, ["DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 1]);
    let reply = client.command(&[&b"RESTORE"[..], b"x", b"0", &damaged(4)]).to_string();
    assert!(reply.contains("Bad data format"), "{reply}");
}

/// Bytes that are said to be a value of this type, of the version before.
fn restore_raw(client: &mut Client, key: &str, rdb_type: u8, listpack: &[u8]) -> String {
    let mut payload = vec![rdb_type, u8::try_from(listpack.len()).unwrap()];
    payload.extend_from_slice(listpack);
    payload.extend_from_slice(&[11, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    client.command(&[&b"RESTORE"[..], key.as_bytes(), b"0", &payload]).to_string()
}

fn listpack(entries: &[u8], count: u8) -> Vec<u8> {
    let total = u8::try_from(entries.len() + 7).unwrap();
    [&[total, 0, 0, 0, count, 0], entries, &[0xFF]].concat()
}

#[test]
fn of_a_payload_that_is_not_checked_what_stands_in_front_of_damage_is_kept() {
    const SET: u8 = 20;
    const ZSET: u8 = 17;
    const HASH: u8 = 16;
    let server = start();
    let mut client = server.client();
    call!(client, ["DEBUG", "SET-SKIP-CHECKSUM-VALIDATION", 1]);
    // 1, 2, 3, and an entry that reaches over the end.
    let damaged = listpack(&[1, 1, 2, 1, 3, 1, 0xBF, 1], 4);
    let lies = listpack(&[1, 1, 2, 1, 2, 1], 40);
    assert_eq!(restore_raw(&mut client, "set", SET, &damaged), "+OK");
    assert_reply!(client, ["SMEMBERS", "set"], "[\"1\", \"2\", \"3\"]");
    assert_eq!(restore_raw(&mut client, "hash", HASH, &damaged), "+OK");
    assert_reply!(client, ["HGETALL", "hash"], "[\"1\", \"2\"]");
    assert_reply!(client, ["HLEN", "hash"], 1);
    assert_eq!(restore_raw(&mut client, "zset", ZSET, &lies), "+OK");
    assert_reply!(client, ["ZRANGE", "zset", 0, -1, "WITHSCORES"], "[\"1\", \"2\"]");
    assert_eq!(restore_raw(&mut client, "twice", SET, &lies), "+OK");
    assert_reply!(client, ["SCARD", "twice"], 3);
    assert_reply!(client, ["SDIFF", "twice"], "[\"1\", \"2\"]");
    // A field twice, where fields must go into a table.
    let pairs = listpack(&[1, 1, 2, 1, 1, 1, 3, 1], 4);
    assert_eq!(restore_raw(&mut client, "pairs", HASH, &pairs), "+OK");
    call!(client, ["CONFIG", "SET", "hash-max-listpack-entries", 1]);
    assert!(restore_raw(&mut client, "table", HASH, &pairs).contains("Bad data format"));
    let no_outline = &damaged[1..];
    assert!(restore_raw(&mut client, "none", SET, no_outline).contains("Bad data format"));
    call!(client, ["CONFIG", "SET", "sanitize-dump-payload", "yes"]);
    for (rdb_type, bytes) in [(SET, &damaged), (HASH, &damaged), (ZSET, &lies), (HASH, &pairs)] {
        assert!(restore_raw(&mut client, "none", rdb_type, bytes).contains("Bad data format"));
    }
    assert_reply!(client, ["EXISTS", "none", "table"], 0);
}

#[test]
fn redis_check_rdb_tells_good_files_from_bad_ones() {
    let server = start();
    let mut client = server.client();
    fill(&mut client);
    call!(client, ["SAVE"]);
    let dir = server.dir.path();
    let program = server.path("redis-check-rdb");
    symlink(fs::canonicalize(binary_under_test()).expect("built"), &program).expect("ours");
    let good = run(&program, dir, &["dump.rdb"]);
    let report = stdout(&good);
    assert_eq!(good.status.code(), Some(0), "{report}");
    for line in [
        "[offset 0] Checking RDB file dump.rdb",
        "Checksum OK",
        "\\o/ RDB looks OK! \\o/",
        "Selecting DB ID 9",
    ] {
        assert!(report.contains(line), "{line:?} in {report}");
    }
    let keys = call!(client, ["DBSIZE"]).int() + 1;
    assert!(report.contains(&format!("[info] {keys} keys read\n")), "{report}");

    let whole = fs::read(server.path("dump.rdb")).expect("was saved");
    fs::write(server.path("cut.rdb"), &whole[..whole.len() / 2]).expect("ours");
    let bad = run(&program, dir, &["cut.rdb"]);
    let report = stdout(&bad);
    assert_eq!(bad.status.code(), Some(1), "{report}");
    assert!(report.contains("--- RDB ERROR DETECTED ---"), "{report}");
    assert!(report.contains("While doing: "), "{report}");
    assert_eq!(run(&program, dir, &["absent.rdb"]).status.code(), Some(1));
    assert_eq!(run(&program, dir, &[]).status.code(), Some(1));
    let version = run(&program, dir, &["--version"]);
    assert!(stdout(&version).starts_with("redis-check-rdb "));
}
