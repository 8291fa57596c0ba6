//! What stands in the listpack of a stream node. Bytes as Redis has them in its RDB files:
//!
//! ```text
//! master:  count │ deleted │ num-fields │ field … field │ 0
//! entry:   flags │ ms-delta │ seq-delta │ [num-fields] │ [field] value … │ lp-count
//! ```
//! Deltas count from the node's ID. With `SAME_FIELDS` an entry has the fields of the master and
//! stores neither their number nor their names. `lp-count` is the number of listpack elements of
//! the entry before it, for walking backwards; the master's 0 ends that walk. `count` are the live
//! entries, `deleted` those with the `DELETED` flag; their bytes stay.
//!
//! Not for walking over several nodes, see `cursor`. Broken bytes (only ever validated shallowly)
//! make a reader end early; nothing panics.

use crate::protocol::number::parse_i64;
use crate::storage::encoding::listpack::{Iter, Listpack, LpRef, LpValue, Needle, Pos};

use super::id::StreamId;

/// Flag of an entry: it is deleted, its bytes are still there.
pub(super) const DELETED: i64 = 1;
/// Flag of an entry: its fields are those of the master entry.
pub(super) const SAME_FIELDS: i64 = 2;

/// The elements of an entry beside fields and values: flags, two deltas.
const FIXED: i64 = 3;

/// An element as the integer that it must be.
pub(super) fn as_int(value: LpValue<'_>) -> Option<i64> {
    match value {
        LpValue::Int(int) => Some(int),
        LpValue::Str(text) => parse_i64(text),
    }
}

#[inline]
pub(super) fn next_int(elements: &mut Iter<'_>) -> Option<i64> {
    let before = elements.clone();
    elements.next_int().or_else(|| {
        // Only bytes from elsewhere have the text of an integer.
        *elements = before;
        as_int(elements.next()?.1)
    })
}

/// The head of a node.
#[derive(Clone)]
pub(super) struct Master<'a> {
    /// Live entries.
    pub count: i64,
    /// Entries with the `DELETED` flag.
    pub deleted: i64,
    pub fields: usize,
    /// The elements from the first field name on.
    pub names: Iter<'a>,
}

impl<'a> Master<'a> {
    #[inline]
    pub fn read(lp: LpRef<'a>) -> Option<Self> {
        let mut elements = lp.iter();
        let count = next_int(&mut elements)?;
        let deleted = next_int(&mut elements)?;
        let fields = usize::try_from(next_int(&mut elements)?).ok()?;
        Some(Self { count, deleted, fields, names: elements })
    }

    /// The elements from the first entry on.
    #[inline]
    pub fn entries(&self) -> Option<Iter<'a>> {
        let mut elements = self.names.clone();
        elements.skip_entries(self.fields.checked_add(1)?)?;
        Some(elements)
    }
}

/// Flags, ID and number of fields: what an entry begins with.
#[derive(Clone, Copy)]
pub(super) struct Header {
    pub flags: i64,
    pub id: StreamId,
    pub fields: usize,
    /// Where the flags stand.
    pub at: Pos,
}

impl Header {
    /// Takes the header off `elements`; `base` is the node's ID.
    #[inline]
    pub fn read(elements: &mut Iter<'_>, base: StreamId, master_fields: usize) -> Option<Self> {
        let at = elements.pos();
        let flags = next_int(elements)?;
        let ms = base.ms.wrapping_add(next_int(elements)? as u64);
        let seq = base.seq.wrapping_add(next_int(elements)? as u64);
        let fields = match flags & SAME_FIELDS {
            0 => usize::try_from(next_int(elements)?).ok()?,
            _ => master_fields,
        };
        Some(Self { flags, id: StreamId { ms, seq }, fields, at })
    }

    pub fn is_deleted(&self) -> bool {
        self.flags & DELETED != 0
    }

    /// The number of elements that follow, up to `lp-count`.
    #[inline]
    pub fn elements_left(&self) -> usize {
        if self.flags & SAME_FIELDS != 0 { self.fields } else { self.fields.saturating_mul(2) }
    }

    /// Takes what follows the header off `elements`, `lp-count` included.
    pub fn skip_rest(&self, elements: &mut Iter<'_>) {
        if elements.skip_entries(self.elements_left().saturating_add(1)).is_none() {
            // Broken: nothing that follows can be read.
            while elements.next().is_some() {}
        }
    }
}

/// The ID of the last entry, deleted or not.
pub(super) fn last_id(lp: LpRef<'_>, base: StreamId) -> Option<StreamId> {
    let mut elements = lp.iter();
    let start = step_back(&mut elements)?;
    let mut entry = lp.iter_from(start);
    Header::read(&mut entry, base, 0).map(|header| header.id)
}

/// Takes one entry off the back; returns where it begins. `None` at the master entry.
#[inline]
pub(super) fn step_back(elements: &mut Iter<'_>) -> Option<Pos> {
    let count = as_int(elements.next_back()?.1)?;
    elements.skip_entries_back(usize::try_from(count).ok()?)
}

/// Whether walking back from the node's end is the shorter way to `target`, by what the IDs at both
/// ends let expect.
fn is_nearer_to_end(base: StreamId, target: StreamId, last: StreamId) -> bool {
    if base.ms == last.ms {
        target.seq.saturating_sub(base.seq) > last.seq.saturating_sub(base.seq) / 2
    } else {
        target.ms.saturating_sub(base.ms) > last.ms.saturating_sub(base.ms) / 2
    }
}

