//! A cluster of one node: slots, redirections, nodes.conf across restarts, shard channels.

use std::time::Duration;

use super::common::{Server, server::wait_until};

fn node(config: &[(&str, &str)]) -> Server {
    let always = [("cluster-enabled", "yes"), ("cluster-node-timeout", "500")];
    Server::start(&[&always[..], config].concat())
}

fn wait_for_state(server: &Server, state: &str) {
    let mut client = server.client();
    let text = format!("cluster_state:{state}\r\n");
    let reached = || call!(client, ["CLUSTER", "INFO"]).text().starts_with(&text);
    assert!(wait_until(Duration::from_secs(10), reached), "{}", server.log());
}

fn serving() -> Server {
    let server = node(&[]);
    assert_reply!(server.client(), ["CLUSTER", "ADDSLOTSRANGE", 0, 16383], "+OK");
    wait_for_state(&server, "ok");
    server
}

#[test]
fn without_cluster_support_the_commands_are_refused() {
    let server = Server::start(&[]);
    let mut client = server.client();
    let error = "-ERR This instance has cluster support disabled";
    assert_reply!(client, ["CLUSTER", "INFO"], error);
    assert_reply!(client, ["CLUSTER", "KEYSLOT", "x"], error);
    assert_reply!(client, ["READONLY"], error);
}

#[test]
fn keys_of_one_slot_are_served() {
    let server = serving();
    let mut client = server.client();
    assert_reply!(client, ["CLUSTER", "KEYSLOT", "foo"], 12182);
    assert_reply!(client, ["SET", "{foo}1", 1], "+OK");
    assert_reply!(client, ["MSET", "{foo}1", 1, "{foo}2", 2], "+OK");
    let cross = "-CROSSSLOT Keys in request don't hash to the same slot";
    assert_reply!(client, ["MSET", "a", 1, "b", 2], cross);
    assert_reply!(client, ["CLUSTER", "COUNTKEYSINSLOT", 12182], 2);
    assert_eq!(call!(client, ["CLUSTER", "GETKEYSINSLOT", 12182, 1]).items().len(), 1);
    assert_reply!(client, ["SELECT", 1], "-ERR SELECT is not allowed in cluster mode");
    assert_reply!(client, ["MULTI"], "+OK");
    assert_reply!(client, ["SET", "a", 1], "+QUEUED");
    assert_reply!(client, ["SET", "b", 1], "+QUEUED");
    assert_reply!(client, ["EXEC"], cross);
    assert_reply!(client, ["EXEC"], "-ERR EXEC without MULTI");
}

#[test]
fn a_slot_without_owner_is_not_served() {
    let server = serving();
    let mut client = server.client();
    let (down, unbound) = ("-CLUSTERDOWN The cluster is down", "-CLUSTERDOWN Hash slot not served");
    assert_reply!(client, ["CLUSTER", "DELSLOTS", 12182], "+OK");
    assert_reply!(client, ["GET", "foo"], unbound);
    wait_for_state(&server, "fail");
    assert_reply!(client, ["GET", "bar"], down);
    assert_reply!(client, ["CONFIG", "SET", "cluster-allow-reads-when-down", "yes"], "+OK");
    assert_reply!(client, ["GET", "bar"], None::<&str>);
    assert_reply!(
        client,
        ["SET", "bar", 1],
        "-CLUSTERDOWN The cluster is down and only accepts read commands"
    );
    assert_reply!(client, ["PING"], "+PONG");
}

#[test]
fn assigning_slots_is_all_or_nothing() {
    let server = node(&[]);
    let mut client = server.client();
    let range = "-ERR Invalid or out of range slot";
    assert_reply!(client, ["CLUSTER", "ADDSLOTS", 1, 16384], range);
    let twice = "-ERR Slot 5 specified multiple times";
    assert_reply!(client, ["CLUSTER", "ADDSLOTS", 5, 5], twice);
    assert_reply!(client, ["CLUSTER", "ADDSLOTS", 5, 6], "+OK");
    assert_reply!(client, ["CLUSTER", "ADDSLOTSRANGE", 0, 5], "-ERR Slot 5 is already busy");
    assert_reply!(client, ["CLUSTER", "DELSLOTS", 7], "-ERR Slot 7 is already unassigned");
    let order = "-ERR start slot number 9 is greater than end slot number 8";
    assert_reply!(client, ["CLUSTER", "ADDSLOTSRANGE", 9, 8], order);
    let arity = "-ERR wrong number of arguments for 'cluster|addslotsrange' command";
    assert_reply!(client, ["CLUSTER", "ADDSLOTSRANGE", 9, 10, 11], arity);
    let reply = call!(client, ["CLUSTER", "SLOTS"]);
    let range = &reply.items()[0];
    assert_eq!((range.items()[0].int(), range.items()[1].int()), (5, 6));
    assert_reply!(client, ["CLUSTER", "FLUSHSLOTS"], "+OK");
    assert_reply!(client, ["CLUSTER", "SLOTS"], "[]");
}

