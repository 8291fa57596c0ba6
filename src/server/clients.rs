//! The registry of clients. A client is checked out (its box moved out of its slot) while one of
//! its commands runs; ids are never reused, so an event for a client that is gone finds nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use slab::Slab;

use super::client::Client;

/// Bits of a token that hold the slot; the rest hold the low bits of the id, as a generation.
const SLOT_BITS: u32 = 24;

/// Ids are made by us, one after the other: a multiplication spreads them well enough.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, id: u64) {
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(26);
    }
}

struct Slot {
    id: u64,
    /// `None` while checked out.
    client: Option<Box<Client>>,
}

/// Something that concerns a client and came while it was checked out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// An event of its socket; `closed`: no further one will come.
    Readable {
        closed: bool,
    },
    Writable,
    /// Its turn in `pending_read`, `pending_write`, `to_close`.
    QueuedRead,
    QueuedWrite,
    Close,
}

/// All connected clients.
#[derive(Default)]
pub struct Clients {
    slots: Slab<Slot>,
    slot_of: HashMap<u64, usize, BuildHasherDefault<IdHasher>>,
    /// The same, in order of connection.
    by_id: BTreeMap<u64, usize>,
    last_id: u64,
    /// Clients that have output to send, by id; see `ClientFlags::PENDING_WRITE`.
    pub pending_write: Vec<u64>,
    /// Clients whose socket may still hold input (mio is edge-triggered), or whose buffered input
    /// waits to be run.
    pub pending_read: VecDeque<u64>,
    /// Clients to free at the end of the loop's turn.
    pub to_close: Vec<u64>,
    /// What the next turn of the loop has to make up for.
    pub missed: Vec<(u64, Missed)>,
}

impl Clients {
    /// The id the next client will get.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn insert(&mut self, client: Box<Client>) {
        let id = client.id;
        let slot = self.slots.insert(Slot { id, client: Some(client) });
        assert!(slot < 1 << SLOT_BITS, "fewer than 2^24 clients");
        self.by_id.insert(id, slot);
        self.slot_of.insert(id, slot);
    }

    /// The event token of a client.
    pub fn token(&self, id: u64) -> Option<usize> {
        let slot = *self.slot_of.get(&id)?;
        Some(((id as usize) << SLOT_BITS) | slot)
    }

    /// The client that an event token means, unless it has gone.
    #[inline]
    pub fn id_of_token(&self, token: usize) -> Option<u64> {
        let slot = self.slots.get(token & ((1 << SLOT_BITS) - 1))?;
        let generation = ((slot.id as usize) << SLOT_BITS) >> SLOT_BITS;
        (generation == token >> SLOT_BITS).then_some(slot.id)
    }

    /// Takes the client out for the time of a command. `None` if it is gone or already out.
    #[inline]
    pub fn check_out(&mut self, id: u64) -> Option<Box<Client>> {
        let slot = *self.slot_of.get(&id)?;
        self.slots[slot].client.take()
    }

    #[inline]
    pub fn check_in(&mut self, client: Box<Client>) {
        let slot = self.slot_of[&client.id];
        self.slots[slot].client = Some(client);
    }

    /// Remembers something for a client that is checked out; one that is gone needs nothing.
    pub fn keep_missed(&mut self, id: u64, missed: Missed) {
        if self.contains(id) {
            self.missed.push((id, missed));
        }
    }

    /// `None` if the client is gone or checked out.
    pub fn get(&self, id: u64) -> Option<&Client> {
        self.slots[*self.slot_of.get(&id)?].client.as_deref()
    }

    pub fn get_mut(&mut self, id: u64) -> Option<&mut Client> {
        let slot = *self.slot_of.get(&id)?;
        self.slots[slot].client.as_deref_mut()
    }

    /// As [`Clients::get_mut`], without a search.
    #[inline]
    pub fn get_by_token(&mut self, token: usize) -> Option<&mut Client> {
        let slot = self.slots.get_mut(token & ((1 << SLOT_BITS) - 1))?;
        let generation = ((slot.id as usize) << SLOT_BITS) >> SLOT_BITS;
        if generation != token >> SLOT_BITS {
            return None;
        }
        slot.client.as_deref_mut()
    }

    pub fn contains(&self, id: u64) -> bool {
        self.slot_of.contains_key(&id)
    }

    /// Forgets a client that is checked in or out.
    pub fn remove(&mut self, id: u64) -> Option<Box<Client>> {
        let slot = self.by_id.remove(&id)?;
        self.slot_of.remove(&id);
        self.slots.remove(slot).client
    }

    /// Ids in order of connection.
    pub fn ids(&self) -> Vec<u64> {
        self.by_id.keys().copied().collect()
    }

    /// The first id above `after`: to walk all clients a few at a time.
    pub fn id_after(&self, after: u64) -> Option<u64> {
        self.by_id.range(after + 1..).next().map(|(id, _)| *id)
    }

    /// Clients that are checked in, in order of connection.
    pub fn iter(&self) -> impl Iterator<Item = &Client> {
        self.by_id.values().filter_map(|slot| self.slots[*slot].client.as_deref())
    }

    /// All clients, including the one that is checked out.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}
