//! Replication between our servers, and with the reference (if there is one) on either side: full
//! and partial synchronization, chains, promotion, restarts, WAIT, TTLs, failing disks. Random
//! faults are in `replication_soak`.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::server::{Server, limited, reference, wait_until};
use crate::common::value::Value;
use crate::replication_soak::workload;

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

/// Random commands of every type; their replies do not matter. Not those that came with Redis 8.0:
/// an older replica could not follow.
fn write_random(server: &Server, seed: u64, count: usize) {
    const NEW: &[&[u8]] = &[b"HGETDEL", b"HGETEX", b"HSETEX"];
    let (mut rng, mut client) = (fastrand::Rng::with_seed(seed), server.client());
    for _ in 0..count {
        let mut commands = workload::commands(&mut rng);
        commands.retain(|command| !NEW.contains(&command[0].as_slice()));
        commands.iter().for_each(|command| drop(client.command(command)));
    }
}

/// One follows the other, is written meanwhile, loses its link and continues.
fn follows_through_a_cut(replica: &Server, master: &Server, seed: u64) {
    write_random(master, seed, 2000);
    follow(replica, master);
    write_random(master, seed + 1, 2000);
    wait_for_link(replica);
    let before = master.info("sync_partial_ok");
    for round in 0..3 {
        write_random(master, seed + 2 + round, 300);
        master.client().command(&["client", "kill", "type", "replica"]);
        write_random(master, seed + 5 + round, 300);
        wait_for_link(replica);
        wait_for_agreement(master, replica);
    }
    assert_ne!(master.info("sync_partial_ok"), before, "log:\n{}", replica.log());
    assert_eq!(master.info("sync_full"), "1", "log:\n{}", replica.log());
}

/// As `wait_for_equality`, while keys expire.
fn wait_for_agreement(a: &Server, b: &Server) {
    let state = |server: &Server| {
        (server.info("master_repl_offset"), server.client().command(&["debug", "digest"]).text())
    };
    let equal = wait_until(LIMIT, || state(a) == state(b));
    let (a_state, b_state) = (state(a), state(b));
    assert!(equal, "{a_state:?} {b_state:?}\n{}\n{}", differences(a, b), b.log());
}

/// Keys whose values differ, with their type and TTL on both sides.
pub fn differences(a: &Server, b: &Server) -> String {
    let mut clients = [a.client(), b.client()];
    let mut out = String::new();
    for db in 0..16 {
        let mut keys = BTreeSet::new();
        for client in &mut clients {
            client.command(&["select", &db.to_string()]);
            keys.extend(client.command(&["keys", "*"]).items().iter().map(Value::text));
        }
        for key in keys {
            let sides = clients.each_mut().map(|client| {
                let about: Vec<String> =
                    [&["debug", "digest-value", &key][..], &["type", &key], &["pexpiretime", &key]]
                        .iter()
                        .map(|command| client.command(command).to_string())
                        .collect();
                about.join(" ")
            });
            if sides[0] != sides[1] {
                out += &format!("{db} {key}: {} | {}\n", sides[0], sides[1]);
            }
        }
    }
    out
}

#[test]
fn the_reference_is_our_master() {
    let Some(binary) = reference() else { return };
    let (other, ours) = (Server::start_binary(&binary, QUICK), start(&[]));
    follows_through_a_cut(&ours, &other, 1);
    // It takes what it has with it into its own history, and back.
    ours.client().command(&["replicaof", "no", "one"]);
    write_random(&ours, 20, 300);
}

#[test]
fn the_reference_is_our_replica() {
    let Some(binary) = reference() else { return };
    let (other, ours) = (Server::start_binary(&binary, QUICK), start(&[]));
    ours.client().command(&["set", "a", "b"]);
    follow(&other, &ours);
    let refused = || other.log().contains("Can't handle RDB format version");
    let linked = || other.info("master_link_status") == "up";
    assert!(wait_until(LIMIT, || linked() || refused()), "log:\n{}", other.log());
    if refused() {
        eprintln!("skipped: the reference reads no RDB of version 12");
        return;
    }
    other.client().command(&["replicaof", "no", "one"]);
    let ours = start(&[]);
    follows_through_a_cut(&other, &ours, 100);
    for bad in ["CRITICAL", "== "] {
        assert!(!other.log().contains(bad), "log:\n{}", other.log());
    }
}

