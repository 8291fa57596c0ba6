//! Group commit: `appendfsync always` with one sync for all clients that wait.
//!
//! ```text
//! main thread   run A │ write A │ run B ……………│ answer A │ run A │ write A, B │ …
//! bio_aof                       │ sync A ……… │                               │ sync A, B …
//! ```
//! While a thread syncs, the main thread runs commands, whose replies wait for the next sync. If
//! that began at once there would be two groups of clients that wait for each other, each sync
//! serving one half; so those who were just answered are given a moment to ask again. A disk that
//! is faster than the clients, and a client that is alone, gain nothing from a second thread: what
//! they wrote is synced at once.
//!
//! Invariants: nothing that a command wrote to a client leaves before all that ran before it is
//! durable, unless it read nothing of that (`readers`). A client whose replies wait for the sync in
//! progress (`HELD`) runs no commands, so what was written to it until the sync began
//! (`Held::bytes`) may leave when it is over.

use super::AofState;
use super::flush::sync_failed;
use crate::config::AppendFsync;
use crate::server::Server;
use crate::server::client::ClientFlags;

/// About how long reading, running and answering one client's requests takes, us. A sync that is
/// over sooner than that of all who wait is no reason to hand over to another thread.
const CLIENT_US: u64 = 8;
/// Longest wait for clients that were just answered.
const GATHER_MAX_US: u64 = 1000;
/// Waits in vain are followed by up to this many groups (as a power of two) without a wait.
const MAX_MISSES: u32 = 4;

/// A client whose replies wait for the sync in progress.
struct Held {
    token: usize,
    /// How much of its output may leave then.
    bytes: usize,
}

/// Who waits for what.
#[derive(Default)]
pub(super) struct GroupCommit {
    /// The sync in progress.
    ticket: Option<crate::persistence::aof::flush::Ticket>,
    held: Vec<Held>,
    /// Held clients that have sent more.
    readers: Vec<usize>,
    /// The client that was the only one of the last group.
    alone: Option<usize>,
    /// How long the last sync took, us.
    pub(super) sync_us: u64,
    /// Until when clients are waited for, us of the monotonic clock; 0 = not.
    gather_until_us: u64,
    /// Clients that are expected to come back.
    expected: usize,
    /// Waits in a row that were in vain, and groups that follow without one.
    misses: u32,
    skips: u32,
}

impl GroupCommit {
    fn is_idle(&self) -> bool {
        self.ticket.is_none() && self.held.is_empty()
    }

    /// Whether to go on waiting for the others, `open` clients being there.
    fn gathers(&self, open: usize, now_us: u64) -> bool {
        open > 0 && open < self.expected && now_us < self.gather_until_us
    }

    /// A group of `open` clients is complete.
    fn gathered(&mut self, open: usize) {
        if self.gather_until_us == 0 {
            return;
        }
        self.gather_until_us = 0;
        if open * 4 >= self.expected * 3 {
            self.misses = 0;
        } else {
            self.misses = (self.misses + 1).min(MAX_MISSES);
            self.skips = 1 << self.misses;
        }
    }

    /// How long to wait for `expected` clients.
    fn gather_us(&mut self) -> u64 {
        if self.skips > 0 {
            self.skips -= 1;
            return 0;
        }
        (self.sync_us / 2).min(GATHER_MAX_US)
    }
}

impl super::Aof {
    /// Replies wait for a sync, whose end will wake the loop.
    pub fn holds_replies(&self) -> bool {
        self.commit.ticket.is_some()
    }
}

impl Server {
    /// Before the loop sleeps. True: replies may leave.
    #[inline]
    pub fn aof_before_sleep(&mut self) -> bool {
        if self.aof.state == AofState::Off && self.aof.commit.is_idle() {
            if self.aof.readers.is_active() {
                self.note_readers_turn();
            }
            return true;
        }
        let start_us = self.clock.monotonic_us();
        self.answer_readers();
        let may_leave = self.commit_before_sleep();
        self.note_readers_turn();
        self.aof.flush_us += self.clock.monotonic_us() - start_us;
        may_leave
    }

    fn commit_before_sleep(&mut self) -> bool {
        if let Some(ticket) = self.aof.commit.ticket {
            if !self.aof.background.is_done(ticket) {
                return false;
            }
            self.commit_done();
            let held = std::mem::take(&mut self.aof.commit.held);
            let expected = held.len() + self.clients.pending_write.len();
            self.release(held);
            let commit = &mut self.aof.commit;
            commit.expected = expected;
            let gather_us = commit.gather_us();
            let until_us = self.clock.monotonic_us() + gather_us;
            commit.gather_until_us = if gather_us > 0 { until_us } else { 0 };
            // Those who came meanwhile, and whoever has come back by now, are one group.
            return self.clients.pending_write.is_empty();
        }
        let open = self.clients.pending_write.len();
        let now_us = self.clock.monotonic_us();
        if self.aof.commit.gathers(open, now_us) {
            std::thread::yield_now();
            return false;
        }
        self.commit()
    }

