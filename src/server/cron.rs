//! `server_cron`: what is done `hz` times a second, or in some of those rounds.

use std::time::Duration;

use super::Server;
use super::metrics::Metrics;
use super::{clock, log};
use crate::sys::malloc::{self, AllocatorStats};
use crate::sys::slabs::{self, Wasted};
use crate::sys::{process, script_memory, signal};

/// Highest frequency that `dynamic-hz` reaches.
const MAX_HZ: i64 = 500;
/// `dynamic-hz` keeps the clients looked at in one round below this.
const MAX_CLIENTS_PER_ROUND: i64 = 200;
/// Databases resized and rehashed in one round.
const DBS_PER_ROUND: usize = 16;
/// Tables of a database that are resized in one round.
const TABLES_PER_DB: usize = 16;
/// Time for moving buckets in one round.
const REHASH_LIMIT: Duration = Duration::from_micros(500);

/// Figures of the allocator and the system, read ten times a second.
#[derive(Debug, Default, Clone, Copy)]
pub struct MemoryFigures {
    pub rss: usize,
    /// The allocator's in all.
    pub all: AllocatorStats,
    /// Of these, those of the interpreters of scripts and functions.
    pub scripts: AllocatorStats,
    /// Free places in the slabs of small blocks.
    pub wasted: Wasted,
}

/// State of the periodic work.
#[derive(Default)]
pub struct Cron {
    /// Rounds so far.
    pub loops: i64,
    /// The frequency in use, `hz` or more.
    pub hz: i64,
    pub metrics: Metrics,
    pub memory: MemoryFigures,
    resize_db: usize,
    rehash_db: usize,
}

impl Cron {
    /// True in one round of each `period_ms`.
    pub fn run_with_period(&self, period_ms: i64) -> bool {
        let round_ms = 1000 / self.hz.max(1);
        period_ms <= round_ms || self.loops % (period_ms / round_ms) == 0
    }
}

/// The frequency for so many clients.
fn adapted_hz(config_hz: i64, dynamic: bool, clients: i64) -> i64 {
    let mut hz = config_hz.max(1);
    while dynamic && clients / hz > MAX_CLIENTS_PER_ROUND && hz < MAX_HZ {
        hz = (hz * 2).min(MAX_HZ);
    }
    hz
}

impl Server {
    /// One round; returns ms until the next.
    pub fn server_cron(&mut self) -> i64 {
        if self.config.watchdog_period > 0 {
            signal::set_alarm_ms(self.config.watchdog_period as u64);
        }
        let clients = self.clients.len() as i64;
        self.cron.hz = adapted_hz(self.config.hz, self.config.dynamic_hz, clients);
        let wait_ms = 1000 / self.cron.hz;
        if self.debug.pause_cron {
            return wait_ms;
        }
        let start_us = self.clock.monotonic_us();
        if self.cron.run_with_period(100) {
            self.track_metrics(start_us);
            self.update_memory_figures();
        }
        if self.cron.run_with_period(1000) {
            log::refresh_time_zone();
            self.io.trim();
        }
        self.shutdown_cron();
        if self.cron.run_with_period(5000) {
            self.log_state();
        }
        self.clients_cron();
        self.limit_tracking_table();
        self.databases_cron();
        self.aof_scheduled_rewrite();
        self.persistence_cron();
        self.aof_cron();
        self.migrate_cron();
        self.replication_cron();
        self.cluster_cron();
        self.resume_if_pause_over();
        self.cron.loops += 1;
        self.stats.eventloop_duration_cron_us += self.clock.monotonic_us() - start_us;
        wait_ms
    }

    fn track_metrics(&mut self, now_us: u64) {
        let (stats, metrics) = (&self.stats, &mut self.cron.metrics);
        let second = 1_000_000;
        metrics.commands.track(stats.commands_processed, now_us, second);
        metrics.net_input.track(stats.net_input_bytes, now_us, second);
        metrics.net_output.track(stats.net_output_bytes, now_us, second);
        let repl = &self.replication.stats;
        metrics.repl_input.track(repl.net_input_bytes, now_us, second);
        metrics.repl_output.track(repl.net_output_bytes, now_us, second);
        metrics.eventloop_cycles.track(stats.eventloop_cycles, now_us, second);
        let cycles = stats.eventloop_cycles;
        metrics.eventloop_duration.track(stats.eventloop_duration_us, cycles, 1);
    }

