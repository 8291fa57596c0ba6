//! A listpack with room before and behind it, so that pushes and pops at either end move nothing: a
//! small list that grows or shrinks at its head, and the first node of a quicklist. Not for
//! anything that is edited inside: that is `Listpack`'s.
//!
//! ```text
//!  ptr ──► | capacity u32 | start u32 | room | header | entries ...... | FF | room |
//!          0                                 start                  start + total   capacity
//! ```
//!
//! Invariant: the bytes from `start` on are a listpack whose header tells its length, within the
//! block. Like there, entries may be damaged: then a pop finds nothing, and nothing panics.

use super::reader::{COUNT_UNKNOWN, EOF, HEADER};
use super::thin_bytes::{ROOMY_HEADER, RoomyFormat, ThinBytes, size_class};
use super::{EMPTY_BYTES, Encoded, Listpack, LpRef, LpValue, count_field, header};
use crate::storage::encoding::relocate::Mover;

/// Listpacks below this size are moved more quickly than they are given room.
pub const MIN_ROOMY_BYTES: usize = 256;
/// Room for at least this many bytes when a side has none left.
const MIN_ROOM: usize = 64;
/// And for at most this many, unless the entry is longer.
const MAX_ROOM: usize = 2048;

/// How much room a side gets when it has none left, of the listpack's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There may be one such listpack for each key: what an allocator with four classes for each
    /// doubling leaves free on average.
    Quarter,
    /// It is one of many nodes.
    Half,
}

/// See the module's text; one pointer.
#[derive(Clone)]
pub struct RoomyListpack(pub(super) ThinBytes<RoomyFormat>);

const _: () = assert!(size_of::<Option<RoomyListpack>>() == 8);

fn block_header(capacity: usize, start: usize) -> [u8; ROOMY_HEADER] {
    let field = |n: usize| u32::try_from(n).expect("nodes are kept far below 4 GB").to_le_bytes();
    let mut head = [0; ROOMY_HEADER];
    head[..4].copy_from_slice(&field(capacity));
    head[4..].copy_from_slice(&field(start));
    head
}

/// Where in a block its listpack begins.
#[inline(always)]
fn start_of(block: &[u8]) -> usize {
    let start = block[4..].first_chunk().expect("a block begins with its header");
    u32::from_le_bytes(*start) as usize
}

/// The listpack in a block.
#[inline(always)]
pub(super) fn listpack_of(block: &[u8]) -> &[u8] {
    let bytes = &block[start_of(block)..];
    let total = bytes.first_chunk().expect("a listpack begins with its length");
    &bytes[..u32::from_le_bytes(*total) as usize]
}

/// A block with `lp` in it, `front` bytes before and at least `back` behind it.
fn block_around(lp: &[u8], front: usize, back: usize) -> ThinBytes<RoomyFormat> {
    let capacity = size_class(ROOMY_HEADER + front + lp.len() + back);
    let start = capacity - back - lp.len();
    ThinBytes::with_bytes_at(&block_header(capacity, start), start, lp)
}

impl RoomyListpack {
    /// A copy of `lp`; its rooms come with the first push.
    pub fn new(lp: &Listpack) -> Self {
        RoomyListpack(block_around(lp.as_bytes(), 0, 0))
    }

    /// A copy of `lp` with `value` before it.
    pub fn with_front(lp: &Listpack, value: &[u8], room: Room) -> Self {
        let entry = Encoded::new(value.into());
        let front = room_for(lp.bytes_len(), entry.size(), room);
        let mut roomy = RoomyListpack(block_around(lp.as_bytes(), front, 0));
        roomy.push_entry_front(&entry);
        roomy
    }

    /// The listpack alone, in a block of its own size.
    pub fn to_listpack(&self) -> Listpack {
        let lp = Listpack::from_bytes_validated(self.as_bytes(), false);
        lp.expect("header and end are kept by every change")
    }

    #[inline(always)]
    fn start(&self) -> usize {
        start_of(self.0.bytes())
    }

    fn capacity(&self) -> usize {
        self.0.used()
    }

    fn set_start(&mut self, start: usize) {
        self.0.set_header(&block_header(self.capacity(), start));
    }

    /// The bytes from `at` on, an offset in the block behind its header.
    fn at_mut(&mut self, at: usize) -> &mut [u8] {
        &mut self.0.body_mut()[at - ROOMY_HEADER..]
    }

    /// Bytes of the listpack.
    #[inline]
    pub fn bytes_len(&self) -> usize {
        self.as_bytes().len()
    }

