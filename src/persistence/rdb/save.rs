//! A whole RDB: header, auxiliary fields, functions, databases, end. One function for every
//! purpose: the file, the base of an AOF, what replicas are sent.
//!
//! Not here: files (`file`), processes. Invariant: the keyspace does not change meanwhile.

use std::io::{self, Write};

use super::format::{MAGIC, RDB_VERSION, opcode};
use super::object_save::{save_value, type_of};
use super::writer::Writer;
use crate::config::file::REDIS_VERSION;
use crate::persistence::child::ChildReport;
use crate::storage::db::Db;
use crate::storage::entry_view::EntryRef;
use crate::storage::evict::{LfuParams, lfu_decayed, lru_idle_s};
use crate::storage::keyspace::Keyspace;
use crate::sys::{malloc, time};

/// What a key's LRU or LFU bits are saved as.
#[derive(Debug, Clone, Default)]
pub enum Access {
    #[default]
    Unsaved,
    /// Seconds since the last access; the LRU clock now.
    Idle { clock: u32 },
    /// The counter.
    Frequency(LfuParams),
}

/// Where in the replication stream the data set stands.
#[derive(Debug, Clone)]
pub struct ReplicationPoint {
    pub stream_db: i64,
    pub id: String,
    pub offset: i64,
}

/// What is saved and how.
#[derive(Debug, Clone, Default)]
pub struct SaveOptions {
    /// `rdbcompression`.
    pub compress: bool,
    /// `rdbchecksum`; without it the checksum is 0.
    pub checksum: bool,
    /// It becomes the base of an AOF.
    pub aof_base: bool,
    pub replication: Option<ReplicationPoint>,
    pub access: Access,
    /// Source code of function libraries.
    pub functions: Vec<Vec<u8>>,
    /// Only the functions, no databases.
    pub without_data: bool,
    /// `rdb-key-save-delay`: us to wait after each key; -n: 1 us after one key in n.
    pub key_delay_us: i64,
}

/// Writes everything; returns the number of bytes.
pub fn save(
    sink: &mut dyn Write,
    keyspace: &Keyspace,
    options: &SaveOptions,
    report: &mut ChildReport,
) -> io::Result<u64> {
    let mut w = Writer::new(sink, options.compress, options.checksum);
    w.raw(MAGIC);
    w.raw(format!("{RDB_VERSION:04}").as_bytes());
    save_aux_fields(&mut w, options);
    for code in &options.functions {
        w.byte(opcode::FUNCTION2);
        w.string(code);
    }
    if !options.without_data {
        for db in keyspace.dbs.iter().filter(|db| !db.is_empty()) {
            save_db(&mut w, db, keyspace.cluster, options, report)?;
        }
    }
    w.byte(opcode::EOF);
    let crc = w.crc();
    w.raw(&crc.to_le_bytes());
    w.flush()?;
    Ok(w.bytes_written())
}

fn save_aux_fields(w: &mut Writer<'_>, options: &SaveOptions) {
    aux_text(w, "redis-ver", REDIS_VERSION);
    aux_int(w, "redis-bits", i64::from(usize::BITS));
    aux_int(w, "ctime", time::unix_us() / 1_000_000);
    aux_int(w, "used-mem", malloc::used_memory() as i64);
    if let Some(point) = &options.replication {
        aux_int(w, "repl-stream-db", point.stream_db);
        aux_text(w, "repl-id", &point.id);
        aux_int(w, "repl-offset", point.offset);
    }
    aux_int(w, "aof-base", i64::from(options.aof_base));
}

fn aux_text(w: &mut Writer<'_>, name: &str, value: &str) {
    w.byte(opcode::AUX);
    w.string(name.as_bytes());
    w.string(value.as_bytes());
}

fn aux_int(w: &mut Writer<'_>, name: &str, value: i64) {
    w.byte(opcode::AUX);
    w.string(name.as_bytes());
    w.int_string(value);
}

