//! One member of a sorted set: a thin pointer to its score and bytes in a single allocation.
//!
//! ```text
//! | score f64 | length varint | bytes |      8-aligned, 25 bytes for a 16-byte member
//! ```
//!
//! Not an owner: a `Member` is Copy, kept by the ordered set and the member table at once; whoever
//! takes it out of the last of them frees it. Invariant: from `new` to `free` the allocation stays
//! where it is and its length and bytes never change; only the score does.
//!
//! JUSTIFICATION: one allocation of unsized content behind an 8-byte handle; `Box<[u8]>` would
//! double the handle and could not be shared by tree and table (bytes per member of the benchmark).

use super::{OrderedItem, OrderedSet};
use crate::storage::encoding::relocate::Mover;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::{self, NonNull};

/// Handle of a sorted set's member; see the module's documentation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Member(NonNull<u8>);

// SAFETY: the handle is an address with no ties to a thread; score and bytes are only reached
// through containers that are moved to another thread as a whole (lazy free), never shared.
unsafe impl Send for Member {}

const SCORE_BYTES: usize = size_of::<f64>();
/// A usize takes at most ten groups of seven bits.
const MAX_VARINT: usize = 10;
const ALIGN: usize = 8;

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, ALIGN).expect("the bytes of a member fit in the address space")
}

fn varint_len(value: usize) -> usize {
    value.checked_ilog2().map_or(1, |log| log as usize / 7 + 1)
}

impl Member {
    /// Allocates a member. Nothing frees it but [`Member::free`].
    pub fn new(score: f64, bytes: &[u8]) -> Member {
        let head = SCORE_BYTES + varint_len(bytes.len());
        let layout = layout(head + bytes.len());
        // SAFETY: the layout's size is at least nine. Score, varint and bytes are written inside
        // it: `head` counts exactly the first two.
        let member = unsafe {
            let Some(start) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
            start.cast::<f64>().write(score);
            let mut at = start.add(SCORE_BYTES);
            let mut rest = bytes.len();
            while rest >= 0x80 {
                at.write(rest as u8 | 0x80);
                rest >>= 7;
                at = at.add(1);
            }
            at.write(rest as u8);
            ptr::copy_nonoverlapping(bytes.as_ptr(), start.add(head).as_ptr(), bytes.len());
            Member(start)
        };
        assert!(member.to_word() >> 48 == 0, "user addresses have 48 bits");
        member
    }

    pub fn score(self) -> f64 {
        // SAFETY: alive by the contract of `free`; `new` wrote an aligned f64 at the start.
        unsafe { self.0.cast::<f64>().read() }
    }

    /// Changes the score alone: a member in an ordered set must go through
    /// [`OrderedSet::update_score`].
    pub fn set_score(self, score: f64) {
        // SAFETY: as in `score`; slices of the bytes do not cover the score.
        unsafe { self.0.cast::<f64>().write(score) }
    }

    /// Length of the head and of the bytes.
    fn lens(self) -> (usize, usize) {
        // SAFETY: alive by the contract of `free`; `new` wrote a varint that ends within ten bytes.
        unsafe {
            let at = self.0.add(SCORE_BYTES);
            let first = usize::from(at.read());
            if first < 0x80 {
                return (SCORE_BYTES + 1, first);
            }
            let mut len = first & 0x7f;
            for i in 1..MAX_VARINT {
                let group = usize::from(at.add(i).read());
                len |= (group & 0x7f) << (7 * i);
                if group < 0x80 {
                    return (SCORE_BYTES + i + 1, len);
                }
            }
        }
        unreachable!("a usize has no more groups")
    }

    pub fn bytes(&self) -> &[u8] {
        // SAFETY: alive by the contract of `free`, which also covers this slice.
        unsafe { self.bytes_unbound() }
    }

    /// The bytes for longer than this copy of the handle is borrowed.
    ///
    /// # Safety
    /// The member is not freed during `'a`. Give `'a` the lifetime of a borrow of its container.
    pub unsafe fn bytes_unbound<'a>(self) -> &'a [u8] {
        let (head, len) = self.lens();
        // SAFETY: `new` wrote `len` bytes behind the head; nothing changes them before `free`.
        unsafe { std::slice::from_raw_parts(self.0.add(head).as_ptr(), len) }
    }