#[test]
fn the_node_remembers_itself_and_its_slots() {
    let mut server = node(&[]);
    let mut client = server.client();
    assert_reply!(client, ["CLUSTER", "ADDSLOTSRANGE", 0, 9, 20, 29], "+OK");
    assert_reply!(client, ["CLUSTER", "BUMPEPOCH"], "+BUMPED 1");
    assert_reply!(client, ["CLUSTER", "BUMPEPOCH"], "+STILL 1");
    let id = call!(client, ["CLUSTER", "MYID"]).text();
    let shard = call!(client, ["CLUSTER", "MYSHARDID"]).text();
    let nodes = call!(client, ["CLUSTER", "NODES"]).text();
    assert!(nodes.ends_with(" myself,master - 0 0 1 connected 0-9 20-29\n"), "{nodes}");
    drop(client);
    server.crash();
    server.restart();
    let mut client = server.client();
    assert_eq!(call!(client, ["CLUSTER", "MYID"]).text(), id);
    assert_eq!(call!(client, ["CLUSTER", "MYSHARDID"]).text(), shard);
    let again = call!(client, ["CLUSTER", "NODES"]).text();
    let tail = |text: &str| text.split_once(' ').map(|(id, _)| id.to_string());
    assert_eq!(tail(&again), tail(&nodes));
    assert!(again.contains("connected 0-9 20-29"), "{again}");
    assert_reply!(client, ["CLUSTER", "RESET", "HARD"], "+OK");
    assert!(call!(client, ["CLUSTER", "MYID"]).text() != id);
    assert_reply!(client, ["CLUSTER", "BUMPEPOCH"], "+BUMPED 1");
}

#[test]
fn migrations_can_be_set_and_ended() {
    let server = serving();
    let mut client = server.client();
    let id = call!(client, ["CLUSTER", "MYID"]).text();
    assert_reply!(
        client,
        ["CLUSTER", "SETSLOT", 1, "MIGRATING", "nobody"],
        "-ERR I don't know about node nobody"
    );
    assert_reply!(client, ["CLUSTER", "SETSLOT", 1, "STABLE"], "+OK");
    assert_reply!(client, ["CLUSTER", "SETSLOT", 1, "NODE", id], "+OK");
    assert_reply!(client, ["CLUSTER", "SETSLOT", 1, "NODE", "x"], "-ERR Unknown node x");
    let me = "-ERR I tried hard but I can't forget myself...";
    assert_reply!(client, ["CLUSTER", "FORGET", id], me);
    let refused = call!(client, ["CLUSTER", "MEET", "127.0.0.1", 1]).to_string();
    assert!(refused.contains("no cluster bus"), "{refused}");
}

#[test]
fn subscribers_of_a_slot_that_leaves_are_told() {
    let server = serving();
    let (mut client, mut subscriber) = (server.client(), server.client());
    call!(subscriber, ["SSUBSCRIBE", "foo"]);
    assert_reply!(client, ["SPUBLISH", "foo", "hello"], 1);
    assert_eq!(subscriber.read().items()[2].text(), "hello");
    assert_reply!(client, ["CLUSTER", "DELSLOTS", 12182], "+OK");
    assert_eq!(subscriber.read().to_string(), r#"["sunsubscribe", "foo", :0]"#);
}

#[test]
fn clients_that_wait_for_a_key_that_leaves_are_told() {
    let server = serving();
    let (mut client, mut waiting) = (server.client(), server.client());
    waiting.send(&["BLPOP", "foo", "0"]);
    assert!(wait_until(Duration::from_secs(5), || server.info("blocked_clients") == "1"));
    assert_reply!(client, ["CLUSTER", "DELSLOTS", 12182], "+OK");
    let told = waiting.read().to_string();
    assert!(told.starts_with("-CLUSTERDOWN"), "{told}");
}
