//! The list type: one listpack while it fits `list-max-listpack-size`, a quicklist after. This file
//! decides when a list changes its form and computes what the commands need; it parses no arguments
//! and writes no replies. Limits are arguments (`ListLimits`).
//!
//! When the form changes (clients see it in OBJECT ENCODING), as in Redis' t_list.c:
//! - before something is added, if the listpack with all the new elements would exceed the limit;
//! - after something was removed or replaced, back to a listpack if one packed node is left that is
//!   within HALF of the limit, so that a list at the limit does not flap;
//! - `try_convert_auto` after a load: either way, at the full limit.
//!
//! A listpack that is pushed to or popped from at its head, and is long enough to be worth it, gets
//! room around it, so that this moves nothing; it remains a "listpack" to all who ask, and becomes
//! an ordinary one again when something inside is changed.
//!
//! Invariant: none beyond those of the encodings. A list that became empty is the caller's to
//! delete; it stays usable.

use crate::storage::encoding::listpack::{
    Listpack, LpRef, MIN_ROOMY_BYTES, Needle, Room, RoomyListpack,
};
use crate::storage::encoding::quicklist::{NodeLimit, Quicklist, pop_listpack_with, walk};
use crate::storage::encoding::relocate::{Mover, Relocate};
use crate::storage::encoding::tagged::{Either3, Tagged3};

pub use crate::storage::encoding::listpack::LpValue;
pub use crate::storage::encoding::quicklist::{ListEnd, ListItem};

/// The settings that lists obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListLimits {
    /// `list-max-listpack-size`: entries (positive) or -1..-5 for 4, 8, 16, 32, 64 KB.
    pub max_listpack_size: i32,
    /// `list-compress-depth`: nodes at each end that are not compressed; 0 = compress nothing.
    pub compress_depth: u32,
    /// DEBUG QUICKLIST-PACKED-THRESHOLD in bytes; 0 = by `max_listpack_size`.
    pub packed_threshold: usize,
}

impl Default for ListLimits {
    fn default() -> Self {
        Self { max_listpack_size: -2, compress_depth: 0, packed_threshold: 0 }
    }
}

/// The form of a list, for reading.
#[derive(Clone, Copy)]
pub enum ListView<'a> {
    /// Encoding "listpack".
    Listpack(LpRef<'a>),
    /// Encoding "quicklist".
    Quicklist(&'a Quicklist),
}

/// A list value; 8 bytes.
#[repr(transparent)]
pub struct List(Tagged3<Listpack, Box<Quicklist>, RoomyListpack>);

const _: () = assert!(size_of::<List>() == 8);

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for List {
    /// COPY: the same elements in the same form.
    fn clone(&self) -> Self {
        match self.0.get() {
            Either3::A(lp) => Self::from_listpack(lp.clone()),
            Either3::B(ql) => Self::from_quicklist(ql.clone()),
            Either3::C(lp) => Self::from_listpack(lp.to_listpack()),
        }
    }
}

impl List {
    /// An empty list; lists start as a listpack.
    pub fn new() -> Self {
        Self::from_listpack(Listpack::new())
    }

    /// A list that is this listpack (RDB; then call `try_convert_auto`).
    pub fn from_listpack(lp: Listpack) -> Self {
        Self(Tagged3::new(Either3::A(lp)))
    }

    /// A list that is this quicklist (RDB; then call `try_convert_auto`).
    pub fn from_quicklist(ql: Box<Quicklist>) -> Self {
        Self(Tagged3::new(Either3::B(ql)))
    }

    /// The list's form, for reading (RDB, DEBUG OBJECT).
    #[inline]
    pub fn view(&self) -> ListView<'_> {
        match self.0.get() {
            Either3::A(lp) => ListView::Listpack(lp.borrowed()),
            Either3::B(ql) => ListView::Quicklist(ql.borrowed()),
            Either3::C(lp) => ListView::Listpack(lp.borrowed()),
        }
    }
}

