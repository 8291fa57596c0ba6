//! The sorted set type: a listpack of member, score pairs while it is small, a [`MemberTable`]
//! after. This file decides when it changes its form and computes what the commands need; it
//! parses no arguments and writes no replies. Limits are arguments ([`ZSetLimits`]).
//!
//! When the form changes (clients see it in OBJECT ENCODING), as in Redis' t_zset.c:
//! - to "skiplist" when a member is added that is too long or one too many, or when ZADD brings
//!   more members than a listpack may have, were they all new;
//! - a computed set (ZUNIONSTORE, ZRANGESTORE, ...) takes the form that fits it;
//! - never back because members were removed.
//!
//! Every range of scores or strings becomes a range of ranks first; counting, skipping, walking
//! either way and deleting all work on ranks.
//!
//! Invariant: members ascend by (score, bytes), without repetition, and no score is NaN. A set that
//! became empty is the caller's to delete; it stays usable.

mod random;
mod range;
mod small;
#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::storage::encoding::listpack::{LISTPACK_MAX_SAFETY_SIZE, Listpack, LpRef};
use crate::storage::encoding::member_table::MemberTable;
use crate::storage::encoding::relocate::{Mover, Relocate};
use crate::storage::encoding::tagged::{Either2, Tagged2};

pub use crate::storage::encoding::listpack::LpValue;
pub use crate::storage::encoding::member_table::{MemberRef, MemberSums, Members};
pub use range::{LexBound, LexRange, ScoreRange};

/// The settings that sorted sets obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZSetLimits {
    /// `zset-max-listpack-entries`: members.
    pub max_listpack_entries: usize,
    /// `zset-max-listpack-value`: bytes of a member.
    pub max_listpack_value: usize,
}

impl ZSetLimits {
    /// Whether that many members, the longest of `longest` bytes, all of `total` bytes, may be a
    /// listpack.
    fn allow(&self, members: usize, longest: usize, total: usize) -> bool {
        members <= self.max_listpack_entries
            && longest <= self.max_listpack_value
            && total <= LISTPACK_MAX_SAFETY_SIZE
    }

    /// Whether a listpack may get one more member, of `len` bytes.
    fn allow_one_more(&self, lp: LpRef<'_>, len: usize) -> bool {
        lp.len() / 2 < self.max_listpack_entries
            && len <= self.max_listpack_value
            && lp.safe_to_add(len)
    }
}

/// The form of a sorted set, for reading.
#[derive(Clone, Copy)]
pub enum ZSetView<'a> {
    /// Encoding "listpack".
    Listpack(LpRef<'a>),
    /// Encoding "skiplist".
    Skiplist(&'a MemberTable),
}

/// A sorted set value; 8 bytes.
pub struct ZSet(Tagged2<Listpack, Box<MemberTable>>);

const _: () = assert!(size_of::<ZSet>() == 8);

impl Clone for ZSet {
    /// COPY: the same members in the same form.
    fn clone(&self) -> ZSet {
        match self.0.get() {
            Either2::A(lp) => ZSet::from_listpack(lp.clone()),
            Either2::B(table) => ZSet::from_table(table.clone()),
        }
    }
}

impl Relocate for ZSet {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        match self.0.get_mut() {
            Either2::A(mut lp) => lp.relocate(cursor, mover),
            Either2::B(mut table) => {
                if cursor == 0 {
                    mover.boxed(&mut table);
                }
                table.relocate(cursor, mover)
            }
        }
    }
}

/// A score in a walk; read only if wanted, since in a listpack it may be a text.
#[derive(Clone, Copy)]
pub enum Score<'a> {
    Known(f64),
    Entry(LpValue<'a>),
}

impl Score<'_> {
    #[inline]
    pub fn get(self) -> f64 {
        match self {
            Score::Known(score) => score,
            Score::Entry(entry) => small::score_of(entry),
        }
    }
}

/// How ZADD's options change what [`ZSet::add`] does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddOptions {
    /// Leave members alone that are there.
    pub nx: bool,
    /// Add no members.
    pub xx: bool,
    /// Change a score only to a greater one.
    pub gt: bool,
    /// Change a score only to a lesser one.
    pub lt: bool,
    /// The score given is added to the present one.
    pub incr: bool,
}

