//! Replies that need not wait for a sync: those of commands that read only keys which nobody has
//! changed since they were last made durable, and of commands about the connection alone (PING).
//!
//! Which keys have changed is kept as a filter over their hashes, so a wrong guess delays a reply
//! and does nothing else. Invariant: a reply that leaves before the sync shows nothing that a
//! command changed and the sync makes durable (what expired by itself, or was evicted, may be seen
//! to be gone). Whatever is not known to read single keys waits; so does what stands behind
//! a reply that waits, and a client to which anything else was sent in this turn.

use crate::commands::Args;
use crate::commands::keys::{get_keys, has_keys};
use crate::commands::spec::{CommandSpec, acl, flag};
use crate::commands::table::CommandId;
use crate::config::AppendFsync;
use crate::server::Server;
use crate::server::client::{Client, ClientFlags};
use crate::util::siphash::siphash;

/// 2 KB: a group of a thousand writes delays one reader of sixteen without need.
const FILTER_BITS: usize = 1 << 14;

/// Output of a client that waits for no sync: the first `bytes` of its reply in turn `turn`.
#[derive(Debug, Clone, Copy, Default)]
pub struct FreeReply {
    turn: u64,
    bytes: usize,
}

/// A set of keys, some of which are in it by mistake. The database does not count: keys move.
struct KeyFilter {
    bits: Vec<u64>,
    empty: bool,
    everything: bool,
}

impl Default for KeyFilter {
    fn default() -> KeyFilter {
        KeyFilter { bits: Vec::new(), empty: true, everything: false }
    }
}

impl KeyFilter {
    fn add(&mut self, hash: u64) {
        self.bits.resize(FILTER_BITS / 64, 0);
        let bit = hash as usize % FILTER_BITS;
        self.bits[bit / 64] |= 1 << (bit % 64);
        self.empty = false;
    }

    fn add_everything(&mut self) {
        (self.everything, self.empty) = (true, false);
    }

    fn may_have(&self, hash: u64) -> bool {
        let bit = hash as usize % FILTER_BITS;
        self.everything || self.bits.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 != 0)
    }

    fn clear(&mut self) {
        if !self.empty {
            self.bits.fill(0);
            (self.everything, self.empty) = (false, true);
        }
    }
}

/// What is not durable, and who does not care.
#[derive(Default)]
pub(super) struct Readers {
    /// Replies wait for syncs.
    active: bool,
    turn: u64,
    /// Keys changed since the last sync began.
    changed: KeyFilter,
    /// Keys that the sync in progress makes durable.
    syncing: KeyFilter,
    /// Commands of this turn that need not wait.
    free: usize,
    /// Clients answered without waiting since the last group of writers.
    answered: usize,
}

impl Readers {
    /// A sync of all that was changed so far begins.
    pub(super) fn sync_begins(&mut self) {
        std::mem::swap(&mut self.changed, &mut self.syncing);
        self.changed.clear();
    }

    pub(super) fn sync_done(&mut self) {
        self.syncing.clear();
    }

    /// All is durable, or nobody waits for it.
    pub(super) fn nothing_waits(&mut self) {
        self.sync_begins();
        self.sync_done();
    }

    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// Clients that were answered since the last call: a sync on the main thread would have held
    /// them up.
    pub(super) fn take_answered(&mut self) -> usize {
        std::mem::take(&mut self.answered)
    }

    fn may_wait_for(&self, key: &[u8]) -> bool {
        let hash = siphash(key);
        self.changed.may_have(hash) || self.syncing.may_have(hash)
    }
}

/// The command reads the keys that its row names and nothing else, and answers at once.
fn reads_named_keys(spec: &CommandSpec) -> bool {
    let vague = flag::WRITE | flag::MAY_REPLICATE | flag::MOVABLE_KEYS;
    spec.flags & flag::READONLY != 0 && spec.flags & vague == 0 && has_keys(spec)
}

