//! A database against a plain map.

use super::*;
use crate::storage::encoding::hashtable::{ResizePolicy, set_resize_policy};
use crate::storage::encoding::relocate::Mover;
use crate::storage::object::StrRef;
use crate::storage::types::list::List;
use crate::sys::malloc::allocation_count;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

#[derive(Clone, Debug, PartialEq)]
enum Held {
    Text(Vec<u8>),
    List,
}

type Oracle = HashMap<Vec<u8>, (Held, Option<i64>)>;

#[derive(Clone, Debug)]
enum Op {
    SetBytes(usize, Vec<u8>, bool),
    SetInt(usize, i64, bool),
    SetList(usize, bool),
    ReplaceValue(usize, Vec<u8>),
    Append(usize),
    Remove(usize),
    SetExpire(usize, i64),
    RemoveExpire(usize),
    InsertWith(usize, Vec<u8>, Option<i64>),
    Fill(usize, usize),
    Empty(usize, usize),
    Cron(usize),
    Relocate(u64),
    Clear,
}

/// Distinct keys; some share a slot, some are long.
fn key(n: usize) -> Vec<u8> {
    match n % 5 {
        0 => format!("{{tag}}{n}").into_bytes(),
        1 => format!("k{n}:{}", "x".repeat(300)).into_bytes(),
        _ => format!("key:{n}").into_bytes(),
    }
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..50usize).prop_map(|n| vec![b'v'; n]),
        prop::sample::select(vec![250usize, 256, 700, 1100, 4000]).prop_map(|n| vec![b'w'; n]),
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let k = 0..60usize;
    prop_oneof![
        6 => (k.clone(), text(), any::<bool>()).prop_map(|(k, v, t)| Op::SetBytes(k, v, t)),
        2 => (k.clone(), any::<i64>(), any::<bool>()).prop_map(|(k, v, t)| Op::SetInt(k, v, t)),
        2 => (k.clone(), any::<bool>()).prop_map(|(k, t)| Op::SetList(k, t)),
        2 => (k.clone(), text()).prop_map(|(k, v)| Op::ReplaceValue(k, v)),
        2 => k.clone().prop_map(Op::Append),
        3 => k.clone().prop_map(Op::Remove),
        5 => (k.clone(), any::<i64>()).prop_map(|(k, t)| Op::SetExpire(k, t)),
        2 => k.clone().prop_map(Op::RemoveExpire),
        2 => (k.clone(), text(), any::<Option<i64>>())
            .prop_map(|(k, v, t)| Op::InsertWith(k, v, t)),
        2 => (k.clone(), 1..200usize).prop_map(|(k, n)| Op::Fill(k, n)),
        2 => (k.clone(), 1..200usize).prop_map(|(k, n)| Op::Empty(k, n)),
        1 => (1..20usize).prop_map(Op::Cron),
        3 => any::<u64>().prop_map(Op::Relocate),
        1 => Just(Op::Clear),
    ]
}

/// Moves blocks from anywhere on, as after changes, and from the beginning.
fn relocate(db: &mut Db, cursor: u64) {
    let mut mover = Mover::all();
    let mut pass = KeyPass { max_parts: (cursor % 3) as usize, ..KeyPass::default() };
    let next = db.relocate_keys(cursor, &mut mover, &mut pass);
    let next = db.relocate_keys(next, &mut mover, &mut pass);
    db.relocate_keys(0, &mut mover, &mut pass);
    db.relocate_expires(next, &mut mover);
    for key in pass.put_off {
        db.relocate_value(&key, cursor, &mut mover);
    }
}

