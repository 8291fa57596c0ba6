//! Listpack: a list of short strings and integers in one block of bytes, in Redis' own format (see
//! `reader.rs` for the picture). Small hashes, sets, sorted sets, lists and stream nodes are
//! listpacks, and RDB, DUMP and replication copy the bytes as they are. It knows no limits: callers
//! decide when a listpack is too big, and keep it below `LISTPACK_MAX_SAFETY_SIZE`.
//!
//! `Listpack` is one 8-byte pointer to one block. Reading is done by `LpRef` on plain bytes and
//! never panics, even if entries are broken (bytes that were only validated shallowly); changes at
//! a `Pos` that holds no entry do nothing and return `None`.
//!
//! Invariant: the header tells the number of bytes, and the last byte is 0xFF.

mod builder;
mod reader;
mod roomy;
#[cfg(test)]
mod tests;
pub mod thin_bytes;

pub use builder::ListpackBuilder;
pub use reader::{Invalid, Iter, LpRef, LpValue, Needle, Pos, parse_int};
pub use roomy::{MIN_ROOMY_BYTES, Room, RoomyListpack};

use reader::{COUNT_UNKNOWN, EOF, HEADER, backlen_size};
use thin_bytes::{ListpackFormat, ThinBytes};

/// No listpack may grow beyond this (bytes); far below what the u32 of the header can tell.
pub const LISTPACK_MAX_SAFETY_SIZE: usize = 1 << 30;

/// Bytes of an empty listpack.
pub const EMPTY_BYTES: usize = HEADER + 1;

/// An owned listpack; see the module's text.
#[derive(Clone)]
pub struct Listpack(ThinBytes<ListpackFormat>);

const _: () = assert!(size_of::<Listpack>() == 8);

/// An entry in three pieces: encoding byte(s) with the length or the integer, string bytes,
/// backlen.
struct Encoded<'a> {
    head: [u8; 9],
    head_len: usize,
    text: &'a [u8],
    backlen: [u8; 5],
    backlen_len: usize,
}

impl<'a> Encoded<'a> {
    fn new(value: LpValue<'a>) -> Self {
        match value {
            LpValue::Int(int) => Self::int(int),
            LpValue::Str(text) => match parse_int(text) {
                Some(int) => Self::int(int),
                None => Self::text(text),
            },
        }
    }

    fn int(int: i64) -> Self {
        let mut head = [0u8; 9];
        let le = int.to_le_bytes();
        let mut wide = |code: u8, width: usize| {
            head[0] = code;
            head[1..=width].copy_from_slice(&le[..width]);
            1 + width
        };
        let head_len = match int {
            0..=127 => {
                head[0] = le[0];
                1
            }
            -4096..=4095 => {
                head[0] = 0xC0 | (le[1] & 0x1F);
                head[1] = le[0];
                2
            }
            -0x8000..=0x7FFF => wide(0xF1, 2),
            -0x80_0000..=0x7F_FFFF => wide(0xF2, 3),
            -0x8000_0000..=0x7FFF_FFFF => wide(0xF3, 4),
            _ => wide(0xF4, 8),
        };
        Self::with_backlen(head, head_len, &[])
    }

    fn text(text: &'a [u8]) -> Self {
        let mut head = [0u8; 9];
        let len = text.len();
        let head_len = match len {
            0..64 => {
                head[0] = 0x80 | len as u8;
                1
            }
            64..4096 => {
                head[0] = 0xE0 | (len >> 8) as u8;
                head[1] = len as u8;
                2
            }
            _ => {
                head[0] = 0xF0;
                let len = u32::try_from(len).expect("callers keep listpacks below 1 GB");
                head[1..5].copy_from_slice(&len.to_le_bytes());
                5
            }
        };
        Self::with_backlen(head, head_len, text)
    }

    fn with_backlen(head: [u8; 9], head_len: usize, text: &'a [u8]) -> Self {
        let len = head_len + text.len();
        let backlen_len = backlen_size(len);
        let mut backlen = [0u8; 5];
        for (group, byte) in backlen[..backlen_len].iter_mut().rev().enumerate() {
            *byte = (len >> (7 * group)) as u8 & 127 | 128;
        }
        backlen[0] &= 127;
        Self { head, head_len, text, backlen, backlen_len }
    }

    fn parts(&self) -> [&[u8]; 3] {
        [&self.head[..self.head_len], self.text, &self.backlen[..self.backlen_len]]
    }

    fn size(&self) -> usize {
        self.head_len + self.text.len() + self.backlen_len
    }

