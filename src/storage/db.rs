//! One database: its keys with their values, and the table of those that have a TTL.
//!
//! Not here: what an expired key means, statistics, notifications, propagation: time and policy are
//! arguments or the callers' business.
//!
//! `hexpires` lists the hashes whose fields expire: adding, replacing and removing a key here keeps
//! it right; whoever changes the fields of a hash in place tells it.
//!
//! Invariant: `expires` holds the addresses of exactly those entries of `keys` that have a TTL. An
//! entry may move when its value or TTL changes; each such change here keeps both tables in step,
//! and `expires` is not used (not even to move a bucket) while it holds an address that is stale.

use std::time::Duration;

use super::db_hexpires::DbHexpires;
use super::encoding::entry::{Entry, EntryMut, EntryPtr, EntryRef, Expire, RawStr};
use super::encoding::hashtable::SlotMut;
use super::keyspace::{KeyHash, KvStore};
use super::object::{ObjType, StrValue, Value};

pub use super::encoding::hashtable::{PREFETCH_BATCH, PREFETCH_FROM};

/// See the file's documentation.
pub struct Db {
    pub id: usize,
    keys: KvStore<Entry>,
    expires: KvStore<EntryPtr>,
    /// Hashes with fields that expire.
    pub hexpires: DbHexpires,
    cluster: bool,
    /// Mean TTL in ms, as the expire cycle estimates it.
    pub avg_ttl: i64,
    /// Where the expire cycle goes on in `scan_expires`.
    pub expires_cursor: u64,
}

/// Everything a database held; dropping it (on any thread) frees it.
pub struct Detached {
    // Dropped first, and without looking at the entries.
    _expires: KvStore<EntryPtr>,
    _hexpires: DbHexpires,
    keys: KvStore<Entry>,
}

impl Detached {
    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Sets the alias in `expires` right after an entry with a TTL may have moved.
#[inline(always)]
fn follow_move(expires: &mut KvStore<EntryPtr>, at: KeyHash, old: u64, slot: &SlotMut<'_, Entry>) {
    if slot.word() != old {
        let alias = EntryPtr::alias(slot.get());
        assert!(expires.replace_word(at, old, alias).is_ok(), "a key with a TTL is in expires");
    }
}

impl Db {
    pub fn new(id: usize, cluster: bool) -> Db {
        Db {
            id,
            keys: KvStore::new(cluster),
            expires: KvStore::new(cluster),
            hexpires: DbHexpires::default(),
            cluster,
            avg_ttl: 0,
            expires_cursor: 0,
        }
    }

    /// Number of keys.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of keys with a TTL.
    #[inline(always)]
    pub fn expires_len(&self) -> usize {
        self.expires.len()
    }

    /// The tables of keys, to look at: sizes, statistics, slots.
    pub fn keys(&self) -> &KvStore<Entry> {
        &self.keys
    }

    /// The tables of keys with a TTL, to look at.
    pub fn expires(&self) -> &KvStore<EntryPtr> {
        &self.expires
    }

    /// A key's hash and slot, for the `_hashed` forms and the prefetches.
    #[inline(always)]
    pub fn hash(&self, key: &[u8]) -> KeyHash {
        KeyHash::new(key, self.cluster)
    }

    /// First stage of a pipeline's prefetch: the table's cache line.
    #[inline(always)]
    pub fn prefetch_bucket(&self, at: KeyHash) {
        self.keys.prefetch_bucket(at);
    }

    /// Second stage: the entry's cache lines.
    #[inline(always)]
    pub fn prefetch_entry(&self, at: KeyHash) {
        self.keys.prefetch_entry(at);
    }

    /// Asks for the memory of keys that are about to be looked up, at most [`PREFETCH_BATCH`]:
    /// first all buckets, then the entries they lead to. Not if all keys fit into a cache anyway.
    pub fn prefetch_all(&self, keys: impl Iterator<Item = KeyHash>) {
        if self.len() < PREFETCH_FROM {
            return;
        }
        let mut asked = [None; PREFETCH_BATCH];
        for (slot, at) in asked.iter_mut().zip(keys) {
            self.prefetch_bucket(at);
            *slot = Some(at);
        }
        asked.into_iter().flatten().for_each(|at| self.prefetch_entry(at));
    }

