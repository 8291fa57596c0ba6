//! MULTI's queue and WATCH's registry. The registry knows for every client whether a watched key
//! was touched, so that touching needs no access to the client.
//!
//! Invariant: a (client, database, key) stands either in both maps of the registry or in none; a
//! client whose watch was touched has no keys left in it.

use std::collections::HashMap;

use super::Server;
use super::client::Client;
use crate::commands::table::CommandId;

/// A command queued by MULTI.
pub struct Queued {
    pub command: CommandId,
    pub argv: Vec<Box<[u8]>>,
}

/// The state of a client between MULTI and EXEC.
#[derive(Default)]
pub struct Multi {
    pub queue: Vec<Queued>,
    /// Union of the flags of the queued commands.
    pub flags: u64,
    /// Intersection's complement: union of the inverted flags.
    pub inverse_flags: u64,
    pub argv_bytes: usize,
}

impl Multi {
    /// Memory of the queue, bytes.
    pub fn memory_bytes(&self) -> usize {
        let args: usize = self.queue.iter().map(|queued| queued.argv.len()).sum();
        size_of::<Multi>()
            + self.queue.capacity() * size_of::<Queued>()
            + args * size_of::<Box<[u8]>>()
            + self.argv_bytes
    }
}

struct WatchedKey {
    db: usize,
    key: Box<[u8]>,
    /// The key's time was over when WATCH came (or it was replaced by such a key): that it is
    /// deleted then is no change.
    expired: bool,
}

#[derive(Default)]
struct ClientWatch {
    keys: Vec<WatchedKey>,
    touched: bool,
}

/// Which client watches which key.
#[derive(Default)]
pub struct Watches {
    /// (database, client) by key.
    by_key: HashMap<Box<[u8]>, Vec<(usize, u64)>>,
    clients: HashMap<u64, ClientWatch>,
}

/// What becomes of a watched key when its database is emptied or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyState {
    Absent,
    /// There, but its time is over.
    Expired,
    Present,
}

impl Watches {
    /// True if nobody watches anything: the one test on the path of every write.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// `expired`: the key is there but its time is over. True if newly watched.
    pub fn watch(&mut self, client: u64, db: usize, key: &[u8], expired: bool) -> bool {
        if let Some(watchers) = self.by_key.get(key)
            && watchers.contains(&(db, client))
        {
            return false;
        }
        self.by_key.entry(key.into()).or_default().push((db, client));
        let watched = WatchedKey { db, key: key.into(), expired };
        self.clients.entry(client).or_default().keys.push(watched);
        true
    }

    /// Forgets all keys of a client, and that any was touched.
    pub fn unwatch_all(&mut self, client: u64) {
        if let Some(watch) = self.clients.remove(&client) {
            self.unlink(client, watch.keys);
        }
    }

    fn unlink(&mut self, client: u64, keys: Vec<WatchedKey>) {
        for watched in keys {
            if let Some(watchers) = self.by_key.get_mut(&watched.key) {
                watchers.retain(|entry| *entry != (watched.db, client));
                if watchers.is_empty() {
                    self.by_key.remove(&watched.key);
                }
            }
        }
    }

    /// The client's next EXEC fails; its keys need not be watched any more.
    fn set_touched(&mut self, client: u64) {
        if let Some(watch) = self.clients.get_mut(&client) {
            watch.touched = true;
            let keys = std::mem::take(&mut watch.keys);
            self.unlink(client, keys);
        }
    }

    /// A key changed; `exists`: it is there after the change.
    pub fn touch(&mut self, db: usize, key: &[u8], exists: bool) {
        let Some(watchers) = self.by_key.get(key) else { return };
        for (_, client) in watchers.clone().into_iter().filter(|(of, _)| *of == db) {
            let Some(watch) = self.clients.get_mut(&client) else { continue };
            let found = watch.keys.iter_mut().find(|w| w.db == db && *w.key == *key);
            match found {
                // An expired key was deleted: no change. From now on it is an absent key.
                Some(watched) if watched.expired && !exists => watched.expired = false,
                // It was replaced while it was expired: WATCH saw nothing, nothing is lost.
                Some(watched) if watched.expired => {}
                _ => self.set_touched(client),
            }
        }
    }

    /// A database is emptied or replaced: `states(key)` tells what each watched key was and what it
    /// will be.
    pub fn touch_all(&mut self, db: usize, states: impl Fn(&[u8]) -> (KeyState, KeyState)) {
        let mut touched = Vec::new();
        for (client, watch) in &mut self.clients {
            let mut changed = false;
            for watched in watch.keys.iter_mut().filter(|watched| watched.db == db) {
                changed |= watched.is_changed(states(&watched.key));
            }
            if changed {
                touched.push(*client);
            }
        }
        for client in touched {
            self.set_touched(client);
        }
    }

    /// A watched key of the client was touched.
    pub fn is_touched(&self, client: u64) -> bool {
        self.clients.get(&client).is_some_and(|watch| watch.touched)
    }

