//! Changes in the middle of a quicklist: insert, replace, delete, split and merge of nodes. Where
//! an element goes and which neighbours merge follows Redis' quicklist.c, because node figures show
//! in DEBUG OBJECT and decide when a list becomes a listpack again.
//!
//! Every method leaves nodes within `compress` of an end uncompressed.

use super::node::{Data, Node};
use super::{Listpack, Quicklist};
use crate::storage::encoding::listpack::{LpValue, Needle, Pos};

/// An element: its node and its place in the node.
#[derive(Clone, Copy)]
struct Place {
    node: usize,
    offset: usize,
}

impl Quicklist {
    /// Inserts `value` before or after the element with this index; `false` if there is none.
    pub fn insert(
        &mut self,
        index: usize,
        value: &[u8],
        after: bool,
        packed_threshold: usize,
    ) -> bool {
        let Some((node, offset)) = self.locate(index) else {
            return false;
        };
        self.insert_at(Place { node, offset }, value, after, packed_threshold);
        true
    }

    fn insert_at(&mut self, place: Place, value: &[u8], after: bool, packed_threshold: usize) {
        let Place { node: at, offset } = place;
        let limit = self.limit();
        let allows = |node: Option<&Node>| {
            node.is_some_and(|node| node.allows_insert(limit, value.len(), packed_threshold))
        };
        let last = offset + 1 >= self.nodes[at].count as usize;
        let at_edge = if after { last } else { offset == 0 };
        let fits = allows(self.nodes.get(at));
        let beside = if after { at.checked_add(1) } else { at.checked_sub(1) };
        let fits_beside = allows(beside.and_then(|beside| self.nodes.get(beside)));
        self.count += 1;
        if limit.is_large(value.len(), packed_threshold) {
            self.insert_large(place, value, after, at_edge);
        } else if fits {
            self.edit(at, |lp| {
                let done = lp.seek(offset as i64).and_then(|pos| {
                    if after { lp.insert_after(pos, value) } else { lp.insert_before(pos, value) }
                });
                if done.is_none() {
                    // Fewer entries than the node counts: a damaged listpack.
                    lp.push_back(value);
                }
            });
            self.nodes[at].count += 1;
        } else if at_edge && fits_beside {
            let beside = if after { at + 1 } else { at - 1 };
            self.edit(beside, |lp| if after { lp.push_front(value) } else { lp.push_back(value) });
            self.nodes[beside].count += 1;
        } else if at_edge {
            self.insert_node(at, Node::single(value), after);
        } else {
            let mut split = self.split(place, after);
            if let Some(lp) = split.listpack() {
                if after {
                    lp.push_front(value)
                } else {
                    lp.push_back(value)
                }
                split.count += 1;
            }
            self.insert_node(at, split, after);
            self.merge_around(if after { at } else { at + 1 });
        }
    }

    fn insert_large(&mut self, place: Place, value: &[u8], after: bool, at_edge: bool) {
        let at = place.node;
        let large = Node::plain(value.into());
        if self.nodes[at].is_plain() || at_edge {
            self.insert_node(at, large, after);
            return;
        }
        let split = self.split(place, after);
        self.insert_node(at, large, after);
        self.insert_node(if after { at + 1 } else { at }, split, after);
    }

    /// Puts `node` before or after the node `at`.
    fn insert_node(&mut self, at: usize, node: Node, after: bool) {
        let place = at + usize::from(after);
        // Only the first node keeps room.
        self.nodes[at].pack();
        self.nodes.insert(place, node);
        self.settle(Some(if after { at } else { at + 1 }));
        self.settle(Some(place));
    }

    /// Cuts the node in two after (or before) the element. With `after` the part behind it is
    /// returned, else the part in front of it; the element stays where it was. `self.count` does
    /// not change: the caller puts the part back.
    fn split(&mut self, place: Place, after: bool) -> Node {
        let node = &mut self.nodes[place.node];
        let cut = place.offset + usize::from(after);
        let count = node.count;
        let Some(lp) = node.listpack() else { unreachable!("plain nodes have no inside to split") };
        let back = lp.split_off(cut);
        let back_count = count.saturating_sub(cut as u32);
        if after {
            node.count = count - back_count;
            return Node { data: Data::Packed(back), count: back_count };
        }
        let front = std::mem::replace(lp, back);
        node.count = back_count;
        Node { data: Data::Packed(front), count: count - back_count }
    }

    /// Merges the two neighbours on each side with each other, then this node with what is beside
    /// it, as far as the results stay within the limit. Returns where the node's elements are now.
    fn merge_around(&mut self, center: usize) -> usize {
        let mut center = center;
        if center >= 2 && self.merge_with_next(center - 2) {
            center -= 1;
        }
        self.merge_with_next(center + 1);
        if center >= 1 && self.merge_with_next(center - 1) {
            center -= 1;
        }
        self.merge_with_next(center);
        center
    }

    fn merge_with_next(&mut self, left: usize) -> bool {
        let (Some(a), Some(b)) = (self.nodes.get(left), self.nodes.get(left + 1)) else {
            return false;
        };
        if !a.allows_merge(b, self.limit()) {
            return false;
        }
        let Some(mut right) = self.nodes.remove(left + 1) else {
            return false;
        };
        let count = right.count;
        let Some(right_lp) = right.listpack() else { unreachable!("plain nodes do not merge") };
        if let Some(lp) = self.nodes[left].listpack() {
            lp.merge(right_lp.as_lp());
        }
        self.nodes[left].count += count;
        self.settle(Some(left));
        true
    }

