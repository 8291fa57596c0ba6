//! INFO: server, clients, persistence, replication, cpu, cluster, keyspace.

use super::Info;
use crate::config::Supervised;
use crate::config::file::REDIS_VERSION;
use crate::server::Server;
use crate::server::clock::unix_us;
use crate::server::io_threads::ThreadStats;
use crate::server::loading::Loading;
use crate::server::start::{BUILD_ID, GIT_SHA1};
use crate::sys::monotonic;
use crate::sys::process::{self, Usage};

pub(super) fn server(server: &mut Server, info: &mut Info) {
    let config = &server.config;
    let supervised = match server.process.supervised {
        Some(Supervised::Upstart) => "upstart",
        Some(Supervised::Systemd) => "systemd",
        _ => "no",
    };
    let (system, release, machine) = &server.process.system;
    let uptime_s = (server.clock.now_ms - server.start_ms) / 1000;
    info.field("redis_version", REDIS_VERSION);
    info.field("server_name", "redis-rust");
    info.field("redis_git_sha1", GIT_SHA1);
    info.field("redis_git_dirty", 0);
    info.field("redis_build_id", BUILD_ID);
    info.field("redis_mode", server.mode());
    info.field("os", format_args!("{system} {release} {machine}"));
    info.field("arch_bits", usize::BITS);
    info.field("monotonic_clock", "POSIX clock_gettime");
    info.field("multiplexing_api", "epoll");
    info.field("atomicvar_api", "rust-core");
    info.field("gcc_version", "0.0.0");
    info.field("process_id", process::pid());
    info.field("process_supervised", supervised);
    info.field("run_id", &server.run_id);
    info.field("tcp_port", if config.port != 0 { config.port } else { config.tls_port });
    info.field("server_time_usec", server.clock.now_us);
    info.field("uptime_in_seconds", uptime_s);
    info.field("uptime_in_days", uptime_s / 86_400);
    info.field("hz", server.cron.hz.max(1));
    info.field("configured_hz", config.hz);
    info.field("lru_clock", server.clock.lru_clock);
    info.field("executable", &server.process.executable);
    let file = config.configfile.as_ref().map(|path| path.to_string_lossy());
    info.field("config_file", file.unwrap_or_default());
    info.flag("io_threads_active", server.io.are_active());
    if server.shutdown.is_initiated() {
        let left_ms = server.shutdown.deadline_ms - server.clock.now_ms;
        info.field("shutdown_in_milliseconds", left_ms);
    }
    for (idx, text) in server.listeners.describe(config).iter().enumerate() {
        info.field(&format!("listener{idx}"), text);
    }
}

pub(super) fn clients(server: &mut Server, info: &mut Info) {
    let (blocking_keys, on_nokey) = server.blocking.waiting_keys();
    info.field("connected_clients", server.clients.len() - server.replication.replicas.len());
    info.field("cluster_connections", 0);
    info.field("maxclients", server.config.maxclients);
    info.field("client_recent_max_input_buffer", server.client_memory.recent_max_input());
    info.field("client_recent_max_output_buffer", server.client_memory.recent_max_output());
    info.field("blocked_clients", server.blocking.clients);
    info.field("tracking_clients", server.tracking.clients());
    info.field("pubsub_clients", server.pubsub.clients());
    info.field("watching_clients", server.watches.clients());
    info.field("clients_in_timeout_table", server.blocking.deadlines());
    info.field("total_watched_keys", server.watches.keys());
    info.field("total_blocking_keys", blocking_keys);
    info.field("total_blocking_keys_on_nokey", on_nokey);
}

/// What each thread has read and written; the main one did what the others did not.
pub(super) fn threads(server: &mut Server, info: &mut Info) {
    let workers = server.io.worker_stats();
    let mut clients = vec![0; workers.len() + 1];
    clients[0] = server.clients.len();
    if !workers.is_empty() {
        for client in server.clients.iter() {
            let thread = client.conn.as_ref().map_or(0, |conn| usize::from(conn.io_thread));
            clients[thread] += 1;
            clients[0] -= 1;
        }
    }
    let mut main =
        ThreadStats { reads: server.stats.reads_processed, writes: server.stats.writes_processed };
    for of in workers {
        main.reads -= of.reads;
        main.writes -= of.writes;
    }
    for (i, of) in std::iter::once(&main).chain(workers).enumerate() {
        let value = format!("clients={},reads={},writes={}", clients[i], of.reads, of.writes);
        info.field(&format!("io_thread_{i}"), value);
    }
}

