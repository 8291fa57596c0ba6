//! What it takes to be moved by active defragmentation.
//!
//! Each owner of blocks on the heap (an encoding, a value, an entry) moves its own ones and keeps
//! their new addresses; content and order stay what they were. Not a policy: which blocks to move
//! is the [`Mover`]'s decision, when and for how long the server's.

pub use crate::sys::relocate::Mover;

/// An owner of blocks that can be moved, piece by piece.
pub trait Relocate {
    /// Moves one piece of it, so many blocks that it takes some microseconds: what `cursor` stands
    /// for, 0 at first. Gives the next cursor, 0 when all pieces had their turn. In between it may
    /// be read and changed; pieces may then be passed over or be met twice.
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64;

    /// Moves all pieces: for what is small, and for tests.
    fn relocate_all(&mut self, mover: &mut Mover) {
        let mut cursor = self.relocate(0, mover);
        while cursor != 0 {
            cursor = self.relocate(cursor, mover);
        }
    }
}

/// A cursor of one of several parts that have cursors of their own: the part in its low bits.
#[derive(Clone, Copy)]
pub struct PartCursor {
    pub part: u64,
    /// Below 2^60.
    pub inner: u64,
}

impl PartCursor {
    const PART_BITS: u32 = 4;

    pub fn of(cursor: u64) -> Self {
        let part = cursor & ((1 << Self::PART_BITS) - 1);
        PartCursor { part, inner: cursor >> Self::PART_BITS }
    }

    /// The cursor after a step in this part that gave `inner`, if the part `last` is the last one.
    pub fn next(self, inner: u64, last: u64) -> u64 {
        if inner != 0 {
            inner << Self::PART_BITS | self.part
        } else if self.part < last {
            self.part + 1
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_one_after_the_other() {
        let (mut cursor, mut seen) = (0, Vec::new());
        loop {
            let at = PartCursor::of(cursor);
            seen.push((at.part, at.inner));
            cursor = at.next((at.inner + 5) % 10, 2);
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(seen, [(0, 0), (0, 5), (1, 0), (1, 5), (2, 0), (2, 5)]);
    }
}
