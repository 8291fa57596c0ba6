//! Intset: a sorted set of integers in one block of bytes, in Redis' own format, so that RDB, DUMP
//! and replication copy it as it is. It knows no limit: `set-max-intset-entries` is the caller's
//! business.
//!
//! ```text
//! OFFSET  SIZE     FIELD
//! 0       4        width: bytes of an integer, u32 LE: 2, 4 or 8
//! 4       4        number of integers, u32 LE
//! 8       width*n  integers, signed LE, ascending, no duplicates
//! ```
//! The width only grows (as in Redis): the first integer that needs more re-encodes all.
//!
//! Invariant: the header tells the number of bytes. Bytes that were only validated shallowly may be
//! out of order; searches then give some answer, but nothing panics.

use super::listpack::Invalid;
use super::listpack::thin_bytes::{IntsetFormat, ThinBytes};

const HEADER: usize = 8;

/// An owned intset: one pointer to one block.
#[derive(Clone)]
pub struct Intset(ThinBytes<IntsetFormat>);

const _: () = assert!(size_of::<Intset>() == 8);

fn header(width: usize, len: usize) -> [u8; HEADER] {
    let len = u32::try_from(len).expect("sets become hash tables far below 2^32 integers");
    let mut header = [width as u8, 0, 0, 0, 0, 0, 0, 0];
    header[4..].copy_from_slice(&len.to_le_bytes());
    header
}

/// The smallest width that holds `value`.
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

/// An integer of `bytes.len()` (2, 4, 8) bytes.
#[inline]
fn load(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    }
}

impl Default for Intset {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Intset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Intset {
    /// An empty intset.
    pub fn new() -> Self {
        Self(ThinBytes::from_slice(&header(2, 0)))
    }

    /// A copy of `bytes` from a file or client: header and size must fit and the set must not be
    /// empty; `deep` also checks that the integers ascend.
    pub fn from_bytes_validated(bytes: &[u8], deep: bool) -> Result<Self, Invalid> {
        let head = bytes.first_chunk::<HEADER>().ok_or(Invalid)?;
        let width = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if !matches!(width, 2 | 4 | 8) || len == 0 || HEADER + width * len != bytes.len() {
            return Err(Invalid);
        }
        let values = bytes[HEADER..].chunks_exact(width).map(load);
        if deep && !values.is_sorted_by(|a, b| a < b) {
            return Err(Invalid);
        }
        Ok(Self(ThinBytes::from_slice(bytes)))
    }

    /// Makes an intset of ascending, distinct integers in one allocation. Panics if they are not.
    pub fn from_sorted(values: &[i64]) -> Self {
        assert!(values.is_sorted_by(|a, b| a < b), "integers must ascend");
        let width = values.iter().map(|&value| width_of(value)).max().unwrap_or(2);
        Self::encode(width, values.len(), values.iter().copied())
    }

    fn encode(width: usize, len: usize, values: impl Iterator<Item = i64>) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + width * len);
        bytes.extend_from_slice(&header(width, len));
        for value in values {
            bytes.extend_from_slice(&value.to_le_bytes()[..width]);
        }
        Self(ThinBytes::from_slice(&bytes))
    }

    /// The format's bytes, as RDB and DUMP store them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Bytes of the format.
    pub fn bytes_len(&self) -> usize {
        self.0.used()
    }

    /// Bytes reserved from the allocator.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Bytes of one integer: 2, 4 or 8.
    pub fn width(&self) -> usize {
        usize::from(self.0.bytes()[0])
    }

    /// Number of integers.
    pub fn len(&self) -> usize {
        (self.bytes_len() - HEADER) / self.width()
    }

    /// Whether there is no integer.
    pub fn is_empty(&self) -> bool {
        self.bytes_len() == HEADER
    }

    /// The integer with this rank.
    pub fn get(&self, index: usize) -> Option<i64> {
        let width = self.width();
        let at = index.checked_mul(width)?.checked_add(HEADER)?;
        self.as_bytes().get(at..at.checked_add(width)?).map(load)
    }

    /// The smallest integer.
    pub fn min(&self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest integer.
    pub fn max(&self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All integers, ascending.
    pub fn iter(&self) -> IntsetIter<'_> {
        IntsetIter::new(self.as_bytes())
    }

    /// One integer, all with the same chance.
    pub fn random(&self, rng: &mut fastrand::Rng) -> Option<i64> {
        if self.is_empty() { None } else { self.get(rng.usize(..self.len())) }
    }

    /// `Ok(rank)` of `value`, or `Err(rank)` where it would go.
    pub fn search(&self, value: i64) -> Result<usize, usize> {
        match self.width() {
            2 => search_width::<2>(&self.as_bytes()[HEADER..], value),
            4 => search_width::<4>(&self.as_bytes()[HEADER..], value),
            _ => search_width::<8>(&self.as_bytes()[HEADER..], value),
        }
    }

    /// Whether `value` is in the set.
    pub fn contains(&self, value: i64) -> bool {
        self.search(value).is_ok()
    }

    /// Adds `value`; `false` if it was there.
    pub fn add(&mut self, value: i64) -> bool {
        let (width, len) = (self.width(), self.len());
        let needed = width_of(value);
        if needed > width {
            // Wider than all others: it is either the new minimum or the new maximum.
            let (front, back) = if value < 0 { (Some(value), None) } else { (None, Some(value)) };
            let all = front.into_iter().chain(self.iter()).chain(back);
            *self = Self::encode(needed, len + 1, all);
            return true;
        }
        let Err(rank) = self.search(value) else {
            return false;
        };
        let bytes = value.to_le_bytes();
        self.0.splice(HEADER + rank * width, 0, &header(width, len + 1), &[&bytes[..width]]);
        true
    }

    /// Removes `value`; `false` if it was not there.
    pub fn remove(&mut self, value: i64) -> bool {
        match self.search(value) {
            Ok(rank) => self.remove_at(rank).is_some(),
            Err(_) => false,
        }
    }

    /// Removes and returns the integer with this rank.
    pub fn remove_at(&mut self, rank: usize) -> Option<i64> {
        let value = self.get(rank)?;
        let (width, len) = (self.width(), self.len());
        self.0.splice(HEADER + rank * width, width, &header(width, len - 1), &[]);
        Some(value)
    }

    /// For `thin_bytes.rs`, which owns the raw side.
    pub(super) fn into_thin(self) -> ThinBytes<IntsetFormat> {
        self.0
    }

    /// For `thin_bytes.rs`, which owns the raw side.
    pub(super) fn thin_mut(&mut self) -> &mut ThinBytes<IntsetFormat> {
        &mut self.0
    }

    /// For `thin_bytes.rs`, which owns the raw side.
    pub(super) fn from_thin(bytes: ThinBytes<IntsetFormat>) -> Self {
        Self(bytes)
    }
}

