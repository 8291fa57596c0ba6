//! Growing, shrinking, and moving buckets from one array to the other.
//!
//! Invariant: no single call moves more than a bounded number of buckets; a bucket that was moved
//! stays empty until its array is freed.
//!
//! JUSTIFICATION: see `hashtable.rs`: buckets are allocated zeroed and moved raw.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::{Array, ELEMENTS_PER_BUCKET, Element, HashTable, NOT_REHASHING};
use crate::sys::malloc;

/// Whether tables may resize. Redis' `dict_can_resize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResizePolicy {
    Enable,
    /// While a child saves: moving elements would copy its pages, so only grow at `FORCE_RATIO`.
    Avoid,
    Forbid,
}

/// Elements per nominal slot at which a table grows even under `Avoid`.
const FORCE_RATIO: usize = 4;
/// A table shrinks when it is filled to 1 / this.
const MIN_FILL: usize = 8;
/// Empty buckets that one step may skip for each bucket it should move.
const EMPTY_VISITS: usize = 10;
/// Buckets that are moved between two looks at the clock.
const BUCKETS_PER_TIME_CHECK: usize = 16;
/// Old arrays of at least this many bytes are given back piece by piece while they empty, ...
const DISCARD_MIN_BYTES: usize = 4 << 20;
/// ... in pieces of this size: freeing 128 MB at once would take several milliseconds.
const DISCARD_PIECE_BYTES: usize = 256 << 10;

/// Elements per 1000 nominal slots above which a table grows even if memory gets short.
const CROWDED: usize = 1618;

thread_local! {
    // The keyspace lives on one thread; a thread-local is a global that needs no atomics.
    static POLICY: Cell<ResizePolicy> = const { Cell::new(ResizePolicy::Enable) };
    /// 0 = none.
    static MEMORY_LIMIT: Cell<usize> = const { Cell::new(0) };
}

/// Bytes of used memory that the tables of this thread should not exceed by growing: elements may
/// be evicted for a bigger array otherwise. 0 = no limit. They do grow when they are crowded.
pub fn set_memory_limit(bytes: usize) {
    MEMORY_LIMIT.with(|limit| limit.set(bytes));
}

fn exceeds_memory_limit(more: usize) -> bool {
    let limit = MEMORY_LIMIT.with(|limit| limit.get());
    limit != 0 && malloc::used_memory().saturating_add(more) > limit
}

/// Sets the policy of all tables that this thread changes.
pub fn set_resize_policy(policy: ResizePolicy) {
    POLICY.with(|p| p.set(policy));
}

/// The policy of this thread.
#[inline]
pub fn resize_policy() -> ResizePolicy {
    POLICY.with(|p| p.get())
}

pub(super) fn layout(buckets: usize) -> Layout {
    Layout::array::<Bucket>(buckets).expect("a bucket array below the address space")
}

/// Zeroed, that is empty, buckets.
pub(super) fn alloc_buckets(buckets: usize) -> *mut Bucket {
    let layout = layout(buckets);
    // SAFETY: the layout is not empty.
    let ptr = unsafe { alloc_zeroed(layout) };
    if ptr.is_null() {
        handle_alloc_error(layout);
    }
    ptr.cast()
}

/// # Safety
/// `ptr` came from `alloc_buckets(buckets)` and is not used again.
pub(super) unsafe fn free_buckets(ptr: *mut Bucket, buckets: usize) {
    // SAFETY: by the contract.
    unsafe { dealloc(ptr.cast(), layout(buckets)) }
}

/// Bytes that an array of so many buckets occupies.
pub(super) fn array_bytes(buckets: usize) -> usize {
    if buckets == 0 { 0 } else { malloc::usable_size(buckets * size_of::<Bucket>()) }
}

/// Buckets for a nominal size of at least `elements`.
fn buckets_for(elements: usize) -> usize {
    elements.div_ceil(ELEMENTS_PER_BUCKET).max(1).next_power_of_two()
}

impl<E: Element> HashTable<E> {
    /// Makes room for `elements` in all, as a loader that knows their number does. Does nothing
    /// while rehashing or if there is room already.
    pub fn reserve(&mut self, elements: usize) {
        if elements == 0 || self.is_rehashing() {
            return;
        }
        let buckets = buckets_for(elements);
        if buckets > self.buckets(0) {
            self.resize_to(buckets);
        }
    }

