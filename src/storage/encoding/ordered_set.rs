//! The order of a sorted set: a counted B+-tree over (score, member bytes) with order statistics.
//!
//! Not a map from members to scores (the sorted set keeps a hash table beside this) and not an
//! owner: it stores Copy handles of one allocation per member and reads score and bytes through
//! them.
//!
//! ```text
//!            Inner  [key handle count child] x 36      key, handle: smallest item below the child
//!           /     \                                    count: items below the child
//!      Leaf  <->  Leaf  <-> ...                        fingerprints 16 bit | handles 48 bit, x 60
//! ```
//!
//! A leaf finds its place by fingerprints: 16 bits of the score relative to the leaf's own range,
//! all in two cache lines, so that a search touches one or two members and not six. They only
//! narrow the search: any monotone fingerprint is right, a bad one slow. Counts give ranks; linked
//! leaves give iteration both ways at a step of about a nanosecond.
//!
//! Invariants: items ascend strictly by (score, member), -0 equal to 0, no NaN; an inner entry is
//! the smallest item below it, so no handle stays in the tree once its item is removed; leaves
//! other than the root are never empty.
//!
//! Space: 8 bytes a slot plus the inner nodes: 9.4 bytes an item when filled in order, about 11.5
//! when filled at random (full leaves give to their neighbours before they split).
//!
//! JUSTIFICATION: (unsafe in `member`, and where `node` turns stored words back into handles) a
//! member exists once, its address shared by tree and hash table, which safe code could only do
//! with reference counts and a second copy of the score. ZADD and memory per member of the
//! side-by-side benchmark depend on it.

mod grow;
mod member;
mod node;
mod range;
mod shrink;
#[cfg(test)]
mod tests;

pub use member::Member;
pub use range::{Iter, RevIter};

use super::relocate::{Mover, PartCursor};
use node::{Inner, Leaf, Probe, Slab};
use std::cmp::Ordering;

/// A handle of an item that lives outside of the tree. Copies of a handle mean the same item.
pub trait OrderedItem: Copy {
    /// Not NaN.
    fn score(self) -> f64;
    fn set_score(self, score: f64);
    fn with_member<R>(self, f: impl FnOnce(&[u8]) -> R) -> R;
    /// The handle as a number below 2^48.
    fn to_word(self) -> u64;
    /// # Safety
    /// `word` comes from [`Self::to_word`] of an item that is still alive.
    unsafe fn from_word(word: u64) -> Self;
}

/// A number that orders like the score, with -0 and 0 the same.
fn score_key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// More levels than any memory can fill: 18 children each, the half of an inner node, to the tenth.
const MAX_HEIGHT: usize = 10;

/// The way from the root to a place in a leaf.
#[derive(Clone, Copy)]
struct Path {
    /// Inner node and index in it, root first; `height` are valid.
    steps: [(u32, u16); MAX_HEIGHT],
    leaf: u32,
    /// Index in the leaf.
    pos: usize,
}

/// See the module's documentation.
///
/// Dropping it drops no items: [`OrderedSet::drain_unordered`] hands them out,
/// `OrderedSet::<Member>::free_members` frees them.
pub struct OrderedSet<H> {
    leaves: Slab<Leaf<H>>,
    inners: Slab<Inner<H>>,
    /// A leaf when `height` is 0.
    root: u32,
    height: usize,
    first: u32,
    last: u32,
    len: usize,
}

impl<H: OrderedItem> Default for OrderedSet<H> {
    fn default() -> Self {
        OrderedSet::new()
    }
}

