//! One node of a quicklist: a listpack of many elements or one big element ("plain"), either
//! possibly LZF-compressed; and the rules for what may go into a node. It knows nothing of its
//! neighbours.
//!
//! The first node of a list, once something happened at its head, is a listpack with room around
//! it; `listpack` and `pack` make an ordinary one of it.
//!
//! Invariant: `count` is at least 1 in a list; a plain node has `count` 1.

use super::super::listpack::thin_bytes::size_class;
use super::super::listpack::{
    Listpack, LpRef, LpValue, MIN_ROOMY_BYTES, Needle, Pos, Room, RoomyListpack,
};
use super::super::lzf;
use super::super::relocate::{Mover, Relocate};
use super::{ListEnd, pop_listpack_with};
use std::borrow::Cow;

/// Most bytes of a node that is limited by a count.
pub const SIZE_SAFETY_LIMIT: usize = 8192;
/// Added to an element's length to guess the size of its entry.
const SIZE_ESTIMATE_OVERHEAD: usize = 8;
/// Smaller nodes are not worth compressing.
const MIN_COMPRESS_BYTES: usize = 48;
/// Compression must save more than this.
const MIN_COMPRESS_IMPROVE: usize = 8;
/// Node sizes for `list-max-listpack-size` -1 .. -5.
const SIZE_LIMITS: [usize; 5] = [4096, 8192, 16384, 32768, 65536];

/// What fits into a node: `list-max-listpack-size` (positive: entries; -1..-5: 4 to 64 KB).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeLimit {
    /// At most this many bytes.
    Bytes(usize),
    /// At most this many entries, and `SIZE_SAFETY_LIMIT` bytes.
    Entries(usize),
}

impl NodeLimit {
    /// The limit that a value of `list-max-listpack-size` stands for; 0 counts as 1, below -5 as
    /// -5.
    pub fn of(fill: i32) -> Self {
        if fill >= 0 {
            return NodeLimit::Entries(fill.max(1) as usize);
        }
        let level = (fill.unsigned_abs() as usize - 1).min(SIZE_LIMITS.len() - 1);
        NodeLimit::Bytes(SIZE_LIMITS[level])
    }

    /// Whether a node of this size would be too big.
    pub fn exceeded_by(self, bytes: usize, entries: usize) -> bool {
        match self {
            NodeLimit::Bytes(limit) => bytes > limit,
            NodeLimit::Entries(limit) => bytes > SIZE_SAFETY_LIMIT || entries > limit,
        }
    }

    /// Whether an element of `len` bytes may join a listpack of this size.
    pub fn has_room(self, bytes: usize, entries: usize, len: usize) -> bool {
        let grown = bytes.saturating_add(len).saturating_add(SIZE_ESTIMATE_OVERHEAD);
        !self.exceeded_by(grown, entries + 1)
    }

    /// Whether an element of this size gets a plain node. `packed_threshold` (bytes) replaces the
    /// node's own limit unless it is 0.
    pub fn is_large(self, len: usize, packed_threshold: usize) -> bool {
        match self {
            _ if packed_threshold != 0 => len >= packed_threshold,
            NodeLimit::Bytes(limit) => len > limit,
            NodeLimit::Entries(_) => len > SIZE_SAFETY_LIMIT,
        }
    }
}

#[derive(Clone)]
pub(super) enum Data {
    Packed(Listpack),
    /// There is one at most in a list.
    Roomy(RoomyListpack),
    Plain(Box<[u8]>),
    Lzf {
        bytes: Box<[u8]>,
        raw_len: u32,
        plain: bool,
    },
}

#[derive(Clone)]
pub(super) struct Node {
    pub(super) data: Data,
    pub(super) count: u32,
}

const _: () = assert!(size_of::<Node>() == 32);

impl Node {
    pub(super) fn packed(lp: Listpack) -> Self {
        let count = u32::try_from(lp.len()).expect("a listpack has less than 2^32 bytes");
        Self { data: Data::Packed(lp), count }
    }

