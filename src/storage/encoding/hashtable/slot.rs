//! Exclusive access to one place of the table.
//!
//! JUSTIFICATION: see `hashtable.rs`: a slot borrows the table and points into it.

use std::marker::PhantomData;
use std::ptr::NonNull;

use super::{Element, HashTable, Position};

/// An element in the table, exclusively borrowed together with the table.
pub struct SlotMut<'a, E: Element> {
    table: NonNull<HashTable<E>>,
    at: Position,
    borrow: PhantomData<&'a mut HashTable<E>>,
}

impl<'a, E: Element + 'a> SlotMut<'a, E> {
    #[inline(always)]
    pub(super) fn new(table: &'a mut HashTable<E>, at: Position) -> Self {
        SlotMut { table: NonNull::from(table), at, borrow: PhantomData }
    }

    /// The element as it stands in the bucket; an identity for `replace_word`, `remove_word`.
    #[inline(always)]
    pub fn word(&self) -> u64 {
        // SAFETY: the position stays valid while this borrow of the table lasts.
        unsafe { (*self.at.bucket).word(self.at.slot) }
    }

    #[inline(always)]
    pub fn get(&self) -> E::Ref<'_> {
        // SAFETY: a live element, exclusively borrowed by `self`.
        unsafe { E::view(self.word()) }
    }

    #[inline(always)]
    pub fn into_ref(self) -> E::Ref<'a> {
        // SAFETY: a live element; the table stays borrowed for 'a.
        unsafe { E::view(self.word()) }
    }

    #[inline(always)]
    pub fn get_mut(&mut self) -> E::Mut<'_> {
        // SAFETY: a live element, exclusively borrowed by `self`.
        unsafe { E::view_mut(self.word()) }
    }

    #[inline(always)]
    pub fn into_mut(self) -> E::Mut<'a> {
        // SAFETY: a live element; the table stays exclusively borrowed for 'a.
        unsafe { E::view_mut(self.word()) }
    }

    /// Puts another element with an equal key here and returns the old one.
    pub fn replace(&mut self, new: E) -> E {
        let old = self.word();
        let new = new.into_word();
        // SAFETY: both are live elements; the old one's ownership passes to the caller.
        unsafe {
            debug_assert_eq!(E::hash_word(old), E::hash_word(new));
            (*self.at.bucket).replace(self.at.slot, new);
            E::from_word(old)
        }
    }

    /// Lets `change` take the element and give it, or another with an equal key, back: for
    /// elements that may be reallocated.
    #[inline(always)]
    pub fn update<R>(&mut self, change: impl FnOnce(E) -> (E, R)) -> R {
        // A panic in `change` would leave a dead word in the table.
        let bomb = AbortOnUnwind;
        // SAFETY: the element is owned by `change` until the new word stands in its place.
        let (new, result) = change(unsafe { E::from_word(self.word()) });
        let word = new.into_word();
        // SAFETY: the position stays valid while this borrow of the table lasts.
        unsafe { (*self.at.bucket).replace(self.at.slot, word) };
        std::mem::forget(bomb);
        result
    }

    /// Takes the element out of the table.
    pub fn remove(self) -> E {
        let SlotMut { mut table, at, .. } = self;
        // SAFETY: the borrow of the table was exclusive and ends here.
        unsafe { table.as_mut() }.take(at)
    }
}

pub(super) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// The result of [`HashTable::entry`].
pub enum TableEntry<'a, E: Element> {
    Occupied(SlotMut<'a, E>),
    Vacant(VacantSlot<'a, E>),
}

/// A key that is not in the table.
pub struct VacantSlot<'a, E: Element> {
    table: &'a mut HashTable<E>,
    hash: u64,
}

impl<'a, E: Element> VacantSlot<'a, E> {
    #[inline(always)]
    pub(super) fn new(table: &'a mut HashTable<E>, hash: u64) -> Self {
        VacantSlot { table, hash }
    }

    /// Inserts an element with the key that was looked up.
    #[inline]
    pub fn insert(self, element: E) -> SlotMut<'a, E> {
        self.table.insert_unique_hashed(self.hash, element)
    }
}
