//! The data set as the fewest commands that make it: the base file in AOF form.
//!
//! Not the file's way to its name (`server::aof`). Invariant: the keyspace does not change
//! meanwhile; what is written, run in an empty server, gives the same data set.

mod stream;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::feed::{push_command, push_select, push_timestamp};
use crate::config::strerror;
use crate::persistence::child::ChildReport;
use crate::persistence::rdb::file::{FileOptions, NotSaved, SyncedFile};
use crate::persistence::rdb::save::{self, SaveOptions};
use crate::protocol::number::NumText;
use crate::protocol::reply::Reply;
use crate::storage::encoding::listpack::LpValue;
use crate::storage::entry_view::EntryRef;
use crate::storage::keyspace::Keyspace;
use crate::storage::object::{StrRef, ValueRef};
use crate::storage::types::hash::Hash;
use crate::storage::types::list::List;
use crate::storage::types::set::Set;
use crate::storage::types::zset::ZSet;
use crate::sys::process;

/// Elements that one command brings at most.
const ITEMS_PER_COMMAND: usize = 64;
/// What is gathered before it is written.
const BUFFER_BYTES: usize = 256 * 1024;

/// How to rewrite.
#[derive(Debug, Clone, Default)]
pub struct RewriteOptions {
    /// `aof-use-rdb-preamble`: as an RDB; else as commands.
    pub rdb: Option<SaveOptions>,
    /// `aof-timestamp-enabled`: the time now, s since the epoch.
    pub timestamp_s: Option<i64>,
    /// Source code of function libraries.
    pub functions: Vec<Vec<u8>>,
    /// As in [`SaveOptions`].
    pub key_delay_us: i64,
    /// `aof-rewrite-incremental-fsync`.
    pub incremental_sync: bool,
}

/// Writes the file `path` by way of a temporary one. What went wrong is logged.
pub fn rewrite_file(
    path: &Path,
    keyspace: &Keyspace,
    options: &RewriteOptions,
    report: &mut ChildReport,
) -> Result<(), NotSaved> {
    let temp = format!("temp-rewriteaof-{}.aof", process::pid());
    let temp = Path::new(&temp);
    let file = File::create(temp).map_err(|e| {
        log::warn!(
            "Opening the temp file for AOF rewrite in rewriteAppendOnlyFile(): {}",
            strerror(&e)
        );
        NotSaved
    })?;
    let how = FileOptions { incremental_sync: options.incremental_sync, keep_cache: false };
    let mut file = SyncedFile::new(file, how);
    let written = match &options.rdb {
        Some(rdb) => save::save(&mut file, keyspace, rdb, report).map(|_| ()),
        None => rewrite(&mut file, keyspace, options, report),
    };
    let fail = |text: &str, e: &io::Error| {
        log::warn!("{text}: {}", strerror(e));
        // It is worthless, and the disk may be full.
        let _ = fs::remove_file(temp);
        NotSaved
    };
    written
        .and_then(|()| file.finish())
        .map_err(|e| fail("Write error writing append only file on disk", &e))?;
    fs::rename(temp, path)
        .map_err(|e| fail("Error moving temp append only file on the final destination", &e))
}

/// Writes the commands.
pub fn rewrite(
    sink: &mut dyn Write,
    keyspace: &Keyspace,
    options: &RewriteOptions,
    report: &mut ChildReport,
) -> io::Result<()> {
    let mut w = Commands { out: Reply::new(), sink };
    if let Some(now_s) = options.timestamp_s {
        push_timestamp(&mut w.out, now_s);
    }
    for code in &options.functions {
        push_command(&mut w.out, &[b"FUNCTION", b"LOAD", code]);
    }
    for db in keyspace.dbs.iter().filter(|db| !db.is_empty()) {
        push_select(&mut w.out, db.id);
        for entry in db.iter() {
            w.key(&entry)?;
            report.key_done();
            if options.key_delay_us != 0 {
                save::delay(options.key_delay_us);
            }
        }
    }
    w.write_out()
}

/// Gathers commands and writes them.
struct Commands<'s> {
    out: Reply,
    sink: &'s mut dyn Write,
}