    /// Changes the listpack of a packed node; compresses the node again if it was compressed.
    /// The caller keeps the counts.
    fn edit(&mut self, at: usize, change: impl FnOnce(&mut Listpack)) {
        let node = &mut self.nodes[at];
        let compressed = node.is_compressed();
        if let Some(lp) = node.listpack() {
            change(lp);
        }
        if compressed {
            node.compress();
        }
    }

    /// Replaces the element with this index; `false` if there is none.
    pub fn replace(&mut self, index: usize, value: &[u8], packed_threshold: usize) -> bool {
        let Some((at, offset)) = self.locate(index) else {
            return false;
        };
        let place = Place { node: at, offset };
        let large = self.limit().is_large(value.len(), packed_threshold);
        let node = &mut self.nodes[at];
        if node.is_plain() {
            if large {
                node.data = Data::Plain(value.into());
                self.settle(Some(at));
            } else {
                self.insert_at(place, value, true, packed_threshold);
                self.remove_node(at);
            }
        } else if !large && node.size().saturating_add(value.len()) < u32::MAX as usize - 16 {
            if let Some(lp) = node.listpack()
                && let Some(pos) = lp.seek(offset as i64)
            {
                lp.replace(pos, value);
            }
            self.settle(Some(at));
        } else {
            let new = if large { Node::plain(value.into()) } else { Node::single(value) };
            self.replace_by_node(place, new);
        }
        true
    }

    /// Cuts the node after the element, puts `new` between, and drops the element.
    fn replace_by_node(&mut self, place: Place, new: Node) {
        let Place { node: at, offset } = place;
        let count = self.nodes[at].count as usize;
        let behind = (offset + 1 < count).then(|| self.split(place, true));
        self.nodes.insert(at + 1, new);
        self.settle(Some(at + 1));
        if let Some(behind) = behind {
            self.nodes.insert(at + 2, behind);
            self.settle(Some(at + 2));
        }
        self.count += 1;
        if offset == 0 {
            self.remove_node(at);
            return;
        }
        self.edit(at, |lp| {
            lp.delete_range(-1, 1);
        });
        self.nodes[at].count -= 1;
        self.count -= 1;
        let center = self.merge_around(at + 1);
        for near in [Some(center), center.checked_sub(1), Some(center + 1)] {
            self.settle(near);
        }
    }

    /// Deletes up to `count` elements from `start` on (negative: from the end); returns how many.
    pub fn delete_range(&mut self, start: i64, count: usize) -> usize {
        let Some(start) = self.absolute(start) else {
            return 0;
        };
        let Some((mut at, mut offset)) = self.locate(start) else {
            return 0;
        };
        let before = self.count;
        let mut left = count;
        let mut dropped = false;
        while left > 0 && at < self.nodes.len() {
            if offset == 0 && left >= self.nodes[at].count as usize {
                let mut end = at;
                while end < self.nodes.len() && left >= self.nodes[end].count as usize {
                    left -= self.nodes[end].count as usize;
                    self.count -= self.nodes[end].count as usize;
                    end += 1;
                }
                self.nodes.drain(at..end);
                dropped = true;
                continue;
            }
            let gone = left.min(self.nodes[at].count as usize - offset);
            self.edit(at, |lp| {
                lp.delete_range(offset as i64, gone);
            });
            self.nodes[at].count -= gone as u32;
            self.count -= gone;
            left -= gone;
            (at, offset) = (at + 1, 0);
        }
        if dropped {
            self.settle_ends();
        }
        before - self.count
    }

    /// Removes up to `|count|` elements equal to `value` (0: all), from the tail if `count` is
    /// negative; returns how many.
    pub fn remove(&mut self, count: i64, value: &[u8]) -> usize {
        let needle = Needle::new(value);
        let max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
        let (mut removed, mut emptied) = (0, false);
        let nodes = self.nodes.len();
        for step in 0..nodes {
            let at = if count < 0 { nodes - 1 - step } else { step };
            let hits: Vec<Pos> = self.nodes[at].matches(&needle, max - removed, count < 0);
            if hits.is_empty() {
                continue;
            }
            removed += hits.len();
            let node = &mut self.nodes[at];
            let left = (node.count as usize).saturating_sub(hits.len());
            self.count -= node.count as usize - left;
            node.count = left as u32;
            if left == 0 {
                emptied = true;
            } else {
                self.edit(at, |lp| {
                    lp.delete_positions(&hits);
                });
            }
            if removed >= max {
                break;
            }
        }
        if emptied {
            self.nodes.retain(|node| node.count > 0);
            self.settle_ends();
        }
        removed
    }

    /// The index of the first element equal to `value`.
    pub fn position(&self, value: &[u8]) -> Option<usize> {
        let needle = Needle::new(value);
        let (mut index, mut found) = (0, None);
        self.for_each_from(0, false, |value: LpValue<'_>| {
            if needle.matches(value) {
                found = Some(index);
            }
            index += 1;
            found.is_none()
        });
        found
    }
}
