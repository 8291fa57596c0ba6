//! Which fields of one big hash expire next: (expire time, identity of the field) in order.
//!
//! Not a timer, and no owner of fields: an identity is the word under which the hash table holds
//! the field. Invariant (kept by `FieldTable`): the pairs are exactly the fields that have an
//! expire time, so the structure is dropped when the last one goes.

use std::collections::BTreeSet;

use super::relocate::Mover;

/// Bytes a pair takes in a B-tree node, whose 11 places are about two thirds full.
const PAIR_BYTES: usize = 24;

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct FieldExpires {
    by_time: BTreeSet<(i64, u64)>,
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
        self.by_time.insert((expire, word));
    }

    pub fn remove(&mut self, expire: i64, word: u64) {
        let was_there = self.by_time.remove(&(expire, word));
        debug_assert!(was_there, "every field with an expire time is listed");
    }

    /// Moves the nodes of a small tree; those of a large one stay.
    pub fn relocate(&mut self, mover: &mut Mover) {
        mover.tree_set(&mut self.by_time);
    }

    /// The field that expires first.
    pub fn first(&self) -> Option<(i64, u64)> {
        self.by_time.first().copied()
    }

    /// Number of fields whose time lies before `now`.
    pub fn count_before(&self, now: i64) -> usize {
        match self.first() {
            Some((at, _)) if at < now => self.by_time.range(..(now, 0)).count(),
            _ => 0,
        }
    }

    /// About how many bytes the structure takes.
    pub fn heap_bytes(&self) -> usize {
        self.by_time.len() * PAIR_BYTES
    }
}
