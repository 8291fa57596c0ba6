//! Reading the ordered set: ranks, bounds as ranks, and iteration from a rank both ways.
//!
//! Every range becomes a range of ranks first, so counting it, skipping into it and walking it backward
//! cost O(log n) and no more. Invariant: nothing here changes the set.

use super::node::{Leaf, Probe};
use super::{OrderedItem, OrderedSet};
use std::ops::Range;

impl<H: OrderedItem> OrderedSet<H> {
    /// Number of items before the one equal to (score, member).
    pub fn rank(&self, score: f64, member: &[u8]) -> Option<usize> {
        self.find(score, member).map(|path| self.rank_of_path(&path))
    }

    /// The item equal to (score, member).
    pub fn get(&self, score: f64, member: &[u8]) -> Option<H> {
        self.find(score, member).map(|path| self.leaves.get(path.leaf).get(path.pos))
    }

    /// The item with `rank` items before it.
    pub fn by_rank(&self, rank: usize) -> Option<H> {
        if rank >= self.len {
            return None;
        }
        let path = self.locate(rank);
        Some(self.leaves.get(path.leaf).get(path.pos))
    }

    /// The smallest item.
    pub fn first(&self) -> Option<H> {
        (self.len > 0).then(|| self.leaves.get(self.first).get(0))
    }

    /// The largest item.
    pub fn last(&self) -> Option<H> {
        let leaf = self.leaves.get(self.last);
        leaf.len().checked_sub(1).map(|i| leaf.get(i))
    }

    /// Rank of the first item with a score of at least `score`: the number of smaller ones.
    pub fn first_ge(&self, score: f64) -> usize {
        self.count_before(&Probe::score(score, false))
    }

    /// Rank of the first item with a score over `score`: the number of those up to it.
    pub fn first_gt(&self, score: f64) -> usize {
        self.count_before(&Probe::score(score, true))
    }

    /// Rank of the first item whose member is `member` or larger. For sets with equal scores;
    /// without them the answer is some rank.
    pub fn first_lex_ge(&self, member: &[u8]) -> usize {
        self.count_before(&Probe::member(member, false))
    }

    /// Rank of the first item whose member is larger than `member`. For sets with equal scores;
    /// without them the answer is some rank.
    pub fn first_lex_gt(&self, member: &[u8]) -> usize {
        self.count_before(&Probe::member(member, true))
    }

    fn count_before(&self, probe: &Probe) -> usize {
        self.rank_of_path(&self.descend(probe))
    }

    /// The items of a range of ranks (its end is cut to the length), ascending.
    pub fn range(&self, ranks: Range<usize>) -> Iter<'_, H> {
        let left = ranks.end.min(self.len).saturating_sub(ranks.start);
        let (leaf, pos) = self.place(ranks.start, left);
        Iter { set: self, leaf, pos, left }
    }

    /// The items of a range of ranks (its end is cut to the length), descending.
    pub fn range_rev(&self, ranks: Range<usize>) -> RevIter<'_, H> {
        let end = ranks.end.min(self.len);
        let left = end.saturating_sub(ranks.start);
        let (leaf, pos) = self.place(end.wrapping_sub(1), left);
        RevIter { set: self, leaf, pos: pos + 1, left }
    }

    /// All items, ascending.
    pub fn iter(&self) -> Iter<'_, H> {
        self.range(0..self.len)
    }

    /// The place of `rank`, or any when `left` is 0 and it will not be looked at.
    fn place(&self, rank: usize, left: usize) -> (&Leaf<H>, usize) {
        if left == 0 {
            return (self.leaves.get(self.first), 0);
        }
        let path = self.locate(rank);
        (self.leaves.get(path.leaf), path.pos)
    }
}

/// Items in ascending order.
pub struct Iter<'a, H> {
    set: &'a OrderedSet<H>,
    leaf: &'a Leaf<H>,
    pos: usize,
    left: usize,
}

impl<H: OrderedItem> Iterator for Iter<'_, H> {
    type Item = H;

    #[inline]
    fn next(&mut self) -> Option<H> {
        self.left = self.left.checked_sub(1)?;
        if self.pos == self.leaf.len() {
            self.leaf = self.set.leaves.get(self.leaf.next);
            self.pos = 0;
        }
        self.pos += 1;
        Some(self.leaf.get(self.pos - 1))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<H: OrderedItem> ExactSizeIterator for Iter<'_, H> {}

/// Items in descending order.
pub struct RevIter<'a, H> {
    set: &'a OrderedSet<H>,
    leaf: &'a Leaf<H>,
    /// Behind the next item.
    pos: usize,
    left: usize,
}

impl<H: OrderedItem> Iterator for RevIter<'_, H> {
    type Item = H;

    #[inline]
    fn next(&mut self) -> Option<H> {
        self.left = self.left.checked_sub(1)?;
        if self.pos == 0 {
            self.leaf = self.set.leaves.get(self.leaf.prev);
            self.pos = self.leaf.len();
        }
        self.pos -= 1;
        Some(self.leaf.get(self.pos))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<H: OrderedItem> ExactSizeIterator for RevIter<'_, H> {}
