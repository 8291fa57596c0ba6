//! Full synchronization over two connections (`repl-rdb-channel`): the stream flows while the RDB
//! is under way, is kept by the replica, and nothing is lost or applied twice, wherever the links
//! break. Masters and replicas that do not know it get the classic way.

use std::time::Duration;

use crate::common::server::{Server, reference, wait_until};
use crate::replication_soak::proxy::Proxy;

const LIMIT: Duration = Duration::from_secs(40);

const CHANNEL: &[(&str, &str)] = &[
    ("repl-rdb-channel", "yes"),
    ("repl-diskless-sync-delay", "0"),
    ("repl-ping-replica-period", "3600"),
    ("save", ""),
];

fn start(more: &[(&str, &str)]) -> Server {
    Server::start(&[CHANNEL, more].concat())
}

fn follow(replica: &Server, port: u16) {
    let port = port.to_string();
    let reply = replica.client().command(&["replicaof", "127.0.0.1", port.as_str()]);
    assert!(!reply.is_error(), "{reply:?}");
}

fn wait_for_equality(a: &Server, b: &Server) {
    let state = |server: &Server| {
        (server.info("master_repl_offset"), server.client().command(&["debug", "digest"]).text())
    };
    let up = || b.info("master_link_status") == "up";
    let equal = wait_until(LIMIT, || up() && state(a) == state(b));
    assert!(equal, "{:?} {:?}\n{}\n---\n{}", state(a), state(b), a.log(), b.log());
}

/// The state in which the master sees its replica.
fn wait_for_state(master: &Server, state: &str) {
    let (mut client, text) = (master.client(), format!("state={state},"));
    let info = || client.command(&["info", "replication"]).text().contains(&text);
    assert!(wait_until(LIMIT, info), "not {state}:\n{}", master.log());
}

fn fill(master: &Server, keys: &str) {
    let mut client = master.client();
    client.command(&["debug", "populate", keys, "key", "100"]);
    client.command(&["rpush", "list", "a", "b"]);
    client.command(&["incr", "count"]);
}

/// So many commands that change the data whenever they are applied.
fn write(master: &Server, count: usize) {
    let mut client = master.client();
    let value = "x".repeat(500);
    for i in 0..count {
        let key = (i % 100).to_string();
        client.command(&["incr", "count"]);
        client.command(&["rpush", "list", &key]);
        client.command(&["append", &format!("string:{key}"), &value]);
        client.command(&["select", if i % 2 == 0 { "0" } else { "5" }]);
    }
}

#[test]
fn the_stream_flows_beside_the_rdb() {
    for (diskless, load) in [("yes", "disabled"), ("no", "swapdb"), ("yes", "on-empty-db")] {
        let master = start(&[("repl-diskless-sync", diskless), ("rdb-key-save-delay", "300")]);
        let replica = start(&[("repl-diskless-load", load)]);
        fill(&master, "2000");
        follow(&replica, master.port);
        wait_for_state(&master, "send_bulk_and_stream");
        assert_eq!(master.info("connected_slaves"), "1");
        write(&master, 200);
        let held = || replica.info("replica_full_sync_buffer_size").parse::<u64>().unwrap() > 0;
        assert!(wait_until(LIMIT, held), "{}", replica.log());
        assert_eq!(master.client().command(&["wait", "1", "40000"]).int(), 1);
        wait_for_equality(&master, &replica);
        wait_for_state(&master, "online");
        assert_eq!(replica.info("replica_full_sync_buffer_size"), "0");
        assert_ne!(replica.info("replica_full_sync_buffer_peak"), "0");
        assert_eq!(master.info("sync_full"), "1");
        replica.wait_for_log("initialize RDB channel");
        // The history is that of the master: the next link continues.
        master.client().command(&["client", "kill", "type", "replica"]);
        write(&master, 3);
        wait_for_equality(&master, &replica);
        assert_eq!(master.info("sync_full"), "1");
        assert_eq!(master.info("sync_partial_ok"), "1");
    }
}

#[test]
fn a_full_buffer_leaves_the_rest_with_the_master() {
    let master = start(&[("rdb-key-save-delay", "300")]);
    let replica = start(&[("replica-full-sync-buffer-limit", "20000")]);
    fill(&master, "2000");
    follow(&replica, master.port);
    wait_for_state(&master, "send_bulk_and_stream");
    write(&master, 300);
    wait_for_equality(&master, &replica);
    replica.wait_for_log("Replication buffer limit has been reached");
    assert_eq!(replica.info("replica_full_sync_buffer_peak"), "20000");
}

/// Both connections pass the proxy, which cuts after so many bytes: in larger and larger steps,
/// in small ones when `REPLICATION_SOAK_SECONDS` asks for the long tests.
#[test]
fn every_cut_is_survived() {
    let (master, replica) = (start(&[]), start(&[]));
    fill(&master, "60");
    let proxy = Proxy::start(master.port);
    let divisor = if std::env::var_os("REPLICATION_SOAK_SECONDS").is_some() { 20 } else { 1 };
    let mut bytes = 1;
    while bytes < 16_000 {
        proxy.cut_after(bytes);
        follow(&replica, proxy.port);
        write(&master, 2);
        wait_for_equality(&master, &replica);
        assert!(wait_until(LIMIT, || master.info("connected_slaves") == "1"));
        replica.client().command(&["replicaof", "no", "one"]);
        replica.client().command(&["set", "own", "history"]);
        bytes += 1 + bytes / divisor;
    }
    let id = || master.client().command(&["client", "list", "type", "replica"]).text();
    assert!(wait_until(LIMIT, || id().is_empty()), "a connection is left over: {}", id());
}

#[test]
fn either_side_may_not_know_it() {
    let (old, new) = (start(&[("repl-rdb-channel", "no")]), start(&[]));
    fill(&old, "100");
    follow(&new, old.port);
    wait_for_equality(&old, &new);
    new.client().command(&["replicaof", "no", "one"]);
    follow(&old, new.port);
    write(&new, 3);
    wait_for_equality(&new, &old);
    for server in [&old, &new] {
        assert!(!server.log().contains("RDB channel"), "{}", server.log());
    }
    if let Some(binary) = reference() {
        let settings = [("repl-diskless-sync-delay", "0"), ("save", "")];
        let other = Server::start_binary(&binary, &settings);
        fill(&other, "100");
        follow(&new, other.port);
        wait_for_equality(&other, &new);
    }
}

#[test]
fn a_second_connection_needs_a_first_one() {
    let master = start(&[]);
    let mut client = master.client();
    let reply = client.command(&["replconf", "rdb-channel", "1", "main-ch-client-id", "999"]);
    assert_eq!(reply.text(), "ERR Unrecognized RDB channel client id 999");
    let id = client.command(&["client", "id"]).int().to_string();
    let reply = client.command(&["replconf", "main-ch-client-id", id.as_str()]);
    assert!(reply.is_error(), "a client that is no replica: {reply}");
}
