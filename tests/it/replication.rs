//! Replication between our servers, and with the reference (if there is one) on either side: full
//! and partial synchronization, chains, promotion, restarts, WAIT, and a soak of random cuts.
//!
//! `REPLICATION_SOAK_SECONDS` lengthens the soak (default: 3 s):
//! `REPLICATION_SOAK_SECONDS=1200 cargo test --test it replication::soak -- --nocapture`

use std::time::{Duration, Instant};

use crate::common::server::{Server, reference, wait_until};

const LIMIT: Duration = Duration::from_secs(20);

/// Quick synchronization, no PING in the stream.
const QUICK: &[(&str, &str)] =
    &[("repl-diskless-sync-delay", "0"), ("repl-ping-replica-period", "3600"), ("save", "")];

fn start(more: &[(&str, &str)]) -> Server {
    Server::start(&[QUICK, more].concat())
}

fn follow(replica: &Server, master: &Server) {
    let port = master.port.to_string();
    let reply = replica.client().command(&["replicaof", "127.0.0.1", port.as_str()]);
    assert!(!reply.is_error(), "{reply:?}");
}

fn wait_for_link(replica: &Server) {
    let up = || replica.info("master_link_status") == "up";
    assert!(wait_until(LIMIT, up), "no link; log:\n{}", replica.log());
}

/// Both have the same offset and the same data.
fn wait_for_equality(a: &Server, b: &Server) {
    let offset = |server: &Server| server.info("master_repl_offset");
    assert!(wait_until(LIMIT, || offset(a) == offset(b)), "{} {}", offset(a), offset(b));
    let digest = |server: &Server| server.client().command(&["debug", "digest"]).text();
    assert_eq!(digest(a), digest(b), "log:\n{}", b.log());
}

fn write_some(server: &Server, tag: &str) {
    let mut client = server.client();
    for i in 0..50 {
        let key = format!("{tag}:{i}");
        client.command(&["set", &key, "value"]);
        client.command(&["rpush", &format!("l:{key}"), "a", "b", tag]);
        client.command(&["hset", &format!("h:{key}"), "f", "1", "g", "2"]);
        client.command(&["zadd", &format!("z:{key}"), "1.5", "m", "2", "n"]);
        client.command(&["sadd", &format!("s:{key}"), "1", "2", "x"]);
        client.command(&["spop", &format!("s:{key}")]);
        client.command(&["incrbyfloat", &format!("f:{key}"), "0.5"]);
        client.command(&["expire", &key, "1000"]);
    }
    client.command(&["multi"]);
    client.command(&["select", "3"]);
    client.command(&["set", &format!("{tag}:in-3"), "x"]);
    client.command(&["exec"]);
}

#[test]
fn full_sync_by_disk_and_by_socket_and_then_the_stream() {
    for (diskless, load) in
        [("no", "disabled"), ("yes", "disabled"), ("yes", "swapdb"), ("no", "on-empty-db")]
    {
        let master = start(&[("repl-diskless-sync", diskless)]);
        let replica = start(&[("repl-diskless-load", load)]);
        write_some(&master, "before");
        follow(&replica, &master);
        wait_for_link(&replica);
        write_some(&master, "after");
        assert_eq!(master.client().command(&["wait", "1", "5000"]).int(), 1);
        wait_for_equality(&master, &replica);
        for flush in ["flushdb", "flushall"] {
            master.client().command(&[flush]);
            write_some(&master, flush);
            wait_for_equality(&master, &replica);
        }
        assert_eq!(master.info("sync_partial_ok"), "0", "log:\n{}", replica.log());
        let refused = replica.client().command(&["set", "a", "b"]).text();
        assert!(refused.starts_with("READONLY"), "{refused}");
    }
}

#[test]
fn a_chain_survives_a_promotion_without_a_full_sync() {
    let (first, second, third) = (start(&[]), start(&[]), start(&[]));
    write_some(&first, "one");
    follow(&second, &first);
    wait_for_link(&second);
    follow(&third, &second);
    wait_for_link(&third);
    write_some(&first, "two");
    wait_for_equality(&first, &third);
    second.client().command(&["replicaof", "no", "one"]);
    follow(&first, &second);
    wait_for_link(&first);
    wait_for_link(&third);
    write_some(&second, "three");
    wait_for_equality(&second, &first);
    wait_for_equality(&second, &third);
    // The one full synchronization is the one of the third server at the beginning.
    assert_eq!(second.info("sync_full"), "1", "log:\n{}", second.log());
    assert_eq!(second.info("sync_partial_ok"), "2", "log:\n{}", second.log());
}