pub(super) fn persistence(server: &mut Server, info: &mut Info) {
    let loading = &server.loading;
    info.flag("loading", loading.active && !loading.in_background);
    info.flag("async_loading", loading.in_background);
    let child = &server.child;
    let cow_age_us = match child.info.cow_updated_us {
        0 => 0,
        updated_us => monotonic::now_us() - updated_us,
    };
    info.field("current_cow_peak", child.cow_peak);
    info.field("current_cow_size", child.info.cow_bytes);
    info.field("current_cow_size_age", cow_age_us / 1_000_000);
    info.field("current_fork_perc", format_args!("{:.2}", child.percent()));
    info.field("current_save_keys_processed", child.info.keys);
    info.field("current_save_keys_total", child.keys_total);
    let rdb = &server.rdb;
    info.field("rdb_changes_since_last_save", server.dirty);
    info.flag("rdb_bgsave_in_progress", child.is_saving());
    info.field("rdb_last_save_time", rdb.last_save_s);
    info.field("rdb_last_bgsave_status", if rdb.last_bgsave_ok { "ok" } else { "err" });
    info.field("rdb_last_bgsave_time_sec", rdb.last_duration_s);
    info.field("rdb_current_bgsave_time_sec", server.bgsave_running_s());
    info.field("rdb_saves", rdb.saves);
    info.field("rdb_last_cow_size", child.rdb_cow);
    info.field("rdb_last_load_keys_expired", server.loading.keys_expired);
    info.field("rdb_last_load_keys_loaded", server.loading.keys_loaded);
    let aof = &server.aof;
    let status = |ok: bool| if ok { "ok" } else { "err" };
    info.flag("aof_enabled", aof.is_on());
    info.flag("aof_rewrite_in_progress", server.is_rewriting_aof());
    info.flag("aof_rewrite_scheduled", aof.rewrite.scheduled);
    info.field("aof_last_rewrite_time_sec", aof.rewrite.last_duration_s);
    info.field("aof_current_rewrite_time_sec", server.aof_rewrite_running_s());
    info.field("aof_last_bgrewrite_status", status(aof.rewrite.last_ok));
    info.field("aof_rewrites", aof.rewrite.count);
    info.field("aof_rewrites_consecutive_failures", aof.rewrite.consecutive_failures);
    info.field("aof_last_write_status", status(aof.is_healthy()));
    info.field("aof_last_cow_size", server.child.aof_cow);
    info.field("module_fork_in_progress", 0);
    info.field("module_fork_last_cow_size", 0);
    if server.config.appendonly {
        info.field("aof_current_size", aof.current_size);
        info.field("aof_base_size", aof.base_size);
        info.flag("aof_pending_rewrite", aof.rewrite.scheduled);
        info.field("aof_buffer_length", aof.buffer_bytes());
        info.field("aof_pending_bio_fsync", aof.pending_syncs());
        info.field("aof_delayed_fsync", aof.delayed_fsync);
    }
    loading_progress(&server.loading, info);
}

fn loading_progress(loading: &Loading, info: &mut Info) {
    if !loading.active {
        return;
    }
    let progress = loading.progress(unix_us() / 1_000_000);
    info.field("loading_start_time", loading.start_s);
    info.field("loading_total_bytes", loading.total_bytes);
    info.field("loading_rdb_used_mem", loading.rdb_used_mem);
    info.field("loading_loaded_bytes", loading.loaded_bytes);
    info.field("loading_loaded_perc", format_args!("{:.2}", progress.percent));
    info.field("loading_eta_seconds", progress.eta_s);
}

pub(super) fn cpu(_: &mut Server, info: &mut Info) {
    let kinds =
        [(Usage::Process, ""), (Usage::Children, "_children"), (Usage::Thread, "_main_thread")];
    for (usage, suffix) in kinds {
        let (user, system) = process::cpu_time_us(usage);
        for (kind, us) in [("sys", system), ("user", user)] {
            let (seconds, micros) = (us / 1_000_000, us % 1_000_000);
            let name = format!("used_cpu_{kind}{suffix}");
            info.field(&name, format_args!("{seconds}.{micros:06}"));
        }
    }
}

pub(super) fn cluster(server: &mut Server, info: &mut Info) {
    info.flag("cluster_enabled", server.config.cluster_enabled);
}

pub(super) fn keyspace(server: &mut Server, info: &mut Info) {
    for db in server.keyspace.dbs.iter().filter(|db| !db.is_empty()) {
        let text = format!(
            "keys={},expires={},avg_ttl={},subexpiry={}",
            db.len(),
            db.expires_len(),
            db.avg_ttl,
            db.hexpires.len()
        );
        info.field(&format!("db{}", db.id), text);
    }
}
