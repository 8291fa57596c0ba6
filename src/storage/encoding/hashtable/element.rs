//! What the hash table must know of its elements.
//!
//! JUSTIFICATION: see `hashtable.rs`: addresses are kept as numbers.

use std::ptr::NonNull;

use super::bucket::{WORD_MASK, prefetch_read};

/// An owned handle that fits into 48 bits: a pointer, or a small value marked by its low bits.
///
/// # Safety
/// * `into_word` gives a number below 2^48, and `from_word` of it gives the same handle back.
/// * `hash_word`, `matches`, `view` and `view_mut` of a live word do not invalidate it, and
///   `hash_word` of an element equals `hash_key` of its key and does not change.
/// * The handle's `Ref` and `Mut` do not outlive the lifetime they are given.
pub unsafe trait Element: Sized {
    /// The borrowed form of the key, as callers have it.
    type Key<'k>: Copy;
    /// A shared view of an element in the table.
    type Ref<'a>
    where
        Self: 'a;
    /// An exclusive view of an element in the table.
    type Mut<'a>
    where
        Self: 'a;

    fn into_word(self) -> u64;

    /// # Safety
    /// `word` came from `into_word` and is not used as an owned handle again.
    unsafe fn from_word(word: u64) -> Self;

    fn hash_key(key: Self::Key<'_>) -> u64;

    /// # Safety
    /// `word` is a live element.
    unsafe fn hash_word(word: u64) -> u64;

    /// Whether the element has this key.
    ///
    /// # Safety
    /// `word` is a live element.
    unsafe fn matches(word: u64, key: Self::Key<'_>) -> bool;

    /// # Safety
    /// `word` is a live element that nobody changes or frees during `'a`.
    unsafe fn view<'a>(word: u64) -> Self::Ref<'a>
    where
        Self: 'a;

    /// # Safety
    /// `word` is a live element that nobody else uses during `'a`.
    unsafe fn view_mut<'a>(word: u64) -> Self::Mut<'a>
    where
        Self: 'a;

    /// Asks for the memory that `matches` will read. Any word is allowed.
    #[inline(always)]
    fn prefetch(word: u64) {
        prefetch_read(std::ptr::with_exposed_provenance(word as usize));
    }
}

/// A heap pointer as a word.
#[inline(always)]
pub fn pointer_to_word(ptr: NonNull<u8>) -> u64 {
    let word = ptr.as_ptr().expose_provenance() as u64;
    debug_assert!(word <= WORD_MASK);
    word
}

/// The pointer that [`pointer_to_word`] packed (low bits must have been cleared).
///
/// # Safety
/// `word` came from `pointer_to_word`.
#[inline(always)]
pub unsafe fn word_to_pointer(word: u64) -> NonNull<u8> {
    // SAFETY: it came from a NonNull.
    unsafe { NonNull::new_unchecked(std::ptr::with_exposed_provenance_mut(word as usize)) }
}
