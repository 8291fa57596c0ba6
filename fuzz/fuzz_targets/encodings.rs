//! Byte formats on hostile bytes: listpack, intset and LZF never panic, and what passes deep
//! validation can be walked both ways with the same elements.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_rust::storage::encoding::intset::Intset;
use redis_rust::storage::encoding::listpack::LpRef;
use redis_rust::storage::encoding::lzf;

fuzz_target!(|bytes: &[u8]| {
    let loose = LpRef::new(bytes);
    let _ = loose.iter().take(10_000).count();
    let _ = loose.iter().rev().take(10_000).count();
    if let Ok(listpack) = LpRef::validated(bytes, true) {
        let forward: Vec<Vec<u8>> = listpack.iter().map(|(_, value)| value.to_vec()).collect();
        let mut back: Vec<Vec<u8>> = listpack.iter().rev().map(|(_, v)| v.to_vec()).collect();
        back.reverse();
        assert_eq!(forward, back);
        assert_eq!(forward.len(), listpack.len());
    }
    if let Ok(intset) = Intset::from_bytes_validated(bytes, true) {
        assert!(intset.iter().all(|value| intset.contains(value)));
    }
    if let Some(text) = lzf::decompress(bytes, 4096) {
        assert_eq!(text.len(), 4096);
    }
});
