//! Everything that a database holds is moved, all at once or between changes, and is the same
//! afterwards. The oracle is the digest of the data set, and plain models of the collections.

use super::*;
use crate::storage::digest;
use crate::storage::keyspace::Keyspace;
use crate::storage::object::{RawStr, StrValue, ThinValue, Value};
use crate::storage::types::hash::{Hash, HashLimits};
use crate::storage::types::list::{List, ListEnd, ListLimits};
use crate::storage::types::set::{Set, SetLimits};
use crate::storage::types::stream::{AddId, Group, NodeLimits, Stream, StreamId};
use crate::storage::types::zset::{AddOptions, ZSet, ZSetLimits};
use crate::sys::malloc::thread_used_memory;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

const STREAM: NodeLimits = NodeLimits { max_bytes: 4096, max_entries: 5 };
const LIST: ListLimits =
    ListLimits { max_listpack_size: 5, compress_depth: 2, packed_threshold: 0 };

const ZSET: ZSetLimits = ZSetLimits { max_listpack_entries: 128, max_listpack_value: 64 };

/// Number of fields that expire.
fn hash_expires(hash: &Hash) -> usize {
    hash.iter().filter(|field| field.expire.is_some()).count()
}

fn set_of(members: usize, name: &str) -> Value {
    let mut set = Set::for_members(name.as_bytes(), members, &SetLimits::default());
    for i in 0..members {
        set.add(format!("{name}{i}").as_bytes(), &SetLimits::default());
    }
    Value::Set(set)
}

fn zset_of(members: usize) -> Value {
    let mut zset = ZSet::new(members, 9, &ZSET);
    for i in 0..members {
        let (score, member) = ((i * 7919 % 1009) as f64, format!("member{i}"));
        let added = zset.add(score, member.as_bytes(), AddOptions::default(), &ZSET);
        assert!(added.is_ok());
    }
    Value::ZSet(zset)
}

fn hash_of(fields: usize, expiring: usize) -> Value {
    let (mut hash, limits) = (Hash::new(), HashLimits::default());
    for i in 0..fields {
        let (name, value) = (format!("field{i}"), "v".repeat(i % 50));
        let expire = (i < expiring).then_some(1_000_000 + (i * 31 % 97) as i64);
        hash.set_with_expire(name.as_bytes(), value.as_bytes(), expire, &limits);
    }
    Value::Hash(hash)
}

fn list_of(elements: usize) -> Value {
    let mut list = List::new();
    for i in 0..elements {
        let long = if i % 97 == 0 { 9000 } else { 20 };
        list.push(ListEnd::Tail, format!("{i}{}", "e".repeat(long)).as_bytes(), &LIST);
    }
    Value::List(list)
}

fn stream_of(entries: u64) -> Value {
    let mut stream = Stream::new();
    for i in 1..=entries {
        let id = AddId::Exact(StreamId::new(i, 0));
        assert!(stream.log_mut().append(id, &[b"field", b"value"], &STREAM).is_ok());
    }
    for name in ["first", "second", "third"] {
        let mut group = Group::new(StreamId::MIN, None);
        for reader in 0..3 {
            let reader = group.create_consumer(format!("reader{reader}").as_bytes(), 1);
            let reader = reader.expect("a new one");
            (1..=entries / 2).for_each(|i| group.deliver(StreamId::new(i, 0), reader, 5));
        }
        assert!(stream.groups_mut().create(name.as_bytes(), group));
    }
    Value::Stream(stream)
}

/// Keys of all types and sizes; every third one has a TTL.
fn fill(db: &mut Db) -> usize {
    let mut keys = 0;
    let mut add = |db: &mut Db, name: &str, value: Value| {
        keys += 1;
        let ttl = (keys % 3 == 0).then_some(1_000_000 + keys as i64);
        db.insert_with(format!("{{{}}}{name}", keys % 7).as_bytes(), value, ttl, 3);
    };
    for n in [0usize, 1, 30, 2000] {
        add(db, &format!("text{n}"), Value::string(&vec![b't'; n * 3]));
        add(db, &format!("raw{n}"), Value::Str(StrValue::Raw(RawStr::from_slice(&vec![b'r'; n]))));
        add(db, &format!("int{n}"), Value::from(n as i64));
        if n > 0 {
            add(db, &format!("set{n}"), set_of(n, "member"));
            add(db, &format!("ints{n}"), set_of(n, ""));
            add(db, &format!("zset{n}"), zset_of(n));
            add(db, &format!("hash{n}"), hash_of(n, 0));
            add(db, &format!("expiring{n}"), hash_of(n, n.div_ceil(2)));
            add(db, &format!("list{n}"), list_of(n));
            add(db, &format!("stream{n}"), stream_of(n as u64));
        }
    }
    for i in 0..300 {
        add(db, &format!("k{i}"), Value::string(b"small"));
    }
    keys
}

