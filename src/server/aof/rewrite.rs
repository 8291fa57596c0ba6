//! Rewriting the append only file in a child, and what becomes of the files.
//!
//! 1. The buffer is written, a new incremental file is opened and named in the manifest.
//! 2. The child writes the data set as it was at the fork into a temporary base file.
//! 3. When it is done the temporary file gets its name, the manifest names it in place of the old
//!    base and of the incremental files before the fork, and those are deleted.
//!
//! Invariant: after each step the manifest on disk names a complete data set. A rewrite that turns
//! the append only file on writes its incremental file under a temporary name until step 3.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use super::AofState;
use crate::config::{AppendFsync, strerror};
use crate::persistence::aof::manifest::{Manifest, temp_incr_name};
use crate::persistence::aof::rewrite::{RewriteOptions, rewrite_file};
use crate::persistence::child::ChildKind;
use crate::persistence::rdb::save::SaveOptions;
use crate::server::Server;
use crate::server::child::Outcome;
use crate::server::clock::unix_us;
use crate::server::process::set_cpu_affinity;
use crate::sys::process;
use crate::sys::signal::SIGUSR1;

/// After so many failures in a row automatic rewrites wait.
const FAILURES_BEFORE_LIMIT: u64 = 3;
const MAX_DELAY_MINUTES: i64 = 60;

/// State of rewriting.
#[derive(Debug)]
pub struct RewriteState {
    /// A rewrite begins as soon as there is no child.
    pub scheduled: bool,
    /// s since the epoch; `None` = none runs.
    start_s: Option<i64>,
    /// Duration of the last one; -1 = there was none.
    pub last_duration_s: i64,
    pub last_ok: bool,
    /// Begun since the start.
    pub count: u64,
    pub consecutive_failures: u64,
    delay_minutes: i64,
    /// s since the epoch; 0 = no automatic rewrite waits.
    next_s: i64,
}

impl Default for RewriteState {
    fn default() -> Self {
        RewriteState {
            scheduled: false,
            start_s: None,
            last_duration_s: -1,
            last_ok: true,
            count: 0,
            consecutive_failures: 0,
            delay_minutes: 0,
            next_s: 0,
        }
    }
}

impl RewriteState {
    fn failed(&mut self) {
        self.last_ok = false;
        self.consecutive_failures += 1;
    }

    /// Minutes to wait from now on, if a new delay begins; and whether to wait.
    fn limit(&mut self, now_s: i64) -> (Option<i64>, bool) {
        if self.consecutive_failures < FAILURES_BEFORE_LIMIT {
            (self.delay_minutes, self.next_s) = (0, 0);
            return (None, false);
        }
        if self.next_s != 0 {
            let waits = now_s < self.next_s;
            if !waits {
                self.next_s = 0;
            }
            return (None, waits);
        }
        self.delay_minutes = (self.delay_minutes * 2).clamp(1, MAX_DELAY_MINUTES);
        self.next_s = now_s + self.delay_minutes * 60;
        (Some(self.delay_minutes), true)
    }
}

/// Where the child writes.
fn child_file(pid: i32) -> String {
    format!("temp-rewriteaof-bg-{pid}.aof")
}

fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

impl Server {
    /// What the base file contains and how it is written.
    pub(super) fn aof_rewrite_options(&self) -> RewriteOptions {
        let save = self.rdb_save_options();
        let functions = save.functions.clone();
        let rdb = SaveOptions { aof_base: true, ..save };
        RewriteOptions {
            rdb: self.config.aof_use_rdb_preamble.then_some(rdb),
            timestamp_s: self.config.aof_timestamp_enabled.then(|| unix_us() / 1_000_000),
            functions,
            key_delay_us: self.config.rdb_key_save_delay,
            incremental_sync: self.config.aof_rewrite_incremental_fsync,
        }
    }

    /// For how long a rewrite runs; -1 = none runs.
    pub fn aof_rewrite_running_s(&self) -> i64 {
        let running = self.aof.rewrite.start_s.filter(|_| self.is_rewriting_aof());
        running.map_or(-1, |start_s| unix_us() / 1_000_000 - start_s)
    }

