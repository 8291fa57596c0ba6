//! The set type: an intset while all members are integers, a listpack while it is small, else a
//! hash table. This file decides when a set changes its form; `random.rs` draws members,
//! `algebra.rs` intersects, unites and subtracts. Limits are arguments (`SetLimits`).
//!
//! When the form changes (clients see it in OBJECT ENCODING), as in Redis' t_set.c:
//! - an intset becomes a table when it grows beyond `set-max-intset-entries`; when something else
//!   than an integer is added, a listpack if that and the listpack limits allow it, else a table;
//! - a listpack becomes a table before a member beyond the listpack limits is added;
//! - both become a table when so many members are announced (`maybe_convert`);
//! - a table stays one, except that SINTERSTORE and SPOP make new sets.
//!
//! Invariant: members are unique. A set that became empty is the caller's to delete; it stays
//! usable.

mod algebra;
mod random;
#[cfg(test)]
mod tests;

use crate::storage::encoding::hashtable;
use crate::storage::encoding::intset::{Intset, IntsetIter};
use crate::storage::encoding::listpack::{
    self, LISTPACK_MAX_SAFETY_SIZE, Listpack, LpRef, Pos, estimate_repeated_int, parse_int,
};
use crate::storage::encoding::relocate::{Mover, Relocate};
use crate::storage::encoding::set_table::{MemberKey, SetMember, SetTable};
use crate::storage::encoding::tagged::{Either3, Tagged3, ThinRef};

pub use crate::storage::encoding::listpack::LpValue;
pub use algebra::{diff, diff_into, inter, inter_into, union, union_into};

/// Whatever the setting, an intset has no more integers than this.
const INTSET_MAX_ENTRIES: usize = 1 << 30;

/// The settings that sets obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetLimits {
    /// `set-max-intset-entries`.
    pub max_intset_entries: usize,
    /// `set-max-listpack-entries`.
    pub max_listpack_entries: usize,
    /// `set-max-listpack-value`: bytes of a member.
    pub max_listpack_value: usize,
}

impl Default for SetLimits {
    fn default() -> Self {
        Self { max_intset_entries: 512, max_listpack_entries: 128, max_listpack_value: 64 }
    }
}

