//! Expiry of hash fields: on access, all of one hash, and the share of the expire cycle that finds
//! due fields nobody asks for.
//!
//! A deleted field is propagated as HDEL, the event is `hexpired`, and a hash that lost its last
//! field is deleted with `del`. (Behaviour: Redis' t_hash.c and expire.c.)
//!
//! Invariant: whoever changes fields of a hash in place calls `update_hash_expires` if the hash had
//! or has fields with expire times, so that the database's index stays right.

use super::Server;
use super::expire::Cycle;
use crate::config::NotifyFlags;
use crate::storage::types::hash::{Hash, HashLimits};

/// Fields deleted in a second, as long as that keeps up.
const FIELDS_PER_SECOND: usize = 10_000;
/// A database that keeps the cycle busy for so many fields in a row gets more of them a call, ...
const BACKLOG_STEP: usize = 1_000_000;
/// ... up to so many times more.
const BACKLOG_FACTOR_MAX: usize = 32;

/// Where the cycle goes on.
#[derive(Debug, Default)]
pub struct FieldCycle {
    next_db: usize,
    /// Fields deleted in a row without catching up in `next_db`.
    backlog: usize,
}

/// What deleting an expired field on access does beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnAccess {
    /// Sends `hexpired`, and `del` if the hash goes.
    pub notify: bool,
    /// Tells WATCHers and tracking clients.
    pub signal: bool,
    /// Deletes the hash if it became empty.
    pub delete_hash: bool,
}

impl OnAccess {
    /// Everything.
    pub const FULL: OnAccess = OnAccess { notify: true, signal: true, delete_hash: true };
    /// The caller notifies.
    pub const NO_NOTIFY: OnAccess = OnAccess { notify: false, signal: true, delete_hash: true };
    /// The caller does all of it in the end.
    pub const FIELD_ONLY: OnAccess = OnAccess { notify: false, signal: false, delete_hash: false };
}

/// What became of an expired field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldGone {
    /// It may not be deleted now; readers take it for absent.
    Hidden,
    Deleted,
    /// It was the last one, and the hash is gone, too.
    HashDeleted,
}

/// On access.
impl Server {
    /// The limits of hashes, as configured.
    #[inline]
    pub fn hash_limits(&self) -> HashLimits {
        HashLimits {
            max_listpack_entries: self.config.hash_max_listpack_entries as usize,
            max_listpack_value: self.config.hash_max_listpack_value as usize,
        }
    }

    /// The hash at a key, if there is one, without expiry of the key.
    fn hash_at(&mut self, db: usize, key: &[u8]) -> Option<&mut Hash> {
        self.keyspace.dbs[db].find_mut(key)?.into_mut::<Hash>()
    }

    /// Brings the database's index up to date after fields of a hash changed in place.
    pub fn update_hash_expires(&mut self, db: usize, key: &[u8]) {
        let min_expire = self.hash_at(db, key).and_then(|hash| hash.min_expire());
        self.keyspace.dbs[db].hexpires.update(key, min_expire);
    }

    /// HDEL for AOF and replicas.
    pub fn propagate_field_deletion(&mut self, db: usize, key: &[u8], field: &[u8]) {
        self.propagate.also(db, &[b"HDEL", key, field]);
    }

    /// Whether expired fields may be deleted now; if not they are only hidden.
    pub fn may_expire_fields(&self) -> bool {
        !self.keeps_expired() && !self.expire_is_paused() && !self.is_replica()
    }

    /// Whether an expire time that is over deletes a field at once; while the data set is loaded
    /// it is stored as it is.
    pub fn past_deletes_fields(&self) -> bool {
        !self.keeps_expired() && !self.is_replica()
    }

