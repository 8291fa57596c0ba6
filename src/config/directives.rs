//! THE table of configuration directives: one row each, sorted by name. Reading redis.conf, the
//! command line, CONFIG GET, SET and REWRITE and the defaults all derive from it.
//!
//! Directives that exist only in files (include, user, rename-command, loadmodule, sentinel) are in
//! `file`. Adding a directive = one field in `Config`, one row here, one entry in redis.conf; tests
//! compare the three. Names, defaults, limits and flags are those of Redis 8.0.

use super::Config;
use super::kind::{
    BINARY, ChoiceField, DEBUG, DENY_LOADING, Directive, Effect, Field, HIDDEN, IMMUTABLE,
    MULTI_ARG, PROTECTED, Reason, SENSITIVE, Unit, VOLATILE, boolean, choice_text, int, one_of,
    optional, shutdown_flags, special, text, uint,
};
use super::proc_title;
use super::special;
use super::values::{
    AclPubsubDefault, AppendFsync, Choice, ClusterEndpointType, LogLevel, MaxmemoryPolicy,
    OomScoreAdj, PropagationErrorBehavior, ProtectedAction, ReplDisklessLoad, SanitizeDumpPayload,
    Supervised, SyslogFacility, TlsAuthClients,
};

/// Longest host name, terminator included.
const HOST_LEN_LIMIT: usize = 256;

const INT_MIN: i64 = i32::MIN as i64;
const INT_MAX: i64 = i32::MAX as i64;
const LONG_MAX: i64 = i64::MAX;
/// Limits of unsigned numbers whose Redis type is int, unsigned int and long.
const INT_LIMIT: u64 = i32::MAX as u64;
const UINT_LIMIT: u64 = u32::MAX as u64;
const ULONG_LIMIT: u64 = i64::MAX as u64;
const MB: u64 = 1 << 20;

/// The field of a directive.
macro_rules! at {
    ($field:ident) => {
        Field {
            name: stringify!($field),
            get: |config| &config.$field,
            get_mut: |config| &mut config.$field,
        }
    };
}

/// The field of a directive that holds a closed choice.
macro_rules! enum_at {
    ($field:ident: $choice:ty) => {
        ChoiceField {
            name: stringify!($field),
            texts: <$choice>::TEXTS,
            get: |config| choice_text(config.$field),
            set: |config, idx| config.$field = <$choice>::nth(idx),
        }
    };
}

