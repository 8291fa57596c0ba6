//! What the writer writes the reader reads: random values of every type and encoding, and whole
//! keyspaces.

use proptest::collection::vec;
use proptest::prelude::*;

use super::object_load::ObjectRules;
use super::object_save::dump_payload;
use super::payload::load_payload;
use crate::storage::db::Db;
use crate::storage::digest;
use crate::storage::object::{ObjType, Value};
use crate::storage::types::hash::{Hash, HashLimits};
use crate::storage::types::list::{List, ListEnd, ListLimits};
use crate::storage::types::set::{Set, SetLimits};
use crate::storage::types::zset::{AddOptions, ZSet, ZSetLimits};

const ZSET_LIMITS: ZSetLimits = ZSetLimits { max_listpack_entries: 128, max_listpack_value: 64 };

fn rules() -> ObjectRules {
    let hash = HashLimits { max_listpack_entries: 20, ..HashLimits::default() };
    ObjectRules { hash, ..ObjectRules::with_default_limits(true) }
}

/// Strings of all kinds that are stored differently.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string().into_bytes()),
        (-200i32..70_000).prop_map(|n| n.to_string().into_bytes()),
        vec(any::<u8>(), 0..40),
        (any::<u8>(), 0usize..300).prop_map(|(byte, len)| vec![byte; len]),
        "[a-c]{0,120}".prop_map(String::into_bytes),
    ]
}

/// Most collections are small, some are above the limits of the small encodings.
fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![vec(text(), 1..8), vec(text(), 1..200)]
}

/// How a value is made.
#[derive(Debug, Clone)]
enum Recipe {
    Text(Vec<u8>),
    List(Vec<Vec<u8>>, u32, i32),
    Set(Vec<Vec<u8>>),
    ZSet(Vec<(f64, Vec<u8>)>),
    Hash(Vec<(Vec<u8>, Vec<u8>, Option<i64>)>),
}

fn recipe() -> impl Strategy<Value = Recipe> {
    let digits = |n: Vec<i32>| n.iter().map(|n| n.to_string().into_bytes()).collect();
    let limit = prop_oneof![Just(-2), Just(3)];
    prop_oneof![
        text().prop_map(Recipe::Text),
        (texts(), 0u32..3, limit)
            .prop_map(|(items, depth, limit)| { Recipe::List(items, depth, limit) }),
        texts().prop_map(Recipe::Set),
        vec(any::<i32>(), 1..600).prop_map(move |n| Recipe::Set(digits(n))),
        vec((any::<f64>(), text()), 1..200).prop_map(Recipe::ZSet),
        vec((text(), text(), proptest::option::of(1i64..1 << 40)), 1..80).prop_map(Recipe::Hash),
    ]
}

fn made(recipe: Recipe) -> Value {
    match recipe {
        Recipe::Text(text) => Value::string(&text),
        Recipe::List(items, depth, limit) => list(&items, depth, limit),
        Recipe::Set(members) => set(&members),
        Recipe::ZSet(members) => zset(members),
        Recipe::Hash(fields) => hash(fields),
    }
}

fn list(items: &[Vec<u8>], compress_depth: u32, max_listpack_size: i32) -> Value {
    let limits = ListLimits { compress_depth, max_listpack_size, ..ListLimits::default() };
    let mut list = List::new();
    items.iter().for_each(|item| list.push(ListEnd::Tail, item, &limits));
    Value::List(list)
}

fn set(members: &[Vec<u8>]) -> Value {
    let limits = SetLimits::default();
    let mut set = Set::for_members(&members[0], 1, &limits);
    for member in members {
        set.add(member, &limits);
    }
    Value::Set(set)
}

fn zset(members: Vec<(f64, Vec<u8>)>) -> Value {
    let limits = ZSET_LIMITS;
    let mut zset = ZSet::new(1, 1, &limits);
    for (score, member) in members {
        let score = if score.is_nan() { f64::INFINITY } else { score };
        let added = zset.add(score, &member, AddOptions::default(), &limits);
        assert!(added.is_ok(), "no score is NaN");
    }
    Value::ZSet(zset)
}

fn hash(fields: Vec<(Vec<u8>, Vec<u8>, Option<i64>)>) -> Value {
    let limits = HashLimits { max_listpack_entries: 20, ..HashLimits::default() };
    let mut hash = Hash::new();
    for (name, value, expire) in fields {
        hash.try_conversion(&[&name[..], &value[..]], &limits);
        hash.set_with_expire(&name, &value, expire, &limits);
    }
    Value::Hash(hash)
}

proptest! {
    #[test]
    fn payloads_keep_values(recipe in recipe(), compress in any::<bool>()) {
        let mut db = Db::new(0, false);
        db.insert(b"before", made(recipe));
        let before = db.find(b"before").unwrap();
        let payload = dump_payload(&before.value(), compress);
        let (expected, encoding) = (digest::of_value(&before), before.value().encoding());
        let loaded = load_payload(&payload, true, &mut rules()).unwrap();
        // A list just beyond the limit is a quicklist after a load, in Redis as well: pushing
        // counts the texts, loading the whole node.
        if loaded.obj_type() != ObjType::List {
            prop_assert_eq!(loaded.as_ref().encoding(), encoding);
        }
        db.insert(b"after", loaded);
        let after = db.find(b"after").unwrap();
        prop_assert_eq!(digest::of_value(&after), expected);
        // Written again it is the same, but for the order in a table.
        if !["hashtable", "quicklist"].contains(&encoding)
            && after.value().encoding() == encoding
        {
            prop_assert_eq!(dump_payload(&after.value(), compress), payload);
        }
    }
}
