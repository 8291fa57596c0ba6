//! INFO: stats, commandstats, errorstats, latencystats, debug.

use super::{Info, safe_name};
use crate::server::Server;

pub(super) fn stats(server: &mut Server, info: &mut Info) {
    traffic(server, info);
    keys(server, info);
    let stats = &server.stats;
    info.field("latest_fork_usec", server.child.fork_us);
    info.field("total_forks", stats.total_forks);
    info.field("migrate_cached_sockets", server.migrate_sockets.len());
    info.field("slave_expires_tracked_keys", server.replication.keys.len());
    defrag(server, info);
    info.field("tracking_total_keys", server.tracking.keys());
    info.field("tracking_total_items", server.tracking.items());
    info.field("tracking_total_prefixes", server.tracking.prefixes());
    info.field("unexpected_error_replies", stats.unexpected_error_replies);
    info.field("total_error_replies", stats.error_replies);
    info.field("dump_payload_sanitizations", stats.dump_payload_sanitizations);
    info.field("total_reads_processed", stats.reads_processed);
    info.field("total_writes_processed", stats.writes_processed);
    let workers = server.io.worker_stats();
    info.field("io_threaded_reads_processed", workers.iter().map(|of| of.reads).sum::<u64>());
    info.field("io_threaded_writes_processed", workers.iter().map(|of| of.writes).sum::<u64>());
    info.field(
        "client_query_buffer_limit_disconnections",
        stats.client_query_buffer_limit_disconnections,
    );
    info.field(
        "client_output_buffer_limit_disconnections",
        stats.client_output_buffer_limit_disconnections,
    );
    info.field("reply_buffer_shrinks", stats.reply_buffer_shrinks);
    info.field("reply_buffer_expands", stats.reply_buffer_expands);
    info.field("eventloop_cycles", stats.eventloop_cycles);
    info.field("eventloop_duration_sum", stats.eventloop_duration_us);
    info.field("eventloop_duration_cmd_sum", stats.eventloop_duration_cmd_us);
    let metrics = &server.cron.metrics;
    info.field("instantaneous_eventloop_cycles_per_sec", metrics.eventloop_cycles.get());
    info.field("instantaneous_eventloop_duration_usec", metrics.eventloop_duration.get());
    info.field("acl_access_denied_auth", stats.acl_denied_auth);
    info.field("acl_access_denied_cmd", stats.acl_denied_cmd);
    info.field("acl_access_denied_key", stats.acl_denied_key);
    info.field("acl_access_denied_channel", stats.acl_denied_channel);
}

fn defrag(server: &Server, info: &mut Info) {
    let stats = &server.defrag.stats;
    info.field("active_defrag_hits", stats.hits);
    info.field("active_defrag_misses", stats.misses);
    info.field("active_defrag_key_hits", stats.key_hits);
    info.field("active_defrag_key_misses", stats.key_misses);
    let (total_ms, current_ms) = server.defrag.times_ms(server.clock.monotonic_us());
    info.field("total_active_defrag_time", total_ms);
    info.field("current_active_defrag_time", current_ms);
}

fn traffic(server: &Server, info: &mut Info) {
    let (stats, metrics) = (&server.stats, &server.cron.metrics);
    info.field("total_connections_received", stats.connections_received);
    info.field("total_commands_processed", stats.commands_processed);
    info.field("instantaneous_ops_per_sec", metrics.commands.get());
    info.field("total_net_input_bytes", stats.net_input_bytes);
    info.field("total_net_output_bytes", stats.net_output_bytes);
    info.field("total_net_repl_input_bytes", server.replication.stats.net_input_bytes);
    info.field("total_net_repl_output_bytes", server.replication.stats.net_output_bytes);
    let kbps = |bytes: u64| format!("{:.2}", bytes as f64 / 1024.0);
    info.field("instantaneous_input_kbps", kbps(metrics.net_input.get()));
    info.field("instantaneous_output_kbps", kbps(metrics.net_output.get()));
    info.field("instantaneous_input_repl_kbps", kbps(metrics.repl_input.get()));
    info.field("instantaneous_output_repl_kbps", kbps(metrics.repl_output.get()));
    info.field("rejected_connections", stats.rejected_connections);
    info.field("sync_full", server.replication.stats.sync_full);
    info.field("sync_partial_ok", server.replication.stats.sync_partial_ok);
    info.field("sync_partial_err", server.replication.stats.sync_partial_err);
}