impl<H: OrderedItem> OrderedSet<H> {
    pub fn new() -> Self {
        let mut leaves = Slab::default();
        let root = leaves.insert(Leaf::new());
        OrderedSet {
            leaves,
            inners: Slab::default(),
            root,
            height: 0,
            first: root,
            last: root,
            len: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes of the tree's own nodes, without the items.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.leaves.memory_bytes() + self.inners.memory_bytes()
    }

    /// Forgets all items.
    pub fn clear(&mut self) {
        *self = OrderedSet::new();
    }

    /// Forgets all items after handing each to `f`, in no useful order: the quick way to free them.
    pub fn drain_unordered(&mut self, mut f: impl FnMut(&[H])) {
        let old = std::mem::take(self);
        let mut batch = Vec::with_capacity(node::LEAF_CAP);
        for leaf in old.leaves.iter() {
            batch.clear();
            batch.extend((0..leaf.len()).map(|i| leaf.get(i)));
            f(&batch);
        }
    }

    /// Goes to the leaf where items of `probe` end.
    #[inline(always)]
    fn leaf_of(&self, probe: &Probe) -> Path {
        let mut path = Path { steps: [(0, 0); MAX_HEIGHT], leaf: 0, pos: 0 };
        let mut node = self.root;
        for step in &mut path.steps[..self.height] {
            let inner = self.inners.get(node);
            let idx = inner.partition(probe).saturating_sub(1);
            *step = (node, idx as u16);
            node = inner.child(idx);
        }
        path.leaf = node;
        path
    }

    /// Goes to the leaf where items of `probe` end; `pos` is behind the last of them there.
    fn descend(&self, probe: &Probe) -> Path {
        let mut path = self.leaf_of(probe);
        path.pos = self.leaves.get(path.leaf).partition(probe);
        path
    }

    /// The path to this very item: its handle is compared, not its member.
    fn path_to(&self, item: H) -> Option<Path> {
        let key = score_key(item.score());
        let mut path = item.with_member(|member| self.leaf_of(&Probe::item(key, member, true)));
        path.pos = self.leaves.get(path.leaf).slot_of(item, key)?;
        Some(path)
    }

    /// The path to the item equal to (score, member).
    fn find(&self, score: f64, member: &[u8]) -> Option<Path> {
        let probe = Probe::item(score_key(score), member, true);
        let mut path = self.descend(&probe);
        path.pos = path.pos.checked_sub(1)?;
        let item = self.leaves.get(path.leaf).get(path.pos);
        (probe.compare(item) == Ordering::Equal).then_some(path)
    }

    /// The path to the item at `rank`, which must be below `len`.
    fn locate(&self, mut rank: usize) -> Path {
        debug_assert!(rank < self.len);
        let mut path = Path { steps: [(0, 0); MAX_HEIGHT], leaf: 0, pos: 0 };
        let mut node = self.root;
        for step in &mut path.steps[..self.height] {
            let inner = self.inners.get(node);
            let (idx, before) = inner.child_of_rank(rank);
            rank -= before;
            *step = (node, idx as u16);
            node = inner.child(idx);
        }
        path.leaf = node;
        path.pos = rank;
        path
    }

    /// Items before the place of `path`.
    fn rank_of_path(&self, path: &Path) -> usize {
        let above = path.steps[..self.height].iter();
        let before: usize =
            above.map(|&(node, idx)| self.inners.get(node).count_before(idx.into())).sum();
        before + path.pos
    }

    /// Adds an item that is not in the set yet.
    pub fn insert(&mut self, item: H) {
        debug_assert!(!item.score().is_nan());
        let key = score_key(item.score());
        item.with_member(|member| {
            let probe = Probe::item(key, member, true);
            let mut path = self.descend(&probe);
            while self.leaves.get(path.leaf).is_full() {
                self.make_room(&path);
                path = self.descend(&probe);
            }
            self.leaves.get_mut(path.leaf).insert(path.pos, item, key);
            for &(node, idx) in &path.steps[..self.height] {
                self.inners.get_mut(node).add_count(idx.into(), 1);
            }
            self.len += 1;
            if path.pos == 0 {
                self.refresh_first(&path);
            }
        });
    }

    /// Writes the first item of the path's leaf into the inner entries that stand for it.
    fn refresh_first(&mut self, path: &Path) {
        let item = self.leaves.get(path.leaf).get(0);
        for &(node, idx) in path.steps[..self.height].iter().rev() {
            self.inners.get_mut(node).set_first(idx.into(), score_key(item.score()), item);
            if idx != 0 {
                break;
            }
        }
    }

    /// Takes the item equal to (score, member) out.
    pub fn remove(&mut self, score: f64, member: &[u8]) -> Option<H> {
        let path = self.find(score, member)?;
        let item = self.leaves.get(path.leaf).get(path.pos);
        self.take(&path, 1);
        Some(item)
    }

    /// Gives an item of the set a new score, the set the new order. The quick way for scores that
    /// change little: nothing moves when the neighbours stay the same. False when `item` is not in
    /// the set.
    pub fn update_score(&mut self, item: H, score: f64) -> bool {
        debug_assert!(!score.is_nan());
        let Some(path) = self.path_to(item) else { return false };
        let key = score_key(score);
        if self.stays_between(&path, item, key) {
            item.set_score(score);
            self.leaves.get_mut(path.leaf).rescore(path.pos, key);
            if path.pos == 0 {
                self.refresh_first(&path);
            }
        } else {
            self.take(&path, 1);
            item.set_score(score);
            self.insert(item);
        }
        true
    }

    /// True when `item` at `path` would keep its place with the score of `key`.
    fn stays_between(&self, path: &Path, item: H, key: u64) -> bool {
        let leaf = self.leaves.get(path.leaf);
        let before = match path.pos {
            0 => self.leaves.try_get(leaf.prev).map(|prev| prev.get(prev.len() - 1)),
            pos => Some(leaf.get(pos - 1)),
        };
        let after = if path.pos + 1 < leaf.len() {
            Some(leaf.get(path.pos + 1))
        } else {
            self.leaves.try_get(leaf.next).map(|next| next.get(0))
        };
        item.with_member(|member| {
            let probe = Probe::item(key, member, true);
            before.is_none_or(|h| probe.compare(h) == Ordering::Less)
                && after.is_none_or(|h| probe.compare(h) == Ordering::Greater)
        })
    }

    /// Puts `new` in the place of the equal item `old`, which may be freed afterwards: for active
    /// defragmentation. False when `old` is not in the set.
    pub fn replace(&mut self, old: H, new: H) -> bool {
        let Some(path) = old.with_member(|member| self.find(old.score(), member)) else {
            return false;
        };
        self.leaves.get_mut(path.leaf).set_handle(path.pos, new);
        if path.pos == 0 {
            self.refresh_first(&path);
        }
        true
    }

    /// Moves some of the nodes, not the items.
    pub fn relocate_nodes(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let at = PartCursor::of(cursor);
        let next = match at.part {
            0 => self.leaves.relocate(at.inner, mover),
            _ => self.inners.relocate(at.inner, mover),
        };
        at.next(next, 1)
    }

    /// Removes the items at ranks `start..end` (`end` is cut to the length) and hands each to `f`
    /// in order, out of the tree already: `f` may free it.
    pub fn delete_range_by_rank(&mut self, start: usize, end: usize, mut f: impl FnMut(H)) {
        let mut left = end.min(self.len).saturating_sub(start);
        let mut batch = Vec::with_capacity(left.min(node::LEAF_CAP));
        while left > 0 {
            let path = self.locate(start);
            let leaf = self.leaves.get(path.leaf);
            let n = left.min(leaf.len() - path.pos);
            batch.clear();
            batch.extend((path.pos..path.pos + n).map(|i| leaf.get(i)));
            self.take(&path, n);
            left -= n;
            batch.drain(..).for_each(&mut f);
        }
    }

    /// Removes `n` items of one leaf from the path's place on.
    fn take(&mut self, path: &Path, n: usize) {
        let leaf = self.leaves.get_mut(path.leaf);
        leaf.remove(path.pos, n);
        let emptied = leaf.len() == 0;
        for &(node, idx) in &path.steps[..self.height] {
            self.inners.get_mut(node).sub_count(idx.into(), n);
        }
        self.len -= n;
        if path.pos == 0 && !emptied {
            self.refresh_first(path);
        }
        self.shrink(path);
    }
}
