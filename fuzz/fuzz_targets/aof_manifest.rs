//! The AOF manifest on hostile bytes: what is accepted is written as it is read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use redis_rust::persistence::aof::manifest::Manifest;

fuzz_target!(|bytes: &[u8]| {
    let Ok(manifest) = Manifest::parse(bytes) else { return };
    let text = manifest.format();
    if !text.is_empty() && text.split(|byte| *byte == b'\n').all(|line| line.len() < 1000) {
        let again = Manifest::parse(&text).expect("our own text is a manifest");
        assert_eq!(again.format(), text);
    }
});