fn apply(db: &mut Db, oracle: &mut Oracle, op: Op) {
    let keep = |oracle: &Oracle, key: &[u8], keep: bool| {
        oracle.get(key).and_then(|(_, ttl)| *ttl).filter(|_| keep)
    };
    match op {
        Op::SetBytes(k, value, t) => {
            db.set_bytes(&key(k), &value, t, 1);
            let ttl = keep(oracle, &key(k), t);
            oracle.insert(key(k), (Held::Text(value), ttl));
        }
        Op::SetInt(k, value, t) => {
            db.set_int(&key(k), value, t);
            let ttl = keep(oracle, &key(k), t);
            oracle.insert(key(k), (Held::Text(value.to_string().into_bytes()), ttl));
        }
        Op::SetList(k, t) => {
            let old = db.set(&key(k), Value::List(List::new()), t);
            let ttl = keep(oracle, &key(k), t);
            let before = oracle.insert(key(k), (Held::List, ttl));
            let was_list = before.is_some_and(|(held, _)| held == Held::List);
            assert_eq!(matches!(old, Some(Value::List(_))), was_list);
        }
        Op::ReplaceValue(k, value) => {
            let replaced = db.replace_value(&key(k), Value::string(&value)).is_ok();
            assert_eq!(replaced, oracle.contains_key(&key(k)));
            oracle.entry(key(k)).and_modify(|(held, _)| *held = Held::Text(value));
        }
        Op::Append(k) => {
            let appended = db.raw_str_mut(&key(k)).map(|s| s.append(b"++")).is_some();
            let held = oracle.get_mut(&key(k)).map(|(held, _)| held);
            match held {
                Some(Held::Text(text)) if appended => text.extend_from_slice(b"++"),
                _ => assert!(!appended),
            }
        }
        Op::Remove(k) => {
            let gone = db.remove(&key(k)).map(|(_, ttl)| ttl);
            assert_eq!(gone, oracle.remove(&key(k)).map(|(_, ttl)| ttl));
        }
        Op::SetExpire(k, at) => {
            assert_eq!(db.set_expire(&key(k), at), oracle.contains_key(&key(k)));
            oracle.entry(key(k)).and_modify(|(_, ttl)| *ttl = Some(at));
        }
        Op::RemoveExpire(k) => {
            let had = oracle.get(&key(k)).is_some_and(|(_, ttl)| ttl.is_some());
            assert_eq!(db.remove_expire(&key(k)), had);
            oracle.entry(key(k)).and_modify(|(_, ttl)| *ttl = None);
        }
        Op::InsertWith(k, value, ttl) => {
            if let std::collections::hash_map::Entry::Vacant(absent) = oracle.entry(key(k)) {
                db.insert_bytes(&key(k), &value, ttl, 0);
                absent.insert((Held::Text(value), ttl));
            }
        }
        Op::Fill(k, n) => (k..k + n).for_each(|i| {
            apply(db, oracle, Op::SetBytes(i, b"fill".to_vec(), true));
            apply(db, oracle, Op::SetExpire(i, i as i64));
        }),
        Op::Empty(k, n) => (k..k + n).for_each(|i| apply(db, oracle, Op::Remove(i))),
        Op::Cron(n) => {
            db.try_resize(n);
            db.incrementally_rehash(Duration::from_micros(n as u64));
        }
        Op::Relocate(cursor) => relocate(db, cursor),
        Op::Clear => {
            assert_eq!(db.clear().len(), oracle.len());
            oracle.clear();
        }
    }
}

