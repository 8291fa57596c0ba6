//! Leaves and inner nodes of the ordered set, the slab they live in, and the probe that searches
//! them.
//!
//! One node at a time: what spans nodes (splits, merges, links, counts above) is the tree's.
//! Invariant of a leaf: fingerprints ascend with the items and are [`FILLER`] behind the last one.
//!
//! JUSTIFICATION: handles are stored as 48-bit words, which leaves 16 bits of an 8-byte slot for a
//! fingerprint; turning a word back needs the promise that its item lives (ZADD of the benchmark).

use super::{OrderedItem, score_key};
use crate::storage::encoding::relocate::Mover;
use std::cmp::Ordering;
use std::marker::PhantomData;
use std::ops::Range;

/// Items a leaf holds.
pub const LEAF_CAP: usize = 60;
/// Children an inner node holds.
pub const INNER_CAP: usize = 36;
/// No node.
pub const NONE: u32 = u32::MAX;

/// Fingerprint slots: whole vectors, so that a search is a loop without remainder.
const SLOTS: usize = 64;
const WORD_BYTES: usize = 6;
const FILLER: u16 = u16::MAX;
const MAX_FP: u64 = FILLER as u64 - 1;

/// Nodes by number, each in a box of its own: no growth copies them and a freed one is given back.
pub struct Slab<T> {
    items: Vec<Option<Box<T>>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { items: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    pub fn insert(&mut self, item: Box<T>) -> u32 {
        if let Some(id) = self.free.pop() {
            self.items[id as usize] = Some(item);
            return id;
        }
        self.items.push(Some(item));
        u32::try_from(self.items.len() - 1).expect("2^32 nodes are terabytes")
    }

    pub fn remove(&mut self, id: u32) {
        self.items[id as usize] = None;
        self.free.push(id);
    }

    #[inline]
    pub fn get(&self, id: u32) -> &T {
        self.items[id as usize].as_deref().expect("ids in the tree are of live nodes")
    }

    /// The node, unless `id` is [`NONE`].
    pub fn try_get(&self, id: u32) -> Option<&T> {
        (id != NONE).then(|| self.get(id))
    }

    #[inline]
    pub fn get_mut(&mut self, id: u32) -> &mut T {
        self.items[id as usize].as_deref_mut().expect("ids in the tree are of live nodes")
    }

    /// Two different nodes at once.
    pub fn pair_mut(&mut self, a: u32, b: u32) -> (&mut T, &mut T) {
        let both = self.items.get_disjoint_mut([a as usize, b as usize]);
        match both.expect("siblings are different nodes") {
            [Some(a), Some(b)] => (a, b),
            _ => unreachable!("ids in the tree are of live nodes"),
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter().flatten().map(|item| &**item)
    }

    pub fn len(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// Moves some boxes from number `from` on; gives the number to go on with, 0 at the end.
    pub fn relocate(&mut self, from: u64, mover: &mut Mover) -> u64 {
        const BOXES: usize = 16;
        if from == 0 {
            mover.vec(&mut self.items);
            mover.vec(&mut self.free);
        }
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        for node in self.items.iter_mut().skip(from).take(BOXES).flatten() {
            mover.boxed(node);
            mover.scanned += 1;
        }
        let next = from.saturating_add(BOXES);
        if next < self.items.len() { next as u64 } else { 0 }
    }

    pub fn memory_bytes(&self) -> usize {
        self.len() * size_of::<T>()
            + self.items.capacity() * size_of::<Option<Box<T>>>()
            + self.free.capacity() * size_of::<u32>()
    }
}

/// What a search looks for: items before a score, a member or both.
pub struct Probe<'a> {
    /// `None` compares by member alone: for sets whose scores are all equal.
    score: Option<u64>,
    /// `None` compares by score alone.
    member: Option<&'a [u8]>,
    /// Whether items equal to the probe come before it.
    inclusive: bool,
}

impl<'a> Probe<'a> {
    pub fn item(score: u64, member: &'a [u8], inclusive: bool) -> Probe<'a> {
        Probe { score: Some(score), member: Some(member), inclusive }
    }

    pub fn score(score: f64, inclusive: bool) -> Probe<'a> {
        Probe { score: Some(score_key(score)), member: None, inclusive }
    }

    pub fn member(member: &'a [u8], inclusive: bool) -> Probe<'a> {
        Probe { score: None, member: Some(member), inclusive }
    }

    /// How `item` compares to the probe.
    #[inline]
    pub fn compare<H: OrderedItem>(&self, item: H) -> Ordering {
        let by_score = self.score.map_or(Ordering::Equal, |key| score_key(item.score()).cmp(&key));
        by_score.then_with(|| self.compare_member(item))
    }

    fn compare_member<H: OrderedItem>(&self, item: H) -> Ordering {
        let Some(member) = self.member else { return Ordering::Equal };
        item.with_member(|own| {
            // Often the probe was made from the item itself.
            if std::ptr::eq(own, member) { Ordering::Equal } else { own.cmp(member) }
        })
    }

    fn is_after(&self, order: Ordering) -> bool {
        order == Ordering::Less || (order == Ordering::Equal && self.inclusive)
    }
}

/// The first index in `lo..hi` for which `before` is false.
fn bisect(mut lo: usize, mut hi: usize, before: impl Fn(usize) -> bool) -> usize {
    while lo < hi {
        let mid = (lo + hi) / 2;
        if before(mid) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    lo
}

/// Items in order, 16 bits of fingerprint and 48 of handle each.
#[repr(C)]
pub struct Leaf<H> {
    fps: [u16; SLOTS],
    /// Words of 48 bits, little-endian.
    words: [[u8; WORD_BYTES]; LEAF_CAP],
    /// The fingerprint of a key is `(key - base) >> shift`, cut to what 16 bits hold.
    base: u64,
    pub prev: u32,
    pub next: u32,
    len: u8,
    shift: u8,
    handles: PhantomData<H>,
}

const _: () = assert!(size_of::<Leaf<()>>() == 512 && LEAF_CAP <= SLOTS);

impl<H: OrderedItem> Leaf<H> {
    pub fn new() -> Box<Leaf<H>> {
        Box::new(Leaf {
            fps: [FILLER; SLOTS],
            words: [[0; WORD_BYTES]; LEAF_CAP],
            base: 0,
            prev: NONE,
            next: NONE,
            len: 0,
            shift: 0,
            handles: PhantomData,
        })
    }

    #[inline]
    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub fn is_full(&self) -> bool {
        self.len() == LEAF_CAP
    }

    #[inline]
    pub fn get(&self, i: usize) -> H {
        debug_assert!(i < self.len());
        let [a, b, c, d, e, f] = self.words[i];
        let word = u64::from(u32::from_le_bytes([a, b, c, d]));
        let word = word | u64::from(u16::from_le_bytes([e, f])) << 32;
        // SAFETY: slots below `len` hold words of items, which stay alive while in the tree.
        unsafe { H::from_word(word) }
    }

    /// Changes the handle alone.
    pub fn set_handle(&mut self, i: usize, item: H) {
        let word = item.to_word();
        debug_assert!(word >> 48 == 0);
        let [bytes @ .., _, _] = word.to_le_bytes();
        self.words[i] = bytes;
    }

    fn key(&self, i: usize) -> u64 {
        score_key(self.get(i).score())
    }

    #[inline]
    fn fingerprint(&self, key: u64) -> u16 {
        (key.saturating_sub(self.base) >> self.shift).min(MAX_FP) as u16
    }

    /// Whether the fingerprint of `key` is not cut.
    fn covers(&self, key: u64) -> bool {
        key >= self.base && (key - self.base) >> self.shift <= MAX_FP
    }

    /// The slots whose fingerprint is that of `key`; items of other slots have another score.
    fn span(&self, key: u64) -> Range<usize> {
        let fp = self.fingerprint(key);
        let mut below = 0u16;
        for &other in &self.fps {
            below += u16::from(other < fp);
        }
        let below = usize::from(below);
        // Mostly none or one, and fillers are greater.
        let same = self.fps[below..].iter().take_while(|&&other| other == fp).count();
        below..below + same
    }

    /// Number of items before `probe`.
    pub fn partition(&self, probe: &Probe) -> usize {
        let span = probe.score.map_or(0..self.len(), |key| self.span(key));
        bisect(span.start, span.end, |i| probe.is_after(probe.compare(self.get(i))))
    }

    /// The slot of this very item, whose score has this key.
    pub fn slot_of(&self, item: H, key: u64) -> Option<usize> {
        let [bytes @ .., _, _] = item.to_word().to_le_bytes();
        self.span(key).find(|&i| self.words[i] == bytes)
    }

    /// Moves the slots from `pos` on by `n`, leaving a gap.
    fn open(&mut self, pos: usize, n: usize) {
        let len = self.len();
        self.fps.copy_within(pos..len, pos + n);
        self.words.copy_within(pos..len, pos + n);
        self.len += n as u8;
    }

    /// Puts an item into a leaf with room.
    pub fn insert(&mut self, pos: usize, item: H, key: u64) {
        self.open(pos, 1);
        self.set_handle(pos, item);
        self.set_fingerprint(pos, key);
    }

    /// The item at `pos` has got the score of `key` and kept its place.
    pub fn rescore(&mut self, pos: usize, key: u64) {
        self.set_fingerprint(pos, key);
    }

    fn set_fingerprint(&mut self, pos: usize, key: u64) {
        if self.covers(key) {
            self.fps[pos] = self.fingerprint(key);
        } else {
            self.calibrate();
        }
    }

    pub fn remove(&mut self, pos: usize, n: usize) {
        let len = self.len();
        self.words.copy_within(pos + n..len, pos);
        if len + n <= SLOTS {
            // Fillers from behind the last come along.
            self.fps.copy_within(pos + n..len + n, pos);
        } else {
            self.fps.copy_within(pos + n..len, pos);
            self.fps[len - n..len].fill(FILLER);
        }
        self.len -= n as u8;
    }

    /// Fits the fingerprints to the items: their range takes 13 to 14 of 16 bits, so that it may
    /// grow about three times before the next fitting.
    fn calibrate(&mut self) {
        let Some(last) = self.len().checked_sub(1) else {
            return;
        };
        let (min, max) = (self.key(0), self.key(last));
        let bits = 64 - (max - min).leading_zeros();
        self.shift = bits.saturating_sub(14) as u8;
        let margin = if self.shift > 48 { u64::MAX } else { 0x6000 << self.shift };
        self.base = min.saturating_sub(margin);
        for i in 0..=last {
            self.fps[i] = self.fingerprint(self.key(i));
        }
    }

    /// Refits when the items' range has become small against the fingerprints' range.
    fn tighten(&mut self) {
        const TOO_FEW: u16 = 0x800;
        let Some(last) = self.len().checked_sub(1) else {
            return;
        };
        let tight = self.shift == 0 || self.fps[last] - self.fps[0] >= TOO_FEW;
        if !tight && self.key(0) != self.key(last) {
            self.calibrate();
        }
    }

    /// Puts the items `from..from + n` of `other` in at `pos`; they stay in `other` too.
    fn copy_from(&mut self, pos: usize, other: &Leaf<H>, from: usize, n: usize) {
        self.open(pos, n);
        self.words[pos..pos + n].copy_from_slice(&other.words[from..from + n]);
        if (self.base, self.shift) == (other.base, other.shift) {
            self.fps[pos..pos + n].copy_from_slice(&other.fps[from..from + n]);
        } else if self.covers(self.key(pos)) && self.covers(self.key(pos + n - 1)) {
            for i in pos..pos + n {
                self.fps[i] = self.fingerprint(self.key(i));
            }
        } else {
            self.calibrate();
        }
    }

    /// Splits the items from `at` on off into a new leaf, not linked yet.
    pub fn split(&mut self, at: usize) -> Box<Leaf<H>> {
        let mut right = Leaf::new();
        (right.base, right.shift) = (self.base, self.shift);
        let n = self.len() - at;
        right.copy_from(0, self, at, n);
        self.remove(at, n);
        self.tighten();
        right.tighten();
        right
    }

    /// Moves the last `n` items to the front of the right neighbour.
    pub fn give_right(&mut self, right: &mut Leaf<H>, n: usize) {
        let from = self.len() - n;
        right.copy_from(0, self, from, n);
        self.remove(from, n);
    }

    /// Moves the first `n` items of the right neighbour to the end.
    pub fn take_left(&mut self, right: &mut Leaf<H>, n: usize) {
        self.copy_from(self.len(), right, 0, n);
        right.remove(0, n);
    }
}

/// Children in order, each with its smallest item and its number of items.
#[repr(C)]
pub struct Inner<H> {
    keys: [u64; INNER_CAP],
    handles: [u64; INNER_CAP],
    counts: [u64; INNER_CAP],
    children: [u32; INNER_CAP],
    len: u16,
    items: PhantomData<H>,
}

const _: () = assert!(size_of::<Inner<()>>() <= 1024);

/// One child of an inner node.
pub struct Child<H> {
    pub key: u64,
    pub item: H,
    pub count: usize,
    pub node: u32,
}

impl<H: OrderedItem> Inner<H> {
    pub fn new() -> Box<Inner<H>> {
        Box::new(Inner {
            keys: [0; INNER_CAP],
            handles: [0; INNER_CAP],
            counts: [0; INNER_CAP],
            children: [NONE; INNER_CAP],
            len: 0,
            items: PhantomData,
        })
    }

    pub fn len(&self) -> usize {
        usize::from(self.len)
    }

    pub fn is_full(&self) -> bool {
        self.len() == INNER_CAP
    }

    pub fn child(&self, i: usize) -> u32 {
        self.children[i]
    }

    pub fn count(&self, i: usize) -> usize {
        self.counts[i] as usize
    }

    /// The smallest item below child `i`, with its score's key.
    pub fn first(&self, i: usize) -> (u64, H) {
        debug_assert!(i < self.len());
        // SAFETY: entries below `len` hold words of the smallest item below the child, in the tree
        // and so alive.
        (self.keys[i], unsafe { H::from_word(self.handles[i]) })
    }

    pub fn set_first(&mut self, i: usize, key: u64, item: H) {
        self.keys[i] = key;
        self.handles[i] = item.to_word();
    }

    pub fn add_count(&mut self, i: usize, n: usize) {
        self.counts[i] += n as u64;
    }

    pub fn sub_count(&mut self, i: usize, n: usize) {
        self.counts[i] -= n as u64;
    }

    pub fn count_before(&self, i: usize) -> usize {
        self.counts[..i].iter().sum::<u64>() as usize
    }

    pub fn total(&self) -> usize {
        self.count_before(self.len())
    }

    /// The child that holds the item at `rank`, and the number of items before that child.
    pub fn child_of_rank(&self, rank: usize) -> (usize, usize) {
        let mut before = 0;
        for i in 0..self.len() {
            if rank < before + self.count(i) {
                return (i, before);
            }
            before += self.count(i);
        }
        unreachable!("ranks are below the count of the node")
    }

    /// Number of children whose smallest item is before `probe`.
    pub fn partition(&self, probe: &Probe) -> usize {
        let keys = &self.keys[..self.len()];
        let (lo, hi) = match probe.score {
            None => (0, keys.len()),
            Some(key) => {
                let lo = keys.partition_point(|k| *k < key);
                (lo, lo + keys[lo..].iter().take_while(|k| **k == key).count())
            }
        };
        bisect(lo, hi, |i| probe.is_after(probe.compare_member(self.first(i).1)))
    }

    pub fn insert(&mut self, pos: usize, child: Child<H>) {
        let len = self.len();
        self.keys.copy_within(pos..len, pos + 1);
        self.handles.copy_within(pos..len, pos + 1);
        self.counts.copy_within(pos..len, pos + 1);
        self.children.copy_within(pos..len, pos + 1);
        self.len += 1;
        self.set_first(pos, child.key, child.item);
        self.counts[pos] = child.count as u64;
        self.children[pos] = child.node;
    }

    pub fn remove(&mut self, pos: usize) {
        let len = self.len();
        self.keys.copy_within(pos + 1..len, pos);
        self.handles.copy_within(pos + 1..len, pos);
        self.counts.copy_within(pos + 1..len, pos);
        self.children.copy_within(pos + 1..len, pos);
        self.len -= 1;
    }

    /// Moves the children from `at` on to the end of `to`.
    pub fn move_tail(&mut self, at: usize, to: &mut Inner<H>) {
        let (n, end) = (self.len() - at, to.len());
        to.keys[end..end + n].copy_from_slice(&self.keys[at..at + n]);
        to.handles[end..end + n].copy_from_slice(&self.handles[at..at + n]);
        to.counts[end..end + n].copy_from_slice(&self.counts[at..at + n]);
        to.children[end..end + n].copy_from_slice(&self.children[at..at + n]);
        to.len += n as u16;
        self.len = at as u16;
    }
}
