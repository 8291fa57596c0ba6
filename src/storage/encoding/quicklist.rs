//! Quicklist: a big list as a row of nodes, each a listpack of many elements or one big element,
//! with the nodes far from both ends optionally LZF-compressed. `node.rs` has the node and its
//! limits, `edit.rs` the changes in the middle.
//!
//! ```text
//!  nodes: VecDeque<Node>      |<-compress->|                        |<-compress->|
//!  [listpack][listpack][plain][lzf][lzf(plain)] ... [lzf][listpack][plain][listpack]
//! ```
//! The nodes stand in a deque (32 bytes each, pushes at both ends are O(1)) and not in a linked
//! list: a seek reads memory in order. An insert in the middle moves the shorter side of the deque.
//!
//! A list keeps the `list-max-listpack-size` and `list-compress-depth` it was made with, as Redis
//! does; the packed threshold is a debug setting of the server and therefore an argument (bytes; 0
//! = the node's own limit). Reading a compressed node inflates a copy, so reads never change
//! anything.
//!
//! Invariant: `count` is the sum of the nodes' counts, no node is empty, and the `compress` nodes
//! at each end are not compressed. Listpacks that were loaded without deep validation may hold
//! fewer entries than they say; then elements are missing, but nothing panics or loops.

mod edit;
mod node;
#[cfg(test)]
mod tests;

pub use node::{NodeLimit, SIZE_SAFETY_LIMIT};

use super::listpack::{Listpack, ListpackBuilder, LpRef, LpValue};
use super::relocate::{Mover, Relocate};
use node::{Data, Node};
use std::collections::VecDeque;

/// The greatest packed threshold (bytes) that DEBUG QUICKLIST-PACKED-THRESHOLD takes.
pub const PACKED_THRESHOLD_MAX: usize = (1 << 32) - (1 << 20);

/// The end of a list where something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListEnd {
    /// Index 0.
    Head,
    /// The last index.
    Tail,
}

/// An element taken out of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListItem {
    /// It was stored as an integer.
    Int(i64),
    /// Any other text.
    Bytes(Vec<u8>),
}

impl ListItem {
    /// The element as a value.
    pub fn as_value(&self) -> LpValue<'_> {
        match self {
            ListItem::Int(int) => LpValue::Int(*int),
            ListItem::Bytes(bytes) => LpValue::Str(bytes),
        }
    }

    /// The element's text.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            ListItem::Int(int) => itoa::Buffer::new().format(int).as_bytes().to_vec(),
            ListItem::Bytes(bytes) => bytes,
        }
    }
}

impl From<LpValue<'_>> for ListItem {
    fn from(value: LpValue<'_>) -> Self {
        match value {
            LpValue::Int(int) => ListItem::Int(int),
            LpValue::Str(bytes) => ListItem::Bytes(bytes.to_vec()),
        }
    }
}

/// A node as RDB stores it.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a> {
    /// One big element, not a listpack.
    pub plain: bool,
    /// Uncompressed size in bytes.
    pub size: usize,
    /// Number of elements.
    pub count: usize,
    /// Whether `bytes` are LZF.
    pub compressed: bool,
    /// The listpack, the element, or the LZF of either.
    pub bytes: &'a [u8],
}

/// A list of nodes; see the module's text.
#[derive(Clone)]
pub struct Quicklist {
    nodes: VecDeque<Node>,
    count: usize,
    fill: i16,
    compress: u16,
}

/// The cursor is the place of a node: by changes in between, nodes may be passed over.
impl Relocate for Quicklist {
    fn relocate(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        const NODES: usize = 16;
        if cursor == 0 {
            mover.deque(&mut self.nodes);
        }
        let from = usize::try_from(cursor).unwrap_or(usize::MAX).min(self.nodes.len());
        let end = self.nodes.len().min(from + NODES);
        for node in self.nodes.range_mut(from..end) {
            node.relocate(mover);
        }
        if end < self.nodes.len() { end as u64 } else { 0 }
    }
}

