//! Loading the append only file: base, then incremental files, each command run by a client of its
//! own. A tail that a crash cut off is removed if `aof-load-truncated` says so, in the last file
//! only; anything else that is wrong ends the start.
//!
//! Invariant: while this goes on nothing is propagated, and no key is taken for expired.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};

use super::AofState;
use crate::commands::Args;
use crate::config::strerror;
use crate::persistence::aof::load::{AofReader, LoadFault};
use crate::persistence::aof::manifest::FileKind;
use crate::persistence::rdb::format::MAGIC;
use crate::persistence::rdb::load::{self as rdb, LoadError};
use crate::persistence::rdb::reader::Reader;
use crate::server::Server;
use crate::server::client::{Client, ClientFlags};
use crate::server::execute::NotExecutable;
use crate::server::flush::Scope;
use crate::server::loading::{ServerTarget, load_fault_text};

/// Events are served after so many commands.
const COMMANDS_PER_EVENTS: u64 = 1024;
/// Arguments of most commands.
const FEW_ARGS: usize = 8;

/// What became of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AofLoad {
    Ok,
    /// Loaded, and a tail that was cut off is removed.
    Truncated,
    Absent,
    Empty,
    /// Why is logged.
    Failed,
    /// The server is to exit (SHUTDOWN or a signal came).
    Stopped,
}

impl AofLoad {
    pub fn is_loaded(self) -> bool {
        matches!(self, AofLoad::Ok | AofLoad::Truncated)
    }
}

/// Progress within one file.
struct Replay<'a> {
    name: &'a str,
    /// Where the last good command ends, a whole transaction counting as one: what is written
    /// behind a MULTI that stays open would wait for an EXEC that never comes.
    valid_up_to: u64,
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

impl Server {
    /// Loads the data set at the start; ends the process if that fails.
    pub fn load_aof_at_start(&mut self) {
        let start_us = self.clock.monotonic_us();
        match self.load_append_only_files() {
            AofLoad::Failed => std::process::exit(1),
            AofLoad::Absent | AofLoad::Stopped => {}
            AofLoad::Ok | AofLoad::Truncated | AofLoad::Empty => {
                let took = seconds(self.clock.monotonic_us() - start_us);
                self.log_notice(&format!("DB loaded from append only file: {took:.3} seconds"));
            }
        }
    }

    /// DEBUG LOADAOF: what is on disk replaces the data. False if that fails; why is logged.
    pub fn reload_aof(&mut self) -> bool {
        self.flush_append_only_file(true);
        self.flush(Scope::All, false);
        self.load_aof_manifest();
        self.delete_history_files();
        let result = self.load_append_only_files();
        if !matches!(result, AofLoad::Ok | AofLoad::Empty) {
            return false;
        }
        // It may have been set meanwhile.
        self.apply_appendonly_with_retry();
        self.dirty = 0;
        self.log_notice("Append Only File loaded by DEBUG LOADAOF");
        true
    }

    /// Loads everything that the manifest names.
    pub fn load_append_only_files(&mut self) -> AofLoad {
        self.adopt_single_aof_if_there();
        if self.aof.manifest.is_empty() {
            return AofLoad::Absent;
        }
        let files: Vec<_> = self.aof.manifest.live_files().cloned().collect();
        let mut sizes = Vec::new();
        for file in &files {
            match self.aof_file_size(&file.name) {
                Ok(size) => sizes.push(size),
                // What the manifest names must be there.
                Err(_) => return AofLoad::Failed,
            }
        }
        let total: u64 = sizes.iter().sum();
        if total == 0 {
            return AofLoad::Empty;
        }
        let state = std::mem::replace(&mut self.aof.state, AofState::Off);
        // Replicas get none of it either.
        self.propagate.enable(false);
        self.start_loading(total, None, false);
        let mut result = AofLoad::Ok;
        let mut before = 0;
        for (idx, file) in files.iter().enumerate() {
            let name = String::from_utf8_lossy(&file.name).into_owned();
            let start_us = self.clock.monotonic_us();
            let is_last = idx + 1 == files.len();
            self.loading.before_bytes = before;
            result = match self.load_single_aof(&file.name, &name) {
                // Some other file has data.
                AofLoad::Empty => AofLoad::Ok,
                AofLoad::Truncated if !is_last => {
                    self.log_warning("Fatal error: the truncated file is not the last file");
                    AofLoad::Failed
                }
                other => other,
            };
            if !result.is_loaded() {
                break;
            }
            let kind = if file.kind == FileKind::Base { "base" } else { "incr" };
            let took = seconds(self.clock.monotonic_us() - start_us);
            self.log_notice(&format!("DB loaded from {kind} file {name}: {took:.3} seconds"));
            before += sizes[idx];
        }
        self.stop_loading();
        self.aof.state = state;
        self.update_propagation();
        if result.is_loaded() {
            self.aof.current_size = total;
            // Of the size after the last rewrite nothing else is known.
            self.aof.base_size = self.aof.manifest.base.as_ref().map_or(0, |_| sizes[0]);
        }
        result
    }

