//! Keys with a TTL that clients set on a writable replica: no master ever deletes them, so this
//! replica does. All other keys live until the master says DEL.

use std::collections::HashMap;

use crate::server::Server;
use crate::server::clock::unix_us;

/// Databases that are remembered: one bit each.
const MAX_DB: usize = 64;
/// Time that one round may take, us.
const ROUND_US: u64 = 1000;
/// Keys between two looks at the clock.
const KEYS_PER_CLOCK: usize = 64;

/// Names of keys, with the databases as bits.
#[derive(Default)]
pub struct ReplicaKeys {
    keys: HashMap<Box<[u8]>, u64>,
}

impl ReplicaKeys {
    /// Number of names.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl Server {
    /// A TTL was set. Only those of clients on a writable replica are remembered.
    pub fn remember_replica_expire(&mut self, db: usize, key: &[u8]) {
        if db < MAX_DB
            && self.is_replica()
            && !self.config.replica_read_only
            && !self.exec.from_master
        {
            *self.replication.keys.keys.entry(key.into()).or_default() |= 1 << db;
        }
    }

    /// The data set is another one.
    pub fn forget_replica_expires(&mut self) {
        self.replication.keys.keys.clear();
    }

    /// Deletes those whose time is over.
    pub fn expire_replica_keys(&mut self) {
        if self.replication.keys.is_empty() {
            return;
        }
        let (now_ms, start_us) = (unix_us() / 1000, self.clock.monotonic_us());
        let mut keys = std::mem::take(&mut self.replication.keys.keys);
        let names: Vec<Box<[u8]>> = keys.keys().cloned().collect();
        for (i, key) in names.iter().enumerate() {
            if i % KEYS_PER_CLOCK == KEYS_PER_CLOCK - 1
                && self.clock.monotonic_us() - start_us > ROUND_US
            {
                break;
            }
            let Some(dbs) = keys.get(key).copied() else { continue };
            for db in (0..MAX_DB.min(self.keyspace.dbs.len())).filter(|db| dbs & (1 << db) != 0) {
                match self.keyspace.dbs[db].get_expire(key) {
                    Some(at) if at > now_ms => continue,
                    Some(_) => {
                        self.delete_expired(db, key);
                        self.propagate_now();
                    }
                    None => {} // deleted, or without a TTL by now
                }
                if let Some(dbs) = keys.get_mut(key) {
                    *dbs &= !(1 << db);
                }
            }
            if keys.get(key) == Some(&0) {
                keys.remove(key);
            }
        }
        self.replication.keys.keys = keys;
    }
}
