//! Moving a stream's blocks for active defragmentation: nodes, then what is pending in each group.

use super::group::{Group, Groups};
use super::log::Log;
use super::{Parts, Stream};
use crate::storage::encoding::relocate::{Mover, PartCursor, Relocate};

/// Bits of a group's or map's number in a cursor.
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

/// The cursor: number of the group in the low bits, above it that of the group's own.
impl Relocate for Groups {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let number = cursor & ((1 << NUMBER_BITS) - 1);
        if cursor == 0 {
            self.relocate_box(mover);
        }
        if cursor >> NUMBER_BITS == 0 {
            self.relocate_name(number as usize, mover);
        }
        let mut groups = self.boxes_mut().skip(number as usize);
        let Some(group) = groups.next() else { return 0 };
        if cursor >> NUMBER_BITS == 0 {
            mover.boxed(group);
        }
        let inner = group.relocate(cursor >> NUMBER_BITS, mover);
        if inner != 0 {
            return inner << NUMBER_BITS | number;
        }
        // More groups than a number takes stay where they are.
        let more = groups.next().is_some() && number + 1 < 1 << NUMBER_BITS;
        if more { number + 1 } else { 0 }
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
