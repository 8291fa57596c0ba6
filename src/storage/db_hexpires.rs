//! Which hashes of one database have fields that expire, and when the first field of each does: so
//! that the expire cycle finds due fields without looking at other keys, and INFO can count such
//! hashes. (Redis keeps `db->hexpires` for the same.)
//!
//! It stores names, not addresses, so entries may move and hashes may change their form freely. It
//! knows no clock.
//!
//! Invariant: `by_time` and `by_key` hold the same pairs. A hash with field expire times is always
//! listed, with its earliest time or a somewhat earlier one (`update` says when).

use std::collections::HashMap;
use std::sync::Arc;

use super::encoding::id_map::{IdMap, StreamId};
use super::encoding::relocate::Mover;
use super::object::Value;

/// A hash stays listed under its old time if its earliest field now expires less than this later:
/// the cycle corrects it when it comes by, for less than an update at every command.
const LATER_THRESHOLD_MS: i64 = 4000;

/// See the file's documentation.
#[derive(Debug, Default)]
pub struct DbHexpires {
    /// By time and address of the name, which is another one for each.
    by_time: IdMap<Arc<[u8]>>,
    by_key: HashMap<Arc<[u8]>, i64>,
}

/// Where a name is in `by_time`.
fn place(at: i64, name: &Arc<[u8]>) -> StreamId {
    StreamId::of_time(at, name.as_ptr().addr() as u64)
}

impl DbHexpires {
    /// Number of hashes listed.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The time under which a hash is listed, ms since the epoch.
    pub fn get(&self, key: &[u8]) -> Option<i64> {
        self.by_key.get(key).copied()
    }

    /// The hash that is due first.
    pub fn first(&self) -> Option<(i64, &[u8])> {
        self.by_time.first().map(|(id, key)| (id.time(), &**key))
    }

    /// Lists a hash under exactly this time.
    pub fn register(&mut self, key: &[u8], min_expire: i64) {
        let name: Arc<[u8]> = match self.by_key.get_key_value(key) {
            Some((_, &old)) if old == min_expire => return,
            Some((name, &old)) => {
                let name = Arc::clone(name);
                self.by_time.remove(place(old, &name));
                name
            }
            None => Arc::from(key),
        };
        self.by_key.insert(Arc::clone(&name), min_expire);
        self.by_time.insert(place(min_expire, &name), name);
    }

    /// Forgets a key; nothing happens if it is not listed.
    #[inline]
    pub fn unregister(&mut self, key: &[u8]) {
        if !self.is_empty() {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some((name, at)) = self.by_key.remove_entry(key) {
            self.by_time.remove(place(at, &name));
        }
    }

    /// Moves the name of a hash, if it is listed and that is worth it.
    pub fn relocate(&mut self, key: &[u8], mover: &mut Mover) {
        let Some((name, &at)) = self.by_key.get_key_value(key) else { return };
        let Some(moved) = mover.shared_bytes_sync(name) else { return };
        self.remove(key);
        self.by_key.insert(Arc::clone(&moved), at);
        self.by_time.insert(place(at, &moved), moved);
    }

    /// Moves some of the blocks that hold the order of the names. Gives the next cursor, see
    /// `Relocate`.
    pub fn relocate_order(&mut self, cursor: u64, mover: &mut Mover) -> u64 {
        self.by_time.relocate_with(cursor, mover, |_, _| {})
    }

    /// Takes over a hash's earliest field expire time after its fields changed. A time that is only
    /// a little later than the one listed is left to the cycle.
    pub fn update(&mut self, key: &[u8], min_expire: Option<i64>) {
        let Some(at) = min_expire else {
            self.unregister(key);
            return;
        };
        match self.get(key) {
            Some(listed) if at >= listed && at - listed < LATER_THRESHOLD_MS => {}
            _ => self.register(key, at),
        }
    }

    /// A key gets this value, whatever it held.
    #[inline]
    pub fn note_value(&mut self, key: &[u8], value: &Value) {
        match value {
            Value::Hash(hash) if hash.has_field_expires() => {
                self.unregister(key);
                self.update(key, hash.min_expire());
            }
            _ => self.unregister(key),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::db::Db;
    use crate::storage::object::ThinValue;
    use crate::storage::types::hash::{Hash, HashLimits};

    fn hash_with(expire: Option<i64>) -> Value {
        let mut hash = Hash::new();
        hash.set_with_expire(b"f", b"v", expire, &HashLimits::default());
        hash.into_value()
    }

    #[test]
    fn the_earliest_hash_comes_first() {
        let mut index = DbHexpires::default();
        index.register(b"a", 30);
        index.register(b"b", 10);
        index.register(b"c", 20);
        assert_eq!((index.first(), index.len()), (Some((10, &b"b"[..])), 3));
        index.register(b"b", 40);
        index.unregister(b"c");
        index.unregister(b"none");
        assert_eq!((index.first(), index.len()), (Some((30, &b"a"[..])), 2));
    }

    #[test]
    fn a_little_later_is_left_to_the_cycle() {
        let mut index = DbHexpires::default();
        index.update(b"a", Some(100));
        index.update(b"a", Some(100 + LATER_THRESHOLD_MS - 1));
        assert_eq!(index.get(b"a"), Some(100));
        index.update(b"a", Some(99));
        assert_eq!(index.get(b"a"), Some(99));
        index.update(b"a", Some(99 + LATER_THRESHOLD_MS));
        assert_eq!(index.get(b"a"), Some(99 + LATER_THRESHOLD_MS));
        index.update(b"a", None);
        assert!(index.is_empty() && index.first().is_none());
    }

    #[test]
    fn a_database_keeps_its_index_right() {
        let mut db = Db::new(0, false);
        db.insert(b"plain", hash_with(None));
        db.insert(b"a", hash_with(Some(5)));
        db.insert_with(b"b", hash_with(Some(7)), None, 0);
        assert_eq!((db.hexpires.len(), db.hexpires.get(b"a")), (2, Some(5)));
        db.set(b"a", hash_with(Some(100_000)), false);
        assert_eq!(db.hexpires.get(b"a"), Some(100_000));
        db.set_bytes(b"a", b"text", false, 0);
        assert_eq!(db.hexpires.len(), 1);
        let (value, _) = db.remove(b"b").expect("is there");
        assert!(db.hexpires.is_empty());
        db.insert(b"c", value);
        assert_eq!(db.hexpires.first(), Some((7, &b"c"[..])));
        assert!(db.replace_value(b"c", hash_with(None)).is_ok_and(|old| old.is_some()));
        assert!(db.hexpires.is_empty());
        db.insert(b"d", hash_with(Some(1)));
        db.clear();
        assert!(db.hexpires.is_empty());
    }
}
