//! The table of the 16384 hash slots: who owns each, and which are on their way to or from this
//! node.
//!
//! Not what is in the slots. Invariant: `counts` says for every node how many slots it owns.

use std::collections::{BTreeMap, HashMap};

pub use crate::util::crc16::SLOTS;

/// A known node, as an index into the list of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeKey(pub u16);

/// No node owns the slot.
const NOBODY: u16 = u16::MAX;

/// See the file's documentation.
pub struct SlotTable {
    owners: Box<[u16; SLOTS as usize]>,
    counts: HashMap<NodeKey, usize>,
    /// This node's slots that go to another one.
    pub migrating_to: BTreeMap<u16, NodeKey>,
    /// Other nodes' slots that come to this one.
    pub importing_from: BTreeMap<u16, NodeKey>,
}

impl Default for SlotTable {
    fn default() -> SlotTable {
        SlotTable {
            owners: Box::new([NOBODY; SLOTS as usize]),
            counts: HashMap::new(),
            migrating_to: BTreeMap::new(),
            importing_from: BTreeMap::new(),
        }
    }
}

impl SlotTable {
    /// The owner of a slot below [`SLOTS`].
    #[inline]
    pub fn owner(&self, slot: u16) -> Option<NodeKey> {
        match self.owners[usize::from(slot)] {
            NOBODY => None,
            key => Some(NodeKey(key)),
        }
    }

    /// Gives a slot to a node, or to nobody.
    pub fn assign(&mut self, slot: u16, to: Option<NodeKey>) {
        if let Some(old) = self.owner(slot)
            && let Some(count) = self.counts.get_mut(&old)
        {
            *count -= 1;
        }
        if let Some(new) = to {
            *self.counts.entry(new).or_default() += 1;
        }
        self.owners[usize::from(slot)] = to.map_or(NOBODY, |key| key.0);
    }

    /// How many slots a node owns.
    pub fn count_of(&self, node: NodeKey) -> usize {
        self.counts.get(&node).copied().unwrap_or(0)
    }

    /// How many slots have an owner.
    pub fn assigned(&self) -> usize {
        self.counts.values().sum()
    }

    /// All runs of slots with the same owner, ascending: first, last, owner.
    pub fn ranges(&self) -> Vec<(u16, u16, NodeKey)> {
        let mut ranges: Vec<(u16, u16, NodeKey)> = Vec::new();
        for slot in 0..SLOTS {
            let Some(owner) = self.owner(slot) else { continue };
            match ranges.last_mut() {
                Some((_, last, same)) if *same == owner && *last + 1 == slot => *last = slot,
                _ => ranges.push((slot, slot, owner)),
            }
        }
        ranges
    }

    /// The runs of slots of one node.
    pub fn ranges_of(&self, node: NodeKey) -> Vec<(u16, u16)> {
        let ranges = self.ranges().into_iter();
        ranges.filter(|(.., owner)| *owner == node).map(|(first, last, _)| (first, last)).collect()
    }

    /// Forgets all migrations.
    pub fn close_all(&mut self) {
        self.migrating_to.clear();
        self.importing_from.clear();
    }

    /// Forgets a node: its slots are nobody's.
    pub fn forget(&mut self, node: NodeKey) {
        for slot in 0..SLOTS {
            if self.owner(slot) == Some(node) {
                self.assign(slot, None);
            }
        }
        self.counts.remove(&node);
        self.migrating_to.retain(|_, to| *to != node);
        self.importing_from.retain(|_, from| *from != node);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_ranges_follow_assignments() {
        let (a, b) = (NodeKey(0), NodeKey(7));
        let mut table = SlotTable::default();
        for slot in [0, 1, 2, 4, 16383] {
            table.assign(slot, Some(a));
        }
        table.assign(3, Some(b));
        table.assign(4, Some(b));
        assert_eq!((table.count_of(a), table.count_of(b), table.assigned()), (4, 2, 6));
        assert_eq!(table.ranges(), [(0, 2, a), (3, 4, b), (16383, 16383, a)]);
        assert_eq!(table.ranges_of(b), [(3, 4)]);
        table.migrating_to.insert(0, b);
        table.forget(b);
        assert_eq!((table.owner(3), table.assigned()), (None, 4));
        assert!(table.migrating_to.is_empty());
    }

    #[test]
    fn random_assignments_agree_with_a_plain_array() {
        let mut rng = fastrand::Rng::with_seed(5);
        let (mut table, mut plain) = (SlotTable::default(), vec![None; usize::from(SLOTS)]);
        for _ in 0..5000 {
            let slot = rng.u16(..64);
            let owner = (rng.u8(..4) > 0).then(|| NodeKey(rng.u16(..3)));
            table.assign(slot, owner);
            plain[usize::from(slot)] = owner;
        }
        for (slot, owner) in plain.iter().enumerate() {
            assert_eq!(table.owner(slot as u16), *owner);
        }
        let of_one = plain.iter().filter(|owner| **owner == Some(NodeKey(1))).count();
        assert_eq!(table.count_of(NodeKey(1)), of_one);
        let covered: usize =
            table.ranges().iter().map(|(first, last, _)| usize::from(last - first) + 1).sum();
        assert_eq!(covered, table.assigned());
    }
}