/// A full scan; gives the number of blocks moved.
fn relocate_all(db: &mut Db, max_parts: usize) -> u64 {
    let mut mover = Mover::all();
    let mut pass = KeyPass { max_parts, ..KeyPass::default() };
    let mut cursor = db.relocate_keys(0, &mut mover, &mut pass);
    while cursor != 0 {
        cursor = db.relocate_keys(cursor, &mut mover, &mut pass);
    }
    assert!(pass.key_misses == 0 && pass.key_hits >= db.len() as u64);
    for key in pass.put_off {
        let mut cursor = db.relocate_value(&key, 0, &mut mover);
        while cursor != 0 {
            cursor = db.relocate_value(&key, cursor, &mut mover);
        }
    }
    cursor = db.relocate_expires(0, &mut mover);
    while cursor != 0 {
        cursor = db.relocate_expires(cursor, &mut mover);
    }
    mover.hits
}

#[test]
fn everything_is_moved_and_nothing_changes() {
    // What is made once for all stays after the first round.
    let mut after = [0; 3];
    for (round, cluster) in [false, true, true].into_iter().enumerate() {
        let mut keyspace = Keyspace::new(1, cluster);
        let keys = fill(&mut keyspace.dbs[0]);
        // Else looking for keys would do so, and change the tables.
        while keyspace.dbs[0].incrementally_rehash(Duration::from_secs(1)) {}
        let (before, used) = (digest::of_keyspace(&keyspace), thread_used_memory());
        for max_parts in [usize::MAX, 10] {
            let hits = relocate_all(&mut keyspace.dbs[0], max_parts);
            // Each element of a table is a block, each node of a list, each chunk of a stream.
            assert!(hits > 9_000, "{hits}");
            assert_eq!(digest::of_keyspace(&keyspace), before);
            // Less or a little more, where a tree was built anew.
            // Less or a little more: fields that move change places in what expires first.
            assert!(thread_used_memory() <= used + used / 100, "{} {used}", thread_used_memory());
        }
        let db = &mut keyspace.dbs[0];
        assert_eq!((db.len(), db.expires_len(), db.hexpires.len()), (keys, keys / 3, 3));
        assert!(db.expires().iter().all(|entry| entry.expire() > Some(1_000_000)));
        let names: Vec<Vec<u8>> = db.iter().map(|entry| entry.key().to_vec()).collect();
        for name in names {
            let (value, ttl) = db.remove(&name).expect("listed just now");
            assert_eq!(ttl.is_some(), ttl > Some(1_000_000));
            check_value(value);
        }
        assert_eq!((db.len(), db.expires_len(), db.hexpires.len()), (0, 0, 0));
        drop(keyspace);
        after[round] = thread_used_memory();
    }
    assert!(after[2] - after[1] < 4096, "{after:?}");
}

/// A block that stays pins its slab: all of a large hash move, also what expires first.
#[test]
fn the_order_of_expiring_fields_moves_too() {
    const FIELDS: usize = 3000;
    let mut db = Db::new(0, false);
    db.insert(b"hash", hash_of(FIELDS, FIELDS));
    for i in 0..FIELDS {
        db.insert(format!("{i}").as_bytes(), hash_of(1, 1));
    }
    let mut mover = Mover::all();
    let mut cursor = db.relocate_value(b"hash", 0, &mut mover);
    while cursor != 0 {
        cursor = db.relocate_value(b"hash", cursor, &mut mover);
    }
    // A block holds 64 of them at most.
    assert!(mover.hits >= (FIELDS + FIELDS / 64) as u64, "{}", mover.hits);
    let mut mover = Mover::all();
    cursor = db.relocate_expires(0, &mut mover);
    while cursor != 0 {
        cursor = db.relocate_expires(cursor, &mut mover);
    }
    assert!(mover.hits >= (FIELDS / 64) as u64, "{}", mover.hits);
    let hash = value_mut::<Hash>(&mut db, b"hash");
    assert_eq!((hash_expires(hash), hash.min_expire()), (FIELDS, Some(1_000_000)));
    assert_eq!(
        (db.hexpires.len(), db.hexpires.first().map(|at| at.0)),
        (FIELDS + 1, Some(1_000_000))
    );
}

/// What the digest does not see: orders, times, owners.
fn check_value(value: Value) {
    match value {
        Value::ZSet(mut zset) => {
            let mut last = f64::MIN;
            let mut members = Vec::new();
            zset.all(|member, score| {
                assert!(score.get() >= last);
                last = score.get();
                members.push(member.to_vec());
                true
            });
            for (rank, member) in members.iter().enumerate() {
                assert_eq!(zset.rank(member).map(|(rank, _)| rank), Some(rank));
            }
            members.iter().for_each(|member| assert!(zset.remove(member).is_some()));
            assert!(zset.is_empty());
        }
        Value::Hash(mut hash) => {
            let expiring = hash_expires(&hash);
            let mut gone = Vec::new();
            hash.expire_fields(i64::MAX - 1, usize::MAX, |name| gone.push(name.to_vec()));
            assert_eq!(gone.len(), expiring);
        }
        Value::Stream(stream) => {
            for (_, group) in stream.groups().iter() {
                let pending: usize = group.consumers().map(|c| c.pending()).sum();
                assert_eq!(pending, group.pel().len());
                for (id, nack) in group.pel().iter() {
                    assert_eq!(group.owner_name(nack), b"reader2");
                    assert!(group.owner(nack).is_some_and(|c| c.ids_from(id).next() == Some(id)));
                }
            }
        }
        _ => {}
    }
}