/// Every directive, sorted by name.
#[rustfmt::skip] // One row, one line: it is read as a table.
pub static DIRECTIVES: &[Directive] = &[
    one_of("acl-pubsub-default", enum_at!(acl_pubsub_default: AclPubsubDefault), "resetchannels"),
    text("aclfile", at!(aclfile), "").flags(IMMUTABLE),
    uint("acllog-max-len", at!(acllog_max_len), 128, 0, ULONG_LIMIT),
    int("active-defrag-cycle-max", at!(active_defrag_cycle_max), 25, 1, 99).effect(Effect::Defrag),
    int("active-defrag-cycle-min", at!(active_defrag_cycle_min), 1, 1, 99).effect(Effect::Defrag),
    uint("active-defrag-ignore-bytes", at!(active_defrag_ignore_bytes), 100 * MB, 1, ULONG_LIMIT)
        .unit(Unit::Memory),
    uint("active-defrag-max-scan-fields", at!(active_defrag_max_scan_fields), 1000, 1, ULONG_LIMIT),
    int("active-defrag-threshold-lower", at!(active_defrag_threshold_lower), 10, 0, 1000),
    int("active-defrag-threshold-upper", at!(active_defrag_threshold_upper), 100, 0, 1000)
        .effect(Effect::Defrag),
    int("active-expire-effort", at!(active_expire_effort), 1, 1, 10),
    boolean("activedefrag", at!(activedefrag), false).check_bool(check_activedefrag).flags(DEBUG),
    boolean("activerehashing", at!(activerehashing), true),
    boolean("always-show-logo", at!(always_show_logo), false).flags(IMMUTABLE),
    boolean("aof-disable-auto-gc", at!(aof_disable_auto_gc), false).flags(HIDDEN)
        .effect(Effect::AofAutoGc),
    boolean("aof-load-truncated", at!(aof_load_truncated), true),
    optional("aof-rewrite-cpulist", at!(aof_rewrite_cpulist)).alias("aof_rewrite_cpulist")
        .flags(IMMUTABLE),
    boolean("aof-rewrite-incremental-fsync", at!(aof_rewrite_incremental_fsync), true),
    boolean("aof-timestamp-enabled", at!(aof_timestamp_enabled), false),
    boolean("aof-use-rdb-preamble", at!(aof_use_rdb_preamble), true),
    text("appenddirname", at!(appenddirname), "appendonlydir").check(check_appenddirname)
        .flags(IMMUTABLE),
    text("appendfilename", at!(appendfilename), "appendonly.aof").check(check_appendfilename)
        .flags(IMMUTABLE),
    one_of("appendfsync", enum_at!(appendfsync: AppendFsync), "everysec")
        .effect(Effect::AppendFsync),
    boolean("appendonly", at!(appendonly), false).effect(Effect::Appendonly),
    uint("auto-aof-rewrite-min-size", at!(auto_aof_rewrite_min_size), 64 * MB, 0, ULONG_LIMIT)
        .unit(Unit::Memory),
    int("auto-aof-rewrite-percentage", at!(auto_aof_rewrite_percentage), 100, 0, INT_MAX),
    optional("bgsave-cpulist", at!(bgsave_cpulist)).alias("bgsave_cpulist").flags(IMMUTABLE),
    special("bind", &special::BIND).flags(MULTI_ARG).effect(Effect::Bind),
    optional("bind-source-addr", at!(bind_source_addr)),
    optional("bio-cpulist", at!(bio_cpulist)).alias("bio_cpulist").flags(IMMUTABLE),
    uint("busy-reply-threshold", at!(busy_reply_threshold), 5000, 0, ULONG_LIMIT)
        .alias("lua-time-limit"),
    uint("client-default-resp", at!(client_default_resp), 2, 2, 3).flags(IMMUTABLE | HIDDEN),
    special("client-output-buffer-limit", &special::CLIENT_OUTPUT_BUFFER_LIMIT).flags(MULTI_ARG),
    uint("client-query-buffer-limit", at!(client_query_buffer_limit), 1024 * MB, MB, ULONG_LIMIT)
        .unit(Unit::Memory).flags(DEBUG),
    boolean("cluster-allow-pubsubshard-when-down", at!(cluster_allow_pubsubshard_when_down), true),
    boolean("cluster-allow-reads-when-down", at!(cluster_allow_reads_when_down), false),
    boolean("cluster-allow-replica-migration", at!(cluster_allow_replica_migration), true),
    int("cluster-announce-bus-port", at!(cluster_announce_bus_port), 0, 0, 65535)
        .effect(Effect::ClusterAnnouncedPorts),
    optional("cluster-announce-hostname", at!(cluster_announce_hostname)).check(check_hostname)
        .effect(Effect::ClusterHostname),
    optional("cluster-announce-human-nodename", at!(cluster_announce_human_nodename))
        .check(check_nodename).effect(Effect::ClusterHumanNodename),
    optional("cluster-announce-ip", at!(cluster_announce_ip)).effect(Effect::ClusterIp),
    int("cluster-announce-port", at!(cluster_announce_port), 0, 0, 65535)
        .effect(Effect::ClusterAnnouncedPorts),
    int("cluster-announce-tls-port", at!(cluster_announce_tls_port), 0, 0, 65535)
        .effect(Effect::ClusterAnnouncedPorts),
    int("cluster-compatibility-sample-ratio", at!(cluster_compatibility_sample_ratio), 0, 0, 100),
    text("cluster-config-file", at!(cluster_config_file), "nodes.conf").flags(IMMUTABLE),
    boolean("cluster-enabled", at!(cluster_enabled), false).flags(IMMUTABLE),
    uint("cluster-link-sendbuf-limit", at!(cluster_link_sendbuf_limit), 0, 0, u64::MAX)
        .unit(Unit::Memory),
    int("cluster-migration-barrier", at!(cluster_migration_barrier), 1, 0, INT_MAX),
    uint("cluster-node-timeout", at!(cluster_node_timeout), 15000, 0, ULONG_LIMIT),
    uint("cluster-ping-interval", at!(cluster_ping_interval), 0, 0, ULONG_LIMIT).flags(HIDDEN),
    int("cluster-port", at!(cluster_port), 0, 0, 65535).flags(IMMUTABLE),
    one_of("cluster-preferred-endpoint-type",
        enum_at!(cluster_preferred_endpoint_type: ClusterEndpointType), "ip"),
    boolean("cluster-replica-no-failover", at!(cluster_replica_no_failover), false)
        .alias("cluster-slave-no-failover").effect(Effect::ClusterFlags),
    int("cluster-replica-validity-factor", at!(cluster_replica_validity_factor), 10, 0, INT_MAX)
        .alias("cluster-slave-validity-factor"),
    boolean("cluster-require-full-coverage", at!(cluster_require_full_coverage), true),
    boolean("crash-log-enabled", at!(crash_log_enabled), true).effect(Effect::CrashLog),
    boolean("crash-memcheck-enabled", at!(crash_memcheck_enabled), true),
    boolean("daemonize", at!(daemonize), false).flags(IMMUTABLE),
    int("databases", at!(databases), 16, 1, INT_MAX).flags(IMMUTABLE),
    text("dbfilename", at!(dbfilename), "dump.rdb").check(check_dbfilename).flags(PROTECTED),
    special("dir", &special::DIR).flags(PROTECTED | DENY_LOADING),
    boolean("disable-thp", at!(disable_thp), true).flags(IMMUTABLE),
    boolean("dynamic-hz", at!(dynamic_hz), true),
    one_of("enable-debug-command", enum_at!(enable_debug_command: ProtectedAction), "no")
        .flags(IMMUTABLE),
    one_of("enable-module-command", enum_at!(enable_module_command: ProtectedAction), "no")
        .flags(IMMUTABLE),
    one_of("enable-protected-configs", enum_at!(enable_protected_configs: ProtectedAction), "no")
        .flags(IMMUTABLE),
    uint("hash-max-listpack-entries", at!(hash_max_listpack_entries), 512, 0, ULONG_LIMIT)
        .alias("hash-max-ziplist-entries"),
    uint("hash-max-listpack-value", at!(hash_max_listpack_value), 64, 0, ULONG_LIMIT)
        .unit(Unit::Memory).alias("hash-max-ziplist-value"),
    boolean("hide-user-data-from-log", at!(hide_user_data_from_log), false),
    uint("hll-sparse-max-bytes", at!(hll_sparse_max_bytes), 3000, 0, ULONG_LIMIT)
        .unit(Unit::Memory),
    int("hz", at!(hz), 10, 0, INT_MAX).effect(Effect::Hz),
    text("ignore-warnings", at!(ignore_warnings), ""),
    int("io-threads", at!(io_threads), 1, 1, 128).flags(DEBUG | IMMUTABLE),
    boolean("io-threads-do-reads", at!(io_threads_do_reads), false).flags(DEBUG | IMMUTABLE),
    boolean("jemalloc-bg-thread", at!(jemalloc_bg_thread), true).effect(Effect::JemallocBgThread),
    int("key-load-delay", at!(key_load_delay), 0, INT_MIN, INT_MAX).flags(HIDDEN),
    uint("latency-monitor-threshold", at!(latency_monitor_threshold), 0, 0, ULONG_LIMIT),
    boolean("latency-tracking", at!(latency_tracking), true),
    special("latency-tracking-info-percentiles", &special::LATENCY_TRACKING_INFO_PERCENTILES)
        .flags(MULTI_ARG),
    boolean("lazyexpire-nested-arbitrary-keys", at!(lazyexpire_nested_arbitrary_keys), true)
        .flags(HIDDEN),
    boolean("lazyfree-lazy-eviction", at!(lazyfree_lazy_eviction), false).flags(DEBUG),
    boolean("lazyfree-lazy-expire", at!(lazyfree_lazy_expire), false).flags(DEBUG),
    boolean("lazyfree-lazy-server-del", at!(lazyfree_lazy_server_del), false).flags(DEBUG),
    boolean("lazyfree-lazy-user-del", at!(lazyfree_lazy_user_del), false).flags(DEBUG),
    boolean("lazyfree-lazy-user-flush", at!(lazyfree_lazy_user_flush), false).flags(DEBUG),
    int("lfu-decay-time", at!(lfu_decay_time), 1, 0, INT_MAX),
    int("lfu-log-factor", at!(lfu_log_factor), 10, 0, INT_MAX),
    int("list-compress-depth", at!(list_compress_depth), 0, 0, INT_MAX).flags(DEBUG),
    int("list-max-listpack-size", at!(list_max_listpack_size), -2, INT_MIN, INT_MAX)
        .alias("list-max-ziplist-size"),
    uint("loading-process-events-interval-bytes",
        at!(loading_process_events_interval_bytes), 2 * MB, 1024, INT_LIMIT)
        .flags(HIDDEN),
    text("locale-collate", at!(locale_collate), "").effect(Effect::LocaleCollate),
    text("logfile", at!(logfile), "").flags(IMMUTABLE),
    one_of("loglevel", enum_at!(loglevel: LogLevel), "notice").effect(Effect::LogLevel),
    boolean("lua-enable-deprecated-api", at!(lua_enable_deprecated_api), false)
        .flags(HIDDEN | IMMUTABLE),
    optional("masterauth", at!(masterauth)).flags(SENSITIVE | BINARY),
    optional("masteruser", at!(masteruser)).flags(SENSITIVE),
    uint("max-new-connections-per-cycle", at!(max_new_connections_per_cycle), 10, 1, 1000),
    uint("max-new-tls-connections-per-cycle", at!(max_new_tls_connections_per_cycle), 1, 1, 1000),
    uint("maxclients", at!(maxclients), 10000, 1, UINT_LIMIT).effect(Effect::Maxclients),
    uint("maxmemory", at!(maxmemory), 0, 0, u64::MAX).unit(Unit::Memory).effect(Effect::Maxmemory),
    int("maxmemory-clients", at!(maxmemory_clients), 0, -100, LONG_MAX).unit(Unit::MemoryOrPercent)
        .effect(Effect::MaxmemoryClients),
    int("maxmemory-eviction-tenacity", at!(maxmemory_eviction_tenacity), 10, 0, 100),
    one_of("maxmemory-policy", enum_at!(maxmemory_policy: MaxmemoryPolicy), "noeviction"),
    int("maxmemory-samples", at!(maxmemory_samples), 5, 1, 64),
    int("min-replicas-max-lag", at!(min_replicas_max_lag), 10, 0, INT_MAX)
        .alias("min-slaves-max-lag").effect(Effect::GoodReplicas),
    int("min-replicas-to-write", at!(min_replicas_to_write), 0, 0, INT_MAX)
        .alias("min-slaves-to-write").effect(Effect::GoodReplicas),
    boolean("no-appendfsync-on-rewrite", at!(no_appendfsync_on_rewrite), false),
    special("notify-keyspace-events", &special::NOTIFY_KEYSPACE_EVENTS),
    one_of("oom-score-adj", enum_at!(oom_score_adj: OomScoreAdj), "no").effect(Effect::OomScoreAdj),
    special("oom-score-adj-values", &special::OOM_SCORE_ADJ_VALUES).flags(MULTI_ARG)
        .effect(Effect::OomScoreAdj),
    optional("pidfile", at!(pidfile)).flags(IMMUTABLE),
    int("port", at!(port), 6379, 0, 65535).effect(Effect::Port),
    int("prefetch-batch-max-size", at!(prefetch_batch_max_size), 16, 0, 128).flags(HIDDEN),
    text("proc-title-template", at!(proc_title_template), "{title} {listen-addr} {server-mode}")
        .check(check_proc_title).effect(Effect::ProcTitle),
    one_of("propagation-error-behavior",
        enum_at!(propagation_error_behavior: PropagationErrorBehavior), "ignore"),
    boolean("protected-mode", at!(protected_mode), true),
    uint("proto-max-bulk-len", at!(proto_max_bulk_len), 512 * MB, MB, ULONG_LIMIT)
        .unit(Unit::Memory).flags(DEBUG),
    boolean("rdb-del-sync-files", at!(rdb_del_sync_files), false),
    int("rdb-key-save-delay", at!(rdb_key_save_delay), 0, INT_MIN, INT_MAX).flags(HIDDEN),
    boolean("rdb-save-incremental-fsync", at!(rdb_save_incremental_fsync), true),
    boolean("rdbchecksum", at!(rdbchecksum), true).flags(IMMUTABLE),
    boolean("rdbcompression", at!(rdbcompression), true),
    uint("repl-backlog-size", at!(repl_backlog_size), MB, 1, ULONG_LIMIT).unit(Unit::Memory)
        .effect(Effect::ReplBacklogSize),
    uint("repl-backlog-ttl", at!(repl_backlog_ttl), 3600, 0, ULONG_LIMIT),
    boolean("repl-disable-tcp-nodelay", at!(repl_disable_tcp_nodelay), false),
    one_of("repl-diskless-load", enum_at!(repl_diskless_load: ReplDisklessLoad), "disabled")
        .flags(DEBUG | DENY_LOADING),
    boolean("repl-diskless-sync", at!(repl_diskless_sync), true).flags(DEBUG),
    int("repl-diskless-sync-delay", at!(repl_diskless_sync_delay), 5, 0, INT_MAX),
    int("repl-diskless-sync-max-replicas", at!(repl_diskless_sync_max_replicas), 0, 0, INT_MAX),
    int("repl-ping-replica-period", at!(repl_ping_replica_period), 10, 1, INT_MAX)
        .alias("repl-ping-slave-period"),
    boolean("repl-rdb-channel", at!(repl_rdb_channel), false).flags(HIDDEN),
    int("repl-timeout", at!(repl_timeout), 60, 1, INT_MAX),
    optional("replica-announce-ip", at!(replica_announce_ip)).alias("slave-announce-ip"),
    int("replica-announce-port", at!(replica_announce_port), 0, 0, 65535)
        .alias("slave-announce-port"),
    boolean("replica-announced", at!(replica_announced), true),
    uint("replica-full-sync-buffer-limit", at!(replica_full_sync_buffer_limit), 0, 0, ULONG_LIMIT)
        .unit(Unit::Memory),
    boolean("replica-ignore-disk-write-errors", at!(replica_ignore_disk_write_errors), false),
    boolean("replica-ignore-maxmemory", at!(replica_ignore_maxmemory), true)
        .alias("slave-ignore-maxmemory"),
    boolean("replica-lazy-flush", at!(replica_lazy_flush), false).alias("slave-lazy-flush"),
    int("replica-priority", at!(replica_priority), 100, 0, INT_MAX).alias("slave-priority"),
    boolean("replica-read-only", at!(replica_read_only), true).alias("slave-read-only")
        .flags(DEBUG),
    boolean("replica-serve-stale-data", at!(replica_serve_stale_data), true)
        .alias("slave-serve-stale-data"),
    special("replicaof", &special::REPLICAOF).alias("slaveof").flags(IMMUTABLE | MULTI_ARG),
    optional("req-res-logfile", at!(req_res_logfile)).flags(IMMUTABLE | HIDDEN),
    optional("requirepass", at!(requirepass)).flags(SENSITIVE | BINARY).effect(Effect::RequirePass),
    one_of("sanitize-dump-payload", enum_at!(sanitize_dump_payload: SanitizeDumpPayload), "no")
        .flags(DEBUG),
    special("save", &special::SAVE).flags(MULTI_ARG),
    optional("server-cpulist", at!(server_cpulist)).alias("server_cpulist").flags(IMMUTABLE),
    uint("set-max-intset-entries", at!(set_max_intset_entries), 512, 0, ULONG_LIMIT),
    uint("set-max-listpack-entries", at!(set_max_listpack_entries), 128, 0, ULONG_LIMIT),
    uint("set-max-listpack-value", at!(set_max_listpack_value), 64, 0, ULONG_LIMIT),
    boolean("set-proc-title", at!(set_proc_title), true).flags(IMMUTABLE),
    shutdown_flags("shutdown-on-sigint", at!(shutdown_on_sigint)),
    shutdown_flags("shutdown-on-sigterm", at!(shutdown_on_sigterm)),
    int("shutdown-timeout", at!(shutdown_timeout), 10, 0, INT_MAX),
    int("slowlog-log-slower-than", at!(slowlog_log_slower_than), 10000, -1, LONG_MAX),
    uint("slowlog-max-len", at!(slowlog_max_len), 128, 0, ULONG_LIMIT),
    uint("socket-mark-id", at!(socket_mark_id), 0, 0, UINT_LIMIT).flags(IMMUTABLE),
    boolean("stop-writes-on-bgsave-error", at!(stop_writes_on_bgsave_error), true),
    uint("stream-node-max-bytes", at!(stream_node_max_bytes), 4096, 0, ULONG_LIMIT)
        .unit(Unit::Memory),
    uint("stream-node-max-entries", at!(stream_node_max_entries), 100, 0, ULONG_LIMIT),
    one_of("supervised", enum_at!(supervised: Supervised), "no").flags(IMMUTABLE),
    boolean("syslog-enabled", at!(syslog_enabled), false).flags(IMMUTABLE),
    one_of("syslog-facility", enum_at!(syslog_facility: SyslogFacility), "local0").flags(IMMUTABLE),
    text("syslog-ident", at!(syslog_ident), "redis").flags(IMMUTABLE),
    int("tcp-backlog", at!(tcp_backlog), 511, 0, INT_MAX).flags(IMMUTABLE),
    int("tcp-keepalive", at!(tcp_keepalive), 300, 0, INT_MAX),
    int("timeout", at!(timeout), 0, 0, INT_MAX),
    one_of("tls-auth-clients", enum_at!(tls_auth_clients: TlsAuthClients), "yes"),
    optional("tls-ca-cert-dir", at!(tls_ca_cert_dir)).flags(VOLATILE).effect(Effect::TlsConfig),
    optional("tls-ca-cert-file", at!(tls_ca_cert_file)).flags(VOLATILE).effect(Effect::TlsConfig),
    optional("tls-cert-file", at!(tls_cert_file)).flags(VOLATILE).effect(Effect::TlsConfig),
    optional("tls-ciphers", at!(tls_ciphers)).effect(Effect::TlsConfig),
    optional("tls-ciphersuites", at!(tls_ciphersuites)).effect(Effect::TlsConfig),
    optional("tls-client-cert-file", at!(tls_client_cert_file)).flags(VOLATILE)
        .effect(Effect::TlsConfig),
    optional("tls-client-key-file", at!(tls_client_key_file)).flags(VOLATILE)
        .effect(Effect::TlsConfig),
    optional("tls-client-key-file-pass", at!(tls_client_key_file_pass)).flags(SENSITIVE)
        .effect(Effect::TlsConfig),
    boolean("tls-cluster", at!(tls_cluster), false).effect(Effect::TlsConfig),
    optional("tls-dh-params-file", at!(tls_dh_params_file)).flags(VOLATILE)
        .effect(Effect::TlsConfig),
    optional("tls-key-file", at!(tls_key_file)).flags(VOLATILE).effect(Effect::TlsConfig),
    optional("tls-key-file-pass", at!(tls_key_file_pass)).flags(SENSITIVE)
        .effect(Effect::TlsConfig),
    int("tls-port", at!(tls_port), 0, 0, 65535).effect(Effect::TlsPort),
    boolean("tls-prefer-server-ciphers", at!(tls_prefer_server_ciphers), false)
        .effect(Effect::TlsConfig),
    optional("tls-protocols", at!(tls_protocols)).effect(Effect::TlsConfig),
    boolean("tls-replication", at!(tls_replication), false).effect(Effect::TlsConfig),
    int("tls-session-cache-size", at!(tls_session_cache_size), 20_480, 0, INT_MAX)
        .effect(Effect::TlsConfig),
    int("tls-session-cache-timeout", at!(tls_session_cache_timeout), 300, 0, INT_MAX)
        .effect(Effect::TlsConfig),
    boolean("tls-session-caching", at!(tls_session_caching), true).effect(Effect::TlsConfig),
    uint("tracking-table-max-keys", at!(tracking_table_max_keys), 1000000, 0, ULONG_LIMIT),
    optional("unixsocket", at!(unixsocket)).flags(IMMUTABLE),
    uint("unixsocketperm", at!(unixsocketperm), 0, 0, 0o777).unit(Unit::Octal).flags(IMMUTABLE),
    boolean("use-exit-on-panic", at!(use_exit_on_panic), false).flags(HIDDEN),
    int("watchdog-period", at!(watchdog_period), 0, 0, INT_MAX).flags(HIDDEN)
        .effect(Effect::WatchdogPeriod),
    uint("zset-max-listpack-entries", at!(zset_max_listpack_entries), 128, 0, ULONG_LIMIT)
        .alias("zset-max-ziplist-entries"),
    uint("zset-max-listpack-value", at!(zset_max_listpack_value), 64, 0, ULONG_LIMIT)
        .unit(Unit::Memory).alias("zset-max-ziplist-value"),
];

