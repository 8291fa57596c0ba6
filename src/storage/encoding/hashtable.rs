//! The hash table of everything: keyspace, expires, sets, hash fields, sorted-set members.
//!
//! ```text
//!  HashTable ── t[0] ──► │bucket│bucket│bucket│bucket│…      2^n cache lines of nine slots
//!            │              └──► child bucket               a bucket overflows into a chain
//!            └─ t[1] ──► │bucket│…                          the rehashing target
//! ```
//!
//! * A bucket (`bucket.rs`) holds nine 48-bit words and a tag byte for each: a lookup touches one
//!   cache line of the table and, with probability 254/255 a slot, no wrong element.
//! * The nominal size is eight elements a bucket, so tables grow and shrink at the very counts at
//!   which Redis' tables do, and `table_size()` says what Redis would say.
//! * Resizing is incremental: every mutable access moves one bucket. New arrays come zeroed from
//!   the system, old ones go back piece by piece, so there is no pause.
//! * `scan` has Redis' reverse-binary cursor with its guarantee: an element that is present from
//!   the first call to the last is reported at least once, whatever the resizing in between.
//! * An empty table owns no memory.
//!
//! What an element is, the trait [`Element`] says; the table owns its elements and frees them.
//!
//! Invariants: an element's hash never changes while it is in the table; while rehashing, buckets
//! of `t[0]` below `rehash_idx` are empty; not rehashing means `t[1]` has no array.
//!
//! JUSTIFICATION: 48-bit words and tag vectors need raw memory. PERFORMANCE.md 2.2 and 2.4: two
//! cache misses a lookup, about 10 bytes a key, 2.8x with prefetching (`prefetch_bucket`,
//! `prefetch_entry`); Redis needs three misses and 24 + 8..16 bytes.

mod bucket;
mod element;
mod iter;
mod relocate;
mod resize;
mod sample;
mod scan;
mod slot;
mod stats;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::ptr::null_mut;

use bucket::Bucket;
pub use bucket::prefetch_read;
pub use element::{Element, pointer_to_word, word_to_pointer};
pub use iter::Iter;
pub use resize::{ResizePolicy, resize_policy, set_memory_limit, set_resize_policy};
pub use slot::{SlotMut, TableEntry, VacantSlot};
pub use stats::TableStats;

/// Elements a bucket counts for in the nominal table size.
pub(crate) const ELEMENTS_PER_BUCKET: usize = 8;
/// Elements whose memory is asked for at a time: what a processor can wait for at once.
pub const PREFETCH_BATCH: usize = 16;
/// A table of fewer elements lies in the processor's cache: nothing is prefetched.
pub const PREFETCH_FROM: usize = 16 * 1024;
/// `rehash_idx` when no rehashing is under way.
const NOT_REHASHING: usize = usize::MAX;

/// One of the two bucket arrays. `buckets` is null and `exp` 0 when there is none.
struct Array {
    buckets: *mut Bucket,
    used: usize,
}

impl Array {
    const NONE: Array = Array { buckets: null_mut(), used: 0 };
}

/// See the module's documentation.
pub struct HashTable<E: Element> {
    t: [Array; 2],
    rehash_idx: usize,
    /// Child buckets alive in both arrays.
    children: usize,
    /// Each array has 2^exp buckets, if it has any.
    exp: [u8; 2],
    /// While above zero no step is made and no resizing begins.
    paused: u16,
    elements: PhantomData<E>,
}

// SAFETY: the table owns its elements; raw pointers only lead to memory that it owns alone.
unsafe impl<E: Element + Send> Send for HashTable<E> {}

/// Where an element stands.
#[derive(Clone, Copy)]
struct Position {
    /// The bucket that holds it.
    bucket: *mut Bucket,
    /// The first bucket of that chain.
    top: *mut Bucket,
    slot: usize,
    table: usize,
}

/// The tag of a hash: eight of its bits that the bucket index does not use, never zero.
#[inline(always)]
fn tag_of(hash: u64) -> u8 {
    let tag = (hash >> 56) as u8;
    tag + u8::from(tag == 0)
}

impl<E: Element> Default for HashTable<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: Element> HashTable<E> {
    /// An empty table, without any allocation.
    pub const fn new() -> Self {
        HashTable {
            t: [Array::NONE; 2],
            rehash_idx: NOT_REHASHING,
            children: 0,
            exp: [0; 2],
            paused: 0,
            elements: PhantomData,
        }
    }

