//! CLUSTER commands that show what the node knows.

use std::fmt::Write;

use super::{cluster, known_node};
use crate::cluster::{NodeFlags, NodeKey, nodes_conf};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::ClusterEndpointType;
use crate::protocol::reply::{Aggregate, Reply};
use crate::server::Server;

/// `CLUSTER MYID`
pub fn cluster_myid(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let id = cluster(ctx.server)?.myself().id;
    ctx.client.reply.bulk(id.as_bytes());
    Ok(())
}

/// `CLUSTER MYSHARDID`
pub fn cluster_myshardid(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let id = cluster(ctx.server)?.myself().shard_id;
    ctx.client.reply.bulk(id.as_bytes());
    Ok(())
}

/// `CLUSTER NODES`
pub fn cluster_nodes(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let lines = nodes_conf::lines(cluster(ctx.server)?, NodeFlags::default(), false, false);
    ctx.client.reply.verbatim(lines.as_bytes(), "txt");
    Ok(())
}

/// `CLUSTER INFO`
pub fn cluster_info(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let cluster = cluster(ctx.server)?;
    let owners = cluster.slots.ranges();
    let slots_of = |wanted: fn(NodeFlags) -> bool| -> usize {
        let ranges = owners.iter().filter(|(.., key)| wanted(cluster.node(*key).flags));
        ranges.map(|(first, last, _)| usize::from(last - first) + 1).sum()
    };
    let failed = slots_of(|flags| flags.has(NodeFlags::FAIL));
    let timed_out = slots_of(|flags| flags.has(NodeFlags::PFAIL) && !flags.has(NodeFlags::FAIL));
    let assigned = cluster.slots.assigned();
    let fields: [(&str, &dyn std::fmt::Display); 12] = [
        ("cluster_state", &cluster.health.name()),
        ("cluster_slots_assigned", &assigned),
        ("cluster_slots_ok", &(assigned - failed - timed_out)),
        ("cluster_slots_pfail", &timed_out),
        ("cluster_slots_fail", &failed),
        ("cluster_known_nodes", &cluster.len()),
        ("cluster_size", &cluster.size),
        ("cluster_current_epoch", &cluster.current_epoch),
        ("cluster_my_epoch", &cluster.my_epoch()),
        // Without a bus no message was ever sent.
        ("cluster_stats_messages_sent", &0),
        ("cluster_stats_messages_received", &0),
        ("total_cluster_links_buffer_limit_exceeded", &0),
    ];
    let mut text = String::new();
    for (name, value) in fields {
        write!(text, "{name}:{value}\r\n").expect("a String takes all");
    }
    ctx.client.reply.verbatim(text.as_bytes(), "txt");
    Ok(())
}

/// `CLUSTER SLOTS`
pub fn cluster_slots(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let cluster = cluster(ctx.server)?;
    let ranges = cluster.slots.ranges();
    let reply = &mut ctx.client.reply;
    reply.array(ranges.len());
    for (first, last, owner) in ranges {
        let failing = |key: &NodeKey| cluster.node(*key).flags.has(NodeFlags::FAIL);
        let replicas: Vec<_> =
            cluster.replicas_of(owner).into_iter().filter(|key| !failing(key)).collect();
        reply.array(3 + replicas.len());
        reply.int(i64::from(first));
        reply.int(i64::from(last));
        for key in std::iter::once(owner).chain(replicas) {
            reply_address(reply, ctx.server, key)?;
        }
    }
    Ok(())
}

/// A node as CLUSTER SLOTS shows it: endpoint, port, id, and what else leads to it.
fn reply_address(reply: &mut Reply, server: &Server, key: NodeKey) -> CmdResult {
    use ClusterEndpointType::{Hostname, Ip, UnknownEndpoint};
    let node = cluster(server)?.node(key);
    let preferred = server.config.cluster_preferred_endpoint_type;
    reply.array(4);
    match preferred {
        UnknownEndpoint => reply.null(),
        Ip | Hostname => reply.bulk_str(server.preferred_endpoint(node)),
    }
    reply.int(i64::from(node.port));
    reply.bulk(node.id.as_bytes());
    let mut others = Vec::new();
    if preferred != Ip {
        others.push(("ip", &node.ip));
    }
    if preferred != Hostname && !node.hostname.is_empty() {
        others.push(("hostname", &node.hostname));
    }
    reply.map(others.len());
    for (name, value) in others {
        reply.bulk_str(name);
        reply.bulk_str(value);
    }
    Ok(())
}

