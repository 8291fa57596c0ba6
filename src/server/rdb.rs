//! Saving the data set to its RDB file: when, by whom (this process or a child), and what follows
//! from success and failure. The file itself is written by `persistence::rdb`.

use super::Server;
use super::child::Outcome;
use super::clock::unix_us;
use crate::persistence::child::ChildKind;
use crate::sys::signal::SIGUSR1;

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

/// Where a process writes before it renames.
pub fn temp_file(pid: i32) -> String {
    format!("temp-{pid}.rdb")
}

impl Server {
    /// Children and what is to be begun when there is none.
    pub fn persistence_cron(&mut self) {
        if self.has_child() {
            self.child_cron();
        }
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

    /// Removes what a dead child has left behind. The thread frees the disk blocks: that takes
    /// long for a big file.
    pub(super) fn remove_temp_file(&self, pid: i32) {
        let path = temp_file(pid);
        let open = std::fs::File::open(&path);
        if std::fs::remove_file(&path).is_ok()
            && let Ok(file) = open
        {
            self.lazyfree.send(Box::new(file), 0);
        }
    }
}
