//! Reading what was written: by this server, by those of long ago (bytes made here), and by nobody
//! in his right mind.

use std::io::Read;

use proptest::collection::vec;
use proptest::prelude::*;

use super::format::{EOF_MARK_LEN, RdbType, opcode};
use super::load::{AccessClock, KeyOutcome, LoadError, LoadOptions, LoadTarget, Loaded, load};
use super::object_load::ObjectRules;
use super::object_save::dump_payload;
use super::payload::{PayloadError, load_payload};
use super::reader::{Fault, Reader};
use super::save::{SaveOptions, save};
use super::writer::Writer;
use super::ziplist::tests::{ziplist, zipmap};
use crate::persistence::child::{ChildKind, ChildReport};
use crate::storage::digest;
use crate::storage::encoding::listpack::{Listpack, LpValue};
use crate::storage::keyspace::Keyspace;
use crate::storage::object::{StrRef, ThinValue, Value, ValueRef};
use crate::storage::types::hash::{Hash, HashLimits};
use crate::storage::types::list::{List, ListEnd, ListLimits};
use crate::storage::types::set::{Set, SetLimits};
use crate::storage::types::zset::{ZSet, ZSetLimits};
use crate::util::crc64;

const NOW_MS: i64 = 1_700_000_000_000;

struct Memory {
    keyspace: Keyspace,
    libraries: Vec<Vec<u8>>,
    outcomes: Vec<KeyOutcome>,
    expired: Vec<Vec<u8>>,
    stop_after: usize,
}

impl Memory {
    fn new() -> Memory {
        let keyspace = Keyspace::new(16, false);
        let (libraries, outcomes, expired) = (Vec::new(), Vec::new(), Vec::new());
        Memory { keyspace, libraries, outcomes, expired, stop_after: usize::MAX }
    }

    fn value(&self, key: &str) -> ValueRef<'_> {
        self.keyspace.dbs[0].find(key.as_bytes()).expect("the key is there").value()
    }

    fn text(&self, key: &str) -> Vec<u8> {
        match self.value(key) {
            ValueRef::Str(StrRef::Bytes(bytes)) => bytes.to_vec(),
            ValueRef::Str(StrRef::Int(int)) => int.to_string().into_bytes(),
            other => panic!("{key} is a {}", other.obj_type().name()),
        }
    }
}

impl LoadTarget for Memory {
    fn keyspace(&mut self) -> &mut Keyspace {
        &mut self.keyspace
    }

    fn key_done(&mut self, outcome: KeyOutcome, _processed: u64) -> bool {
        self.outcomes.push(outcome);
        self.outcomes.len() < self.stop_after
    }

    fn key_expired(&mut self, _db: usize, key: &[u8]) {
        self.expired.push(key.to_vec());
    }

    fn load_library(&mut self, code: &[u8]) -> Result<(), String> {
        self.libraries.push(code.to_vec());
        Ok(())
    }
}

fn rules(deep: bool) -> ObjectRules {
    ObjectRules::with_default_limits(deep)
}

fn options() -> LoadOptions {
    LoadOptions {
        rules: rules(false),
        access: AccessClock { lfu: false, lru_clock: 1000, minutes: 7, initial: 1000 },
        now_ms: NOW_MS,
        drop_expired: true,
        allow_duplicates: false,
        verify_checksum: true,
    }
}

/// Gives the bytes in pieces, as sockets do.
struct Pieces<'a>(&'a [u8], usize);

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let len = buf.len().min(self.1);
        (&self.0[..self.0.len().min(len)]).read(buf).inspect(|&n| self.0 = &self.0[n..])
    }
}

fn load_with(bytes: &[u8], options: &LoadOptions) -> (Memory, Result<Loaded, LoadError>) {
    let mut memory = Memory::new();
    let mut source = Pieces(bytes, 1000);
    let total = Some(bytes.len() as u64);
    let result = load(&mut Reader::of_source(&mut source, total, &mut memory), options);
    (memory, result)
}

fn load_bytes(bytes: &[u8]) -> (Memory, Result<Loaded, LoadError>) {
    load_with(bytes, &options())
}

