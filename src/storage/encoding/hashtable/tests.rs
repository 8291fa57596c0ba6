//! The table against a naive map: random operations, scanning under resizing, chains, pauses.

use super::*;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::ptr::NonNull;
use std::rc::Rc;
use std::time::Duration;

/// A boxed number that counts how many of it live. With `WEAK` the hash has eight values only.
struct Num<const WEAK: bool>(Box<Inner>);

struct Inner {
    key: u64,
    value: u64,
    live: Rc<Cell<isize>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.live.set(self.live.get() - 1);
    }
}

impl<const WEAK: bool> Num<WEAK> {
    fn new(live: &Rc<Cell<isize>>, key: u64, value: u64) -> Self {
        live.set(live.get() + 1);
        Num(Box::new(Inner { key, value, live: Rc::clone(live) }))
    }
}

// SAFETY: a Box is one pointer; key and hash do not change.
unsafe impl<const WEAK: bool> Element for Num<WEAK> {
    type Key<'k> = u64;
    type Ref<'a> = &'a Inner;
    type Mut<'a> = &'a mut Inner;

    fn into_word(self) -> u64 {
        pointer_to_word(NonNull::from(Box::leak(self.0)).cast())
    }
    unsafe fn from_word(word: u64) -> Self {
        // SAFETY: the word came from `into_word`.
        Num(unsafe { Box::from_raw(word_to_pointer(word).cast().as_ptr()) })
    }
    fn hash_key(key: u64) -> u64 {
        // splitmix64
        let mixed = (key + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let mixed = mixed ^ (mixed >> 31);
        if WEAK { (mixed & 7) * 0x0101_0101_0101_0101 } else { mixed }
    }
    unsafe fn hash_word(word: u64) -> u64 {
        // SAFETY: a live element.
        Self::hash_key(unsafe { Self::view(word) }.key)
    }
    unsafe fn matches(word: u64, key: u64) -> bool {
        // SAFETY: a live element.
        unsafe { Self::view(word) }.key == key
    }
    unsafe fn view<'a>(word: u64) -> &'a Inner {
        // SAFETY: a live element.
        unsafe { word_to_pointer(word).cast().as_ref() }
    }
    unsafe fn view_mut<'a>(word: u64) -> &'a mut Inner {
        // SAFETY: a live element, exclusively borrowed.
        unsafe { word_to_pointer(word).cast().as_mut() }
    }
}

/// Walks every bucket and checks what the files' headers promise.
fn check_structure<E: Element>(t: &HashTable<E>) {
    let (mut children, mut used) = (0, [0; 2]);
    for (table, used) in used.iter_mut().enumerate() {
        for idx in 0..t.buckets(table) {
            let top = t.bucket(table, idx);
            let mut bucket = top;
            loop {
                // SAFETY: a live bucket of a borrowed table.
                let b = unsafe { &*bucket };
                for slot in (0..bucket::SLOTS).filter(|s| b.occupied() & 1 << s != 0) {
                    *used += 1;
                    // SAFETY: a live element.
                    let hash = unsafe { E::hash_word(b.word(slot)) };
                    assert_eq!(hash as usize & t.mask(table), idx, "in its bucket");
                    assert_eq!(b.tag(slot), tag_of(hash));
                }
                if bucket != top {
                    children += 1;
                    assert!(b.is_chained() || b.occupied().count_ones() >= 2, "folded in time");
                }
                match b.child() {
                    Some(child) => {
                        assert_eq!(b.occupied(), 0xff, "chains are dense");
                        bucket = child;
                    }
                    None => break,
                }
            }
            if table == 0 && t.is_rehashing() && idx < t.rehash_idx {
                // SAFETY: a live bucket.
                assert_eq!(unsafe { (*top).occupied() }, 0, "moved buckets are empty");
            }
        }
    }
    assert_eq!((used, children), ([t.t[0].used, t.t[1].used], t.children));
    assert_eq!(t.is_rehashing(), t.buckets(1) > 0);
}

#[derive(Clone, Debug)]
enum Op {
    Insert(u64, u64),
    Entry(u64, u64),
    Remove(u64),
    RemoveWord(u64),
    Change(u64, u64),
    Replace(u64, u64),
    Many(u64, u64),
    Fewer(u64, u64),
    Rehash(usize),
    Policy(u8),
    Pause(bool),
    Retain(u64),
    Reserve(usize),
}

fn op(keys: u64) -> impl Strategy<Value = Op> {
    let key = 0..keys;
    prop_oneof![
        4 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Insert(k, v)),
        3 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Entry(k, v)),
        4 => key.clone().prop_map(Op::Remove),
        1 => key.clone().prop_map(Op::RemoveWord),
        2 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Change(k, v)),
        2 => (key.clone(), any::<u64>()).prop_map(|(k, v)| Op::Replace(k, v)),
        2 => (key.clone(), 1..keys).prop_map(|(k, n)| Op::Many(k, n)),
        2 => (key.clone(), 1..keys).prop_map(|(k, n)| Op::Fewer(k, n)),
        2 => (1..20usize).prop_map(Op::Rehash),
        1 => (0..3u8).prop_map(Op::Policy),
        1 => any::<bool>().prop_map(Op::Pause),
        1 => (2..5u64).prop_map(Op::Retain),
        1 => (0..500usize).prop_map(Op::Reserve),
    ]
}

