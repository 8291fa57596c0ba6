//! Access to keys as commands see them: expiry on access, hit and miss counts, LRU/LFU touch,
//! WATCH and blocked clients. `storage` knows none of these.

use super::Server;
use super::client::ClientFlags;
use super::clock::Clock;
use super::eviction::Eviction;
use super::expire::KeyStatus;
use crate::config::NotifyFlags;
use crate::protocol::error::ReplyError;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::entry_view::{EntryMut, EntryRef};
use crate::storage::evict::lfu_log_incr;
use crate::storage::keyspace::KeyHash;
use crate::storage::object::{ThinValue, Value};

/// What a look-up does not do, or does nevertheless.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Does not touch the LRU/LFU clock.
    pub no_touch: bool,
    /// Touches the clock even for a client in NO-TOUCH mode.
    pub force_touch: bool,
    /// Sends no `keymiss`.
    pub no_notify: bool,
    /// Counts no hit or miss, sends no `keymiss`.
    pub quiet: bool,
}

impl Lookup {
    /// For commands that look at a key without using its value.
    pub const NO_TOUCH: Lookup =
        Lookup { no_touch: true, force_touch: false, no_notify: false, quiet: false };
}

impl Server {
    /// A key for reading: `None` if absent or expired. Counts hits and misses, touches the clock.
    #[inline]
    pub fn lookup_read(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        self.lookup_read_with(db, key, Lookup::default())
    }

