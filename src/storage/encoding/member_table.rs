//! The big form of a sorted set: one hash table by member bytes and one ordered tree, which share
//! the members. Not a policy: when a sorted set takes this form is `types::zset`'s decision.
//!
//! ```text
//!  HashTable<Member> ──► │ tag word │…  ─┐
//!                                        ├─► [score f64][len][bytes]   one allocation a member
//!  OrderedSet<Member> ─► leaf of handles ┘
//! ```
//!
//! `MemberSums` and `Members` are the halves on the way there: members that a union or intersection
//! gathers, which are sorted once at the end instead of one by one.
//!
//! Invariant: table and tree hold the same handles; this type alone owns them, lends their bytes
//! for the length of a borrow, and frees each of them once.
//!
//! JUSTIFICATION: sharing one allocation between two containers needs handles that the compiler
//! does not track; `Rc` and a second copy of the score would cost 24 bytes a member (PERFORMANCE.md
//! 0.5: memory per member, ZADD).

use std::marker::PhantomData;
use std::ops::Range;

use super::entry::same_bytes;
use super::hashtable::{Element, HashTable, TableEntry};
use super::ordered_set::{Member, OrderedSet};
use super::relocate::{Mover, PartCursor, Relocate};
use crate::util::siphash::siphash;

/// A member in a container borrowed for `'a`.
#[derive(Clone, Copy)]
pub struct MemberRef<'a> {
    member: Member,
    container: PhantomData<&'a MemberTable>,
}

impl<'a> MemberRef<'a> {
    /// `member` is in a container that is borrowed for `'a`; only this module makes these.
    #[inline]
    fn new(member: Member) -> Self {
        MemberRef { member, container: PhantomData }
    }

    #[inline]
    pub fn score(self) -> f64 {
        self.member.score()
    }

    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        // SAFETY: the container owns the member, frees it only when borrowed mutably, and is
        // borrowed for 'a.
        unsafe { self.member.bytes_unbound() }
    }

    /// Bytes asked of the allocator for this member.
    pub fn alloc_size(self) -> usize {
        self.member.alloc_size()
    }
}

// SAFETY: a member's word is its address, below 2^48 as `Member::new` asserts, and gives the same
// handle back; the hash is that of the bytes, which never change; views are bound to the borrow of
// the table.
unsafe impl Element for Member {
    type Key<'k> = &'k [u8];
    type Ref<'a> = MemberRef<'a>;
    type Mut<'a> = MemberRef<'a>;

    #[inline(always)]
    fn into_word(self) -> u64 {
        self.to_word()
    }

    #[inline(always)]
    unsafe fn from_word(word: u64) -> Self {
        // SAFETY: the same contract.
        unsafe { Member::from_word(word) }
    }

    #[inline(always)]
    fn hash_key(key: &[u8]) -> u64 {
        siphash(key)
    }

    #[inline(always)]
    unsafe fn hash_word(word: u64) -> u64 {
        // SAFETY: the word of a live member.
        siphash(unsafe { Member::from_word(word) }.bytes())
    }

    #[inline(always)]
    unsafe fn matches(word: u64, key: &[u8]) -> bool {
        // SAFETY: the word of a live member.
        same_bytes(unsafe { Member::from_word(word) }.bytes(), key)
    }

    #[inline(always)]
    unsafe fn view<'a>(word: u64) -> MemberRef<'a> {
        // SAFETY: the word of a live member that stays for 'a by the contract.
        MemberRef::new(unsafe { Member::from_word(word) })
    }

    #[inline(always)]
    unsafe fn view_mut<'a>(word: u64) -> MemberRef<'a> {
        // SAFETY: as in `view`.
        MemberRef::new(unsafe { Member::from_word(word) })
    }
}

/// See the module's documentation.
#[derive(Default)]
pub struct MemberTable {
    table: HashTable<Member>,
    order: OrderedSet<Member>,
}

impl Drop for MemberTable {
    fn drop(&mut self) {
        // SAFETY: the tree holds every member once; the table, dropped next, holds plain words that
        // it does not look at, since `Member` needs no drop.
        unsafe { self.order.free_members() }
    }
}

const _: () = assert!(!std::mem::needs_drop::<Member>());

impl Clone for MemberTable {
    fn clone(&self) -> Self {
        let mut members = Members::with_capacity(self.len());
        for member in self.iter(0..self.len()) {
            members.push(member.score(), member.bytes());
        }
        members.into_table()
    }
}

impl MemberTable {
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty one whose hash table takes so many members without resizing.
    pub fn with_capacity(members: usize) -> Self {
        MemberTable { table: HashTable::with_capacity(members), order: OrderedSet::new() }
    }