/// The integers of an intset, ascending.
#[derive(Clone, Debug)]
pub struct IntsetIter<'a>(std::slice::ChunksExact<'a, u8>);

impl<'a> IntsetIter<'a> {
    /// Of the format's bytes, header included.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes[HEADER..].chunks_exact(usize::from(bytes[0])))
    }
}

impl Iterator for IntsetIter<'_> {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        self.0.next().map(load)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }

    fn nth(&mut self, n: usize) -> Option<i64> {
        self.0.nth(n).map(load)
    }
}

impl DoubleEndedIterator for IntsetIter<'_> {
    fn next_back(&mut self) -> Option<i64> {
        self.0.next_back().map(load)
    }
}

impl ExactSizeIterator for IntsetIter<'_> {}

/// Binary search among integers of `W` bytes. A fixed width lets the compiler do without branches.
fn search_width<const W: usize>(body: &[u8], value: i64) -> Result<usize, usize> {
    let (values, _) = body.as_chunks::<W>();
    values.binary_search_by(|bytes| load(bytes).cmp(&value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn any_int() -> impl Strategy<Value = i64> {
        prop_oneof![
            -20i64..20,
            any::<i16>().prop_map(i64::from),
            any::<i32>().prop_map(i64::from),
            any::<i64>()
        ]
    }

    proptest! {
        #[test]
        fn behaves_like_a_btree_set(ops in proptest::collection::vec((0u8..4, any_int()), 0..300)) {
            let (mut set, mut oracle) = (Intset::new(), BTreeSet::new());
            for (op, value) in ops {
                match op {
                    0 | 1 => prop_assert_eq!(set.add(value), oracle.insert(value)),
                    2 => prop_assert_eq!(set.remove(value), oracle.remove(&value)),
                    _ => {
                        let known = oracle.range(value..).next().copied().unwrap_or(value);
                        prop_assert_eq!(set.remove(known), oracle.remove(&known));
                    }
                }
                prop_assert_eq!(set.contains(value), oracle.contains(&value));
                prop_assert_eq!(set.len(), oracle.len());
            }
            prop_assert!(set.iter().eq(oracle.iter().copied()));
            let ends = (oracle.first().copied(), oracle.last().copied());
            prop_assert_eq!((set.min(), set.max()), ends);
            let copy = Intset::from_bytes_validated(set.as_bytes(), true);
            prop_assert_eq!(copy.is_ok(), !oracle.is_empty());
            let sorted: Vec<i64> = oracle.iter().copied().collect();
            prop_assert!(Intset::from_sorted(&sorted).iter().eq(sorted.iter().copied()));
        }

        #[test]
        fn hostile_bytes_never_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..80),
            width in 0u8..9, len in 0u32..12, value in any_int(),
        ) {
            if bytes.len() >= 8 {
                bytes[..4].copy_from_slice(&[width, 0, 0, 0]);
                bytes[4..8].copy_from_slice(&len.to_le_bytes());
                bytes.truncate(8 + usize::from(width) * len as usize);
            }
            let _ = Intset::from_bytes_validated(&bytes, true);
            if let Ok(mut set) = Intset::from_bytes_validated(&bytes, false) {
                set.contains(value);
                set.add(value);
                set.remove(value);
                set.remove_at(0);
                prop_assert_eq!(set.iter().count(), set.len());
            }
        }
    }

    #[test]
    fn width_grows_and_bytes_are_those_of_redis() {
        let mut set = Intset::new();
        for value in [5, -3, 7] {
            assert!(set.add(value));
        }
        assert_eq!(set.as_bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 0xFD, 0xFF, 5, 0, 7, 0]);
        assert!(set.add(40_000));
        assert_eq!((set.width(), set.max()), (4, Some(40_000)));
        assert!(set.add(i64::MIN));
        assert_eq!((set.width(), set.min(), set.len()), (8, Some(i64::MIN), 5));
        assert!(set.remove(i64::MIN));
        assert_eq!(set.width(), 8);
        let mut rng = fastrand::Rng::with_seed(1);
        assert!((0..50).all(|_| set.contains(set.random(&mut rng).expect("not empty"))));
    }

    #[test]
    fn deep_validation_wants_ascending_integers() {
        let bytes = [2, 0, 0, 0, 2, 0, 0, 0, 7, 0, 5, 0];
        assert!(Intset::from_bytes_validated(&bytes, false).is_ok());
        assert_eq!(Intset::from_bytes_validated(&bytes, true).err(), Some(Invalid));
        assert!(Intset::from_bytes_validated(&bytes[..11], false).is_err());
        assert!(Intset::from_bytes_validated(&[2, 0, 0, 0, 0, 0, 0, 0], false).is_err());
    }
}