/// A table with its oracle.
struct Pair<const WEAK: bool> {
    table: HashTable<Num<WEAK>>,
    oracle: HashMap<u64, u64>,
    live: Rc<Cell<isize>>,
    paused: bool,
}

impl<const WEAK: bool> Pair<WEAK> {
    fn new() -> Self {
        set_resize_policy(ResizePolicy::Enable);
        Pair {
            table: HashTable::new(),
            oracle: HashMap::new(),
            live: Rc::new(Cell::new(0)),
            paused: false,
        }
    }

    fn insert(&mut self, key: u64, value: u64) {
        if self.oracle.insert(key, value).is_none() {
            self.table.insert_unique(Num::new(&self.live, key, value));
        } else {
            self.table.find_mut(key).expect("in the oracle").get_mut().value = value;
        }
    }

    fn remove(&mut self, key: u64) {
        let removed = self.table.remove(key).map(|n| n.0.value);
        assert_eq!(removed, self.oracle.remove(&key));
    }

    fn apply(&mut self, op: Op, keys: u64) {
        match op {
            Op::Insert(k, v) => self.insert(k, v),
            Op::Entry(k, v) => {
                match self.table.entry(k) {
                    TableEntry::Occupied(mut slot) => slot.get_mut().value = v,
                    TableEntry::Vacant(slot) => {
                        assert_eq!(slot.insert(Num::new(&self.live, k, v)).get().key, k);
                    }
                }
                self.oracle.insert(k, v);
            }
            Op::Remove(k) => self.remove(k),
            Op::RemoveWord(k) => {
                let word = self.table.find_mut(k).map(|slot| slot.word());
                let hash = Num::<WEAK>::hash_key(k);
                let gone = word.map(|w| self.table.remove_word(hash, w).expect("found").0.value);
                assert_eq!(gone, self.oracle.remove(&k));
                assert!(self.table.remove_word(hash, 8).is_none());
            }
            Op::Change(k, v) => {
                let found = self.table.find_mut(k).map(|s| s.into_mut().value = v);
                assert_eq!(found.is_some(), self.oracle.contains_key(&k));
                self.oracle.entry(k).and_modify(|old| *old = v);
            }
            Op::Replace(k, v) => self.replace(k, v),
            Op::Many(k, n) => (0..n).for_each(|i| self.insert((k + i) % keys, i)),
            Op::Fewer(k, n) => (0..n).for_each(|i| self.remove((k + i) % keys)),
            Op::Rehash(n) => drop(self.table.rehash_buckets(n)),
            Op::Policy(0) => set_resize_policy(ResizePolicy::Forbid),
            Op::Policy(1) => set_resize_policy(ResizePolicy::Avoid),
            Op::Policy(_) => set_resize_policy(ResizePolicy::Enable),
            Op::Pause(on) => {
                match (self.paused, on) {
                    (false, true) => self.table.pause_rehash(),
                    (true, false) => self.table.resume_rehash(),
                    _ => {}
                }
                self.paused = on;
            }
            Op::Retain(n) => {
                self.table.retain(|e| e.key % n != 0);
                self.oracle.retain(|k, _| k % n != 0);
            }
            Op::Reserve(n) => self.table.reserve(n),
        }
    }

    fn replace(&mut self, k: u64, v: u64) {
        let new = Num::new(&self.live, k, v);
        let Some(mut slot) = self.table.find_mut(k) else { return };
        let old = slot.word();
        slot.update(|old| (new, drop(old)));
        assert_ne!(slot.word(), old);
        let (word, hash) = (slot.word(), Num::<WEAK>::hash_key(k));
        let again = Num::new(&self.live, k, v);
        assert!(self.table.replace_word(hash, word, again).is_ok());
        self.oracle.insert(k, v);
    }