/// The elements from an entry on that is not above `target`, with few before it; `entries` are
/// those from the first entry on.
pub(super) fn seek<'a>(
    lp: LpRef<'a>,
    base: StreamId,
    entries: Iter<'a>,
    target: StreamId,
) -> Iter<'a> {
    let Some(last) = last_id(lp, base) else { return entries };
    if !is_nearer_to_end(base, target, last) {
        return entries;
    }
    let mut back = entries.clone();
    while let Some(start) = step_back(&mut back) {
        let mut elements = lp.iter_from(start);
        match Header::read(&mut elements, base, 0) {
            Some(header) if header.id > target => {}
            Some(_) => return lp.iter_from(start),
            None => break,
        }
    }
    entries
}

/// Sets one of the two counters at the node's beginning.
fn set_counter(lp: &mut Listpack, index: usize, value: i64) {
    let Some(mut pos) = lp.first() else { return };
    for _ in 0..index {
        match lp.next(pos) {
            Some(next) => pos = next,
            None => return,
        }
    }
    lp.replace(pos, value);
}

/// Sets both counters.
pub(super) fn set_counters(lp: &mut Listpack, count: i64, deleted: i64) {
    set_counter(lp, 0, count);
    set_counter(lp, 1, deleted);
}

/// Marks the entry whose flags stand at `at`.
pub(super) fn mark_deleted(lp: &mut Listpack, header: &Header) {
    lp.replace(header.at, header.flags | DELETED);
}

/// A new node for an entry with these fields and values, which has the node's ID.
pub(super) fn new_node(pairs: &[&[u8]]) -> Listpack {
    let fields = pairs.len() as i64 / 2;
    let names = pairs.iter().step_by(2).map(|name| LpValue::Str(name));
    let master = [LpValue::Int(1), LpValue::Int(0), LpValue::Int(fields)];
    let end = [LpValue::Int(0), LpValue::Int(SAME_FIELDS), LpValue::Int(0), LpValue::Int(0)];
    let values = pairs.iter().skip(1).step_by(2).map(|value| LpValue::Str(value));
    let count = [LpValue::Int(FIXED + fields)];
    Listpack::from_values(master.into_iter().chain(names).chain(end).chain(values).chain(count))
}

/// Adds an entry with this ID, which must be above all of the node.
pub(super) fn append(lp: &mut Listpack, base: StreamId, id: StreamId, pairs: &[&[u8]]) {
    let fields = pairs.len() / 2;
    let Some(master) = Master::read(lp.as_lp()) else { return };
    let count = master.count;
    let same = master.fields == fields
        && pairs.iter().step_by(2).zip(master.names).all(|(name, (_, field))| match field {
            LpValue::Str(bytes) => bytes == *name,
            LpValue::Int(_) => Needle::new(name).matches(field),
        });
    let deltas = [
        LpValue::Int(id.ms.wrapping_sub(base.ms) as i64),
        LpValue::Int(id.seq.wrapping_sub(base.seq) as i64),
    ];
    if same {
        let values = pairs.iter().skip(1).step_by(2).map(|value| LpValue::Str(value));
        let lp_count = [LpValue::Int(FIXED + fields as i64)];
        let flags = [LpValue::Int(SAME_FIELDS)];
        lp.append_all(flags.into_iter().chain(deltas).chain(values).chain(lp_count));
    } else {
        let pairs = pairs.iter().map(|text| LpValue::Str(text));
        let lp_count = [LpValue::Int(FIXED + 1 + 2 * fields as i64)];
        let head = [LpValue::Int(0), deltas[0], deltas[1], LpValue::Int(fields as i64)];
        lp.append_all(head.into_iter().chain(pairs).chain(lp_count));
    }
    set_counter(lp, 0, count.wrapping_add(1));
}

/// Bytes that are no node of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidNode;

/// A node from a file or client: a listpack, and with `deep` one in which every entry is as this
/// module says.
///
/// # Errors
/// If it is not, or has no element.
pub fn validated_node(bytes: &[u8], deep: bool) -> Result<Listpack, InvalidNode> {
    let lp = Listpack::from_bytes_validated(bytes, deep).map_err(|_| InvalidNode)?;
    if deep {
        validate_entries(lp.as_lp()).ok_or(InvalidNode)?;
    } else if lp.first().is_none() {
        return Err(InvalidNode);
    }
    Ok(lp)
}

fn validate_entries(lp: LpRef<'_>) -> Option<()> {
    let master = Master::read(lp)?;
    let mut elements = master.names.clone();
    for _ in 0..master.fields {
        elements.next()?;
    }
    let terminator = next_int(&mut elements)?;
    let entries = u64::try_from(master.count.checked_add(master.deleted)?).ok()?;
    if terminator != 0 {
        return None;
    }
    for _ in 0..entries {
        let header = Header::read(&mut elements, StreamId::MIN, master.fields)?;
        let left = header.elements_left();
        for _ in 0..left {
            elements.next()?;
        }
        let named = if header.flags & SAME_FIELDS == 0 { 1 } else { 0 };
        let told = next_int(&mut elements)?;
        if told != FIXED + named + i64::try_from(left).ok()? {
            return None;
        }
    }
    elements.next().is_none().then_some(())
}
