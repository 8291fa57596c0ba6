//! One member of a set's table, as a 48-bit word.
//!
//! ```text
//!  47                       1 0
//!  │ integer, 47 bits signed │1│    the text of an integer in that range
//!  │ pointer, 8-aligned      │0│ ─► | len u8 | bytes |              up to 254 bytes
//!                                   | 255 | len u64 LE | bytes |    more
//! ```
//!
//! Invariant: a block's length and bytes never change; the text of an integer that fits is never in
//! a block.
//!
//! JUSTIFICATION: unsized content behind a 48-bit word, in one block: 24 bytes for a member of 16,
//! nothing for an integer (bytes per member of sets, PERFORMANCE.md 2.4).

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use crate::storage::encoding::hashtable::{
    Element, pointer_to_word, prefetch_read, word_to_pointer,
};
use crate::storage::encoding::listpack::{LpValue, parse_int};
use crate::sys::malloc;
use crate::sys::relocate::Mover;
use crate::util::siphash::siphash;

/// Integers from -2^46 up to and without 2^46 are held in the word.
const INT_LIMIT: i64 = 1 << 46;
const WORD_MASK: u64 = (1 << 48) - 1;
/// First byte of a block whose length needs more than that byte.
const LONG: u8 = 255;
const LONG_HEAD: usize = 9;

/// An owned member.
pub struct SetMember(u64);

/// A member to look for or to add, in the form in which it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberKey<'k>(Form<'k>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form<'k> {
    /// Within the limit.
    Int(i64),
    /// Not the text of an integer within the limit.
    Text(&'k [u8]),
}

impl<'k> From<&'k [u8]> for MemberKey<'k> {
    fn from(text: &'k [u8]) -> Self {
        MemberKey::new(text)
    }
}

fn fits(int: i64) -> bool {
    (-INT_LIMIT..INT_LIMIT).contains(&int)
}

impl<'k> MemberKey<'k> {
    /// Of any text.
    #[inline]
    pub fn new(text: &'k [u8]) -> Self {
        match parse_int(text) {
            Some(int) if fits(int) => MemberKey(Form::Int(int)),
            _ => MemberKey(Form::Text(text)),
        }
    }

    /// Of an integer; its text goes into `digits` if it is too large for a word.
    #[inline]
    pub fn of_int(int: i64, digits: &'k mut itoa::Buffer) -> Self {
        if fits(int) {
            MemberKey(Form::Int(int))
        } else {
            MemberKey(Form::Text(digits.format(int).as_bytes()))
        }
    }

    /// Of a member of a table.
    #[inline]
    pub fn of_member(member: LpValue<'k>) -> Self {
        match member {
            LpValue::Int(int) => {
                debug_assert!(fits(int));
                MemberKey(Form::Int(int))
            }
            LpValue::Str(text) => {
                debug_assert!(!parse_int(text).is_some_and(fits));
                MemberKey(Form::Text(text))
            }
        }
    }

    #[inline]
    pub fn hash(self) -> u64 {
        match self.0 {
            Form::Int(int) => siphash(&int.to_le_bytes()),
            Form::Text(text) => siphash(text),
        }
    }
}

#[inline(always)]
fn is_int(word: u64) -> bool {
    word & 1 != 0
}

fn int_word(int: i64) -> u64 {
    ((int as u64) << 1 | 1) & WORD_MASK
}

#[inline(always)]
fn word_int(word: u64) -> i64 {
    ((word << 16) as i64) >> 17
}

fn head_len(len: usize) -> usize {
    if len < usize::from(LONG) { 1 } else { LONG_HEAD }
}

fn layout(len: usize) -> Layout {
    let size = malloc::usable_size(head_len(len) + len);
    Layout::from_size_align(size, 8).expect("the bytes of a member fit in the address space")
}

fn allocate(text: &[u8]) -> NonNull<u8> {
    let (layout, head) = (layout(text.len()), head_len(text.len()));
    // SAFETY: the layout's size is at least `head + text.len()` and not zero; length and text are
    // written inside it, and the new block overlaps nothing.
    unsafe {
        let Some(block) = NonNull::new(alloc(layout)) else { handle_alloc_error(layout) };
        if head == 1 {
            block.write(text.len() as u8);
        } else {
            block.write(LONG);
            block.add(1).cast().write((text.len() as u64).to_le_bytes());
        }
        block.add(head).copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        block
    }
}

