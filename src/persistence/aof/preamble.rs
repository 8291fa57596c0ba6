//! Whether the RDB at the beginning of an append only file can be loaded: it is, into a keyspace
//! that is thrown away.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::persistence::rdb::load::{AccessClock, LoadOptions, LoadTarget, load};
use crate::persistence::rdb::object_load::ObjectRules;
use crate::persistence::rdb::reader::Reader;
use crate::storage::keyspace::Keyspace;
use crate::storage::types::hash::HashLimits;
use crate::storage::types::list::ListLimits;
use crate::storage::types::set::SetLimits;
use crate::storage::types::zset::ZSetLimits;

/// More databases than anybody has.
const DATABASES: usize = 4096;

struct Scratch(Keyspace);

impl LoadTarget for Scratch {
    fn keyspace(&mut self) -> &mut Keyspace {
        &mut self.0
    }
}

/// See [`super::check::CheckPreamble`].
pub fn check(file: &mut File, path: &Path, out: &mut dyn Write) -> Option<u64> {
    // Output that nobody reads is no fault of the file.
    let _ = writeln!(out, "[offset 0] Checking RDB file {}", path.display());
    let size = file.metadata().map(|meta| meta.len()).ok()?;
    file.seek(SeekFrom::Start(0)).ok()?;
    let options = LoadOptions {
        rules: ObjectRules {
            list: ListLimits::default(),
            set: SetLimits::default(),
            zset: ZSetLimits { max_listpack_entries: 128, max_listpack_value: 64 },
            hash: HashLimits::default(),
            deep: true,
            sanitizations: 0,
        },
        access: AccessClock { lfu: false, lru_clock: 0, minutes: 0, initial: 0 },
        now_ms: 0,
        drop_expired: false,
        allow_duplicates: false,
        verify_checksum: true,
    };
    let mut target = Scratch(Keyspace::new(DATABASES, false));
    let mut reader = Reader::of_source(file, Some(size), &mut target);
    let result = load(&mut reader, &options);
    let offset = reader.processed();
    match result {
        Ok(loaded) => {
            let _ = writeln!(out, "[offset {offset}] \\o/ RDB looks OK! \\o/");
            let _ = writeln!(out, "[info] {} keys read", loaded.keys_loaded);
            Some(offset)
        }
        Err(error) => {
            let _ = writeln!(out, "--- RDB ERROR DETECTED ---");
            let _ = writeln!(out, "[offset {offset}] {error:?}");
            None
        }
    }
}
