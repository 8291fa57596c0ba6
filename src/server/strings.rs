//! Strings in the keyspace, for the families that treat them: string, bitmap, hyperloglog.

use super::Server;
use crate::config::NotifyFlags;
use crate::protocol::error::ReplyError;
use crate::storage::keyspace::KeyHash;
use crate::storage::object::{ObjType, RawStr, StrRef, StrValue, Value};

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
        self.set_string_hashed(db, self.key_hash(db, key), key, value, keep_ttl);
    }

    /// As `set_string`, for a key whose place is known.
    #[inline]
    pub fn set_string_hashed(
        &mut self,
        db: usize,
        at: KeyHash,
        key: &[u8],
        value: &[u8],
        keep_ttl: bool,
    ) {
        self.expire_if_needed(db, key);
        let lru = self.overwrite_lru(db, key);
        let keys = self.keyspace.dbs[db].len();
        let old = self.keyspace.dbs[db].set_bytes_hashed(at, key, value, keep_ttl, lru);
        if self.keyspace.dbs[db].len() > keys {
            self.signal_key_as_ready(db, key);
            self.notify(NotifyFlags::NEW, "new", key, db);
        } else if let Some(old) = old {
            self.signal_deleted_key_as_ready(db, key);
            self.lazyfree.free_value(old, self.config.lazyfree_lazy_server_del);
        }
        self.signal_modified(db, key);
    }

    /// INCR: replaces the integer that the key holds (0 if it does not exist) by what `f` makes of
    /// it; in place, with one look-up, if it is stored as one.
    pub fn update_int(
        &mut self,
        db: usize,
        key: &[u8],
        f: impl FnOnce(i64) -> Result<i64, ReplyError>,
    ) -> Result<i64, ReplyError> {
        let Some(mut entry) = self.lookup_write(db, key) else {
            let new = f(0)?;
            self.add_key(db, key, Value::from(new));
            return Ok(new);
        };
        let old = entry.as_ref().str_value().ok_or(ReplyError::WRONGTYPE)?;
        let new = f(old.as_int().ok_or(ReplyError::NOT_INT)?)?;
        if !entry.set_int(new) {
            self.keyspace.dbs[db].set(key, Value::from(new), true);
        }
        Ok(new)
    }

    /// The key holds these bytes, which stay bytes even if they are the text of an integer; a TTL
    /// stays.
    pub fn store_text(&mut self, db: usize, key: &[u8], text: &[u8]) {
        let value = Value::Str(StrValue::from_bytes(text));
        if let Err(value) = self.keyspace.dbs[db].replace_value(key, value) {
            self.add_key(db, key, value);
        }
    }

    /// Changes the string at a key in place; a new key begins with an empty one that takes
    /// `capacity` bytes without moving. One look-up if the string was changed in place before.
    pub fn update_string<R>(
        &mut self,
        db: usize,
        key: &[u8],
        capacity: usize,
        f: impl FnOnce(&mut RawStr) -> R,
    ) -> Result<R, ReplyError> {
        match self.lookup_write(db, key) {
            None => self.add_key(db, key, Value::from(RawStr::with_capacity(capacity))),
            Some(entry) if entry.obj_type() != ObjType::String => {
                return Err(ReplyError::WRONGTYPE);
            }
            Some(entry) => {
                if let Some(text) = entry.into_raw_str() {
                    return Ok(f(text));
                }
            }
        }
        Ok(self.edit_string(db, key, f))
    }

    /// Changes the string at a key that exists in place.
    pub fn edit_string<R>(&mut self, db: usize, key: &[u8], f: impl FnOnce(&mut RawStr) -> R) -> R {
        let text = self.keyspace.dbs[db].raw_str_mut(key);
        f(text.expect("the caller found a string at this key"))
    }
}
