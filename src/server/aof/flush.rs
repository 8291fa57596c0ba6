//! Writing the buffer to the incremental file, and syncing it, as `appendfsync` says.
//!
//! - `always`: one write and one sync for the commands of all clients that wait, before any of
//!   their replies leaves (`group_commit`, which does it in the background; here, at once). If
//!   either fails the server exits: what it would have to take back has been seen.
//! - `everysec`: the thread syncs once a second. While it does, writing would block, so the flush
//!   waits, but not longer than two seconds.
//! - `no`: the system syncs when it likes.
//!
//! Invariant: the file ends with a whole command, unless a failed write could not be taken back.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::{AofState, fatal};
use crate::config::{AppendFsync, strerror};
use crate::server::Server;

/// How long a flush waits for a sync.
const MAX_POSTPONE_MS: i64 = 2000;
/// Syncs under `everysec`.
const SYNC_PERIOD_MS: i64 = 1000;
/// A write error is logged once in so many seconds.
const ERROR_LOG_PERIOD_S: i64 = 30;

/// Writes all of it unless an error comes first. `Err` only if nothing was written.
fn write_some(mut file: &File, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write(&bytes[written..]) {
            Ok(0) => return Ok(written),
            Ok(n) => written += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) if written == 0 => return Err(e),
            Err(_) => return Ok(written),
        }
    }
    Ok(written)
}

/// Ends the process: what is not durable has been promised to be.
pub(super) fn sync_failed(error: &io::Error) -> ! {
    fatal(&format!(
        "Can't persist AOF for fsync error when the AOF fsync policy is 'always': {}. Exiting...",
        strerror(error)
    ))
}

impl Server {
    /// Each round of cron: what was postponed, and whether the disk takes writes again.
    pub fn aof_cron(&mut self) {
        if self.aof.state == AofState::Off {
            return;
        }
        let retry = self.aof.write_error.is_some() && self.cron.run_with_period(1000);
        if self.aof.postponed_since_ms.is_some() || retry {
            self.flush_append_only_file(false);
        }
        self.update_writes_denied();
        self.aof_automatic_rewrite();
    }

    /// Writes the buffer and syncs as configured. `force`: without waiting for a sync.
    pub fn flush_append_only_file(&mut self, force: bool) {
        if self.aof.state == AofState::Off {
            return;
        }
        self.wait_for_commit();
        if self.aof.feed.is_empty() {
            return self.sync_what_is_written();
        }
        let Some(file) = self.aof.file.clone() else { return };
        let everysec = self.config.appendfsync == AppendFsync::Everysec;
        let syncing = everysec && self.aof.background.pending() > 0;
        if syncing && !force && self.postpone_flush() {
            return;
        }
        if self.write_feed(&file, syncing) {
            self.sync_file(&file, syncing);
        }
    }

    /// Writes the buffer. False: it failed, and nothing is to be synced.
    pub(super) fn write_feed(&mut self, file: &File, syncing: bool) -> bool {
        let sleep_us = self.debug.aof_flush_sleep_us;
        if sleep_us > 0 {
            std::thread::sleep(Duration::from_micros(sleep_us));
        }
        let expected = self.aof.feed.len();
        let start_us = self.latency_start();
        let result = write_some(file, self.aof.feed.bytes());
        self.note_write_latency(start_us, syncing);
        self.aof.postponed_since_ms = None;
        match result {
            Ok(written) if written == expected => {
                self.written(expected);
                return true;
            }
            Ok(written) => self.short_write(file, written),
            Err(error) => self.write_failed(error),
        }
        false
    }

    /// True if the flush is to wait for the sync that goes on.
    fn postpone_flush(&mut self) -> bool {
        let now_ms = self.clock.now_ms;
        let since_ms = *self.aof.postponed_since_ms.get_or_insert(now_ms);
        if now_ms - since_ms < MAX_POSTPONE_MS {
            return true;
        }
        self.aof.delayed_fsync += 1;
        self.log_notice(
            "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer \
             without waiting for fsync to complete, this may slow down Redis.",
        );
        false
    }

    fn note_write_latency(&mut self, start_us: u64, syncing: bool) {
        let event = if syncing {
            "aof-write-pending-fsync"
        } else if self.has_child() {
            "aof-write-active-child"
        } else {
            "aof-write-alone"
        };
        self.latency_end(event, start_us);
        self.latency_end("aof-write", start_us);
    }

    fn written(&mut self, bytes: usize) {
        if self.aof.write_error.take().is_some() {
            self.log_notice("AOF write error looks solved, Redis can write again.");
            self.update_writes_denied();
        }
        self.aof.feed.written(bytes);
        self.aof.current_size += bytes as u64;
        self.aof.incr_size += bytes as u64;
    }

