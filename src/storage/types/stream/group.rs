//! Consumer groups: how far a group has read, its consumers, and the entries that were delivered
//! and not yet acknowledged (the PEL). It knows no entries: whether an ID still has one, the caller
//! asks the log.
//!
//! ```text
//! Group ─► pel: ID → Nack { time, count, owner ─┐ }        one for the group
//!          consumers: slot ◄────────────────────┘ Consumer { name, times, ids: ID }
//!          names: name → slot
//! ```
//! The NACK of an ID stands once, in the group; the owner's view is the set of its IDs.
//!
//! Invariant: an ID is in the `ids` of the consumer that its NACK names as owner, and in no other.
//! Only `deliver`, `claim`, `ack`, `delete_consumer` and loading change that.

use std::collections::BTreeMap;
use std::sync::Arc;

use slab::Slab;

use super::id::StreamId;
use super::log::Log;
use crate::storage::encoding::id_map::IdMap;
use crate::storage::encoding::relocate::Mover;

/// A consumer of a group, for as long as it is not deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerId(u32);

impl ConsumerId {
    /// A file or a client made an entry pending for nobody.
    const NOBODY: ConsumerId = ConsumerId(u32::MAX);
}

/// A delivered entry that is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nack {
    /// ms since the epoch.
    pub delivery_time: i64,
    pub delivery_count: u64,
    owner: ConsumerId,
}

/// Who reads for a group.
#[derive(Clone)]
pub struct Consumer {
    name: Arc<[u8]>,
    /// When it last tried to read or claim, ms since the epoch.
    pub seen_time: i64,
    /// When it last got something; -1 = never.
    pub active_time: i64,
    ids: IdMap<()>,
}

impl Consumer {
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Number of its pending entries.
    pub fn pending(&self) -> usize {
        self.ids.len()
    }

    /// Its pending IDs from `start` on.
    pub fn ids_from(&self, start: StreamId) -> impl Iterator<Item = StreamId> {
        self.ids.iter_from(start).map(|(id, ())| id)
    }
}

/// See the module's text.
#[derive(Clone, Default)]
pub struct Group {
    /// The last ID that was delivered.
    pub last_id: StreamId,
    /// How many entries were delivered; `None` if that is not known.
    pub entries_read: Option<i64>,
    pel: IdMap<Nack>,
    consumers: Slab<Consumer>,
    names: BTreeMap<Arc<[u8]>, ConsumerId>,
}

/// Consumers.
impl Group {
    pub fn new(last_id: StreamId, entries_read: Option<i64>) -> Self {
        Self { last_id, entries_read, ..Self::default() }
    }

    pub fn consumer_count(&self) -> usize {
        self.names.len()
    }

    /// All consumers, by name.
    pub fn consumers(&self) -> impl Iterator<Item = &Consumer> {
        self.names.values().filter_map(|id| self.consumer(*id))
    }

    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    pub fn consumer(&self, id: ConsumerId) -> Option<&Consumer> {
        self.consumers.get(id.0 as usize)
    }

    pub fn consumer_mut(&mut self, id: ConsumerId) -> Option<&mut Consumer> {
        self.consumers.get_mut(id.0 as usize)
    }

    /// A new consumer; `None` if there is one of that name.
    pub fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> Option<ConsumerId> {
        (!self.names.contains_key(name)).then(|| self.add_consumer(name, now_ms))
    }

    /// The consumer of that name, which was seen now, made if it is not there; and whether it was
    /// made.
    pub fn seen_consumer(&mut self, name: &[u8], now_ms: i64) -> (ConsumerId, bool) {
        let Some(id) = self.find_consumer(name) else {
            return (self.add_consumer(name, now_ms), true);
        };
        if let Some(consumer) = self.consumer_mut(id) {
            consumer.seen_time = now_ms;
        }
        (id, false)
    }

    fn add_consumer(&mut self, name: &[u8], now_ms: i64) -> ConsumerId {
        let name: Arc<[u8]> = name.into();
        let consumer = Consumer {
            name: Arc::clone(&name),
            seen_time: now_ms,
            active_time: -1,
            ids: IdMap::default(),
        };
        let slot = self.consumers.insert(consumer);
        let id = ConsumerId(u32::try_from(slot).expect("4 billion consumers do not fit in memory"));
        self.names.insert(name, id);
        id
    }