/// The form of a set, for reading.
pub enum SetView<'a> {
    /// Encoding "intset".
    Intset(ThinRef<'a, Intset>),
    /// Encoding "listpack".
    Listpack(LpRef<'a>),
    /// Encoding "hashtable".
    Table(&'a SetTable),
}

/// A set value; 8 bytes.
#[repr(transparent)]
pub struct Set(Tagged3<Intset, Listpack, Box<SetTable>>);

const _: () = assert!(size_of::<Set>() == 8);

impl Clone for Set {
    /// COPY: the same members in the same form.
    fn clone(&self) -> Self {
        match self.0.get() {
            Either3::A(ints) => Self::from_intset(ints.clone()),
            Either3::B(lp) => Self::from_listpack(lp.clone()),
            Either3::C(table) => Self::from_table(table.clone()),
        }
    }
}

impl Relocate for Set {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        match self.0.get_mut() {
            Either3::A(mut ints) => ints.relocate(cursor, mover),
            Either3::B(mut lp) => lp.relocate(cursor, mover),
            Either3::C(mut table) => {
                if cursor == 0 {
                    mover.boxed(&mut table);
                }
                table.relocate(cursor, mover)
            }
        }
    }
}

/// The integer that a member is the text of.
#[inline]
fn int_of(member: LpValue<'_>) -> Option<i64> {
    match member {
        LpValue::Int(int) => Some(int),
        LpValue::Str(text) => parse_int(text),
    }
}

fn find_in_listpack(lp: LpRef<'_>, member: LpValue<'_>) -> Option<Pos> {
    lp.find(lp.first()?, member.as_bytes(&mut itoa::Buffer::new()), 0)
}

fn decimal_digits(int: i64) -> usize {
    LpValue::Int(int).text_len()
}

/// Making sets.
impl Set {
    /// An empty intset.
    pub fn new_intset() -> Set {
        Self::from_intset(Intset::new())
    }

    /// An empty listpack.
    pub fn new_listpack() -> Set {
        Self::from_listpack(Listpack::new())
    }

    /// An empty table that takes `members` members without resizing.
    pub fn new_table(members: usize) -> Set {
        Self::from_table(Box::new(SetTable::with_capacity(members)))
    }

    /// A set that is this intset (RDB).
    pub fn from_intset(ints: Intset) -> Set {
        Set(Tagged3::new(Either3::A(ints)))
    }

    /// A set that is this listpack (RDB); its entries must be unique.
    pub fn from_listpack(lp: Listpack) -> Set {
        Set(Tagged3::new(Either3::B(lp)))
    }

    /// A set that is this table (RDB).
    pub fn from_table(table: Box<SetTable>) -> Set {
        Set(Tagged3::new(Either3::C(table)))
    }

    /// An empty set in the form for about `members` members like `first`.
    pub fn for_members(first: &[u8], members: usize, limits: &SetLimits) -> Set {
        if members <= limits.max_intset_entries && parse_int(first).is_some() {
            Self::new_intset()
        } else if members <= limits.max_listpack_entries {
            Self::new_listpack()
        } else {
            Self::new_table(members)
        }
    }
}

/// Reading.
impl Set {
    /// The set's form, for reading (RDB, DEBUG).
    #[inline]
    pub fn view(&self) -> SetView<'_> {
        match self.0.get() {
            Either3::A(ints) => SetView::Intset(ints),
            Either3::B(lp) => SetView::Listpack(lp.borrowed()),
            Either3::C(table) => SetView::Table(table.borrowed()),
        }
    }

    /// The table, if the set has that form.
    pub fn table(&self) -> Option<&SetTable> {
        match self.view() {
            SetView::Table(table) => Some(table),
            _ => None,
        }
    }

    pub fn is_intset(&self) -> bool {
        matches!(self.view(), SetView::Intset(_))
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self.view() {
            SetView::Intset(ints) => ints.len(),
            SetView::Listpack(lp) => lp.len(),
            SetView::Table(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            SetView::Intset(_) => "intset",
            SetView::Listpack(_) => "listpack",
            SetView::Table(_) => "hashtable",
        }
    }

    /// About how many allocations freeing it takes.
    pub fn free_effort(&self) -> usize {
        self.table().map_or(1, SetTable::len)
    }

    /// Bytes of memory beside the value's own 8, guessed from `samples` members (0: all).
    pub fn memory_usage(&self, samples: usize) -> usize {
        match self.0.get() {
            Either3::A(ints) => ints.heap_bytes(),
            Either3::B(lp) => lp.heap_bytes(),
            Either3::C(table) => table.memory_bytes(samples),
        }
    }

    /// Whether `member` is in the set.
    #[inline]
    pub fn contains(&self, member: &[u8]) -> bool {
        match self.view() {
            SetView::Intset(ints) => parse_int(member).is_some_and(|int| ints.contains(int)),
            SetView::Listpack(lp) => find_in_listpack(lp, LpValue::Str(member)).is_some(),
            SetView::Table(table) => table.contains(MemberKey::new(member)),
        }
    }

    /// As [`Set::contains`], for a member of another set.
    #[inline]
    pub fn contains_member(&self, member: LpValue<'_>) -> bool {
        match self.view() {
            SetView::Intset(ints) => int_of(member).is_some_and(|int| ints.contains(int)),
            SetView::Listpack(lp) => find_in_listpack(lp, member).is_some(),
            SetView::Table(table) => table.contains(key_of(member, &mut itoa::Buffer::new())),
        }
    }

    /// All members, in no order (an intset's ascend).
    pub fn iter(&self) -> SetIter<'_> {
        match self.0.get() {
            Either3::A(ints) => SetIter::Intset(ints.borrowed()),
            Either3::B(lp) => SetIter::Listpack(lp.borrowed().iter()),
            Either3::C(table) => SetIter::Table(table.borrowed().iter()),
        }
    }

    /// Calls `f` with the next members in scan order and returns the next cursor; 0 begins and ends
    /// a scan. Anything but a table gives all at once.
    pub fn scan<'a>(&'a self, cursor: u64, f: impl FnMut(LpValue<'a>)) -> u64 {
        match self.table() {
            Some(table) => table.scan(cursor, f),
            None => {
                self.iter().for_each(f);
                0
            }
        }
    }

    /// Whether reading should be followed by [`Set::rehash`].
    pub fn is_rehashing(&self) -> bool {
        self.table().is_some_and(SetTable::is_rehashing)
    }
}

/// The key of a member of any set.
#[inline]
fn key_of<'k>(member: LpValue<'k>, digits: &'k mut itoa::Buffer) -> MemberKey<'k> {
    match member {
        LpValue::Int(int) => MemberKey::of_int(int, digits),
        LpValue::Str(text) => MemberKey::new(text),
    }
}

/// Changes.
impl Set {
    /// Adds `member`; false if it is there.
    #[inline]
    pub fn add(&mut self, member: &[u8], limits: &SetLimits) -> bool {
        match self.0.get_mut() {
            Either3::C(mut table) => return table.insert(MemberKey::new(member)),
            Either3::A(_) | Either3::B(_) => {}
        }
        let member = parse_int(member).map_or(LpValue::Str(member), LpValue::Int);
        self.add_member(member, limits)
    }