    /// Upgrade from a single file, possibly one that was interrupted.
    fn adopt_single_aof_if_there(&mut self) {
        if !self.single_aof_exists() {
            return;
        }
        let name = &self.config.appendfilename;
        let manifest = &self.aof.manifest;
        let base = manifest.base.as_ref().map(|base| &base.name);
        let interrupted =
            base == Some(name) && manifest.incr.is_empty() && !self.aof_path(name).exists();
        if !self.aof_dir().is_dir() || manifest.is_empty() || interrupted {
            self.adopt_single_aof();
        }
    }

    fn load_single_aof(&mut self, file_name: &[u8], name: &str) -> AofLoad {
        let path = self.aof_path(file_name);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                let reason = strerror(&e);
                self.log_warning(&format!("The append log file {name} doesn't exist: {reason}"));
                return AofLoad::Failed;
            }
            Err(e) => {
                self.log_warning(&format!(
                    "Fatal error: can't open the append log file {name} for reading: {}",
                    strerror(&e)
                ));
                return AofLoad::Failed;
            }
        };
        let size = file.metadata().map_or(0, |meta| meta.len());
        if size == 0 {
            return AofLoad::Empty;
        }
        let mut replay = Replay { name, valid_up_to: 0 };
        let start = match self.load_preamble(&mut file, size, file_name, name) {
            Ok(start) => start,
            Err(result) => return result,
        };
        let mut reader = match start {
            None => AofReader::new(&file),
            Some((offset, unread)) => AofReader::resume(&file, offset, unread),
        };
        let result = self.replay(&mut reader, &mut replay);
        match result {
            Ok(true) => AofLoad::Ok,
            Ok(false) => AofLoad::Stopped,
            Err(Failure::Logged) => AofLoad::Failed,
            Err(Failure::Fault(LoadFault::Io(e))) => {
                self.log_warning(&format!(
                    "Unrecoverable error reading the append only file {name}: {}",
                    strerror(&e)
                ));
                AofLoad::Failed
            }
            Err(Failure::Fault(LoadFault::Format)) => {
                self.log_warning(&format!(
                    "Bad file format reading the append only file {name}: make a backup of your \
                     AOF file, then use ./redis-check-aof --fix <filename.manifest>"
                ));
                AofLoad::Failed
            }
            Err(Failure::Fault(LoadFault::Truncated)) => self.cut_tail(&path, &replay),
        }
    }

    /// Loads the RDB that the file begins with, if it does. Returns where the commands begin, and
    /// what of them is read already.
    fn load_preamble(
        &mut self,
        file: &mut File,
        size: u64,
        file_name: &[u8],
        name: &str,
    ) -> Result<Option<(u64, Vec<u8>)>, AofLoad> {
        let mut magic = [0; MAGIC.len()];
        let has_rdb = io::Read::read_exact(file, &mut magic).is_ok() && magic == *MAGIC;
        if let Err(e) = file.seek(SeekFrom::Start(0)) {
            self.log_warning(&format!(
                "Unrecoverable error reading the append only file {name}: {}",
                strerror(&e)
            ));
            return Err(AofLoad::Failed);
        }
        if !has_rdb {
            return Ok(None);
        }
        let old_style = file_name == self.config.appendfilename;
        self.log_notice(if old_style {
            "Reading RDB preamble from AOF file..."
        } else {
            "Reading RDB base file on AOF loading..."
        });
        let mut options = self.load_options();
        // Commands that follow may belong to keys whose time has passed.
        options.drop_expired = false;
        let mut target = ServerTarget::new(self);
        let mut reader = Reader::of_source(file, Some(size), &mut target);
        let result = rdb::load(&mut reader, &options);
        let (processed, unread) = (reader.processed(), reader.unread().to_vec());
        match result {
            Ok(_) => {
                if old_style {
                    self.log_notice("Reading the remaining AOF tail...");
                }
                Ok(Some((processed, unread)))
            }
            Err(LoadError::Stopped) => Err(AofLoad::Stopped),
            Err(error) => {
                if let LoadError::Fault(fault) = &error {
                    self.log_warning(&load_fault_text(fault, processed));
                }
                self.log_warning(&if old_style {
                    format!(
                        "Error reading the RDB preamble of the AOF file {name}, AOF loading aborted"
                    )
                } else {
                    format!("Error reading the RDB base file {name}, AOF loading aborted")
                });
                Err(AofLoad::Failed)
            }
        }
    }

    /// Runs all commands. False: the server is to exit.
    fn replay(
        &mut self,
        reader: &mut AofReader<&File>,
        replay: &mut Replay<'_>,
    ) -> Result<bool, Failure> {
        let mut client = self.aof_client();
        replay.valid_up_to = reader.offset();
        for count in 0u64.. {
            if count.is_multiple_of(COMMANDS_PER_EVENTS) && !self.replay_progress(reader.offset()) {
                return Ok(false);
            }
            if !reader.next_command()? {
                break;
            }
            self.replay_command(&mut client, reader, replay)?;
            if !client.flags.has(ClientFlags::MULTI) {
                replay.valid_up_to = reader.offset();
            }
            if self.config.key_load_delay != 0 {
                ServerTarget::new(self).delay();
            }
        }
        if client.flags.has(ClientFlags::MULTI) {
            let name = replay.name;
            self.log_warning(&format!(
                "Revert incomplete MULTI/EXEC transaction in AOF file {name}"
            ));
            return Err(LoadFault::Truncated.into());
        }
        Ok(true)
    }

    fn replay_progress(&mut self, offset: u64) -> bool {
        self.loading.loaded_bytes = self.loading.before_bytes + offset;
        self.process_events_while_blocked();
        self.exit_status.is_none()
    }

    #[inline]
    fn replay_command(
        &mut self,
        client: &mut Client,
        reader: &AofReader<&File>,
        replay: &Replay<'_>,
    ) -> Result<(), Failure> {
        let mut few: [&[u8]; FEW_ARGS] = [&[]; FEW_ARGS];
        let many: Vec<&[u8]>;
        let argc = reader.argc();
        let argv = if argc <= FEW_ARGS {
            for (place, arg) in few.iter_mut().zip(reader.args()) {
                *place = arg;
            }
            &few[..argc]
        } else {
            many = reader.args().collect();
            &many[..]
        };
        self.execute(client, Args(argv)).map_err(|error| {
            let (command, name) = (String::from_utf8_lossy(argv[0]), replay.name);
            match error {
                NotExecutable::UnknownCommand => self.log_warning(&format!(
                    "Unknown command '{command}' reading the append only file {name}"
                )),
                NotExecutable::WrongArity => self.log_warning(&format!(
                    "Wrong number of arguments for '{command}' reading the append only file {name}"
                )),
            }
            Failure::Logged
        })
    }

    /// The file ends within a command or a transaction: removes that, if it is allowed to.
    fn cut_tail(&mut self, path: &std::path::Path, replay: &Replay<'_>) -> AofLoad {
        let (name, end) = (replay.name, replay.valid_up_to);
        if self.config.aof_load_truncated {
            self.log_warning(&format!(
                "!!! Warning: short read while loading the AOF file {name}!!!"
            ));
            self.log_warning(&format!("!!! Truncating the AOF {name} at offset {end} !!!"));
            let file = fs::OpenOptions::new().write(true).open(path);
            match file.and_then(|file| file.set_len(end)) {
                Ok(()) => {
                    self.log_warning(&format!(
                        "AOF {name} loaded anyway because aof-load-truncated is enabled"
                    ));
                    return AofLoad::Truncated;
                }
                Err(e) => self.log_warning(&format!(
                    "Error truncating the AOF file {name}: {}",
                    strerror(&e)
                )),
            }
        }
        self.log_warning(&format!(
            "Unexpected end of file reading the append only file {name}. You can: 1) Make a backup \
             of your AOF file, then use ./redis-check-aof --fix <filename.manifest>. 2) \
             Alternatively you can set the 'aof-load-truncated' configuration option to yes and \
             restart the server."
        ));
        AofLoad::Failed
    }
}

enum Failure {
    Fault(LoadFault),
    /// Why was logged.
    Logged,
}

impl From<LoadFault> for Failure {
    fn from(fault: LoadFault) -> Failure {
        Failure::Fault(fault)
    }
}
