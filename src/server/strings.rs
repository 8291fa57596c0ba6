//! Strings in the keyspace, for the families that treat them: string, bitmap, hyperloglog.

use super::Server;
use crate::config::NotifyFlags;
use crate::protocol::error::ReplyError;
use crate::storage::object::{RawStr, StrRef, Value};

impl Server {
    /// The string at a key for reading.
    #[inline]
    pub fn read_string(&mut self, db: usize, key: &[u8]) -> Result<Option<StrRef<'_>>, ReplyError> {
        match self.lookup_read(db, key) {
            None => Ok(None),
            Some(entry) => entry.str_value().map(Some).ok_or(ReplyError::WRONGTYPE),
        }
    }

    /// The string at a key that is about to be changed: counts no hit or miss.
    pub fn write_string(
        &mut self,
        db: usize,
        key: &[u8],
    ) -> Result<Option<StrRef<'_>>, ReplyError> {
        match self.lookup_write(db, key) {
            None => Ok(None),
            Some(entry) => entry.into_ref().str_value().map(Some).ok_or(ReplyError::WRONGTYPE),
        }
    }

    /// SET: the key holds `value` (as an integer if it is the text of one) whatever it held before.
    /// Signals, does not notify (other than "new").
    pub fn set_string(&mut self, db: usize, key: &[u8], value: &[u8], keep_ttl: bool) {
        self.expire_if_needed(db, key);
        let lru = self.overwrite_lru(db, key);
        let keys = self.keyspace.dbs[db].len();
        let old = self.keyspace.dbs[db].set_bytes(key, value, keep_ttl, lru);
        if self.keyspace.dbs[db].len() > keys {
            self.signal_key_as_ready(db, key);
            self.notify(NotifyFlags::NEW, "new", key, db);
        } else if let Some(old) = old {
            self.signal_deleted_key_as_ready(db, key);
            self.lazyfree.free_value(old, self.config.lazyfree_lazy_server_del);
        }
        self.signal_modified(db, key);
    }

    /// The key holds an integer; in place if it does already.
    pub fn store_int(&mut self, db: usize, key: &[u8], value: i64, exists: bool) {
        if !exists {
            self.add_key(db, key, Value::from(value));
            return;
        }
        let in_place = self.keyspace.dbs[db].find_mut(key).is_some_and(|mut e| e.set_int(value));
        if !in_place {
            self.keyspace.dbs[db].set(key, Value::from(value), true);
        }
    }

    /// A new key with an empty string that is going to be edited.
    pub fn add_raw_string(&mut self, db: usize, key: &[u8]) {
        self.add_key(db, key, Value::from(RawStr::with_capacity(0)));
    }

    /// Changes the string at a key that exists in place.
    pub fn edit_string<R>(&mut self, db: usize, key: &[u8], f: impl FnOnce(&mut RawStr) -> R) -> R {
        let text = self.keyspace.dbs[db].raw_str_mut(key);
        f(text.expect("the caller found a string at this key"))
    }
}
