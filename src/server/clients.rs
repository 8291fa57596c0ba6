//! The registry of clients. A client is checked out (its box moved out of its slot) while one of
//! its commands runs; ids are never reused, so an event for a client that is gone finds nothing.
//!
//! A client is found by its id with a search, by its token (slot and generation) without one: the
//! lists that every request goes through hold tokens.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use slab::Slab;

use super::client::Client;

/// Bits of a token that hold the slot; the rest hold the low bits of the id, as a generation.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: usize = (1 << SLOT_BITS) - 1;

#[inline]
fn token_of(id: u64, slot: usize) -> usize {
    ((id as usize) << SLOT_BITS) | slot
}

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
    /// Tokens of clients that have output to send; see `ClientFlags::PENDING_WRITE`.
    pub pending_write: Vec<usize>,
    /// Tokens of clients whose socket may still hold input (mio is edge-triggered), or whose
    /// buffered input waits to be run.
    pub pending_read: VecDeque<usize>,
    /// Clients to free at the end of the loop's turn.
    pub to_close: Vec<u64>,
    /// What the next turn of the loop has to make up for, by token.
    pub missed: Vec<(usize, Missed)>,
}

impl Clients {
    /// The id the next client will get.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    pub fn insert(&mut self, mut client: Box<Client>) {
        let id = client.id;
        let entry = self.slots.vacant_entry();
        let slot = entry.key();
        assert!(slot < 1 << SLOT_BITS, "fewer than 2^24 clients");
        client.token = token_of(id, slot);
        entry.insert(Slot { id, client: Some(client) });
        self.by_id.insert(id, slot);
        self.slot_of.insert(id, slot);
    }

    /// The event token of a client.
    pub fn token(&self, id: u64) -> Option<usize> {
        Some(token_of(id, *self.slot_of.get(&id)?))
    }

    #[inline]
    fn slot_of_token(&mut self, token: usize) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(token & SLOT_MASK)?;
        (token_of(slot.id, token & SLOT_MASK) == token).then_some(slot)
    }

    /// The client that an event token means, unless it has gone.
    #[inline]
    pub fn id_of_token(&self, token: usize) -> Option<u64> {
        let slot = self.slots.get(token & SLOT_MASK)?;
        (token_of(slot.id, token & SLOT_MASK) == token).then_some(slot.id)
    }

    /// Takes the client out for the time of a command. `None` if it is gone or already out.
    #[inline]
    pub fn check_out(&mut self, id: u64) -> Option<Box<Client>> {
        let slot = *self.slot_of.get(&id)?;
        self.slots[slot].client.take()
    }

    /// As [`Clients::check_out`], without a search.
    #[inline]
    pub fn check_out_token(&mut self, token: usize) -> Option<Box<Client>> {
        self.slot_of_token(token)?.client.take()
    }

    #[inline]
    pub fn check_in(&mut self, client: Box<Client>) {
        let slot = &mut self.slots[client.token & SLOT_MASK];
        debug_assert!(slot.id == client.id && slot.client.is_none());
        slot.client = Some(client);
    }

    /// Remembers something for a client that is checked out; one that is gone needs nothing.
    pub fn keep_missed(&mut self, id: u64, missed: Missed) {
        if let Some(token) = self.token(id) {
            self.missed.push((token, missed));
        }
    }

    /// As [`Clients::keep_missed`].
    #[cold]
    pub fn keep_missed_token(&mut self, token: usize, missed: Missed) {
        if self.id_of_token(token).is_some() {
            self.missed.push((token, missed));
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
        self.slot_of_token(token)?.client.as_deref_mut()
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

    /// In a forked child: closes the copies of the descriptors of all clients that are checked in.
    pub fn drop_connections(&mut self) {
        for (_, slot) in &mut self.slots {
            if let Some(client) = slot.client.as_deref_mut() {
                client.conn = None;
            }
        }
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
