//! INFO replication and ROLE.

use crate::protocol::reply::{Aggregate, Reply};
use crate::server::Server;
use crate::server::info::Info;

use super::link::LinkState;
use super::replicas::ReplicaState;

/// The section.
pub fn replication(server: &mut Server, info: &mut Info) {
    info.field("role", if server.is_replica() { "slave" } else { "master" });
    if server.is_replica() {
        of_master(server, info);
    }
    info.field("connected_slaves", server.connected_replicas());
    if server.config.min_replicas_to_write != 0 && server.config.min_replicas_max_lag != 0 {
        info.field("min_slaves_good_slaves", server.replication.good_replicas);
    }
    of_replicas(server, info);
    let repl = &server.replication;
    info.field("master_failover_state", repl.failover.name());
    info.field("master_replid", &repl.id);
    info.field("master_replid2", &repl.id2);
    info.field("master_repl_offset", repl.stream.end());
    info.field("second_repl_offset", repl.second_offset);
    let active = repl.stream.is_active();
    info.flag("repl_backlog_active", active);
    info.field("repl_backlog_size", server.backlog_size());
    info.field("repl_backlog_first_byte_offset", if active { repl.stream.first() } else { 0 });
    info.field("repl_backlog_histlen", if active { repl.stream.histlen() } else { 0 });
}

fn of_master(server: &Server, info: &mut Info) {
    let Some(address) = &server.config.replicaof else { return };
    let (applied, read) = server.offsets_of_master().unwrap_or((1, 1));
    let last_io = server.master_client().map(|c| server.clock.now_s() - c.last_interaction_s);
    let up = server.link_is_up();
    info.field("master_host", String::from_utf8_lossy(&address.host));
    info.field("master_port", address.port);
    info.field("master_link_status", if up { "up" } else { "down" });
    info.field("master_last_io_seconds_ago", last_io.unwrap_or(-1));
    let transfer = server.replication.link.transfer_progress();
    info.flag("master_sync_in_progress", transfer.is_some());
    info.field("slave_read_repl_offset", read);
    info.field("slave_repl_offset", applied);
    info.field("replica_full_sync_buffer_size", server.full_sync_buffer_bytes());
    info.field("replica_full_sync_buffer_peak", server.replication.link.full_sync_buffer_peak);
    if let Some((total, read)) = transfer {
        let percent = if total > 0 { read as f64 * 100.0 / total as f64 } else { 0.0 };
        let last_io_s = server.replication.link.last_io_ms() / 1000;
        info.field("master_sync_total_bytes", total);
        info.field("master_sync_read_bytes", read);
        info.field("master_sync_left_bytes", total - read);
        info.field("master_sync_perc", format_args!("{percent:.2}"));
        info.field("master_sync_last_io_seconds_ago", server.clock.now_s() - last_io_s);
    }
    if !up {
        let since_s = server.replication.master.down_since_s;
        let down_s = if since_s == 0 { -1 } else { server.clock.now_s() - since_s };
        info.field("master_link_down_since_seconds", down_s);
    }
    info.field("slave_priority", server.config.replica_priority);
    info.flag("slave_read_only", server.config.replica_read_only);
    info.flag("replica_announced", server.config.replica_announced);
}

fn of_replicas(server: &Server, info: &mut Info) {
    let now_s = server.clock.now_s();
    let known = server
        .replication
        .replicas
        .iter()
        .filter(|replica| replica.host().is_some() && replica.conf.main_channel.is_none());
    for (idx, replica) in known.enumerate() {
        let online = replica.state == ReplicaState::Online;
        let lag_s = if online { now_s - replica.ack_time_s } else { 0 };
        let text = format!(
            "ip={},port={},state={},offset={},lag={lag_s}",
            replica.host().unwrap_or_default(),
            replica.conf.port,
            replica.state.name(),
            replica.ack_offset,
        );
        info.field(&format!("slave{idx}"), text);
    }
}

/// The reply of ROLE.
pub fn role(server: &Server, reply: &mut Reply) {
    let Some(address) = &server.config.replicaof else {
        reply.array(3);
        reply.bulk_str("master");
        reply.int(server.master_repl_offset());
        let online =
            server.replication.replicas.iter().filter(|replica| {
                replica.state == ReplicaState::Online && replica.host().is_some()
            });
        let at = reply.deferred();
        let mut count = 0;
        for replica in online {
            reply.array(3);
            reply.bulk_str(&replica.host().unwrap_or_default());
            reply.bulk_int(replica.conf.port);
            reply.bulk_int(replica.ack_offset);
            count += 1;
        }
        reply.close_deferred(at, Aggregate::Array, count);
        return;
    };
    reply.array(5);
    reply.bulk_str("slave");
    reply.bulk(&address.host);
    reply.int(i64::from(address.port));
    reply.bulk_str(match server.replication.link.state() {
        LinkState::None => "none",
        LinkState::Connect => "connect",
        LinkState::Connecting => "connecting",
        LinkState::Handshake => "handshake",
        LinkState::Transfer => "sync",
        LinkState::Connected => "connected",
    });
    let applied = server.replication.master.client.as_ref().map(|master| master.offset);
    reply.int(applied.unwrap_or(-1));
}
