//! Saving the data set to its RDB file: when, by whom (this process or a child), and what follows
//! from success and failure. The file itself is written by `persistence::rdb`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Server;
use super::child::Outcome;
use super::clock::unix_us;
use super::process::set_cpu_affinity;
use crate::commands::ReplyError;
use crate::config::strerror;
use crate::persistence::child::{ChildKind, ChildReport};
use crate::persistence::rdb::file::{FileOptions, NotSaved, save_file, temp_file};
use crate::persistence::rdb::save::{Access, ReplicationPoint, SaveOptions};
use crate::sys::signal::SIGUSR1;

/// After a failed background save the next waits so long, s.
const BGSAVE_RETRY_DELAY_S: i64 = 5;

const BGSAVE_FAILED: ReplyError = ReplyError::fixed(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to \
     disk. Commands that may modify the data set are disabled, because this instance is \
     configured to report errors during writes if RDB snapshotting fails \
     (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB \
     error.",
);

/// State of saving.
#[derive(Debug)]
pub struct RdbState {
    /// When the data set was last saved (at the start it counts as saved), s since the epoch.
    pub last_save_s: i64,
    /// When a background save was last begun; 0 = never.
    pub last_try_s: i64,
    /// The last background save, or a save after it, was a success.
    pub last_bgsave_ok: bool,
    /// Changes that a running background save contains.
    pub dirty_before_bgsave: u64,
    /// A save begins as soon as there is no other child.
    pub bgsave_scheduled: bool,
    /// The save that runs is not wanted any more, even if it is a success.
    pub aborted: bool,
    /// Duration of the last background save; -1 = there was none.
    pub last_duration_s: i64,
    /// Saves begun since the start.
    pub saves: u64,
}

impl RdbState {
    pub fn new(now_s: i64) -> RdbState {
        RdbState {
            last_save_s: now_s,
            last_try_s: 0,
            last_bgsave_ok: true,
            dirty_before_bgsave: 0,
            bgsave_scheduled: false,
            aborted: false,
            last_duration_s: -1,
            saves: 0,
        }
    }
}

impl Server {
    /// Children, and what is to be begun when there is none.
    pub fn persistence_cron(&mut self) {
        if self.has_child() || !self.child.debuggers.is_empty() {
            self.child_cron();
        }
        if !self.has_child() {
            self.save_if_due();
        }
        // After everything else that may want a child: a save that waits can wait longer.
        if self.rdb.bgsave_scheduled && !self.has_child() && self.may_try_bgsave() {
            self.rdb.bgsave_scheduled = !self.start_bgsave();
        }
    }

    fn may_try_bgsave(&self) -> bool {
        let since_s = self.clock.now_s() - self.rdb.last_try_s;
        self.rdb.last_bgsave_ok || since_s > BGSAVE_RETRY_DELAY_S
    }

    /// Saves if a save point is reached.
    fn save_if_due(&mut self) {
        let since_s = self.clock.now_s() - self.rdb.last_save_s;
        let reached = self
            .config
            .save
            .iter()
            .find(|point| self.dirty >= point.changes as u64 && since_s > point.seconds);
        let Some(point) = reached.cloned().filter(|_| self.may_try_bgsave()) else { return };
        let (changes, seconds) = (point.changes, point.seconds);
        self.log_notice(&format!("{changes} changes in {seconds} seconds. Saving..."));
        self.start_bgsave();
    }

    /// What a save of this server contains and how it is written.
    pub fn rdb_save_options(&self) -> SaveOptions {
        let policy = self.config.maxmemory_policy;
        let access = if policy.is_lru() {
            Access::Idle { clock: self.clock.lru_clock }
        } else if policy.is_lfu() {
            Access::Frequency(self.lfu_params())
        } else {
            Access::Unsaved
        };
        SaveOptions {
            compress: self.config.rdbcompression,
            checksum: self.config.rdbchecksum,
            aof_base: false,
            replication: self.replication_point(),
            access,
            functions: self.function_codes(),
            without_data: false,
            key_delay_us: self.config.rdb_key_save_delay,
        }
    }

    /// Where this server stands in a replication stream; `None`: it never was part of one.
    fn replication_point(&self) -> Option<ReplicationPoint> {
        let db = self.replication_info()?;
        let (id, offset) = (self.replication.id.clone(), self.master_repl_offset());
        Some(ReplicationPoint { stream_db: db as i64, id, offset })
    }

    /// Writes the RDB file. What went wrong is in the log.
    fn write_rdb(&self, keep_cache: bool, report: &mut ChildReport) -> Result<(), NotSaved> {
        let filename = Path::new(OsStr::from_bytes(&self.config.dbfilename));
        let how =
            FileOptions { incremental_sync: self.config.rdb_save_incremental_fsync, keep_cache };
        save_file(filename, &self.keyspace, &self.rdb_save_options(), how, report)
    }

    /// Saves at once, in this process.
    pub fn save_now(&mut self, keep_cache: bool) -> Result<(), NotSaved> {
        self.write_rdb(keep_cache, &mut ChildReport::silent(ChildKind::Rdb))?;
        self.dirty = 0;
        self.rdb.last_save_s = unix_us() / 1_000_000;
        self.rdb.last_bgsave_ok = true;
        Ok(())
    }

    /// Begins a save in a child. False if there is a child, or the system refuses one (logged).
    pub fn start_bgsave(&mut self) -> bool {
        self.start_bgsave_keeping(false)
    }

    /// As [`Server::start_bgsave`]; `keep_cache`: the file is read again soon (by replicas).
    pub fn start_bgsave_keeping(&mut self, keep_cache: bool) -> bool {
        if self.has_child() {
            return false;
        }
        self.rdb.saves += 1;
        self.rdb.dirty_before_bgsave = self.dirty;
        self.rdb.last_try_s = unix_us() / 1_000_000;
        let spawned = self.spawn_child(ChildKind::Rdb, move |server, report| {
            server.name_child("redis-rdb-bgsave");
            set_cpu_affinity(server.config.bgsave_cpulist.as_deref());
            match server.write_rdb(keep_cache, report) {
                Ok(()) => {
                    report.finish();
                    0
                }
                Err(NotSaved) => 1,
            }
        });
        match spawned {
            Ok(pid) => {
                self.log_notice(&format!("Background saving started by pid {pid}"));
                true
            }
            Err(e) => {
                self.rdb.last_bgsave_ok = false;
                let reason = strerror(&e);
                self.log_warning(&format!("Can't save in background: fork: {reason}"));
                false
            }
        }
    }

    /// Ends a child that saves. If it comes to its end before the signal, that counts for nothing.
    pub fn kill_rdb_child(&mut self) {
        if self.child.is_saving() {
            self.kill_child();
            self.rdb.aborted = true;
        }
    }

    /// FLUSHALL: what is saved or being saved is not the data set any more.
    pub fn reset_rdb(&mut self) {
        self.kill_rdb_child();
        if !self.config.save.is_empty() {
            // A failure is logged; the flush itself cannot fail.
            let _ = self.save_now(false);
        }
    }

    /// Why writes are refused: what they change could not be made durable.
    pub fn disk_error(&self) -> Option<ReplyError> {
        let refuses = !self.rdb.last_bgsave_ok
            && self.config.stop_writes_on_bgsave_error
            && !self.config.save.is_empty();
        if refuses {
            return Some(BGSAVE_FAILED);
        }
        self.aof.writes_denied.then(|| {
            let reason = self.aof.disk_error();
            ReplyError::new(format!("MISCONF Errors writing to the AOF file: {reason}"))
        })
    }

    /// For how long the running save runs; -1 = none runs.
    pub fn bgsave_running_s(&self) -> i64 {
        match &self.child.active {
            Some(child) if child.kind.is_rdb() => unix_us() / 1_000_000 - child.start_s,
            _ => -1,
        }
    }

    /// A child that saved or sent an RDB file has ended.
    pub(super) fn background_save_done(&mut self, kind: ChildKind, pid: i32, outcome: Outcome) {
        let now_s = unix_us() / 1_000_000;
        let aborted = std::mem::take(&mut self.rdb.aborted);
        let outcome = if aborted { Outcome::Signal(SIGUSR1) } else { outcome };
        if kind == ChildKind::Rdb {
            self.disk_save_done(pid, outcome, now_s);
        }
        let start_s = self.child.active.as_ref().map_or(now_s, |child| child.start_s);
        self.rdb.last_duration_s = now_s - start_s;
    }

    fn disk_save_done(&mut self, pid: i32, outcome: Outcome, now_s: i64) {
        match outcome {
            Outcome::Success => {
                self.log_notice("Background saving terminated with success");
                self.dirty = self.dirty.saturating_sub(self.rdb.dirty_before_bgsave);
                self.rdb.last_save_s = now_s;
                self.rdb.last_bgsave_ok = true;
            }
            Outcome::Failure => {
                self.log_warning("Background saving error");
                self.rdb.last_bgsave_ok = false;
            }
            Outcome::Signal(signal) => {
                self.log_warning(&format!("Background saving terminated by signal {signal}"));
                let start_us = self.clock.monotonic_us();
                self.remove_temp_file(pid);
                let us = self.clock.monotonic_us() - start_us;
                self.latency_add_if_needed("rdb-unlink-temp-file", (us / 1000) as i64);
                if signal != SIGUSR1 {
                    self.rdb.last_bgsave_ok = false;
                }
            }
        }
    }

    /// Removes what a dead child has left behind.
    pub(super) fn remove_temp_file(&self, pid: i32) {
        // It may not have got that far.
        let _ = self.remove_file_in_background(Path::new(&temp_file(pid)));
    }

    /// Removes a file at once from its directory; the thread frees its disk blocks, which takes
    /// long for a big file.
    pub fn remove_file_in_background(&self, path: &Path) -> std::io::Result<()> {
        let open = std::fs::File::open(path);
        std::fs::remove_file(path)?;
        if let Ok(file) = open {
            self.lazyfree.send(Box::new(file), 0);
        }
        Ok(())
    }
}
