//! `Log`: the entries of a stream with their counters: adding at the end, deleting, trimming the
//! front. It knows no consumer groups; limits and time are arguments.

use super::cursor::Cursor;
use super::id::StreamId;
use super::node::{Header, Master, append, last_id, mark_deleted, new_node, set_counters};
use crate::storage::encoding::id_map::{At, IdMap};
use crate::storage::encoding::listpack::{LISTPACK_MAX_SAFETY_SIZE, Listpack};

/// `stream-node-max-bytes` and `stream-node-max-entries`; 0 = no limit.
#[derive(Clone, Copy, Debug)]
pub struct NodeLimits {
    pub max_bytes: usize,
    pub max_entries: u64,
}

/// The ID of an entry that is added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddId {
    /// `*`: this time, or the last ID's if that is not before it.
    Auto {
        now_ms: u64,
    },
    /// `ms-*`: the next sequence number of this time.
    Time(u64),
    Exact(StreamId),
}

/// Why an entry was not added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendError {
    /// Its ID is not above the last one.
    NotAbove,
    /// Fields and values are over 1 GB together.
    TooBig,
}

/// What is to be left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrimTo {
    /// So many entries.
    MaxLen(u64),
    /// No ID below this one.
    MinId(StreamId),
}

/// How to trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trim {
    pub to: TrimTo,
    /// Only whole nodes.
    pub approx: bool,
    /// At most so many entries; 0 = any number.
    pub limit: u64,
}

/// See the module's text.
#[derive(Clone, Default)]
pub struct Log {
    nodes: IdMap<Listpack>,
    length: u64,
    /// The last ID that was given, deleted or not.
    pub last_id: StreamId,
    /// The ID of the first entry; 0-0 if there is none.
    pub first_id: StreamId,
    /// The greatest ID that XDEL deleted.
    pub max_deleted_id: StreamId,
    /// Entries that were ever added.
    pub entries_added: u64,
}

/// Reading.
impl Log {
    /// Number of entries.
    pub fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn nodes_mut(&mut self) -> &mut IdMap<Listpack> {
        &mut self.nodes
    }

    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Number of blocks of the index above the nodes.
    pub fn index_blocks(&self) -> usize {
        self.nodes.chunk_count()
    }

    /// IDs and bytes of all nodes (RDB).
    pub fn nodes(&self) -> impl Iterator<Item = (StreamId, &[u8])> {
        self.nodes.iter().map(|(id, lp)| (id, lp.as_bytes()))
    }

    /// The entries with these IDs and between them.
    pub fn range(&self, start: StreamId, end: StreamId, reverse: bool) -> Cursor<'_> {
        Cursor::new(&self.nodes, start, end, reverse)
    }

    /// All entries.
    pub fn all(&self) -> Cursor<'_> {
        self.range(StreamId::MIN, StreamId::MAX, false)
    }

    /// Whether there is an entry with this ID.
    pub fn contains(&self, id: StreamId) -> bool {
        self.range(id, id, false).next_entry().is_some()
    }

    /// The ID of the last entry that is not deleted.
    pub fn last_entry_id(&self) -> Option<StreamId> {
        let entry = self.range(StreamId::MIN, StreamId::MAX, true).next_entry()?;
        Some(entry.id)
    }

    /// The ID of the first entry; of the first bytes of one if `tombstones`.
    pub fn first_entry_id(&self, tombstones: bool) -> Option<StreamId> {
        let all = self.all();
        let mut all = if tombstones { all.with_tombstones() } else { all };
        Some(all.next_entry()?.id)
    }

    /// Whether XDEL may have left a gap at or after `start`.
    pub fn may_have_gap_from(&self, start: StreamId) -> bool {
        self.length > 0 && !self.max_deleted_id.is_zero() && start <= self.max_deleted_id
    }

    /// How many entries were added up to and with this ID, if the counters tell that.
    pub fn entries_added_up_to(&self, id: StreamId) -> Option<u64> {
        if self.entries_added == 0 {
            return Some(0);
        }
        if self.length == 0 && id <= self.last_id {
            return Some(self.entries_added);
        }
        if !id.is_zero() && id < self.max_deleted_id {
            return None;
        }
        if id >= self.last_id {
            return (id == self.last_id).then_some(self.entries_added);
        }
        if self.max_deleted_id.is_zero() || self.max_deleted_id < self.first_id {
            let before_first = self.entries_added.wrapping_sub(self.length);
            if id < self.first_id {
                return Some(before_first);
            }
            if id == self.first_id {
                return Some(before_first.wrapping_add(1));
            }
        }
        None
    }

    /// Bytes of memory beside the log's own, guessed from the first `samples` nodes (0: all) and
    /// the last.
    pub fn memory_usage(&self, samples: usize) -> usize {
        let index = self.nodes.heap_bytes();
        let samples = if samples == 0 { usize::MAX } else { samples };
        let sizes = self.nodes.iter().map(|(_, lp)| lp.heap_bytes());
        let (count, bytes) = sizes.take(samples).fold((0, 0), |(n, sum), size| (n + 1, sum + size));
        if count == self.nodes.len() {
            return index + bytes;
        }
        let last = self.nodes.last().map_or(0, |(_, lp)| lp.heap_bytes());
        index + bytes / count.max(1) * (self.nodes.len() - 1) + last
    }
}

