//! The hash type: a listpack while it is small, a listpack with expire times once a field gets one,
//! a table of fields when it is big. This file decides when a hash changes its form and computes
//! what the commands need; it knows no arguments, replies or clock: limits and "now" are arguments.
//!
//! When the form changes (clients see it in OBJECT ENCODING), as in Redis' t_hash.c:
//! - `listpack` becomes `listpackex` when any field is about to get an expire time, and stays so;
//! - both become a table before a field or value above `hash-max-listpack-value` is stored, when
//!   more than `hash-max-listpack-entries` fields are there or given at once;
//! - a table never becomes anything else.
//!
//! `listpackex` has (field, value, expire) triplets, the earliest expire time first, fields without
//! one (0) last: Redis' layout, so that RDB and DUMP copy it.
//!
//! Expired fields are ordinary fields here until somebody removes them; whoever reads compares
//! [`HashValue::expire`] with the time. Invariant: fields are unique. A hash that became empty is
//! the caller's to delete; it stays usable.

mod changes;
mod iter;
#[cfg(test)]
mod tests;

use crate::storage::encoding::field_table::FieldTable;
use crate::storage::encoding::listpack::{Invalid, Listpack, LpRef, Pos};
use crate::storage::encoding::relocate::{Mover, Relocate};
use crate::storage::encoding::tagged::{Either3, Tagged3};

pub use crate::storage::encoding::listpack::LpValue;
pub use iter::{HashField, HashIter};

/// The largest expire time that a field can have, ms since the epoch.
pub const FIELD_EXPIRE_MAX_MS: i64 = (1 << 48) - 1;
/// The expire time in a listpack that means none.
const NO_EXPIRE: i64 = 0;

/// The settings that hashes obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashLimits {
    /// `hash-max-listpack-entries`: fields.
    pub max_listpack_entries: usize,
    /// `hash-max-listpack-value`: bytes of a field or value.
    pub max_listpack_value: usize,
}

impl Default for HashLimits {
    fn default() -> Self {
        HashLimits { max_listpack_entries: 512, max_listpack_value: 64 }
    }
}

