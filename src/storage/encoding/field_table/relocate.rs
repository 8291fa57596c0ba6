//! Moving fields for active defragmentation.

use super::{Field, FieldTable};
use crate::storage::encoding::hashtable::Element;
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
            let old = field.into_word();
            // SAFETY: the word of the field that was just given up.
            let field = unsafe { Field::from_word(old) }.relocated(mover);
            let new = field.into_word();
            // Words are compared as numbers: the old one is dead.
            Self::relist(expires, (expire, old), (expire, new));
            // SAFETY: as above.
            unsafe { Field::from_word(new) }
        })
    }
}
