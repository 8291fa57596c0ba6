//! Tables of entries by hash slot, and the databases.
//!
//! A `KvStore` is one table, or one per hash slot in cluster mode (made when its first key comes,
//! freed when its last one goes). Slots are counted in a Fenwick tree, so that a random key is fair
//! over all slots and `next` finds the following non-empty slot in O(log n).
//!
//! A scan cursor is the table's cursor with the slot in its low 14 bits, as Redis composes it.
//!
//! Not here: expiry, values (see `db`). Invariant: the Fenwick tree agrees with the tables.

use std::time::{Duration, Instant};

use super::db::Db;
use super::encoding::entry::hash_key;
use super::encoding::hashtable::{Element, HashTable, Iter, SlotMut, TableEntry, TableStats};
use super::encoding::relocate::Mover;
use crate::util::crc16::key_slot;

/// Hash slots of a cluster.
pub const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 14;
/// A table of that size is never too empty for sampling.
const FEW_PLACES: usize = 8;

/// A key's hash and slot: computed once, used for prefetching and in every table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHash {
    pub hash: u64,
    /// 0 when the tables are not split by slot.
    pub slot: u16,
}

impl KeyHash {
    #[inline(always)]
    pub fn new(key: &[u8], cluster: bool) -> KeyHash {
        KeyHash { hash: hash_key(key), slot: if cluster { key_slot(key) } else { 0 } }
    }
}

/// One table, or one per slot.
pub struct KvStore<E: Element>(Tables<E>);

enum Tables<E: Element> {
    One(HashTable<E>),
    Slots(Box<SlotTables<E>>),
}

struct SlotTable<E: Element> {
    table: HashTable<E>,
    /// Whether the slot is in `rehashing`.
    listed: bool,
}

struct SlotTables<E: Element> {
    tables: Box<[Option<Box<SlotTable<E>>>]>,
    counts: Fenwick,
    /// Slots whose tables may be rehashing, so that cron need not look at all.
    rehashing: Vec<u16>,
    /// Where `try_resize` goes on.
    resize_cursor: usize,
}

/// Counts of keys per slot with prefix sums.
struct Fenwick {
    /// 1-based; node i sums the `i & -i` slots that end at i.
    sums: Box<[u32]>,
    len: usize,
}

impl Fenwick {
    fn new() -> Self {
        Fenwick { sums: vec![0; SLOTS + 1].into_boxed_slice(), len: 0 }
    }

    fn add(&mut self, slot: usize, delta: i32) {
        self.len = self.len.checked_add_signed(delta as isize).expect("counts follow the tables");
        let mut node = slot + 1;
        while node <= SLOTS {
            self.sums[node] = self.sums[node].wrapping_add_signed(delta);
            node += node & node.wrapping_neg();
        }
    }

    /// Keys in the slots below `slot`.
    fn before(&self, slot: usize) -> usize {
        let (mut node, mut sum) = (slot, 0);
        while node > 0 {
            sum += self.sums[node] as usize;
            node &= node - 1;
        }
        sum
    }

    /// The slot of the `nth` key (from 0) in slot order.
    fn find(&self, nth: usize) -> Option<usize> {
        if nth >= self.len {
            return None;
        }
        let (mut slot, mut left, mut step) = (0, nth, SLOTS);
        while step > 0 {
            if slot + step <= SLOTS && self.sums[slot + step] as usize <= left {
                slot += step;
                left -= self.sums[slot] as usize;
            }
            step /= 2;
        }
        Some(slot)
    }
}

impl<E: Element> SlotTables<E> {
    fn new() -> Self {
        SlotTables {
            tables: (0..SLOTS).map(|_| None).collect(),
            counts: Fenwick::new(),
            rehashing: Vec::new(),
            resize_cursor: 0,
        }
    }

    fn table(&self, slot: usize) -> Option<&HashTable<E>> {
        self.tables.get(slot)?.as_ref().map(|t| &t.table)
    }

    /// The first non-empty slot from `slot` on.
    fn next(&self, slot: usize) -> Option<usize> {
        self.counts.find(self.counts.before(slot))
    }

    /// Remembers a slot whose table began to rehash.
    fn note_rehashing(&mut self, slot: usize) {
        if let Some(t) = &mut self.tables[slot]
            && !t.listed
            && t.table.is_rehashing()
        {
            t.listed = true;
            self.rehashing.push(slot as u16);
        }
    }