    /// A packed node with one element.
    pub(super) fn single(value: &[u8]) -> Self {
        Self { data: Data::Packed(Listpack::from_values([LpValue::Str(value)])), count: 1 }
    }

    pub(super) fn plain(value: Box<[u8]>) -> Self {
        Self { data: Data::Plain(value), count: 1 }
    }

    pub(super) fn is_plain(&self) -> bool {
        matches!(self.data, Data::Plain(_) | Data::Lzf { plain: true, .. })
    }

    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.data, Data::Lzf { .. })
    }

    /// Bytes of the listpack or the plain element, uncompressed.
    pub(super) fn size(&self) -> usize {
        match &self.data {
            Data::Packed(lp) => lp.bytes_len(),
            Data::Roomy(lp) => lp.bytes_len(),
            Data::Plain(bytes) => bytes.len(),
            Data::Lzf { raw_len, .. } => *raw_len as usize,
        }
    }

    /// Bytes reserved from the allocator, the node itself not counted.
    pub(super) fn heap_bytes(&self) -> usize {
        match &self.data {
            Data::Packed(lp) => lp.heap_bytes(),
            Data::Roomy(lp) => lp.heap_bytes(),
            Data::Plain(bytes) | Data::Lzf { bytes, .. } => size_class(bytes.len()),
        }
    }

    /// The listpack's bytes or the plain element, decompressed if need be.
    pub(super) fn raw(&self) -> Cow<'_, [u8]> {
        match &self.data {
            Data::Packed(lp) => Cow::Borrowed(lp.as_bytes()),
            Data::Roomy(lp) => Cow::Borrowed(lp.as_bytes()),
            Data::Plain(bytes) => Cow::Borrowed(bytes),
            Data::Lzf { bytes, raw_len, .. } => Cow::Owned(inflate(bytes, *raw_len)),
        }
    }

    /// Compresses the node if that saves enough.
    pub(super) fn compress(&mut self) {
        let (raw, plain) = match &self.data {
            Data::Packed(lp) => (lp.as_bytes(), false),
            Data::Roomy(lp) => (lp.as_bytes(), false),
            Data::Plain(bytes) => (&bytes[..], true),
            Data::Lzf { .. } => return,
        };
        let Ok(raw_len) = u32::try_from(raw.len()) else {
            return;
        };
        if raw.len() < MIN_COMPRESS_BYTES {
            return;
        }
        let mut bytes = Vec::new();
        if lzf::compress_limited(raw, raw.len() - MIN_COMPRESS_IMPROVE - 1, &mut bytes).is_some() {
            self.data = Data::Lzf { bytes: bytes.into_boxed_slice(), raw_len, plain };
        }
    }

    /// Moves the node's bytes, if that is worth it.
    pub(super) fn relocate(&mut self, mover: &mut Mover) {
        mover.scanned += 1;
        match &mut self.data {
            Data::Packed(lp) => lp.relocate_all(mover),
            Data::Roomy(lp) => lp.relocate(mover),
            Data::Plain(bytes) | Data::Lzf { bytes, .. } => mover.boxed_slice(bytes),
        }
    }

    /// Undoes `compress`.
    pub(super) fn decompress(&mut self) {
        let Data::Lzf { bytes, raw_len, plain } = &self.data else {
            return;
        };
        let raw = inflate(bytes, *raw_len);
        self.data = if *plain {
            Data::Plain(raw.into_boxed_slice())
        } else {
            let lp = Listpack::from_bytes_validated(&raw, false);
            Data::Packed(lp.expect("these bytes were a listpack when they were compressed"))
        };
    }

    /// Gives up the room around the listpack.
    pub(super) fn pack(&mut self) {
        if let Data::Roomy(lp) = &self.data {
            self.data = Data::Packed(lp.to_listpack());
        }
    }

    /// Makes room around a listpack that is long enough to be worth it.
    fn make_roomy(&mut self) {
        self.decompress();
        if let Data::Packed(lp) = &self.data
            && lp.bytes_len() >= MIN_ROOMY_BYTES
        {
            self.data = Data::Roomy(RoomyListpack::new(lp));
        }
    }

    /// Adds an element at an end of a node that is not plain; `count` is the caller's.
    #[inline]
    pub(super) fn push(&mut self, end: ListEnd, value: &[u8]) {
        if end == ListEnd::Head && !matches!(self.data, Data::Roomy(_)) {
            self.make_roomy();
        }
        match (&mut self.data, end) {
            (Data::Roomy(lp), ListEnd::Head) => lp.push_front(value, Room::Half),
            (Data::Roomy(lp), ListEnd::Tail) => lp.push_back(value, Room::Half),
            _ => {
                let lp = self.listpack().expect("plain nodes allow no insert");
                match end {
                    ListEnd::Head => lp.push_front(value),
                    ListEnd::Tail => lp.push_back(value),
                }
            }
        }
    }

    /// Shows the element at an end to `f` and drops it, unless the node is plain; `count` is the
    /// caller's. `None` if there is none, in a damaged listpack.
    pub(super) fn pop_with<R>(
        &mut self,
        end: ListEnd,
        f: impl FnOnce(LpValue<'_>) -> R,
    ) -> Option<R> {
        if end == ListEnd::Head {
            self.make_roomy();
        }
        self.decompress();
        match (&mut self.data, end) {
            (Data::Plain(bytes), _) => Some(f(LpValue::Str(bytes))),
            (Data::Packed(lp), _) => pop_listpack_with(lp, end, f),
            (Data::Roomy(lp), ListEnd::Head) => lp.pop_front_with(f),
            (Data::Roomy(lp), ListEnd::Tail) => lp.pop_back_with(f),
            (Data::Lzf { .. }, _) => None,
        }
    }

    /// The listpack, decompressed and without room; `None` for a plain node.
    pub(super) fn listpack(&mut self) -> Option<&mut Listpack> {
        self.decompress();
        self.pack();
        match &mut self.data {
            Data::Packed(lp) => Some(lp),
            _ => None,
        }
    }

    /// Whether an element of `len` bytes may join this node.
    pub(super) fn allows_insert(
        &self,
        limit: NodeLimit,
        len: usize,
        packed_threshold: usize,
    ) -> bool {
        !self.is_plain()
            && !limit.is_large(len, packed_threshold)
            && limit.has_room(self.size(), self.count as usize, len)
    }

    /// Whether both may become one node.
    pub(super) fn allows_merge(&self, other: &Node, limit: NodeLimit) -> bool {
        // One header and one end byte go away.
        let merged = (self.size() + other.size()).saturating_sub(7);
        !self.is_plain()
            && !other.is_plain()
            && !limit.exceeded_by(merged, (self.count + other.count) as usize)
    }

    /// Positions of up to `max` elements equal to the needle, ascending; taken from the end if
    /// `reverse`. The element of a plain node has position 0.
    pub(super) fn matches(&self, needle: &Needle<'_>, max: usize, reverse: bool) -> Vec<Pos> {
        let raw = self.raw();
        if self.is_plain() {
            let hit = needle.matches(LpValue::Str(&raw));
            return if hit && max > 0 { vec![Pos(0)] } else { Vec::new() };
        }
        let entries = LpRef::new(&raw).iter();
        let hit = |(pos, value): (Pos, LpValue<'_>)| needle.matches(value).then_some(pos);
        if !reverse {
            return entries.filter_map(hit).take(max).collect();
        }
        let mut found: Vec<Pos> = entries.rev().filter_map(hit).take(max).collect();
        found.reverse();
        found
    }
}

fn inflate(bytes: &[u8], raw_len: u32) -> Vec<u8> {
    lzf::decompress(bytes, raw_len as usize).expect("only our own compressor writes these bytes")
}