    /// Bytes asked of the allocator.
    pub fn alloc_size(self) -> usize {
        let (head, len) = self.lens();
        head + len
    }

    /// Gives the memory back.
    ///
    /// # Safety
    /// No copy of the handle and no slice of its bytes is used afterwards: every container that
    /// indexes the member has let go of it.
    pub unsafe fn free(self) {
        // SAFETY: `new` allocated with this size and alignment; freed once by the contract.
        unsafe { dealloc(self.0.as_ptr(), layout(self.alloc_size())) }
    }

    /// A copy of the member, if it is worth moving, which takes its place in all containers before
    /// the caller frees this one by [`Member::free_moved`].
    pub fn moved(self, mover: &mut Mover) -> Option<Member> {
        // SAFETY: alive by the contract of `free`; the block has this layout.
        let copy = unsafe { mover.copy_of(self.0, layout(self.alloc_size())) };
        copy.map(Member)
    }

    /// [`Member::free`] of one of which a copy was made.
    ///
    /// # Safety
    /// As of `free`, and `moved` has given a copy.
    pub unsafe fn free_moved(self, mover: &mut Mover) {
        // SAFETY: by the contract.
        unsafe { mover.free(self.0, layout(self.alloc_size())) }
    }

    /// The handle as a number below 2^48.
    pub fn to_word(self) -> u64 {
        self.0.as_ptr().expose_provenance() as u64
    }

    /// # Safety
    /// `word` comes from [`Member::to_word`] of a member that is not freed.
    pub unsafe fn from_word(word: u64) -> Member {
        // SAFETY: the address of an allocation, whose provenance `to_word` exposed, is not null.
        Member(unsafe { NonNull::new_unchecked(ptr::with_exposed_provenance_mut(word as usize)) })
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Member({} {})", self.score(), self.bytes().escape_ascii())
    }
}

impl OrderedItem for Member {
    #[inline]
    fn score(self) -> f64 {
        Member::score(self)
    }

    fn set_score(self, score: f64) {
        Member::set_score(self, score);
    }

    #[inline]
    fn with_member<R>(self, f: impl FnOnce(&[u8]) -> R) -> R {
        f(self.bytes())
    }

    #[inline]
    fn to_word(self) -> u64 {
        Member::to_word(self)
    }

    #[inline]
    unsafe fn from_word(word: u64) -> Self {
        // SAFETY: the same contract.
        unsafe { Member::from_word(word) }
    }
}

impl OrderedSet<Member> {
    /// Empties the set and frees its members.
    ///
    /// # Safety
    /// As [`Member::free`], for every member: other containers are cleared first, and no member was
    /// inserted twice.
    pub unsafe fn free_members(&mut self) {
        let mut sizes = Vec::new();
        self.drain_unordered(|batch| {
            // All lengths first: the loads do not wait for each other.
            sizes.clear();
            sizes.extend(batch.iter().map(|member| member.alloc_size()));
            for (member, &size) in batch.iter().zip(&sizes) {
                // SAFETY: `new` allocated with this size and alignment; the tree has let go of it,
                // and the caller speaks for other containers and for no member being here twice.
                unsafe { dealloc(member.0.as_ptr(), layout(size)) }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_score_and_bytes_of_any_length() {
        for len in [0, 1, 16, 127, 128, 129, 16383, 16384, 70_000] {
            let bytes: Vec<u8> = (0..len).map(|i| i as u8).collect();
            let member = Member::new(1.5, &bytes);
            assert_eq!((member.score(), member.bytes()), (1.5, &bytes[..]));
            member.set_score(-3.0);
            assert_eq!((member.score(), member.bytes()), (-3.0, &bytes[..]));
            // SAFETY: the word of a live member.
            let copy = unsafe { Member::from_word(member.to_word()) };
            assert_eq!(copy, member);
            assert!(member.alloc_size() <= SCORE_BYTES + 3 + len);
            // SAFETY: no copies are used after.
            unsafe { member.free() };
        }
    }

    #[test]
    fn a_sixteen_byte_member_takes_25_bytes() {
        let member = Member::new(0.0, &[7; 16]);
        assert_eq!(member.alloc_size(), 25);
        // SAFETY: no copies are used after.
        unsafe { member.free() };
    }
}
