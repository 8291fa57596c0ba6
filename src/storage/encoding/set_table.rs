//! The table form of a set: a hash table of members.
//!
//! It knows no limits: the set type decides when a set becomes a table. Members that are the text
//! of an integer of up to 47 bits are held in the table's own words; every other one is a block
//! (`member.rs`).
//!
//! Invariant: a member has one form only, so equal members are equal words or equal bytes.

mod member;

use super::hashtable::{HashTable, Iter, TableEntry};
use super::listpack::LpValue;
use super::relocate::{Mover, Relocate};

pub use member::{MemberKey, SetMember};

/// See the module's documentation.
#[derive(Default)]
pub struct SetTable(HashTable<SetMember>);

impl Clone for SetTable {
    fn clone(&self) -> Self {
        let mut copy = SetTable::with_capacity(self.len());
        for member in self.iter() {
            copy.0.insert_unique(SetMember::new(MemberKey::of_member(member)));
        }
        copy
    }
}

impl SetTable {
    pub fn new() -> SetTable {
        SetTable::default()
    }

    /// A table that takes `members` members without resizing.
    pub fn with_capacity(members: usize) -> SetTable {
        SetTable(HashTable::with_capacity(members))
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    #[inline]
    pub fn contains(&self, key: MemberKey<'_>) -> bool {
        self.0.contains(key)
    }

    /// Adds a member; false if it is there.
    #[inline]
    pub fn insert(&mut self, key: MemberKey<'_>) -> bool {
        match self.0.entry(key) {
            TableEntry::Vacant(slot) => {
                slot.insert(SetMember::new(key));
                true
            }
            TableEntry::Occupied(_) => false,
        }
    }

    /// Removes a member; false if it is not there.
    #[inline]
    pub fn remove(&mut self, key: MemberKey<'_>) -> bool {
        self.0.remove(key).is_some()
    }

    /// All members, in no order.
    pub fn iter(&self) -> Iter<'_, SetMember> {
        self.0.iter()
    }

    /// See [`HashTable::scan`].
    pub fn scan<'a>(&'a self, cursor: u64, report: impl FnMut(LpValue<'a>)) -> u64 {
        self.0.scan(cursor, report)
    }

    /// A member, each with the same chance.
    pub fn random(&self) -> Option<LpValue<'_>> {
        self.0.fair_random()
    }

    /// Takes a member out, each with the same chance.
    pub fn pop_random(&mut self) -> Option<SetMember> {
        self.0.rehash_buckets(1);
        let member = self.0.fair_random()?;
        let hash = MemberKey::of_member(member).hash();
        let word = SetMember::word_of(member);
        self.0.remove_word(hash, word)
    }

    /// The table itself, for prefetching and DEBUG HTSTATS-KEY.
    pub fn table(&self) -> &HashTable<SetMember> {
        &self.0
    }

    pub fn is_rehashing(&self) -> bool {
        self.0.is_rehashing()
    }

    /// Moves up to `buckets` buckets, for those who only read a table that is being rehashed.
    pub fn rehash(&mut self, buckets: usize) {
        self.0.rehash_buckets(buckets);
    }

    /// Bytes of memory, the members' own from the mean of the first `samples` (0 = all).
    pub fn memory_bytes(&self, samples: usize) -> usize {
        let n = if samples == 0 { self.len() } else { samples.min(self.len()) };
        let seen: usize = self.iter().take(n).map(SetMember::alloc_bytes).sum();
        let members = seen as f64 / n.max(1) as f64 * self.len() as f64;
        size_of::<Self>() + self.0.memory_bytes() + members as usize
    }
}

/// The cursor is that of a scan.
impl Relocate for SetTable {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        self.0.relocate_step(cursor, mover, |member, mover| member.relocated(mover))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::malloc::thread_used_memory;
    use std::collections::BTreeSet;

    fn key(text: &[u8]) -> MemberKey<'_> {
        MemberKey::new(text)
    }

    fn texts(table: &SetTable) -> BTreeSet<Vec<u8>> {
        table.iter().map(|member| member.to_vec()).collect()
    }

    #[test]
    fn members_of_all_forms_come_back() {
        let mut table = SetTable::new();
        let long = "x".repeat(254);
        let longer = "y".repeat(255);
        let huge = "z".repeat(70_000);
        let all = [
            "",
            "a",
            "0",
            "-1",
            "007",
            "+5",
            "-0",
            "70368744177663",
            "70368744177664",
            "-70368744177664",
            "-70368744177665",
            "9223372036854775807",
            "-9223372036854775808",
            &long,
            &longer,
            &huge,
        ];
        for text in all {
            assert!(table.insert(key(text.as_bytes())), "{text}");
            assert!(!table.insert(key(text.as_bytes())), "{text}");
        }
        let expected: BTreeSet<Vec<u8>> = all.iter().map(|t| t.as_bytes().to_vec()).collect();
        assert_eq!(texts(&table), expected);
        assert_eq!(texts(&table.clone()), expected);
        for text in all {
            assert!(table.contains(key(text.as_bytes())));
            assert!(table.remove(key(text.as_bytes())));
            assert!(!table.contains(key(text.as_bytes())));
        }
        assert!(table.is_empty());
    }

    #[test]
    fn popping_gives_each_member_once() {
        let mut table = SetTable::new();
        let mut expected = BTreeSet::new();
        for i in 0..3000 {
            let text = if i % 2 == 0 { format!("{i}") } else { format!("m:{i}") };
            table.insert(key(text.as_bytes()));
            expected.insert(text.into_bytes());
        }
        while let Some(member) = table.pop_random() {
            assert!(expected.remove(&member.value().to_vec()));
        }
        assert!(table.is_empty() && expected.is_empty());
    }

    #[test]
    fn a_million_members_are_small() {
        const N: usize = 1 << 20;
        let before = thread_used_memory();
        let mut table = SetTable::new();
        for i in 0..N {
            table.insert(key(format!("member:{i:09}").as_bytes()));
        }
        let text_bytes = (thread_used_memory() - before) as f64 / N as f64;
        drop(table);
        let before = thread_used_memory();
        let mut table = SetTable::new();
        for i in 0..N {
            table.insert(key(format!("{}", i * 3).as_bytes()));
        }
        let int_bytes = (thread_used_memory() - before) as f64 / N as f64;
        assert!(text_bytes < 37.0, "{text_bytes} bytes a member of 16 bytes");
        assert!(int_bytes < 14.0, "{int_bytes} bytes an integer");
    }
}