/// `CLUSTER SHARDS`
pub fn cluster_shards(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let cluster = cluster(ctx.server)?;
    let mut shards: Vec<Vec<NodeKey>> = Vec::new();
    for (key, node) in cluster.nodes() {
        let same = |shard: &&mut Vec<NodeKey>| cluster.node(shard[0]).shard_id == node.shard_id;
        match shards.iter_mut().find(same) {
            Some(shard) => shard.push(key),
            None => shards.push(vec![key]),
        }
    }
    let reply = &mut ctx.client.reply;
    reply.array(shards.len());
    for shard in shards {
        let master = shard.iter().find(|key| cluster.node(**key).is_master());
        let ranges = master.map_or_else(Vec::new, |key| cluster.slots.ranges_of(*key));
        reply.map(2);
        reply.bulk_str("slots");
        reply.array(ranges.len() * 2);
        for (first, last) in ranges {
            reply.int(i64::from(first));
            reply.int(i64::from(last));
        }
        reply.bulk_str("nodes");
        reply.array(shard.len());
        for key in shard {
            reply_shard_node(reply, ctx.server, key)?;
        }
    }
    Ok(())
}

fn reply_shard_node(reply: &mut Reply, server: &Server, key: NodeKey) -> CmdResult {
    let node = cluster(server)?.node(key);
    let at = reply.deferred();
    let mut fields = 6;
    reply.bulk_str("id");
    reply.bulk(node.id.as_bytes());
    for (name, port) in [("port", node.port), ("tls-port", node.tls_port)] {
        if port > 0 {
            reply.bulk_str(name);
            reply.int(i64::from(port));
            fields += 1;
        }
    }
    reply.bulk_str("ip");
    reply.bulk_str(&node.ip);
    reply.bulk_str("endpoint");
    reply.bulk_str(server.preferred_endpoint(node));
    if !node.hostname.is_empty() {
        reply.bulk_str("hostname");
        reply.bulk_str(&node.hostname);
        fields += 1;
    }
    reply.bulk_str("role");
    reply.bulk_str(if node.is_master() { "master" } else { "replica" });
    // Without the bus nobody else's offset is known.
    let is_me = key == cluster(server)?.my_key();
    reply.bulk_str("replication-offset");
    reply.int(if is_me { server.master_repl_offset() } else { 0 });
    let health = match node.is_master() {
        _ if node.flags.has(NodeFlags::FAIL) => "fail",
        true => "online",
        false => "loading",
    };
    reply.bulk_str("health");
    reply.bulk_str(health);
    reply.close_deferred(at, Aggregate::Map, fields);
    Ok(())
}

/// `CLUSTER REPLICAS node-id`
pub fn cluster_replicas(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let cluster = cluster(ctx.server)?;
    let node = known_node(cluster, args[2])?;
    if !cluster.node(node).is_master() {
        return Err(ReplyError::fixed("ERR The specified node is not a master"));
    }
    let replicas = cluster.replicas_of(node);
    let reply = &mut ctx.client.reply;
    reply.array(replicas.len());
    for key in replicas {
        reply.bulk_str(&nodes_conf::line(cluster, key, false, false));
    }
    Ok(())
}

/// `CLUSTER SLAVES node-id`: REPLICAS by its old name.
pub fn cluster_slaves(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    cluster_replicas(ctx, args)
}

/// `CLUSTER COUNT-FAILURE-REPORTS node-id`: none without a bus that brings them.
pub fn cluster_count_failure_reports(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    known_node(cluster(ctx.server)?, args[2])?;
    ctx.client.reply.int(0);
    Ok(())
}

/// `CLUSTER LINKS`: no bus, no links.
pub fn cluster_links(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    cluster(ctx.server)?;
    ctx.client.reply.array(0);
    Ok(())
}