    fn check(&self) {
        check_structure(&self.table);
        assert_eq!(self.table.len(), self.oracle.len());
        assert_eq!(self.live.get(), self.oracle.len() as isize);
        let all: HashMap<u64, u64> = self.table.iter().map(|e| (e.key, e.value)).collect();
        assert_eq!(&all, &self.oracle);
        assert_eq!(self.table.iter().count(), self.oracle.len());
        for (&k, &v) in &self.oracle {
            assert_eq!(self.table.find(k).map(|e| e.value), Some(v));
        }
        if let Some(e) = self.table.fair_random() {
            assert!(self.oracle.contains_key(&e.key));
        }
        assert_eq!(self.table.random().is_some(), !self.oracle.is_empty());
        let mut some = Vec::new();
        self.table.some_entries(7, &mut some);
        assert!(some.len() <= 7 && some.iter().all(|e| self.oracle.contains_key(&e.key)));
    }
}

fn run<const WEAK: bool>(ops: Vec<Op>, keys: u64) {
    let mut pair = Pair::<WEAK>::new();
    for op in ops {
        pair.apply(op, keys);
        pair.check();
    }
    let live = Rc::clone(&pair.live);
    drop(pair);
    assert_eq!(live.get(), 0, "the table frees its elements");
}

/// Scans while `between` changes the table, and returns the keys seen.
fn scan_all<const WEAK: bool>(
    pair: &mut Pair<WEAK>,
    mut between: impl FnMut(&mut Pair<WEAK>),
) -> HashSet<u64> {
    let (mut seen, mut cursor) = (HashSet::new(), 0);
    loop {
        cursor = pair.table.scan(cursor, |e| {
            seen.insert(e.key);
        });
        if cursor == 0 {
            return seen;
        }
        between(pair);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 96, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn random_operations_agree_with_a_map(ops in prop::collection::vec(op(400), 1..60)) {
        run::<false>(ops, 400);
    }

    #[test]
    fn long_chains_agree_with_a_map(ops in prop::collection::vec(op(120), 1..60)) {
        run::<true>(ops, 120);
    }

    /// Keys present from first to last are reported, whatever else comes and goes meanwhile.
    #[test]
    fn scan_keeps_its_guarantee_under_resizing(
        stay in 1..300u64,
        start in 0..3000u64,
        changes in prop::collection::vec((any::<bool>(), 1..2500u64, 0..3u8, 0..40usize), 1..12),
    ) {
        const OTHERS: u64 = 1 << 32;
        let mut pair = Pair::<false>::new();
        (0..stay).for_each(|k| pair.insert(k, k));
        (0..start).for_each(|k| pair.insert(OTHERS + k, k));
        let (mut others, mut turn) = (start, 0);
        let seen = scan_all(&mut pair, |pair| {
            let (grow, n, policy, steps) = changes[turn % changes.len()];
            turn += 1;
            // Changes become rare, so that the scan ends.
            if turn > 40 {
                return;
            }
            pair.apply(Op::Policy(policy + 1), 1);
            for _ in 0..n {
                if grow {
                    pair.insert(OTHERS + others, 0);
                    others += 1;
                } else if others > 0 {
                    others -= 1;
                    pair.remove(OTHERS + others);
                }
            }
            pair.table.rehash_buckets(steps);
            check_structure(&pair.table);
        });
        prop_assert!((0..stay).all(|k| seen.contains(&k)));
    }
}

#[test]
fn an_empty_table_allocates_nothing_and_answers() {
    let before = crate::sys::malloc::allocation_count();
    let mut t: HashTable<Num<false>> = HashTable::new();
    assert!(t.find(1).is_none() && t.find_mut(1).is_none() && t.remove(1).is_none());
    assert!(t.random().is_none() && t.fair_random().is_none() && t.iter().next().is_none());
    assert_eq!((t.scan(0, |_| ()), t.len(), t.table_size(), t.memory_bytes()), (0, 0, 0, 0));
    t.prefetch_bucket(99);
    t.prefetch_entry(99);
    t.rehash_for(Duration::from_millis(1));
    t.retain(|_| false);
    assert_eq!(crate::sys::malloc::allocation_count(), before);
}

#[test]
fn sizes_follow_redis_counts() {
    let mut pair = Pair::<false>::new();
    for k in 0..4096 {
        pair.insert(k, k);
        let expected = (k + 1).next_power_of_two().max(8) as usize;
        let (main, target) = pair.table.array_sizes();
        assert_eq!(main.max(target), expected, "with {} elements", k + 1);
    }
    while pair.table.rehash_buckets(100) {}
    assert_eq!(pair.table.array_sizes(), (4096, 0));
    // The 4097th element does not grow the table while a child lives, four times as many do.
    set_resize_policy(ResizePolicy::Avoid);
    (4096..4 * 4096).for_each(|k| pair.insert(k, k));
    assert_eq!(pair.table.array_sizes(), (4096, 0));
    pair.insert(4 * 4096, 0);
    assert_eq!(pair.table.array_sizes(), (4096, 32768));
    while pair.table.rehash_buckets(100) {}
    pair.check();
    (1..4 * 4096).for_each(|k| pair.remove(k));
    assert_eq!(pair.table.array_sizes(), (32768, 0), "no shrinking while a child lives");
    set_resize_policy(ResizePolicy::Enable);
    assert!(pair.table.shrink_if_needed());
    while pair.table.rehash_buckets(100) {}
    assert_eq!((pair.table.array_sizes(), pair.table.children), ((8, 0), 0));
    pair.check();
}

#[test]
fn forbidden_resizing_grows_chains_only() {
    let mut pair = Pair::<false>::new();
    pair.insert(0, 0);
    set_resize_policy(ResizePolicy::Forbid);
    (1..500).for_each(|k| pair.insert(k, k));
    assert_eq!(pair.table.array_sizes(), (8, 0));
    pair.check();
    set_resize_policy(ResizePolicy::Enable);
    assert!(pair.table.expand_if_overfull() && pair.table.is_rehashing());
    while pair.table.rehash_for(Duration::from_micros(1)) {}
    pair.check();
    assert_eq!(pair.table.array_sizes(), (512, 0));
}

#[test]
fn fair_random_is_fair_also_over_long_chains_and_while_rehashing() {
    fn spread<const WEAK: bool>(keys: u64, steps: usize) {
        let mut pair = Pair::<WEAK>::new();
        (0..keys).for_each(|k| pair.insert(k, k));
        pair.table.rehash_buckets(steps);
        let draws = 2000 * keys;
        let mut counts = vec![0u32; keys as usize];
        for _ in 0..draws {
            counts[pair.table.fair_random().expect("not empty").key as usize] += 1;
        }
        let (min, max) = (counts.iter().min(), counts.iter().max());
        // 2000 expected, standard deviation 45: seven of them.
        assert!(min > Some(&1680) && max < Some(&2320), "{WEAK} {keys} {min:?} {max:?}");
    }
    fastrand::seed(1);
    spread::<false>(100, 0);
    spread::<false>(129, 5);
    spread::<true>(60, 0);
}

#[test]
fn stats_text_has_redis_words() {
    let mut pair = Pair::<false>::new();
    let text = pair.table.stats_text(true);
    assert_eq!(
        text,
        "Hash table 0 stats (main hash table):\nNo stats available for empty dictionaries\n"
    );
    (0..9).for_each(|k| pair.insert(k, k));
    let text = pair.table.stats_text(false);
    assert!(text.starts_with(
        "Hash table 0 stats (main hash table):\n table size: 8\n number of elements: 8\n"
    ));
    assert!(text.contains("Hash table 1 stats (rehashing target):\n table size: 16\n"));
    while pair.table.rehash_buckets(1) {}
    let text = pair.table.stats_text(true);
    assert!(text.contains("\n different slots: 2\n max chain length: "));
    assert!(text.contains("\n avg chain length (counted): 4.50\n"));
    assert!(text.contains("\n Chain length distribution:\n   "));
}

#[test]
fn short_memory_defers_growth_until_the_table_is_crowded() {
    set_resize_policy(ResizePolicy::Enable);
    let live = Rc::new(Cell::new(0));
    let mut table = HashTable::<Num<false>>::new();
    let fill = |table: &mut HashTable<_>, keys: std::ops::Range<u64>| {
        for key in keys {
            table.insert_unique(Num::new(&live, key, 0));
        }
    };
    fill(&mut table, 0..4096);
    let size = table.table_size();
    set_memory_limit(1);
    fill(&mut table, 4096..6000);
    assert_eq!(table.table_size(), size);
    fill(&mut table, 6000..8000);
    set_memory_limit(0);
    assert!(table.table_size() > size);
}