/// Adding.
impl Log {
    /// Adds an entry; `pairs` are fields and values in turn. Returns its ID.
    ///
    /// # Errors
    /// Then nothing is changed.
    pub fn append(
        &mut self,
        id: AddId,
        pairs: &[&[u8]],
        limits: &NodeLimits,
    ) -> Result<StreamId, AppendError> {
        let id = self.new_id(id).ok_or(AppendError::NotAbove)?;
        let bytes: usize = pairs.iter().map(|text| text.len()).sum();
        if bytes > LISTPACK_MAX_SAFETY_SIZE {
            return Err(AppendError::TooBig);
        }
        match self.nodes.last_mut() {
            Some((base, node)) if has_room(node, bytes, limits) => append(node, base, id, pairs),
            _ => {
                // Only a damaged file has a node with an ID above the last one.
                if !self.nodes.insert(id, new_node(pairs)) {
                    return Err(AppendError::NotAbove);
                }
            }
        }
        self.length = self.length.wrapping_add(1);
        self.entries_added = self.entries_added.wrapping_add(1);
        self.last_id = id;
        if self.length == 1 {
            self.first_id = id;
        }
        Ok(id)
    }

    fn new_id(&self, wanted: AddId) -> Option<StreamId> {
        let last = self.last_id;
        let id = match wanted {
            AddId::Exact(id) => id,
            AddId::Auto { now_ms } if now_ms > last.ms => StreamId::new(now_ms, 0),
            AddId::Auto { .. } => last.next()?,
            AddId::Time(ms) if ms == last.ms => StreamId::new(ms, last.seq.checked_add(1)?),
            AddId::Time(ms) => StreamId::new(ms, 0),
        };
        (id > last).then_some(id)
    }
}

fn has_room(node: &Listpack, bytes: usize, limits: &NodeLimits) -> bool {
    let max_bytes = match limits.max_bytes {
        0 => LISTPACK_MAX_SAFETY_SIZE,
        max => max.min(LISTPACK_MAX_SAFETY_SIZE),
    };
    if node.bytes_len().saturating_add(bytes) >= max_bytes {
        return false;
    }
    let Some(master) = Master::read(node.as_lp()) else { return false };
    let entries = master.count.saturating_add(master.deleted);
    limits.max_entries == 0 || u64::try_from(entries).is_ok_and(|n| n < limits.max_entries)
}

/// Removing.
impl Log {
    /// XDEL of one entry; `first_id` and `max_deleted_id` are left to the caller. Whether it was
    /// there.
    fn delete_entry(&mut self, id: StreamId) -> bool {
        let mut cursor = self.range(id, id, false);
        let Some(header) = cursor.next_header() else { return false };
        let Some(at) = cursor.node_at() else { return false };
        self.delete_at(at, &header);
        true
    }