    /// Begins a rewrite that was scheduled.
    pub fn aof_scheduled_rewrite(&mut self) {
        if self.aof.rewrite.scheduled && !self.has_child() && !self.aof_rewrite_is_limited() {
            self.start_aof_rewrite();
        }
    }

    /// Begins a rewrite if the file has grown enough.
    pub(super) fn aof_automatic_rewrite(&mut self) {
        let percentage = self.config.auto_aof_rewrite_percentage;
        let size = self.aof.current_size;
        if self.aof.state != AofState::On
            || self.has_child()
            || percentage == 0
            || size <= self.config.auto_aof_rewrite_min_size
        {
            return;
        }
        let base = u128::from(self.aof.base_size.max(1));
        let growth = (u128::from(size) * 100 / base) as i64 - 100;
        if growth >= percentage && !self.aof_rewrite_is_limited() {
            self.log_notice(&format!("Starting automatic rewriting of AOF on {growth}% growth"));
            self.start_aof_rewrite();
        }
    }

    fn aof_rewrite_is_limited(&mut self) -> bool {
        let (begins, limited) = self.aof.rewrite.limit(self.clock.now_s());
        if let Some(minutes) = begins {
            self.log_warning(&format!(
                "Background AOF rewrite has repeatedly failed and triggered the limit, will retry \
                 in {minutes} minutes"
            ));
        }
        limited
    }

    /// Makes the folder; logs why not.
    pub(super) fn make_aof_dir(&self) -> bool {
        let dir = self.aof_dir();
        match fs::create_dir(&dir) {
            Ok(()) => true,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => true,
            Err(e) => {
                self.log_warning(&format!(
                    "Can't open or create append-only dir {}: {}",
                    dir.display(),
                    strerror(&e)
                ));
                false
            }
        }
    }

    /// Begins a rewrite in a child. False if it cannot; why is logged.
    pub fn start_aof_rewrite(&mut self) -> bool {
        if self.has_child() {
            return false;
        }
        if !self.make_aof_dir() {
            self.aof.rewrite.last_ok = false;
            return false;
        }
        // The first command of the new file says its database.
        self.aof.feed.forget_db();
        self.flush_append_only_file(true);
        if !self.open_new_incr() {
            self.aof.rewrite.last_ok = false;
            return false;
        }
        if self.aof.state == AofState::WaitRewrite {
            // What a thread still makes durable belongs to an older file.
            self.aof.background.drain();
            self.aof.background.set_synced_offset(self.propagated_offset());
        }
        self.aof.rewrite.count += 1;
        let spawned = self.spawn_child(ChildKind::AofRewrite, |server, report| {
            server.name_child("redis-aof-rewrite");
            set_cpu_affinity(server.config.aof_rewrite_cpulist.as_deref());
            let name = child_file(process::pid());
            let options = server.aof_rewrite_options();
            if rewrite_file(Path::new(&name), &server.keyspace, &options, report).is_err() {
                return 1;
            }
            server.log_notice(&format!("Successfully created the temporary AOF base file {name}"));
            report.finish();
            0
        });
        match spawned {
            Ok(pid) => {
                self.log_notice(&format!(
                    "Background append only file rewriting started by pid {pid}"
                ));
                self.aof.rewrite.scheduled = false;
                self.aof.rewrite.start_s = Some(unix_us() / 1_000_000);
                true
            }
            Err(e) => {
                self.aof.rewrite.last_ok = false;
                let reason = strerror(&e);
                self.log_warning(&format!(
                    "Can't rewrite append only file in background: fork: {reason}"
                ));
                false
            }
        }
    }

    /// Opens the incremental file that takes what comes after the fork. False if it cannot; then
    /// nothing has changed.
    fn open_new_incr(&mut self) -> bool {
        if self.aof.state == AofState::Off {
            return true;
        }
        let mut manifest = self.aof.manifest.clone();
        let waits = self.aof.state == AofState::WaitRewrite;
        let name = if waits {
            temp_incr_name(&self.config.appendfilename)
        } else {
            manifest.new_incr(&self.config.appendfilename)
        };
        let file = match open_incr(&self.aof_path(&name), true) {
            Ok(file) => file,
            Err(e) => {
                let (name, reason) = (shown(&name), strerror(&e));
                self.log_warning(&format!("Can't open the append-only file {name}: {reason}"));
                return false;
            }
        };
        if !waits {
            self.sync_before_next_incr();
            if !self.persist_manifest(&mut manifest) {
                return false;
            }
        }
        let name = shown(&name);
        self.log_notice(&format!("Creating AOF incr file {name} on background rewrite"));
        if let Some(old) = self.aof.file.replace(Arc::new(file)) {
            // Under `always` there is nothing left to sync; else it may take its time.
            let offset = self.propagated_offset();
            self.aof.background.sync(old, offset);
            self.aof.last_sync_ms = self.clock.now_ms;
        }
        (self.aof.incr_size, self.aof.incr_synced) = (0, 0);
        if !waits {
            self.aof.manifest = manifest;
        }
        true
    }

