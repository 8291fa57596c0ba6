//! An RDB file: written under another name, made durable, and only then renamed, so that at every
//! moment the old file or the new one stands there whole.
//!
//! What went wrong is logged here; callers learn only that it did.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::save::{SaveOptions, save};
use crate::config::strerror;
use crate::persistence::child::ChildReport;
use crate::storage::keyspace::Keyspace;
use crate::sys::{disk, process};

/// With `rdb-save-incremental-fsync`, so many bytes at a time go to the disk: one big sync at the
/// end would stall everybody else's writes.
const AUTOSYNC_BYTES: u64 = 4 * 1024 * 1024;

/// A file could not be written; why is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSaved;

/// How the file is treated.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileOptions {
    /// `rdb-save-incremental-fsync`.
    pub incremental_sync: bool,
    /// The file will be read soon: it stays in the page cache.
    pub keep_cache: bool,
}

/// Where this process writes before it renames.
pub fn temp_file(pid: i32) -> String {
    format!("temp-{pid}.rdb")
}

/// A file that goes to the disk piece by piece.
pub struct SyncedFile {
    file: File,
    options: FileOptions,
    written: u64,
    started: u64,
}

impl Write for SyncedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        if self.options.incremental_sync && self.written - self.started >= AUTOSYNC_BYTES {
            self.sync_piece()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SyncedFile {
    pub fn new(file: File, options: FileOptions) -> SyncedFile {
        SyncedFile { file, options, written: 0, started: 0 }
    }

    /// Everything is durable when this returns.
    pub fn finish(&mut self) -> io::Result<()> {
        self.file.sync_all()?;
        if !self.options.keep_cache
            && let Err(e) = disk::drop_page_cache(&self.file)
        {
            log::info!("Unable to reclaim page cache: {}", strerror(&e));
        }
        Ok(())
    }

    /// Starts the new piece, waits for the one before it: the disk is never more than two behind.
    fn sync_piece(&mut self) -> io::Result<()> {
        let piece = self.written - self.started;
        disk::start_write_back(&self.file, self.started, piece)?;
        if self.started >= AUTOSYNC_BYTES {
            let before = self.started - AUTOSYNC_BYTES;
            disk::finish_write_back(&self.file, before, AUTOSYNC_BYTES)?;
        }
        self.started = self.written;
        if !self.options.keep_cache {
            // Only a hint.
            let _ = disk::drop_page_cache(&self.file);
        }
        Ok(())
    }
}

fn current_dir() -> String {
    std::env::current_dir().map_or("unknown".into(), |dir| dir.to_string_lossy().into_owned())
}

/// Writes the file `path`, replacing what was there; durable when it returns. A half-written file
/// is removed.
pub fn write_file(
    path: &Path,
    keyspace: &Keyspace,
    options: &SaveOptions,
    how: FileOptions,
    report: &mut ChildReport,
) -> Result<u64, NotSaved> {
    let file = File::create(path).map_err(|e| {
        log::warn!(
            "Failed opening the temp RDB file {} (in server root dir {}) for saving: {}",
            path.display(),
            current_dir(),
            strerror(&e)
        );
        NotSaved
    })?;
    let mut file = SyncedFile::new(file, how);
    let saved = save(&mut file, keyspace, options, report).map_err(|e| ("rdbSaveRio", e));
    let saved = saved.and_then(|bytes| match file.file.sync_all() {
        Ok(()) => Ok(bytes),
        Err(e) => Err(("fsync", e)),
    });
    match saved {
        Ok(bytes) => {
            if !how.keep_cache
                && let Err(e) = disk::drop_page_cache(&file.file)
            {
                log::info!("Unable to reclaim cache after saving RDB: {}", strerror(&e));
            }
            Ok(bytes)
        }
        Err((step, e)) => {
            log::warn!("Write error while saving DB to the disk({step}): {}", strerror(&e));
            // It is worthless, and the disk may be full.
            let _ = fs::remove_file(path);
            Err(NotSaved)
        }
    }
}

/// Saves to `filename` in the current directory by way of a temporary file.
pub fn save_file(
    filename: &Path,
    keyspace: &Keyspace,
    options: &SaveOptions,
    how: FileOptions,
    report: &mut ChildReport,
) -> Result<(), NotSaved> {
    let temp = temp_file(process::pid());
    let temp = Path::new(&temp);
    write_file(temp, keyspace, options, how, report)?;
    if let Err(e) = fs::rename(temp, filename) {
        log::warn!(
            "Error moving temp DB file {} on the final destination {} (in server root dir {}): {}",
            temp.display(),
            filename.display(),
            current_dir(),
            strerror(&e)
        );
        // Best effort, as above.
        let _ = fs::remove_file(temp);
        return Err(NotSaved);
    }
    sync_dir_of(filename).map_err(|e| {
        log::warn!("Failed to fsync directory while saving DB: {}", strerror(&e));
        NotSaved
    })?;
    log::info!("DB saved on disk");
    Ok(())
}

/// Makes a new or renamed file's entry in its directory durable.
pub fn sync_dir_of(path: &Path) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    match File::open(dir.unwrap_or(Path::new(".")))?.sync_all() {
        // Some file systems cannot sync directories.
        Err(e) if e.kind() == io::ErrorKind::InvalidInput => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::persistence::child::ChildKind;
    use crate::storage::object::Value;

    #[test]
    fn the_file_is_written_or_nothing_is_left() {
        let dir = tempfile::tempdir().unwrap();
        let mut keyspace = Keyspace::new(1, false);
        for i in 0..100u32 {
            let value = Value::string(&vec![i as u8; 100_000]);
            keyspace.dbs[0].insert(format!("k{i}").as_bytes(), value);
        }
        let mut report = ChildReport::silent(ChildKind::Rdb);
        let how = FileOptions { incremental_sync: true, keep_cache: false };
        let path = dir.path().join("x.rdb");
        let options = SaveOptions::default();
        let bytes = write_file(&path, &keyspace, &options, how, &mut report).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
        assert!(bytes > 10_000_000, "uncompressed");
        let nowhere = dir.path().join("missing/x.rdb");
        assert_eq!(write_file(&nowhere, &keyspace, &options, how, &mut report), Err(NotSaved));
    }
}