fn check(db: &Db, oracle: &Oracle) {
    assert_eq!(db.len(), oracle.len());
    let with_ttl = oracle.values().filter(|(_, ttl)| ttl.is_some()).count();
    assert_eq!(db.expires_len(), with_ttl);
    for entry in db.iter() {
        let (held, ttl) = &oracle[entry.key()];
        assert_eq!(entry.expire(), *ttl);
        match held {
            Held::Text(text) => assert_eq!(&entry.str_value().expect("a string").to_vec(), text),
            Held::List => assert!(entry.get::<List>().is_some()),
        }
    }
    assert_eq!(db.iter().count(), oracle.len());
    let mut expiring = HashSet::new();
    for entry in db.expires().iter() {
        let owned = db.find(entry.key()).expect("expires holds no strangers");
        assert_eq!(owned.key().as_ptr(), entry.key().as_ptr(), "the same entry");
        assert!(expiring.insert(entry.key().to_vec()));
    }
    for (key, (_, ttl)) in oracle {
        assert_eq!((db.find(key).is_some(), db.get_expire(key)), (true, *ttl));
        assert_eq!(expiring.contains(key), ttl.is_some());
    }
    assert_eq!(db.random_entry().is_some(), !oracle.is_empty());
    assert_eq!(db.random_expire_entry().is_some(), with_ttl > 0);
    let (mut seen, mut cursor) = (HashSet::new(), 0);
    loop {
        cursor = db.scan(cursor, None, |e| {
            seen.insert(e.key().to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(seen.len(), oracle.len());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn random_operations_agree_with_a_map(
        ops in prop::collection::vec(op(), 1..60),
        cluster in any::<bool>(),
    ) {
        set_resize_policy(ResizePolicy::Enable);
        let (mut db, mut oracle) = (Db::new(0, cluster), Oracle::new());
        for op in ops {
            apply(&mut db, &mut oracle, op);
            // Walking 16,384 slots at each step would take the whole test's time.
            if !cluster {
                check(&db, &oracle);
            }
        }
        check(&db, &oracle);
    }
}

#[test]
fn the_hot_path_allocates_nothing() {
    let mut db = Db::new(0, false);
    (0..1000u32).for_each(|i| drop(db.set_bytes(format!("k{i}").as_bytes(), b"value", false, 0)));
    db.set_expire(b"k7", 1234);
    while db.incrementally_rehash(Duration::from_millis(1)) {}
    db.set_int(b"n", 1, false);
    let before = allocation_count();
    for i in 0..100 {
        db.set_bytes(b"k5", b"other", false, i);
        db.set_bytes(b"k7", b"other", true, i);
        db.set_int(b"n", i64::from(i), true);
        db.set_expire(b"k7", i64::from(i));
        let at = db.hash(b"k6");
        db.prefetch_bucket(at);
        db.prefetch_entry(at);
        assert_eq!(
            db.find_hashed(at, b"k6").and_then(|e| e.str_value()),
            Some(StrRef::Bytes(b"value"))
        );
    }
    assert_eq!(db.get_expire(b"k7"), Some(99));
    let removed = db.remove(b"k8");
    assert_eq!(allocation_count(), before);
    assert!(
        matches!(removed, Some((Value::Str(StrValue::Embed(s)), None)) if s.as_bytes() == b"value")
    );
}

#[test]
fn cluster_slots_count_scan_and_empty_by_themselves() {
    let mut db = Db::new(0, true);
    for i in 0..500 {
        db.set_bytes(format!("{{a}}{i}").as_bytes(), b"v", false, 0);
        db.set_bytes(format!("{{b}}{i}").as_bytes(), b"v", false, 0);
    }
    let (a, b) = (db.hash(b"{a}").slot, db.hash(b"{b}").slot);
    assert_eq!((db.keys().slot_len(a), db.keys().slot_len(b), db.len()), (500, 500, 1000));
    assert_eq!(db.keys().non_empty_slots().count(), 2);
    assert!(db.iter_slot(a).all(|e| e.key().starts_with(b"{a}")));
    let mut seen = HashSet::new();
    let mut cursor = 0;
    loop {
        cursor = db.scan(cursor, Some(b), |e| {
            seen.insert(e.key().to_vec());
        });
        if cursor == 0 {
            break;
        }
        assert_eq!(cursor & 0x3fff, u64::from(b), "the slot is in the low bits");
    }
    assert!(seen.len() == 500 && seen.iter().all(|k| k.starts_with(b"{b}")));
    (0..500).for_each(|i| drop(db.remove(format!("{{a}}{i}").as_bytes())));
    assert_eq!((db.keys().slot_len(a), db.keys().non_empty_slots().count()), (0, 1));
    assert!((0..50).all(|_| db.random_entry().expect("keys").key().starts_with(b"{b}")));
    let thread = std::thread::spawn({
        let all = db.clear();
        move || all.len()
    });
    assert_eq!((thread.join().expect("no panic"), db.len()), (500, 0));
}