    /// Removes a consumer and what is pending for it; returns how much that was.
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.names.remove(name)?;
        let consumer = self.consumers.try_remove(id.0 as usize)?;
        for (pending, ()) in consumer.ids.iter() {
            if self.pel.get(pending).is_some_and(|nack| nack.owner == id) {
                self.pel.remove(pending);
            }
        }
        Some(consumer.pending())
    }

    /// The consumer to whom the entry was delivered.
    pub fn owner(&self, nack: &Nack) -> Option<&Consumer> {
        self.consumer(nack.owner)
    }

    /// The name of that consumer; empty if a damaged file left it without.
    pub fn owner_name(&self, nack: &Nack) -> &[u8] {
        self.owner(nack).map_or(&[], Consumer::name)
    }
}

/// Pending entries.
impl Group {
    /// The group's pending entries.
    pub fn pel(&self) -> &IdMap<Nack> {
        &self.pel
    }

    pub fn nack(&self, id: StreamId) -> Option<&Nack> {
        self.pel.get(id)
    }

    pub fn nack_mut(&mut self, id: StreamId) -> Option<&mut Nack> {
        self.pel.get_mut(id)
    }

    /// The first pending entry from `start` on.
    pub fn first_pending_from(&self, start: StreamId) -> Option<(StreamId, Nack)> {
        self.pel.iter_from(start).next().map(|(id, nack)| (id, *nack))
    }

    /// The entry is delivered to a consumer for the first time, or anew whoever had it.
    pub fn deliver(&mut self, id: StreamId, to: ConsumerId, now_ms: i64) {
        let nack = Nack { delivery_time: now_ms, delivery_count: 1, owner: to };
        if self.pel.insert(id, nack) {
            if let Some(consumer) = self.consumer_mut(to) {
                consumer.ids.insert(id, ());
            }
        } else {
            self.claim(id, to, now_ms, |_| 1);
        }
    }

    /// The pending entry goes to a consumer; `count` says its delivery count from the old one.
    pub fn claim(
        &mut self,
        id: StreamId,
        to: ConsumerId,
        delivery_time: i64,
        count: impl FnOnce(u64) -> u64,
    ) {
        let Some(nack) = self.pel.get_mut(id) else { return };
        let from = std::mem::replace(&mut nack.owner, to);
        nack.delivery_time = delivery_time;
        nack.delivery_count = count(nack.delivery_count);
        if from == to {
            return;
        }
        if let Some(consumer) = self.consumer_mut(from) {
            consumer.ids.remove(id);
        }
        if let Some(consumer) = self.consumer_mut(to) {
            consumer.ids.insert(id, ());
        }
    }

    /// Makes an entry pending for nobody yet (XCLAIM … FORCE, files). `false` if it was pending.
    pub fn add_unowned(&mut self, id: StreamId, delivery_time: i64, delivery_count: u64) -> bool {
        self.pel.insert(id, Nack { delivery_time, delivery_count, owner: ConsumerId::NOBODY })
    }

    /// Whether somebody has it.
    pub fn is_owned(&self, nack: &Nack) -> bool {
        nack.owner != ConsumerId::NOBODY
    }

    /// Gives a pending entry to a consumer (files), who takes it from the one who had it; `false`
    /// if it is not pending or is his already.
    pub fn set_owner(&mut self, id: StreamId, owner: ConsumerId) -> bool {
        let Some(nack) = self.pel.get_mut(id) else { return false };
        let before = std::mem::replace(&mut nack.owner, owner);
        if before == owner {
            return false;
        }
        if let Some(consumer) = self.consumer_mut(before) {
            consumer.ids.remove(id);
        }
        self.consumer_mut(owner).is_some_and(|consumer| consumer.ids.insert(id, ()))
    }

    /// The entry is no longer pending; returns its NACK.
    pub fn ack(&mut self, id: StreamId) -> Option<Nack> {
        let nack = self.pel.remove(id)?;
        if let Some(consumer) = self.consumer_mut(nack.owner) {
            consumer.ids.remove(id);
        }
        Some(nack)
    }