/// A file of this version: header, what `f` writes, end, checksum.
fn file(version: u16, f: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut w = Writer::in_memory(false);
    w.raw(format!("REDIS{version:04}").as_bytes());
    f(&mut w);
    w.byte(opcode::EOF);
    let mut bytes = w.into_bytes();
    if version >= 5 {
        let crc = crc64::update(0, &bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
    }
    bytes
}

fn key(w: &mut Writer<'_>, rdb_type: RdbType, name: &str) {
    w.rdb_type(rdb_type);
    w.string(name.as_bytes());
}

fn texts(value: &LpValue<'_>) -> String {
    String::from_utf8(value.to_vec()).expect("tests use ASCII")
}

fn hash_pairs(value: ValueRef<'_>) -> Vec<(String, String)> {
    let ValueRef::Hash(hash) = value else { panic!("not a hash") };
    let mut pairs: Vec<_> = hash.iter().map(|f| (texts(&f.name), texts(&f.value))).collect();
    pairs.sort();
    pairs
}

fn list_items(value: ValueRef<'_>) -> Vec<String> {
    let ValueRef::List(list) = value else { panic!("not a list") };
    let mut items = Vec::new();
    list.for_each_from(0, false, |value| {
        items.push(texts(&value));
        true
    });
    items
}

fn zset_pairs(value: ValueRef<'_>) -> Vec<(String, f64)> {
    let ValueRef::ZSet(zset) = value else { panic!("not a sorted set") };
    let mut pairs = Vec::new();
    zset.all(|member, score| {
        pairs.push((texts(&member), score.get()));
        true
    });
    pairs
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.into(), value.into())
}

#[test]
fn a_file_of_the_first_version() {
    let bytes = file(1, |w| {
        w.byte(opcode::SELECTDB);
        w.len(0);
        key(w, RdbType::String, "s");
        w.string(b"hello");
        w.byte(opcode::EXPIRETIME);
        w.raw(&((NOW_MS / 1000 + 10) as i32).to_le_bytes());
        key(w, RdbType::List, "l");
        w.len(3);
        ["a", "12", "c"].iter().for_each(|item| w.string(item.as_bytes()));
        key(w, RdbType::Set, "ints");
        w.len(2);
        ["-5", "7"].iter().for_each(|item| w.string(item.as_bytes()));
        key(w, RdbType::Set, "set");
        w.len(2);
        ["7", "x"].iter().for_each(|item| w.string(item.as_bytes()));
        key(w, RdbType::ZSet, "z");
        w.len(4);
        for (member, score) in [("a", &b"\x031.5"[..]), ("i", b"\xFE"), ("m", b"\xFF")] {
            w.string(member.as_bytes());
            w.raw(score);
        }
        w.string(b"t");
        w.raw(b"\x02-3");
        key(w, RdbType::Hash, "h");
        w.len(2);
        ["f", "v", "n", "10"].iter().for_each(|item| w.string(item.as_bytes()));
    });
    let (memory, result) = load_bytes(&bytes);
    assert_eq!(result.expect("loads").keys_loaded, 6);
    assert_eq!(memory.text("s"), b"hello");
    assert_eq!(list_items(memory.value("l")), ["a", "12", "c"]);
    let expire = memory.keyspace.dbs[0].get_expire(b"l");
    assert_eq!(expire, Some((NOW_MS / 1000 + 10) * 1000));
    assert_eq!(memory.value("ints").encoding(), "intset");
    assert_eq!(memory.value("set").encoding(), "listpack");
    let want = [("m", f64::NEG_INFINITY), ("t", -3.0), ("a", 1.5), ("i", f64::INFINITY)];
    assert_eq!(zset_pairs(memory.value("z")), want.map(|(member, s)| (member.to_string(), s)));
    assert_eq!(hash_pairs(memory.value("h")), [pair("f", "v"), pair("n", "10")]);
}