    pub fn find(&self, key: &[u8]) -> Option<EntryRef<'_>> {
        self.keys.find(self.hash(key), key)
    }

    #[inline(always)]
    pub fn find_hashed(&self, at: KeyHash, key: &[u8]) -> Option<EntryRef<'_>> {
        self.keys.find(at, key)
    }

    pub fn find_mut(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        self.find_mut_hashed(self.hash(key), key)
    }

    #[inline(always)]
    pub fn find_mut_hashed(&mut self, at: KeyHash, key: &[u8]) -> Option<EntryMut<'_>> {
        Some(self.keys.find_mut(at, key)?.into_mut())
    }

    /// A key for writing, with the value and LRU or LFU bits that `make` gives if it is absent.
    /// True if it is new.
    #[inline]
    pub fn find_or_insert(
        &mut self,
        at: KeyHash,
        key: &[u8],
        make: impl FnOnce() -> (Value, u32),
    ) -> (EntryMut<'_>, bool) {
        let Db { keys, hexpires, .. } = self;
        let (slot, is_new) = keys.find_or_insert(at, key, || {
            let (value, lru) = make();
            hexpires.note_value(key, &value);
            Entry::new(key, value, None, lru)
        });
        (slot.into_mut(), is_new)
    }

    /// Adds a key that must be absent.
    pub fn insert(&mut self, key: &[u8], value: Value) -> EntryMut<'_> {
        let at = self.hash(key);
        debug_assert!(self.keys.find(at, key).is_none());
        self.hexpires.note_value(key, &value);
        self.keys.insert(at, Entry::new(key, value, None, 0)).into_mut()
    }

    /// Adds a key that must be absent with its TTL (ms since the epoch) and LRU or LFU bits: what
    /// loading does.
    pub fn insert_with(&mut self, key: &[u8], value: Value, expire: Option<i64>, lru: u32) {
        let at = self.hash(key);
        self.hexpires.note_value(key, &value);
        self.insert_entry(at, Entry::new(key, value, expire, lru));
    }

    /// `insert_with` of a string, stored as SET stores it, without an allocation beyond the entry.
    pub fn insert_bytes(&mut self, key: &[u8], value: &[u8], expire: Option<i64>, lru: u32) {
        let at = self.hash(key);
        self.insert_entry(at, Entry::from_bytes(key, value, expire, lru));
    }

    /// `insert_bytes` of a key that a loader read; false (and no change) if the key exists.
    #[inline]
    pub fn load_bytes(&mut self, key: &[u8], value: &[u8], expire: Option<i64>, lru: u32) -> bool {
        let at = self.hash(key);
        let free = self.keys.find(at, key).is_none();
        if free {
            self.insert_entry(at, Entry::from_bytes(key, value, expire, lru));
        }
        free
    }

    fn insert_entry(&mut self, at: KeyHash, entry: Entry) {
        debug_assert!(self.keys.find(at, entry.as_ref().key()).is_none());
        let has_ttl = entry.as_ref().expire().is_some();
        let slot = self.keys.insert(at, entry);
        if has_ttl {
            self.expires.insert(at, EntryPtr::alias(slot.get()));
        }
    }

    /// Sets a key whatever it held. Gives the old value back, unless it was a string without memory
    /// of its own (or there was none).
    pub fn set(&mut self, key: &[u8], value: Value, keep_ttl: bool) -> Option<Value> {
        let at = self.hash(key);
        self.hexpires.note_value(key, &value);
        let Some(mut slot) = self.keys.find_mut(at, key) else {
            self.keys.insert(at, Entry::new(key, value, None, 0));
            return None;
        };
        let (expire, lru) = (expire_of(keep_ttl), slot.get().lru());
        Self::change(&mut self.expires, at, &mut slot, expire, |entry| {
            entry.with_value(value, expire, lru)
        })
    }

    /// `set` of an existing key that keeps its TTL and LRU bits; `Err(value)` if it is absent.
    pub fn replace_value(&mut self, key: &[u8], value: Value) -> Result<Option<Value>, Value> {
        let at = self.hash(key);
        let Some(mut slot) = self.keys.find_mut(at, key) else {
            return Err(value);
        };
        self.hexpires.note_value(key, &value);
        let lru = slot.get().lru();
        Ok(Self::change(&mut self.expires, at, &mut slot, Expire::Keep, |entry| {
            entry.with_value(value, Expire::Keep, lru)
        }))
    }

    /// SET's way: stores bytes (an integer if they are one) with the LRU or LFU bits given, in
    /// place where the new size allows. Gives the old value back as `set` does.
    #[inline]
    pub fn set_bytes(
        &mut self,
        key: &[u8],
        value: &[u8],
        keep_ttl: bool,
        lru: u32,
    ) -> Option<Value> {
        self.set_bytes_hashed(self.hash(key), key, value, keep_ttl, lru)
    }

    /// `set_bytes` with the hash computed before.
    #[inline]
    pub fn set_bytes_hashed(
        &mut self,
        at: KeyHash,
        key: &[u8],
        value: &[u8],
        keep_ttl: bool,
        lru: u32,
    ) -> Option<Value> {
        let Some(mut slot) = self.keys.find_mut(at, key) else {
            self.keys.insert(at, Entry::from_bytes(key, value, None, lru));
            return None;
        };
        self.hexpires.unregister(key);
        let expire = expire_of(keep_ttl);
        if slot.get_mut().overwrite(value, expire, lru) {
            return None;
        }
        Self::change(&mut self.expires, at, &mut slot, expire, |entry| {
            entry.with_bytes(value, expire, lru)
        })
    }

    /// Stores an integer; in place if the key holds one. LRU bits stay, a new key has 0.
    pub fn set_int(&mut self, key: &[u8], value: i64, keep_ttl: bool) -> Option<Value> {
        let at = self.hash(key);
        if let Some(slot) = self.keys.find_mut(at, key) {
            let mut entry = slot.into_mut();
            if (keep_ttl || entry.expire().is_none()) && entry.set_int(value) {
                return None;
            }
        }
        self.set(key, Value::Str(StrValue::Int(value)), keep_ttl)
    }

    /// Changes the entry in a slot, which may move it, and keeps `expires` in step.
    #[inline(always)]
    fn change<R>(
        expires: &mut KvStore<EntryPtr>,
        at: KeyHash,
        slot: &mut SlotMut<'_, Entry>,
        ttl: Expire,
        change: impl FnOnce(Entry) -> (Entry, R),
    ) -> R {
        let old = slot.word();
        let has_ttl = slot.get().expire().is_some();
        if has_ttl && ttl == Expire::Clear {
            expires.remove_word(at, old).expect("a key with a TTL is in expires");
        }
        let result = slot.update(change);
        if has_ttl && ttl == Expire::Keep {
            follow_move(expires, at, old, slot);
        }
        result
    }

    /// The string of a key in the form that grows in place (APPEND, SETRANGE, SETBIT); converts it
    /// if needed. `None` if the key is absent or no string.
    pub fn raw_str_mut(&mut self, key: &[u8]) -> Option<&mut RawStr> {
        let at = self.hash(key);
        let mut slot = self.keys.find_mut(at, key)?;
        if slot.get().obj_type() != ObjType::String {
            return None;
        }
        Self::change(&mut self.expires, at, &mut slot, Expire::Keep, |entry| {
            (entry.into_raw_str(), ())
        });
        slot.into_mut().into_raw_str()
    }

    /// Takes a key out: its value and TTL. A small string costs no allocation.
    pub fn remove(&mut self, key: &[u8]) -> Option<(Value, Option<i64>)> {
        Some(self.remove_entry(self.hash(key), key)?.into_value())
    }

    /// Takes a key out as it is.
    pub fn remove_entry(&mut self, at: KeyHash, key: &[u8]) -> Option<Entry> {
        let entry = self.keys.remove(at, key)?;
        self.hexpires.unregister(key);
        if entry.as_ref().expire().is_some() {
            let word = EntryPtr::alias(entry.as_ref());
            let word = super::encoding::hashtable::Element::into_word(word);
            self.expires.remove_word(at, word).expect("a key with a TTL is in expires");
        }
        Some(entry)
    }

    /// When a key expires, in ms since the epoch.
    #[inline]
    pub fn get_expire(&self, key: &[u8]) -> Option<i64> {
        if self.expires.is_empty() {
            return None;
        }
        self.find(key)?.expire()
    }

    /// Sets a key's TTL, in ms since the epoch. False if the key is absent.
    pub fn set_expire(&mut self, key: &[u8], at_ms: i64) -> bool {
        let at = self.hash(key);
        let Some(mut slot) = self.keys.find_mut(at, key) else {
            return false;
        };
        if !slot.get_mut().set_expire_in_place(at_ms) {
            slot.update(|entry| (entry.with_expire(Some(at_ms)), ()));
            self.expires.insert(at, EntryPtr::alias(slot.get()));
        }
        true
    }

    /// Removes a key's TTL. False if it has none or is absent.
    pub fn remove_expire(&mut self, key: &[u8]) -> bool {
        let at = self.hash(key);
        let Some(mut slot) = self.keys.find_mut(at, key) else {
            return false;
        };
        if slot.get().expire().is_none() {
            return false;
        }
        Self::change(&mut self.expires, at, &mut slot, Expire::Clear, |entry| {
            (entry.with_expire(None), ())
        });
        true
    }

    /// A random key, each equally likely.
    pub fn random_entry(&self) -> Option<EntryRef<'_>> {
        self.keys.random()
    }

    /// A random key with a TTL.
    pub fn random_expire_entry(&self) -> Option<EntryRef<'_>> {
        self.expires.random()
    }

    /// One step of SCAN over all keys, or over those of one slot.
    pub fn scan<'a>(
        &'a self,
        cursor: u64,
        slot: Option<u16>,
        report: impl FnMut(EntryRef<'a>),
    ) -> u64 {
        self.keys.scan(cursor, slot, report)
    }

    /// One step of a scan over the keys with a TTL, as the expire cycle makes it: tables that are
    /// nearly empty are passed over.
    pub fn scan_expires<'a>(&'a self, cursor: u64, report: impl FnMut(EntryRef<'a>)) -> u64 {
        self.expires.scan_filled(cursor, report)
    }

    /// About `n` keys for eviction, from one random place.
    pub fn sample<'a>(&'a self, n: usize, out: &mut Vec<EntryRef<'a>>) {
        self.keys.sample(n, out);
    }

    /// `sample` of keys with a TTL.
    pub fn sample_expires<'a>(&'a self, n: usize, out: &mut Vec<EntryRef<'a>>) {
        self.expires.sample(n, out);
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = EntryRef<'_>> {
        self.keys.iter()
    }

    /// All keys of one slot.
    pub fn iter_slot(&self, slot: u16) -> impl Iterator<Item = EntryRef<'_>> {
        self.keys.iter_slot(slot)
    }

    /// Empties the database. What it held can be dropped here or on another thread.
    pub fn clear(&mut self) -> Detached {
        let empty = Db::new(self.id, self.cluster);
        let full = std::mem::replace(self, empty);
        Detached { _expires: full.expires, _hexpires: full.hexpires, keys: full.keys }
    }

    /// Makes room for what a loader knows is to come.
    pub fn reserve(&mut self, keys: usize, expires: usize) {
        self.keys.reserve(keys);
        self.expires.reserve(expires);
    }

    /// `reserve` for one slot.
    pub fn reserve_slot(&mut self, slot: u16, keys: usize, expires: usize) {
        self.keys.reserve_slot(slot, keys);
        self.expires.reserve_slot(slot, expires);
    }

    /// Moves buckets of tables that nobody touches. Returns whether there is more to do.
    pub fn incrementally_rehash(&mut self, limit: Duration) -> bool {
        self.keys.incrementally_rehash(limit) || self.expires.incrementally_rehash(limit)
    }

    /// Resizes up to `limit` tables of each kind that need it.
    pub fn try_resize(&mut self, limit: usize) {
        self.keys.try_resize(limit);
        self.expires.try_resize(limit);
    }

    /// Bytes of the tables of keys and of those with a TTL.
    pub fn table_bytes(&self) -> (usize, usize) {
        (self.keys.memory_bytes(), self.expires.memory_bytes())
    }

    /// The report of DEBUG HTSTATS.
    pub fn stats_text(&self, full: bool) -> String {
        let (keys, expires) = (self.keys.stats_text(full), self.expires.stats_text(full));
        format!("[Dictionary HT]\n{keys}[Expires HT]\n{expires}")
    }
}

fn expire_of(keep_ttl: bool) -> Expire {
    if keep_ttl { Expire::Keep } else { Expire::Clear }
}

#[cfg(test)]
mod measure;
mod relocate;
#[cfg(test)]
mod tests;

pub use relocate::KeyPass;
