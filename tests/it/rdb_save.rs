//! Saving: SAVE, BGSAVE, save points, at shutdown; what clients see when it fails; and the files:
//! a restart and a real Redis find the same data in them.

use std::fs;
use std::time::Duration;

use crate::common::client::Client;
use crate::common::server::wait_until;
use crate::common::{Server, reference};

const LIMIT: Duration = Duration::from_secs(20);

/// Data of every type, in every encoding, with and without TTL, in two databases.
pub fn fill(client: &mut Client) {
    let far_ms = "4102444800000";
    let commands = [
        "SET int 12345",
        "SET negative -70000",
        "SET long 99999999999999",
        "SET text hello",
        "SETRANGE raw 3000 x",
        "APPEND grown abc",
        "SET temporary v PXAT 4102444800000",
        "RPUSH list a b 1 -2 70000",
        "SADD ints 1 2 300000 -5",
        "SADD small a b c 7",
        "ZADD scores 1 a 2.5 b -inf c inf d 1024.5 e",
        "HSET hash a 1 b 2 c three",
        "HSET expiring a 1 b 2 c 3",
        "XADD stream 1-1 field value",
        "XADD stream 2-1 field value other 7",
        "XGROUP CREATE stream group 0",
        "XREADGROUP GROUP group consumer COUNT 1 STREAMS stream >",
        "XADD emptied 5-5 f v",
        "XDEL emptied 5-5",
        "SELECT 9",
        "SET other db",
        "PEXPIREAT other 4102444800001",
        "SELECT 0",
    ];
    for line in commands {
        let reply = client.command(&line.split(' ').collect::<Vec<_>>());
        assert!(!reply.to_string().starts_with('-'), "{line}: {reply}");
    }
    call!(client, ["HPEXPIREAT", "expiring", far_ms, "FIELDS", 1, "b"]);
    call!(client, ["SET", "long text", "abc".repeat(500)]);
    call!(client, ["CONFIG", "SET", "list-compress-depth", 1, "list-max-listpack-size", 4]);
    let mut commands = Vec::new();
    for i in 0..700 {
        let (item, score) = (format!("item {i} {}", "z".repeat(i % 90)), format!("{i}.25"));
        let add = |argv: &[&str]| argv.iter().map(|arg| arg.to_string()).collect::<Vec<_>>();
        commands.push(add(&["RPUSH", "long list", &item]));
        commands.push(add(&["SADD", "big set", &item]));
        commands.push(add(&["ZADD", "big scores", &score, &item]));
        commands.push(add(&["HSET", "big hash", &item, &score]));
        commands.push(add(&["HSET", "big expiring", &item, &score]));
        if i % 3 == 0 {
            let at = format!("410244480000{}", i % 10);
            commands.push(add(&["HPEXPIREAT", "big expiring", &at, "FIELDS", "1", &item]));
        }
    }
    client.pipeline(&commands);
}

fn wait_for_bgsave(server: &Server) {
    assert!(wait_until(LIMIT, || server.info("rdb_bgsave_in_progress") == "0"));
}

fn digest(server: &Server) -> String {
    server.client().command(&["DEBUG", "DIGEST"]).text()
}

#[test]
fn a_restart_finds_what_was_saved() {
    for command in ["SAVE", "BGSAVE"] {
        let mut server = Server::start(&[]);
        let mut client = server.client();
        fill(&mut client);
        let before = digest(&server);
        let reply = call!(client, [command]).text();
        assert!(reply == "OK" || reply == "Background saving started", "{reply}");
        wait_for_bgsave(&server);
        assert_eq!(server.info("rdb_changes_since_last_save"), "0");
        assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
        server.crash();
        server.restart();
        assert_eq!(digest(&server), before, "{command}");
        assert_eq!(server.info("db0").split(',').next(), Some("keys=21"));
    }
}

/// True if the server reads files of version 12.
fn reads_version_12(server: &Server) -> bool {
    let version = server.info("redis_version");
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version < (7, 4) {
        eprintln!("skipped: the reference cannot read RDB files of version 12");
    }
    version >= (7, 4)
}