#[test]
fn ziplists_and_zipmaps_become_listpacks() {
    let pairs = [LpValue::Str(b"a"), LpValue::Int(1), LpValue::Str(b"b"), LpValue::Int(-70000)];
    let map = [(b"f".to_vec(), b"v".to_vec()), (vec![b'n'; 300], b"9".to_vec())];
    let bytes = file(6, |w| {
        key(w, RdbType::HashZiplist, "h");
        w.string(&ziplist(&pairs));
        key(w, RdbType::ZSetZiplist, "z");
        w.string(&ziplist(&pairs));
        key(w, RdbType::ListZiplist, "l");
        w.string(&ziplist(&pairs));
        key(w, RdbType::ListQuicklist, "q");
        w.len(2);
        w.string(&ziplist(&pairs));
        w.string(&ziplist(&pairs));
        key(w, RdbType::HashZipmap, "m");
        w.string(&zipmap(&map, 3));
        key(w, RdbType::SetIntset, "i");
        w.string(&[2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 9, 0]);
    });
    let (memory, result) = load_bytes(&bytes);
    assert_eq!(result.expect("loads").keys_loaded, 6);
    assert_eq!(hash_pairs(memory.value("h")), [pair("a", "1"), pair("b", "-70000")]);
    assert_eq!(memory.value("h").encoding(), "listpack");
    let want = [("b".to_string(), -70000.0), ("a".to_string(), 1.0)];
    let got = zset_pairs(memory.value("z"));
    assert!(got.iter().all(|pair| want.contains(pair)) && got.len() == 2, "{got:?}");
    assert_eq!(list_items(memory.value("l")), ["a", "1", "b", "-70000"]);
    assert_eq!(list_items(memory.value("q")).len(), 8);
    assert_eq!(memory.value("m").encoding(), "hashtable", "a name of 300 bytes");
    assert_eq!(memory.value("i").encoding(), "intset");
}

#[test]
fn hashes_with_field_expire_times() {
    let triplets = [
        LpValue::Str(b"soon"),
        LpValue::Str(b"1"),
        LpValue::Int(NOW_MS + 5),
        LpValue::Str(b"never"),
        LpValue::Str(b"2"),
        LpValue::Int(0),
    ];
    let bytes = file(12, |w| {
        key(w, RdbType::HashListpackEx, "lp");
        w.millis(NOW_MS + 5);
        w.string(Listpack::from_values(triplets).as_bytes());
        key(w, RdbType::HashMetadata, "meta");
        w.millis(NOW_MS + 5);
        w.len(3);
        for (ttl, name) in [(0, "never"), (11, "later"), (1, "soon")] {
            w.len(ttl);
            w.string(name.as_bytes());
            w.string(b"v");
        }
        key(w, RdbType::HashMetadataPreGa, "old");
        w.len(1);
        w.len(NOW_MS as u64 + 9);
        w.string(b"f");
        w.string(&[b'v'; 100]);
    });
    let (memory, result) = load_bytes(&bytes);
    assert_eq!(result.expect("loads").keys_loaded, 3);
    let expire = |key: &str, field: &str| match memory.value(key) {
        ValueRef::Hash(hash) => hash.get(field.as_bytes()).expect("a field").expire,
        _ => panic!("not a hash"),
    };
    assert_eq!(memory.value("lp").encoding(), "listpackex");
    assert_eq!((expire("lp", "soon"), expire("lp", "never")), (Some(NOW_MS + 5), None));
    assert_eq!(memory.value("meta").encoding(), "listpackex");
    assert_eq!(
        (expire("meta", "later"), expire("meta", "soon")),
        (Some(NOW_MS + 15), Some(NOW_MS + 5))
    );
    assert_eq!(memory.value("old").encoding(), "hashtable");
    assert_eq!(expire("old", "f"), Some(NOW_MS + 9));
    assert_eq!(memory.keyspace.dbs[0].hexpires.len(), 3);
}

#[test]
fn a_score_of_minus_zero_stays_one_in_a_table() {
    let bytes = file(8, |w| {
        key(w, RdbType::ZSet2, "z");
        w.len(2);
        for (member, score) in [(&b"0"[..], -0.0), (&[b'x'; 100], 0.0)] {
            w.string(member);
            w.double(score);
        }
    });
    let (memory, result) = load_bytes(&bytes);
    assert!(result.is_ok());
    let pairs = zset_pairs(memory.value("z"));
    assert!(pairs.iter().any(|(member, score)| member == "0" && score.is_sign_negative()));
}