impl Commands<'_> {
    fn write_out(&mut self) -> io::Result<()> {
        self.sink.write_all(self.out.as_bytes())?;
        self.out.truncate(0);
        Ok(())
    }

    /// Between commands: keeps the buffer small.
    #[inline]
    fn make_room(&mut self) -> io::Result<()> {
        if self.out.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }

    fn key(&mut self, entry: &EntryRef<'_>) -> io::Result<()> {
        let key = entry.key();
        match entry.value() {
            ValueRef::Str(value) => {
                self.begin(b"SET", key, 1);
                match value {
                    StrRef::Bytes(bytes) => self.out.bulk(bytes),
                    StrRef::Int(int) => self.out.bulk_int(int),
                }
            }
            ValueRef::List(list) => self.list(key, list)?,
            ValueRef::Set(set) => self.set(key, set)?,
            ValueRef::ZSet(zset) => self.zset(key, zset)?,
            ValueRef::Hash(hash) if hash.min_expire().is_some() => self.volatile_hash(key, hash)?,
            ValueRef::Hash(hash) => self.hash(key, hash)?,
            ValueRef::Stream(stream) => self.stream(key, stream)?,
        }
        if let Some(at_ms) = entry.expire() {
            self.begin(b"PEXPIREAT", key, 1);
            self.out.bulk_int(at_ms);
        }
        self.make_room()
    }

    /// The first arguments of a command that `more` arguments follow.
    fn begin(&mut self, name: &[u8], key: &[u8], more: usize) {
        self.out.array(2 + more);
        self.out.bulk(name);
        self.out.bulk(key);
    }

    /// Before element `done` of `len`: begins a command if one is due. Each element has
    /// `args` arguments.
    #[inline]
    fn element(&mut self, name: &[u8], key: &[u8], done: usize, len: usize, args: usize) {
        if done.is_multiple_of(ITEMS_PER_COMMAND) {
            let items = len.saturating_sub(done).min(ITEMS_PER_COMMAND);
            self.begin(name, key, items * args);
        }
    }

    #[inline]
    fn value(&mut self, value: LpValue<'_>) {
        match value {
            LpValue::Int(int) => self.out.bulk_int(int),
            LpValue::Str(bytes) => self.out.bulk(bytes),
        }
    }

    fn list(&mut self, key: &[u8], list: &List) -> io::Result<()> {
        let len = list.len();
        let (mut done, mut result) = (0, Ok(()));
        list.for_each_from(0, false, |value| {
            self.element(b"RPUSH", key, done, len, 1);
            self.value(value);
            done += 1;
            if done.is_multiple_of(ITEMS_PER_COMMAND) {
                result = self.make_room();
            }
            result.is_ok() && done < len
        });
        result
    }

    fn set(&mut self, key: &[u8], set: &Set) -> io::Result<()> {
        let len = set.len();
        for (done, member) in set.iter().enumerate() {
            self.element(b"SADD", key, done, len, 1);
            self.value(member);
            if (done + 1).is_multiple_of(ITEMS_PER_COMMAND) {
                self.make_room()?;
            }
        }
        Ok(())
    }

    fn zset(&mut self, key: &[u8], zset: &ZSet) -> io::Result<()> {
        let len = zset.len();
        let (mut done, mut result) = (0, Ok(()));
        zset.all(|member, score| {
            self.element(b"ZADD", key, done, len, 2);
            self.out.bulk(&NumText::from_f64(score.get()));
            self.value(member);
            done += 1;
            if done.is_multiple_of(ITEMS_PER_COMMAND) {
                result = self.make_room();
            }
            result.is_ok()
        });
        result
    }

    fn hash(&mut self, key: &[u8], hash: &Hash) -> io::Result<()> {
        let len = hash.len();
        for (done, field) in hash.iter().enumerate() {
            self.element(b"HMSET", key, done, len, 2);
            self.value(field.name);
            self.value(field.value);
            if (done + 1).is_multiple_of(ITEMS_PER_COMMAND) {
                self.make_room()?;
            }
        }
        Ok(())
    }

    /// Fields with times of their own come one by one.
    fn volatile_hash(&mut self, key: &[u8], hash: &Hash) -> io::Result<()> {
        for field in hash.iter() {
            self.begin(b"HMSET", key, 2);
            self.value(field.name);
            self.value(field.value);
            if let Some(at_ms) = field.expire {
                self.begin(b"HPEXPIREAT", key, 4);
                self.out.bulk_int(at_ms);
                self.out.bulk(b"FIELDS");
                self.out.bulk(b"1");
                self.value(field.name);
            }
            self.make_room()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persistence::child::ChildKind;
    use crate::storage::object::Value;

    fn text(keyspace: &Keyspace, options: &RewriteOptions) -> Vec<String> {
        let mut bytes = Vec::new();
        let mut report = ChildReport::silent(ChildKind::AofRewrite);
        rewrite(&mut bytes, keyspace, options, &mut report).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        text.split('*').map(|part| part.replace("\r\n", " ").trim().to_owned()).collect()
    }

    #[test]
    fn databases_strings_and_times() {
        let mut keyspace = Keyspace::new(16, false);
        keyspace.dbs[9].insert_with(b"k", Value::string(b"12"), Some(99), 0);
        let options = RewriteOptions {
            timestamp_s: Some(7),
            functions: vec![b"code".to_vec()],
            ..RewriteOptions::default()
        };
        let expected = [
            "#TS:7",
            "3 $8 FUNCTION $4 LOAD $4 code",
            "2 $6 SELECT $1 9",
            "3 $3 SET $1 k $2 12",
            "3 $9 PEXPIREAT $1 k $2 99",
        ];
        assert_eq!(text(&keyspace, &options), expected);
        assert!(text(&Keyspace::new(1, false), &RewriteOptions::default())[0].is_empty());
    }

    #[test]
    fn long_collections_come_in_batches() {
        let mut keyspace = Keyspace::new(1, false);
        let mut list = List::new();
        let limits = Default::default();
        for i in 0..130 {
            list.push(
                crate::storage::types::list::ListEnd::Tail,
                format!("{i}").as_bytes(),
                &limits,
            );
        }
        keyspace.dbs[0].insert_with(b"l", Value::List(list), None, 0);
        let commands = text(&keyspace, &RewriteOptions::default());
        let heads: Vec<&str> = commands.iter().map(|c| c.split(" $1 l").next().unwrap()).collect();
        assert_eq!(heads[2..], ["66 $5 RPUSH", "66 $5 RPUSH", "4 $5 RPUSH"]);
        assert!(commands[4].ends_with("$3 128 $3 129"));
    }
}