    /// Deletes a field that a command found to be expired.
    #[cold]
    pub fn expire_field(
        &mut self,
        db: usize,
        key: &[u8],
        field: &[u8],
        what: OnAccess,
    ) -> FieldGone {
        if !self.may_expire_fields() {
            return FieldGone::Hidden;
        }
        let Some(hash) = self.hash_at(db, key) else { return FieldGone::Hidden };
        if !hash.remove(field) {
            return FieldGone::Hidden;
        }
        let is_empty = hash.is_empty();
        self.update_hash_expires(db, key);
        self.stats.expired_subkeys += 1;
        self.propagate_field_deletion(db, key, field);
        if what.notify {
            self.notify(NotifyFlags::HASH, "hexpired", key, db);
        }
        let mut gone = FieldGone::Deleted;
        if is_empty && what.delete_hash {
            gone = FieldGone::HashDeleted;
            self.remove_key(db, key, self.config.lazyfree_lazy_expire);
            if what.notify {
                self.notify(NotifyFlags::GENERIC, "del", key, db);
            }
        }
        if what.signal {
            self.signal_modified(db, key);
        }
        gone
    }

    /// Deletes all expired fields of a hash, for commands that choose fields at random. True if the
    /// hash went with them.
    pub fn expire_all_fields(&mut self, db: usize, key: &[u8]) -> bool {
        let now = self.clock.cmd_time_ms;
        let due = self.hash_at(db, key).and_then(|hash| hash.min_expire());
        if due.is_none_or(|at| at >= now) || !self.may_expire_fields() {
            return false;
        }
        self.expire_due_fields(db, key, usize::MAX, false);
        self.hash_at(db, key).is_none()
    }

    /// Deletes up to `limit` due fields of one hash; returns how many.
    fn expire_due_fields(&mut self, db: usize, key: &[u8], limit: usize, active: bool) -> usize {
        let now = self.clock.cmd_time_ms;
        let Some(hash) = self.hash_at(db, key) else {
            self.keyspace.dbs[db].hexpires.unregister(key);
            return 0;
        };
        let mut gone: Vec<Box<[u8]>> = Vec::new();
        hash.expire_fields(now, limit, |field| gone.push(field.into()));
        let (min_expire, is_empty) = (hash.min_expire(), hash.is_empty());
        match min_expire {
            Some(at) => self.keyspace.dbs[db].hexpires.register(key, at),
            None => self.keyspace.dbs[db].hexpires.unregister(key),
        }
        if gone.is_empty() {
            return 0;
        }
        self.stats.expired_subkeys += gone.len() as u64;
        for field in &gone {
            self.propagate_field_deletion(db, key, field);
            if active {
                // Each one is a unit of its own, not a transaction.
                self.propagate_now();
            }
        }
        self.notify(NotifyFlags::HASH, "hexpired", key, db);
        if is_empty {
            self.remove_key(db, key, self.config.lazyfree_lazy_expire);
            self.notify(NotifyFlags::GENERIC, "del", key, db);
        }
        self.signal_modified(db, key);
        gone.len()
    }
}

/// The cycle.
impl Server {
    /// Deletes up to `limit` due fields of one database; returns how many.
    pub fn active_expire_fields(&mut self, db: usize, limit: usize) -> usize {
        let now = self.clock.cmd_time_ms;
        let mut count = 0;
        while count < limit {
            let key: Box<[u8]> = match self.keyspace.dbs[db].hexpires.first() {
                Some((at, key)) if at <= now => key.into(),
                _ => break,
            };
            count += self.expire_due_fields(db, &key, limit - count, true);
        }
        count
    }

    /// One call of the cycle: a share of the due fields of one database; goes on with the next
    /// database once it caught up.
    pub(super) fn expire_fields_cycle(&mut self, cycle: Cycle) {
        let dbs = self.keyspace.dbs.len();
        let db = self.expire.fields.next_db % dbs;
        if self.keyspace.dbs[db].hexpires.is_empty() {
            self.expire.fields = FieldCycle { next_db: db + 1, backlog: 0 };
            return;
        }
        let hz = self.config.hz.max(1) as usize;
        let mut limit = (FIELDS_PER_SECOND / hz).max(1);
        if cycle == Cycle::Slow && self.expire.fields.backlog > BACKLOG_STEP {
            limit *= (self.expire.fields.backlog / BACKLOG_STEP).min(BACKLOG_FACTOR_MAX);
        }
        if self.active_expire_fields(db, limit) == limit {
            self.expire.fields.backlog += limit;
        } else {
            self.expire.fields = FieldCycle { next_db: db + 1, backlog: 0 };
        }
    }
}