    /// The key is hashed once. It is probed once, and a second time only in a database with TTLs or
    /// if somebody may want to know of the miss: what follows then needs the whole server.
    #[inline]
    pub fn lookup_read_with(&mut self, db: usize, key: &[u8], how: Lookup) -> Option<EntryRef<'_>> {
        self.lookup_read_mut(db, key, how).map(EntryMut::into_ref)
    }

    /// A key looked up as for reading, for commands that change it all the same: what they change
    /// is not what the statistics of hits and misses are about (the groups of a stream).
    #[inline]
    fn lookup_read_mut(&mut self, db: usize, key: &[u8], how: Lookup) -> Option<EntryMut<'_>> {
        self.lookup_read_hashed(db, self.key_hash(db, key), key, how)
    }

    /// Looks up keys for reading, batch by batch so that their memory is asked for beforehand, and
    /// gives each to `f`.
    pub fn lookup_each(
        &mut self,
        db: usize,
        keys: &[&[u8]],
        how: Lookup,
        mut f: impl FnMut(Option<EntryRef<'_>>),
    ) {
        let mut places = [KeyHash::default(); PREFETCH_BATCH];
        for keys in keys.chunks(PREFETCH_BATCH) {
            self.prefetch_keys(db, keys.iter().copied(), &mut places);
            for (key, at) in keys.iter().zip(places) {
                f(self.lookup_read_hashed(db, at, key, how).map(EntryMut::into_ref));
            }
        }
    }

    /// Asks for the memory of keys, at most [`PREFETCH_BATCH`], and says where they belong.
    pub fn prefetch_keys<'k>(
        &self,
        db: usize,
        keys: impl Iterator<Item = &'k [u8]>,
        places: &mut [KeyHash; PREFETCH_BATCH],
    ) {
        let storage = &self.keyspace.dbs[db];
        let mut count = 0;
        for (place, key) in places.iter_mut().zip(keys) {
            *place = storage.hash(key);
            count += 1;
        }
        storage.prefetch_all(places[..count].iter().copied());
    }

    #[inline(always)]
    fn lookup_read_hashed(
        &mut self,
        db: usize,
        at: KeyHash,
        key: &[u8],
        how: Lookup,
    ) -> Option<EntryMut<'_>> {
        let tells_misses = self.config.notify_keyspace_events.intersects(NotifyFlags::KEY_MISS);
        if (tells_misses || self.keyspace.dbs[db].expires_len() > 0) && !self.is_live(db, at, key) {
            self.missed(db, key, how);
            return None;
        }
        let touch = !how.no_touch && self.touches_clock(how.force_touch);
        let Some(mut entry) = self.keyspace.dbs[db].find_mut_hashed(at, key) else {
            self.stats.keyspace_misses += u64::from(!how.quiet);
            return None;
        };
        self.stats.keyspace_hits += u64::from(!how.quiet);
        if touch {
            touch_clock(&mut entry, &self.eviction, &self.clock);
        }
        Some(entry)
    }

    /// The key is there and not expired; if it is expired it is deleted.
    fn is_live(&mut self, db: usize, at: KeyHash, key: &[u8]) -> bool {
        let Some(entry) = self.keyspace.dbs[db].find_hashed(at, key) else { return false };
        let expire = entry.expire();
        self.expire_if_past(db, key, expire) == KeyStatus::Valid
    }

    #[cold]
    fn missed(&mut self, db: usize, key: &[u8], how: Lookup) {
        if how.quiet {
            return;
        }
        self.stats.keyspace_misses += 1;
        if !how.no_notify {
            self.notify(NotifyFlags::KEY_MISS, "keymiss", key, db);
        }
    }

    /// A key for writing: `None` if absent or expired. Counts neither hits nor misses.
    #[inline]
    pub fn lookup_write(&mut self, db: usize, key: &[u8]) -> Option<EntryMut<'_>> {
        let at = self.key_hash(db, key);
        self.lookup_write_hashed(db, at, key)
    }

    #[inline]
    fn lookup_write_hashed(&mut self, db: usize, at: KeyHash, key: &[u8]) -> Option<EntryMut<'_>> {
        if self.keyspace.dbs[db].expires_len() > 0 && !self.is_live(db, at, key) {
            let read_only = self.is_replica() && self.config.replica_read_only;
            if !read_only && self.keyspace.dbs[db].find_hashed(at, key).is_some() {
                // Expired during a pause, which this command began before: its write goes on top.
                self.delete_expired(db, key);
            }
            return None;
        }
        let touch = self.touches_clock(false);
        let mut entry = self.keyspace.dbs[db].find_mut_hashed(at, key)?;
        if touch {
            touch_clock(&mut entry, &self.eviction, &self.clock);
        }
        Some(entry)
    }

    /// The clock is not touched while a child lives (copy on write) or for CLIENT NO-TOUCH.
    #[inline]
    fn touches_clock(&self, force: bool) -> bool {
        (force || !self.exec.no_touch) && !self.has_child()
    }

    /// See [`crate::commands::Ctx::read`].
    pub fn read<T: ThinValue>(&mut self, db: usize, key: &[u8]) -> Result<Option<&T>, ReplyError> {
        match self.lookup_read(db, key) {
            None => Ok(None),
            Some(entry) => entry.get::<T>().map(Some).ok_or(ReplyError::WRONGTYPE),
        }
    }

    /// As [`Server::read`], for commands that change the value nevertheless.
    pub fn read_mut<T: ThinValue>(
        &mut self,
        db: usize,
        key: &[u8],
    ) -> Result<Option<&mut T>, ReplyError> {
        match self.lookup_read_mut(db, key, Lookup::default()) {
            None => Ok(None),
            Some(entry) => entry.into_mut::<T>().map(Some).ok_or(ReplyError::WRONGTYPE),
        }
    }

    /// See [`crate::commands::Ctx::write`].
    pub fn write<T: ThinValue>(
        &mut self,
        db: usize,
        key: &[u8],
    ) -> Result<Option<&mut T>, ReplyError> {
        match self.lookup_write(db, key) {
            None => Ok(None),
            Some(entry) => entry.into_mut::<T>().map(Some).ok_or(ReplyError::WRONGTYPE),
        }
    }

    /// See [`crate::commands::Ctx::write_or_create`].
    pub fn write_or_create<T: ThinValue>(
        &mut self,
        db: usize,
        key: &[u8],
        new: impl Fn() -> T,
    ) -> Result<&mut T, ReplyError> {
        let at = self.key_hash(db, key);
        // An expired key goes first, and telling of a new one takes the whole server. If neither
        // can be, the key is looked up once.
        let twice = self.keyspace.dbs[db].expires_len() > 0 || self.tells_of_new_keys();
        if twice && self.lookup_write_hashed(db, at, key).is_none() {
            self.add_key(db, key, new().into_value());
        }
        let (touch, lru) = (!twice && self.touches_clock(false), self.initial_lru());
        let make = || (new().into_value(), lru);
        let (mut entry, is_new) = self.keyspace.dbs[db].find_or_insert(at, key, make);
        if touch && !is_new {
            touch_clock(&mut entry, &self.eviction, &self.clock);
        }
        entry.into_mut::<T>().ok_or(ReplyError::WRONGTYPE)
    }

    /// Somebody waits for a key, or wants to be told of all.
    fn tells_of_new_keys(&self) -> bool {
        !self.blocking.nobody_waits()
            || self.config.notify_keyspace_events.intersects(NotifyFlags::NEW)
    }

    /// True if the key exists and is not expired; nothing is counted or touched.
    pub fn key_exists(&mut self, db: usize, key: &[u8]) -> bool {
        self.expire_if_needed(db, key) == KeyStatus::Valid
            && self.keyspace.dbs[db].find(key).is_some()
    }

    /// Adds a key that does not exist; wakes clients that wait for it. Does not signal or notify
    /// other than the "new" event.
    pub fn add_key(&mut self, db: usize, key: &[u8], value: Value) {
        self.add_key_with(db, key, value, None, None);
    }

    /// As `add_key`, with a TTL (ms since the epoch) and, for a value that was a key before, its
    /// LRU or LFU bits.
    pub fn add_key_with(
        &mut self,
        db: usize,
        key: &[u8],
        value: Value,
        expire: Option<i64>,
        lru: Option<u32>,
    ) {
        let lru = lru.unwrap_or_else(|| self.initial_lru());
        self.keyspace.dbs[db].insert_with(key, value, expire, lru);
        if expire.is_some() {
            self.remember_replica_expire(db, key);
        }
        self.signal_key_as_ready(db, key);
        self.notify(NotifyFlags::NEW, "new", key, db);
    }

    /// Gives a key a TTL.
    pub fn set_expire(&mut self, db: usize, key: &[u8], at_ms: i64) {
        self.keyspace.dbs[db].set_expire(key, at_ms);
        self.remember_replica_expire(db, key);
    }

    /// Gives an existing value another name, which must be free, and perhaps another database. TTL
    /// and LRU bits go along. Does not signal or notify other than the "new" event.
    pub fn move_value(&mut self, from: (usize, &[u8]), to: (usize, &[u8])) {
        let Some(entry) = self.keyspace.dbs[from.0].find(from.1) else { return };
        let lru = entry.lru();
        let Some((value, expire)) = self.keyspace.dbs[from.0].remove(from.1) else { return };
        self.add_key_with(to.0, to.1, value, expire, Some(lru));
        self.signal_deleted_key_as_ready(from.0, from.1);
    }

    /// LRU or LFU bits of a new key.
    pub fn initial_lru(&self) -> u32 {
        if self.eviction.lfu {
            crate::storage::evict::lfu_initial(self.clock.now_ms)
        } else {
            self.clock.lru_clock
        }
    }

    /// LRU or LFU bits of a key that is about to be set: an existing one keeps its frequency, and
    /// this counts as an access.
    #[inline]
    pub fn overwrite_lru(&self, db: usize, key: &[u8]) -> u32 {
        if !self.eviction.lfu {
            return self.clock.lru_clock;
        }
        match self.keyspace.dbs[db].find(key) {
            Some(old) => lfu_log_incr(old.lru(), &self.lfu_params()),
            None => self.initial_lru(),
        }
    }

    /// See [`crate::commands::Ctx::set_key`].
    pub fn set_key(&mut self, db: usize, key: &[u8], value: Value, keep_ttl: bool) {
        self.expire_if_needed(db, key);
        if self.keyspace.dbs[db].find(key).is_none() {
            self.add_key(db, key, value);
        } else {
            self.signal_deleted_key_as_ready(db, key);
            let lru = self.overwrite_lru(db, key);
            let old = self.keyspace.dbs[db].set(key, value, keep_ttl);
            if let Some(mut entry) = self.keyspace.dbs[db].find_mut(key) {
                entry.set_lru(lru);
            }
            self.signal_key_as_ready(db, key);
            if let Some(old) = old {
                self.lazyfree.free_value(old, self.config.lazyfree_lazy_server_del);
            }
        }
        self.signal_modified(db, key);
    }

    /// See [`crate::commands::Ctx::delete_key`].
    pub fn delete_key(&mut self, db: usize, key: &[u8]) -> bool {
        let lazy = self.config.lazyfree_lazy_server_del;
        let existed = self.remove_key(db, key, lazy);
        if existed {
            self.signal_modified(db, key);
        }
        existed
    }

    /// Removes a key without signalling; `lazy` lets a big value go to the free thread.
    pub fn remove_key(&mut self, db: usize, key: &[u8], lazy: bool) -> bool {
        let Some((value, _)) = self.keyspace.dbs[db].remove(key) else { return false };
        self.signal_deleted_key_as_ready(db, key);
        self.lazyfree.free_value(value, lazy);
        true
    }

    /// WATCHers and tracking clients learn of a change.
    #[inline]
    pub fn signal_modified(&mut self, db: usize, key: &[u8]) {
        if !self.watches.is_empty() {
            let exists = self.keyspace.dbs[db].find(key).is_some();
            self.watches.touch(db, key, exists);
        }
        if self.tracking.active {
            self.tracking_invalidate(key);
        }
    }
}

/// Notes an access in the entry's LRU or LFU bits; writes only what changed.
#[inline]
fn touch_clock(entry: &mut EntryMut<'_>, eviction: &Eviction, clock: &Clock) {
    let old = entry.lru();
    let new = if eviction.lfu {
        lfu_log_incr(old, &eviction.lfu_params(clock.now_ms))
    } else {
        clock.lru_clock
    };
    if new != old {
        entry.set_lru(new);
    }
}

impl super::client::Client {
    /// True if this client's reads leave the LRU clock alone.
    pub fn no_touch(&self) -> bool {
        self.flags.has(ClientFlags::NO_TOUCH)
    }
}