/// The command is about its connection, not about data.
fn reads_no_data(spec: &CommandSpec) -> bool {
    spec.acl & acl::CONNECTION != 0
}

impl Server {
    /// A turn begins: whether replies will wait for syncs.
    pub(super) fn note_readers_turn(&mut self) {
        let active = self.aof.is_on() && self.config.appendfsync == AppendFsync::Always;
        let readers = &mut self.aof.readers;
        readers.turn += 1;
        readers.free = 0;
        if active && !readers.active {
            // What ran so far was not watched.
            readers.changed.add_everything();
        }
        readers.active = active;
    }

    /// After a command, whose reply begins at `start` of the client's output.
    #[inline]
    pub fn note_durability(
        &mut self,
        client: &mut Client,
        id: CommandId,
        args: Args<'_>,
        (start, changed): (usize, bool),
    ) {
        if self.aof.readers.active {
            self.note_reply(client, id, args, (start, changed));
        }
    }

    fn note_reply(
        &mut self,
        client: &mut Client,
        id: CommandId,
        args: Args<'_>,
        (start, changed): (usize, bool),
    ) {
        let spec = self.commands.get(id).spec;
        // A read that found something expired has deleted it.
        let writes = changed || spec.flags & flag::WRITE != 0 || self.propagate.is_pending();
        let known = reads_named_keys(spec) || reads_no_data(spec);
        if !writes && (!known || self.exec.depth != 1) {
            return;
        }
        let mut keys = Vec::new();
        get_keys(spec, args.0, &mut keys);
        let readers = &mut self.aof.readers;
        let names = keys.iter().map(|key| args[key.pos]);
        if writes {
            // EXEC and scripts have no keys that count, and what they ran was noted.
            if keys.is_empty() && spec.flags & flag::WRITE != 0 {
                readers.changed.add_everything();
            }
            return names.for_each(|key| readers.changed.add(siphash(key)));
        }
        let free = client.free_reply;
        let sent_before = if free.turn == readers.turn { free.bytes } else { 0 };
        let out_is_empty = client.unsent_bytes() == client.reply.len();
        let waits = client.flags.has(ClientFlags::BLOCKED.and(ClientFlags::HELD))
            || start != sent_before
            || !out_is_empty
            || (keys.is_empty() && !reads_no_data(spec));
        if !waits && !{ names }.any(|key| readers.may_wait_for(key)) {
            client.free_reply = FreeReply { turn: readers.turn, bytes: client.reply.len() };
            readers.free += 1;
        }
    }

    /// Sends the replies of this turn that need not wait.
    pub(super) fn answer_readers(&mut self) {
        if self.aof.readers.free == 0 {
            return;
        }
        let turn = self.aof.readers.turn;
        let waiting = std::mem::take(&mut self.clients.pending_write);
        let (free, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|&token| {
            self.clients.get_by_token(token).is_some_and(|client| {
                let free = client.free_reply;
                free.turn == turn && free.bytes == client.unsent_bytes()
            })
        });
        self.aof.readers.answered += free.len();
        self.clients.pending_write = free;
        self.write_pending();
        self.clients.pending_write.extend(waiting);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_wait_until_a_sync_that_began_after_their_change_is_over() {
        let mut readers = Readers::default();
        assert!(!readers.may_wait_for(b"a"));
        readers.changed.add(siphash(b"a"));
        assert!(readers.may_wait_for(b"a"));
        readers.sync_begins();
        assert!(readers.may_wait_for(b"a"), "the sync goes on");
        readers.changed.add(siphash(b"b"));
        readers.sync_done();
        assert!(!readers.may_wait_for(b"a"));
        assert!(readers.may_wait_for(b"b"), "changed while the sync went on");
        readers.nothing_waits();
        assert!(!readers.may_wait_for(b"b"));
        readers.changed.add_everything();
        assert!(readers.may_wait_for(b"c"));
        readers.nothing_waits();
        assert!(!readers.may_wait_for(b"c"));
    }
}
