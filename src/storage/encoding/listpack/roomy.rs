//! A listpack with room before and behind it, so that pushes and pops at either end move nothing:
//! the first node of a quicklist. Not for anything that is edited inside: that is `Listpack`'s.
//!
//! ```text
//!  buf ──► | room | header | entries ...... | FF | room |
//!          0      start                           start + total      buf.len()
//! ```
//!
//! Invariant: the bytes from `start` on are a listpack whose header tells its length, within `buf`.
//! Like there, entries may be damaged: then a pop finds nothing, and nothing panics.

use super::reader::{COUNT_UNKNOWN, EOF, HEADER};
use super::thin_bytes::size_class;
use super::{EMPTY_BYTES, Encoded, Listpack, LpRef, LpValue, count_field, header};
use crate::storage::encoding::relocate::Mover;

/// Room for at least this many bytes when a side has none left.
const MIN_ROOM: usize = 64;
/// And for at most this many, unless the entry is longer.
const MAX_ROOM: usize = 2048;

/// See the module's text.
#[derive(Clone)]
pub struct RoomyListpack {
    buf: Box<[u8]>,
    start: u32,
}

impl RoomyListpack {
    /// A copy of `lp`; its side rooms come with the first push.
    pub fn new(lp: &Listpack) -> Self {
        RoomyListpack { buf: lp.as_bytes().into(), start: 0 }
    }

    /// The listpack alone, in a block of its own size.
    pub fn to_listpack(&self) -> Listpack {
        let lp = Listpack::from_bytes_validated(self.as_bytes(), false);
        lp.expect("header and end are kept by every change")
    }

    fn start(&self) -> usize {
        self.start as usize
    }

    /// Bytes of the listpack.
    #[inline]
    pub fn bytes_len(&self) -> usize {
        let at = self.start();
        let total = self.buf[at..].first_chunk().expect("a listpack begins with its length");
        u32::from_le_bytes(*total) as usize
    }

    /// The listpack's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.buf[self.start()..self.start() + self.bytes_len()]
    }

    fn as_lp(&self) -> LpRef<'_> {
        LpRef::new(self.as_bytes())
    }

    /// Bytes reserved from the allocator.
    pub fn heap_bytes(&self) -> usize {
        size_class(self.buf.len())
    }

    /// Moves the buffer, if that is worth it.
    pub fn relocate(&mut self, mover: &mut Mover) {
        mover.boxed_slice(&mut self.buf);
    }

    /// The header of this listpack with `total` bytes and one entry more or less.
    #[inline]
    fn header_after(&self, total: usize, added: bool) -> [u8; HEADER] {
        let old: &[u8; HEADER] = self.buf[self.start()..].first_chunk().expect("a header");
        let count = match u16::from_le_bytes([old[4], old[5]]) {
            COUNT_UNKNOWN => COUNT_UNKNOWN,
            count if added => count_field(usize::from(count) + 1),
            count => count.saturating_sub(1),
        };
        header(total, count)
    }

    /// Moves the listpack into a buffer with the given rooms, and what its size class has beyond.
    #[cold]
    fn rebuild(&mut self, front: usize, back: usize) {
        let total = self.bytes_len();
        let capacity = size_class(front + total + back);
        let start = capacity - back - total;
        let mut buf = Vec::with_capacity(capacity);
        buf.resize(start, 0);
        buf.extend_from_slice(self.as_bytes());
        buf.resize(capacity, 0);
        self.buf = buf.into_boxed_slice();
        self.start = u32::try_from(start).expect("nodes are kept far below 4 GB");
    }

    fn room_for(&self, need: usize) -> usize {
        need.max((self.bytes_len() / 2).clamp(MIN_ROOM, MAX_ROOM))
    }

    /// Prepends `value`; the text of an integer is stored as the integer.
    pub fn push_front<'v>(&mut self, value: impl Into<LpValue<'v>>) {
        let entry = Encoded::new(value.into());
        let size = entry.size();
        if size > self.start() {
            let back = self.buf.len() - self.start() - self.bytes_len();
            self.rebuild(self.room_for(size), back.min(MIN_ROOM));
        }
        let head = self.header_after(self.bytes_len() + size, true);
        let at = self.start() - size;
        let (first, rest) = self.buf[at..].split_at_mut(HEADER);
        first.copy_from_slice(&head);
        entry.write_to(&mut rest[..size]);
        self.start = at as u32;
    }

    /// Appends `value`; the text of an integer is stored as the integer.
    pub fn push_back<'v>(&mut self, value: impl Into<LpValue<'v>>) {
        let entry = Encoded::new(value.into());
        let size = entry.size();
        if self.start() + self.bytes_len() + size > self.buf.len() {
            self.rebuild(self.start().min(MIN_ROOM), self.room_for(size));
        }
        let (start, total) = (self.start(), self.bytes_len());
        let head = self.header_after(total + size, true);
        self.buf[start..start + HEADER].copy_from_slice(&head);
        let rest = &mut self.buf[start + total - 1..start + total + size];
        entry.write_to(&mut rest[..size]);
        rest[size] = EOF;
    }

    /// Shows the first entry to `f` and drops it.
    pub fn pop_front_with<R>(&mut self, f: impl FnOnce(LpValue<'_>) -> R) -> Option<R> {
        let lp = self.as_lp();
        let (value, size) = lp.decode(lp.first()?.0)?;
        let result = f(value);
        let total = self.bytes_len().checked_sub(size).filter(|&left| left >= EMPTY_BYTES)?;
        let head = self.header_after(total, false);
        let at = self.start() + size;
        self.buf[at..at + HEADER].copy_from_slice(&head);
        self.start = u32::try_from(at).expect("below the end of the buffer");
        self.give_back(total);
        Some(result)
    }

    /// Shows the last entry to `f` and drops it.
    pub fn pop_back_with<R>(&mut self, f: impl FnOnce(LpValue<'_>) -> R) -> Option<R> {
        let lp = self.as_lp();
        let pos = lp.last()?.0;
        let result = f(lp.decode(pos)?.0);
        let (start, total) = (self.start(), pos + 1);
        let head = self.header_after(total, false);
        self.buf[start..start + HEADER].copy_from_slice(&head);
        self.buf[start + pos] = EOF;
        self.give_back(total);
        Some(result)
    }

    /// Shrinks the buffer when the listpack of `total` bytes fills less than half of it.
    fn give_back(&mut self, total: usize) {
        if self.buf.len() > 2 * total + 4 * MIN_ROOM {
            self.rebuild(total / 4, 0);
        }
    }
}
