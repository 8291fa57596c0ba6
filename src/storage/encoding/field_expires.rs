//! Which fields of one big hash expire next: (expire time, identity of the field) in order.
//!
//! Not a timer, and no owner of fields: an identity is the word under which the hash table holds
//! the field. Invariant (kept by `FieldTable`): the pairs are exactly the fields that have an
//! expire time, so the structure is dropped when the last one goes.

use super::id_map::{IdMap, StreamId};
use super::relocate::{Mover, Relocate};

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct FieldExpires {
    by_time: IdMap<()>,
}

impl FieldExpires {
    /// Fields with an expire time.
    pub fn len(&self) -> usize {
        self.by_time.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_time.is_empty()
    }

    pub fn add(&mut self, expire: i64, word: u64) {
        self.by_time.insert(StreamId::of_time(expire, word), ());
    }

    pub fn remove(&mut self, expire: i64, word: u64) {
        let was_there = self.by_time.remove(StreamId::of_time(expire, word));
        debug_assert!(was_there.is_some(), "every field with an expire time is listed");
    }

    /// The field that expires first.
    pub fn first(&self) -> Option<(i64, u64)> {
        self.by_time.first().map(|(id, ())| (id.time(), id.seq))
    }

    /// Number of fields whose time lies before `now`.
    pub fn count_before(&self, now: i64) -> usize {
        self.by_time.iter().take_while(|(id, ())| id.time() < now).count()
    }

    /// Bytes the structure takes.
    pub fn heap_bytes(&self) -> usize {
        self.by_time.heap_bytes()
    }
}

impl Relocate for FieldExpires {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        self.by_time.relocate_with(cursor, mover, |(), _| {})
    }
}
