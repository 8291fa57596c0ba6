//! Access to keys as commands see them: expiry on access, hit and miss counts, LRU/LFU touch,
//! WATCH and blocked clients. `storage` knows none of these.

use super::Server;
use super::client::ClientFlags;
use super::pause::action;
use crate::config::NotifyFlags;
use crate::protocol::error::ReplyError;
use crate::storage::entry_view::{EntryMut, EntryRef};
use crate::storage::evict::lfu_log_incr;
use crate::storage::object::{ThinValue, Value};

/// What a look-up leaves undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lookup {
    /// Does not touch the LRU/LFU clock.
    pub no_touch: bool,
    /// Counts no hit or miss, sends no `keymiss`.
    pub quiet: bool,
}

impl Server {
    /// A key for reading: `None` if absent or expired. Counts hits and misses, touches the clock.
    #[inline]
    pub fn lookup_read(&mut self, db: usize, key: &[u8]) -> Option<EntryRef<'_>> {
        self.lookup_read_with(db, key, Lookup::default())
    }

    pub fn lookup_read_with(&mut self, db: usize, key: &[u8], how: Lookup) -> Option<EntryRef<'_>> {
        let expired = self.expire_if_needed(db, key);
        if expired && how.quiet {
            return None;
        }
        if !how.quiet {
            if expired || self.keyspace.dbs[db].find(key).is_none() {
                self.stats.keyspace_misses += 1;
                self.notify(NotifyFlags::KEY_MISS, "keymiss", key, db);
                return None;
            }
            self.stats.keyspace_hits += 1;
        }
        let touch = !how.no_touch && self.touches_clock();
        let mut entry = self.keyspace.dbs[db].find_mut(key)?;
        if touch {
            touch_clock(&mut entry, self.eviction.lfu, self.clock.lru_clock, &self.eviction);
        }
        Some(entry.into_ref())
    }

    /// A key for writing: `None` if absent or expired.
    pub fn lookup_write(&mut self, db: usize, key: &[u8]) -> Option<EntryMut<'_>> {
        if self.expire_if_needed(db, key) && self.pause.is_paused(action::EXPIRE) {
            // A command that began before the pause: the write it is about to do goes on top.
            self.delete_expired(db, key);
        }
        let touch = self.touches_clock();
        let mut entry = self.keyspace.dbs[db].find_mut(key)?;
        if touch {
            touch_clock(&mut entry, self.eviction.lfu, self.clock.lru_clock, &self.eviction);
        }
        Some(entry)
    }

    /// Reads do not touch the clock while a child lives (copy on write) or for CLIENT NO-TOUCH.
    fn touches_clock(&self) -> bool {
        !self.exec.no_touch && !self.has_child()
    }

    /// See [`crate::commands::Ctx::read`].
    pub fn read<T: ThinValue>(&mut self, db: usize, key: &[u8]) -> Result<Option<&T>, ReplyError> {
        match self.lookup_read(db, key) {
            None => Ok(None),
            Some(entry) => entry.get::<T>().map(Some).ok_or(ReplyError::WRONGTYPE),
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
        new: impl FnOnce() -> T,
    ) -> Result<&mut T, ReplyError> {
        if self.lookup_write(db, key).is_none() {
            self.add_key(db, key, new().into_value());
        }
        let entry = self.keyspace.dbs[db].find_mut(key).expect("found or just added");
        entry.into_mut::<T>().ok_or(ReplyError::WRONGTYPE)
    }

    /// True if the key exists and is not expired; nothing is counted or touched.
    pub fn key_exists(&mut self, db: usize, key: &[u8]) -> bool {
        !self.expire_if_needed(db, key) && self.keyspace.dbs[db].find(key).is_some()
    }

    /// Adds a key that does not exist; wakes clients that wait for it. Does not signal or notify
    /// other than the "new" event.
    pub fn add_key(&mut self, db: usize, key: &[u8], value: Value) {
        let lru = self.initial_lru();
        self.keyspace.dbs[db].insert(key, value).set_lru(lru);
        self.signal_key_as_ready(db, key);
        self.notify(NotifyFlags::NEW, "new", key, db);
    }

    /// LRU or LFU bits of a new key.
    pub fn initial_lru(&self) -> u32 {
        if self.eviction.lfu {
            crate::storage::evict::lfu_initial(self.clock.now_ms)
        } else {
            self.clock.lru_clock
        }
    }

    /// See [`crate::commands::Ctx::set_key`].
    pub fn set_key(&mut self, db: usize, key: &[u8], value: Value, keep_ttl: bool) {
        self.expire_if_needed(db, key);
        if self.keyspace.dbs[db].find(key).is_none() {
            self.add_key(db, key, value);
        } else {
            self.signal_deleted_key_as_ready(db, key);
            let old = self.keyspace.dbs[db].set(key, value, keep_ttl);
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

    /// WATCHers (and later tracking clients) learn of a change.
    #[inline]
    pub fn signal_modified(&mut self, db: usize, key: &[u8]) {
        if !self.watches.is_empty() {
            let exists = self.keyspace.dbs[db].find(key).is_some();
            self.watches.touch(db, key, exists);
        }
    }

    /// Deletes the key if its time is over; true if it is expired (deleted or not).
    #[inline]
    pub fn expire_if_needed(&mut self, db: usize, key: &[u8]) -> bool {
        if self.keyspace.dbs[db].expires_len() == 0 {
            return false;
        }
        match self.keyspace.dbs[db].get_expire(key) {
            Some(at) if at < self.clock.cmd_time_ms => {
                if !self.pause.is_paused(action::EXPIRE) {
                    self.delete_expired(db, key);
                }
                true
            }
            _ => false,
        }
    }

    /// Deletes an expired key: counts, notifies, propagates the deletion.
    pub fn delete_expired(&mut self, db: usize, key: &[u8]) {
        let lazy = self.config.lazyfree_lazy_expire;
        self.remove_key(db, key, lazy);
        self.notify(NotifyFlags::EXPIRED, "expired", key, db);
        self.signal_modified(db, key);
        let verb: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
        self.propagate.also(db, &[verb, key]);
        self.stats.expired_keys += 1;
    }
}

/// Notes an access in the entry's LRU or LFU bits; writes only what changed.
#[inline]
fn touch_clock(entry: &mut EntryMut<'_>, lfu: bool, clock: u32, ev: &super::eviction::Eviction) {
    let old = entry.lru();
    let new = if lfu { lfu_log_incr(old, ev.lfu_params()) } else { clock };
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