    /// Only the last file may end within a command: as soon as the manifest names another one, a
    /// power failure must not take anything from this one, or the server would refuse to start.
    /// Under `always` it is durable already, `no` promises nothing.
    fn sync_before_next_incr(&mut self) {
        let Some(file) = self.aof.file.clone() else { return };
        if self.config.appendfsync != AppendFsync::Everysec {
            return;
        }
        self.aof.background.drain();
        if let Err(e) = file.sync_data() {
            // The base that is to come will hold what the disk has refused.
            self.log_warning(&format!("Fail to fsync the AOF file: {}", strerror(&e)));
        }
    }

    /// Writes the manifest; logs why not.
    pub(super) fn persist_manifest(&self, manifest: &mut Manifest) -> bool {
        match manifest.persist(&self.aof_dir(), &self.config.appendfilename) {
            Ok(()) => true,
            Err(text) => {
                self.log_warning(&text);
                false
            }
        }
    }

    /// The child that rewrote has ended.
    pub(in crate::server) fn aof_rewrite_done(&mut self, pid: i32, outcome: Outcome) {
        match outcome {
            Outcome::Success => {
                self.log_notice("Background AOF rewrite terminated with success");
                let start_us = self.clock.monotonic_us();
                if self.adopt_rewritten(pid) {
                    let us = self.clock.monotonic_us() - start_us;
                    self.log_verbose(&format!("Background AOF rewrite signal handler took {us}us"));
                } else {
                    self.aof.rewrite.failed();
                }
            }
            Outcome::Failure => {
                self.aof.rewrite.failed();
                self.log_warning("Background AOF rewrite terminated with error");
            }
            Outcome::Signal(signal) => {
                if signal != SIGUSR1 {
                    self.aof.rewrite.failed();
                }
                self.log_warning(&format!("Background AOF rewrite terminated by signal {signal}"));
            }
        }
        self.remove_rewrite_files(pid);
        let now_s = unix_us() / 1_000_000;
        let start_s = self.aof.rewrite.start_s.take().unwrap_or(now_s);
        self.aof.rewrite.last_duration_s = now_s - start_s;
        if self.aof.state == AofState::WaitRewrite {
            // It failed: what was gathered is of no use without a base.
            self.aof.feed.clear();
            let name = temp_incr_name(&self.config.appendfilename);
            let text = shown(&name);
            self.log_notice(&format!("Removing the temp incr aof file {text} in the background"));
            let path = self.aof_path(&name);
            self.aof.background.unlink(&path);
            self.aof.rewrite.scheduled = true;
        }
    }

