//! The table form of a hash: a hash table of fields, and which of them expire next.
//!
//! It knows no clock and no limits: "now" is an argument, and the hash type decides when a hash
//! becomes a table. Expired fields are ordinary fields here until somebody removes them.
//!
//! Invariant: `expires` exists if and only if some field has an expire time, and lists exactly
//! those fields under the words by which the table holds them.
//!
//! JUSTIFICATION: the words in `expires` stand for fields of the table, and finding one by its word
//! reads the field behind it; so the earliest field is found without a second copy of its name.

mod field;
mod relocate;
#[cfg(test)]
mod tests;

pub use field::{Field, FieldRef};

use super::field_expires::FieldExpires;
use super::hashtable::{Element, HashTable, Iter, SlotMut, TableEntry};

/// See the module's documentation.
#[derive(Default)]
pub struct FieldTable {
    table: HashTable<Field>,
    expires: Option<Box<FieldExpires>>,
}

impl Clone for FieldTable {
    fn clone(&self) -> Self {
        let mut copy = FieldTable::with_capacity(self.len());
        for field in self.iter() {
            copy.insert(field.name(), field.value(), field.expire());
        }
        copy
    }
}

impl FieldTable {
    pub fn new() -> FieldTable {
        FieldTable::default()
    }

    /// A table that takes `fields` fields without resizing.
    pub fn with_capacity(fields: usize) -> FieldTable {
        FieldTable { table: HashTable::with_capacity(fields), expires: None }
    }

    /// Makes room for `fields` fields in all.
    pub fn reserve(&mut self, fields: usize) {
        self.table.reserve(fields);
    }

    /// Number of fields, expired ones included.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<FieldRef<'_>> {
        self.table.find(name)
    }

    /// Sets a field; true if it existed. Its expire time stays if `keep_ttl`, else it is lost.
    pub fn set(&mut self, name: &[u8], value: &[u8], keep_ttl: bool) -> bool {
        match self.table.entry(name) {
            TableEntry::Vacant(slot) => {
                slot.insert(Field::new(name, value, None));
                false
            }
            TableEntry::Occupied(mut slot) => {
                let old = (slot.get().expire(), slot.word());
                let expire = if keep_ttl { old.0 } else { None };
                slot.update(|field| (field.with_value(value).with_expire(expire), ()));
                let new = (expire, slot.word());
                Self::relist(&mut self.expires, old, new);
                true
            }
        }
    }

    /// Adds a field; if it exists already, the new value and expire time replace the old ones.
    pub fn insert(&mut self, name: &[u8], value: &[u8], expire: Option<i64>) {
        self.set(name, value, false);
        if expire.is_some() {
            self.set_expire(name, expire);
        }
    }

    /// Gives a field an expire time, or takes it away; false if there is no such field.
    pub fn set_expire(&mut self, name: &[u8], expire: Option<i64>) -> bool {
        let Some(mut slot) = self.table.find_mut(name) else { return false };
        let old = (slot.get().expire(), slot.word());
        slot.update(|field| (field.with_expire(expire), ()));
        let new = (expire, slot.word());
        Self::relist(&mut self.expires, old, new);
        true
    }

    /// Brings `expires` up to date with a field whose expire time or word changed.
    fn relist(
        expires: &mut Option<Box<FieldExpires>>,
        old: (Option<i64>, u64),
        new: (Option<i64>, u64),
    ) {
        if old == new || (old.0.is_none() && new.0.is_none()) {
            return;
        }
        let list = expires.get_or_insert_default();
        if let (Some(at), word) = old {
            list.remove(at, word);
        }
        if let (Some(at), word) = new {
            list.add(at, word);
        }
        if list.is_empty() {
            *expires = None;
        }
    }

    /// Removes a field; false if there is none.
    pub fn remove(&mut self, name: &[u8]) -> bool {
        match self.table.find_mut(name) {
            Some(slot) => {
                Self::remove_slot(&mut self.expires, slot);
                true
            }
            None => false,
        }
    }

    fn remove_slot(expires: &mut Option<Box<FieldExpires>>, slot: SlotMut<'_, Field>) -> Field {
        let old = (slot.get().expire(), slot.word());
        Self::relist(expires, old, (None, 0));
        slot.remove()
    }

    /// Takes out the field that expires first, if its time is not after `now`.
    pub fn pop_expired(&mut self, now: i64) -> Option<Field> {
        let (at, word) = self.expires.as_ref()?.first()?;
        if at > now {
            return None;
        }
        // SAFETY: by the invariant the word is a field of the table, so it is alive.
        let hash = unsafe { Field::hash_word(word) };
        Self::relist(&mut self.expires, (Some(at), word), (None, 0));
        self.table.remove_word(hash, word)
    }

    /// Whether any field has an expire time.
    pub fn has_expires(&self) -> bool {
        self.expires.is_some()
    }

    /// The earliest expire time of a field.
    pub fn min_expire(&self) -> Option<i64> {
        Some(self.expires.as_ref()?.first()?.0)
    }

    /// Number of fields whose time lies before `now`.
    pub fn expired_len(&self, now: i64) -> usize {
        self.expires.as_ref().map_or(0, |expires| expires.count_before(now))
    }

    pub fn iter(&self) -> Iter<'_, Field> {
        self.table.iter()
    }

    /// See [`HashTable::scan`].
    pub fn scan<'a>(&'a self, cursor: u64, report: impl FnMut(FieldRef<'a>)) -> u64 {
        self.table.scan(cursor, report)
    }

    /// See [`HashTable::fair_random`].
    pub fn fair_random(&self) -> Option<FieldRef<'_>> {
        self.table.fair_random()
    }

    /// The table itself, for DEBUG HTSTATS-KEY, the sizes of its arrays and prefetching.
    pub fn table(&self) -> &HashTable<Field> {
        &self.table
    }

    /// Bytes of the table and of the expire list, without the fields.
    pub fn overhead_bytes(&self) -> usize {
        let expires = self.expires.as_ref().map_or(0, |expires| expires.heap_bytes());
        size_of::<Self>() + self.table.memory_bytes() + expires
    }
}