#[test]
fn a_real_redis_and_this_one_read_each_others_files() {
    let Some(binary) = reference() else { return };
    let config = [("rdbcompression", "yes")];
    let (mut ours, mut theirs) = (Server::start(&config), Server::start_binary(&binary, &config));
    // What it made and wrote by itself, in the version of its own.
    fill(&mut theirs.client());
    call!(theirs.client(), ["SAVE"]);
    ours.stop();
    fs::copy(theirs.path("dump.rdb"), ours.path("dump.rdb")).unwrap();
    ours.restart();
    assert_eq!(digest(&ours), digest(&theirs), "our load of their data");
    if !reads_version_12(&theirs) {
        return;
    }
    call!(ours.client(), ["FLUSHALL"]);
    fill(&mut ours.client());
    for compression in ["yes", "no"] {
        let mut client = ours.client();
        call!(client, ["CONFIG", "SET", "rdbcompression", compression]);
        call!(client, ["SAVE"]);
        theirs.stop();
        fs::copy(ours.path("dump.rdb"), theirs.path("dump.rdb")).unwrap();
        theirs.restart();
        assert_eq!(digest(&theirs), digest(&ours), "their load, compression {compression}");
        call!(theirs.client(), ["SAVE"]);
        let before = digest(&ours);
        ours.crash();
        fs::copy(theirs.path("dump.rdb"), ours.path("dump.rdb")).unwrap();
        ours.restart();
        assert_eq!(digest(&ours), before, "our load, compression {compression}");
    }
}

#[test]
fn a_dump_payload_is_what_a_real_redis_makes() {
    let Some(binary) = reference() else { return };
    let (ours, theirs) = (Server::start(&[]), Server::start_binary(&binary, &[]));
    let (mut a, mut b) = (ours.client(), theirs.client());
    fill(&mut b);
    // What they make is taken.
    for key in call!(b, ["KEYS", "*"]).items() {
        let key = key.bytes().to_vec();
        let payload = call!(b, ["DUMP", key]).bytes().to_vec();
        let at = call!(b, ["PEXPIRETIME", key]).int().max(0);
        assert_reply!(a, ["RESTORE", key, at, payload, "ABSTTL"], "+OK");
        let digests = [&mut a, &mut b].map(|c| call!(c, ["DEBUG", "DIGEST-VALUE", key]));
        assert_eq!(digests[0], digests[1], "{}", String::from_utf8_lossy(&key));
    }
    if !reads_version_12(&theirs) {
        return;
    }
    call!(a, ["FLUSHALL"]);
    fill(&mut a);
    // Where neither the order of a hash table nor the choices of a compressor show.
    for key in ["int", "negative", "long", "text", "list", "ints", "small", "scores", "hash"] {
        assert_eq!(call!(a, ["DUMP", key]), call!(b, ["DUMP", key]), "{key}");
    }
    // What we make is taken.
    let keys = [
        "raw",
        "long text",
        "long list",
        "big set",
        "big scores",
        "big hash",
        "expiring",
        "stream",
    ];
    for key in keys {
        let payload = call!(a, ["DUMP", key]).bytes().to_vec();
        assert_reply!(b, ["RESTORE", key, 0, payload[..], "REPLACE"], "+OK");
        assert_eq!(
            call!(a, ["DEBUG", "DIGEST-VALUE", key]),
            call!(b, ["DEBUG", "DIGEST-VALUE", key])
        );
    }
}

