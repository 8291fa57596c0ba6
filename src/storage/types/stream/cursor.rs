//! `Cursor`: walks the entries of a stream between two IDs, in either direction, without copies.
//! Deleted entries are passed over unless asked for. It changes nothing and knows no replies.

use super::id::StreamId;
use super::node::{Header, Master, SAME_FIELDS, seek, step_back};
use crate::storage::encoding::id_map::{At, IdMap};
use crate::storage::encoding::listpack::{Iter, Listpack, LpRef, LpValue};

/// An entry's ID and number of field-value pairs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EntryHead {
    pub id: StreamId,
    pub fields: usize,
}

/// The node the cursor is in.
struct Node<'a> {
    lp: LpRef<'a>,
    base: StreamId,
    master_fields: usize,
    /// From the first field name of the master on.
    names: Iter<'a>,
    /// Backwards: the entries that are still to come.
    rest: Iter<'a>,
}

/// See the module's text. First `next_entry`, then for this entry `next_pair` until it is `None`,
/// or not at all.
pub struct Cursor<'a> {
    nodes: &'a IdMap<Listpack>,
    /// The node after the present one.
    next: Option<At>,
    start: StreamId,
    end: StreamId,
    reverse: bool,
    tombstones: bool,
    node: Option<Node<'a>>,
    /// The elements of the present entry that are still to be read, and those behind it.
    elements: Iter<'a>,
    /// The names for the present entry's values, if it has none of its own.
    names: Option<Iter<'a>>,
    /// Pairs of the present entry that are still to be read.
    pairs: usize,
    /// Whether `elements` stands inside an entry.
    inside: bool,
}

impl<'a> Cursor<'a> {
    /// From `start` to `end`, both included, or from `end` to `start` if `reverse`.
    pub(super) fn new(
        nodes: &'a IdMap<Listpack>,
        start: StreamId,
        end: StreamId,
        reverse: bool,
    ) -> Self {
        let next = if reverse {
            nodes.floor_at(end)
        } else if start.is_zero() {
            nodes.first_at()
        } else {
            nodes.floor_at(start).or_else(|| nodes.first_at())
        };
        Self {
            nodes,
            next,
            start,
            end,
            reverse,
            tombstones: false,
            node: None,
            elements: LpRef::new(&[]).iter(),
            names: None,
            pairs: 0,
            inside: false,
        }
    }

    /// Shows deleted entries too.
    pub(super) fn with_tombstones(mut self) -> Self {
        self.tombstones = true;
        self
    }

    /// The next entry of the range.
    pub fn next_entry(&mut self) -> Option<EntryHead> {
        self.next_header().map(|header| EntryHead { id: header.id, fields: header.fields })
    }

    /// The place of the node that the last header came from, for changes.
    pub(super) fn node_at(&self) -> Option<At> {
        self.nodes.floor_at(self.node.as_ref()?.base)
    }

    pub(super) fn next_header(&mut self) -> Option<Header> {
        loop {
            if self.node.is_none() {
                self.open_node()?;
            }
            let header = if self.reverse { self.step_backward() } else { self.step_forward() };
            let Some(header) = header else {
                self.node = None;
                continue;
            };
            let beyond = if self.reverse { header.id < self.start } else { header.id > self.end };
            if beyond {
                self.node = None;
                self.next = None;
                return None;
            }
            let before = if self.reverse { header.id > self.end } else { header.id < self.start };
            if !before && (self.tombstones || !header.is_deleted()) {
                return Some(header);
            }
        }
    }

    fn open_node(&mut self) -> Option<()> {
        loop {
            let at = self.next?;
            self.next = if self.reverse { self.nodes.prev_at(at) } else { self.nodes.next_at(at) };
            let (base, lp) = self.nodes.at(at)?;
            let lp = lp.as_lp();
            let Some(master) = Master::read(lp) else { continue };
            let Some(entries) = master.entries() else { continue };
            self.inside = false;
            self.elements = match !self.reverse && self.start > base {
                true => seek(lp, base, entries, self.start),
                false => entries,
            };
            self.node = Some(Node {
                lp,
                base,
                master_fields: master.fields,
                names: master.names,
                rest: lp.iter(),
            });
            return Some(());
        }
    }

    #[inline]
    fn step_forward(&mut self) -> Option<Header> {
        if self.inside {
            let per_pair = if self.names.is_some() { 1 } else { 2 };
            self.elements.skip_entries(self.pairs * per_pair + 1)?;
        }
        let node = self.node.as_ref()?;
        let header = Header::read(&mut self.elements, node.base, node.master_fields)?;
        self.enter(header)
    }

    fn step_backward(&mut self) -> Option<Header> {
        let node = self.node.as_mut()?;
        let start = step_back(&mut node.rest)?;
        self.elements = node.lp.iter_from(start);
        let header = Header::read(&mut self.elements, node.base, node.master_fields)?;
        self.enter(header)
    }

    /// `None` for an entry that claims more fields than its node has bytes.
    #[inline]
    fn enter(&mut self, header: Header) -> Option<Header> {
        let node = self.node.as_ref()?;
        if header.fields > node.lp.as_bytes().len() {
            return None;
        }
        let own_names = header.flags & SAME_FIELDS == 0;
        self.names = if own_names { None } else { Some(node.names.clone()) };
        self.pairs = header.fields;
        self.inside = true;
        Some(header)
    }

    /// The next field and value of the present entry. Exactly `fields` of them, unless the bytes
    /// are broken.
    #[inline]
    pub fn next_pair(&mut self) -> Option<(LpValue<'a>, LpValue<'a>)> {
        if self.pairs == 0 {
            return None;
        }
        let (_, field) = match &mut self.names {
            Some(names) => names.next()?,
            None => self.elements.next()?,
        };
        let (_, value) = self.elements.next()?;
        self.pairs -= 1;
        Some((field, value))
    }
}