    fn find_mut(&mut self, at: KeyHash, key: E::Key<'_>) -> Option<SlotMut<'_, E>> {
        self.tables[at.slot as usize].as_mut()?.table.find_mut_hashed(at.hash, key)
    }

    fn insert(&mut self, at: KeyHash, element: E) -> SlotMut<'_, E> {
        let slot = at.slot as usize;
        self.counts.add(slot, 1);
        let new = || Box::new(SlotTable { table: HashTable::new(), listed: false });
        let t = self.tables[slot].get_or_insert_with(new);
        // Resizing begins here, so that it is noticed before the borrow is given away.
        t.table.expand_if_needed();
        self.note_rehashing(slot);
        let t = self.tables[slot].as_mut().expect("made above");
        t.table.insert_unique_hashed(at.hash, element)
    }

    fn remove(
        &mut self,
        slot: usize,
        take: impl FnOnce(&mut HashTable<E>) -> Option<E>,
    ) -> Option<E> {
        let t = self.tables[slot].as_mut()?;
        let taken = take(&mut t.table)?;
        self.counts.add(slot, -1);
        if t.table.is_empty() {
            self.tables[slot] = None;
        } else {
            self.note_rehashing(slot);
        }
        Some(taken)
    }

    fn rehash_for(&mut self, limit: Duration) -> bool {
        let start = Instant::now();
        while let Some(&slot) = self.rehashing.last() {
            let left = limit.saturating_sub(start.elapsed());
            if let Some(t) = &mut self.tables[slot as usize] {
                if t.table.rehash_for(left) {
                    return true;
                }
                t.listed = false;
                if t.table.is_rehashing() {
                    // Not allowed to now; cron or the next change lists it again.
                    self.rehashing.pop();
                    return false;
                }
            }
            self.rehashing.pop();
        }
        false
    }

    fn try_resize(&mut self, limit: usize) {
        for _ in 0..limit {
            let next = self.next(self.resize_cursor).or_else(|| self.next(0));
            let Some(slot) = next else { return };
            if let Some(t) = &mut self.tables[slot] {
                let _ = t.table.shrink_if_needed() || t.table.expand_if_overfull();
            }
            self.note_rehashing(slot);
            self.resize_cursor = slot + 1;
        }
    }
}

impl<E: Element> KvStore<E> {
    /// An empty store; split by slot in cluster mode.
    pub fn new(cluster: bool) -> Self {
        KvStore(if cluster {
            Tables::Slots(Box::new(SlotTables::new()))
        } else {
            Tables::One(HashTable::new())
        })
    }