    /// The entry is read for the group: moves `last_id` and the read counter on. Returns whether it
    /// is above what was read before.
    #[inline]
    pub fn advance(&mut self, log: &Log, id: StreamId) -> bool {
        if id <= self.last_id {
            return false;
        }
        match self.entries_read {
            Some(read) if !log.may_have_gap_from(self.last_id) => {
                self.entries_read = Some(read.wrapping_add(1));
            }
            _ if log.entries_added > 0 => {
                self.entries_read = log.entries_added_up_to(id).map(|n| n as i64);
            }
            _ => {}
        }
        self.last_id = id;
        true
    }

    /// How many entries the group has still to read; `None` if the counters do not tell.
    pub fn lag(&self, log: &Log) -> Option<i64> {
        if log.entries_added == 0 || log.length() == 0 {
            return Some(0);
        }
        if self.last_id < log.first_id && log.max_deleted_id < log.first_id {
            return Some(log.length() as i64);
        }
        let read = match self.entries_read {
            Some(read) if !log.may_have_gap_from(self.last_id) => read,
            _ => log.entries_added_up_to(self.last_id)? as i64,
        };
        Some((log.entries_added as i64).wrapping_sub(read))
    }

    fn memory_usage(&self) -> usize {
        let consumers = self.consumers().map(|consumer| {
            consumer.ids.heap_bytes() + 2 * size_of::<usize>() + consumer.name.len()
        });
        let table = self.consumers.capacity() * (size_of::<Consumer>() + size_of::<usize>());
        let names = self.names.len() * size_of::<(Arc<[u8]>, ConsumerId)>();
        self.pel.heap_bytes() + consumers.sum::<usize>() + table + names
    }
}

/// For `relocate`.
impl Group {
    /// Numbers that consumers may have, by which `relocate_consumer` finds them.
    pub(super) fn consumer_slots(&self) -> usize {
        self.consumers.capacity()
    }

    pub(super) fn relocate_pel(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        if cursor == 0 {
            mover.tree_map(&mut self.names);
            mover.slab(&mut self.consumers);
        }
        self.pel.relocate_with(cursor, mover, |_, _| {})
    }

    /// Moves a piece of one consumer's pending IDs; first its name, which `names` shares.
    pub(super) fn relocate_consumer(&mut self, at: usize, cursor: u64, mover: &mut Mover) -> u64 {
        let Some(consumer) = self.consumers.get_mut(at) else { return 0 };
        if cursor == 0
            && let Some(moved) = mover.shared_bytes_sync(&consumer.name)
            && let Some(id) = self.names.remove(&*consumer.name)
        {
            consumer.name = Arc::clone(&moved);
            self.names.insert(moved, id);
        }
        consumer.ids.relocate_with(cursor, mover, |(), _| {})
    }
}

/// The groups of a stream, by name.
#[derive(Clone, Default)]
pub struct Groups(pub(super) Option<Box<ByName>>);

/// What a stream with groups has.
#[derive(Clone, Default)]
pub(super) struct ByName {
    pub groups: BTreeMap<Box<[u8]>, Box<Group>>,
    /// `relocate` goes on with the first group that is not before this name.
    pub place: Box<[u8]>,
}

impl Groups {
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |by_name| by_name.groups.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn get(&self, name: &[u8]) -> Option<&Group> {
        self.0.as_ref()?.groups.get(name).map(|group| &**group)
    }

    pub fn get_mut(&mut self, name: &[u8]) -> Option<&mut Group> {
        self.0.as_mut()?.groups.get_mut(name).map(|group| &mut **group)
    }

    /// Adds a group; `false` if there is one of that name.
    pub fn create(&mut self, name: &[u8], group: Group) -> bool {
        let groups = &mut self.0.get_or_insert_default().groups;
        if groups.contains_key(name) {
            return false;
        }
        groups.insert(name.into(), Box::new(group));
        true
    }

    /// Removes a group; `false` if there is none of that name.
    pub fn destroy(&mut self, name: &[u8]) -> bool {
        self.0.as_mut().is_some_and(|by_name| by_name.groups.remove(name).is_some())
    }

    /// All groups, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        let groups = self.0.iter().flat_map(|by_name| by_name.groups.iter());
        groups.map(|(name, group)| (&**name, &**group))
    }

    pub(super) fn memory_usage(&self) -> usize {
        let each = size_of::<Group>() + size_of::<(Box<[u8]>, Box<Group>)>();
        self.iter().map(|(name, group)| each + name.len() + group.memory_usage()).sum()
    }
}
