//! Random elements.
//!
//! Invariant: an element is returned whenever there is one, after a bounded number of fair tries.
//!
//! JUSTIFICATION: see `hashtable.rs`: buckets are reached by raw pointers.

use super::bucket::Bucket;
use super::{Element, HashTable};

/// Least number of places assumed in a chain when choosing fairly.
const FAIR_PLACES: usize = 18;
/// Fair tries before the plain way takes over (sparse tables that may not shrink now).
const FAIR_TRIES: usize = 64;
/// Sampled buckets per wanted element before giving up.
const SAMPLE_STEPS: usize = 10;
/// After so many empty buckets in a row sampling jumps elsewhere.
const SAMPLE_EMPTY_RUN: usize = 5;

impl<E: Element> HashTable<E> {
    /// Number of buckets that can hold elements: moved ones of the old array cannot.
    fn live_buckets(&self) -> usize {
        let moved = if self.is_rehashing() { self.rehash_idx } else { 0 };
        self.buckets(0) + self.buckets(1) - moved
    }

    /// The `n`-th of the live buckets.
    fn live_bucket(&self, n: usize) -> *mut Bucket {
        let moved = if self.is_rehashing() { self.rehash_idx } else { 0 };
        let first = self.buckets(0) - moved;
        if n < first { self.bucket(0, moved + n) } else { self.bucket(1, n - first) }
    }

    fn chain_len(top: *mut Bucket) -> usize {
        let (mut count, mut bucket) = (0, Some(top));
        while let Some(current) = bucket {
            // SAFETY: a live chain of a borrowed table.
            let b = unsafe { &*current };
            count += b.occupied().count_ones() as usize;
            bucket = b.child();
        }
        count
    }

    /// The `n`-th element of a chain that has more than `n`.
    fn nth_in_chain<'a>(&'a self, top: *mut Bucket, mut n: usize) -> Option<E::Ref<'a>> {
        let mut bucket = Some(top);
        while let Some(current) = bucket {
            // SAFETY: a live chain of a table borrowed for 'a.
            let b = unsafe { &*current };
            let mut occupied = b.occupied();
            while occupied != 0 {
                if n == 0 {
                    // SAFETY: an occupied slot, as above.
                    return Some(unsafe { E::view(b.word(occupied.trailing_zeros() as usize)) });
                }
                n -= 1;
                occupied &= occupied - 1;
            }
            bucket = b.child();
        }
        None
    }

    /// Some element, quickly: those in thinly filled buckets come more often.
    pub fn random(&self) -> Option<E::Ref<'_>> {
        if self.is_empty() {
            return None;
        }
        let buckets = self.live_buckets();
        loop {
            let top = self.live_bucket(fastrand::usize(..buckets));
            let len = Self::chain_len(top);
            if len > 0 {
                return self.nth_in_chain(top, fastrand::usize(..len));
            }
        }
    }

    /// An element, each with the same probability: a bucket and a place in it are drawn together,
    /// and an empty place is drawn again.
    pub fn fair_random(&self) -> Option<E::Ref<'_>> {
        if self.is_empty() {
            return None;
        }
        let buckets = self.live_buckets();
        let places = FAIR_PLACES.max(3 * self.densest());
        for _ in 0..FAIR_TRIES {
            let top = self.live_bucket(fastrand::usize(..buckets));
            let len = Self::chain_len(top);
            let place = fastrand::usize(..places.max(len));
            if place < len {
                return self.nth_in_chain(top, place);
            }
        }
        self.random()
    }

    /// Mean elements per bucket of the fuller array.
    fn densest(&self) -> usize {
        let moved = if self.is_rehashing() { self.rehash_idx } else { 0 };
        let first = self.t[0].used.div_ceil((self.buckets(0) - moved).max(1));
        first.max(self.t[1].used.div_ceil(self.buckets(1).max(1)))
    }

    /// Reports about `n` elements from neighbouring buckets at a random place: fast, neither fair
    /// nor free of repetitions, and sometimes fewer. For sampling in eviction and expiry.
    pub fn some_entries<'a>(&'a self, n: usize, out: &mut Vec<E::Ref<'a>>) {
        let n = n.min(self.len());
        if n == 0 {
            return;
        }
        let (buckets, start) = (self.live_buckets(), out.len());
        let mut idx = fastrand::usize(..buckets);
        let (mut empty_run, mut seen) = (0, 0);
        for _ in 0..n * SAMPLE_STEPS {
            let before = seen;
            self.visit_chain(self.live_bucket(idx), &mut |element| {
                seen += 1;
                if out.len() - start < n {
                    out.push(element);
                } else {
                    // A reservoir, so that the end of a long chain is seen, too.
                    let place = fastrand::usize(..seen);
                    if place < n {
                        out[start + place] = element;
                    }
                }
            });
            if seen >= n {
                return;
            }
            empty_run = if seen == before { empty_run + 1 } else { 0 };
            if empty_run >= SAMPLE_EMPTY_RUN {
                idx = fastrand::usize(..buckets);
                empty_run = 0;
            } else {
                idx = (idx + 1) % buckets;
            }
        }
    }
}