    /// Keys in all slots.
    #[inline(always)]
    pub fn len(&self) -> usize {
        match &self.0 {
            Tables::One(table) => table.len(),
            Tables::Slots(slots) => slots.counts.len,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Keys in one slot.
    pub fn slot_len(&self, slot: u16) -> usize {
        self.table(slot).map_or(0, HashTable::len)
    }

    #[inline(always)]
    fn table(&self, slot: u16) -> Option<&HashTable<E>> {
        match &self.0 {
            Tables::One(table) => (slot == 0).then_some(table),
            Tables::Slots(slots) => slots.table(slot as usize),
        }
    }

    #[inline(always)]
    pub fn find(&self, at: KeyHash, key: E::Key<'_>) -> Option<E::Ref<'_>> {
        self.table(at.slot)?.find_hashed(at.hash, key)
    }

    #[inline(always)]
    pub fn find_mut(&mut self, at: KeyHash, key: E::Key<'_>) -> Option<SlotMut<'_, E>> {
        match &mut self.0 {
            Tables::One(table) => table.find_mut_hashed(at.hash, key),
            Tables::Slots(slots) => slots.find_mut(at, key),
        }
    }

    /// Inserts an element whose key is absent.
    #[inline]
    pub fn insert(&mut self, at: KeyHash, element: E) -> SlotMut<'_, E> {
        match &mut self.0 {
            Tables::One(table) => table.insert_unique_hashed(at.hash, element),
            Tables::Slots(slots) => slots.insert(at, element),
        }
    }

    /// The element with this key, or the new one that `make` gives; one look-up in a store that is
    /// not split. True if it is new.
    #[inline]
    pub fn find_or_insert(
        &mut self,
        at: KeyHash,
        key: E::Key<'_>,
        make: impl FnOnce() -> E,
    ) -> (SlotMut<'_, E>, bool) {
        match &mut self.0 {
            Tables::One(table) => match table.entry_hashed(at.hash, key) {
                TableEntry::Occupied(slot) => (slot, false),
                TableEntry::Vacant(slot) => (slot.insert(make()), true),
            },
            Tables::Slots(slots) => {
                let found = slots.table(at.slot.into());
                if found.is_none_or(|table| table.find_hashed(at.hash, key).is_none()) {
                    return (slots.insert(at, make()), true);
                }
                (slots.find_mut(at, key).expect("just found"), false)
            }
        }
    }

    #[inline]
    pub fn remove(&mut self, at: KeyHash, key: E::Key<'_>) -> Option<E> {
        match &mut self.0 {
            Tables::One(table) => table.remove_hashed(at.hash, key),
            Tables::Slots(slots) => {
                slots.remove(at.slot as usize, |table| table.remove_hashed(at.hash, key))
            }
        }
    }

    /// Removes by identity, see [`HashTable::remove_word`].
    pub fn remove_word(&mut self, at: KeyHash, word: u64) -> Option<E> {
        match &mut self.0 {
            Tables::One(table) => table.remove_word(at.hash, word),
            Tables::Slots(slots) => {
                slots.remove(at.slot as usize, |table| table.remove_word(at.hash, word))
            }
        }
    }

    /// Replaces by identity, see [`HashTable::replace_word`].
    pub fn replace_word(&mut self, at: KeyHash, old: u64, new: E) -> Result<E, E> {
        match &mut self.0 {
            Tables::One(table) => table.replace_word(at.hash, old, new),
            Tables::Slots(slots) => match &mut slots.tables[at.slot as usize] {
                Some(t) => t.table.replace_word(at.hash, old, new),
                None => Err(new),
            },
        }
    }

    /// All tables that exist, with their slots.
    fn tables(&self) -> impl Iterator<Item = (u16, &HashTable<E>)> {
        let mut next = Some(0);
        std::iter::from_fn(move || match &self.0 {
            Tables::One(table) => next.take().map(|_| (0, table)),
            Tables::Slots(slots) => {
                let slot = slots.next(next?)?;
                next = Some(slot + 1);
                Some((slot as u16, slots.table(slot)?))
            }
        })
    }

    /// The slots that hold keys, ascending.
    pub fn non_empty_slots(&self) -> impl Iterator<Item = u16> + '_ {
        self.tables().filter(|(_, t)| !t.is_empty()).map(|(slot, _)| slot)
    }

    /// All elements, slot by slot.
    pub fn iter(&self) -> impl Iterator<Item = E::Ref<'_>> {
        self.tables().flat_map(|(_, table)| table.iter())
    }

    /// The elements of one slot.
    pub fn iter_slot(&self, slot: u16) -> impl Iterator<Item = E::Ref<'_>> {
        self.table(slot).map(HashTable::iter).into_iter().flat_map(|iter: Iter<'_, E>| iter)
    }

    /// One step of a scan over all slots, or over one. See [`HashTable::scan`].
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        only: Option<u16>,
        report: impl FnMut(E::Ref<'a>),
    ) -> u64 {
        self.scan_if(cursor, only, |_| true, report)
    }

    /// `scan` for sampling: passes over tables that are nearly empty. Looking for their few
    /// elements would take long, and they will shrink soon.
    pub fn scan_filled<'a>(&'a self, cursor: u64, report: impl FnMut(E::Ref<'a>)) -> u64 {
        let filled = |table: &HashTable<E>| {
            let size = table.table_size();
            size <= FEW_PLACES || table.len() * 100 >= size
        };
        self.scan_if(cursor, None, filled, report)
    }

    fn scan_if<'a>(
        &'a self,
        cursor: u64,
        only: Option<u16>,
        wanted: impl Fn(&HashTable<E>) -> bool,
        report: impl FnMut(E::Ref<'a>),
    ) -> u64 {
        let slots = match &self.0 {
            Tables::One(table) if wanted(table) => return table.scan(cursor, report),
            Tables::One(_) => return 0,
            Tables::Slots(slots) => slots,
        };
        let (mut slot, mut inner) = (cursor as usize & (SLOTS - 1), cursor >> SLOT_BITS);
        if let Some(only) = only.map(usize::from) {
            if slot > only {
                return 0;
            }
            if slot < only {
                (slot, inner) = (only, 0);
            }
        }
        inner = match slots.table(slot) {
            Some(table) if wanted(table) => table.scan(inner, report),
            _ => 0,
        };
        if inner != 0 {
            return inner << SLOT_BITS | slot as u64;
        }
        match slots.next(slot + 1) {
            Some(next) if only.is_none() => next as u64,
            _ => 0,
        }
    }

    /// One step of active defragmentation over all slots: moves the tables' own blocks and gives
    /// the elements to `change`, see [`HashTable::relocate_step`]. Cursors are those of `scan`.
    pub(in crate::storage) fn relocate_step(
        &mut self,
        cursor: u64,
        mover: &mut Mover,
        change: impl FnMut(E, &mut Mover) -> E,
    ) -> u64 {
        let slots = match &mut self.0 {
            Tables::One(table) => return table.relocate_step(cursor, mover, change),
            Tables::Slots(slots) => slots,
        };
        let (slot, mut inner) = (cursor as usize & (SLOTS - 1), cursor >> SLOT_BITS);
        if let Some(boxed) = &mut slots.tables[slot] {
            if inner == 0 {
                mover.boxed(boxed);
            }
            inner = boxed.table.relocate_step(inner, mover, change);
        } else {
            inner = 0;
        }
        match inner {
            0 => slots.next(slot + 1).map_or(0, |next| next as u64),
            _ => inner << SLOT_BITS | slot as u64,
        }
    }

    /// A table, each with a probability proportional to its keys.
    fn fair_table(&self) -> Option<&HashTable<E>> {
        match &self.0 {
            Tables::One(table) => Some(table),
            Tables::Slots(slots) if slots.counts.len == 0 => None,
            Tables::Slots(slots) => {
                let nth = fastrand::usize(..slots.counts.len);
                slots.table(slots.counts.find(nth)?)
            }
        }
    }

    /// A random element, each equally likely.
    pub fn random(&self) -> Option<E::Ref<'_>> {
        self.fair_table()?.fair_random()
    }