/// What four values shall hold.
#[derive(Default)]
struct Models {
    list: VecDeque<Vec<u8>>,
    set: BTreeSet<u32>,
    zset: BTreeMap<u32, f64>,
    hash: BTreeMap<u32, Option<i64>>,
}

fn value_mut<'d, T: ThinValue>(db: &'d mut Db, key: &[u8]) -> &'d mut T {
    db.find_mut(key).and_then(|entry| entry.into_mut::<T>()).expect("made by the test")
}

impl Models {
    /// Adds or removes one element of one of them.
    fn change(&mut self, db: &mut Db, which: u32, n: u32, grow: bool, random: &mut fastrand::Rng) {
        let name = format!("name{n}");
        let name = name.as_bytes();
        match (which, grow) {
            (0, true) => {
                value_mut::<List>(db, b"list").push(ListEnd::Tail, name, &LIST);
                self.list.push_back(name.to_vec());
            }
            (0, false) => {
                let popped = value_mut::<List>(db, b"list").pop(ListEnd::Head, &LIST);
                assert_eq!(popped.map(|item| item.into_bytes()), self.list.pop_front());
            }
            (1, true) => {
                let added = value_mut::<Set>(db, b"set").add(name, &SetLimits::default());
                assert_eq!(added, self.set.insert(n));
            }
            (1, false) => {
                assert_eq!(value_mut::<Set>(db, b"set").remove(name), self.set.remove(&n));
            }
            (2, true) => {
                let (zset, score) = (value_mut::<ZSet>(db, b"zset"), f64::from(random.u32(..50)));
                assert!(zset.add(score, name, AddOptions::default(), &ZSET).is_ok());
                self.zset.insert(n, score);
            }
            (2, false) => {
                assert_eq!(value_mut::<ZSet>(db, b"zset").remove(name), self.zset.remove(&n));
            }
            (_, true) => {
                let expire = random.bool().then_some(5_000 + i64::from(n));
                let hash = value_mut::<Hash>(db, b"hash");
                hash.set_with_expire(name, name, expire, &HashLimits::default());
                self.hash.insert(n, expire);
            }
            (_, false) => {
                let removed = value_mut::<Hash>(db, b"hash").remove(name);
                assert_eq!(removed, self.hash.remove(&n).is_some());
            }
        }
    }

    fn check(&self, db: &mut Db) {
        let hash = value_mut::<Hash>(db, b"hash");
        let times = self.hash.values().flatten();
        assert_eq!(hash_expires(hash), times.clone().count());
        assert_eq!((hash.len(), hash.min_expire()), (self.hash.len(), times.min().copied()));
        let mut order: Vec<(u64, String)> =
            self.zset.iter().map(|(n, score)| (*score as u64, format!("name{n}"))).collect();
        order.sort();
        let mut found = Vec::new();
        value_mut::<ZSet>(db, b"zset").all(|member, score| {
            let member = String::from_utf8(member.to_vec()).expect("a name");
            found.push((score.get() as u64, member));
            true
        });
        assert_eq!(found, order);
        let set = value_mut::<Set>(db, b"set");
        assert_eq!(set.len(), self.set.len());
        assert!(self.set.iter().all(|n| set.contains(format!("name{n}").as_bytes())));
        assert_eq!(value_mut::<List>(db, b"list").len(), self.list.len());
        assert_eq!((db.len(), db.expires_len()), (4, 4));
        assert!(db.expires().iter().all(|entry| entry.expire() == Some(9)));
    }
}

#[test]
fn values_change_while_they_are_moved() {
    const KEYS: [&[u8]; 4] = [b"list", b"set", b"zset", b"hash"];
    let mut random = fastrand::Rng::with_seed(11);
    let (mut db, mut models) = (Db::new(0, false), Models::default());
    for (key, value) in KEYS.iter().zip([list_of(0), set_of(0, "m"), zset_of(0), hash_of(0, 0)]) {
        db.insert_with(key, value, Some(9), 0);
    }
    let (mut cursors, mut mover) = ([0u64; 4], Mover::all());
    for round in 0..30_000u32 {
        let n = random.u32(..if round < 15_000 { 4000 } else { 400 });
        let grow = random.u32(..30_000) > round;
        models.change(&mut db, round % 4, n, grow, &mut random);
        let at = random.usize(..4);
        cursors[at] = db.relocate_value(KEYS[at], cursors[at], &mut mover);
        if round % 64 == 0 {
            db.relocate_keys(0, &mut mover, &mut KeyPass::default());
        }
    }
    models.check(&mut db);
}