#[test]
fn a_failed_save_refuses_writes_until_one_succeeds() {
    let server = Server::start(&[("save", "900 1"), ("rdb-key-save-delay", "1000000")]);
    let mut client = server.client();
    call!(client, ["SET", "k", "v"]);
    call!(client, ["BGSAVE"]);
    let error = call!(client, ["BGSAVE"]).to_string();
    assert!(error.contains("Background save already in progress"), "{error}");
    let log = server.log();
    let started = log.split("Background saving started by pid ").nth(1).unwrap();
    let pid = started.lines().next().unwrap().trim().to_string();
    assert!(std::process::Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    wait_for_bgsave(&server);
    server.wait_for_log("Background saving terminated by signal 9");
    assert_eq!(server.info("rdb_last_bgsave_status"), "err");
    assert!(!server.path(&format!("temp-{pid}.rdb")).exists());
    for argv in [&["SET", "k", "w"][..], &["PING"]] {
        let reply = client.command(argv).to_string();
        assert!(reply.contains("MISCONF Redis is configured to save RDB snapshots"), "{reply}");
    }
    assert_reply!(client, ["GET", "k"], Some("v"));
    call!(client, ["CONFIG", "SET", "rdb-key-save-delay", 0]);
    assert_reply!(client, ["SAVE"], "+OK");
    assert_reply!(client, ["SET", "k", "w"], "+OK");
}

#[test]
fn save_points_and_shutdown_save() {
    let mut server = Server::start(&[("save", "1 2")]);
    let mut client = server.client();
    call!(client, ["SET", "a", 1]);
    call!(client, ["SET", "b", 1]);
    server.wait_for_log("2 changes in 1 seconds. Saving...");
    wait_for_bgsave(&server);
    assert!(server.path("dump.rdb").exists());
    call!(client, ["SET", "c", 1]);
    server.stop();
    assert!(server.log().contains("Saving the final RDB snapshot before exiting."));
    server.restart();
    let mut client = server.client();
    assert_reply!(client, ["DBSIZE"], 3);
    call!(client, ["SET", "d", 1]);
    client.send(&["SHUTDOWN", "NOSAVE"]);
    server.wait_for_exit();
    server.restart();
    assert_reply!(server.client(), ["DBSIZE"], 3);
}

#[test]
fn flushall_saves_the_empty_data_set() {
    let mut server = Server::start(&[("save", "900 1"), ("rdb-key-save-delay", "200000")]);
    let mut client = server.client();
    (0..50).for_each(|i| drop(call!(client, ["SET", format!("k{i}"), i])));
    call!(client, ["BGSAVE"]);
    assert_reply!(client, ["FLUSHALL"], "+OK");
    wait_for_bgsave(&server);
    server.wait_for_log("Background saving terminated by signal 10");
    assert_eq!(server.info("rdb_last_bgsave_status"), "ok");
    assert_eq!(server.info("rdb_changes_since_last_save"), "0");
    server.crash();
    server.restart();
    assert_reply!(server.client(), ["DBSIZE"], 0);
}

#[test]
fn a_child_tells_how_far_it_is() {
    let server = Server::start(&[("rdb-key-save-delay", "200")]);
    let mut client = server.client();
    call!(client, ["DEBUG", "POPULATE", 20000, "key", 10]);
    call!(client, ["BGSAVE"]);
    let far = || server.info("current_save_keys_processed").parse::<u64>().unwrap() > 1024;
    assert!(wait_until(LIMIT, far));
    assert_eq!(server.info("current_save_keys_total"), "20000");
    assert_ne!(server.info("current_fork_perc"), "0.00");
    assert_ne!(server.info("current_cow_size"), "0");
    assert_eq!(server.info("rdb_saves"), "1");
    assert_eq!(server.info("total_forks"), "1");
    call!(client, ["CONFIG", "SET", "save", ""]);
    call!(client, ["FLUSHALL"]);
    wait_for_bgsave(&server);
}

#[test]
fn a_scheduled_save_follows_the_transaction() {
    let server = Server::start(&[]);
    let mut client = server.client();
    call!(client, ["MULTI"]);
    call!(client, ["BGSAVE"]);
    assert_reply!(client, ["EXEC"], "[+Background saving scheduled]");
    server.wait_for_log("Background saving terminated with success");
    assert!(call!(client, ["LASTSAVE"]).to_string().len() > 8);
    assert_reply!(client, ["BGSAVE", "NOW"], "-ERR syntax error");
}