    /// Writes the entry to `to`, which is as long as it.
    #[inline]
    fn write_to(&self, to: &mut [u8]) {
        let Encoded { head, head_len, text, backlen, backlen_len } = self;
        if let (1, 1, [first, middle @ .., last]) = (head_len, backlen_len, &mut *to) {
            // Most entries: no copies of variable length but the text's.
            (*first, *last) = (head[0], backlen[0]);
            return middle.copy_from_slice(text);
        }
        let (start, rest) = to.split_at_mut(*head_len);
        start.copy_from_slice(&head[..*head_len]);
        let (middle, end) = rest.split_at_mut(text.len());
        middle.copy_from_slice(text);
        end.copy_from_slice(&backlen[..*backlen_len]);
    }
}

/// Bytes that an entry for `value` takes.
pub fn entry_size(value: LpValue<'_>) -> usize {
    Encoded::new(value).size()
}

/// Bytes of a listpack of `count` integers `int`.
pub fn estimate_repeated_int(int: i64, count: usize) -> usize {
    EMPTY_BYTES + entry_size(LpValue::Int(int)) * count
}

fn header(total: usize, count: u16) -> [u8; HEADER] {
    let total = u32::try_from(total).expect("callers keep listpacks below 1 GB");
    let (t, c) = (total.to_le_bytes(), count.to_le_bytes());
    [t[0], t[1], t[2], t[3], c[0], c[1]]
}

/// The count field for `count` entries.
fn count_field(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(COUNT_UNKNOWN)
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter().map(|(_, value)| value)).finish()
    }
}

/// Reading: all of `LpRef`, borrowed from `self`.
impl Listpack {
    /// A view with all reading methods.
    #[inline]
    pub fn as_lp(&self) -> LpRef<'_> {
        LpRef::new(self.0.bytes())
    }

    /// The format's bytes, as RDB and DUMP store them.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.bytes()
    }

    /// Bytes of the format.
    #[inline]
    pub fn bytes_len(&self) -> usize {
        self.0.used()
    }

    /// Bytes reserved from the allocator.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Number of entries; walks if there are 65535 or more.
    pub fn len(&self) -> usize {
        self.as_lp().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.as_lp().is_empty()
    }

    /// See `LpRef::get`.
    pub fn get(&self, pos: Pos) -> Option<LpValue<'_>> {
        self.as_lp().get(pos)
    }

    /// See `LpRef::first`.
    pub fn first(&self) -> Option<Pos> {
        self.as_lp().first()
    }

    /// See `LpRef::last`.
    pub fn last(&self) -> Option<Pos> {
        self.as_lp().last()
    }

    /// See `LpRef::next`.
    pub fn next(&self, pos: Pos) -> Option<Pos> {
        self.as_lp().next(pos)
    }

    /// See `LpRef::prev`.
    pub fn prev(&self, pos: Pos) -> Option<Pos> {
        self.as_lp().prev(pos)
    }

    /// See `LpRef::seek`.
    pub fn seek(&self, index: i64) -> Option<Pos> {
        self.as_lp().seek(index)
    }

    /// See `LpRef::find`.
    pub fn find(&self, from: Pos, value: &[u8], skip: usize) -> Option<Pos> {
        self.as_lp().find(from, value, skip)
    }

    /// See `LpRef::nth`.
    pub fn nth(&self, index: usize) -> Option<(Pos, LpValue<'_>)> {
        self.as_lp().nth(index)
    }

    /// See `LpRef::nth_pair`.
    pub fn nth_pair(&self, index: usize) -> Option<(LpValue<'_>, LpValue<'_>)> {
        self.as_lp().nth_pair(index)
    }

    /// See `LpRef::iter`.
    pub fn iter(&self) -> Iter<'_> {
        self.as_lp().iter()
    }

    /// See `LpRef::safe_to_add`.
    pub fn safe_to_add(&self, add: usize) -> bool {
        self.as_lp().safe_to_add(add)
    }
}

impl Listpack {
    /// An empty listpack.
    pub fn new() -> Self {
        Self(ThinBytes::from_slice(&[EMPTY_BYTES as u8, 0, 0, 0, 0, 0, EOF]))
    }

    /// A copy of `bytes` from a file or client; `deep` checks every entry, else only header and
    /// end.
    pub fn from_bytes_validated(bytes: &[u8], deep: bool) -> Result<Self, Invalid> {
        LpRef::validated(bytes, deep)?;
        Ok(Self(ThinBytes::from_slice(bytes)))
    }