    /// The listpack's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        listpack_of(self.0.bytes())
    }

    /// The listpack, to read.
    pub fn as_lp(&self) -> LpRef<'_> {
        LpRef::new(self.as_bytes())
    }

    /// Bytes reserved from the allocator.
    pub fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// Moves the block, if that is worth it.
    pub fn relocate(&mut self, mover: &mut Mover) {
        self.0.relocate(mover);
    }

    /// The header of this listpack with `total` bytes and `change` entries more.
    #[inline]
    fn header_after(&self, total: usize, change: isize) -> [u8; HEADER] {
        let count = match self.as_lp().count_field() {
            COUNT_UNKNOWN => COUNT_UNKNOWN,
            count => count_field(usize::from(count).saturating_add_signed(change)),
        };
        header(total, count)
    }

    /// Moves the listpack into a block with the given rooms; before it comes also what the block's
    /// size class has beyond.
    #[cold]
    fn rebuild(&mut self, front: usize, back: usize) {
        self.0 = block_around(self.as_bytes(), front, back);
    }

    /// Prepends `value`; the text of an integer is stored as the integer.
    pub fn push_front<'v>(&mut self, value: impl Into<LpValue<'v>>, room: Room) {
        let entry = Encoded::new(value.into());
        if ROOMY_HEADER + entry.size() > self.start() {
            let total = self.bytes_len();
            let back = self.capacity() - self.start() - total;
            self.rebuild(room_for(total, entry.size(), room), back.min(MIN_ROOM));
        }
        self.push_entry_front(&entry);
    }

    /// There is room for it.
    #[inline]
    fn push_entry_front(&mut self, entry: &Encoded<'_>) {
        let size = entry.size();
        let head = self.header_after(self.bytes_len() + size, 1);
        let at = self.start() - size;
        let (first, rest) = self.at_mut(at).split_at_mut(HEADER);
        first.copy_from_slice(&head);
        entry.write_to(&mut rest[..size]);
        self.set_start(at);
    }

    /// Appends `value`; the text of an integer is stored as the integer.
    pub fn push_back<'v>(&mut self, value: impl Into<LpValue<'v>>, room: Room) {
        let entry = Encoded::new(value.into());
        let size = entry.size();
        if self.start() + self.bytes_len() + size > self.capacity() {
            let front = (self.start() - ROOMY_HEADER).min(MIN_ROOM);
            self.rebuild(front, room_for(self.bytes_len(), size, room));
        }
        let (start, total) = (self.start(), self.bytes_len());
        let head = self.header_after(total + size, 1);
        let bytes = self.at_mut(start);
        bytes[..HEADER].copy_from_slice(&head);
        let rest = &mut bytes[total - 1..total + size];
        entry.write_to(&mut rest[..size]);
        rest[size] = EOF;
    }

    /// Shows the first entry to `f` and drops it.
    pub fn pop_front_with<R>(&mut self, f: impl FnOnce(LpValue<'_>) -> R) -> Option<R> {
        let lp = self.as_lp();
        let (value, size) = lp.decode(lp.first()?.0)?;
        let result = f(value);
        self.cut_front(size, 1)?;
        Some(result)
    }

    /// Shows the last entry to `f` and drops it.
    pub fn pop_back_with<R>(&mut self, f: impl FnOnce(LpValue<'_>) -> R) -> Option<R> {
        let lp = self.as_lp();
        let pos = lp.last()?.0;
        let result = f(lp.decode(pos)?.0);
        self.cut_back(pos, 1);
        Some(result)
    }

    /// Drops up to `count` entries from the first one on; returns how many.
    pub fn delete_front(&mut self, count: usize) -> usize {
        let lp = self.as_lp();
        let (mut pos, mut deleted) = (HEADER, 0);
        while deleted < count
            && let Some((_, size)) = lp.decode(pos)
        {
            pos += size;
            deleted += 1;
        }
        if deleted > 0 && self.cut_front(pos - HEADER, deleted).is_some() { deleted } else { 0 }
    }

    /// Drops up to `count` entries from the last one on; returns how many.
    pub fn delete_back(&mut self, count: usize) -> usize {
        let lp = self.as_lp();
        let (mut end, mut deleted) = (None, 0);
        while deleted < count
            && let Some(pos) = end.map_or_else(|| lp.last(), |pos| lp.prev(pos))
        {
            end = Some(pos);
            deleted += 1;
        }
        if let Some(end) = end {
            self.cut_back(end.0, deleted);
        }
        deleted
    }

    /// Takes `bytes` and `entries` away behind the header; nothing if there are not so many.
    fn cut_front(&mut self, bytes: usize, entries: usize) -> Option<()> {
        let total = self.bytes_len().checked_sub(bytes).filter(|&left| left >= EMPTY_BYTES)?;
        let head = self.header_after(total, -(entries as isize));
        let at = self.start() + bytes;
        self.at_mut(at)[..HEADER].copy_from_slice(&head);
        self.set_start(at);
        self.give_back(total);
        Some(())
    }

    /// Takes everything away from `pos` on, `entries` entries.
    fn cut_back(&mut self, pos: usize, entries: usize) {
        let (start, total) = (self.start(), pos + 1);
        let head = self.header_after(total, -(entries as isize));
        let bytes = self.at_mut(start);
        bytes[..HEADER].copy_from_slice(&head);
        bytes[pos] = EOF;
        self.give_back(total);
    }

    /// Shrinks the block when the listpack of `total` bytes fills less than half of it.
    fn give_back(&mut self, total: usize) {
        if self.capacity() > 2 * total + 4 * MIN_ROOM {
            self.rebuild(total / 4, 0);
        }
    }
}

fn room_for(total: usize, need: usize, room: Room) -> usize {
    let share = match room {
        Room::Quarter => total / 4,
        Room::Half => total / 2,
    };
    need.max(share.clamp(MIN_ROOM, MAX_ROOM))
}
