//! Moving a stream's blocks for active defragmentation: nodes, then what is pending in each group.

use std::ops::Bound::{Included, Unbounded};

use super::group::{ByName, Group, Groups};
use super::log::Log;
use super::{Parts, Stream};
use crate::storage::encoding::relocate::{Mover, PartCursor, Relocate};

/// Bits of a map's number in a cursor.
const NUMBER_BITS: u32 = 20;

impl Relocate for Stream {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let at = PartCursor::of(cursor);
        if cursor == 0 {
            mover.boxed(&mut self.0);
        }
        let Parts { log, groups } = &mut *self.0;
        let next = match at.part {
            0 => log.relocate(at.inner, mover),
            _ => groups.relocate(at.inner, mover),
        };
        at.next(next, 1)
    }
}

impl Relocate for Log {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        self.nodes_mut().relocate_with(cursor, mover, |node, mover| node.relocate_all(mover))
    }
}

/// The cursor: whether there is a place, in the lowest bit, above it the cursor of the group there.
/// The place is a name, because to count to the nth group takes as long as n is large.
impl Relocate for Groups {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let Some(by_name) = &mut self.0 else { return 0 };
        if cursor == 0 {
            mover.boxed(by_name);
            mover.tree_map(&mut by_name.groups);
            // The empty name is the first of all.
            by_name.place = Box::default();
        }
        by_name.relocate_group(cursor >> 1, mover).map_or(0, |next| next << 1 | 1)
    }
}

impl ByName {
    /// Moves the group at the place, or one piece of it. Gives what follows: the cursor of another
    /// piece, or 0 for the next group; none after the last.
    fn relocate_group(&mut self, cursor: u64, mover: &mut Mover) -> Option<u64> {
        let ByName { groups, place } = self;
        if cursor == 0
            && let (name, _) = groups.range::<[u8], _>((Included(&**place), Unbounded)).next()?
            && let Some(moved) = mover.boxed_bytes(name)
            && let Some(group) = groups.remove(&moved)
        {
            groups.insert(moved, group);
        }
        let mut rest = groups.range_mut::<[u8], _>((Included(&**place), Unbounded));
        let (_, group) = rest.next()?;
        if cursor == 0 {
            mover.boxed(group);
        }
        let inner = group.relocate(cursor, mover);
        if inner != 0 {
            return Some(inner);
        }
        let next = rest.next().map(|(name, _)| name.clone());
        let more = next.is_some();
        *place = next.unwrap_or_default();
        more.then_some(0)
    }
}

/// The cursor: 0 is the group's own map of pending entries, others those of its consumers; above
/// the number, the cursor of that map.
impl Relocate for Group {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let number = cursor & ((1 << NUMBER_BITS) - 1);
        let inner = match number {
            0 => self.relocate_pel(cursor >> NUMBER_BITS, mover),
            _ => self.relocate_consumer(number as usize - 1, cursor >> NUMBER_BITS, mover),
        };
        if inner != 0 {
            return inner << NUMBER_BITS | number;
        }
        let more = (number as usize) < self.consumer_slots() && number + 1 < 1 << NUMBER_BITS;
        if more { number + 1 } else { 0 }
    }
}