/// What became of an addition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Added {
    /// The options forbade it.
    Nothing,
    /// The member had that score already.
    Same(f64),
    /// A new member with that score.
    New(f64),
    /// The member's score changed to that.
    Updated(f64),
}

/// The resulting score would be no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotANumber;

impl AddOptions {
    /// What adding `given` to a member with score `old` (`None`: no member) does.
    fn decide(self, given: f64, old: Option<f64>) -> Result<Added, NotANumber> {
        let Some(old) = old else {
            return Ok(if self.xx { Added::Nothing } else { Added::New(given) });
        };
        if self.nx {
            return Ok(Added::Nothing);
        }
        let score = if self.incr { given + old } else { given };
        if score.is_nan() {
            return Err(NotANumber);
        }
        if (self.lt && score >= old) || (self.gt && score <= old) {
            return Ok(Added::Nothing);
        }
        Ok(if score == old { Added::Same(score) } else { Added::Updated(score) })
    }
}

impl ZSet {
    /// An empty sorted set for about `members` members, the first of `len` bytes.
    pub fn new(members: usize, len: usize, limits: &ZSetLimits) -> ZSet {
        if limits.allow(members, len, 0) {
            ZSet::from_listpack(Listpack::new())
        } else {
            ZSet::from_table(Box::new(MemberTable::with_capacity(members)))
        }
    }

    fn from_table(table: Box<MemberTable>) -> ZSet {
        ZSet(Tagged2::new(Either2::B(table)))
    }

    /// A sorted set that is this listpack of member, score pairs (RDB; then call
    /// [`ZSet::maybe_convert`] with its length).
    pub fn from_listpack(lp: Listpack) -> ZSet {
        ZSet(Tagged2::new(Either2::A(lp)))
    }

    /// A sorted set of sorted members, in the form that fits them.
    pub fn from_members(members: Members, limits: &ZSetLimits) -> ZSet {
        let (mut longest, mut total) = (0, 0);
        for member in members.iter() {
            longest = longest.max(member.bytes().len());
            total += member.bytes().len();
        }
        if !limits.allow(members.len(), longest, total) {
            return ZSet::from_table(Box::new(members.into_table()));
        }
        let mut lp = Listpack::new();
        for member in members.iter() {
            small::push(&mut lp, member.score(), member.bytes());
        }
        ZSet::from_listpack(lp)
    }

    /// A sorted set of the members of a range of ranks, in the form that fits them.
    pub fn copy_range(&self, ranks: Range<usize>, limits: &ZSetLimits) -> ZSet {
        let mut members = Members::with_capacity(ranks.len());
        let mut digits = itoa::Buffer::new();
        self.for_each(ranks, false, |member, score| {
            members.push(score.get(), member.as_bytes(&mut digits));
        });
        ZSet::from_members(members, limits)
    }

