//! Active defragmentation of a database: moving its entries with their values, and keeping the
//! second table of their addresses in step.

use super::{Db, Entry, EntryPtr, KvStore};
use crate::storage::db_hexpires::DbHexpires;
use crate::storage::encoding::hashtable::Element;
use crate::storage::encoding::relocate::{Mover, PartCursor, Relocate};
use crate::storage::keyspace::KeyHash;

/// What one pass over keys finds.
#[derive(Debug, Default)]
pub struct KeyPass {
    /// Collections of more parts than this are put off.
    pub max_parts: usize,
    /// Those that were put off.
    pub put_off: Vec<Box<[u8]>>,
    /// Keys of which something was moved.
    pub key_hits: u64,
    /// Keys of which nothing was.
    pub key_misses: u64,
}

impl KeyPass {
    fn count(&mut self, hit: bool) {
        if hit {
            self.key_hits += 1;
        } else {
            self.key_misses += 1;
        }
    }
}

/// Moves an entry's block and tells `expires`.
fn relocate_block(
    entry: Entry,
    cluster: bool,
    expires: &mut KvStore<EntryPtr>,
    mover: &mut Mover,
) -> Entry {
    let mut entry = entry;
    let old = EntryPtr::alias(entry.as_ref()).into_word();
    entry.relocate_block(mover);
    let alias = EntryPtr::alias(entry.as_ref());
    if entry.as_ref().expire().is_some() && EntryPtr::alias(entry.as_ref()).into_word() != old {
        let at = KeyHash::new(entry.as_ref().key(), cluster);
        assert!(expires.replace_word(at, old, alias).is_ok(), "a key with a TTL is in expires");
    }
    entry
}

/// Moves the index' copy of the name of a hash whose fields expire.
fn relocate_name(entry: &Entry, hexpires: &mut DbHexpires, mover: &mut Mover) {
    if !hexpires.is_empty() {
        hexpires.relocate(entry.as_ref().key(), mover);
    }
}

impl Db {
    /// One step over the keys: their tables, entries and small values. Cursors are those of `scan`.
    pub fn relocate_keys(&mut self, cursor: u64, mover: &mut Mover, pass: &mut KeyPass) -> u64 {
        let Db { keys, expires, hexpires, cluster, .. } = self;
        keys.relocate_step(cursor, mover, |mut entry, mover| {
            let hits = mover.hits;
            if entry.as_ref().value().free_effort() > pass.max_parts {
                pass.put_off.push(entry.as_ref().key().into());
            } else {
                entry.relocate_all(mover);
            }
            relocate_name(&entry, hexpires, mover);
            let entry = relocate_block(entry, *cluster, expires, mover);
            pass.count(mover.hits != hits);
            entry
        })
    }

    /// One step over the table of keys with a TTL and the order of hashes whose fields expire:
    /// their own blocks.
    pub fn relocate_expires(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        let at = PartCursor::of(cursor);
        let next = match at.part {
            0 => self.expires.relocate_step(at.inner, mover, |alias, _| alias),
            _ => self.hexpires.relocate_order(at.inner, mover),
        };
        at.next(next, 1)
    }

    /// One piece of the value of a key that was put off; 0 when it is done, or gone.
    pub fn relocate_value(&mut self, key: &[u8], cursor: u64, mover: &mut Mover) -> u64 {
        let at = self.hash(key);
        let Some(mut slot) = self.keys.find_mut(at, key) else { return 0 };
        // The value alone: the entry keeps its address.
        slot.update(|mut entry| {
            let next = entry.relocate(cursor, mover);
            (entry, next)
        })
    }
}

#[cfg(test)]
mod tests;