/// The form of a hash, for reading.
#[derive(Clone, Copy)]
pub enum HashView<'a> {
    /// Encoding "listpack": fields and values in turn.
    Listpack(LpRef<'a>),
    /// Encoding "listpackex": triplets, see the file's documentation.
    ListpackEx(LpRef<'a>),
    /// Encoding "hashtable".
    Table(&'a FieldTable),
}

/// A hash value; 8 bytes. A, B and C are the three forms.
pub struct Hash(Tagged3<Listpack, Listpack, Box<FieldTable>>);

const _: () = assert!(size_of::<Hash>() == 8);

impl Relocate for Hash {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        match self.0.get_mut() {
            Either3::A(mut lp) | Either3::B(mut lp) => lp.relocate(cursor, mover),
            Either3::C(mut table) => {
                if cursor == 0 {
                    mover.boxed(&mut table);
                }
                table.relocate(cursor, mover)
            }
        }
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashValue<'a> {
    pub value: LpValue<'a>,
    /// ms since the epoch.
    pub expire: Option<i64>,
}

impl HashValue<'_> {
    /// Whether the field's time lies before `now`, so that readers take it for absent.
    #[inline]
    pub fn is_expired(&self, now: i64) -> bool {
        is_past(self.expire, now)
    }
}

#[inline]
fn is_past(expire: Option<i64>, now: i64) -> bool {
    expire.is_some_and(|at| at < now)
}

/// The expire time in the third entry of a triplet.
fn triplet_expire(entry: LpValue<'_>) -> Option<i64> {
    match entry {
        LpValue::Int(NO_EXPIRE) | LpValue::Str(_) => None,
        LpValue::Int(at) => Some(at),
    }
}

/// Where a field of a listpack stands; `tuple` is 2 or 3, the entries that belong to a field.
fn find_field(lp: LpRef<'_>, name: &[u8], tuple: usize) -> Option<Pos> {
    lp.find(lp.first()?, name, tuple - 1)
}

impl Default for Hash {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for Hash {
    /// COPY: the same fields, expire times included, in the same form.
    fn clone(&self) -> Self {
        Self(Tagged3::new(match self.0.get() {
            Either3::A(lp) => Either3::A(lp.clone()),
            Either3::B(lp) => Either3::B(lp.clone()),
            Either3::C(table) => Either3::C(table.clone()),
        }))
    }
}

impl Hash {
    /// An empty hash; hashes start as a listpack.
    pub fn new() -> Hash {
        Self::from_listpack(Listpack::new())
    }

    /// A hash that is this listpack of pairs (RDB; then call `try_convert_auto`).
    pub fn from_listpack(lp: Listpack) -> Hash {
        Hash(Tagged3::new(Either3::A(lp)))
    }

    /// A hash that is this listpack of triplets (RDB; then call `try_convert_auto`).
    pub fn from_listpack_ex(lp: Listpack) -> Hash {
        Hash(Tagged3::new(Either3::B(lp)))
    }

    /// A hash that is this table (RDB).
    pub fn from_table(table: FieldTable) -> Hash {
        Hash(Tagged3::new(Either3::C(Box::new(table))))
    }

    /// Checks what a listpack from elsewhere must satisfy to be a hash: whole pairs or triplets,
    /// no field twice, triplets in the order of their expire times.
    ///
    /// # Errors
    /// If it does not.
    pub fn check_listpack(lp: LpRef<'_>, with_expires: bool) -> Result<(), Invalid> {
        let tuple = if with_expires { 3 } else { 2 };
        let mut seen = std::collections::HashSet::new();
        let (mut entries, mut last) = (0usize, i64::MIN);
        for (_, entry) in lp.iter() {
            match entries % tuple {
                0 if !seen.insert(entry.to_vec()) => return Err(Invalid),
                2 => {
                    let LpValue::Int(at) = entry else { return Err(Invalid) };
                    let order = if at == NO_EXPIRE { i64::MAX } else { at };
                    if order < last || !(0..=FIELD_EXPIRE_MAX_MS).contains(&at) {
                        return Err(Invalid);
                    }
                    last = order;
                }
                _ => {}
            }
            entries += 1;
        }
        if entries == 0 || !entries.is_multiple_of(tuple) { Err(Invalid) } else { Ok(()) }
    }

    /// The form, for reading (RDB, DEBUG).
    #[inline]
    pub fn view(&self) -> HashView<'_> {
        match self.0.get() {
            Either3::A(lp) => HashView::Listpack(lp.borrowed()),
            Either3::B(lp) => HashView::ListpackEx(lp.borrowed()),
            Either3::C(table) => HashView::Table(table.borrowed()),
        }
    }

    /// The listpack, if the hash has that form, and the entries that belong to a field.
    fn listpack(&self) -> Option<(LpRef<'_>, usize)> {
        match self.view() {
            HashView::Listpack(lp) => Some((lp, 2)),
            HashView::ListpackEx(lp) => Some((lp, 3)),
            HashView::Table(_) => None,
        }
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            HashView::Listpack(_) => "listpack",
            HashView::ListpackEx(_) => "listpackex",
            HashView::Table(_) => "hashtable",
        }
    }

    /// About how many allocations freeing it takes.
    pub fn free_effort(&self) -> usize {
        match self.view() {
            HashView::Table(table) => table.len(),
            _ => 1,
        }
    }

    /// Number of fields, expired ones included.
    pub fn len(&self) -> usize {
        match self.view() {
            HashView::Listpack(lp) => lp.len() / 2,
            HashView::ListpackEx(lp) => lp.len() / 3,
            HashView::Table(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of fields that are not expired.
    pub fn live_len(&self, now: i64) -> usize {
        match self.view() {
            HashView::Listpack(lp) => lp.len() / 2,
            HashView::ListpackEx(_) => self.iter().filter(|f| !f.is_expired(now)).count(),
            HashView::Table(table) => table.len() - table.expired_len(now),
        }
    }

    /// What a field holds, be it expired or not.
    #[inline]
    pub fn get(&self, name: &[u8]) -> Option<HashValue<'_>> {
        match self.view() {
            HashView::Listpack(lp) => {
                let field = find_field(lp, name, 2)?;
                Some(HashValue { value: lp.get(lp.next(field)?)?, expire: None })
            }
            HashView::ListpackEx(lp) => {
                let value = lp.next(find_field(lp, name, 3)?)?;
                let expire = triplet_expire(lp.get(lp.next(value)?)?);
                Some(HashValue { value: lp.get(value)?, expire })
            }
            HashView::Table(table) => {
                let field = table.get(name)?;
                Some(HashValue { value: LpValue::Str(field.value()), expire: field.expire() })
            }
        }
    }

    /// Whether the field exists, be it expired or not.
    pub fn contains(&self, name: &[u8]) -> bool {
        match self.listpack() {
            Some((lp, tuple)) => find_field(lp, name, tuple).is_some(),
            None => self.get(name).is_some(),
        }
    }

    /// Whether any field has an expire time.
    pub fn has_field_expires(&self) -> bool {
        match self.view() {
            HashView::Listpack(_) => false,
            HashView::ListpackEx(_) => self.min_expire().is_some(),
            HashView::Table(table) => table.has_expires(),
        }
    }

    /// The earliest expire time of a field.
    pub fn min_expire(&self) -> Option<i64> {
        match self.view() {
            HashView::Listpack(_) => None,
            HashView::ListpackEx(lp) => triplet_expire(lp.nth(2)?.1),
            HashView::Table(table) => table.min_expire(),
        }
    }

    /// All fields, expired ones included, in the order of the form.
    pub fn iter(&self) -> HashIter<'_> {
        HashIter::new(self.view())
    }

    /// One step of HSCAN: reports fields, expired ones included, and returns the next cursor. A
    /// listpack is reported at once.
    pub fn scan<'a>(&'a self, cursor: u64, mut report: impl FnMut(HashField<'a>)) -> u64 {
        match self.view() {
            HashView::Table(table) => table.scan(cursor, |field| report(field.into())),
            _ => {
                self.iter().for_each(report);
                0
            }
        }
    }

    /// A random field, each with the same probability; `None` if there is none.
    pub fn random(&self) -> Option<HashField<'_>> {
        match self.view() {
            HashView::Table(table) => table.fair_random().map(HashField::from),
            _ => match self.len() {
                0 => None,
                len => self.iter().nth(fastrand::usize(..len)),
            },
        }
    }

    /// Bytes of the value's memory, beyond the entry: of a table the mean of `samples` fields
    /// (0 = all) stands for the others.
    pub fn memory_bytes(&self, samples: usize) -> usize {
        match self.0.get() {
            Either3::A(lp) | Either3::B(lp) => lp.heap_bytes(),
            Either3::C(table) => {
                let wanted = if samples == 0 { usize::MAX } else { samples };
                let (mut bytes, mut seen) = (0, 0);
                for field in table.iter().take(wanted) {
                    bytes += field.heap_bytes();
                    seen += 1;
                }
                let fields = (bytes * table.len()).checked_div(seen).unwrap_or(0);
                table.overhead_bytes() + fields
            }
        }
    }
}