#[test]
fn a_cut_link_and_a_restart_are_continued_from_where_they_were() {
    let master = start(&[]);
    let mut replica = start(&[("save", "900 100000")]);
    follow(&replica, &master);
    wait_for_link(&replica);
    write_some(&master, "one");
    assert_eq!(master.client().command(&["client", "kill", "type", "replica"]).int(), 1);
    write_some(&master, "two");
    wait_for_link(&replica);
    wait_for_equality(&master, &replica);
    assert_eq!(master.info("sync_partial_ok"), "1");
    let port = master.port.to_string();
    replica.set_config("replicaof", &format!("127.0.0.1 {port}"));
    replica.stop();
    write_some(&master, "three");
    replica.restart();
    wait_for_link(&replica);
    wait_for_equality(&master, &replica);
    assert_eq!(master.info("sync_partial_ok"), "2", "log:\n{}", replica.log());
    assert_eq!(master.info("sync_full"), "1");
}

#[test]
fn failover_hands_the_role_over() {
    let (old, new) = (start(&[]), start(&[]));
    follow(&new, &old);
    wait_for_link(&new);
    write_some(&old, "one");
    let reply = old.client().command(&["failover", "timeout", "10000"]);
    assert_eq!(reply.text(), "OK");
    assert!(wait_until(LIMIT, || new.info("role") == "master"), "log:\n{}", old.log());
    wait_for_link(&old);
    write_some(&new, "two");
    wait_for_equality(&new, &old);
    assert_eq!(old.info("master_failover_state"), "no-failover");
}

#[test]
fn writes_need_good_replicas_if_so_configured() {
    let master = start(&[("min-replicas-to-write", "1")]);
    let refused = master.client().command(&["set", "a", "b"]).text();
    assert!(refused.starts_with("NOREPLICAS"), "{refused}");
    let replica = start(&[]);
    follow(&replica, &master);
    wait_for_link(&replica);
    let accepted = || master.client().command(&["set", "a", "b"]).text() == "OK";
    assert!(wait_until(LIMIT, accepted));
}

/// Waits until a replica has as many keys as its master.
fn wait_for_size(master: &Server, replica: &Server) {
    let size = |server: &Server| server.client().command(&["dbsize"]).int();
    let equal = wait_until(LIMIT, || size(master) == size(replica));
    assert!(equal, "{} keys, {} on the replica", size(master), size(replica));
}

#[test]
fn the_reference_as_replica_and_as_master() {
    let Some(binary) = reference() else {
        eprintln!("skipped: no reference server");
        return;
    };
    let other = Server::start_binary(&binary, QUICK);
    let ours = start(&[]);
    write_some(&ours, "ours");
    follow(&other, &ours);
    let linked = wait_until(Duration::from_secs(5), || other.info("master_link_status") == "up");
    if linked {
        write_some(&ours, "stream");
        wait_for_size(&ours, &other);
        ours.client().command(&["client", "kill", "type", "replica"]);
        write_some(&ours, "cut");
        wait_for_link(&other);
        assert_eq!(ours.info("sync_partial_ok"), "1", "log:\n{}", ours.log());
        wait_for_size(&ours, &other);
    } else {
        eprintln!("the reference does not take our RDB version");
    }
    other.client().command(&["replicaof", "no", "one"]);
    let replica = start(&[]);
    follow(&replica, &other);
    wait_for_link(&replica);
    write_some(&other, "theirs");
    wait_for_size(&other, &replica);
    other.client().command(&["client", "kill", "type", "replica"]);
    write_some(&other, "again");
    wait_for_link(&replica);
    assert_eq!(other.info("sync_partial_ok"), "1", "log:\n{}", replica.log());
}

/// Random writes with cut links and killed servers; at each quiet point all are equal.
#[test]
fn soak() {
    let seconds = std::env::var("REPLICATION_SOAK_SECONDS").ok().and_then(|s| s.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(3));
    let master = start(&[("save", "900 100000")]);
    let mut replica = start(&[("save", "900 100000")]);
    let third = start(&[]);
    follow(&replica, &master);
    wait_for_link(&replica);
    follow(&third, &replica);
    wait_for_link(&third);
    replica.set_config("replicaof", &format!("127.0.0.1 {}", master.port));
    let mut round = 0;
    while Instant::now() < until {
        round += 1;
        write_some(&master, &format!("{round}"));
        match round % 5 {
            0 => {
                replica.crash();
                write_some(&master, "while it is down");
                replica.restart();
            }
            1 => drop(master.client().command(&["client", "kill", "type", "replica"])),
            2 => drop(replica.client().command(&["client", "kill", "type", "master"])),
            3 => drop(replica.client().command(&["client", "kill", "type", "replica"])),
            _ => {}
        }
        write_some(&master, "after");
        wait_for_link(&replica);
        wait_for_link(&third);
        wait_for_equality(&master, &replica);
        wait_for_equality(&master, &third);
    }
}
