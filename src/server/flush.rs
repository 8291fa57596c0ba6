//! Emptying and swapping databases, and who must learn of it: WATCHers, blocked clients.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::Server;
use super::blocking::{BlockKind, BlockRequest};
use super::client::Client;
use crate::storage::db::Detached;
use crate::sys::{malloc, slabs};

/// Time between two looks at the sockets while the thread frees what a load replaces.
const BETWEEN_EVENTS: Duration = Duration::from_millis(1);

/// What is emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Db(usize),
    All,
}

impl Server {
    /// Empties databases; returns the number of keys removed. `lazy`: the thread frees them.
    pub fn flush(&mut self, scope: Scope, lazy: bool) -> usize {
        let mut removed = 0;
        for detached in self.detach(scope, lazy) {
            removed += detached.len();
            if lazy {
                self.lazyfree.send_detached(detached);
            } else {
                drop(detached);
            }
        }
        if !lazy {
            slabs::flush_thread_cache();
            malloc::purge();
        }
        removed
    }

    /// Empties all databases within a load. Without `lazy` their memory is free at the end of
    /// this; events are served meanwhile.
    pub fn flush_while_loading(&mut self, lazy: bool) {
        let detached = self.detach(Scope::All, lazy);
        if lazy {
            return detached.into_iter().for_each(|db| self.lazyfree.send_detached(db));
        }
        let freed = self.lazyfree.free_and_tell(Box::new(detached));
        while freed.recv_timeout(BETWEEN_EVENTS) == Err(RecvTimeoutError::Timeout) {
            self.newline_to_master();
            self.process_events_while_blocked();
        }
        malloc::purge();
    }

    /// Takes what databases hold out of them. The clients that must learn of it do.
    fn detach(&mut self, scope: Scope, lazy: bool) -> Vec<Detached> {
        let ids = match scope {
            Scope::Db(id) => id..id + 1,
            Scope::All => 0..self.keyspace.dbs.len(),
        };
        self.tracking_invalidate_all(lazy);
        let mut out = Vec::new();
        for id in ids {
            self.touch_all_watched_keys_in_db(id, None);
            let waited_for = self.existing_waited_for(id);
            if self.keyspace.dbs[id].is_empty() {
                continue;
            }
            out.push(self.keyspace.dbs[id].clear());
            for key in waited_for {
                self.signal_deleted_key_as_ready(id, &key);
            }
        }
        out
    }

    /// Keys of the database that exist and that blocked clients wait for.
    fn existing_waited_for(&self, db: usize) -> Vec<Box<[u8]>> {
        let mut keys = self.blocking.keys_of_db(db);
        keys.retain(|key| self.keyspace.dbs[db].find(key).is_some());
        keys
    }

    /// Swaps what two databases hold. Clients stay where they are.
    pub fn swap_databases(&mut self, a: usize, b: usize) {
        let before = [self.existing_waited_for(a), self.existing_waited_for(b)];
        for db in [a, b] {
            self.touch_all_watched_keys_in_db(db, Some(a + b - db));
        }
        self.keyspace.swap(a, b);
        for (db, before) in [a, b].into_iter().zip(before) {
            for key in before {
                if self.keyspace.dbs[db].find(&key).is_none() {
                    self.signal_deleted_key_as_ready(db, &key);
                }
            }
            for key in self.existing_waited_for(db) {
                self.signal_key_as_ready(db, &key);
            }
        }
    }

    /// Blocks the client until the thread has freed everything it was given so far.
    pub fn block_until_freed(&mut self, client: &mut Client) {
        let request = BlockRequest {
            kind: BlockKind::LazyFree,
            keys: Vec::new(),
            deadline_ms: 0,
            unblock_on_deleted: false,
        };
        self.block_client(client, request);
        self.lazyfree.notify_when_done(client.id);
    }

    /// Answers the clients whose memory is freed.
    pub fn flushes_done(&mut self) {
        for id in self.lazyfree.take_done() {
            let Some(mut client) = self.clients.check_out(id) else { continue };
            let waits = client.blocked.as_ref().is_some_and(|b| b.kind == BlockKind::LazyFree);
            if waits {
                self.unblock_client(&mut client);
                self.account_unblocked(&mut client);
                client.reply.ok();
                self.queue_write(&mut client);
            }
            self.clients.check_in(client);
        }
    }

    /// The command of a client that was blocked is done without running again: it counts now.
    fn account_unblocked(&mut self, client: &mut Client) {
        let Some(id) = client.last_command else { return };
        let us = std::mem::take(&mut client.blocked_duration_us);
        self.stats.commands_processed += 1;
        let stats = &mut self.stats.commands[usize::from(id.0)];
        stats.calls += 1;
        stats.usec += us;
        if self.config.latency_tracking {
            stats.latency.get_or_insert_with(Default::default).record(us);
        }
    }
}
