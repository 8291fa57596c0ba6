//! The program redis-check-rdb: command line and file; and the same report when a server finds its
//! RDB file damaged.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::clock::unix_us;
use crate::config::file::REDIS_VERSION;
use crate::persistence::rdb::check;

/// Runs the program with the arguments after its name; returns its exit status.
pub fn run(program: &[u8], args: &[Vec<u8>]) -> i32 {
    let [file] = args else {
        eprintln!("Usage: {} <rdb-file-name>", String::from_utf8_lossy(program));
        return 1;
    };
    if matches!(file.as_slice(), b"-v" | b"--version") {
        println!("redis-check-rdb {REDIS_VERSION}");
        return 0;
    }
    i32::from(!report(Path::new(std::ffi::OsStr::from_bytes(file))))
}

/// Writes the report about a file to standard output; false if it is damaged or cannot be read.
pub fn report(path: &Path) -> bool {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = report_to(path, &mut out);
    // Nobody listens: the exit status tells.
    let _ = out.flush();
    result.unwrap_or(false)
}

fn report_to(path: &Path, out: &mut dyn Write) -> io::Result<bool> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(_) => {
            writeln!(out, "[offset 0] Checking RDB file {}", path.display())?;
            return Ok(false);
        }
    };
    let total = file.metadata().ok().map(|meta| meta.len()).filter(|&len| len > 0);
    let now_ms = unix_us() / 1000;
    Ok(check::check(&mut file, total, &path.display(), now_ms, out)?.is_some())
}