    /// Puts the child's file into its place. False if it cannot; then nothing has changed.
    fn adopt_rewritten(&mut self, pid: i32) -> bool {
        let temp = child_file(pid);
        let mut manifest = self.aof.manifest.clone();
        let rdb = self.config.aof_use_rdb_preamble;
        let base = manifest.new_base(&self.config.appendfilename, rdb);
        let base_path = self.aof_path(&base);
        if !self.rename_aof(Path::new(&temp), &base_path, "base", &temp, &base, true) {
            return false;
        }
        let mut incr_path = None;
        if self.aof.state == AofState::WaitRewrite {
            let temp_incr = temp_incr_name(&self.config.appendfilename);
            let incr = manifest.new_incr(&self.config.appendfilename);
            let (from, to) = (self.aof_path(&temp_incr), self.aof_path(&incr));
            if !self.rename_aof(&from, &to, "incr", &shown(&temp_incr), &incr, false) {
                self.aof.background.unlink(&base_path);
                return false;
            }
            incr_path = Some(to);
        }
        manifest.incr_to_history(self.aof.file.is_some());
        if !self.persist_manifest(&mut manifest) {
            for path in [Some(base_path), incr_path].into_iter().flatten() {
                self.aof.background.unlink(&path);
            }
            return false;
        }
        self.aof.manifest = manifest;
        if self.aof.state != AofState::Off {
            let base_size = self.aof_file_size(&base).unwrap_or(0);
            self.aof.current_size = base_size + self.aof.incr_size;
            self.aof.base_size = self.aof.current_size;
        }
        self.delete_history_files();
        self.aof.rewrite.last_ok = true;
        self.aof.rewrite.consecutive_failures = 0;
        self.log_notice("Background AOF rewrite finished successfully");
        if self.aof.state == AofState::WaitRewrite {
            self.aof.state = AofState::On;
        }
        true
    }

    /// Renames a file that a rewrite made; logs it. `whole_path`: a failure names where to.
    fn rename_aof(
        &mut self,
        from: &Path,
        to: &Path,
        what: &str,
        temp: &str,
        name: &[u8],
        whole_path: bool,
    ) -> bool {
        let start_us = self.latency_start();
        if let Err(e) = fs::rename(from, to) {
            let from = if whole_path { temp.into() } else { from.display().to_string() };
            self.log_warning(&format!(
                "Error trying to rename the temporary AOF {what} file {from} into {}: {}",
                to.display(),
                strerror(&e)
            ));
            return false;
        }
        self.latency_end("aof-rename", start_us);
        let name = shown(name);
        self.log_notice(&format!(
            "Successfully renamed the temporary AOF {what} file {temp} into {name}"
        ));
        true
    }

    fn remove_rewrite_files(&mut self, pid: i32) {
        for name in [child_file(pid), format!("temp-rewriteaof-{pid}.aof")] {
            self.aof.background.unlink(Path::new(&name));
        }
    }

    /// Deletes what a rewrite has replaced. A failure costs disk space, until the next time.
    pub fn delete_history_files(&mut self) {
        if self.config.aof_disable_auto_gc || self.aof.manifest.history.is_empty() {
            return;
        }
        for file in std::mem::take(&mut self.aof.manifest.history) {
            let name = shown(&file.name);
            self.log_notice(&format!("Removing the history file {name} in the background"));
            let path = self.aof_path(&file.name);
            self.aof.background.unlink(&path);
        }
        self.aof.manifest.dirty = true;
        let mut manifest = std::mem::take(&mut self.aof.manifest);
        self.persist_manifest(&mut manifest);
        self.aof.manifest = manifest;
    }

    /// Ends the child that rewrites, and forgets its work.
    pub fn kill_aof_child(&mut self) {
        if !self.is_rewriting_aof() {
            return;
        }
        let Some(pid) = self.child.active.as_ref().map(|child| child.pid) else { return };
        self.log_notice(&format!("Killing running AOF rewrite child: {pid}"));
        self.kill_child_and_wait();
        self.remove_rewrite_files(pid);
        self.aof.rewrite.start_s = None;
    }
}

/// Opens an incremental file; `anew`: empty, else as it is.
pub(super) fn open_incr(path: &Path, anew: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Appending, so that a short write that was taken back leaves no hole.
    options.write(true).create(true).truncate(anew).mode(0o644).custom_flags(libc::O_APPEND);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_in_a_row_delay_automatic_rewrites() {
        let mut state = RewriteState::default();
        (0..2).for_each(|_| state.failed());
        assert_eq!(state.limit(0), (None, false));
        state.failed();
        assert_eq!(state.limit(0), (Some(1), true));
        assert_eq!(state.limit(59), (None, true));
        assert_eq!(state.limit(60), (None, false), "one try");
        assert_eq!(state.limit(61), (Some(2), true), "which failed");
        for _ in 0..10 {
            state.next_s = 0;
            state.limit(0);
        }
        assert_eq!(state.delay_minutes, MAX_DELAY_MINUTES);
        state.consecutive_failures = 0;
        assert_eq!(state.limit(0), (None, false));
        assert_eq!(state.delay_minutes, 0);
    }
}
