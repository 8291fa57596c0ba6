//! Loading data: what the server knows of a load that is under way, whoever does it (RDB file, AOF,
//! replication), and how clients are served meanwhile.
//!
//! Not here: what is done with the data of a load that failed. Invariant: `Loading::active` is set
//! from `start_loading` to `stop_loading`, and only then events are served from within a load.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use super::Server;
use super::aof::AofState;
use super::check_rdb;
use super::crash;
use crate::config::{SanitizeDumpPayload, strerror};
use crate::persistence::rdb::load::{
    self, AccessClock, KeyOutcome, LoadError, LoadOptions, LoadTarget, Loaded,
};
use crate::persistence::rdb::object_load::ObjectRules;
use crate::persistence::rdb::reader::{Fault, Reader};
use crate::storage::evict::lfu_minutes;
use crate::storage::keyspace::Keyspace;
use crate::storage::types::zset::ZSetLimits;
use crate::sys::time::sleep_us;

/// Percentage that a guess of the size never exceeds.
const MOST_GUESSED_PERCENT: f64 = 99.99;

/// What is known of the load that is under way, and of the last one.
#[derive(Debug, Default)]
pub struct Loading {
    pub active: bool,
    /// The old data is served meanwhile; `active` is set too.
    pub in_background: bool,
    /// s since the epoch.
    pub start_s: i64,
    /// 0: unknown.
    pub total_bytes: u64,
    pub loaded_bytes: u64,
    /// Bytes of the files before the one that is read.
    pub before_bytes: u64,
    /// Memory that the server that wrote the data used, bytes; 0: unknown.
    pub rdb_used_mem: i64,
    /// The file, if it is one: a damaged one is examined.
    pub file: Option<PathBuf>,
    /// Of the load that runs, or the last one.
    pub keys_loaded: u64,
    pub keys_expired: u64,
    /// Bytes after which events were served last.
    served_bytes: u64,
}

/// How far a load is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    pub percent: f64,
    pub eta_s: i64,
}

impl Loading {
    /// Progress at `now_s`.
    pub fn progress(&self, now_s: i64) -> Progress {
        let loaded = self.loaded_bytes as i64;
        let percent_of = |total: i64| loaded as f64 / total as f64 * 100.0;
        let (percent, remaining) = if self.total_bytes > 0 {
            let total = self.total_bytes as i64;
            (percent_of(total), total - loaded)
        } else if self.rdb_used_mem > 0 {
            let percent = percent_of(self.rdb_used_mem).min(MOST_GUESSED_PERCENT);
            (percent, (self.rdb_used_mem - loaded).max(1))
        } else {
            (0.0, 1)
        };
        let elapsed_s = now_s - self.start_s;
        // In the first second nobody can tell.
        let eta_s =
            if elapsed_s == 0 { 1 } else { elapsed_s.saturating_mul(remaining) / (loaded + 1) };
        Progress { percent, eta_s }
    }
}

/// What became of a file that was to be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileLoad {
    Loaded(Loaded),
    /// There is no such file.
    Absent,
    /// Logged. Some keys may have been loaded.
    Failed,
    /// The server is to exit (SHUTDOWN or a signal came).
    Stopped,
}

/// How a file is loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct FileLoadOptions {
    /// Base of an AOF: all keys are kept, also those whose time has passed.
    pub aof_base: bool,
    pub allow_duplicates: bool,
    /// A replica's: the data set is emptied first.
    pub replaces: bool,
}

impl Server {
    /// A load of `total_bytes` (0: unknown) begins.
    pub fn start_loading(&mut self, total_bytes: u64, file: Option<&Path>, in_background: bool) {
        self.clock.update();
        self.loading = Loading {
            active: true,
            in_background,
            start_s: self.clock.now_s(),
            total_bytes,
            file: file.map(Path::to_path_buf),
            ..Loading::default()
        };
    }

    /// The load is over.
    pub fn stop_loading(&mut self) {
        self.loading.active = false;
        self.loading.in_background = false;
        self.loading.file = None;
    }

    /// So many bytes of the data were read: now and then, clients are served. False: the server is
    /// to exit.
    pub fn loading_progress(&mut self, processed: u64) -> bool {
        let interval = self.config.loading_process_events_interval_bytes;
        if interval > 0 && processed / interval > self.loading.served_bytes / interval {
            self.loading.served_bytes = processed;
            self.loading.loaded_bytes = self.loading.before_bytes + processed;
            self.update_peak_memory();
            self.newline_to_master();
            self.process_events_while_blocked();
        }
        self.exit_status.is_none()
    }

