//! Counters that INFO shows, and the per-command ones.

use std::collections::BTreeMap;

/// Counters of one command, by `CommandId`.
#[derive(Debug, Clone, Default)]
pub struct CommandStats {
    pub calls: u64,
    pub usec: u64,
    pub rejected: u64,
    pub failed: u64,
    /// Made at the first call while `latency-tracking` is on.
    pub latency: Option<Box<super::histogram::Histogram>>,
}

/// Largest number of error codes that are counted apart.
pub const MAX_ERROR_CODES: usize = 128;

/// Counters since start or CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub struct Stats {
    pub commands: Vec<CommandStats>,
    pub commands_processed: u64,
    pub connections_received: u64,
    pub rejected_connections: u64,
    pub expired_keys: u64,
    pub expired_subkeys: u64,
    pub expired_stale_perc: f64,
    pub expired_time_cap_reached: u64,
    pub expire_cycle_cpu_us: u64,
    pub evicted_keys: u64,
    pub evicted_clients: u64,
    pub evicted_scripts: u64,
    pub total_eviction_exceeded_us: u64,
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
    pub reads_processed: u64,
    pub writes_processed: u64,
    pub error_replies: u64,
    /// Count by error code ("ERR", "WRONGTYPE").
    pub errors: BTreeMap<Box<[u8]>, u64>,
    pub errors_disabled: bool,
    pub client_query_buffer_limit_disconnections: u64,
    pub client_output_buffer_limit_disconnections: u64,
    pub acl_denied_auth: u64,
    pub acl_denied_cmd: u64,
    pub acl_denied_key: u64,
    pub acl_denied_channel: u64,
    pub peak_memory: usize,
    pub peak_memory_time_s: i64,
    pub total_forks: u64,
    pub unexpected_error_replies: u64,
    pub dump_payload_sanitizations: u64,
    pub reply_buffer_shrinks: u64,
    pub reply_buffer_expands: u64,
    pub eventloop_cycles: u64,
    pub eventloop_duration_us: u64,
    pub eventloop_duration_cmd_us: u64,
    pub eventloop_duration_cron_us: u64,
    pub eventloop_duration_max_us: u64,
    pub eventloop_cmd_per_cycle_max: u64,
    pub pubsub_messages: u64,
    /// When an HTTP request was last logged, s since the epoch.
    pub last_attack_logged_s: i64,
}

impl Stats {
    pub fn new(commands: usize) -> Stats {
        Stats { commands: vec![CommandStats::default(); commands], ..Stats::default() }
    }

    /// Counts an error reply under its code. Returns true when this reply made the server stop
    /// adding codes (the caller logs it).
    pub fn count_error(&mut self, code: &[u8]) -> bool {
        self.error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
            return false;
        }
        if self.errors_disabled {
            return false;
        }
        if self.errors.len() >= MAX_ERROR_CODES {
            self.errors_disabled = true;
            return true; // the caller logs the codes and calls `disable_errors`
        }
        self.errors.insert(code.into(), 1);
        false
    }

    /// Forgets the codes; one line in their place says so until RESETSTAT. Returns the old ones.
    pub fn disable_errors(&mut self) -> BTreeMap<Box<[u8]>, u64> {
        let marker = BTreeMap::from([(Box::from(&b"ERRORSTATS_DISABLED"[..]), 1)]);
        std::mem::replace(&mut self.errors, marker)
    }

    /// CONFIG RESETSTAT: counters start again. The peak of memory is no counter.
    pub fn reset(&mut self) {
        let fresh = Stats::new(self.commands.len());
        let old = std::mem::replace(self, fresh);
        self.peak_memory = old.peak_memory;
        self.peak_memory_time_s = old.peak_memory_time_s;
        self.acl_denied_auth = old.acl_denied_auth;
        self.acl_denied_cmd = old.acl_denied_cmd;
        self.acl_denied_key = old.acl_denied_key;
        self.acl_denied_channel = old.acl_denied_channel;
    }
}
