//! Walking over all elements of a borrowed table, in bucket order.
//!
//! The borrow keeps the table unchanged, so no safety counter or fingerprint is needed. Two buckets
//! ahead of the walk the elements are prefetched, which makes KEYS and saving memory-bound walks
//! instead of a chain of misses.
//!
//! JUSTIFICATION: see `hashtable.rs`: buckets are reached by raw pointers.

use std::marker::PhantomData;

use super::bucket::{Bucket, prefetch_read};
use super::resize::free_buckets;
use super::{Element, HashTable};

/// Iterator over the elements of a table.
pub struct Iter<'a, E: Element> {
    table: &'a HashTable<E>,
    /// Which array, and the next bucket of it.
    array: usize,
    next: usize,
    bucket: Option<*mut Bucket>,
    occupied: u32,
    left: usize,
    items: PhantomData<E::Ref<'a>>,
}

impl<E: Element> HashTable<E> {
    pub fn iter(&self) -> Iter<'_, E> {
        let next = if self.is_rehashing() { self.rehash_idx } else { 0 };
        Iter {
            table: self,
            array: 0,
            next,
            bucket: None,
            occupied: 0,
            left: self.len(),
            items: PhantomData,
        }
    }

    /// Keeps the elements for which `keep` says so; the others are dropped.
    pub fn retain(&mut self, mut keep: impl FnMut(E::Mut<'_>) -> bool) {
        let mut words = Vec::new();
        for table in 0..2 {
            let moved = if table == 0 && self.is_rehashing() { self.rehash_idx } else { 0 };
            for idx in moved..self.buckets(table) {
                let top = self.bucket(table, idx);
                self.take_chain(table, top, &mut words);
                for (tag, word) in words.drain(..) {
                    // SAFETY: a live element that is in no bucket now.
                    if unsafe { keep(E::view_mut(word)) } {
                        self.place_in_chain(table, top, tag, word);
                    } else {
                        // SAFETY: as above; it is used for the last time.
                        drop(unsafe { E::from_word(word) });
                    }
                }
            }
        }
        self.shrink_if_needed();
    }

    /// Empties a chain into `words`, as tags and words.
    fn take_chain(&mut self, table: usize, top: *mut Bucket, words: &mut Vec<(u8, u64)>) {
        let mut bucket = Some(top);
        while let Some(current) = bucket {
            // SAFETY: a live chain of this table, which is borrowed mutably; a child is freed
            // after its last use, and `top`, which leads to it, is emptied below.
            unsafe {
                let mut occupied = (*current).occupied();
                while occupied != 0 {
                    let slot = occupied.trailing_zeros() as usize;
                    words.push(((*current).tag(slot), (*current).word(slot)));
                    occupied &= occupied - 1;
                }
                bucket = (*current).child();
                if current != top {
                    free_buckets(current, 1);
                    self.children -= 1;
                }
            }
        }
        // SAFETY: a live bucket.
        unsafe { (*top).make_empty() };
        self.t[table].used -= words.len();
    }
}

impl<'a, E: Element> Iter<'a, E> {
    /// Moves to the next bucket of the chain or the array that has elements.
    fn advance(&mut self) -> Option<()> {
        loop {
            // SAFETY: buckets of a borrowed table are live.
            self.bucket = match self.bucket.and_then(|b| unsafe { (*b).child() }) {
                Some(child) => Some(child),
                None => Some(self.next_top()?),
            };
            // SAFETY: as above.
            self.occupied = self.bucket.map_or(0, |b| unsafe { (*b).occupied() });
            if self.occupied != 0 {
                return Some(());
            }
        }
    }

    fn next_top(&mut self) -> Option<*mut Bucket> {
        while self.next >= self.table.buckets(self.array) {
            if self.array == 1 {
                return None;
            }
            (self.array, self.next) = (1, 0);
        }
        let idx = self.next;
        self.next += 1;
        let buckets = self.table.buckets(self.array);
        if idx + 4 < buckets {
            prefetch_read(self.table.bucket(self.array, idx + 4).cast());
        }
        if idx + 2 < buckets {
            self.table.prefetch_chain(self.table.bucket(self.array, idx + 2));
        }
        Some(self.table.bucket(self.array, idx))
    }
}

impl<'a, E: Element> Iterator for Iter<'a, E> {
    type Item = E::Ref<'a>;

    #[inline]
    fn next(&mut self) -> Option<E::Ref<'a>> {
        if self.occupied == 0 {
            if self.left == 0 {
                return None;
            }
            self.advance()?;
        }
        let slot = self.occupied.trailing_zeros() as usize;
        self.occupied &= self.occupied - 1;
        self.left -= 1;
        let bucket = self.bucket.expect("advance() found an occupied bucket");
        // SAFETY: an occupied slot of a table that is borrowed for 'a.
        Some(unsafe { E::view((*bucket).word(slot)) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<E: Element> ExactSizeIterator for Iter<'_, E> {}