impl Relocate for List {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        match self.0.get_mut() {
            Either3::A(mut lp) => lp.relocate(cursor, mover),
            Either3::B(mut ql) => {
                if cursor == 0 {
                    mover.boxed(&mut ql);
                }
                ql.relocate(cursor, mover)
            }
            Either3::C(mut lp) => {
                lp.relocate(mover);
                0
            }
        }
    }
}

/// Reading.
impl List {
    /// Number of elements.
    #[inline]
    pub fn len(&self) -> usize {
        match self.0.get() {
            Either3::A(lp) => lp.len(),
            Either3::B(ql) => ql.len(),
            Either3::C(lp) => lp.as_lp().len(),
        }
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        match self.view() {
            ListView::Listpack(lp) => lp.is_empty(),
            ListView::Quicklist(ql) => ql.is_empty(),
        }
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            ListView::Listpack(_) => "listpack",
            ListView::Quicklist(_) => "quicklist",
        }
    }

    /// The element with this index; negative ones count from the tail.
    pub fn get(&self, index: i64) -> Option<ListItem> {
        match self.view() {
            ListView::Listpack(lp) => lp.get(lp.seek(index)?).map(ListItem::from),
            ListView::Quicklist(ql) => ql.get(index),
        }
    }

    /// Calls `f` with the element at `index` (not negative) and the following ones towards the
    /// tail, or the head if `reverse`, until it returns `false`.
    pub fn for_each_from(
        &self,
        index: usize,
        reverse: bool,
        mut f: impl FnMut(LpValue<'_>) -> bool,
    ) {
        match self.view() {
            ListView::Listpack(lp) => {
                walk(lp, Some(index), reverse, &mut f);
            }
            ListView::Quicklist(ql) => ql.for_each_from(index, reverse, f),
        }
    }

    /// Calls `f` with `count` elements from `index` on (see `for_each_from`); returns how many
    /// there were.
    pub fn range(
        &self,
        index: usize,
        count: usize,
        reverse: bool,
        mut f: impl FnMut(LpValue<'_>),
    ) -> usize {
        let mut done = 0;
        if count > 0 {
            self.for_each_from(index, reverse, |value| {
                f(value);
                done += 1;
                done < count
            });
        }
        done
    }

    /// LPOS: calls `found` with the index of every element equal to `value`, comparing at most
    /// `max_len` elements (0: all) from the head, or the tail if `reverse`, until it returns
    /// `false`.
    pub fn positions(
        &self,
        value: &[u8],
        reverse: bool,
        max_len: usize,
        mut found: impl FnMut(usize) -> bool,
    ) {
        let (needle, len) = (Needle::new(value), self.len());
        let most = if max_len == 0 { len } else { max_len.min(len) };
        let mut seen = 0;
        if most == 0 {
            return;
        }
        self.for_each_from(if reverse { len - 1 } else { 0 }, reverse, |element| {
            let index = if reverse { len - 1 - seen } else { seen };
            seen += 1;
            (!needle.matches(element) || found(index)) && seen < most
        });
    }

    /// Bytes of memory beside the value's own 8, guessed from `samples` nodes (0: all).
    pub fn memory_usage(&self, samples: usize) -> usize {
        match self.0.get() {
            Either3::A(lp) => lp.heap_bytes(),
            Either3::B(ql) => ql.memory_usage(samples),
            Either3::C(lp) => lp.heap_bytes(),
        }
    }

    /// The number of allocations that freeing the list takes, about.
    pub fn free_effort(&self) -> usize {
        match self.view() {
            ListView::Listpack(_) => 1,
            ListView::Quicklist(ql) => ql.node_count(),
        }
    }
}

/// Changes. Those that take `limits` change the form where Redis does.
impl List {
    /// Adds one element at an end.
    pub fn push(&mut self, end: ListEnd, value: &[u8], limits: &ListLimits) {
        if !matches!(self.0.get(), Either3::B(_)) {
            self.try_convert_append([value.len()], limits);
        }
        self.push_no_convert(end, value, limits);
    }

    /// Adds all elements at an end, one after the other.
    pub fn push_all<'v, I>(&mut self, end: ListEnd, values: I, limits: &ListLimits)
    where
        I: IntoIterator<Item = &'v [u8], IntoIter: Clone>,
    {
        let values = values.into_iter();
        self.try_convert_append(values.clone().map(<[u8]>::len), limits);
        if end == ListEnd::Tail
            && let Either3::A(mut lp) = self.0.get_mut()
        {
            return lp.append_all(values.map(LpValue::Str));
        }
        if end == ListEnd::Tail
            && let Either3::B(mut ql) = self.0.get_mut()
        {
            return ql.push_back_all(values, limits.packed_threshold);
        }
        values.for_each(|value| self.push_no_convert(end, value, limits));
    }

    /// Adds one element in the present form (the caller has called `try_convert_append`).
    pub fn push_no_convert(&mut self, end: ListEnd, value: &[u8], limits: &ListLimits) {
        if end == ListEnd::Head
            && let Either3::A(lp) = self.0.get()
            && lp.bytes_len() >= MIN_ROOMY_BYTES
        {
            let roomy = RoomyListpack::with_front(&lp, value, Room::Quarter);
            return self.0.set(Either3::C(roomy));
        }
        match (self.0.get_mut(), end) {
            (Either3::A(mut lp), ListEnd::Head) => lp.push_front(value),
            (Either3::A(mut lp), ListEnd::Tail) => lp.push_back(value),
            (Either3::B(mut ql), end) => ql.push(end, value, limits.packed_threshold),
            (Either3::C(mut lp), ListEnd::Head) => lp.push_front(value, Room::Quarter),
            (Either3::C(mut lp), ListEnd::Tail) => lp.push_back(value, Room::Quarter),
        }
    }

    /// Takes the element at an end.
    pub fn pop(&mut self, end: ListEnd, limits: &ListLimits) -> Option<ListItem> {
        let item = self.pop_no_convert(end)?;
        self.try_convert_shrunk(limits);
        Some(item)
    }

    /// Takes the element at an end and keeps the form (LMOVE: push first, then
    /// `try_convert_shrunk`).
    pub fn pop_no_convert(&mut self, end: ListEnd) -> Option<ListItem> {
        self.pop_no_convert_with(end, |value| ListItem::from(value))
    }

    fn pop_no_convert_with<R>(
        &mut self,
        end: ListEnd,
        f: impl FnOnce(LpValue<'_>) -> R,
    ) -> Option<R> {
        if end == ListEnd::Head {
            self.make_roomy();
        }
        match (self.0.get_mut(), end) {
            (Either3::A(mut lp), end) => pop_listpack_with(&mut lp, end, f),
            (Either3::B(mut ql), end) => ql.pop_with(end, f),
            (Either3::C(mut lp), ListEnd::Head) => lp.pop_front_with(f),
            (Either3::C(mut lp), ListEnd::Tail) => lp.pop_back_with(f),
        }
    }

    /// Something at the head goes away: makes room around a listpack if that is worth it.
    fn make_roomy(&mut self) {
        let roomy = match self.0.get() {
            Either3::A(lp) if lp.bytes_len() >= MIN_ROOMY_BYTES => RoomyListpack::new(&lp),
            _ => return,
        };
        self.0.set(Either3::C(roomy));
    }

    /// Something inside is to be changed: gives up the room around a listpack.
    fn pack(&mut self) {
        let packed = match self.0.get() {
            Either3::C(lp) => lp.to_listpack(),
            _ => return,
        };
        self.0.set(Either3::A(packed));
    }

    /// Takes the element at an end and shows it to `f` before it is gone, without a copy of it;
    /// `None` if the list is empty.
    pub fn pop_with<R>(
        &mut self,
        end: ListEnd,
        limits: &ListLimits,
        f: impl FnOnce(LpValue<'_>) -> R,
    ) -> Option<R> {
        let result = self.pop_no_convert_with(end, f)?;
        self.try_convert_shrunk(limits);
        Some(result)
    }

    /// Moves an element from one end to an end of the same list (LMOVE, RPOPLPUSH on one key);
    /// returns it.
    pub fn rotate(&mut self, from: ListEnd, to: ListEnd, limits: &ListLimits) -> Option<ListItem> {
        let item = self.pop_no_convert(from)?;
        let mut buf = itoa::Buffer::new();
        let value = item.as_value();
        self.push(to, value.as_bytes(&mut buf), limits);
        self.try_convert_shrunk(limits);
        Some(item)
    }

    /// LSET: replaces the element with this index (negative: from the tail); `false` if there is
    /// none.
    pub fn set(&mut self, index: i64, value: &[u8], limits: &ListLimits) -> bool {
        self.try_convert_append([value.len()], limits);
        self.pack();
        let done = match self.0.get_mut() {
            Either3::A(mut lp) => {
                lp.seek(index).is_some_and(|pos| lp.replace(pos, value).is_some())
            }
            Either3::B(mut ql) => {
                match usize::try_from(index).ok().or_else(|| back(ql.len(), index)) {
                    Some(index) => ql.replace(index, value, limits.packed_threshold),
                    None => false,
                }
            }
            Either3::C(_) => false,
        };
        if done {
            self.try_convert_shrunk(limits);
        }
        done
    }

    /// LINSERT: inserts `value` beside the first element equal to `pivot`; `false` if there is
    /// none.
    pub fn insert(&mut self, pivot: &[u8], value: &[u8], after: bool, limits: &ListLimits) -> bool {
        self.try_convert_append([value.len()], limits);
        self.pack();
        match self.0.get_mut() {
            Either3::A(mut lp) => {
                let Some(pos) = lp.first().and_then(|first| lp.find(first, pivot, 0)) else {
                    return false;
                };
                if after { lp.insert_after(pos, value) } else { lp.insert_before(pos, value) }
                    .is_some()
            }
            Either3::B(mut ql) => match ql.position(pivot) {
                Some(index) => ql.insert(index, value, after, limits.packed_threshold),
                None => false,
            },
            Either3::C(_) => false,
        }
    }

    /// LREM: removes up to `|count|` elements equal to `value` (0: all), from the tail if `count`
    /// is negative; returns how many.
    pub fn remove(&mut self, count: i64, value: &[u8], limits: &ListLimits) -> usize {
        self.pack();
        let removed = match self.0.get_mut() {
            Either3::A(mut lp) => remove_from_listpack(&mut lp, count, value),
            Either3::B(mut ql) => ql.remove(count, value),
            Either3::C(_) => 0,
        };
        if removed > 0 {
            self.try_convert_shrunk(limits);
        }
        removed
    }

    /// LTRIM: keeps the elements from `start` to `end` (inclusive, negative: from the tail);
    /// returns how many went.
    pub fn trim(&mut self, start: i64, end: i64, limits: &ListLimits) -> usize {
        let len = self.len() as i64;
        let from_tail = |index: i64| {
            if index < 0 { index.saturating_add(len) } else { index }
        };
        let (start, end) = (from_tail(start).max(0), from_tail(end).min(len - 1));
        let (front, back) = if start > end { (len, 0) } else { (start, len - 1 - end) };
        let mut removed = self.delete_no_convert(0, front as usize);
        if back > 0 {
            removed += self.delete_no_convert(-back, back as usize);
        }
        self.try_convert_shrunk(limits);
        removed
    }

    /// Deletes up to `count` elements from `start` on (negative: from the tail); returns how many.
    pub fn delete_range(&mut self, start: i64, count: usize, limits: &ListLimits) -> usize {
        let removed = self.delete_no_convert(start, count);
        self.try_convert_shrunk(limits);
        removed
    }

    fn delete_no_convert(&mut self, start: i64, count: usize) -> usize {
        if let Either3::C(mut lp) = self.0.get_mut() {
            let to_tail = start < 0 && start.unsigned_abs() <= count as u64;
            match start {
                0 => return lp.delete_front(count),
                _ if to_tail => return lp.delete_back(start.unsigned_abs() as usize),
                _ => {}
            }
        }
        self.pack();
        match self.0.get_mut() {
            Either3::A(mut lp) => lp.delete_range(start, count),
            Either3::B(mut ql) => ql.delete_range(start, count),
            Either3::C(_) => 0,
        }
    }
}

/// Changes of the form.
impl List {
    /// Before elements with these lengths (bytes) are added: makes a quicklist if they are too many
    /// for a listpack.
    pub fn try_convert_append(
        &mut self,
        lens: impl IntoIterator<Item = usize>,
        limits: &ListLimits,
    ) {
        let ListView::Listpack(lp) = self.view() else {
            return;
        };
        let (mut bytes, mut entries) = (lp.as_bytes().len(), lp.len());
        for len in lens {
            bytes = bytes.saturating_add(len);
            entries += 1;
        }
        if !NodeLimit::of(limits.max_listpack_size).exceeded_by(bytes, entries) {
            return;
        }
        let mut ql = Box::new(Quicklist::new(limits.max_listpack_size, limits.compress_depth));
        self.pack();
        if let Either3::A(lp) = std::mem::take(self).0.into_either() {
            ql.append_listpack(lp);
        }
        *self = Self::from_quicklist(ql);
    }

    /// After elements were removed or replaced: makes a listpack if half of the limit suffices.
    pub fn try_convert_shrunk(&mut self, limits: &ListLimits) {
        self.try_convert_quicklist(limits, 2);
    }

    /// After a list was loaded or built: takes the form that suits its size.
    pub fn try_convert_auto(&mut self, limits: &ListLimits) {
        match self.view() {
            ListView::Listpack(_) => self.try_convert_append([], limits),
            ListView::Quicklist(_) => self.try_convert_quicklist(limits, 1),
        }
    }

    fn try_convert_quicklist(&mut self, limits: &ListLimits, divisor: usize) {
        if !matches!(self.0.get(), Either3::B(ql) if ql.node_count() == 1) {
            return;
        }
        let (bytes, entries) = match NodeLimit::of(limits.max_listpack_size) {
            NodeLimit::Bytes(limit) => (limit / divisor, usize::MAX),
            NodeLimit::Entries(limit) => (usize::MAX, limit / divisor),
        };
        let single = match self.0.get_mut() {
            Either3::B(mut ql) => ql.take_single_listpack(bytes, entries),
            Either3::A(_) | Either3::C(_) => None,
        };
        if let Some(lp) = single {
            *self = Self::from_listpack(lp);
        }
    }
}

/// The index of a list of `len` elements that the negative `index` means.
fn back(len: usize, index: i64) -> Option<usize> {
    len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
}

fn remove_from_listpack(lp: &mut Listpack, count: i64, value: &[u8]) -> usize {
    let needle = Needle::new(value);
    let max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
    let view: LpRef<'_> = lp.as_lp();
    let hits = view.iter().filter(|&(_, element)| needle.matches(element)).map(|(pos, _)| pos);
    let hits: Vec<_> = if count >= 0 {
        hits.take(max).collect()
    } else {
        let mut hits: Vec<_> = hits.rev().take(max).collect();
        hits.reverse();
        hits
    };
    if hits.is_empty() { 0 } else { lp.delete_positions(&hits) }
}

#[cfg(test)]
mod tests;