    /// An empty table that takes `elements` without resizing.
    pub fn with_capacity(elements: usize) -> Self {
        let mut table = Self::new();
        table.reserve(elements);
        table
    }

    /// Number of elements.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.t[0].used + self.t[1].used
    }

    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    pub fn is_rehashing(&self) -> bool {
        self.rehash_idx != NOT_REHASHING
    }

    /// Number of buckets of array `table`.
    #[inline(always)]
    fn buckets(&self, table: usize) -> usize {
        if self.t[table].buckets.is_null() { 0 } else { 1 << self.exp[table] }
    }

    #[inline(always)]
    fn mask(&self, table: usize) -> usize {
        (1 << self.exp[table]) - 1
    }

    /// The bucket `idx` of array `table`; `idx` must be below `buckets(table)`.
    #[inline(always)]
    fn bucket(&self, table: usize, idx: usize) -> *mut Bucket {
        debug_assert!(idx < self.buckets(table));
        // SAFETY: in bounds of the array by the assertion, which all callers keep with the mask.
        unsafe { self.t[table].buckets.add(idx) }
    }

    /// Finds the element with this hash that satisfies `is_it`.
    #[inline(always)]
    fn locate(&self, hash: u64, mut is_it: impl FnMut(u64) -> bool) -> Option<Position> {
        if self.t[0].buckets.is_null() {
            return None;
        }
        let tag = tag_of(hash);
        let idx = hash as usize & self.mask(0);
        // Not rehashing is NOT_REHASHING, above every index.
        if !self.is_rehashing() || idx >= self.rehash_idx {
            let found = Self::locate_in_chain(self.bucket(0, idx), tag, &mut is_it, 0);
            if found.is_some() || !self.is_rehashing() {
                return found;
            }
        }
        let top = self.bucket(1, hash as usize & self.mask(1));
        Self::locate_in_chain(top, tag, &mut is_it, 1)
    }

    #[inline(always)]
    fn locate_in_chain(
        top: *mut Bucket,
        tag: u8,
        is_it: &mut impl FnMut(u64) -> bool,
        table: usize,
    ) -> Option<Position> {
        let mut bucket = top;
        loop {
            // SAFETY: `top` is in a live array and children of live buckets are live.
            let b = unsafe { &*bucket };
            let mut candidates = b.matches(tag);
            while candidates != 0 {
                let slot = candidates.trailing_zeros() as usize;
                if is_it(b.word(slot)) {
                    return Some(Position { bucket, top, slot, table });
                }
                candidates &= candidates - 1;
            }
            bucket = b.child()?;
        }
    }

    #[inline(always)]
    fn word_at(&self, at: Position) -> u64 {
        // SAFETY: positions are made by `locate` or `place` and used before the table changes.
        unsafe { (*at.bucket).word(at.slot) }
    }

    /// Finds an element by its key.
    #[inline]
    pub fn find(&self, key: E::Key<'_>) -> Option<E::Ref<'_>> {
        self.find_hashed(E::hash_key(key), key)
    }

    /// `find` with a hash computed before (`E::hash_key`).
    #[inline(always)]
    pub fn find_hashed(&self, hash: u64, key: E::Key<'_>) -> Option<E::Ref<'_>> {
        // SAFETY: words in the table are live elements.
        let at = self.locate(hash, |word| unsafe { E::matches(word, key) })?;
        // SAFETY: as above; the shared borrow of the table keeps the element in place.
        Some(unsafe { E::view(self.word_at(at)) })
    }

    #[inline]
    pub fn contains(&self, key: E::Key<'_>) -> bool {
        self.find(key).is_some()
    }

    /// Finds an element to change it; also makes a rehashing step.
    #[inline]
    pub fn find_mut(&mut self, key: E::Key<'_>) -> Option<SlotMut<'_, E>> {
        self.find_mut_hashed(E::hash_key(key), key)
    }

    /// `find_mut` with a hash computed before.
    #[inline(always)]
    pub fn find_mut_hashed(&mut self, hash: u64, key: E::Key<'_>) -> Option<SlotMut<'_, E>> {
        self.rehash_step();
        // SAFETY: words in the table are live elements.
        let at = self.locate(hash, |word| unsafe { E::matches(word, key) })?;
        Some(SlotMut::new(self, at))
    }

    /// Looks a key up once, to change what is there or to insert.
    #[inline]
    pub fn entry(&mut self, key: E::Key<'_>) -> TableEntry<'_, E> {
        self.entry_hashed(E::hash_key(key), key)
    }

    /// `entry` with a hash computed before.
    #[inline(always)]
    pub fn entry_hashed(&mut self, hash: u64, key: E::Key<'_>) -> TableEntry<'_, E> {
        self.rehash_step();
        // SAFETY: words in the table are live elements.
        match self.locate(hash, |word| unsafe { E::matches(word, key) }) {
            Some(at) => TableEntry::Occupied(SlotMut::new(self, at)),
            None => TableEntry::Vacant(VacantSlot::new(self, hash)),
        }
    }

    /// Inserts an element whose key is not in the table.
    pub fn insert_unique(&mut self, element: E) -> SlotMut<'_, E> {
        let word = element.into_word();
        // SAFETY: `word` is the element just given.
        let hash = unsafe { E::hash_word(word) };
        self.insert_word(hash, word)
    }

    /// `insert_unique` with the element's hash computed before.
    #[inline]
    pub fn insert_unique_hashed(&mut self, hash: u64, element: E) -> SlotMut<'_, E> {
        self.insert_word(hash, element.into_word())
    }

    #[inline]
    fn insert_word(&mut self, hash: u64, word: u64) -> SlotMut<'_, E> {
        // SAFETY: `word` is a live element given by the caller.
        debug_assert_eq!(hash, unsafe { E::hash_word(word) });
        self.rehash_step();
        self.expand_if_needed();
        let table = usize::from(self.is_rehashing());
        let at = self.place(table, hash, word);
        SlotMut::new(self, at)
    }

    /// Puts a word into its bucket of array `table`, chaining a new bucket if that is full.
    #[inline(always)]
    fn place(&mut self, table: usize, hash: u64, word: u64) -> Position {
        let top = self.bucket(table, hash as usize & self.mask(table));
        self.place_in_chain(table, top, tag_of(hash), word)
    }

    #[inline(always)]
    fn place_in_chain(&mut self, table: usize, top: *mut Bucket, tag: u8, word: u64) -> Position {
        self.t[table].used += 1;
        let mut bucket = top;
        loop {
            // SAFETY: `top` is in a live array; children of live buckets are live; the table is
            // borrowed mutably, so nothing else refers to them.
            let b = unsafe { &mut *bucket };
            if let Some(slot) = b.free_slot() {
                b.fill(slot, tag, word);
                return Position { bucket, top, slot, table };
            }
            bucket = match b.child() {
                Some(child) => child,
                None => self.add_child(bucket),
            };
        }
    }

    #[cold]
    fn add_child(&mut self, full: *mut Bucket) -> *mut Bucket {
        let child = resize::alloc_buckets(1);
        self.children += 1;
        // SAFETY: `full` is a live bucket of this table and `child` a fresh one.
        unsafe { (*full).chain(child, &mut *child) };
        child
    }

    /// Takes an element out.
    #[inline]
    pub fn remove(&mut self, key: E::Key<'_>) -> Option<E> {
        self.remove_hashed(E::hash_key(key), key)
    }

    /// `remove` with a hash computed before.
    #[inline]
    pub fn remove_hashed(&mut self, hash: u64, key: E::Key<'_>) -> Option<E> {
        self.rehash_step();
        // SAFETY: words in the table are live elements.
        let at = self.locate(hash, |word| unsafe { E::matches(word, key) })?;
        Some(self.take(at))
    }

    /// Takes the element out whose word is `word`, comparing words instead of keys: the element
    /// itself is not looked at. Returns whether it was there.
    pub fn remove_word(&mut self, hash: u64, word: u64) -> Option<E> {
        let at = self.locate(hash, |w| w == word)?;
        Some(self.take(at))
    }

    /// Puts `new` in the place of the element whose word is `old`, without looking at either and
    /// without resizing. Gives `new` back if `old` is not in the table.
    pub fn replace_word(&mut self, hash: u64, old: u64, new: E) -> Result<E, E> {
        let Some(at) = self.locate(hash, |w| w == old) else {
            return Err(new);
        };
        // SAFETY: a position just found; the element moves out to the caller.
        unsafe {
            (*at.bucket).replace(at.slot, new.into_word());
            Ok(E::from_word(old))
        }
    }

    fn take(&mut self, at: Position) -> E {
        let word = self.word_at(at);
        self.erase(at);
        self.shrink_if_needed();
        // SAFETY: the word is out of the table, so its ownership passes to the caller.
        unsafe { E::from_word(word) }
    }

    /// Empties a slot; a chain stays dense by moving its last element into the hole.
    fn erase(&mut self, at: Position) {
        self.t[at.table].used -= 1;
        // SAFETY: all buckets reached are live and, the table being borrowed mutably, only ours.
        // `top`, `parent` and `last` are dereferenced one at a time.
        unsafe {
            let Some(mut last) = (*at.top).child() else {
                (*at.bucket).clear(at.slot);
                return;
            };
            let mut parent = at.top;
            while let Some(next) = (*last).child() {
                (parent, last) = (last, next);
            }
            let end = 31 - (*last).occupied().leading_zeros() as usize;
            let (tag, word) = ((*last).tag(end), (*last).word(end));
            (*last).clear(end);
            if (last, end) != (at.bucket, at.slot) {
                (*at.bucket).clear(at.slot);
                (*at.bucket).fill(at.slot, tag, word);
            }
            let left = (*last).occupied();
            if left.count_ones() == 1 {
                let slot = left.trailing_zeros() as usize;
                let (tag, word) = ((*last).tag(slot), (*last).word(slot));
                (*parent).unchain(tag, word);
                resize::free_buckets(last, 1);
                self.children -= 1;
            }
        }
    }

    /// Drops all elements and gives all memory back.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Asks for the bucket of this hash to be brought into the cache.
    #[inline(always)]
    pub fn prefetch_bucket(&self, hash: u64) {
        for table in 0..=usize::from(self.is_rehashing()) {
            let base = self.t[table].buckets;
            prefetch_read(base.wrapping_add(hash as usize & self.mask(table)).cast());
        }
    }

    /// Asks for the elements with this hash; the bucket should be in the cache by now.
    #[inline(always)]
    pub fn prefetch_entry(&self, hash: u64) {
        for table in 0..=usize::from(self.is_rehashing()) {
            if self.t[table].buckets.is_null() {
                return;
            }
            let bucket = self.bucket(table, hash as usize & self.mask(table));
            // SAFETY: a bucket of a live array.
            let b = unsafe { &*bucket };
            let mut candidates = b.matches(tag_of(hash));
            while candidates != 0 {
                E::prefetch(b.word(candidates.trailing_zeros() as usize));
                candidates &= candidates - 1;
            }
        }
    }
}

/// A table whose elements are found by bytes, whatever they are.
pub trait AnyTable {
    /// Asks for the bucket of an element. Returns the hash.
    fn prefetch_bucket_of(&self, key: &[u8]) -> u64;
    /// Asks for what the bucket leads to; see [`HashTable::prefetch_entry`].
    fn prefetch_element(&self, hash: u64);
    /// The processor's cache has no room for all of it.
    fn is_large(&self) -> bool;
    /// Asks for all that lies on the way to the elements, at most [`PREFETCH_BATCH`]; nothing if
    /// the table is not large.
    fn prefetch_all(&self, keys: &mut dyn Iterator<Item = &[u8]>);
    /// The report of DEBUG HTSTATS-KEY.
    fn stats_text(&self, full: bool) -> String;
}

impl<E: Element> AnyTable for HashTable<E>
where
    for<'k> E::Key<'k>: From<&'k [u8]>,
{
    fn prefetch_bucket_of(&self, key: &[u8]) -> u64 {
        let hash = E::hash_key(key.into());
        self.prefetch_bucket(hash);
        hash
    }

    fn prefetch_element(&self, hash: u64) {
        self.prefetch_entry(hash);
    }

    fn is_large(&self) -> bool {
        self.len() >= PREFETCH_FROM
    }

    fn prefetch_all(&self, keys: &mut dyn Iterator<Item = &[u8]>) {
        if !self.is_large() {
            return;
        }
        let mut asked = [None; PREFETCH_BATCH];
        for (slot, key) in asked.iter_mut().zip(keys) {
            *slot = Some(self.prefetch_bucket_of(key));
        }
        asked.into_iter().flatten().for_each(|hash| self.prefetch_entry(hash));
    }

    fn stats_text(&self, full: bool) -> String {
        HashTable::stats_text(self, full)
    }
}

impl<E: Element> Drop for HashTable<E> {
    fn drop(&mut self) {
        for table in 0..2 {
            self.free_array(table);
        }
    }
}