    /// Grows if the next insertion needs it. Returns whether resizing began.
    #[inline(always)]
    pub fn expand_if_needed(&mut self) -> bool {
        if self.t[0].used < self.buckets(0) * ELEMENTS_PER_BUCKET {
            return false;
        }
        self.expand()
    }

    /// Grows a table that could not grow when it should have. Returns whether resizing began.
    pub fn expand_if_overfull(&mut self) -> bool {
        self.t[0].used > self.buckets(0) * ELEMENTS_PER_BUCKET && self.expand()
    }

    #[cold]
    fn expand(&mut self) -> bool {
        let size = self.buckets(0) * ELEMENTS_PER_BUCKET;
        let used = self.t[0].used;
        if size != 0 {
            if self.is_rehashing() || self.paused != 0 {
                return false;
            }
            let forced = used >= size * FORCE_RATIO;
            match resize_policy() {
                ResizePolicy::Enable => {}
                ResizePolicy::Avoid if forced => {}
                ResizePolicy::Avoid | ResizePolicy::Forbid => return false,
            }
        }
        let buckets = buckets_for(used + 1);
        let crowded = used * 1000 > size * CROWDED;
        if size != 0 && !crowded && exceeds_memory_limit(buckets * size_of::<Bucket>()) {
            return false;
        }
        self.resize_to(buckets);
        true
    }

    /// Shrinks if the table is nearly empty for its size. Returns whether resizing began.
    #[inline]
    pub fn shrink_if_needed(&mut self) -> bool {
        let size = self.buckets(0) * ELEMENTS_PER_BUCKET;
        if size <= ELEMENTS_PER_BUCKET || self.t[0].used * MIN_FILL > size {
            return false;
        }
        if self.is_rehashing() || self.paused != 0 || resize_policy() != ResizePolicy::Enable {
            return false;
        }
        self.resize_to(buckets_for(self.t[0].used));
        true
    }

    fn resize_to(&mut self, buckets: usize) {
        debug_assert!(!self.is_rehashing() && buckets.is_power_of_two());
        if buckets == self.buckets(0) {
            return;
        }
        let array = Array { buckets: alloc_buckets(buckets), used: 0 };
        let exp = buckets.trailing_zeros() as u8;
        if self.t[0].used == 0 {
            self.free_array(0);
            (self.t[0], self.exp[0]) = (array, exp);
        } else {
            (self.t[1], self.exp[1]) = (array, exp);
            self.rehash_idx = 0;
        }
    }

    /// Stops rehashing steps and resizing until as many calls of `resume_rehash`.
    pub fn pause_rehash(&mut self) {
        self.paused += 1;
    }

    pub fn resume_rehash(&mut self) {
        self.paused = self.paused.checked_sub(1).expect("one pause for each resume");
    }

    /// The step that every mutable access makes.
    #[inline(always)]
    pub(super) fn rehash_step(&mut self) {
        if self.is_rehashing() && self.paused == 0 {
            self.rehash_buckets(1);
        }
    }

    /// Moves up to `n` buckets. Returns whether there is more to move.
    #[cold]
    pub fn rehash_buckets(&mut self, n: usize) -> bool {
        if !self.is_rehashing() || self.paused != 0 || !self.may_rehash() {
            return false;
        }
        let mut empty_visits = n * EMPTY_VISITS;
        let mut left = n;
        while left > 0 && self.t[0].used > 0 {
            let idx = self.rehash_idx;
            self.rehash_idx += 1;
            // SAFETY: elements remain in t[0], so idx is within it.
            let empty = unsafe { (*self.bucket(0, idx)).occupied() } == 0;
            if empty {
                empty_visits -= 1;
                if empty_visits == 0 {
                    break;
                }
            } else {
                left -= 1;
                self.move_bucket(idx);
            }
            self.discard_moved();
        }
        if self.t[0].used == 0 {
            self.finish_rehash();
            return false;
        }
        true
    }

    /// Moves buckets for about `limit`. Returns whether there is more to move.
    pub fn rehash_for(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while self.rehash_buckets(BUCKETS_PER_TIME_CHECK) {
            if start.elapsed() >= limit {
                return true;
            }
        }
        false
    }

    fn may_rehash(&self) -> bool {
        match resize_policy() {
            ResizePolicy::Enable => true,
            ResizePolicy::Forbid => false,
            // A move that was forced by need goes on, and one out of a table that is nearly empty
            // touches little.
            ResizePolicy::Avoid => {
                self.buckets(1) >= FORCE_RATIO * self.buckets(0)
                    || self.buckets(0) >= MIN_FILL * FORCE_RATIO * self.buckets(1)
            }
        }
    }

