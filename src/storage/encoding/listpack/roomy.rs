//! A listpack with room before and behind it, so that pushes and pops at either end move nothing: a
//! small list that grows or shrinks at its head, and the first node of a quicklist. Not for
//! anything that is edited inside: that is `Listpack`'s.
//!
//! ```text
//!  ptr ──► | capacity u32 | start u32 | room | header | entries ...... | FF | room |
//!                         0           4      start                  start + total
//! ```
//! Offsets count from behind the capacity, which is the block's and never changes in it.
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

/// The first place for a listpack: behind its start.
const FIRST: usize = 4;

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

/// Where the listpack begins.
#[inline(always)]
fn start_of(body: &[u8]) -> usize {
    let start = body.first_chunk().expect("a block has room for the start");
    u32::from_le_bytes(*start) as usize
}

fn set_start(body: &mut [u8], start: usize) {
    let start = u32::try_from(start).expect("nodes are kept far below 4 GB");
    body[..FIRST].copy_from_slice(&start.to_le_bytes());
}

/// The bytes from a listpack's first on, and how many of them are its.
#[inline(always)]
fn found_in(body: &[u8]) -> (&[u8], usize) {
    let bytes = &body[start_of(body)..];
    let total = bytes.first_chunk().expect("a listpack begins with its length");
    (bytes, u32::from_le_bytes(*total) as usize)
}

/// The listpack in a block without its capacity.
#[inline(always)]
pub(super) fn listpack_of(body: &[u8]) -> &[u8] {
    let (bytes, total) = found_in(body);
    &bytes[..total]
}

/// A block with `lp` in it, at least `front` bytes before and `back` behind it.
fn block_around(lp: &[u8], front: usize, back: usize) -> ThinBytes<RoomyFormat> {
    let behind = lp.len() + back;
    let capacity = size_class(ROOMY_HEADER + FIRST + front + behind);
    let field = u32::try_from(capacity).expect("nodes are kept far below 4 GB");
    let mut block = ThinBytes::with_bytes_at(&field.to_le_bytes(), capacity - behind, lp);
    set_start(block.body_mut(), capacity - behind - ROOMY_HEADER);
    block
}

/// The header of a listpack of `total` bytes that had `old` and has `change` entries more.
#[inline(always)]
fn header_after(old: &[u8; HEADER], total: usize, change: isize) -> [u8; HEADER] {
    let count = match u16::from_le_bytes([old[4], old[5]]) {
        COUNT_UNKNOWN => COUNT_UNKNOWN,
        count => count_field(usize::from(count).saturating_add_signed(change)),
    };
    header(total, count)
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
        start_of(self.0.body())
    }

    /// Bytes of the listpack.
    #[inline]
    pub fn bytes_len(&self) -> usize {
        found_in(self.0.body()).1
    }

    /// The listpack's bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        listpack_of(self.0.body())
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

    /// Writes the header of a listpack of `total` bytes and `change` entries more at `at`, where
    /// the listpack begins from now on.
    fn set_listpack(&mut self, at: usize, total: usize, change: isize) {
        let body = self.0.body_mut();
        let start = start_of(body);
        let old = body[start..].first_chunk().expect("a header");
        let head = header_after(old, total, change);
        body[at..at + HEADER].copy_from_slice(&head);
        set_start(body, at);
    }

    /// Moves the listpack into a block with the given rooms; before it comes also what the block's
    /// size class has beyond.
    #[cold]
    fn rebuild(&mut self, front: usize, back: usize) {
        self.0 = block_around(self.as_bytes(), front, back);
    }

    /// Prepends `value`; the text of an integer is stored as the integer.
    #[inline]
    pub fn push_front<'v>(&mut self, value: impl Into<LpValue<'v>>, room: Room) {
        let entry = Encoded::new(value.into());
        if FIRST + entry.size() > self.start() {
            self.make_front_room(entry.size(), room);
        }
        self.push_entry_front(&entry);
    }

    #[cold]
    fn make_front_room(&mut self, need: usize, room: Room) {
        let (bytes, total) = found_in(self.0.body());
        let back = (bytes.len() - total).min(MIN_ROOM);
        self.rebuild(room_for(total, need, room), back);
    }

    /// There is room for it.
    #[inline(always)]
    fn push_entry_front(&mut self, entry: &Encoded<'_>) {
        let size = entry.size();
        let body = self.0.body_mut();
        let start = start_of(body);
        let old: &[u8; HEADER] = body[start..].first_chunk().expect("a header");
        let total = u32::from_le_bytes([old[0], old[1], old[2], old[3]]) as usize + size;
        let head = header_after(old, total, 1);
        let at = start - size;
        let (first, rest) = body[at..].split_at_mut(HEADER);
        first.copy_from_slice(&head);
        entry.write_to(&mut rest[..size]);
        set_start(body, at);
    }

    /// Appends `value`; the text of an integer is stored as the integer.
    pub fn push_back<'v>(&mut self, value: impl Into<LpValue<'v>>, room: Room) {
        let entry = Encoded::new(value.into());
        let size = entry.size();
        let (bytes, total) = found_in(self.0.body());
        if total + size > bytes.len() {
            let front = (self.start() - FIRST).min(MIN_ROOM);
            self.rebuild(front, room_for(total, size, room));
        }
        let start = self.start();
        self.set_listpack(start, total + size, 1);
        let rest = &mut self.0.body_mut()[start + total - 1..start + total + size];
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
        self.set_listpack(self.start() + bytes, total, -(entries as isize));
        self.give_back(total);
        Some(())
    }

    /// Takes everything away from `pos` on, `entries` entries.
    fn cut_back(&mut self, pos: usize, entries: usize) {
        let (start, total) = (self.start(), pos + 1);
        self.set_listpack(start, total, -(entries as isize));
        self.0.body_mut()[start + pos] = EOF;
        self.give_back(total);
    }

    /// Shrinks the block when the listpack of `total` bytes fills less than half of it.
    fn give_back(&mut self, total: usize) {
        if self.0.used() > 2 * total + 4 * MIN_ROOM {
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