    /// The client's keys: database, key, and whether it was expired already at WATCH.
    pub fn keys_of(&self, client: u64) -> impl Iterator<Item = (usize, &[u8], bool)> {
        let keys = self.clients.get(&client).into_iter().flat_map(|watch| watch.keys.iter());
        keys.map(|watched| (watched.db, &*watched.key, watched.expired))
    }

    /// Number of keys that the client watches.
    pub fn count_of(&self, client: u64) -> usize {
        self.clients.get(&client).map_or(0, |watch| watch.keys.len())
    }

    /// Number of clients that watch.
    pub fn clients(&self) -> usize {
        self.clients.values().filter(|watch| !watch.keys.is_empty()).count()
    }

    /// Number of watched keys, each counted once for all who watch it.
    pub fn keys(&self) -> usize {
        let databases = |watchers: &Vec<(usize, u64)>| {
            let mut dbs: Vec<usize> = watchers.iter().map(|(db, _)| *db).collect();
            dbs.sort_unstable();
            dbs.dedup();
            dbs.len()
        };
        self.by_key.values().map(databases).sum()
    }
}

impl WatchedKey {
    fn is_changed(&mut self, (before, after): (KeyState, KeyState)) -> bool {
        if before == KeyState::Absent && after == KeyState::Absent {
            return false;
        }
        if self.expired {
            if after == KeyState::Absent {
                // The expired key is deleted.
                self.expired = false;
            }
            return after == KeyState::Present;
        }
        if before == KeyState::Absent && after == KeyState::Expired {
            self.expired = true;
            return false;
        }
        true
    }
}

impl Server {
    /// What is known of a key without touching it.
    fn key_state(&self, db: usize, key: &[u8]) -> KeyState {
        let db = &self.keyspace.dbs[db];
        if db.find(key).is_none() {
            return KeyState::Absent;
        }
        match db.get_expire(key) {
            Some(at) if at < self.clock.cmd_time_ms => KeyState::Expired,
            _ => KeyState::Present,
        }
    }

    /// The key is there, but its time is over.
    pub fn key_is_expired(&self, db: usize, key: &[u8]) -> bool {
        self.key_state(db, key) == KeyState::Expired
    }

    /// WATCH of one key.
    pub fn watch_key(&mut self, client: &Client, key: &[u8]) {
        let expired = self.key_is_expired(client.db, key);
        self.watches.watch(client.id, client.db, key, expired);
    }

    /// EXEC must fail: a watched key changed, or its time has come since WATCH.
    pub fn watch_is_broken(&self, client: u64) -> bool {
        let ran_out =
            |(db, key, expired): (usize, &[u8], bool)| !expired && self.key_is_expired(db, key);
        self.watches.is_touched(client) || self.watches.keys_of(client).any(ran_out)
    }

    /// To be called before a database is emptied (FLUSHDB, FLUSHALL: `replaced_with` = `None`) or
    /// changes places with another (SWAPDB: once for each of the two).
    pub fn touch_all_watched_keys_in_db(&mut self, db: usize, replaced_with: Option<usize>) {
        if self.watches.is_empty() {
            return;
        }
        let mut watches = std::mem::take(&mut self.watches);
        watches.touch_all(db, |key| {
            let after = replaced_with.map_or(KeyState::Absent, |other| self.key_state(other, key));
            (self.key_state(db, key), after)
        });
        self.watches = watches;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_touched_client_watches_nothing_more() {
        let mut watches = Watches::default();
        assert!(watches.watch(1, 0, b"a", false));
        assert!(!watches.watch(1, 0, b"a", false), "already watched");
        assert!(watches.watch(1, 9, b"a", false), "the same name in another database");
        assert!(watches.watch(2, 0, b"a", false));
        assert_eq!((watches.clients(), watches.keys(), watches.count_of(1)), (2, 2, 2));
        watches.touch(9, b"a", true);
        assert!(watches.is_touched(1) && !watches.is_touched(2));
        assert_eq!((watches.clients(), watches.keys(), watches.count_of(1)), (1, 1, 0));
        watches.unwatch_all(1);
        assert!(!watches.is_touched(1));
        watches.unwatch_all(2);
        assert!(watches.is_empty());
    }

    #[test]
    fn deleting_an_expired_key_is_no_change() {
        let mut watches = Watches::default();
        watches.watch(1, 0, b"k", true);
        watches.touch(0, b"k", false);
        assert!(!watches.is_touched(1));
        watches.touch(0, b"k", true);
        assert!(watches.is_touched(1), "made anew after that");
    }

    #[test]
    fn replaced_databases() {
        use KeyState::{Absent, Expired, Present};
        for (expired, states, touched) in [
            (false, (Absent, Absent), false),
            (false, (Present, Absent), true),
            (false, (Absent, Present), true),
            (false, (Absent, Expired), false),
            (true, (Expired, Absent), false),
            (true, (Expired, Expired), false),
            (true, (Expired, Present), true),
        ] {
            let mut watches = Watches::default();
            watches.watch(1, 0, b"k", expired);
            watches.touch_all(0, |_| states);
            assert_eq!(watches.is_touched(1), touched, "{expired} {states:?}");
            watches.touch_all(1, |_| (Present, Absent));
            assert_eq!(watches.is_touched(1), touched, "another database");
        }
    }
}