#[test]
fn what_stands_around_keys() {
    let bytes = file(12, |w| {
        let id = "0123456789".repeat(4);
        for (name, value) in [
            ("redis-ver", "7.4.0"),
            ("repl-stream-db", "3"),
            ("repl-id", id.as_str()),
            ("repl-offset", "77"),
            ("unknown", "x"),
        ] {
            w.byte(opcode::AUX);
            w.string(name.as_bytes());
            w.string(value.as_bytes());
        }
        w.byte(opcode::FUNCTION2);
        w.string(b"#!lua name=lib");
        w.byte(opcode::SELECTDB);
        w.len(3);
        w.byte(opcode::RESIZEDB);
        w.len(u64::MAX);
        w.len(u64::MAX);
        w.byte(opcode::SLOT_INFO);
        [1, 2, 3].iter().for_each(|&n| w.len(n));
        w.byte(opcode::EXPIRETIME_MS);
        w.millis(NOW_MS - 1);
        key(w, RdbType::String, "gone");
        w.string(b"x");
        w.byte(opcode::IDLE);
        w.len(400);
        key(w, RdbType::String, "idle");
        w.string(b"x");
        key(w, RdbType::Set, "empty");
        w.len(0);
        w.byte(opcode::FREQ);
        w.byte(9);
        key(w, RdbType::String, "freq");
        w.string(b"x");
    });
    let (memory, result) = load_bytes(&bytes);
    let loaded = result.expect("loads");
    let counts = (loaded.keys_loaded, loaded.keys_expired, loaded.empty_keys_skipped);
    assert_eq!(counts, (2, 1, 1));
    assert_eq!((loaded.replication.stream_db, loaded.replication.offset), (Some(3), Some(77)));
    assert_eq!(loaded.replication.id.map(|id| id.len()), Some(40));
    assert_eq!(memory.libraries, [b"#!lua name=lib".to_vec()]);
    assert_eq!(memory.expired, [b"gone".to_vec()]);
    let lru = |key: &[u8]| memory.keyspace.dbs[3].find(key).expect("a key").lru();
    assert_eq!((lru(b"idle"), lru(b"freq")), (600, 1000), "LRU is the policy");

    let keep = LoadOptions { drop_expired: false, ..options() };
    assert_eq!(load_with(&bytes, &keep).1.expect("loads").keys_expired, 0);
    let mut lfu = options();
    lfu.access.lfu = true;
    let (memory, _) = load_with(&bytes, &lfu);
    assert_eq!(memory.keyspace.dbs[3].find(b"freq").expect("a key").lru(), 7 << 8 | 9);
}

#[test]
fn the_idle_clock_does_not_wrap_below_its_start() {
    let clock = AccessClock { lfu: false, lru_clock: 100, minutes: 0, initial: 5 };
    assert_eq!(clock.bits(Some(40), None), 60);
    assert_eq!(clock.bits(None, Some(3)), 5);
    assert_eq!(clock.bits(Some(i64::MAX), None), 100 + ((1 << 24) - 1) / 2);
}

