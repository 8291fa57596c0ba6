//! One bucket of the hash table: a cache line of nine 48-bit words with nine one-byte tags.
//!
//! ```text
//! OFFSET  SIZE  FIELD
//!      0    54  words: 9 x 48 bits, little endian
//!     54     9  tags:  0 = slot empty, else eight bits of the element's hash (never 0)
//!     63     1  meta:  bit 0 = chained: word 8 is the address of a child bucket, tag 8 is 0
//! ```
//!
//! Knows nothing of elements: a word is a number. Invariants: all bytes zero is an empty bucket;
//! in a chain every bucket but the last has its first eight slots full, and the last (not being
//! the first) holds at least two elements.
//!
//! JUSTIFICATION: see `hashtable.rs`: words of 48 bits are read as unaligned u64, tags as a vector.

/// Slots of a bucket; a chained bucket has one less.
pub(super) const SLOTS: usize = 9;
/// The slot that gives way to the child's address.
const CHILD_SLOT: usize = SLOTS - 1;
const WORD_BYTES: usize = 6;
pub(super) const WORD_MASK: u64 = (1 << 48) - 1;
const ALL_SLOTS: u32 = (1 << SLOTS) - 1;
const CHAINED: u8 = 1;

#[repr(C, align(64))]
pub(super) struct Bucket {
    words: [[u8; WORD_BYTES]; SLOTS],
    tags: [u8; SLOTS],
    meta: u8,
}

const _: () = assert!(size_of::<Bucket>() == 64 && align_of::<Bucket>() == 64);

impl Bucket {
    #[inline(always)]
    pub(super) fn word(&self, slot: usize) -> u64 {
        debug_assert!(slot < SLOTS);
        // SAFETY: slot * 6 + 8 <= 56 bytes, inside the 64 of `self`; any bytes are a valid u64.
        let raw = unsafe {
            std::ptr::from_ref(self)
                .cast::<u8>()
                .add(slot * WORD_BYTES)
                .cast::<u64>()
                .read_unaligned()
        };
        u64::from_le(raw) & WORD_MASK
    }

    #[inline(always)]
    fn set_word(&mut self, slot: usize, word: u64) {
        debug_assert!(word <= WORD_MASK);
        let bytes = word.to_le_bytes();
        self.words[slot].copy_from_slice(&bytes[..WORD_BYTES]);
    }

    /// Puts a new word into a slot whose tag stays.
    #[inline(always)]
    pub(super) fn replace(&mut self, slot: usize, word: u64) {
        debug_assert!(self.tags[slot] != 0);
        self.set_word(slot, word);
    }

    #[inline(always)]
    pub(super) fn fill(&mut self, slot: usize, tag: u8, word: u64) {
        debug_assert!(tag != 0 && self.tags[slot] == 0);
        self.tags[slot] = tag;
        self.set_word(slot, word);
    }

    #[inline(always)]
    pub(super) fn tag(&self, slot: usize) -> u8 {
        self.tags[slot]
    }

    #[inline(always)]
    pub(super) fn clear(&mut self, slot: usize) {
        self.tags[slot] = 0;
    }

