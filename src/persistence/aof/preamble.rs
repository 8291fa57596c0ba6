//! Whether the RDB at the beginning of an append only file is sane, and where it ends.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use crate::persistence::rdb::check;
use crate::sys::time::unix_us;

/// See [`super::check::CheckPreamble`].
pub fn check(file: &mut File, path: &Path, out: &mut dyn Write) -> Option<u64> {
    let size = file.metadata().map(|meta| meta.len()).ok()?;
    file.seek(SeekFrom::Start(0)).ok()?;
    check::check(file, Some(size), &path.display(), unix_us() / 1000, out).ok()?
}