    /// A random element of one slot.
    pub fn random_in_slot(&self, slot: u16) -> Option<E::Ref<'_>> {
        self.table(slot)?.fair_random()
    }

    /// About `n` elements near each other, see [`HashTable::some_entries`].
    pub fn sample<'a>(&'a self, n: usize, out: &mut Vec<E::Ref<'a>>) {
        if let Some(table) = self.fair_table() {
            table.some_entries(n, out);
        }
    }

    /// Makes room for so many keys (loading). In cluster mode only per slot: see `reserve_slot`.
    pub fn reserve(&mut self, keys: usize) {
        if let Tables::One(table) = &mut self.0 {
            table.reserve(keys);
        }
    }

    /// Makes room for so many keys of a slot.
    pub fn reserve_slot(&mut self, slot: u16, keys: usize) {
        if let Tables::Slots(slots) = &mut self.0
            && keys > 0
        {
            let new = || Box::new(SlotTable { table: HashTable::new(), listed: false });
            slots.tables[slot as usize].get_or_insert_with(new).table.reserve(keys);
        }
    }

    /// Moves buckets of tables that nobody touches. Returns whether there is more to do.
    pub fn incrementally_rehash(&mut self, limit: Duration) -> bool {
        match &mut self.0 {
            Tables::One(table) => table.is_rehashing() && table.rehash_for(limit),
            Tables::Slots(slots) => slots.rehash_for(limit),
        }
    }

    /// Resizes up to `limit` tables that need it, going round.
    pub fn try_resize(&mut self, limit: usize) {
        match &mut self.0 {
            Tables::One(table) => {
                let _ = table.shrink_if_needed() || table.expand_if_overfull();
            }
            Tables::Slots(slots) => slots.try_resize(limit),
        }
    }

    #[inline(always)]
    pub fn prefetch_bucket(&self, at: KeyHash) {
        if let Some(table) = self.table(at.slot) {
            table.prefetch_bucket(at.hash);
        }
    }

    #[inline(always)]
    pub fn prefetch_entry(&self, at: KeyHash) {
        if let Some(table) = self.table(at.slot) {
            table.prefetch_entry(at.hash);
        }
    }

    /// Bytes of the tables themselves.
    pub fn memory_bytes(&self) -> usize {
        let fixed = match &self.0 {
            Tables::One(_) => 0,
            Tables::Slots(s) => {
                let per_slot = size_of::<Option<Box<SlotTable<E>>>>() + size_of::<u32>();
                let made = s.tables.iter().flatten().count();
                SLOTS * per_slot + made * size_of::<SlotTable<E>>()
            }
        };
        fixed + self.tables().map(|(_, t)| t.memory_bytes()).sum::<usize>()
    }

    /// Bytes of all bucket arrays, and of those that are rehashing targets.
    pub fn lut_bytes(&self) -> (usize, usize) {
        let add = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0 + b.1, a.1 + b.1);
        self.tables().map(|(_, t)| t.lut_bytes()).fold((0, 0), add)
    }

    /// Whether there is a table: there are keys, or there were since all were removed at once.
    pub fn is_made(&self) -> bool {
        match &self.0 {
            Tables::One(table) => table.table_size() > 0,
            Tables::Slots(_) => !self.is_empty(),
        }
    }

    /// How many tables are rehashing.
    pub fn rehashing_tables(&self) -> usize {
        self.tables().filter(|(_, t)| t.is_rehashing()).count()
    }

    /// Nominal sizes of all tables: what Redis calls buckets.
    pub fn table_size(&self) -> usize {
        self.tables().map(|(_, t)| t.table_size()).sum()
    }

    /// The report of DEBUG HTSTATS over all tables.
    pub fn stats_text(&self, full: bool) -> String {
        let (mut main, mut target): (Option<TableStats>, Option<TableStats>) = (None, None);
        for (_, table) in self.tables() {
            add_stats(&mut main, table.stats(full));
            if let Some(stats) = table.rehashing_stats(full) {
                add_stats(&mut target, stats);
            }
        }
        let mut out = String::new();
        if let Some(stats) = main {
            stats.write(&mut out, false, full);
        }
        if let Some(stats) = target {
            stats.write(&mut out, true, full);
        }
        out
    }
}