#[test]
fn faults_are_told_apart() {
    let fault =
        |text: &str| Err::<Loaded, _>(LoadError::Fault(Fault::Corrupt(text.to_owned().into())));
    assert_eq!(load_bytes(b"REDIX0012").1, Err(LoadError::Format));
    assert_eq!(load_bytes(b"REDIS0013\xFF").1, Err(LoadError::Format));
    assert_eq!(load_bytes(b"REDIS0012").1, Err(LoadError::Fault(Fault::ShortRead)));
    let mut damaged = file(12, |w| {
        key(w, RdbType::String, "k");
        w.string(b"value");
    });
    damaged[14] ^= 1;
    assert_eq!(load_bytes(&damaged).1, fault("RDB CRC error"));
    let trusting = LoadOptions { verify_checksum: false, ..options() };
    assert!(load_with(&damaged, &trusting).1.is_ok());
    let len = damaged.len();
    damaged[len - 8..].fill(0);
    assert!(load_bytes(&damaged).1.is_ok(), "no checksum was computed");

    let twice = file(12, |w| {
        for value in ["1", "2"] {
            key(w, RdbType::String, "k");
            w.string(value.as_bytes());
        }
    });
    assert_eq!(load_bytes(&twice).1, Err(LoadError::DuplicateKey));
    let merge = LoadOptions { allow_duplicates: true, ..options() };
    let (memory, result) = load_with(&twice, &merge);
    assert!(result.is_ok());
    assert_eq!(memory.text("k"), b"2");

    let db = file(12, |w| {
        w.byte(opcode::SELECTDB);
        w.len(16);
    });
    assert_eq!(load_bytes(&db).1, Err(LoadError::Fatal));
    let module = file(12, |w| {
        key(w, RdbType::Module2, "m");
        w.len(0);
    });
    let text =
        "The RDB file contains module data I can't load: no matching module type 'AAAAAAAAA'";
    assert_eq!(load_bytes(&module).1, fault(text));
    let aux = file(12, |w| {
        w.byte(opcode::MODULE_AUX);
        [0, 2, 1].iter().for_each(|&n| w.len(n));
    });
    assert_eq!(load_bytes(&aux).1, Err(LoadError::Fatal));
    let functions = file(12, |w| w.byte(opcode::FUNCTION_PRE_GA));
    assert_eq!(load_bytes(&functions).1, fault("Pre-release function format not supported."));
}

#[test]
fn a_target_can_stop() {
    let bytes = file(12, |w| {
        for name in ["a", "b", "c"] {
            key(w, RdbType::String, name);
            w.string(b"v");
        }
    });
    let mut memory = Memory::new();
    memory.stop_after = 2;
    let mut source = bytes.as_slice();
    let result = load(&mut Reader::of_source(&mut source, None, &mut memory), &options());
    assert_eq!((result, memory.keyspace.len()), (Err(LoadError::Stopped), 2));
}

#[test]
fn what_follows_the_rdb_stays_readable() {
    let mut bytes = file(12, |w| {
        key(w, RdbType::String, "k");
        w.string(&vec![b'x'; 400_000]);
    });
    let len = bytes.len() as u64;
    bytes.extend_from_slice(&[b'm'; EOF_MARK_LEN]);
    bytes.extend_from_slice(b"*1\r\n$4\r\nPING\r\n");
    let mut memory = Memory::new();
    let mut source = Pieces(&bytes, 70_000);
    let mut reader = Reader::of_source(&mut source, None, &mut memory);
    assert!(load(&mut reader, &options()).is_ok());
    assert_eq!(reader.processed(), len);
    assert_eq!(reader.array::<EOF_MARK_LEN>(), Ok([b'm'; EOF_MARK_LEN]));
    assert_eq!(reader.unread(), b"*1\r\n$4\r\nPING\r\n");
    assert_eq!(memory.text("k").len(), 400_000);
}

/// A value that a failing test can print.
struct Shown(Value);

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", dump_payload(&self.0.as_ref(), false).escape_ascii().to_string())
    }
}