fn keys(server: &Server, info: &mut Info) {
    let stats = &server.stats;
    let exceeded_us = server.eviction_exceeded_us();
    info.field("expired_subkeys", stats.expired_subkeys);
    info.field("expired_keys", stats.expired_keys);
    info.field("expired_stale_perc", format_args!("{:.2}", stats.expired_stale_perc * 100.0));
    info.field("expired_time_cap_reached_count", stats.expired_time_cap_reached);
    info.field("expire_cycle_cpu_milliseconds", stats.expire_cycle_cpu_us / 1000);
    info.field("evicted_keys", stats.evicted_keys);
    info.field("evicted_clients", stats.evicted_clients);
    info.field("evicted_scripts", stats.evicted_scripts);
    let total_us = stats.total_eviction_exceeded_us + exceeded_us;
    info.field("total_eviction_exceeded_time", total_us / 1000);
    info.field("current_eviction_exceeded_time", exceeded_us / 1000);
    info.field("keyspace_hits", stats.keyspace_hits);
    info.field("keyspace_misses", stats.keyspace_misses);
    info.field("pubsub_channels", server.pubsub.channels.len());
    info.field("pubsub_patterns", server.pubsub.patterns.len());
    info.field("pubsubshard_channels", server.pubsub.shard_channels.len());
}

pub(super) fn commandstats(server: &mut Server, info: &mut Info) {
    for command in server.commands.iter() {
        let stats = &server.stats.commands[usize::from(command.id.0)];
        if stats.calls == 0 && stats.failed == 0 && stats.rejected == 0 {
            continue;
        }
        let per_call = stats.usec as f64 / stats.calls.max(1) as f64;
        let name = format!("cmdstat_{}", safe_name(command.full_name.as_bytes()));
        let text = format!(
            "calls={},usec={},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
            stats.calls, stats.usec, stats.rejected, stats.failed
        );
        info.field(&name, text);
    }
}

pub(super) fn errorstats(server: &mut Server, info: &mut Info) {
    for (code, count) in &server.stats.errors {
        info.field(&format!("errorstat_{}", safe_name(code)), format_args!("count={count}"));
    }
}

pub(super) fn latencystats(server: &mut Server, info: &mut Info) {
    if !server.config.latency_tracking {
        return;
    }
    for command in server.commands.iter() {
        let stats = &server.stats.commands[usize::from(command.id.0)];
        let Some(latency) = &stats.latency else { continue };
        let percentiles = server.config.latency_tracking_info_percentiles.iter();
        let texts: Vec<String> = percentiles
            .map(|p| format!("p{}={:.3}", percentile_name(*p), latency.percentile_usec(*p)))
            .collect();
        let name = safe_name(command.full_name.as_bytes());
        info.field(&format!("latency_percentiles_usec_{name}"), texts.join(","));
    }
}

/// Six digits after the point without the zeros at the end.
fn percentile_name(percentile: f64) -> String {
    let text = format!("{percentile:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

pub(super) fn debug(server: &mut Server, info: &mut Info) {
    let stats = &server.stats;
    info.field("eventloop_duration_aof_sum", server.aof.flush_us);
    info.field("eventloop_duration_cron_sum", stats.eventloop_duration_cron_us);
    info.field("eventloop_duration_max", stats.eventloop_duration_max_us);
    info.field("eventloop_cmd_per_cycle_max", stats.eventloop_cmd_per_cycle_max);
    let figures = &server.cron.memory;
    info.field("allocator_allocated_lua", figures.scripts.allocated);
    info.field("allocator_active_lua", figures.scripts.active);
    info.field("allocator_resident_lua", figures.scripts.resident);
    info.field("allocator_frag_bytes_lua", figures.wasted.scripts);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_names_are_short() {
        assert_eq!(percentile_name(50.0), "50");
        assert_eq!(percentile_name(99.9), "99.9");
        assert_eq!(percentile_name(0.0), "0");
        assert_eq!(percentile_name(100.0), "100");
    }
}