fn add_stats(sum: &mut Option<TableStats>, stats: TableStats) {
    match sum {
        Some(sum) => sum.combine(&stats),
        None => *sum = Some(stats),
    }
}

/// All databases.
pub struct Keyspace {
    pub dbs: Vec<Db>,
    /// Whether the tables are split by hash slot.
    pub cluster: bool,
}

impl Keyspace {
    pub fn new(dbs: usize, cluster: bool) -> Keyspace {
        Keyspace { dbs: (0..dbs).map(|id| Db::new(id, cluster)).collect(), cluster }
    }

    /// Keys of all databases.
    pub fn len(&self) -> usize {
        self.dbs.iter().map(Db::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any key has a TTL.
    pub fn has_expires(&self) -> bool {
        self.dbs.iter().any(|db| db.expires_len() > 0)
    }

    /// SWAPDB: the databases change places, their numbers stay.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.dbs.swap(a, b);
        (self.dbs[a].id, self.dbs[b].id) = (a, b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fenwick_tree_agrees_with_plain_sums() {
        let (mut tree, mut plain) = (Fenwick::new(), vec![0usize; SLOTS]);
        let mut rng = fastrand::Rng::with_seed(7);
        for _ in 0..5000 {
            let slot = if rng.bool() { rng.usize(..40) } else { rng.usize(..SLOTS) };
            if plain[slot] > 0 && rng.u8(..3) == 0 {
                plain[slot] -= 1;
                tree.add(slot, -1);
            } else {
                plain[slot] += 1;
                tree.add(slot, 1);
            }
        }
        let mut sum = 0;
        for (slot, &n) in plain.iter().enumerate() {
            assert_eq!(tree.before(slot), sum);
            if n > 0 {
                assert_eq!((tree.find(sum), tree.find(sum + n - 1)), (Some(slot), Some(slot)));
            }
            sum += n;
        }
        assert_eq!((tree.len, tree.find(sum)), (sum, None));
    }
}
