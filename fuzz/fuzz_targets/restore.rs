//! A RESTORE payload of hostile bytes: refused, or a value that can be read, dumped and changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_rust::persistence::rdb::object_load::ObjectRules;
use redis_rust::persistence::rdb::object_save::dump_payload;
use redis_rust::persistence::rdb::payload::load_payload;
use redis_rust::storage::digest;
use redis_rust::storage::keyspace::Keyspace;
use redis_rust::storage::object::Value;
use redis_rust::storage::types::list::ListEnd;
use redis_rust::storage::types::zset::ZSetLimits;

const ZSET: ZSetLimits = ZSetLimits { max_listpack_entries: 128, max_listpack_value: 64 };

fuzz_target!(|bytes: &[u8]| {
    let Some((&how, body)) = bytes.split_first() else { return };
    let mut rules = ObjectRules {
        list: Default::default(),
        set: Default::default(),
        zset: ZSET,
        hash: Default::default(),
        deep: how & 1 != 0,
        sanitizations: 0,
    };
    let payload = [body, &[0; 10]].concat();
    if let Ok(value) = load_payload(&payload, false, &mut rules) {
        use_value(value);
    }
});

fn use_value(value: Value) {
    let again = dump_payload(&value.as_ref(), false);
    assert!(again.len() > 10);
    let _ = (value.as_ref().memory_usage(3), value.free_effort());
    let mut keyspace = Keyspace::new(1, false);
    keyspace.dbs[0].insert_with(b"k", value, None, 0);
    let _ = digest::of_keyspace(&keyspace);
    let Some((value, _)) = keyspace.dbs[0].remove(b"k") else { return };
    match value {
        Value::List(mut list) => {
            list.push(ListEnd::Head, b"x", &Default::default());
            list.set(-1, b"z", &Default::default());
            while list.pop(ListEnd::Tail, &Default::default()).is_some() {}
        }
        Value::Set(mut set) => {
            assert_eq!(set.iter().count(), set.len());
            set.add(b"x", &Default::default());
            set.remove(b"x");
        }
        Value::ZSet(mut zset) => {
            let mut seen = 0;
            zset.for_each(0..zset.len(), true, |_, _| seen += 1);
            assert_eq!(seen, zset.len());
            let _ = zset.add(1.0, &[b'y'; 100], Default::default(), &ZSET);
            zset.delete_range(0..zset.len());
        }
        Value::Hash(mut hash) => {
            assert_eq!(hash.iter().count(), hash.len());
            hash.prepare_expires();
            hash.set(&[b'x'; 100], b"y", false, &Default::default());
        }
        Value::Str(_) | Value::Stream(_) => {}
    }
}