    /// Memory as the allocator and the system see it; the peak.
    pub fn update_memory_figures(&mut self) {
        self.update_peak_memory();
        self.cron.memory = MemoryFigures {
            rss: process::resident_memory(),
            // This one takes the snapshot.
            all: malloc::stats(),
            scripts: script_memory::stats(),
            wasted: slabs::wasted(),
        };
    }

    /// Returns the memory used now.
    pub fn update_peak_memory(&mut self) -> usize {
        let used = malloc::used_memory();
        if used > self.stats.peak_memory {
            self.stats.peak_memory = used;
            self.stats.peak_memory_time_s = self.clock.now_s();
        }
        used
    }

    fn log_state(&self) {
        if log::is_enabled(log::VERBOSE) {
            for db in self.keyspace.dbs.iter().filter(|db| !db.is_empty()) {
                self.log_verbose(&format!(
                    "DB {}: {} keys ({} volatile) in {} slots HT.",
                    db.id,
                    db.len(),
                    db.expires_len(),
                    db.keys().table_size()
                ));
            }
        }
        if log::is_enabled(log::DEBUG) {
            self.log_debug(&format!(
                "{} clients connected ({} replicas), {} bytes in use",
                self.clients.len() - self.replication.replicas.len(),
                self.replication.replicas.len(),
                malloc::used_memory()
            ));
        }
    }

    /// Expiry, and the resizing of tables that nobody touches.
    fn databases_cron(&mut self) {
        self.slow_expire_cycle();
        self.active_defrag_cycle();
        if self.has_child() {
            // Moving buckets would copy the pages that the child shares.
            return;
        }
        let databases = self.keyspace.dbs.len();
        let rounds = DBS_PER_ROUND.min(databases);
        if self.debug.dict_resizing {
            for _ in 0..rounds {
                let db = self.cron.resize_db % databases;
                self.keyspace.dbs[db].try_resize(TABLES_PER_DB);
                self.cron.resize_db = db + 1;
            }
        }
        if !self.config.activerehashing {
            return;
        }
        let start = std::time::Instant::now();
        for _ in 0..rounds {
            let left = REHASH_LIMIT.saturating_sub(start.elapsed());
            let db = self.cron.rehash_db % databases;
            if left.is_zero() || self.keyspace.dbs[db].incrementally_rehash(left) {
                break;
            }
            self.cron.rehash_db = db + 1;
        }
    }

    /// A background thread has news.
    pub fn background_done(&mut self) {
        self.flushes_done();
    }

    /// Signals arrived: a shutdown is begun by the next round of cron, which is now.
    pub fn handle_signals(&mut self) {
        if let Some(pipe) = self.wake_pipe.as_mut() {
            pipe.drain();
        }
        if signal::shutdown_asap() && !self.debug.pause_cron {
            self.next_cron_ms = clock::unix_us() / 1000;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequency_follows_the_number_of_clients() {
        assert_eq!(adapted_hz(10, true, 100), 10);
        assert_eq!(adapted_hz(10, true, 2100), 20);
        assert_eq!(adapted_hz(10, true, 1_000_000), MAX_HZ);
        assert_eq!(adapted_hz(10, false, 1_000_000), 10);
    }

    #[test]
    fn periods_are_counted_in_rounds() {
        let mut cron = Cron { hz: 10, ..Cron::default() };
        let mut runs = [0; 3];
        for _ in 0..100 {
            for (i, period_ms) in [50, 100, 1000].into_iter().enumerate() {
                runs[i] += i32::from(cron.run_with_period(period_ms));
            }
            cron.loops += 1;
        }
        assert_eq!(runs, [100, 100, 10]);
    }
}
