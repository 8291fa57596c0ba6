//! Making room in the ordered set: giving to a neighbour, splitting, a new root.
//!
//! One structural step a call; the insert goes down again after each. Invariant: a step changes no
//! item's rank.

use super::node::{Child, INNER_CAP, Inner, LEAF_CAP, NONE};
use super::{MAX_HEIGHT, OrderedItem, OrderedSet, Path};

/// A neighbour takes items from a full leaf when it has this many free slots: fewer would be used up
/// before the move has paid for itself.
const WORTH_GIVING: usize = 8;

impl<H: OrderedItem> OrderedSet<H> {
    /// One step towards room in the full leaf of `path`, where an item is about to go to `path.pos`.
    pub(super) fn make_room(&mut self, path: &Path) {
        let leaf = self.leaves.get(path.leaf);
        let at_end = path.pos == leaf.len() && leaf.next == NONE;
        let at_start = path.pos == 0 && leaf.prev == NONE;
        if !at_end && !at_start && self.height > 0 && self.give_to_neighbour(path) {
            return;
        }
        // Split the topmost of the full nodes that stand in a row above the leaf.
        let mut level = self.height;
        while level > 0 && self.inners.get(path.steps[level - 1].0).is_full() {
            level -= 1;
        }
        if level == 0 {
            self.new_root();
            return;
        }
        // Ascending and descending inserts never come back to what they leave: leave it full.
        let cut = |len: usize| match (at_end, at_start) {
            (true, _) => len - 1,
            (_, true) => 1,
            _ => len / 2,
        };
        if level == self.height {
            self.split_leaf(path, cut(LEAF_CAP));
        } else {
            self.split_inner(path, level, cut(INNER_CAP));
        }
    }

    /// Puts a new root above the old one.
    fn new_root(&mut self) {
        assert!(self.height < MAX_HEIGHT, "the tree is deeper than any memory can fill");
        let (key, item) = if self.height == 0 {
            let item = self.leaves.get(self.root).get(0);
            (super::score_key(item.score()), item)
        } else {
            self.inners.get(self.root).first(0)
        };
        let mut root = Inner::new();
        root.insert(0, Child { key, item, count: self.len, node: self.root });
        self.root = self.inners.insert(root);
        self.height += 1;
    }

    fn split_leaf(&mut self, path: &Path, at: usize) {
        let (parent, idx) = path.steps[self.height - 1];
        let idx = usize::from(idx);
        let left = self.leaves.get_mut(path.leaf);
        let mut right = left.split(at);
        let (count, item, next) = (right.len(), right.get(0), left.next);
        (right.prev, right.next) = (path.leaf, next);
        let node = self.leaves.insert(right);
        self.leaves.get_mut(path.leaf).next = node;
        match next {
            NONE => self.last = node,
            next => self.leaves.get_mut(next).prev = node,
        }
        let parent = self.inners.get_mut(parent);
        parent.sub_count(idx, count);
        let key = super::score_key(item.score());
        parent.insert(idx + 1, Child { key, item, count, node });
    }

    /// Splits the inner node `path.steps[level]`, whose parent has room.
    fn split_inner(&mut self, path: &Path, level: usize, at: usize) {
        let (parent, idx) = path.steps[level - 1];
        let idx = usize::from(idx);
        let mut right = Inner::new();
        self.inners.get_mut(path.steps[level].0).move_tail(at, &mut right);
        let count = right.total();
        let (key, item) = right.first(0);
        let node = self.inners.insert(right);
        let parent = self.inners.get_mut(parent);
        parent.sub_count(idx, count);
        parent.insert(idx + 1, Child { key, item, count, node });
    }

    /// Evens the full leaf out with a neighbour under the same parent. False when none has room.
    fn give_to_neighbour(&mut self, path: &Path) -> bool {
        let (parent, idx) = path.steps[self.height - 1];
        let idx = usize::from(idx);
        let inner = self.inners.get(parent);
        let roomy = |i: usize| inner.count(i) + WORTH_GIVING <= LEAF_CAP;
        if idx + 1 < inner.len() && roomy(idx + 1) {
            self.even_out(parent, idx);
        } else if idx > 0 && roomy(idx - 1) {
            self.even_out(parent, idx - 1);
        } else {
            return false;
        }
        true
    }

    /// Shares the items of the leaves `left` and `left + 1` of an inner node out equally.
    pub(super) fn even_out(&mut self, parent: u32, left: usize) {
        let inner = self.inners.get_mut(parent);
        let (a, b) = self.leaves.pair_mut(inner.child(left), inner.child(left + 1));
        let half = (a.len() + b.len()) / 2;
        if a.len() > half {
            let n = a.len() - half;
            a.give_right(b, n);
            inner.sub_count(left, n);
            inner.add_count(left + 1, n);
        } else {
            let n = half - a.len();
            a.take_left(b, n);
            inner.add_count(left, n);
            inner.sub_count(left + 1, n);
        }
        let item = b.get(0);
        inner.set_first(left + 1, super::score_key(item.score()), item);
    }
}