/// One value of each type and encoding.
fn any_value() -> impl Strategy<Value = Shown> {
    let text = || {
        prop_oneof![
            vec(any::<u8>(), 0..30),
            any::<i64>().prop_map(|int| int.to_string().into_bytes()),
            (1usize..300, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
        ]
    };
    let texts = move || (vec(text(), 1..40), any::<bool>(), any::<bool>());
    prop_oneof![
        text().prop_map(|text| Shown(Value::string(&text))),
        texts().prop_map(|(items, big, _)| {
            let limits = ListLimits {
                max_listpack_size: if big { 4 } else { -2 },
                compress_depth: u32::from(big),
                packed_threshold: if big { 100 } else { 0 },
            };
            let mut list = List::new();
            items.iter().for_each(|item| list.push(ListEnd::Tail, item, &limits));
            Shown(list.into_value())
        }),
        texts().prop_map(|(items, big, ints)| {
            let mut set = if big { Set::new_table(9) } else { Set::new_intset() };
            for (i, item) in items.iter().enumerate() {
                let int = i.pow(8).to_string().into_bytes();
                set.add(if ints { &int } else { item }, &SetLimits::default());
            }
            Shown(set.into_value())
        }),
        texts().prop_map(|(items, big, _)| {
            let entries = if big { 2 } else { 128 };
            let limits = ZSetLimits { max_listpack_entries: entries, max_listpack_value: 64 };
            let mut zset = ZSet::new(1, 0, &limits);
            for (i, item) in items.iter().enumerate() {
                zset.load(i as f64 * 0.3 - 2.0, item, &limits);
            }
            Shown(zset.into_value())
        }),
        texts().prop_map(|(items, big, expires)| {
            let entries = if big { 2 } else { 512 };
            let limits = HashLimits { max_listpack_entries: entries, max_listpack_value: 64 };
            let mut hash = Hash::new();
            for (i, item) in items.iter().enumerate() {
                let expire = (expires && i % 3 == 0).then_some(NOW_MS + 50 - i as i64);
                hash.set_with_expire(
                    &[item.as_slice(), &[i as u8]].concat(),
                    item,
                    expire,
                    &limits,
                );
            }
            Shown(hash.into_value())
        }),
    ]
}

fn keyspace_of(values: Vec<(Shown, Option<i64>)>) -> Keyspace {
    let mut keyspace = Keyspace::new(16, false);
    for (i, (Shown(value), ttl)) in values.into_iter().enumerate() {
        let expire = ttl.map(|ttl| NOW_MS + ttl);
        keyspace.dbs[i % 3].insert_with(format!("key:{i}").as_bytes(), value, expire, 0);
    }
    keyspace
}

fn saved(keyspace: &Keyspace, compress: bool) -> Vec<u8> {
    let options = SaveOptions { compress, checksum: true, ..SaveOptions::default() };
    let mut bytes = Vec::new();
    let mut report = ChildReport::silent(ChildKind::Rdb);
    save(&mut bytes, keyspace, &options, &mut report).expect("memory takes everything");
    bytes
}

/// Uses a value that may be damaged in every way that comes to mind cheaply.
fn exercise(value: Value) {
    let _ = dump_payload(&value.as_ref(), true);
    let _ = (value.as_ref().memory_usage(3), value.free_effort());
    let mut keyspace = Keyspace::new(1, false);
    drop(value.as_ref().duplicate());
    keyspace.dbs[0].insert_with(b"k", value, None, 0);
    let _ = digest::of_keyspace(&keyspace);
    let Some((value, _)) = keyspace.dbs[0].remove(b"k") else { return };
    match value {
        Value::List(mut list) => {
            let limits = ListLimits::default();
            list.push(ListEnd::Head, b"x", &limits);
            list.insert(b"x", b"y", true, &limits);
            list.set(1, b"z", &limits);
            list.remove(0, b"a", &limits);
            list.trim(1, -2, &limits);
            while list.pop(ListEnd::Tail, &limits).is_some() {}
        }
        Value::Set(mut set) => {
            let members: Vec<_> = set.iter().take(50).map(|member| member.to_vec()).collect();
            set.add(b"x", &SetLimits::default());
            set.add(b"77777777", &SetLimits::default());
            members.iter().for_each(|member| {
                set.remove(member);
            });
        }
        Value::ZSet(mut zset) => {
            let limits = ZSetLimits { max_listpack_entries: 128, max_listpack_value: 64 };
            let _ = (zset.rank(b"x"), zset.copy_range(0..zset.len().min(3), &limits).len());
            let _ = zset.add(1.0, b"x", Default::default(), &limits);
            let _ = zset.add(2.0, &[b'y'; 100], Default::default(), &limits);
            zset.delete_range(0..zset.len());
        }
        Value::Hash(mut hash) => {
            let limits = HashLimits::default();
            hash.expire_fields(NOW_MS, 3, |_| {});
            hash.set(b"x", b"y", true, &limits);
            hash.prepare_expires();
            hash.set_expire(b"x", Some(NOW_MS));
            hash.set(&[b'x'; 100], b"y", false, &limits);
            hash.remove(b"x");
            let _ = (hash.live_len(NOW_MS), hash.random().is_some());
        }
        Value::Str(_) | Value::Stream(_) => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_is_saved_is_loaded(
        values in vec((any_value(), proptest::option::of(1i64..1000)), 0..12),
        compress in any::<bool>(), deep in any::<bool>(),
    ) {
        let keyspace = keyspace_of(values);
        let bytes = saved(&keyspace, compress);
        let how = LoadOptions { rules: rules(deep), ..options() };
        let (memory, result) = load_with(&bytes, &how);
        let loaded = result.expect("what was saved loads");
        prop_assert_eq!(loaded.keys_loaded as usize, keyspace.len());
        let (before, after) =
            (digest::of_keyspace(&keyspace), digest::of_keyspace(&memory.keyspace));
        prop_assert_eq!(before.to_hex(), after.to_hex());
        for (old, new) in keyspace.dbs.iter().zip(&memory.keyspace.dbs) {
            prop_assert_eq!(old.expires_len(), new.expires_len());
            prop_assert_eq!(old.hexpires.len(), new.hexpires.len());
        }
    }

    #[test]
    fn damaged_files_never_panic(
        values in vec((any_value(), proptest::option::of(1i64..1000)), 1..6),
        hits in vec((any::<proptest::sample::Index>(), any::<u8>()), 1..5),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = saved(&keyspace_of(values), true);
        let cut = cut.index(bytes.len());
        // Mostly a short read; where Redis has words of its own for what is missing, those.
        prop_assert!(matches!(load_bytes(&bytes[..cut]).1, Err(LoadError::Fault(_))));
        for (at, byte) in hits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let trusting =
            LoadOptions { verify_checksum: false, allow_duplicates: true, ..options() };
        let _ = load_with(&bytes, &trusting);
    }

    #[test]
    fn damaged_payloads_never_panic(
        value in any_value(), deep in any::<bool>(),
        hits in vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut payload = dump_payload(&value.0.as_ref(), false);
        let restored = load_payload(&payload, true, &mut rules(deep)).map(|value| value.obj_type());
        prop_assert_eq!(restored, Ok(value.0.obj_type()));
        for (at, byte) in &hits {
            let at = at.index(payload.len() - 10);
            payload[at] = *byte;
        }
        if let Ok(value) = load_payload(&payload, false, &mut rules(deep)) {
            exercise(value);
        }
    }

    #[test]
    fn hostile_payloads_never_panic(
        code in 0u8..27, body in vec(any::<u8>(), 0..80), deep in any::<bool>(),
    ) {
        let payload = [&[code], body.as_slice(), &[0; 10]].concat();
        if let Ok(value) = load_payload(&payload, false, &mut rules(deep)) {
            exercise(value);
        }
    }
}

#[test]
fn payload_footers_are_checked() {
    let good = dump_payload(&Value::string(b"x").as_ref(), true);
    let load = |payload: &[u8]| load_payload(payload, true, &mut rules(false)).map(|_| ());
    assert_eq!(load(&good), Ok(()));
    assert_eq!(load(&good[..9]), Err(PayloadError::Footer));
    let mut newer = good.clone();
    let at = newer.len() - 10;
    newer[at] = 13;
    assert_eq!(load(&newer), Err(PayloadError::Footer));
    let mut damaged = good;
    damaged[2] ^= 1;
    assert_eq!(load(&damaged), Err(PayloadError::Footer));
}

#[test]
fn claimed_lengths_do_not_make_memory() {
    let huge: &[u8] = &[0x81, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];
    for code in 0..26u8 {
        let payload = [&[code], huge, huge, huge, &[0; 10]].concat();
        assert!(load_payload(&payload, false, &mut rules(true)).is_err(), "type {code}");
    }
    let lzf = [&[0, 0xC3], huge, huge, &[0; 10]].concat();
    assert!(load_payload(&lzf, false, &mut rules(true)).is_err());
    let bomb = [&[0, 0xC3, 4][..], huge, &[0, b'a', 0xE0, 255, 0], &[0; 10]].concat();
    assert!(load_payload(&bomb, false, &mut rules(true)).is_err());
    // Nobody knows how long a stream is: no reason to believe it.
    let (mut none, mut some): (&[u8], &[u8]) = (&[], &[0; 100]);
    assert!(Reader::of_file(&mut none, None).justified(1 << 40, 1) <= 1 << 14);
    assert_eq!(Reader::of_file(&mut some, Some(100)).justified(1 << 40, 2), 50);
}