/// Finds a directive by name or alias, in any case. Gives the name under which it was found, in
/// lower case.
pub fn lookup(name: &[u8]) -> Option<(&'static Directive, &'static str)> {
    let is = |known: &str| known.as_bytes().eq_ignore_ascii_case(name);
    DIRECTIVES.iter().find_map(|directive| {
        let found = [Some(directive.name), directive.alias].into_iter().flatten().find(|n| is(n));
        Some((directive, found?))
    })
}

fn check_activedefrag(on: bool) -> Result<(), Reason> {
    if on && !crate::sys::slabs::supported() {
        return Err("Active defragmentation cannot be enabled: it requires a Redis server \
                    compiled with a modified Jemalloc like the one shipped by default with the \
                    Redis source distribution"
            .into());
    }
    Ok(())
}

fn is_base_name(value: &[u8]) -> bool {
    !value.contains(&b'/') && !value.contains(&b'\\')
}

fn check_dbfilename(_: &Config, value: &[u8]) -> Result<(), Reason> {
    if !is_base_name(value) {
        return Err("dbfilename can't be a path, just a filename".into());
    }
    Ok(())
}

fn check_appendfilename(_: &Config, value: &[u8]) -> Result<(), Reason> {
    if value.is_empty() {
        return Err("appendfilename can't be empty".into());
    }
    if !is_base_name(value) {
        return Err("appendfilename can't be a path, just a filename".into());
    }
    Ok(())
}

