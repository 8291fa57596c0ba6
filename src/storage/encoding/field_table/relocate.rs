//! Moving fields for active defragmentation.

use super::FieldTable;
use crate::storage::encoding::relocate::{Mover, PartCursor, Relocate};

/// What expires first, then fields in the order of a scan.
impl Relocate for FieldTable {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let at = PartCursor::of(cursor);
        let FieldTable { table, expires } = self;
        let next = match (at.part, expires) {
            (0, Some(expires)) => {
                if cursor == 0 {
                    mover.boxed(expires);
                }
                expires.relocate(at.inner, mover)
            }
            (0, None) => 0,
            (_, expires) => table.relocate_step(at.inner, mover, |field, mover| {
                let expire = field.as_ref().expire();
                let old = field.word();
                let field = field.relocated(mover);
                // Words are compared as numbers: the old one may be dead.
                Self::relist(expires, (expire, old), (expire, field.word()));
                field
            }),
        };
        at.next(next, 1)
    }
}
