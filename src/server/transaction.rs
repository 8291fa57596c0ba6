//! MULTI's queue and WATCH's registry. The registry knows for every client whether a watched key
//! was touched, so that touching needs no access to the client.

use std::collections::HashMap;

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

#[derive(Default)]
struct ClientWatch {
    keys: Vec<(usize, Box<[u8]>, bool)>,
    touched: bool,
}

/// Which client watches which key.
#[derive(Default)]
pub struct Watches {
    by_key: HashMap<(usize, Box<[u8]>), Vec<u64>>,
    clients: HashMap<u64, ClientWatch>,
}

impl Watches {
    /// True if nobody watches anything: the one test on the path of every write.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// `expired`: the key was there but its time was over when WATCH came. True if newly watched.
    pub fn watch(&mut self, client: u64, db: usize, key: &[u8], expired: bool) -> bool {
        let watchers = self.by_key.entry((db, key.into())).or_default();
        if watchers.contains(&client) {
            return false;
        }
        watchers.push(client);
        self.clients.entry(client).or_default().keys.push((db, key.into(), expired));
        true
    }

    /// Forgets all keys of a client, and that any was touched.
    pub fn unwatch_all(&mut self, client: u64) {
        let Some(watch) = self.clients.remove(&client) else { return };
        for (db, key, _) in watch.keys {
            if let Some(watchers) = self.by_key.get_mut(&(db, key.clone())) {
                watchers.retain(|id| *id != client);
                if watchers.is_empty() {
                    self.by_key.remove(&(db, key));
                }
            }
        }
    }

    /// A key changed.
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        if self.by_key.is_empty() {
            return;
        }
        if let Some(watchers) = self.by_key.get(&(db, Box::from(key))) {
            for id in watchers {
                if let Some(watch) = self.clients.get_mut(id) {
                    watch.touched = true;
                }
            }
        }
    }

    /// A database (or all, `None`) is emptied or replaced. `changes(key)` tells whether a watched
    /// key is affected; an expired one that stays absent is not a change.
    pub fn touch_all(&mut self, db: Option<usize>, mut changes: impl FnMut(usize, &[u8]) -> bool) {
        for watch in self.clients.values_mut() {
            for (key_db, key, _) in &watch.keys {
                if db.is_none_or(|db| db == *key_db) && changes(*key_db, key) {
                    watch.touched = true;
                }
            }
        }
    }

    /// A watched key of the client was touched.
    pub fn is_touched(&self, client: u64) -> bool {
        self.clients.get(&client).is_some_and(|watch| watch.touched)
    }

    /// The client's keys: database, key, and whether it was expired already at WATCH.
    pub fn keys_of(&self, client: u64) -> impl Iterator<Item = (usize, &[u8], bool)> {
        self.clients
            .get(&client)
            .into_iter()
            .flat_map(|watch| watch.keys.iter().map(|(db, key, old)| (*db, &**key, *old)))
    }

    /// Number of clients that watch.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Number of watched (client, key) pairs.
    pub fn keys(&self) -> usize {
        self.clients.values().map(|watch| watch.keys.len()).sum()
    }
}