/// What RESTORE, COPY, RENAME and MOVE give a TTL on a writable replica is deleted in time too.
#[test]
fn a_writable_replica_expires_what_its_clients_wrote() {
    let (master, replica) = (start(&[]), start(&[("replica-read-only", "no")]));
    follow(&replica, &master);
    wait_for_link(&replica);
    let mut client = replica.client();
    client.command(&["set", "from", "x", "px", "400"]);
    let dump = client.command(&["dump", "from"]);
    client.command(&[b"restore", &b"restored"[..], b"400", dump.bytes()]);
    client.command(&["copy", "from", "copied"]);
    client.command(&["set", "other", "x", "px", "400"]);
    client.command(&["rename", "other", "renamed"]);
    client.command(&["set", "third", "x", "px", "400"]);
    client.command(&["move", "third", "1"]);
    let gone = || replica.client().command(&["debug", "digest"]).text() == "0".repeat(40);
    assert!(wait_until(LIMIT, gone), "{:?}", client.command(&["keys", "*"]));
}

/// A field that is over by the replica's clock is there for the master's stream until it says HDEL.
#[test]
fn the_master_decides_which_fields_are_over() {
    let (master, replica) = (start(&[]), start(&[]));
    follow(&replica, &master);
    wait_for_link(&replica);
    let mut client = master.client();
    client.command(&["debug", "set-active-expire", "0"]);
    client.command(&["hset", "h", "f", "1", "g", "2"]);
    client.command(&["hset", "h", "kept", "1", "also", "2"]);
    client.command(&["hpexpire", "h", "100000", "fields", "1", "f"]);
    client.command(&["wait", "1", "5000"]);
    // Stopped, the replica applies what follows after the field's time.
    client.command(&["hpexpire", "h", "300", "fields", "3", "f", "kept", "also"]);
    replica.signal("STOP");
    client.command(&["hincrby", "h", "f", "41"]);
    client.command(&["hsetnx", "h", "f", "no"]);
    client.command(&["hincrbyfloat", "h", "f", "0.5"]);
    client.command(&["hpersist", "h", "fields", "1", "kept"]);
    client.command(&["hgetex", "h", "persist", "fields", "1", "also"]);
    std::thread::sleep(Duration::from_millis(350));
    replica.signal("CONT");
    client.command(&["hlen", "h"]);
    wait_for_agreement(&master, &replica);
}

/// A disk that takes nothing any more.
#[test]
fn a_replica_that_cannot_write_ends_or_goes_on_as_told() {
    let dir = tempfile::tempdir().unwrap();
    let binary = limited(&dir, 4000);
    let write = |master: &Server| {
        let (mut client, value) = (master.client(), "x".repeat(50_000));
        (0..80).for_each(|i| drop(client.command(&["set", &i.to_string(), &value])));
    };
    for ignores in ["no", "yes"] {
        let master = start(&[]);
        let settings =
            [("appendonly", "yes"), ("save", ""), ("replica-ignore-disk-write-errors", ignores)];
        let mut replica = Server::start_binary(&binary, &settings);
        follow(&replica, &master);
        wait_for_link(&replica);
        write(&master);
        if ignores == "no" {
            replica.wait_for_log("Replica was unable to write command to disk.");
            replica.wait_for_exit();
        } else {
            replica.wait_for_log("Replica is applying a command even though");
            wait_for_equality(&master, &replica);
        }
    }
}

#[test]
fn clients_are_told_that_it_loads_while_the_old_data_is_freed() {
    let (master, replica) = (start(&[]), start(&[]));
    write_some(&master, "new");
    let mut client = replica.client();
    client.command(&["debug", "populate", "600000"]);
    follow(&replica, &master);
    let loading = wait_until(LIMIT, || client.command(&["ping"]).text().starts_with("LOADING"));
    assert!(loading, "log:\n{}", replica.log());
    wait_for_link(&replica);
    wait_for_equality(&master, &replica);
}