    /// A listpack of the given values, in one allocation.
    pub fn from_values<'v>(values: impl IntoIterator<Item = LpValue<'v>>) -> Self {
        let mut bytes = vec![0; HEADER];
        let count = encode_all(&mut bytes, values);
        Self::from_parts(bytes, count)
    }

    /// Finishes `bytes` = room for the header, then `count` entries.
    fn from_parts(mut bytes: Vec<u8>, count: usize) -> Self {
        bytes.push(EOF);
        let head = header(bytes.len(), count_field(count));
        bytes[..HEADER].copy_from_slice(&head);
        Self(ThinBytes::from_slice(&bytes))
    }

    /// Replaces `remove` bytes (`removed` entries) at `at` by `parts` (`added` entries).
    fn splice(&mut self, at: usize, remove: usize, parts: &[&[u8]], removed: usize, added: usize) {
        let insert: usize = parts.iter().map(|part| part.len()).sum();
        let count = match self.as_lp().count_field() {
            COUNT_UNKNOWN => COUNT_UNKNOWN,
            count => count_field(usize::from(count).saturating_sub(removed) + added),
        };
        let head = header(self.bytes_len() - remove + insert, count);
        self.0.splice(at, remove, &head, parts);
    }

    fn insert_at(&mut self, at: usize, value: LpValue<'_>) {
        self.splice(at, 0, &Encoded::new(value).parts(), 0, 1);
    }

    /// Appends `value`; the text of an integer is stored as the integer.
    pub fn push_back<'v>(&mut self, value: impl Into<LpValue<'v>>) {
        self.insert_at(self.as_lp().end(), value.into());
    }

    /// Prepends `value`.
    pub fn push_front<'v>(&mut self, value: impl Into<LpValue<'v>>) {
        self.insert_at(HEADER, value.into());
    }

    /// Appends all values with at most one reallocation.
    pub fn append_all<'v>(&mut self, values: impl IntoIterator<Item = LpValue<'v>>) {
        let mut scratch = Scratch::new();
        let added = encode_all(&mut scratch, values);
        self.splice(self.as_lp().end(), 0, &[scratch.bytes()], 0, added);
    }

    /// Inserts `value` before the entry at `pos`; returns where it is.
    pub fn insert_before<'v>(&mut self, pos: Pos, value: impl Into<LpValue<'v>>) -> Option<Pos> {
        self.get(pos)?;
        self.insert_at(pos.0, value.into());
        Some(pos)
    }

    /// Inserts `value` after the entry at `pos`; returns where it is.
    pub fn insert_after<'v>(&mut self, pos: Pos, value: impl Into<LpValue<'v>>) -> Option<Pos> {
        let (_, size) = self.as_lp().decode(pos.0)?;
        self.insert_at(pos.0 + size, value.into());
        Some(Pos(pos.0 + size))
    }

    /// Replaces the entry at `pos`, which stays where it is.
    pub fn replace<'v>(&mut self, pos: Pos, value: impl Into<LpValue<'v>>) -> Option<Pos> {
        let (_, size) = self.as_lp().decode(pos.0)?;
        let encoded = Encoded::new(value.into());
        if encoded.size() == size {
            // Same size (an integer that was incremented, a counter, a flag): no move, no header.
            let mut at = pos.0 - HEADER;
            for part in encoded.parts() {
                self.0.body_mut()[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
        } else {
            self.splice(pos.0, size, &encoded.parts(), 1, 1);
        }
        Some(pos)
    }

    /// Moves `count` entries from `from` on before the entry at `to` (`None`: to the end), which is
    /// none of them; returns where they are.
    pub fn move_entries(&mut self, from: Pos, count: usize, to: Option<Pos>) -> Option<Pos> {
        let lp = self.as_lp();
        let mut end = from.0;
        for _ in 0..count {
            end += lp.decode(end)?.1;
        }
        let to = to.map_or(lp.end(), |pos| pos.0);
        let size = end - from.0;
        let (up, start) = (to >= end, from.0.min(to).checked_sub(HEADER)?);
        let run = self.0.body_mut().get_mut(start..end.max(to) - HEADER)?;
        if up {
            run.rotate_left(size);
            return Some(Pos(to - size));
        }
        run.rotate_right(size);
        Some(Pos(to))
    }

    /// Adds `by` to the integer at `pos`. `None` (and no change) if it is none or would overflow.
    pub fn incr_int(&mut self, pos: Pos, by: i64) -> Option<i64> {
        let LpValue::Int(old) = self.get(pos)? else {
            return None;
        };
        let new = old.checked_add(by)?;
        self.replace(pos, new)?;
        Some(new)
    }

    /// Deletes the entry at `pos`; returns the one that follows, now at the same place.
    pub fn delete(&mut self, pos: Pos) -> Option<Pos> {
        self.delete_range_from(pos, 1)
    }

    /// Deletes up to `count` entries from `pos` on; returns the one that follows.
    pub fn delete_range_from(&mut self, pos: Pos, count: usize) -> Option<Pos> {
        self.delete_run(pos, count);
        self.get(pos).map(|_| pos)
    }

    fn delete_run(&mut self, pos: Pos, count: usize) -> usize {
        let lp = self.as_lp();
        let (mut end, mut deleted) = (pos.0, 0);
        while deleted < count
            && let Some((_, size)) = lp.decode(end)
        {
            end += size;
            deleted += 1;
        }
        if deleted > 0 {
            self.splice(pos.0, end - pos.0, &[], deleted, 0);
        }
        deleted
    }

    /// Deletes up to `count` entries from `index` on (negative: from the end); returns how many.
    pub fn delete_range(&mut self, index: i64, count: usize) -> usize {
        match self.seek(index) {
            Some(pos) if count > 0 => self.delete_run(pos, count),
            _ => 0,
        }
    }

    /// Deletes the entries at `positions`, which must ascend, in one pass. Returns how many.
    pub fn delete_positions(&mut self, positions: &[Pos]) -> usize {
        if let [pos] = positions {
            return self.delete_run(*pos, 1);
        }
        let lp = self.as_lp();
        let mut kept = Vec::with_capacity(self.bytes_len());
        let (mut from, mut deleted) = (HEADER, 0);
        for pos in positions {
            if let Some((_, size)) = lp.decode(pos.0)
                && pos.0 >= from
            {
                kept.extend_from_slice(&lp.as_bytes()[from..pos.0]);
                from = pos.0 + size;
                deleted += 1;
            }
        }
        kept.extend_from_slice(&lp.as_bytes()[from..lp.end()]);
        if deleted > 0 {
            let end = lp.end();
            self.splice(HEADER, end - HEADER, &[&kept], deleted, 0);
        }
        deleted
    }

    /// Appends all entries of `other`.
    pub fn merge(&mut self, other: LpRef<'_>) {
        let body = other.as_bytes().get(HEADER..other.end()).unwrap_or_default();
        self.splice(self.as_lp().end(), 0, &[body], 0, other.len());
    }

    /// Cuts the listpack: keeps the first `index` entries, returns the others.
    pub fn split_off(&mut self, index: usize) -> Self {
        let lp = self.as_lp();
        let (len, end) = (lp.len(), lp.end());
        let cut =
            i64::try_from(index).ok().and_then(|index| lp.seek(index)).map_or(end, |pos| pos.0);
        let moved = len.saturating_sub(index);
        let mut bytes = vec![0; HEADER];
        bytes.extend_from_slice(&lp.as_bytes()[cut..end]);
        if end > cut {
            self.splice(cut, end - cut, &[], moved, 0);
            if len >= usize::from(COUNT_UNKNOWN) {
                self.0.set_header(&header(self.bytes_len(), count_field(index)));
            }
        }
        Self::from_parts(bytes, moved)
    }
}

/// Where encoded entries are collected.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Bytes of a few entries without a heap allocation.
const SCRATCH_BYTES: usize = 256;

/// A buffer on the stack, or on the heap once that is full.
struct Scratch {
    stack: [u8; SCRATCH_BYTES],
    used: usize,
    heap: Vec<u8>,
}

impl Scratch {
    fn new() -> Self {
        Self { stack: [0; SCRATCH_BYTES], used: 0, heap: Vec::new() }
    }

    fn bytes(&self) -> &[u8] {
        if self.heap.is_empty() { &self.stack[..self.used] } else { &self.heap }
    }
}

impl Sink for Scratch {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let end = self.used + bytes.len();
        if self.heap.is_empty() && end <= SCRATCH_BYTES {
            self.stack[self.used..end].copy_from_slice(bytes);
            self.used = end;
            return;
        }
        if self.heap.is_empty() {
            self.heap.reserve(2 * SCRATCH_BYTES + bytes.len());
            self.heap.extend_from_slice(&self.stack[..self.used]);
        }
        self.heap.extend_from_slice(bytes);
    }
}

/// Appends the entries for `values` to `bytes`; returns their number.
fn encode_all<'v>(bytes: &mut impl Sink, values: impl IntoIterator<Item = LpValue<'v>>) -> usize {
    let mut count = 0;
    for value in values {
        for part in Encoded::new(value).parts() {
            bytes.put(part);
        }
        count += 1;
    }
    count
}