impl Quicklist {
    /// An empty list. `fill` and `compress_depth` are clamped to what Redis can keep (-5..=32767
    /// and 0..=65535).
    pub fn new(fill: i32, compress_depth: u32) -> Self {
        let fill = fill.clamp(-5, i32::from(i16::MAX)) as i16;
        let compress = u16::try_from(compress_depth).unwrap_or(u16::MAX);
        Self { nodes: VecDeque::new(), count: 0, fill, compress }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Number of nodes (`ql_nodes`; the cost of freeing the list).
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The list's own `list-max-listpack-size` (`ql_listpack_max`).
    pub fn fill(&self) -> i32 {
        i32::from(self.fill)
    }

    /// The list's own `list-compress-depth` (`ql_compressed` is whether it is not 0).
    pub fn compress_depth(&self) -> u32 {
        u32::from(self.compress)
    }

    /// Uncompressed bytes of all nodes (`ql_uncompressed_size`).
    pub fn uncompressed_size(&self) -> usize {
        self.nodes.iter().map(Node::size).sum()
    }

    /// Bytes of memory, guessed from the first `samples` nodes (0: from all).
    pub fn memory_usage(&self, samples: usize) -> usize {
        let wanted = if samples == 0 { usize::MAX } else { samples };
        let sampled = self.nodes.len().min(wanted);
        let heap: usize = self.nodes.iter().take(sampled).map(Node::heap_bytes).sum();
        let all = if sampled == 0 {
            0
        } else {
            (heap as u128 * self.nodes.len() as u128 / sampled as u128) as usize
        };
        size_of::<Self>() + self.nodes.capacity() * size_of::<Node>() + all
    }

    /// The nodes in order, as RDB stores them.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = NodeView<'_>> {
        self.nodes.iter().map(|node| {
            let bytes = match &node.data {
                Data::Packed(lp) => lp.as_bytes(),
                Data::Roomy(lp) => lp.as_bytes(),
                Data::Plain(bytes) | Data::Lzf { bytes, .. } => bytes,
            };
            NodeView {
                plain: node.is_plain(),
                size: node.size(),
                count: node.count as usize,
                compressed: node.is_compressed(),
                bytes,
            }
        })
    }

    fn limit(&self) -> NodeLimit {
        NodeLimit::of(i32::from(self.fill))
    }

    /// Adds a whole listpack as the last node (RDB, conversion); nothing if it is empty.
    pub fn append_listpack(&mut self, lp: Listpack) {
        self.append_node(Node::packed(lp));
    }

    /// Adds one element as a plain last node (RDB).
    pub fn append_plain(&mut self, value: Box<[u8]>) {
        self.append_node(Node::plain(value));
    }

    fn append_node(&mut self, node: Node) {
        if node.count == 0 {
            return;
        }
        self.count += node.count as usize;
        self.nodes.push_back(node);
        self.settle_new_end(ListEnd::Tail);
    }

    /// The only node's listpack, if the list is one packed node within `bytes` and `entries`.
    pub fn take_single_listpack(&mut self, bytes: usize, entries: usize) -> Option<Listpack> {
        if self.nodes.len() != 1 {
            return None;
        }
        let node = self.nodes.front_mut()?;
        if node.is_plain() || node.size() > bytes || node.count as usize > entries {
            return None;
        }
        let lp = std::mem::take(node.listpack()?);
        self.nodes.clear();
        self.count = 0;
        Some(lp)
    }

    /// Adds `value` at an end.
    pub fn push(&mut self, end: ListEnd, value: &[u8], packed_threshold: usize) {
        let limit = self.limit();
        let node = match end {
            ListEnd::Head => self.nodes.front_mut(),
            ListEnd::Tail => self.nodes.back_mut(),
        };
        self.count += 1;
        if let Some(node) = node
            && node.allows_insert(limit, value.len(), packed_threshold)
        {
            node.push(end, value);
            node.count += 1;
            return;
        }
        let node = if limit.is_large(value.len(), packed_threshold) {
            Node::plain(value.into())
        } else {
            Node::single(value)
        };
        match end {
            ListEnd::Head => {
                // Only the first node keeps room.
                if let Some(old) = self.nodes.front_mut() {
                    old.pack();
                }
                self.nodes.push_front(node);
            }
            ListEnd::Tail => self.nodes.push_back(node),
        }
        self.settle_new_end(end);
    }

