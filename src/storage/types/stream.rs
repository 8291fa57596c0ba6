//! The stream type: a log of entries, each an ID and field-value pairs, and the consumer groups
//! that read it. It is not a queue of its own: blocking, propagation and replies are the commands'.
//!
//! ```text
//! Stream ─► Parts { log: Log { nodes: IdMap<Listpack>, length, last_id, … }, groups }
//!                          node's ID = ID of its first entry = base of the deltas inside
//! ```
//!
//! * `id` – IDs, their order and texts.
//! * `node` – what stands in one listpack; Redis' own byte form, see there.
//! * `log` – adding, deleting, trimming; counters.
//! * `cursor` – walking entries in either direction.
//! * `group` – consumer groups, consumers, pending entries.
//! * `rebuild` – the commands that make the same stream again.
//!
//! Invariant: `length` is the number of entries that are not deleted, and every node has one at
//! least (bytes that were only validated shallowly may break both; nothing panics then).

mod cursor;
mod group;
mod id;
mod log;
mod node;
mod rebuild;
mod relocate;
#[cfg(test)]
mod tests;

pub use super::list::LpValue;
pub use cursor::{Cursor, EntryHead};
pub use group::{Consumer, ConsumerId, Group, Groups, Nack};
pub use id::{IdText, StreamId};
pub use log::{AddId, AppendError, Log, NodeLimits, Trim, TrimTo};
pub use node::{InvalidNode, validated_node};

use std::mem::size_of_val;

/// A stream value; 8 bytes.
#[derive(Clone, Default)]
#[repr(transparent)]
pub struct Stream(Box<Parts>);

/// What a stream consists of. The halves are separate so that a group can be changed while the
/// entries are read.
#[derive(Clone, Default)]
pub struct Parts {
    pub log: Log,
    pub groups: Groups,
}

const _: () = assert!(size_of::<Stream>() == 8);

impl Stream {
    /// An empty stream: it has no entry, and may stay so.
    pub fn new() -> Self {
        Self::default()
    }

    /// A stream of these parts (RDB).
    pub fn from_parts(log: Log, groups: Groups) -> Self {
        Self(Box::new(Parts { log, groups }))
    }

    pub fn log(&self) -> &Log {
        &self.0.log
    }

    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.0.log
    }

    pub fn groups(&self) -> &Groups {
        &self.0.groups
    }

    pub fn groups_mut(&mut self) -> &mut Groups {
        &mut self.0.groups
    }

    /// The entries and the group of that name.
    pub fn log_and_group(&mut self, name: &[u8]) -> Option<(&Log, &mut Group)> {
        let Parts { log, groups } = &mut *self.0;
        Some((log, groups.get_mut(name)?))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.log.length() as usize
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }

    /// About how many allocations Redis would free: nodes, and for each group the pending entries
    /// of the first one.
    pub fn free_effort(&self) -> usize {
        let groups = self.groups();
        let pending = groups.iter().next().map_or(0, |(_, group)| group.pel().len());
        self.log().node_count() + 1 + groups.len() * (1 + pending)
    }

    /// Bytes of memory beside the value's own 8, guessed from `samples` nodes (0: all).
    pub fn memory_usage(&self, samples: usize) -> usize {
        size_of_val(&*self.0) + self.log().memory_usage(samples) + self.groups().memory_usage()
    }
}