    /// The set's form, for reading (RDB, MEMORY USAGE, DEBUG).
    #[inline]
    pub fn view(&self) -> ZSetView<'_> {
        match self.0.get() {
            Either2::A(lp) => ZSetView::Listpack(lp.borrowed()),
            Either2::B(table) => ZSetView::Skiplist(table.borrowed()),
        }
    }

    /// Number of members.
    #[inline]
    pub fn len(&self) -> usize {
        match self.view() {
            ZSetView::Listpack(lp) => lp.len() / 2,
            ZSetView::Skiplist(table) => table.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING says.
    pub fn encoding(&self) -> &'static str {
        match self.view() {
            ZSetView::Listpack(_) => "listpack",
            ZSetView::Skiplist(_) => "skiplist",
        }
    }

    /// About how many allocations freeing it takes.
    pub fn free_effort(&self) -> usize {
        match self.view() {
            ZSetView::Listpack(_) => 1,
            ZSetView::Skiplist(table) => table.len(),
        }
    }

    /// Bytes it occupies, the members' own from the mean of the first `samples` (0 = all).
    pub fn memory_bytes(&self, samples: usize) -> usize {
        match self.0.get() {
            Either2::A(lp) => lp.heap_bytes(),
            Either2::B(table) => {
                let n = if samples == 0 { table.len() } else { samples.min(table.len()) };
                let seen: usize = table.iter(0..n).map(MemberRef::alloc_size).sum();
                let members = seen as f64 / n.max(1) as f64 * table.len() as f64;
                size_of::<MemberTable>() + table.overhead_bytes() + members as usize
            }
        }
    }

    /// The score of a member.
    #[inline]
    pub fn score(&self, member: &[u8]) -> Option<f64> {
        match self.view() {
            ZSetView::Listpack(lp) => small::find(lp, member).map(|found| found.score),
            ZSetView::Skiplist(table) => table.score(member),
        }
    }

    /// Rank (0 = smallest) and score of a member.
    pub fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match self.view() {
            ZSetView::Listpack(lp) => small::rank(lp, member),
            ZSetView::Skiplist(table) => table.rank(member),
        }
    }

    /// Ranks of the members within a range of scores; empty ranges have any start.
    pub fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        match self.view() {
            ZSetView::Listpack(lp) => small::score_ranks(lp, range),
            ZSetView::Skiplist(table) => {
                let start = table.count_below(range.min, range.min_exclusive);
                let end = table.count_below(range.max, !range.max_exclusive);
                start..end.max(start)
            }
        }
    }

    /// Ranks of the members within a range of byte strings. Meant for sets whose scores are all
    /// equal; of others it gives some range, which may depend on the direction of the walk.
    pub fn lex_ranks(&self, range: &LexRange<'_>, reverse: bool) -> Range<usize> {
        match self.view() {
            ZSetView::Listpack(lp) => small::lex_ranks(lp, range, reverse),
            ZSetView::Skiplist(table) => {
                let rank = |bound, exclusive_ends_before| match bound {
                    LexBound::Min => 0,
                    LexBound::Max => table.len(),
                    LexBound::Inclusive(text) => table.count_before(text, exclusive_ends_before),
                    LexBound::Exclusive(text) => table.count_before(text, !exclusive_ends_before),
                };
                let (start, end) = (rank(range.min, false), rank(range.max, true));
                start..end.max(start)
            }
        }
    }

    /// Calls `f` with the members at a range of ranks (within the length), ascending or descending.
    #[inline]
    pub fn for_each<'a>(
        &'a self,
        ranks: Range<usize>,
        reverse: bool,
        mut f: impl FnMut(LpValue<'a>, Score<'a>),
    ) {
        let mut give = |m: MemberRef<'a>| f(LpValue::Str(m.bytes()), Score::Known(m.score()));
        match self.view() {
            ZSetView::Skiplist(table) if reverse => table.iter_rev(ranks).for_each(&mut give),
            ZSetView::Skiplist(table) => table.iter(ranks).for_each(&mut give),
            ZSetView::Listpack(lp) => {
                small::walk(lp, ranks, reverse, |member, score| f(member, Score::Entry(score)));
            }
        }
    }

    /// Calls `f` with all members, ascending, until it returns false.
    pub fn all<'a>(&'a self, mut f: impl FnMut(LpValue<'a>, Score<'a>) -> bool) {
        match self.view() {
            ZSetView::Skiplist(table) => {
                let _ = table
                    .iter(0..table.len())
                    .all(|m| f(LpValue::Str(m.bytes()), Score::Known(m.score())));
            }
            ZSetView::Listpack(lp) => {
                let _ = small::pairs(lp).all(|(_, m, score)| f(m, Score::Entry(score)));
            }
        }
    }

    /// Adds a member, or changes or increments its score, as the options allow.
    ///
    /// # Errors
    /// When an increment of an infinite score gives no number; nothing is changed then.
    pub fn add(
        &mut self,
        score: f64,
        member: &[u8],
        options: AddOptions,
        limits: &ZSetLimits,
    ) -> Result<Added, NotANumber> {
        debug_assert!(!score.is_nan());
        let members = match self.0.get_mut() {
            Either2::A(mut lp) => {
                let found = small::find(lp.as_lp(), member);
                let added = options.decide(score, found.map(|found| found.score))?;
                match (added, found) {
                    (Added::Updated(new), Some(found)) => {
                        small::update(&mut lp, found, new, member);
                        return Ok(added);
                    }
                    (Added::New(_), _) if limits.allow_one_more(lp.as_lp(), member.len()) => {
                        small::insert(&mut lp, score, member);
                        return Ok(added);
                    }
                    (Added::New(_), _) => lp.len() / 2 + 1,
                    _ => return Ok(added),
                }
            }
            Either2::B(mut table) => return add_to_table(&mut table, score, member, options),
        };
        self.convert_to_skiplist(members);
        self.add(score, member, options, limits)
    }

    /// Adds a member of a file being loaded, which may not be there yet; false if it is. Grows
    /// beyond a listpack by the limits.
    pub fn load(&mut self, score: f64, member: &[u8], limits: &ZSetLimits) -> bool {
        let options = AddOptions { nx: true, ..AddOptions::default() };
        matches!(self.add(score, member, options, limits), Ok(Added::New(_)))
    }

    /// ZADD is about to bring `members` members: leaves the listpack at once if it is that many.
    pub fn maybe_convert(&mut self, members: usize, limits: &ZSetLimits) {
        if members > limits.max_listpack_entries {
            self.convert_to_skiplist(members);
        }
    }

    /// Makes it a table, with room for `capacity` members in all.
    fn convert_to_skiplist(&mut self, capacity: usize) {
        let ZSetView::Listpack(lp) = self.view() else { return };
        let mut table = Box::new(MemberTable::with_capacity(capacity));
        let mut digits = itoa::Buffer::new();
        for (_, member, score) in small::pairs(lp) {
            let score = small::score_of(score);
            table.change(member.as_bytes(&mut digits), |_| Some(score));
        }
        self.0.set(Either2::B(table));
    }

    /// Makes it a listpack if the limits allow one (after loading).
    pub fn convert_to_listpack_if_needed(&mut self, limits: &ZSetLimits) {
        let ZSetView::Skiplist(table) = self.view() else { return };
        let lens = table.iter(0..table.len()).map(|m| m.bytes().len());
        let (longest, total) = lens.fold((0, 0), |(max, sum), len| (len.max(max), sum + len));
        if limits.allow(table.len(), longest, total) {
            let mut lp = Listpack::new();
            for m in table.iter(0..table.len()) {
                small::push(&mut lp, m.score(), m.bytes());
            }
            self.0.set(Either2::A(lp));
        }
    }

    /// Removes a member; its score if it was there.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self.0.get_mut() {
            Either2::A(mut lp) => {
                let found = small::find(lp.as_lp(), member)?;
                lp.delete_range_from(found.pos, 2);
                Some(found.score)
            }
            Either2::B(mut table) => table.remove(member),
        }
    }

    /// Removes the members at a range of ranks within the length. Returns how many.
    pub fn delete_range(&mut self, ranks: Range<usize>) -> usize {
        match self.0.get_mut() {
            Either2::A(mut lp) => match i64::try_from(2 * ranks.start) {
                Ok(first) => lp.delete_range(first, 2 * ranks.len()) / 2,
                Err(_) => 0,
            },
            Either2::B(mut table) => table.delete_range(ranks),
        }
    }

    /// Calls `f` with the next members in scan order and returns the next cursor; 0 begins and ends
    /// a scan. A listpack gives all at once.
    pub fn scan<'a>(&'a self, cursor: u64, mut f: impl FnMut(LpValue<'a>, Score<'a>)) -> u64 {
        match self.view() {
            ZSetView::Listpack(lp) => {
                small::pairs(lp).for_each(|(_, member, score)| f(member, Score::Entry(score)));
                0
            }
            ZSetView::Skiplist(table) => {
                table.scan(cursor, |m| f(LpValue::Str(m.bytes()), Score::Known(m.score())))
            }
        }
    }
}

fn add_to_table(
    table: &mut MemberTable,
    score: f64,
    member: &[u8],
    options: AddOptions,
) -> Result<Added, NotANumber> {
    let mut added = Ok(Added::Nothing);
    table.change(member, |old| {
        added = options.decide(score, old);
        match added {
            Ok(Added::New(score) | Added::Updated(score)) => Some(score),
            _ => None,
        }
    });
    added
}
