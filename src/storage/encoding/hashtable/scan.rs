//! Stateless scanning.
//!
//! The cursor counts bucket indices with their bits reversed: the high bits of the index advance
//! first. When the table grows, the buckets into which a visited one splits are exactly those that
//! the cursor has passed; when it shrinks, a bucket is at worst visited again. (Pieter Noordhuis'
//! algorithm, as in Redis.)
//!
//! JUSTIFICATION: see `hashtable.rs`: buckets are reached by raw pointers.

use super::bucket::Bucket;
use super::{Element, HashTable};

/// Advances the bits of `cursor` that `mask` covers, reversed.
#[inline]
fn next_cursor(cursor: u64, mask: u64) -> u64 {
    (cursor | !mask).reverse_bits().wrapping_add(1).reverse_bits()
}

impl<E: Element> HashTable<E> {
    /// Reports the elements of the next bucket (or of the bucket and its expansions, while
    /// rehashing) and returns the next cursor; 0 begins and ends a full scan. Elements may be
    /// reported more than once over a whole scan.
    pub fn scan<'a>(&'a self, cursor: u64, mut report: impl FnMut(E::Ref<'a>)) -> u64 {
        self.scan_chains(cursor, |table, top| table.visit_chain(top, &mut report))
    }

    /// Calls `visit` for each chain that belongs to `cursor`.
    pub(super) fn scan_chains<'a>(
        &'a self,
        mut cursor: u64,
        mut visit: impl FnMut(&'a Self, *mut Bucket),
    ) -> u64 {
        if self.is_empty() {
            return 0;
        }
        if !self.is_rehashing() {
            let mask = self.mask(0) as u64;
            visit(self, self.bucket(0, (cursor & mask) as usize));
            return next_cursor(cursor, mask);
        }
        let (small, large) = if self.exp[0] <= self.exp[1] { (0, 1) } else { (1, 0) };
        let (mask_small, mask_large) = (self.mask(small) as u64, self.mask(large) as u64);
        visit(self, self.bucket(small, (cursor & mask_small) as usize));
        // All indices of the larger array that the small bucket expands to: count in the bits by
        // which the masks differ until they wrap.
        loop {
            visit(self, self.bucket(large, (cursor & mask_large) as usize));
            cursor = next_cursor(cursor, mask_large);
            if cursor & (mask_small ^ mask_large) == 0 {
                return cursor;
            }
        }
    }

    /// Reports all elements of one chain.
    #[inline]
    pub(super) fn visit_chain<'a>(&'a self, top: *mut Bucket, report: &mut impl FnMut(E::Ref<'a>)) {
        let mut bucket = Some(top);
        while let Some(current) = bucket {
            // SAFETY: a live chain; the table is borrowed for 'a.
            let b = unsafe { &*current };
            let mut occupied = b.occupied();
            while occupied != 0 {
                // SAFETY: an occupied slot holds a live element, which stays for 'a.
                report(unsafe { E::view(b.word(occupied.trailing_zeros() as usize)) });
                occupied &= occupied - 1;
            }
            bucket = b.child();
        }
    }
}