    /// Bit i is set where slot i has this tag.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    pub(super) fn matches(&self, tag: u8) -> u32 {
        use std::arch::x86_64::{_mm_cmpeq_epi8, _mm_load_si128, _mm_movemask_epi8, _mm_set1_epi8};
        // SAFETY: SSE2 is part of x86_64; bytes 48..64 of a 64-aligned bucket are a 16-aligned
        // vector inside `self`.
        let mask = unsafe {
            let tail = std::ptr::from_ref(self).cast::<u8>().add(48);
            let equal = _mm_cmpeq_epi8(_mm_load_si128(tail.cast()), _mm_set1_epi8(tag as i8));
            _mm_movemask_epi8(equal) as u32
        };
        // The vector starts six bytes before the tags.
        (mask >> 6) & ALL_SLOTS
    }

    /// Bit i is set where slot i has this tag.
    #[cfg(not(target_arch = "x86_64"))]
    #[inline(always)]
    pub(super) fn matches(&self, tag: u8) -> u32 {
        self.matches_portable(tag)
    }

    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(super) fn matches_portable(&self, tag: u8) -> u32 {
        let mut mask = 0;
        for (i, &t) in self.tags.iter().enumerate() {
            mask |= u32::from(t == tag) << i;
        }
        mask
    }

    /// Bit i is set where slot i holds an element.
    #[inline(always)]
    pub(super) fn occupied(&self) -> u32 {
        !self.matches(0) & ALL_SLOTS
    }

    /// The first slot that can take an element.
    #[inline(always)]
    pub(super) fn free_slot(&self) -> Option<usize> {
        let usable = if self.is_chained() { ALL_SLOTS >> 1 } else { ALL_SLOTS };
        let free = self.matches(0) & usable;
        (free != 0).then(|| free.trailing_zeros() as usize)
    }

    #[inline(always)]
    pub(super) fn is_chained(&self) -> bool {
        self.meta & CHAINED != 0
    }

    #[inline(always)]
    pub(super) fn child(&self) -> Option<*mut Bucket> {
        self.is_chained()
            .then(|| std::ptr::with_exposed_provenance_mut(self.word(CHILD_SLOT) as usize))
    }

    /// The child of a chained bucket has moved.
    pub(super) fn set_child(&mut self, child: *mut Bucket) {
        debug_assert!(self.is_chained());
        self.set_word(CHILD_SLOT, child.expose_provenance() as u64);
    }

    /// Makes a full bucket chained; the element of its last slot moves into the empty `child`.
    pub(super) fn chain(&mut self, child: *mut Bucket, child_bucket: &mut Bucket) {
        debug_assert!(!self.is_chained() && self.occupied() == ALL_SLOTS);
        child_bucket.fill(0, self.tags[CHILD_SLOT], self.word(CHILD_SLOT));
        self.tags[CHILD_SLOT] = 0;
        self.set_word(CHILD_SLOT, child.expose_provenance() as u64);
        self.meta |= CHAINED;
    }

    /// Ends the chain here; the child's last element takes the freed slot.
    pub(super) fn unchain(&mut self, tag: u8, word: u64) {
        debug_assert!(self.is_chained());
        self.meta &= !CHAINED;
        self.fill(CHILD_SLOT, tag, word);
    }

    pub(super) fn make_empty(&mut self) {
        self.tags = [0; SLOTS];
        self.meta = 0;
    }
}

/// Asks the processor for the cache line at `ptr`; any address is allowed.
#[inline(always)]
pub fn prefetch_read(ptr: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch is a hint that never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(ptr.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = ptr;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Bucket {
        Bucket { words: [[0; WORD_BYTES]; SLOTS], tags: [0; SLOTS], meta: 0 }
    }

    #[test]
    fn words_and_tags_do_not_touch_each_other() {
        let mut b = empty();
        for slot in 0..SLOTS {
            assert_eq!(b.free_slot(), Some(slot));
            b.fill(slot, (slot + 1) as u8, WORD_MASK - slot as u64);
        }
        assert_eq!(b.free_slot(), None);
        for slot in 0..SLOTS {
            assert_eq!(b.word(slot), WORD_MASK - slot as u64);
            assert_eq!(b.matches((slot + 1) as u8), 1 << slot);
        }
        b.clear(4);
        assert_eq!((b.occupied(), b.free_slot()), (ALL_SLOTS & !(1 << 4), Some(4)));
    }

    #[test]
    fn vector_and_portable_matching_agree() {
        let mut b = empty();
        for slot in [0, 2, 3, 8] {
            b.fill(slot, if slot == 3 { 255 } else { 7 }, 0xffff_ffff_ffff);
        }
        for tag in 0..=255 {
            assert_eq!(b.matches(tag), b.matches_portable(tag));
        }
    }

    #[test]
    fn chaining_moves_the_ninth_element_and_back() {
        let (mut b, mut child) = (empty(), Box::new(empty()));
        for slot in 0..SLOTS {
            b.fill(slot, 9, slot as u64);
        }
        let address = &raw mut *child;
        b.chain(address, &mut child);
        assert_eq!(b.child(), Some(address));
        assert_eq!((b.occupied(), b.free_slot(), child.word(0)), (0xff, None, 8));
        b.unchain(child.tag(0), child.word(0));
        assert_eq!((b.child(), b.word(8), b.occupied()), (None, 8, ALL_SLOTS));
    }
}