    /// How values are made; `deep`: checked entry by entry.
    pub fn object_rules(&self, deep: bool) -> ObjectRules {
        let limit = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        ObjectRules {
            list: self.list_limits(),
            set: self.set_limits(),
            zset: ZSetLimits {
                max_listpack_entries: limit(self.config.zset_max_listpack_entries),
                max_listpack_value: limit(self.config.zset_max_listpack_value),
            },
            hash: self.hash_limits(),
            deep,
            salvage: false,
            sanitizations: 0,
        }
    }

    /// The clocks that give loaded keys their LRU or LFU bits.
    pub fn access_clock(&self) -> AccessClock {
        AccessClock {
            lfu: self.eviction.lfu,
            lru_clock: self.clock.lru_clock,
            minutes: lfu_minutes(self.clock.now_ms),
            initial: self.initial_lru(),
        }
    }

    /// How an RDB is loaded that is no base of an AOF.
    pub fn load_options(&self) -> LoadOptions {
        let deep = self.config.sanitize_dump_payload == SanitizeDumpPayload::Yes;
        LoadOptions {
            rules: self.object_rules(deep),
            access: self.access_clock(),
            now_ms: self.clock.now_ms,
            drop_expired: self.config.replicaof.is_none(),
            allow_duplicates: false,
            verify_checksum: self.config.rdbchecksum && !self.debug.skip_checksum_validation,
        }
    }

    /// Empties the keyspace, and forgets the functions, before a load: nobody's watched keys count
    /// as changed by that.
    pub fn empty_data(&mut self) {
        for db in &mut self.keyspace.dbs {
            drop(db.clear());
        }
        self.flush_functions(false);
    }

    /// Loads an RDB file into the keyspace. A damaged one ends the process, as with Redis: what it
    /// holds must not be overwritten by what little was loaded.
    pub fn load_rdb_file(&mut self, path: &Path, how: FileLoadOptions) -> FileLoad {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return FileLoad::Absent,
            Err(e) => {
                self.log_warning(&format!(
                    "Fatal error: can't open the RDB file {} for reading: {}",
                    path.display(),
                    strerror(&e)
                ));
                return FileLoad::Failed;
            }
        };
        let total = file.metadata().map_or(0, |meta| meta.len());
        self.start_loading(total, Some(path), false);
        if how.replaces {
            self.flush_for_sync();
        }
        let mut options = self.load_options();
        options.drop_expired &= !how.aof_base;
        options.allow_duplicates = how.allow_duplicates;
        let mut target = ServerTarget::new(self);
        target.replace_libraries = how.allow_duplicates;
        let total = (total > 0).then_some(total);
        let mut reader = Reader::of_source(&mut file, total, &mut target);
        let result = load::load(&mut reader, &options);
        let processed = reader.processed();
        let result = match result {
            Ok(loaded) => {
                // The file will not be read again; a failure costs only memory.
                let _ = crate::sys::disk::drop_page_cache(&file);
                FileLoad::Loaded(loaded)
            }
            Err(error) => self.file_load_failed(error, processed),
        };
        self.stop_loading();
        result
    }

    /// Logs what is wrong with the file; does not return if the process must end.
    fn file_load_failed(&mut self, error: LoadError, processed: u64) -> FileLoad {
        match error {
            LoadError::Format => FileLoad::Failed,
            LoadError::Stopped => FileLoad::Stopped,
            LoadError::Fatal => self.exit_after_load(),
            LoadError::DuplicateKey => {
                crash::server_panic("Duplicated key found in RDB file", file!(), line!())
            }
            LoadError::Fault(fault) => {
                if fault == Fault::ShortRead {
                    self.log_warning(
                        "Short read or OOM loading DB. Unrecoverable error, aborting now.",
                    );
                }
                if self.exec.client != 0 {
                    // A command asked for it (DEBUG RELOAD), and is told.
                    self.log_verbose(&load_fault_text(&fault, processed));
                    return FileLoad::Failed;
                }
                self.log_warning(&load_fault_text(&fault, processed));
                if let Some(path) = self.loading.file.take() {
                    check_rdb::report(&path);
                }
                self.log_warning("Terminating server after rdb file reading failure.");
                self.exit_after_load()
            }
        }
    }

    fn exit_after_load(&mut self) -> ! {
        self.listeners.unlink_unix();
        crate::sys::process::exit_now(1)
    }

    /// Loads the data set at the start.
    ///
    /// # Errors
    /// The last line of the log.
    pub fn load_data_from_disk(&mut self) -> Result<(), String> {
        if self.is_replica() {
            self.role_changed();
        }
        self.load_aof_manifest();
        if self.config.appendonly {
            self.aof.state = AofState::On;
            self.load_aof_at_start();
            return Ok(());
        }
        let start_us = self.clock.monotonic_us();
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(&self.config.dbfilename));
        self.begin_load_at_start();
        match self.load_rdb_file(&path, FileLoadOptions::default()) {
            FileLoad::Loaded(loaded) => {
                self.restore_replication(&loaded.replication);
                let seconds = (self.clock.monotonic_us() - start_us) as f64 / 1e6;
                self.log_notice(&format!("DB loaded from disk: {seconds:.3} seconds"));
                Ok(())
            }
            FileLoad::Absent | FileLoad::Stopped => Ok(()),
            FileLoad::Failed => {
                Err("Fatal error loading the DB, check server logs. Exiting.".into())
            }
        }
    }
}