fn save_db(
    w: &mut Writer<'_>,
    db: &Db,
    cluster: bool,
    options: &SaveOptions,
    report: &mut ChildReport,
) -> io::Result<()> {
    w.byte(opcode::SELECTDB);
    w.len(db.id as u64);
    w.byte(opcode::RESIZEDB);
    w.len(db.len() as u64);
    w.len(db.expires_len() as u64);
    if !cluster {
        return save_keys(w, db.iter(), options, report);
    }
    for slot in db.keys().non_empty_slots() {
        w.byte(opcode::SLOT_INFO);
        w.len(u64::from(slot));
        w.len(db.keys().slot_len(slot) as u64);
        w.len(db.expires().slot_len(slot) as u64);
        save_keys(w, db.iter_slot(slot), options, report)?;
    }
    Ok(())
}

fn save_keys<'k>(
    w: &mut Writer<'_>,
    keys: impl Iterator<Item = EntryRef<'k>>,
    options: &SaveOptions,
    report: &mut ChildReport,
) -> io::Result<()> {
    for entry in keys {
        save_key(w, &entry, &options.access);
        w.check()?;
        if options.key_delay_us != 0 {
            delay(options.key_delay_us);
        }
        report.key_done();
    }
    Ok(())
}

#[inline]
fn save_key(w: &mut Writer<'_>, entry: &EntryRef<'_>, access: &Access) {
    if let Some(at_ms) = entry.expire() {
        w.byte(opcode::EXPIRETIME_MS);
        w.millis(at_ms);
    }
    match access {
        Access::Unsaved => {}
        Access::Idle { clock } => {
            w.byte(opcode::IDLE);
            w.len(u64::from(lru_idle_s(entry.lru(), *clock)));
        }
        Access::Frequency(params) => {
            w.byte(opcode::FREQ);
            w.byte(lfu_decayed(entry.lru(), params));
        }
    }
    let value = entry.value();
    w.rdb_type(type_of(&value));
    w.string(entry.key());
    save_value(w, &value);
}

/// `rdb-key-save-delay` after a key.
#[cold]
pub fn delay(us: i64) {
    match u64::try_from(us) {
        Ok(us) => time::sleep_us(us),
        Err(_) if fastrand::u64(..us.unsigned_abs()) == 0 => time::sleep_us(1),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persistence::child::ChildKind;
    use crate::storage::object::Value;
    use crate::util::crc64;

    fn saved(keyspace: &Keyspace, options: &SaveOptions) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut report = ChildReport::silent(ChildKind::Rdb);
        let len = save(&mut bytes, keyspace, options, &mut report).unwrap();
        assert_eq!(len, bytes.len() as u64);
        bytes
    }

    fn contains(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn an_empty_file_has_header_fields_and_checksum() {
        let options = SaveOptions { checksum: true, ..SaveOptions::default() };
        let bytes = saved(&Keyspace::new(2, false), &options);
        assert!(bytes.starts_with(b"REDIS0012\xfa\x09redis-ver"));
        assert!(contains(&bytes, b"\xfa\x08aof-base\xc0\x00\xff"));
        let (body, crc) = bytes.split_at(bytes.len() - 8);
        assert_eq!(crc, crc64::update(0, body).to_le_bytes());
        let bytes = saved(&Keyspace::new(2, false), &SaveOptions::default());
        assert!(bytes.ends_with(&[0; 8]));
    }

    #[test]
    fn keys_carry_their_attributes() {
        let mut keyspace = Keyspace::new(2, false);
        keyspace.dbs[1].insert_with(b"k", Value::string(b"v"), Some(0x0102), 0);
        let options = SaveOptions { access: Access::Idle { clock: 70 }, ..SaveOptions::default() };
        let bytes = saved(&keyspace, &options);
        let expected =
            b"\xfe\x01\xfb\x01\x01\xfc\x02\x01\0\0\0\0\0\0\xf8\x40\x46\x00\x01k\x01v\xff";
        assert!(contains(&bytes, expected), "{bytes:?}");
        let without_data = SaveOptions { without_data: true, ..options };
        assert!(!contains(&saved(&keyspace, &without_data), b"\xfe\x01"));
    }

    #[test]
    fn slots_announce_their_keys() {
        let mut keyspace = Keyspace::new(1, true);
        keyspace.dbs[0].insert_with(b"foo", Value::from(1), None, 0);
        let bytes = saved(&keyspace, &SaveOptions::default());
        // foo is in slot 12182.
        assert!(contains(&bytes, b"\xfb\x01\x00\xf4\x6f\x96\x01\x00\x00\x03foo"), "{bytes:?}");
    }
}
