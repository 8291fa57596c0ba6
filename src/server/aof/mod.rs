//! The append only file of the running server: whether it is on, what it costs, what became of it.
//!
//! Formats and files are `persistence::aof`; here stands when they are written: `flush` and
//! `group_commit` (before the loop sleeps, before replies leave that must wait; `readers` says who
//! need not), how the files change (`rewrite`), how they are read (`load`), and when all that is
//! done at all (`switch`). Invariant: while the state is `On`, what the manifest names plus the
//! buffer is the data set.

mod flush;
mod group_commit;
mod load;
mod readers;
mod rewrite;
mod switch;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use readers::FreeReply;

use super::Server;
use super::log;
use crate::config::strerror;
use crate::persistence::aof::feed::{AofFeed, Outgoing};
use crate::persistence::aof::flush::Background;
use crate::persistence::aof::manifest::{self, Manifest};
use crate::persistence::child::ChildKind;

/// Whether changes are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AofState {
    #[default]
    Off,
    On,
    /// Turned on, and the first rewrite is not done: what is on disk is not the data set yet.
    WaitRewrite,
}

/// The append only file.
pub struct Aof {
    pub state: AofState,
    pub manifest: Manifest,
    feed: AofFeed,
    /// The incremental file that is written to.
    file: Option<Arc<File>>,
    background: Background,
    /// Size of base and incremental files, bytes.
    pub current_size: u64,
    /// `current_size` after the last rewrite, or the base's size at the start.
    pub base_size: u64,
    incr_size: u64,
    /// How much of the incremental file is synced, or about to be.
    incr_synced: u64,
    last_sync_ms: i64,
    /// Since when a flush waits for a sync; `None` = it does not.
    postponed_since_ms: Option<i64>,
    /// Flushes that did not wait any longer for a sync.
    pub delayed_fsync: u64,
    write_error: Option<io::Error>,
    last_error_log_s: i64,
    /// Writes are refused because the disk does not take them.
    pub writes_denied: bool,
    pub rewrite: rewrite::RewriteState,
    /// Main thread's time for writing and syncing, us.
    pub flush_us: u64,
    commit: group_commit::GroupCommit,
    readers: readers::Readers,
}

impl Aof {
    /// `waker` wakes the main thread.
    pub fn new(now_ms: i64, waker: Arc<mio::Waker>) -> Aof {
        // Without a wake-up the main thread looks at its next turn.
        let wake = move || drop(waker.wake());
        Aof {
            state: AofState::Off,
            manifest: Manifest::default(),
            feed: AofFeed::default(),
            file: None,
            background: Background::new(log::warning, Box::new(wake)),
            current_size: 0,
            base_size: 0,
            incr_size: 0,
            incr_synced: 0,
            last_sync_ms: now_ms,
            postponed_since_ms: None,
            delayed_fsync: 0,
            write_error: None,
            last_error_log_s: 0,
            writes_denied: false,
            rewrite: rewrite::RewriteState::default(),
            flush_us: 0,
            commit: group_commit::GroupCommit::default(),
            readers: readers::Readers::default(),
        }
    }

    pub fn is_on(&self) -> bool {
        self.state != AofState::Off
    }

    /// Bytes that wait to be written.
    pub fn buffer_bytes(&self) -> usize {
        self.feed.len()
    }

    /// Memory of the buffer, bytes.
    pub fn buffer_memory(&self) -> usize {
        self.feed.memory_bytes()
    }

    /// Syncs that a thread has not finished.
    pub fn pending_syncs(&self) -> u64 {
        self.background.pending()
    }

    /// The last write and the last sync went well.
    pub fn is_healthy(&self) -> bool {
        self.write_error.is_none() && self.background.error().is_none()
    }

    /// Why writes are refused.
    pub fn disk_error(&self) -> String {
        let failed = self.background.error();
        let error = self.write_error.as_ref().or(failed.as_ref());
        error.map(strerror).unwrap_or_default()
    }

    /// Up to where of the replication stream the append only file is durable.
    pub fn synced_offset(&self) -> i64 {
        self.background.synced_offset()
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&mut self) {
        self.delayed_fsync = 0;
        self.flush_us = 0;
        self.rewrite.count = 0;
        self.rewrite.consecutive_failures = 0;
    }
}

impl Server {
    /// One command into the buffer; `db` as for [`AofFeed::push`].
    #[inline]
    pub(super) fn feed_aof(&mut self, db: Option<usize>, command: Outgoing<'_>) {
        match self.aof.state {
            AofState::Off => return,
            AofState::On => {}
            // The rewrite that is to come begins with the data set as it is then.
            AofState::WaitRewrite if !self.is_rewriting_aof() => return,
            AofState::WaitRewrite => {}
        }
        if self.config.aof_timestamp_enabled {
            self.aof.feed.annotate(self.clock.now_s());
        }
        self.aof.feed.push(db, command);
    }

    /// A child rewrites the append only file.
    pub fn is_rewriting_aof(&self) -> bool {
        self.child.kind() == Some(ChildKind::AofRewrite)
    }

    /// Whether changes are collected at all: to be called when a listener comes or goes.
    pub fn update_propagation(&mut self) {
        self.propagate.enable(self.aof.is_on() || self.feeds_stream());
    }

    /// The offset of the replication stream that the next sync makes durable.
    fn propagated_offset(&self) -> i64 {
        self.master_repl_offset()
    }

    /// The folder of the append only files.
    fn aof_dir(&self) -> PathBuf {
        manifest::path_in(Path::new(""), &self.config.appenddirname)
    }

    /// A file in that folder.
    fn aof_path(&self, name: &[u8]) -> PathBuf {
        manifest::path_in(&self.aof_dir(), name)
    }
}

/// Ends the process: going on could lose data.
fn fatal(text: &str) -> ! {
    log::warning(text);
    std::process::exit(1);
}