    /// As [`Set::add`], for a member of another set.
    pub fn add_member(&mut self, member: LpValue<'_>, limits: &SetLimits) -> bool {
        let in_intset = match self.0.get_mut() {
            Either3::A(mut ints) => int_of(member).map(|int| (ints.add(int), ints.len())),
            Either3::B(mut lp) => {
                if find_in_listpack(lp.as_lp(), member).is_some() {
                    return false;
                }
                let len = member.text_len();
                if lp.len() < limits.max_listpack_entries
                    && len <= limits.max_listpack_value
                    && lp.safe_to_add(len)
                {
                    lp.push_back(member);
                    return true;
                }
                None
            }
            Either3::C(mut table) => return table.insert(key_of(member, &mut itoa::Buffer::new())),
        };
        match in_intset {
            Some((added, len)) => {
                if added && len > limits.max_intset_entries.min(INTSET_MAX_ENTRIES) {
                    self.convert_to_table(len);
                }
                added
            }
            None => {
                self.add_beyond(member, limits);
                true
            }
        }
    }

    /// Adds a new member that the present form cannot take.
    fn add_beyond(&mut self, member: LpValue<'_>, limits: &SetLimits) {
        let len = self.len();
        if let Some(mut lp) = self.intset_as_listpack(member.text_len(), limits) {
            lp.push_back(member);
            *self = Self::from_listpack(lp);
            return;
        }
        self.convert_to_table(len + 1);
        if let Either3::C(mut table) = self.0.get_mut() {
            table.insert(key_of(member, &mut itoa::Buffer::new()));
        }
    }

    /// An intset as a listpack that has room for a member of `added` bytes, if the limits allow it.
    fn intset_as_listpack(&self, added: usize, limits: &SetLimits) -> Option<Listpack> {
        let SetView::Intset(ints) = self.view() else { return None };
        let (mut longest, mut bytes) = (0, 0);
        for end in [ints.min(), ints.max()].into_iter().flatten() {
            longest = decimal_digits(end).max(longest);
            bytes = estimate_repeated_int(end, ints.len()).max(bytes);
        }
        let fits = ints.len() < limits.max_listpack_entries
            && added <= limits.max_listpack_value
            && longest <= limits.max_listpack_value
            && bytes.saturating_add(added) <= LISTPACK_MAX_SAFETY_SIZE;
        fits.then(|| Listpack::from_values(ints.iter().map(LpValue::Int)))
    }

    /// Makes it a table with room for `capacity` members.
    fn convert_to_table(&mut self, capacity: usize) {
        let mut table = Box::new(SetTable::with_capacity(capacity));
        for member in self.iter() {
            table.insert(key_of(member, &mut itoa::Buffer::new()));
        }
        *self = Self::from_table(table);
    }

    /// About `members` members are going to be added: becomes a table at once if they are too many
    /// for its form.
    pub fn maybe_convert(&mut self, members: usize, limits: &SetLimits) {
        let too_many = match self.view() {
            SetView::Intset(_) => members > limits.max_intset_entries,
            SetView::Listpack(_) => members > limits.max_listpack_entries,
            SetView::Table(_) => false,
        };
        if too_many {
            self.convert_to_table(members.max(self.len()));
        }
    }

    /// Makes a set of integers an intset unless it has too many.
    fn maybe_convert_to_intset(&mut self, limits: &SetLimits) {
        if self.is_intset() || self.len() > limits.max_intset_entries.min(INTSET_MAX_ENTRIES) {
            return;
        }
        let mut ints: Vec<i64> = self.iter().filter_map(int_of).collect();
        if ints.len() == self.len() {
            ints.sort_unstable();
            *self = Self::from_intset(Intset::from_sorted(&ints));
        }
    }

    /// Removes `member`; false if it is not there.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self.0.get_mut() {
            Either3::A(mut ints) => parse_int(member).is_some_and(|int| ints.remove(int)),
            Either3::B(mut lp) => match find_in_listpack(lp.as_lp(), LpValue::Str(member)) {
                Some(pos) => {
                    lp.delete(pos);
                    true
                }
                None => false,
            },
            Either3::C(mut table) => table.remove(MemberKey::new(member)),
        }
    }

    /// As [`Set::remove`], for a member of another set.
    pub fn remove_member(&mut self, member: LpValue<'_>) -> bool {
        if let Either3::C(mut table) = self.0.get_mut() {
            return table.remove(key_of(member, &mut itoa::Buffer::new()));
        }
        self.remove(member.as_bytes(&mut itoa::Buffer::new()))
    }

    /// A step of incremental rehashing, for those who only read.
    pub fn rehash(&mut self, buckets: usize) {
        if let Either3::C(mut table) = self.0.get_mut() {
            table.rehash(buckets);
        }
    }
}

/// The members of a set.
pub enum SetIter<'a> {
    Intset(IntsetIter<'a>),
    Listpack(listpack::Iter<'a>),
    Table(hashtable::Iter<'a, SetMember>),
}

impl<'a> Iterator for SetIter<'a> {
    type Item = LpValue<'a>;

    #[inline]
    fn next(&mut self) -> Option<LpValue<'a>> {
        match self {
            SetIter::Intset(ints) => ints.next().map(LpValue::Int),
            SetIter::Listpack(lp) => lp.next().map(|(_, value)| value),
            SetIter::Table(table) => table.next(),
        }
    }
}