    #[inline]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The half that finds members, for prefetching and DEBUG HTSTATS-KEY.
    pub fn table(&self) -> &HashTable<Member> {
        &self.table
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        self.table.find(member).map(MemberRef::score)
    }

    /// Rank (from the smallest, 0) and score of a member.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        Some((self.order.rank(score, member)?, score))
    }

    /// `decide` gets the member's score, or `None` if it is absent, and gives the score it shall
    /// have; `None` leaves everything as it is. Scores are not NaN.
    #[inline]
    pub fn change(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) {
        match self.table.entry(member) {
            TableEntry::Occupied(slot) => {
                let handle = slot.into_ref().member;
                match decide(Some(handle.score())) {
                    Some(score) if score != handle.score() => {
                        self.order.update_score(handle, score);
                    }
                    _ => {}
                }
            }
            TableEntry::Vacant(slot) => {
                if let Some(score) = decide(None) {
                    let handle = Member::new(score, member);
                    slot.insert(handle);
                    self.order.insert(handle);
                }
            }
        }
    }

    /// Removes a member; its score if it was there.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let handle = self.table.remove(member)?;
        let score = handle.score();
        self.order.remove(score, member);
        // SAFETY: out of both containers, and no view is alive while `self` is borrowed mutably.
        unsafe { handle.free() };
        Some(score)
    }

    /// Removes the members at ranks `start..end`, `end` cut to the length. Returns how many.
    pub fn delete_range(&mut self, ranks: Range<usize>) -> usize {
        let before = self.len();
        if ranks.start == 0 && ranks.end >= before {
            *self = MemberTable::new();
            return before;
        }
        let table = &mut self.table;
        self.order.delete_range_by_rank(ranks.start, ranks.end, |handle| {
            table.remove_word(siphash(handle.bytes()), handle.to_word());
            // SAFETY: out of both containers, and no view is alive while `self` is borrowed
            // mutably.
            unsafe { handle.free() };
        });
        before - self.len()
    }

    /// The member at a rank.
    pub fn by_rank(&self, rank: usize) -> Option<MemberRef<'_>> {
        self.order.by_rank(rank).map(MemberRef::new)
    }

    /// Members of a range of ranks, ascending.
    #[inline]
    pub fn iter(&self, ranks: Range<usize>) -> impl ExactSizeIterator<Item = MemberRef<'_>> {
        self.order.range(ranks).map(MemberRef::new)
    }

    /// Members of a range of ranks, descending.
    #[inline]
    pub fn iter_rev(&self, ranks: Range<usize>) -> impl ExactSizeIterator<Item = MemberRef<'_>> {
        self.order.range_rev(ranks).map(MemberRef::new)
    }

    /// Number of members below `score`, those equal to it included if `inclusive`.
    pub fn count_below(&self, score: f64, inclusive: bool) -> usize {
        if inclusive { self.order.first_gt(score) } else { self.order.first_ge(score) }
    }

    /// Number of members before `member` in byte order, itself included if `inclusive`; only
    /// meaningful if all scores are equal.
    pub fn count_before(&self, member: &[u8], inclusive: bool) -> usize {
        if inclusive { self.order.first_lex_gt(member) } else { self.order.first_lex_ge(member) }
    }

    /// One step of a scan in hash order; see `HashTable::scan`.
    pub fn scan<'a>(&'a self, cursor: u64, report: impl FnMut(MemberRef<'a>)) -> u64 {
        self.table.scan(cursor, report)
    }

    /// Bytes of both containers, without the members.
    pub fn overhead_bytes(&self) -> usize {
        size_of::<HashTable<Member>>() + self.table.memory_bytes() + self.order.memory_bytes()
    }

    /// The hash table's figures (DEBUG HTSTATS-KEY).
    pub fn stats_text(&self, full: bool) -> String {
        self.table.stats_text(full)
    }
}

/// Nodes of the tree first, then members in the order of a scan.
impl Relocate for MemberTable {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let at = PartCursor::of(cursor);
        let MemberTable { table, order } = self;
        let next = match at.part {
            0 => order.relocate_nodes(at.inner, mover),
            _ => table.relocate_step(at.inner, mover, |old, mover| {
                let Some(new) = old.moved(mover) else { return old };
                assert!(order.replace(old, new), "table and tree hold the same members");
                // SAFETY: the tree has the new handle, the table gets it; no view is alive while
                // `self` is borrowed mutably.
                unsafe { old.free_moved(mover) };
                new
            }),
        };
        at.next(next, 1)
    }
}

/// Members that are being gathered, each at most once; owned.
#[derive(Default)]
pub struct Members {
    items: Vec<(f64, Member)>,
    /// The table they were gathered in, if it was one.
    table: HashTable<Member>,
}

