//! Moving an entry and its value for active defragmentation.
//!
//! Invariant: what moves an entry is only done by who tells the tables that hold its address.
//!
//! JUSTIFICATION: see `entry.rs`: an entry is a raw block.

use super::shape::layout;
use super::{Entry, StrMut};
use crate::storage::encoding::relocate::{Mover, Relocate};
use crate::storage::object::ValueMut;

impl Entry {
    /// Moves the block itself, if that is worth it. Whether it did, the address tells.
    pub(in crate::storage) fn relocate_block(&mut self, mover: &mut Mover) {
        let layout = layout(self.as_ref().shape().total());
        // SAFETY: the block has this layout; whoever else knows the address is told by the caller.
        self.0 = unsafe { mover.block(self.0, layout) }.unwrap_or(self.0);
    }
}

/// Of the value alone: the block stays.
impl Relocate for Entry {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        match self.as_mut().into_value_mut() {
            ValueMut::Str(StrMut::Raw(string)) => {
                string.relocate(mover);
                0
            }
            ValueMut::Str(_) => 0,
            ValueMut::List(list) => list.relocate(cursor, mover),
            ValueMut::Set(set) => set.relocate(cursor, mover),
            ValueMut::ZSet(zset) => zset.relocate(cursor, mover),
            ValueMut::Hash(hash) => hash.relocate(cursor, mover),
            ValueMut::Stream(stream) => stream.relocate(cursor, mover),
        }
    }
}
