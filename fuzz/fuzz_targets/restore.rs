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
use redis_rust::storage::types::stream::{
    AddId, NodeLimits, Stream, StreamId, Trim, TrimTo,
};
use redis_rust::storage::types::zset::ZSetLimits;

const ZSET: ZSetLimits = ZSetLimits { max_listpack_entries: 128, max_listpack_value: 64 };

fuzz_target!(|bytes: &[u8]| {
    let Some((&how, body)) = bytes.split_first() else { return };
    let mut rules = ObjectRules::with_default_limits(how & 1 != 0);
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
        Value::Stream(stream) => use_stream(stream),
        Value::Str(_) => {}
    }
}

/// Most entries that are looked at: a node that was not checked deeply may tell of many.
const ENTRIES_MAX: usize = 1000;

fn use_stream(mut stream: Stream) {
    for reverse in [false, true] {
        let mut cursor = stream.log().range(StreamId::MIN, StreamId::MAX, reverse);
        for _ in 0..ENTRIES_MAX {
            if cursor.next_entry().is_none() {
                break;
            }
            while cursor.next_pair().is_some() {}
        }
    }
    let names: Vec<Vec<u8>> = stream.groups().iter().map(|(name, _)| name.to_vec()).collect();
    for name in names {
        let Some((log, group)) = stream.log_and_group(&name) else { continue };
        let _ = group.lag(log);
        let pending: Vec<StreamId> = group.pel().iter().map(|(id, _)| id).collect();
        let (who, _) = group.seen_consumer(b"somebody", 9);
        pending.iter().for_each(|id| group.deliver(*id, who, 9));
        let _ = pending.first().map(|id| group.ack(*id));
        let consumers: Vec<Vec<u8>> = group.consumers().map(|c| c.name().to_vec()).collect();
        consumers.iter().for_each(|name| drop(group.delete_consumer(name)));
        stream.groups_mut().destroy(&name);
    }
    let log = stream.log_mut();
    let limits = NodeLimits { max_bytes: 4096, max_entries: 100 };
    let _ = log.append(AddId::Auto { now_ms: 50 }, &[b"f", b"v"], &limits);
    let ends = [log.first_entry_id(true), log.last_entry_id()];
    log.delete(&ends.into_iter().flatten().collect::<Vec<_>>());
    log.trim(&Trim { to: TrimTo::MaxLen(1), approx: false, limit: 0 });
}