    fn move_bucket(&mut self, idx: usize) {
        let top = self.bucket(0, idx);
        self.prefetch_chain(top);
        let mut bucket = Some(top);
        while let Some(current) = bucket {
            // SAFETY: a live chain of t[0]; its words move to t[1], which is another array.
            let (mut occupied, next) = unsafe { ((*current).occupied(), (*current).child()) };
            while occupied != 0 {
                let slot = occupied.trailing_zeros() as usize;
                occupied &= occupied - 1;
                // SAFETY: an occupied slot holds a live element.
                let (word, hash) = unsafe {
                    let word = (*current).word(slot);
                    (word, E::hash_word(word))
                };
                self.t[0].used -= 1;
                self.place(1, hash, word);
            }
            if current != top {
                // SAFETY: a child of t[0], emptied and not reachable once `top` is emptied.
                unsafe { free_buckets(current, 1) };
                self.children -= 1;
            }
            bucket = next;
        }
        // SAFETY: `top` is in t[0].
        unsafe { (*top).make_empty() };
        if idx + 1 < self.buckets(0) {
            self.prefetch_chain(self.bucket(0, idx + 1));
        }
    }

    /// Asks for the elements of a chain, which the next step will hash.
    pub(super) fn prefetch_chain(&self, top: *mut Bucket) {
        let mut bucket = Some(top);
        while let Some(current) = bucket {
            // SAFETY: a live chain of this table.
            let b = unsafe { &*current };
            let mut occupied = b.occupied();
            while occupied != 0 {
                E::prefetch(b.word(occupied.trailing_zeros() as usize));
                occupied &= occupied - 1;
            }
            bucket = b.child();
        }
    }

    /// Gives the last moved piece of a big old array back to the system.
    #[inline]
    fn discard_moved(&mut self) {
        const PIECE: usize = DISCARD_PIECE_BYTES / size_of::<Bucket>();
        let end = self.rehash_idx;
        if end.is_multiple_of(PIECE) && self.buckets(0) * size_of::<Bucket>() >= DISCARD_MIN_BYTES {
            // SAFETY: buckets below rehash_idx are empty; zero pages are empty buckets, too.
            unsafe {
                malloc::discard(self.bucket(0, end - PIECE).cast(), DISCARD_PIECE_BYTES);
            }
        }
    }

    fn finish_rehash(&mut self) {
        debug_assert!(self.t[0].used == 0);
        // SAFETY: t[0] holds nothing, neither elements nor children.
        unsafe { free_buckets(self.t[0].buckets, self.buckets(0)) };
        self.t[0] = std::mem::replace(&mut self.t[1], Array::NONE);
        (self.exp[0], self.exp[1]) = (self.exp[1], 0);
        self.rehash_idx = NOT_REHASHING;
    }

    /// Drops the elements of one array, its children, and the array.
    pub(super) fn free_array(&mut self, table: usize) {
        let buckets = self.buckets(table);
        let from = if table == 0 && self.is_rehashing() { self.rehash_idx } else { 0 };
        // Nothing to walk for: no elements to drop and no children to free.
        if self.t[table].used > 0 && (std::mem::needs_drop::<E>() || self.children > 0) {
            for idx in from..buckets {
                if std::mem::needs_drop::<E>() && idx + 1 < buckets {
                    self.prefetch_chain(self.bucket(table, idx + 1));
                }
                self.free_chain(self.bucket(table, idx));
            }
        }
        if buckets > 0 {
            // SAFETY: emptied above.
            unsafe { free_buckets(self.t[table].buckets, buckets) };
        }
        self.t[table] = Array::NONE;
        self.exp[table] = 0;
    }

    fn free_chain(&mut self, top: *mut Bucket) {
        let mut bucket = Some(top);
        while let Some(current) = bucket {
            // SAFETY: a live chain of an array that is being freed; every word is taken once.
            unsafe {
                if std::mem::needs_drop::<E>() {
                    let mut occupied = (*current).occupied();
                    while occupied != 0 {
                        drop(E::from_word((*current).word(occupied.trailing_zeros() as usize)));
                        occupied &= occupied - 1;
                    }
                }
                bucket = (*current).child();
                if current != top {
                    free_buckets(current, 1);
                    self.children -= 1;
                }
            }
        }
    }
}
