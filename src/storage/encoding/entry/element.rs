//! Entries as elements of hash tables: owned ones of the keyspace, and aliases of them in the table
//! of keys with a TTL.
//!
//! JUSTIFICATION: elements are addresses in 48-bit words; see `entry.rs` and `hashtable.rs`.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::{Entry, EntryMut, EntryRef};
use crate::storage::encoding::hashtable::{
    Element, pointer_to_word, prefetch_read, word_to_pointer,
};
use crate::util::siphash::siphash;

/// The hash of a key, in all tables of entries.
#[inline(always)]
pub fn hash_key(key: &[u8]) -> u64 {
    siphash(key)
}

/// Byte equality without a call for the lengths that keys have.
#[inline(always)]
pub(in crate::storage::encoding) fn same_bytes(a: &[u8], b: &[u8]) -> bool {
    const INLINE_MAX: usize = 64;
    let len = a.len();
    if len != b.len() {
        return false;
    }
    if !(8..=INLINE_MAX).contains(&len) {
        return same_other(a, b);
    }
    // SAFETY: callers below stay within `len`, the length of both.
    let word = |s: &[u8], at: usize| unsafe { s.as_ptr().add(at).cast::<u64>().read_unaligned() };
    let mut at = 0;
    while at < len - 8 {
        if word(a, at) != word(b, at) {
            return false;
        }
        at += 8;
    }
    // The last word overlaps the one before.
    word(a, len - 8) == word(b, len - 8)
}

/// For short and long keys, of equal lengths.
fn same_other(a: &[u8], b: &[u8]) -> bool {
    if let (Some(a0), Some(b0), Some(a1), Some(b1)) =
        (a.first_chunk::<4>(), b.first_chunk::<4>(), a.last_chunk::<4>(), b.last_chunk::<4>())
        && a.len() < 8
    {
        return a0 == b0 && a1 == b1;
    }
    a == b
}

/// What [`Element`] demands of words that are entries, owned or not.
macro_rules! entry_words {
    () => {
        type Key<'k> = &'k [u8];
        type Ref<'a> = EntryRef<'a>;

        #[inline(always)]
        fn hash_key(key: &[u8]) -> u64 {
            hash_key(key)
        }

        #[inline(always)]
        unsafe fn hash_word(word: u64) -> u64 {
            // SAFETY: a live entry.
            hash_key(unsafe { entry(word) }.key())
        }

        #[inline(always)]
        unsafe fn matches(word: u64, key: &[u8]) -> bool {
            // SAFETY: a live entry.
            same_bytes(unsafe { entry(word) }.key(), key)
        }

        #[inline(always)]
        unsafe fn view<'a>(word: u64) -> EntryRef<'a> {
            // SAFETY: a live entry, unchanged for 'a.
            unsafe { entry(word) }
        }

        #[inline(always)]
        fn prefetch(word: u64) {
            let ptr: *const u8 = std::ptr::with_exposed_provenance(word as usize);
            prefetch_read(ptr);
            // A block of 40 bytes often ends in the next line.
            prefetch_read(ptr.wrapping_add(39));
        }
    };
}

/// # Safety
/// `word` is a live entry that outlives `'a`.
#[inline(always)]
unsafe fn entry<'a>(word: u64) -> EntryRef<'a> {
    // SAFETY: by the contract.
    EntryRef(unsafe { word_to_pointer(word) }, PhantomData)
}

// SAFETY: an entry is one pointer; its key does not change, so its hash does not; views borrow.
unsafe impl Element for Entry {
    entry_words!();
    type Mut<'a> = EntryMut<'a>;

    #[inline(always)]
    fn into_word(self) -> u64 {
        let word = pointer_to_word(self.0);
        std::mem::forget(self);
        word
    }

    #[inline(always)]
    unsafe fn from_word(word: u64) -> Self {
        // SAFETY: by the contract, the word is an entry and owned by the caller.
        Entry(unsafe { word_to_pointer(word) })
    }

    #[inline(always)]
    unsafe fn view_mut<'a>(word: u64) -> EntryMut<'a> {
        // SAFETY: a live entry, exclusive for 'a.
        EntryMut(unsafe { word_to_pointer(word) }, PhantomData)
    }
}

/// An entry that another table owns.
///
/// Only `Db` makes these, and keeps the promise that comes with it: an alias leaves its table, or
/// is replaced by `replace_word`, before the table is used again after its entry was freed or
/// moved.
pub struct EntryPtr(NonNull<u8>);

// SAFETY: an alias is looked through only by tables of the thread that owns both tables, or not at
// all when both are dropped elsewhere.
unsafe impl Send for EntryPtr {}

impl EntryPtr {
    pub(in crate::storage) fn alias(entry: EntryRef<'_>) -> EntryPtr {
        EntryPtr(entry.0)
    }
}

// SAFETY: as for `Entry`, on the promise above; the alias owns nothing.
unsafe impl Element for EntryPtr {
    entry_words!();
    /// Entries are changed through the table that owns them.
    type Mut<'a> = EntryRef<'a>;

    #[inline(always)]
    fn into_word(self) -> u64 {
        pointer_to_word(self.0)
    }

    #[inline(always)]
    unsafe fn from_word(word: u64) -> Self {
        // SAFETY: by the contract, the word came from `into_word`.
        EntryPtr(unsafe { word_to_pointer(word) })
    }

    #[inline(always)]
    unsafe fn view_mut<'a>(word: u64) -> EntryRef<'a> {
        // SAFETY: a live entry, unchanged for 'a.
        unsafe { entry(word) }
    }
}