/// The line of the log about a fault.
pub fn load_fault_text(fault: &Fault, processed: u64) -> String {
    format!("Internal error in RDB reading offset {processed}, function at rdb/load.rs -> {fault}")
}

/// The server as the target of a load: into its keyspace, or into another one.
pub struct ServerTarget<'s> {
    pub server: &'s mut Server,
    /// Takes the data, if it is not to go into the server's keyspace yet.
    pub instead: Option<&'s mut Keyspace>,
    /// A function library that exists is replaced.
    pub replace_libraries: bool,
    /// Takes the code of function libraries, if they are not to be loaded yet.
    pub libraries_instead: Option<&'s mut Vec<Vec<u8>>>,
}

impl<'s> ServerTarget<'s> {
    pub fn new(server: &'s mut Server) -> ServerTarget<'s> {
        ServerTarget { server, instead: None, replace_libraries: false, libraries_instead: None }
    }

    /// `key-load-delay` after a key.
    pub fn delay(&self) {
        match self.server.config.key_load_delay {
            0 => {}
            us @ 1.. => sleep_us(us as u64),
            // One us in so many keys.
            n if fastrand::i64(..n.saturating_neg().max(1)) == 0 => sleep_us(1),
            _ => {}
        }
    }
}

impl LoadTarget for ServerTarget<'_> {
    #[inline]
    fn keyspace(&mut self) -> &mut Keyspace {
        match &mut self.instead {
            Some(keyspace) => keyspace,
            None => &mut self.server.keyspace,
        }
    }

    fn progress(&mut self, processed: u64) -> bool {
        self.server.loading_progress(processed)
    }

    fn key_done(&mut self, outcome: KeyOutcome, processed: u64) -> bool {
        match outcome {
            KeyOutcome::Loaded => self.server.loading.keys_loaded += 1,
            KeyOutcome::Expired => self.server.loading.keys_expired += 1,
            KeyOutcome::Empty => {}
        }
        self.delay();
        self.server.loading_progress(processed)
    }

    fn key_expired(&mut self, db: usize, key: &[u8]) {
        self.server.expired_at_start(db, key);
    }

    fn load_library(&mut self, code: &[u8]) -> Result<(), String> {
        if let Some(codes) = &mut self.libraries_instead {
            codes.push(code.to_vec());
            return Ok(());
        }
        let loaded = self.server.load_function_library(code, self.replace_libraries, 0);
        loaded.map(|_| ()).map_err(|text| String::from_utf8_lossy(&text).into_owned())
    }

    fn used_memory(&mut self, bytes: i64) {
        self.server.loading.rdb_used_mem = bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_or_guessed() {
        let mut loading = Loading { start_s: 100, loaded_bytes: 49, ..Loading::default() };
        assert_eq!(loading.progress(100), Progress { percent: 0.0, eta_s: 1 });
        loading.total_bytes = 100;
        assert_eq!(loading.progress(110), Progress { percent: 49.0, eta_s: 10 });
        (loading.total_bytes, loading.rdb_used_mem) = (0, 10);
        assert_eq!(loading.progress(110).percent, MOST_GUESSED_PERCENT);
    }
}