fn check_appenddirname(_: &Config, value: &[u8]) -> Result<(), Reason> {
    if value.is_empty() {
        return Err("appenddirname can't be empty".into());
    }
    if !is_base_name(value) {
        return Err("appenddirname can't be a path, just a dirname".into());
    }
    Ok(())
}

fn check_hostname(_: &Config, value: &[u8]) -> Result<(), Reason> {
    if value.len() >= HOST_LEN_LIMIT {
        return Err(format!("Hostnames must be less than {HOST_LEN_LIMIT} characters").into());
    }
    if !value.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(byte)) {
        return Err("Hostnames may only contain alphanumeric characters, hyphens or dots".into());
    }
    Ok(())
}

/// The name goes into nodes.conf and the bus: what has a meaning there is not allowed.
fn check_nodename(_: &Config, value: &[u8]) -> Result<(), Reason> {
    if value.iter().any(|byte| b"!#$%&()*+:;<>?@[]^{|}~".contains(byte)) {
        return Err("Announced human node name contained invalid character".into());
    }
    Ok(())
}

fn check_proc_title(config: &Config, value: &[u8]) -> Result<(), Reason> {
    match proc_title::expand(config, value, b"", false) {
        Some(title) if !title.is_empty() => Ok(()),
        _ => Err("template format is invalid or contains unknown variables".into()),
    }
}
