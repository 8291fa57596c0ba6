//! An RDB file of hostile bytes: loading never panics and never takes more memory than the bytes
//! justify, whatever they claim.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_rust::persistence::rdb::load::{AccessClock, LoadOptions, LoadTarget, load};
use redis_rust::persistence::rdb::object_load::ObjectRules;
use redis_rust::persistence::rdb::reader::Reader;
use redis_rust::storage::digest;
use redis_rust::storage::keyspace::Keyspace;

struct Memory(Keyspace);

impl LoadTarget for Memory {
    fn keyspace(&mut self) -> &mut Keyspace {
        &mut self.0
    }
}

fuzz_target!(|bytes: &[u8]| {
    let (Some((&how, rest)), mut memory) = (bytes.split_first(), Memory(Keyspace::new(2, false)))
    else {
        return;
    };
    let options = LoadOptions {
        rules: ObjectRules::with_default_limits(how & 1 != 0),
        access: AccessClock { lfu: how & 2 != 0, lru_clock: 1, minutes: 1, initial: 1 },
        now_ms: 1_700_000_000_000,
        drop_expired: how & 4 != 0,
        allow_duplicates: true,
        verify_checksum: false,
    };
    // The header costs the fuzzer nothing.
    let file = [&b"REDIS0012"[..], rest].concat();
    let total = (how & 8 != 0).then_some(file.len() as u64);
    let mut source = file.as_slice();
    let _ = load(&mut Reader::of_source(&mut source, total, &mut memory), &options);
    let _ = digest::of_keyspace(&memory.0);
});
