//! Configuration: the typed values (`Config`), the table of directives they come from, redis.conf
//! and the command line, CONFIG GET / SET / REWRITE.
//!
//! It knows nothing of the server: a change that needs more than a new value is reported as an
//! `Effect` for the server to apply. Invariant: every value in `Config` went through its row of
//! `directives::DIRECTIVES`; no other code parses, prints or defaults a directive.

pub mod directives;
pub mod file;
pub mod kind;
pub mod proc_title;
pub mod rewrite;
mod set;
mod special;
pub mod values;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use directives::DIRECTIVES;
pub use kind::Effect;
pub use set::{SetContext, SetError, SetOutcome, Undo};
pub use values::{
    AclPubsubDefault, AppendFsync, ClientBufferLimit, ClusterEndpointType, LogLevel,
    MaxmemoryPolicy, NotifyFlags, OomScoreAdj, PropagationErrorBehavior, ProtectedAction,
    ReplDisklessLoad, ReplicaOf, SanitizeDumpPayload, SaveParam, Supervised, SyslogFacility,
    TlsAuthClients,
};

/// Declares a struct and a `blank()` that fills every field with its type's default.
macro_rules! declare {
    (
        $(#[$meta:meta])*
        pub struct $name:ident { $($(#[$fmeta:meta])* $vis:vis $field:ident: $ty:ty,)* }
    ) => {
        $(#[$meta])*
        pub struct $name { $($(#[$fmeta])* $vis $field: $ty,)* }

        impl $name {
            fn blank() -> Self {
                Self { $($field: Default::default(),)* }
            }
        }
    };
}

declare! {
/// Every configurable value, under the name of its directive. Strings are bytes, an unset string is
/// `None`, numbers are `i64`, or `u64` where Redis has an unsigned or 64-bit type.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Absolute path of the configuration file, if the server was started with one.
    pub configfile: Option<PathBuf>,
    /// Channel permissions of new users: allchannels or resetchannels.
    pub acl_pubsub_default: AclPubsubDefault,
    /// File with the ACL users, instead of "user" lines in this file.
    pub aclfile: Vec<u8>,
    /// Length of the ACL log.
    pub acllog_max_len: u64,
    /// CPU percentage at the upper threshold.
    pub active_defrag_cycle_max: i64,
    /// CPU percentage at the lower threshold.
    pub active_defrag_cycle_min: i64,
    /// Fragmentation in bytes below which nothing is done.
    pub active_defrag_ignore_bytes: u64,
    /// Fields of one value handled at once in the main scan.
    pub active_defrag_max_scan_fields: u64,
    /// Fragmentation percentage at which defragmentation starts.
    pub active_defrag_threshold_lower: i64,
    /// Fragmentation percentage at which it works hardest.
    pub active_defrag_threshold_upper: i64,
    /// Effort to find expired keys, from 1 to 10.
    pub active_expire_effort: i64,
    /// Move values to compact the heap.
    pub activedefrag: bool,
    /// Spend a millisecond in each 100 on resizing the main hash tables.
    pub activerehashing: bool,
    /// Show the logo at start even when the log is not a terminal.
    pub always_show_logo: bool,
    /// Keep AOF history files instead of deleting them (tests).
    pub aof_disable_auto_gc: bool,
    /// Load a file whose end is cut off instead of refusing to start.
    pub aof_load_truncated: bool,
    /// CPUs of the AOF rewrite child.
    pub aof_rewrite_cpulist: Option<Vec<u8>>,
    /// Fsync the rewritten file every few megabytes.
    pub aof_rewrite_incremental_fsync: bool,
    /// Annotate the file with times, for point in time restore.
    pub aof_timestamp_enabled: bool,
    /// Write the base file of a rewrite in RDB format.
    pub aof_use_rdb_preamble: bool,
    /// Directory of the append only files inside dir.
    pub appenddirname: Vec<u8>,
    /// Base name of the append only files.
    pub appendfilename: Vec<u8>,
    /// When to fsync: always (every write), everysec, no (the kernel decides).
    pub appendfsync: AppendFsync,
    /// Log every write to the append only file.
    pub appendonly: bool,
    /// Do not rewrite files smaller than this.
    pub auto_aof_rewrite_min_size: u64,
    /// Rewrite when the file grew by this percentage since the last one; 0 = never.
    pub auto_aof_rewrite_percentage: i64,
    /// CPUs of the background save child.
    pub bgsave_cpulist: Option<Vec<u8>>,
    /// Addresses to listen on.
    pub bind: Vec<Vec<u8>>,
    /// Local address used for outgoing connections: replication, cluster bus.
    pub bind_source_addr: Option<Vec<u8>>,
    /// CPUs of the background threads.
    pub bio_cpulist: Option<Vec<u8>>,
    /// Milliseconds after which a script, function or load answers other clients with BUSY or
    /// LOADING errors.
    pub busy_reply_threshold: u64,
    /// Protocol version of new connections, 2 or 3 (tests).
    pub client_default_resp: u64,
    /// Limits of the reply buffer by class (normal, replica, pubsub): the client is closed at
    /// the hard limit, or after `seconds` above the soft limit.
    pub client_output_buffer_limit: [ClientBufferLimit; 3],
    /// Most bytes a client may have in its query buffer.
    pub client_query_buffer_limit: u64,
    /// Serve shard pubsub while the cluster is down.
    pub cluster_allow_pubsubshard_when_down: bool,
    /// Serve reads while the cluster is down.
    pub cluster_allow_reads_when_down: bool,
    /// Let replicas migrate to masters without replicas.
    pub cluster_allow_replica_migration: bool,
    /// Bus port announced to other nodes; 0 = the real one.
    pub cluster_announce_bus_port: i64,
    /// Host name announced to other nodes and clients.
    pub cluster_announce_hostname: Option<Vec<u8>>,
    /// Name shown in logs next to the node id.
    pub cluster_announce_human_nodename: Option<Vec<u8>>,
    /// Address announced to other nodes, for NAT and containers.
    pub cluster_announce_ip: Option<Vec<u8>>,
    /// Client port announced to other nodes; 0 = the real one.
    pub cluster_announce_port: i64,
    /// TLS client port announced to other nodes; 0 = the real one.
    pub cluster_announce_tls_port: i64,
    /// Percentage of commands checked for what a cluster would refuse.
    pub cluster_compatibility_sample_ratio: i64,
    /// File in which the node keeps its view of the cluster; never edit it.
    pub cluster_config_file: Vec<u8>,
    /// Be a node of a cluster.
    pub cluster_enabled: bool,
    /// Most bytes in the send buffer of a cluster bus link; 0 = no limit.
    pub cluster_link_sendbuf_limit: u64,
    /// Replicas a master must keep before one of them migrates to an orphan.
    pub cluster_migration_barrier: i64,
    /// Milliseconds without contact until a node is suspected to be down.
    pub cluster_node_timeout: u64,
    /// Milliseconds between pings on the cluster bus; 0 = the default of one second.
    pub cluster_ping_interval: u64,
    /// Port of the cluster bus; 0 = the client port plus 10000.
    pub cluster_port: i64,
    /// What clients are told to connect to: ip, hostname, unknown-endpoint.
    pub cluster_preferred_endpoint_type: ClusterEndpointType,
    /// Never start a failover from this replica by itself.
    pub cluster_replica_no_failover: bool,
    /// How stale a replica may be to stand for election; 0 = it always does.
    pub cluster_replica_validity_factor: i64,
    /// Stop serving when a hash slot has no node.
    pub cluster_require_full_coverage: bool,
    /// Print a report with registers, stack and state when the server crashes.
    pub crash_log_enabled: bool,
    /// Test the memory as part of the crash report.
    pub crash_memcheck_enabled: bool,
    /// Run in the background.
    pub daemonize: bool,
    /// Number of databases; a cluster node has one.
    pub databases: i64,
    /// Name of the RDB file inside dir.
    pub dbfilename: Vec<u8>,
    /// Turn transparent huge pages off for this process.
    pub disable_thp: bool,
    /// Raise hz with the number of clients.
    pub dynamic_hz: bool,
    /// Access to the DEBUG command.
    pub enable_debug_command: ProtectedAction,
    /// Access to the MODULE command.
    pub enable_module_command: ProtectedAction,
    /// Which commands and settings may be used by whom: "no" nobody, "local" only connections
    /// from this host or a Unix socket, "yes" everybody.
    pub enable_protected_configs: ProtectedAction,
    /// Small hashes are stored compactly up to this many fields
    pub hash_max_listpack_entries: u64,
    /// Small hashes are stored compactly up to this field and value length.
    pub hash_max_listpack_value: u64,
    /// Keep the contents of keys and commands out of log and crash report.
    pub hide_user_data_from_log: bool,
    /// Bytes up to which a HyperLogLog stays sparse.
    pub hll_sparse_max_bytes: u64,
    /// Runs of the background tasks per second, from 1 to 500.
    pub hz: i64,
    /// Known start-up problems to ignore, space separated, such as ARM64-COW-BUG.
    pub ignore_warnings: Vec<u8>,
    /// Threads for socket reads and writes, the main one included.
    pub io_threads: i64,
    /// Kept for old configuration files.
    pub io_threads_do_reads: bool,
    /// Let the allocator purge in its own thread.
    pub jemalloc_bg_thread: bool,
    /// Microseconds to sleep per key while loading; negative -n = 1 in n keys (tests).
    pub key_load_delay: i64,
    /// Milliseconds from which the latency monitor records an event; 0 = off.
    pub latency_monitor_threshold: u64,
    /// Keep a latency histogram for each command.
    pub latency_tracking: bool,
    /// Percentiles printed by INFO latencystats.
    pub latency_tracking_info_percentiles: Vec<f64>,
    /// Delete expired keys met inside a command that may touch any key.
    pub lazyexpire_nested_arbitrary_keys: bool,
    /// Free memory in a background thread instead of blocking the server.
    pub lazyfree_lazy_eviction: bool,
    /// Expired keys.
    pub lazyfree_lazy_expire: bool,
    /// Values replaced as a side effect of a command such as RENAME.
    pub lazyfree_lazy_server_del: bool,
    /// DEL behaves like UNLINK.
    pub lazyfree_lazy_user_del: bool,
    /// FLUSHALL, FLUSHDB, SCRIPT FLUSH and FUNCTION FLUSH without ASYNC or SYNC.
    pub lazyfree_lazy_user_flush: bool,
    /// Minutes after which the LFU counter is halved or decremented; 0 = never.
    pub lfu_decay_time: i64,
    /// Logarithm factor of the LFU counter.
    pub lfu_log_factor: i64,
    /// List nodes at each end left uncompressed; 0 = compress none.
    pub list_compress_depth: i64,
    /// Size of a list node: positive = elements, -1 to -5 = 4, 8, 16, 32, 64 kb.
    pub list_max_listpack_size: i64,
    /// Bytes loaded between two turns of the event loop.
    pub loading_process_events_interval_bytes: u64,
    /// Locale for SORT...
    pub locale_collate: Vec<u8>,
    /// Log file, empty for the standard output.
    pub logfile: Vec<u8>,
    /// Least severe message to log: debug, verbose, notice, warning, nothing.
    pub loglevel: LogLevel,
    /// Offer the deprecated parts of the Lua API.
    pub lua_enable_deprecated_api: bool,
    /// Password sent to the master.
    pub masterauth: Option<Vec<u8>>,
    /// User name sent to the master with the password.
    pub masteruser: Option<Vec<u8>>,
    /// Connections accepted in one turn of the event loop.
    pub max_new_connections_per_cycle: u64,
    /// TLS connections accepted in one turn of the event loop.
    pub max_new_tls_connections_per_cycle: u64,
    /// Most clients connected at the same time.
    pub maxclients: u64,
    /// Most memory for data, 0 = no limit.
    pub maxmemory: u64,
    /// Memory of all client connections together; the biggest are closed beyond it.
    pub maxmemory_clients: i64,
    /// Effort of one eviction run, from 0 (least latency) to 100 (until done).
    pub maxmemory_eviction_tenacity: i64,
    /// What to do at maxmemory: noeviction, or remove keys by allkeys-lru, allkeys-lfu,
    /// allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl (volatile =
    /// only keys with an expire).
    pub maxmemory_policy: MaxmemoryPolicy,
    /// Keys sampled per eviction; more is closer to true LRU and LFU, and slower.
    pub maxmemory_samples: i64,
    /// Seconds of lag up to which a replica counts for min-replicas-to-write.
    pub min_replicas_max_lag: i64,
    /// Accept writes only while at least this many replicas are connected.
    pub min_replicas_to_write: i64,
    /// Do not fsync while a save or rewrite runs.
    pub no_appendfsync_on_rewrite: bool,
    /// Keyspace events to publish.
    pub notify_keyspace_events: NotifyFlags,
    /// Adjust oom_score_adj of the processes: no, yes or relative (added to the value at
    /// start), absolute.
    pub oom_score_adj: OomScoreAdj,
    /// Values for master, replica and background child, each from -2000 to 2000.
    pub oom_score_adj_values: [i32; 3],
    /// File that receives the process id; /var/run/redis.pid when daemonized and unset.
    pub pidfile: Option<Vec<u8>>,
    /// TCP port for clients; 0 disables it.
    pub port: i64,
    /// Most commands whose keys are prefetched together.
    pub prefetch_batch_max_size: i64,
    /// How the process title is made.
    pub proc_title_template: Vec<u8>,
    /// Abort (panic) when a replicated or AOF command fails: ignore, panic, panic-on-replicas.
    pub propagation_error_behavior: PropagationErrorBehavior,
    /// Refuse clients that are not local while the default user has no password.
    pub protected_mode: bool,
    /// Largest single argument of a request.
    pub proto_max_bulk_len: u64,
    /// Delete RDB files made for replication when no other persistence is on.
    pub rdb_del_sync_files: bool,
    /// Microseconds to sleep per key while saving; negative -n = 1 in n keys (tests).
    pub rdb_key_save_delay: i64,
    /// Fsync the RDB file every few megabytes while it is written.
    pub rdb_save_incremental_fsync: bool,
    /// Put a CRC64 checksum at the end of the RDB file.
    pub rdbchecksum: bool,
    /// Compress strings in the RDB file with LZF.
    pub rdbcompression: bool,
    /// Bytes of the write stream kept for replicas that come back.
    pub repl_backlog_size: u64,
    /// Seconds without replicas after which a master frees its backlog; 0 never.
    pub repl_backlog_ttl: u64,
    /// Let the kernel delay small packets to replicas, for less bandwidth.
    pub repl_disable_tcp_nodelay: bool,
    /// How a replica loads the RDB from the socket: disabled (through a file), on-empty-db,
    /// swapdb (keeps the old data until the new is complete).
    pub repl_diskless_load: ReplDisklessLoad,
    /// Send the RDB to replicas from memory instead of through a file on disk.
    pub repl_diskless_sync: bool,
    /// Seconds to wait for more replicas before a diskless transfer starts.
    pub repl_diskless_sync_delay: i64,
    /// Start the diskless transfer at once when this many replicas wait; 0 = no limit.
    pub repl_diskless_sync_max_replicas: i64,
    /// Seconds between pings of the master to its replicas.
    pub repl_ping_replica_period: i64,
    /// Send the RDB of a full synchronization over a second connection.
    pub repl_rdb_channel: bool,
    /// Seconds without data until a replication link counts as broken.
    pub repl_timeout: i64,
    /// Address a replica reports to its master; empty = as seen by the master.
    pub replica_announce_ip: Option<Vec<u8>>,
    /// Port a replica reports to its master; 0 = the listening port.
    pub replica_announce_port: i64,
    /// Let Sentinel show this replica to clients.
    pub replica_announced: bool,
    /// Memory in which a replica may collect writes during a full synchronization; 0 takes the
    /// limit of the replica class of client-output-buffer-limit.
    pub replica_full_sync_buffer_limit: u64,
    /// Keep replicating when the replica cannot write its own disk.
    pub replica_ignore_disk_write_errors: bool,
    /// Do not apply maxmemory on replicas: the master evicts for them.
    pub replica_ignore_maxmemory: bool,
    /// The old data set of a replica before it loads a new one.
    pub replica_lazy_flush: bool,
    /// Lower is promoted first by Sentinel; 0 is never promoted.
    pub replica_priority: i64,
    /// Refuse writes from clients of a replica.
    pub replica_read_only: bool,
    /// Answer with old data while the link to the master is down or syncing.
    pub replica_serve_stale_data: bool,
    /// The master to follow, or none on a master.
    pub replicaof: Option<ReplicaOf>,
    /// File that records requests and replies (tests).
    pub req_res_logfile: Option<Vec<u8>>,
    /// Password of the default user.
    pub requirepass: Option<Vec<u8>>,
    /// How deeply to check the encoding of values in RDB files and RESTORE: no, yes, or clients
    /// (only what clients send).
    pub sanitize_dump_payload: SanitizeDumpPayload,
    /// Save the data set when `seconds` have passed and `changes` writes happened; any number
    /// of pairs.
    pub save: Vec<SaveParam>,
    /// CPUs of the main and I/O threads, such as 0-7:2 or 1,3.
    pub server_cpulist: Option<Vec<u8>>,
    /// Sets of integers are stored as an array up to this size.
    pub set_max_intset_entries: u64,
    /// Small sets are stored compactly up to this many members.
    pub set_max_listpack_entries: u64,
    /// Small sets are stored compactly up to this member length.
    pub set_max_listpack_value: u64,
    /// Change the title of the process as shown by ps and top.
    pub set_proc_title: bool,
    /// What SIGINT does: default, or a list of save, nosave, now, force.
    pub shutdown_on_sigint: u32,
    /// What SIGTERM does, same values.
    pub shutdown_on_sigterm: u32,
    /// Seconds to wait for lagging replicas before exiting.
    pub shutdown_timeout: i64,
    /// Microseconds from which a command is logged; 0 logs all, negative none.
    pub slowlog_log_slower_than: i64,
    /// Entries kept in the slow log.
    pub slowlog_max_len: u64,
    /// Mark set on sockets (SO_MARK) for routing and filtering, 0 for none.
    pub socket_mark_id: u64,
    /// Refuse writes while the last background save has failed.
    pub stop_writes_on_bgsave_error: bool,
    /// Bytes of one node of a stream; 0 = no limit.
    pub stream_node_max_bytes: u64,
    /// Entries of one node of a stream; 0 = no limit.
    pub stream_node_max_entries: u64,
    /// Talk to a supervisor: no, upstart, systemd, auto.
    pub supervised: Supervised,
    /// Log to syslog as well.
    pub syslog_enabled: bool,
    /// Facility used in syslog: user or local0 to local7.
    pub syslog_facility: SyslogFacility,
    /// Name used in syslog.
    pub syslog_ident: Vec<u8>,
    /// Length of the queue of established connections not yet accepted.
    pub tcp_backlog: i64,
    /// Seconds between TCP keepalive probes; 0 disables them.
    pub tcp_keepalive: i64,
    /// Close a connection that was idle for this many seconds; 0 never does.
    pub timeout: i64,
    /// Must TLS clients present a certificate: no, yes, optional.
    pub tls_auth_clients: TlsAuthClients,
    /// Certificate authorities, directory of hashed names.
    pub tls_ca_cert_dir: Option<Vec<u8>>,
    /// Certificate authorities, one PEM file.
    pub tls_ca_cert_file: Option<Vec<u8>>,
    /// Certificate of the server, PEM.
    pub tls_cert_file: Option<Vec<u8>>,
    /// Ciphers for TLS 1.2 and older.
    pub tls_ciphers: Option<Vec<u8>>,
    /// Ciphers for TLS 1.3.
    pub tls_ciphersuites: Option<Vec<u8>>,
    /// Certificate for outgoing connections, PEM.
    pub tls_client_cert_file: Option<Vec<u8>>,
    /// Private key of the client certificate, PEM.
    pub tls_client_key_file: Option<Vec<u8>>,
    /// Passphrase of the client's private key.
    pub tls_client_key_file_pass: Option<Vec<u8>>,
    /// Use TLS on the cluster bus.
    pub tls_cluster: bool,
    /// Diffie-Hellman parameters, PEM.
    pub tls_dh_params_file: Option<Vec<u8>>,
    /// Private key of the server certificate, PEM.
    pub tls_key_file: Option<Vec<u8>>,
    /// Passphrase of the server's private key.
    pub tls_key_file_pass: Option<Vec<u8>>,
    /// TCP port for TLS clients; 0 disables it.
    pub tls_port: i64,
    /// Prefer the order of the server's ciphers over that of the client.
    pub tls_prefer_server_ciphers: bool,
    /// Space separated protocol versions to accept.
    pub tls_protocols: Option<Vec<u8>>,
    /// Use TLS on links to the master.
    pub tls_replication: bool,
    /// Number of TLS sessions kept in the cache.
    pub tls_session_cache_size: i64,
    /// Seconds until a cached TLS session is dropped.
    pub tls_session_cache_timeout: i64,
    /// Cache TLS sessions so that clients can resume them.
    pub tls_session_caching: bool,
    /// Keys remembered for client side caching; the oldest are invalidated beyond it.
    pub tracking_table_max_keys: u64,
    /// Path of a Unix domain socket; none by default.
    pub unixsocket: Option<Vec<u8>>,
    /// Octal mode of the Unix domain socket, 0 leaves it to the umask.
    pub unixsocketperm: u64,
    /// Exit instead of abort on a panic, so that sanitizers can report.
    pub use_exit_on_panic: bool,
    /// Milliseconds after which the software watchdog logs a stack; 0 = off.
    pub watchdog_period: i64,
    /// Small sorted sets are stored compactly up to this many members.
    pub zset_max_listpack_entries: u64,
    /// Small sorted sets are stored compactly up to this member length.
    pub zset_max_listpack_value: u64,
}
}

impl Default for Config {
    /// What a server without a configuration file uses.
    fn default() -> Self {
        let mut config = Self::blank();
        for directive in DIRECTIVES {
            directive.reset(&mut config);
        }
        config
    }
}

impl Config {
    /// Brings values that Redis accepts but does not use as given into their range.
    fn settle(&mut self) {
        self.hz = self.hz.clamp(1, 500);
    }
}

/// The text of an operating system error, without the number that Rust adds.
pub fn strerror(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
