//! Moving fields for active defragmentation.

use super::FieldTable;
use crate::storage::encoding::relocate::{Mover, Relocate};

/// The cursor is that of a scan.
impl Relocate for FieldTable {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let FieldTable { table, expires } = self;
        if cursor == 0
            && let Some(expires) = expires
        {
            mover.boxed(expires);
            expires.relocate(mover);
        }
        table.relocate_step(cursor, mover, |field, mover| {
            let expire = field.as_ref().expire();
            let old = field.word();
            let field = field.relocated(mover);
            // Words are compared as numbers: the old one may be dead.
            Self::relist(expires, (expire, old), (expire, field.word()));
            field
        })
    }
}