    /// True once in `ERROR_LOG_PERIOD_S`.
    fn may_log_error(&mut self) -> bool {
        let now_s = self.clock.now_s();
        let may = now_s - self.aof.last_error_log_s > ERROR_LOG_PERIOD_S;
        if may {
            self.aof.last_error_log_s = now_s;
        }
        may
    }

    /// A part was written: takes it back, so that the file ends with a whole command.
    fn short_write(&mut self, file: &File, written: usize) {
        let may_log = self.may_log_error();
        if may_log {
            let expected = self.aof.feed.len();
            self.log_warning(&format!(
                "Short write while writing to the AOF file: (nwritten={written}, \
                 expected={expected})"
            ));
        }
        if let Err(error) = file.set_len(self.aof.incr_size) {
            if may_log {
                self.log_warning(&format!(
                    "Could not remove short write from the append-only file.  Redis may refuse to \
                     load the AOF the next time it starts.  ftruncate: {}",
                    strerror(&error)
                ));
            }
            self.aof.feed.written(written);
            self.aof.current_size += written as u64;
            self.aof.incr_size += written as u64;
        }
        self.write_error(io::Error::from_raw_os_error(libc::ENOSPC));
    }

    fn write_failed(&mut self, error: io::Error) {
        if self.may_log_error() {
            let text = strerror(&error);
            self.log_warning(&format!("Error writing to the AOF file: {text}"));
        }
        self.write_error(error);
    }

    /// Writes are refused from now on; what waits is tried again.
    fn write_error(&mut self, error: io::Error) {
        if self.config.appendfsync == AppendFsync::Always {
            fatal(
                "Can't recover from AOF write error when the AOF fsync policy is 'always'. \
                 Exiting...",
            );
        }
        self.aof.write_error = Some(error);
        self.update_writes_denied();
    }

    pub(super) fn update_writes_denied(&mut self) {
        self.aof.writes_denied = self.aof.is_on() && !self.aof.is_healthy();
    }

    /// Nothing to write, but what was written may have to be synced: writes may have stopped less
    /// than a second after a sync, or the policy may have changed.
    fn sync_what_is_written(&mut self) {
        let syncing = self.aof.background.pending() > 0;
        let all_synced = self.aof.incr_synced == self.aof.incr_size;
        let policy = self.config.appendfsync;
        if all_synced {
            if !syncing && policy != AppendFsync::No {
                self.aof.background.set_synced_offset(self.propagated_offset());
            }
            return;
        }
        let due = match policy {
            AppendFsync::Always => true,
            AppendFsync::Everysec => self.sync_is_due() && !syncing,
            AppendFsync::No => false,
        };
        if due && let Some(file) = self.aof.file.clone() {
            self.sync_file(&file, false);
        }
    }

    fn sync_is_due(&self) -> bool {
        self.clock.now_ms - self.aof.last_sync_ms >= SYNC_PERIOD_MS
    }

    fn sync_file(&mut self, file: &Arc<File>, syncing: bool) {
        if self.config.no_appendfsync_on_rewrite && self.has_child() {
            return;
        }
        match self.config.appendfsync {
            AppendFsync::Always => self.sync_now(file),
            AppendFsync::Everysec if self.sync_is_due() => {
                if !syncing {
                    let offset = self.propagated_offset();
                    self.aof.background.sync(Arc::clone(file), offset);
                    self.aof.incr_synced = self.aof.incr_size;
                }
                self.aof.last_sync_ms = self.clock.now_ms;
            }
            AppendFsync::Everysec | AppendFsync::No => {}
        }
    }

    fn sync_now(&mut self, file: &File) {
        let (start_us, begin_us) = (self.latency_start(), self.clock.monotonic_us());
        if let Err(error) = file.sync_data() {
            sync_failed(&error);
        }
        self.latency_end("aof-fsync-always", start_us);
        self.aof.commit.sync_us = self.clock.monotonic_us() - begin_us;
        self.aof.incr_synced = self.aof.incr_size;
        self.aof.last_sync_ms = self.clock.now_ms;
        self.aof.background.set_synced_offset(self.propagated_offset());
    }

    /// `appendfsync` changed: from now on this thread alone may say what is durable.
    pub fn appendfsync_changed(&self) {
        if self.config.appendfsync == AppendFsync::Always {
            self.aof.background.drain();
        }
    }

    /// Everything that was fed is on disk when this returns (shutdown, turning off).
    pub fn flush_and_sync_aof(&mut self) -> io::Result<()> {
        self.flush_append_only_file(true);
        match &self.aof.file {
            Some(file) => file.sync_data(),
            None => Ok(()),
        }
    }
}
