//! Moving arrays, child buckets and elements for active defragmentation.
//!
//! Invariant: no count and no place in the table changes, only addresses; so SCAN's cursors stay
//! what they are.
//!
//! JUSTIFICATION: see `hashtable.rs`: buckets are reached by raw pointers.

use std::ptr::NonNull;

use super::bucket::Bucket;
use super::resize::layout;
use super::slot::AbortOnUnwind;
use super::{Element, HashTable};
use crate::storage::encoding::relocate::Mover;

impl<E: Element> HashTable<E> {
    /// Moves the bucket arrays.
    pub fn relocate_arrays(&mut self, mover: &mut Mover) {
        for table in 0..2 {
            let buckets = self.buckets(table);
            if let Some(array) = NonNull::new(self.t[table].buckets) {
                // SAFETY: a live array of so many buckets; only `t` leads to it, which is told.
                let moved = unsafe { mover.block(array.cast(), layout(buckets)) };
                self.t[table].buckets = moved.map_or(array, NonNull::cast).as_ptr();
            }
        }
    }

    /// Moves the child buckets that belong to a cursor of [`HashTable::scan`], and lets `change`
    /// take each element there and give it, or another with an equal key, back. Gives the next
    /// cursor; with the first one (0) the arrays are moved, too.
    pub fn relocate_step(
        &mut self,
        cursor: u64,
        mover: &mut Mover,
        mut change: impl FnMut(E, &mut Mover) -> E,
    ) -> u64 {
        if cursor == 0 {
            self.relocate_arrays(mover);
        }
        self.scan_chains(cursor, |table, top| {
            table.prefetch_chain(top);
            // SAFETY: a live chain of a table that is borrowed mutably by this function.
            unsafe { Self::relocate_chain(top, mover, &mut change) };
        })
    }

    /// # Safety
    /// `top` begins a live chain of a table that nothing else uses.
    unsafe fn relocate_chain(
        top: *mut Bucket,
        mover: &mut Mover,
        change: &mut impl FnMut(E, &mut Mover) -> E,
    ) {
        // A panic in `change` would leave a dead word in the table.
        let bomb = AbortOnUnwind;
        let mut bucket = Some(top);
        while let Some(current) = bucket {
            // SAFETY: a live bucket that nothing else refers to; `change` does not reach the table.
            let b = unsafe { &mut *current };
            if let Some(child) = b.child().and_then(NonNull::new) {
                // SAFETY: an array of one bucket; only its parent leads to it, which is told.
                if let Some(moved) = unsafe { mover.block(child.cast(), layout(1)) } {
                    b.set_child(moved.cast().as_ptr());
                }
            }
            let mut occupied = b.occupied();
            while occupied != 0 {
                let slot = occupied.trailing_zeros() as usize;
                occupied &= occupied - 1;
                mover.scanned += 1;
                // SAFETY: an occupied slot holds an element, owned by `change` until the new word
                // stands in its place.
                let element = unsafe { E::from_word(b.word(slot)) };
                let word = change(element, mover).into_word();
                if word != b.word(slot) {
                    b.replace(slot, word);
                }
            }
            bucket = b.child();
        }
        std::mem::forget(bomb);
    }
}