impl Drop for Members {
    fn drop(&mut self) {
        for (_, member) in self.items.drain(..) {
            // SAFETY: `items` holds every member once, and the table does not look at its words.
            unsafe { member.free() };
        }
    }
}

impl Members {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(members: usize) -> Self {
        Members { items: Vec::with_capacity(members), table: HashTable::new() }
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Adds a member that is not among them yet.
    pub fn push(&mut self, score: f64, member: &[u8]) {
        debug_assert!(self.table.is_empty());
        self.items.push((score, Member::new(score, member)));
    }

    /// Sorts by score, then bytes. -0 and 0 are the same.
    pub fn sort(&mut self) {
        self.items.sort_unstable_by(|(a, x), (b, y)| {
            (a + 0.0).total_cmp(&(b + 0.0)).then_with(|| x.bytes().cmp(y.bytes()))
        });
    }

    /// Members in their present order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = MemberRef<'_>> {
        self.items.iter().map(|(_, member)| MemberRef::new(*member))
    }

    /// Builds the sorted set of sorted members.
    pub fn into_table(mut self) -> MemberTable {
        let mut table = std::mem::take(&mut self.table);
        let indexed = !table.is_empty();
        if !indexed {
            table.reserve(self.len());
        }
        let mut order = OrderedSet::new();
        for (_, member) in self.items.drain(..) {
            if !indexed {
                table.insert_unique(member);
            }
            order.insert(member);
        }
        MemberTable { table, order }
    }
}

/// Members whose scores are still being summed up.
#[derive(Default)]
pub struct MemberSums {
    table: HashTable<Member>,
}

impl Drop for MemberSums {
    fn drop(&mut self) {
        drop(self.take_members());
    }
}

impl MemberSums {
    pub fn with_capacity(members: usize) -> Self {
        MemberSums { table: HashTable::with_capacity(members) }
    }

    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Gives a member the score that `sum` makes of its present one.
    pub fn add(&mut self, member: &[u8], sum: impl FnOnce(Option<f64>) -> f64) {
        match self.table.entry(member) {
            TableEntry::Occupied(slot) => {
                // In no tree, so the score may change in place.
                let handle = slot.into_ref().member;
                handle.set_score(sum(Some(handle.score())));
            }
            TableEntry::Vacant(slot) => {
                slot.insert(Member::new(sum(None), member));
            }
        }
    }

    /// Removes a member, if it is there.
    pub fn remove(&mut self, member: &[u8]) {
        if let Some(handle) = self.table.remove(member) {
            // SAFETY: out of the table, its only container; no view is alive.
            unsafe { handle.free() };
        }
    }

    /// The members, unsorted.
    pub fn into_members(mut self) -> Members {
        self.take_members()
    }

    fn take_members(&mut self) -> Members {
        let table = std::mem::take(&mut self.table);
        let items = table.iter().map(|view| (view.score(), view.member)).collect();
        Members { items, table }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(table: &MemberTable) -> Vec<(f64, Vec<u8>)> {
        table.iter(0..table.len()).map(|m| (m.score(), m.bytes().to_vec())).collect()
    }

    #[test]
    fn table_and_order_stay_the_same_set() {
        let mut table = MemberTable::new();
        for i in 0..5000u32 {
            let member = format!("m{i}");
            table.change(member.as_bytes(), |old| {
                assert_eq!(old, None);
                Some(f64::from(i % 97))
            });
        }
        for i in (0..5000u32).step_by(3) {
            assert_eq!(table.remove(format!("m{i}").as_bytes()), Some(f64::from(i % 97)));
        }
        assert_eq!(table.delete_range(100..2100), 2000);
        assert_eq!(table.len(), 3333 - 2000);
        for (score, member) in listed(&table) {
            assert_eq!(table.score(&member), Some(score));
        }
        assert_eq!(table.clone().len(), table.len());
        assert_eq!(table.delete_range(0..usize::MAX), 1333);
        assert!(table.is_empty() && table.score(b"m1").is_none());
    }

    #[test]
    fn gathered_members_become_a_sorted_set() {
        let mut sums = MemberSums::default();
        for i in 0..1000u32 {
            let member = format!("{}", i % 400);
            sums.add(member.as_bytes(), |old| old.unwrap_or(0.0) - 1.0);
        }
        sums.remove(b"7");
        let mut members = sums.into_members();
        members.sort();
        let table = members.into_table();
        assert_eq!(table.len(), 399);
        assert_eq!(table.score(b"3"), Some(-3.0));
        assert_eq!(table.rank(b"0"), Some((0, -3.0)));
        let mut plain = Members::new();
        plain.push(0.0, b"b");
        plain.push(-0.0, b"a");
        plain.sort();
        assert_eq!(listed(&plain.into_table()), [(-0.0, b"a".to_vec()), (0.0, b"b".to_vec())]);
    }
}