    fn delete_at(&mut self, at: At, header: &Header) {
        let Some((base, node)) = self.nodes.at_mut(at) else { return };
        let Some(Master { count, deleted, .. }) = Master::read(node.as_lp()) else { return };
        if count == 1 {
            self.nodes.remove(base);
        } else {
            mark_deleted(node, header);
            set_counters(node, count.wrapping_sub(1), deleted.wrapping_add(1));
        }
        self.length = self.length.saturating_sub(1);
    }

    /// XDEL: deletes these entries; returns how many there were.
    pub fn delete(&mut self, ids: &[StreamId]) -> usize {
        let (mut deleted, mut was_first) = (0, false);
        for &id in ids {
            if self.delete_entry(id) {
                was_first |= id == self.first_id;
                self.max_deleted_id = self.max_deleted_id.max(id);
                deleted += 1;
            }
        }
        if deleted > 0 && (was_first || self.length == 0) {
            self.find_first_id();
        }
        deleted
    }

    fn find_first_id(&mut self) {
        self.first_id = match self.length {
            0 => StreamId::MIN,
            // Redis' answer for a stream whose counter is wrong.
            _ => self.first_entry_id(false).unwrap_or(StreamId::MAX),
        };
    }

    /// Removes entries from the front; returns how many.
    pub fn trim(&mut self, trim: &Trim) -> u64 {
        let mut removed = 0u64;
        while let Some(at) = self.nodes.first_at() {
            if matches!(trim.to, TrimTo::MaxLen(max) if self.length <= max) {
                break;
            }
            let Some((base, node)) = self.nodes.at(at) else { break };
            let lp = node.as_lp();
            // Bounded by what is really there: a damaged counter must not count for more.
            let entries = Master::read(lp).map_or(0, |master| master.count.max(0) as u64);
            let entries = entries.min(lp.as_bytes().len() as u64);
            if trim.limit > 0 && removed + entries > trim.limit {
                break;
            }
            let whole = match trim.to {
                TrimTo::MaxLen(max) => self.length.saturating_sub(entries) >= max,
                TrimTo::MinId(min) => last_id(node.as_lp(), base).unwrap_or(base) < min,
            };
            if whole {
                self.nodes.pop_first();
                self.length = self.length.saturating_sub(entries);
                removed += entries;
                continue;
            }
            if !trim.approx {
                removed += self.trim_node(at, trim.to);
            }
            break;
        }
        if removed > 0 || self.length == 0 {
            self.find_first_id();
        }
        removed
    }

    /// Marks entries at the beginning of a node as deleted.
    fn trim_node(&mut self, at: At, to: TrimTo) -> u64 {
        let mut length = self.length;
        let Some((base, node)) = self.nodes.at_mut(at) else { return 0 };
        let lp = node.as_lp();
        let Some(master) = Master::read(lp) else { return 0 };
        let Some(mut elements) = master.entries() else { return 0 };
        let mut marked = Vec::new();
        while let Some(header) = Header::read(&mut elements, base, master.fields) {
            let done = match to {
                TrimTo::MaxLen(max) => length <= max,
                TrimTo::MinId(min) => header.id >= min,
            };
            if done {
                break;
            }
            if !header.is_deleted() {
                marked.push(header);
                length = length.saturating_sub(1);
            }
            header.skip_rest(&mut elements);
        }
        let (count, deleted, trimmed) = (master.count, master.deleted, marked.len() as i64);
        // Flags keep their size: they are 0 to 3.
        marked.iter().for_each(|header| mark_deleted(node, header));
        set_counters(node, count.wrapping_sub(trimmed), deleted.wrapping_add(trimmed));
        self.length = length;
        marked.len() as u64
    }
}

/// Loading.
impl Log {
    /// Adds a node as it was saved. `false` if there is one with this ID.
    pub fn insert_node(&mut self, id: StreamId, node: Listpack) -> bool {
        self.nodes.insert(id, node)
    }

    /// Says how many entries the nodes have.
    pub fn set_length(&mut self, length: u64) {
        self.length = length;
    }
}