    /// Adds all values behind the last element: as pushing each does, but for the nodes that begin
    /// with one of them, which are packed as a whole.
    pub fn push_back_all<'v>(
        &mut self,
        values: impl Iterator<Item = &'v [u8]>,
        packed_threshold: usize,
    ) {
        let limit = self.limit();
        let mut values = values.peekable();
        while let Some(value) = values.peek()
            && let Some(node) = self.nodes.back()
            && node.allows_insert(limit, value.len(), packed_threshold)
        {
            self.push(ListEnd::Tail, value, packed_threshold);
            values.next();
        }
        let mut packed = ListpackBuilder::new();
        for value in values {
            if limit.is_large(value.len(), packed_threshold) {
                self.append_listpack(std::mem::take(&mut packed).finish());
                self.append_plain(value.into());
                continue;
            }
            if !packed.is_empty() && !limit.has_room(packed.bytes_len(), packed.len(), value.len())
            {
                let room = packed.bytes_len();
                let full = std::mem::replace(&mut packed, ListpackBuilder::with_capacity(room));
                self.append_listpack(full.finish());
            }
            packed.push(value);
        }
        self.append_listpack(packed.finish());
    }

    /// Takes the element at an end.
    pub fn pop(&mut self, end: ListEnd) -> Option<ListItem> {
        self.pop_with(end, |value| ListItem::from(value))
    }

    /// Takes the element at an end and shows it to `f` before it is gone.
    pub fn pop_with<R>(&mut self, end: ListEnd, f: impl FnOnce(LpValue<'_>) -> R) -> Option<R> {
        let mut f = Some(f);
        loop {
            let at = match end {
                ListEnd::Head => 0,
                ListEnd::Tail => self.nodes.len().checked_sub(1)?,
            };
            let node = self.nodes.get_mut(at)?;
            let result = node.pop_with(end, |value| f.take().map(|f| f(value))).flatten();
            if result.is_none() || node.count == 1 {
                // Nothing there although the count says so: a damaged listpack, dropped whole.
                self.remove_node(at);
            } else {
                node.count -= 1;
                self.count -= 1;
            }
            if result.is_some() {
                return result;
            }
        }
    }

    /// The element with this index; negative ones count from the end.
    pub fn get(&self, index: i64) -> Option<ListItem> {
        let (node, offset) = self.locate(self.absolute(index)?)?;
        let node = &self.nodes[node];
        let raw = node.raw();
        if node.is_plain() {
            return Some(ListItem::Bytes(raw.into_owned()));
        }
        let (_, value) = LpRef::new(&raw).nth(offset)?;
        Some(value.into())
    }

    /// Calls `f` with the elements from `index` on, towards the tail or (`reverse`) the head, until
    /// it returns `false`.
    pub fn for_each_from(
        &self,
        index: usize,
        reverse: bool,
        mut f: impl FnMut(LpValue<'_>) -> bool,
    ) {
        let Some((start, offset)) = self.locate(index) else {
            return;
        };
        let (mut at, mut offset) = (start, Some(offset));
        while let Some(node) = self.nodes.get(at) {
            let raw = node.raw();
            let more = if node.is_plain() {
                f(LpValue::Str(&raw))
            } else {
                walk(LpRef::new(&raw), offset.take(), reverse, &mut f)
            };
            offset = None;
            match if reverse { at.checked_sub(1) } else { Some(at + 1) } {
                Some(next) if more => at = next,
                _ => return,
            }
        }
    }

    /// A negative index counts from the end; `None` if it is before the head.
    fn absolute(&self, index: i64) -> Option<usize> {
        if index >= 0 {
            return usize::try_from(index).ok();
        }
        self.count.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)
    }

    /// Node and offset in the node of the element with this index, sought from the nearer end.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        if index >= self.count {
            return None;
        }
        if index < self.count / 2 {
            let mut left = index;
            for (at, node) in self.nodes.iter().enumerate() {
                if left < node.count as usize {
                    return Some((at, left));
                }
                left -= node.count as usize;
            }
            return None;
        }
        let mut end = self.count;
        for (at, node) in self.nodes.iter().enumerate().rev() {
            end -= node.count as usize;
            if index >= end {
                return Some((at, index - end));
            }
        }
        None
    }

    fn remove_node(&mut self, at: usize) {
        if let Some(node) = self.nodes.remove(at) {
            self.count -= node.count as usize;
            if self.nodes.capacity() > 64 && self.nodes.len() < self.nodes.capacity() / 4 {
                self.nodes.shrink_to(self.nodes.len() * 2);
            }
            self.settle(None);
        }
    }

    /// A node was added at an end: the one it pushed out of the end zone may be compressed.
    fn settle_new_end(&mut self, end: ListEnd) {
        if self.compress == 0 {
            return;
        }
        let last = self.nodes.len() - 1;
        let (new, old) = match end {
            ListEnd::Head => (0, 1.min(last)),
            ListEnd::Tail => (last, last.saturating_sub(1)),
        };
        self.settle(Some(old));
        self.settle(Some(new));
    }

    /// Makes the end zones uncompressed and compresses the first node behind each, and `touched` if
    /// it is between them.
    fn settle(&mut self, touched: Option<usize>) {
        let (depth, len) = (usize::from(self.compress), self.nodes.len());
        if depth == 0 || len < depth * 2 {
            return;
        }
        for at in 0..depth {
            self.nodes[at].decompress();
            self.nodes[len - 1 - at].decompress();
        }
        if len > depth * 2 {
            let inner = depth..len - depth;
            for at in [touched, Some(inner.start), Some(inner.end - 1)].into_iter().flatten() {
                if inner.contains(&at) {
                    self.nodes[at].compress();
                }
            }
        }
    }

    /// After many nodes went away: the end zones may hold compressed ones, and the list may be
    /// short.
    fn settle_ends(&mut self) {
        let len = self.nodes.len();
        for at in 0..usize::from(self.compress).min(len) {
            self.nodes[at].decompress();
            self.nodes[len - 1 - at].decompress();
        }
        if self.nodes.capacity() > 64 && len < self.nodes.capacity() / 4 {
            self.nodes.shrink_to(len * 2);
        }
        self.settle(None);
    }
}

/// Takes the entry at an end of a listpack and shows it to `f` before it is gone.
pub(crate) fn pop_listpack_with<R>(
    lp: &mut Listpack,
    end: ListEnd,
    f: impl FnOnce(LpValue<'_>) -> R,
) -> Option<R> {
    let pos = match end {
        ListEnd::Head => lp.first()?,
        ListEnd::Tail => lp.last()?,
    };
    let result = f(lp.get(pos)?);
    lp.delete(pos);
    Some(result)
}

/// Walks a listpack from `offset` (from the end in walking direction if `None`); whether to go on.
pub(crate) fn walk(
    lp: LpRef<'_>,
    offset: Option<usize>,
    reverse: bool,
    f: &mut impl FnMut(LpValue<'_>) -> bool,
) -> bool {
    let start = match offset {
        Some(offset) => match lp.nth(offset) {
            Some((pos, _)) => Some(pos),
            None => return true,
        },
        None => None,
    };
    if reverse {
        start.map_or_else(|| lp.iter(), |pos| lp.iter_to(pos)).rev().all(|(_, value)| f(value))
    } else {
        start.map_or_else(|| lp.iter(), |pos| lp.iter_from(pos)).all(|(_, value)| f(value))
    }
}