/// The text in a block.
///
/// # Safety
/// `word` is a live member with a block, which lives for `'a`.
#[inline(always)]
unsafe fn text<'a>(word: u64) -> &'a [u8] {
    // SAFETY: by the contract; the block starts with its length and holds that many bytes after it.
    unsafe {
        let block = word_to_pointer(word);
        let short = block.read();
        let (head, len) = if short == LONG {
            (LONG_HEAD, u64::from_le_bytes(block.add(1).cast().read()) as usize)
        } else {
            (1, usize::from(short))
        };
        std::slice::from_raw_parts(block.add(head).as_ptr(), len)
    }
}

/// # Safety
/// `word` is a live member, and its block, if any, lives for `'a`.
#[inline(always)]
unsafe fn value<'a>(word: u64) -> LpValue<'a> {
    if is_int(word) {
        LpValue::Int(word_int(word))
    } else {
        // SAFETY: by the contract.
        LpValue::Str(unsafe { text(word) })
    }
}

impl SetMember {
    pub fn new(key: MemberKey<'_>) -> SetMember {
        SetMember(match key.0 {
            Form::Int(int) => int_word(int),
            Form::Text(text) => pointer_to_word(allocate(text)),
        })
    }

    #[inline]
    pub fn value(&self) -> LpValue<'_> {
        // SAFETY: a live member, which `self` keeps.
        unsafe { value(self.0) }
    }

    /// The same member, its block moved if that is worth it.
    pub(super) fn relocated(self, mover: &mut Mover) -> SetMember {
        if is_int(self.0) {
            return self;
        }
        let word = self.into_word();
        // SAFETY: the word of a live member with a block, which has this layout; only the word
        // refers to it.
        unsafe {
            let block = word_to_pointer(word);
            let moved = mover.block(block, layout(text(word).len()));
            SetMember(pointer_to_word(moved.unwrap_or(block)))
        }
    }

    /// The word of a member that was lent out by a table: only its address, nothing is read.
    pub(super) fn word_of(member: LpValue<'_>) -> u64 {
        match member {
            LpValue::Int(int) => int_word(int),
            LpValue::Str(text) => {
                let start = text.as_ptr().expose_provenance() as u64;
                start - head_len(text.len()) as u64
            }
        }
    }

    /// Bytes of the block of a member that was lent out by a table.
    pub(super) fn alloc_bytes(member: LpValue<'_>) -> usize {
        match member {
            LpValue::Int(_) => 0,
            LpValue::Str(text) => layout(text.len()).size(),
        }
    }
}

impl Drop for SetMember {
    fn drop(&mut self) {
        if !is_int(self.0) {
            // SAFETY: the member owns its block, which was allocated with that layout.
            unsafe {
                let layout = layout(text(self.0).len());
                dealloc(word_to_pointer(self.0).as_ptr(), layout);
            }
        }
    }
}

// SAFETY: a member is its word; it never changes, so its hash does not; views borrow the block.
unsafe impl Element for SetMember {
    type Key<'k> = MemberKey<'k>;
    type Ref<'a> = LpValue<'a>;
    type Mut<'a> = LpValue<'a>;

    #[inline(always)]
    fn into_word(self) -> u64 {
        std::mem::ManuallyDrop::new(self).0
    }

    #[inline(always)]
    unsafe fn from_word(word: u64) -> Self {
        SetMember(word)
    }

    #[inline(always)]
    fn hash_key(key: MemberKey<'_>) -> u64 {
        key.hash()
    }

    #[inline(always)]
    unsafe fn hash_word(word: u64) -> u64 {
        // SAFETY: by the contract.
        MemberKey::of_member(unsafe { value(word) }).hash()
    }

    #[inline(always)]
    unsafe fn matches(word: u64, key: MemberKey<'_>) -> bool {
        match key.0 {
            Form::Int(int) => word == int_word(int),
            // SAFETY: by the contract.
            Form::Text(wanted) => !is_int(word) && unsafe { text(word) } == wanted,
        }
    }

    #[inline(always)]
    unsafe fn view<'a>(word: u64) -> LpValue<'a> {
        // SAFETY: by the contract.
        unsafe { value(word) }
    }

    #[inline(always)]
    unsafe fn view_mut<'a>(word: u64) -> LpValue<'a> {
        // SAFETY: by the contract.
        unsafe { value(word) }
    }

    #[inline(always)]
    fn prefetch(word: u64) {
        if !is_int(word) {
            prefetch_read(std::ptr::with_exposed_provenance(word as usize));
        }
    }
}
