//! Giving nodes of the ordered set back after removals: empty ones, and pairs that fit in one.
//!
//! Invariant: afterwards no leaf but the root is empty, no inner node is empty, and no entry of an
//! inner node stands for an item that is gone.

use super::node::{INNER_CAP, LEAF_CAP, NONE};
use super::{OrderedItem, OrderedSet, Path};

/// A leaf with fewer items looks for a neighbour to join or to borrow from.
const LEAF_MIN: usize = LEAF_CAP / 2 - 4;
/// Joined leaves keep room for some inserts, lest they split again at once.
const LEAF_JOINED: usize = 2 * LEAF_MIN;
const INNER_MIN: usize = INNER_CAP / 3;
const INNER_JOINED: usize = INNER_CAP - 4;

impl<H: OrderedItem> OrderedSet<H> {
    /// Restores the invariants after items of the path's leaf went away.
    pub(super) fn shrink(&mut self, path: &Path) {
        let len = self.leaves.get(path.leaf).len();
        if self.height == 0 || len >= LEAF_MIN {
            return;
        }
        if len == 0 {
            self.unlink_leaf(path.leaf);
            self.drop_child(path, self.height - 1);
        } else {
            self.join_leaf(path);
        }
        for level in (1..self.height).rev() {
            let node = path.steps[level].0;
            match self.inners.get(node).len() {
                0 => {
                    self.inners.remove(node);
                    self.drop_child(path, level - 1);
                }
                len if len < INNER_MIN => self.join_inner(path, level),
                _ => break,
            }
        }
        self.lower_root();
    }

    /// Takes a leaf out of the chain and frees it.
    fn unlink_leaf(&mut self, leaf: u32) {
        let (prev, next) = (self.leaves.get(leaf).prev, self.leaves.get(leaf).next);
        match prev {
            NONE => self.first = next,
            prev => self.leaves.get_mut(prev).next = next,
        }
        match next {
            NONE => self.last = prev,
            next => self.leaves.get_mut(next).prev = prev,
        }
        self.leaves.remove(leaf);
    }

    /// Removes the entry that the path takes at `level`, whose node is gone.
    fn drop_child(&mut self, path: &Path, level: usize) {
        let (node, idx) = path.steps[level];
        let inner = self.inners.get_mut(node);
        inner.remove(idx.into());
        if idx > 0 || inner.len() == 0 {
            return;
        }
        let (key, item) = inner.first(0);
        for &(node, idx) in path.steps[..level].iter().rev() {
            self.inners.get_mut(node).set_first(idx.into(), key, item);
            if idx != 0 {
                break;
            }
        }
    }

    /// Joins the path's leaf with a neighbour under the same parent, or borrows from it.
    fn join_leaf(&mut self, path: &Path) {
        let (parent, idx) = path.steps[self.height - 1];
        let inner = self.inners.get(parent);
        let Some(left) = left_of_pair(idx.into(), inner.len()) else {
            return;
        };
        if inner.count(left) + inner.count(left + 1) > LEAF_JOINED {
            self.even_out(parent, left);
            return;
        }
        let (a, b) = (inner.child(left), inner.child(left + 1));
        let (to, from) = self.leaves.pair_mut(a, b);
        let n = from.len();
        to.take_left(from, n);
        self.unlink_leaf(b);
        let inner = self.inners.get_mut(parent);
        inner.add_count(left, n);
        inner.remove(left + 1);
    }

    /// Joins the inner node at `level` with a neighbour under the same parent when both fit in one.
    fn join_inner(&mut self, path: &Path, level: usize) {
        let (parent, idx) = path.steps[level - 1];
        let inner = self.inners.get(parent);
        let Some(left) = left_of_pair(idx.into(), inner.len()) else {
            return;
        };
        let (a, b) = (inner.child(left), inner.child(left + 1));
        if self.inners.get(a).len() + self.inners.get(b).len() > INNER_JOINED {
            return;
        }
        let (to, from) = self.inners.pair_mut(a, b);
        from.move_tail(0, to);
        self.inners.remove(b);
        let inner = self.inners.get_mut(parent);
        let n = inner.count(left + 1);
        inner.add_count(left, n);
        inner.remove(left + 1);
    }

    /// Removes roots that have one child or none.
    fn lower_root(&mut self) {
        while self.height > 0 {
            let root = self.inners.get(self.root);
            match root.len() {
                0 => {
                    self.clear();
                    return;
                }
                1 => {
                    let child = root.child(0);
                    self.inners.remove(self.root);
                    self.root = child;
                    self.height -= 1;
                }
                _ => return,
            }
        }
    }
}

/// The left one of the pair that child `idx` of `len` makes with a neighbour.
fn left_of_pair(idx: usize, len: usize) -> Option<usize> {
    match idx {
        0 if len < 2 => None,
        0 => Some(0),
        idx => Some(idx - 1),
    }
}
