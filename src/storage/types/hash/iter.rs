//! Walking over the fields of a hash, whatever its form. Expired fields are included.
//!
//! Invariant: a broken listpack (bytes that were only validated shallowly) ends the walk.

use super::{HashView, is_past, triplet_expire};
use crate::storage::encoding::field_table::{Field, FieldRef};
use crate::storage::encoding::hashtable;
use crate::storage::encoding::listpack::{self, LpValue};

/// A field with what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashField<'a> {
    pub name: LpValue<'a>,
    pub value: LpValue<'a>,
    /// ms since the epoch.
    pub expire: Option<i64>,
}

impl HashField<'_> {
    /// Whether its time lies before `now`.
    #[inline]
    pub fn is_expired(&self, now: i64) -> bool {
        is_past(self.expire, now)
    }
}

impl<'a> From<FieldRef<'a>> for HashField<'a> {
    fn from(field: FieldRef<'a>) -> Self {
        HashField {
            name: LpValue::Str(field.name()),
            value: LpValue::Str(field.value()),
            expire: field.expire(),
        }
    }
}

/// All fields of a hash.
pub enum HashIter<'a> {
    Pairs(listpack::Iter<'a>),
    Triplets(listpack::Iter<'a>),
    Table(hashtable::Iter<'a, Field>),
}

impl<'a> HashIter<'a> {
    pub(super) fn new(view: HashView<'a>) -> HashIter<'a> {
        match view {
            HashView::Listpack(lp) => HashIter::Pairs(lp.iter()),
            HashView::ListpackEx(lp) => HashIter::Triplets(lp.iter()),
            HashView::Table(table) => HashIter::Table(table.iter()),
        }
    }
}

impl<'a> Iterator for HashIter<'a> {
    type Item = HashField<'a>;

    fn next(&mut self) -> Option<HashField<'a>> {
        match self {
            HashIter::Pairs(lp) => {
                let (name, value) = (lp.next()?.1, lp.next()?.1);
                Some(HashField { name, value, expire: None })
            }
            HashIter::Triplets(lp) => {
                let (name, value) = (lp.next()?.1, lp.next()?.1);
                Some(HashField { name, value, expire: triplet_expire(lp.next()?.1) })
            }
            HashIter::Table(table) => table.next().map(HashField::from),
        }
    }
}