    fn commit_done(&mut self) {
        self.aof.commit.ticket = None;
        self.aof.readers.sync_done();
        if let Some(error) = self.aof.background.error() {
            sync_failed(&error);
        }
        let sync_us = self.aof.background.duration_us();
        self.aof.commit.sync_us = sync_us;
        self.latency_add_if_needed("aof-fsync-always", (sync_us / 1000) as i64);
    }

    /// Makes durable what was fed, or begins to. True: replies may leave.
    fn commit(&mut self) -> bool {
        let waiting = &self.clients.pending_write;
        let nothing = self.aof.feed.is_empty();
        let readers = if nothing { 0 } else { self.aof.readers.take_answered() };
        let clients = waiting.len() + readers;
        let alone = (waiting.len() == 1).then(|| waiting[0]);
        let was_alone = std::mem::replace(&mut self.aof.commit.alone, alone);
        let at_once = self.config.appendfsync != AppendFsync::Always
            || nothing
            || (alone.is_some() && alone == was_alone && readers == 0)
            || self.aof.commit.sync_us < clients as u64 * CLIENT_US
            || (self.config.no_appendfsync_on_rewrite && self.has_child());
        let file = self.aof.file.clone().filter(|_| !at_once);
        let Some(file) = file else {
            self.flush_append_only_file(false);
            self.aof.readers.nothing_waits();
            return true;
        };
        self.aof.commit.gathered(clients);
        // A failure ends the process.
        if self.write_feed(&file, false) {
            let offset = self.propagated_offset();
            let ticket = self.aof.background.sync_and_wake(file, offset);
            self.aof.commit.ticket = Some(ticket);
            self.aof.readers.sync_begins();
            self.aof.incr_synced = self.aof.incr_size;
            self.aof.last_sync_ms = self.clock.now_ms;
            self.hold();
        }
        false
    }

    /// The clients that have something to send wait for the sync.
    fn hold(&mut self) {
        for token in std::mem::take(&mut self.clients.pending_write) {
            let mut bytes = 0;
            // One that is checked out goes on running commands: nothing of it may leave then.
            if let Some(client) = self.clients.get_by_token(token) {
                client.flags.set(ClientFlags::HELD);
                bytes = client.unsent_bytes();
            }
            self.aof.commit.held.push(Held { token, bytes });
        }
    }

    /// Sends what is durable now; what was written to clients meanwhile waits for the next group.
    fn release(&mut self, held: Vec<Held>) {
        let mut open = std::mem::take(&mut self.clients.pending_write);
        for Held { token, bytes } in held {
            let Some(client) = self.clients.get_by_token(token) else {
                if self.clients.id_of_token(token).is_some() {
                    // Its command runs at this moment.
                    open.push(token);
                }
                continue;
            };
            client.flags.clear(ClientFlags::HELD);
            if client.unsent_bytes() > bytes {
                self.write_part(token, bytes);
                open.push(token);
            } else {
                self.clients.pending_write.push(token);
            }
        }
        self.write_pending();
        self.clients.pending_write.append(&mut open);
        self.clients.pending_read.extend(self.aof.commit.readers.drain(..));
    }

    /// What a held client has sent is read when its replies have left.
    pub(in crate::server) fn read_after_commit(&mut self, token: usize) {
        self.aof.commit.readers.push(token);
    }

    /// Waits for the sync in progress, if there is one.
    pub(super) fn wait_for_commit(&mut self) {
        if self.aof.commit.ticket.is_some() {
            self.aof.background.drain();
            if let Some(error) = self.aof.background.error() {
                sync_failed(&error);
            }
        }
    }

    /// Before the server exits: what is durable is told.
    pub(super) fn finish_commit(&mut self) {
        self.wait_for_commit();
        self.aof.commit.ticket = None;
        let held = std::mem::take(&mut self.aof.commit.held);
        self.release(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_until_all_are_back_or_the_time_is_over() {
        let mut commit = GroupCommit { expected: 8, gather_until_us: 500, ..Default::default() };
        assert!(commit.gathers(3, 100), "the others are on their way");
        assert!(!commit.gathers(8, 100), "all are there");
        assert!(!commit.gathers(3, 500), "long enough");
        assert!(!commit.gathers(0, 100), "there is nobody to hold up");
        commit.gathered(8);
        assert!(!commit.gathers(3, 0));
    }

    #[test]
    fn waits_in_vain_become_rare() {
        let mut commit = GroupCommit { expected: 8, sync_us: 1_000_000, ..Default::default() };
        let mut waits = 0;
        for _ in 0..200 {
            let us = commit.gather_us();
            waits += usize::from(us > 0);
            assert!(us == 0 || us == GATHER_MAX_US);
            commit.gather_until_us = us;
            commit.gathered(1);
        }
        assert!(waits < 20, "{waits}");
        commit.skips = 0;
        commit.sync_us = 600;
        commit.gather_until_us = commit.gather_us();
        assert_eq!(commit.gather_until_us, 300);
        commit.gathered(8);
        assert_eq!((commit.misses, commit.skips), (0, 0));
    }
}
