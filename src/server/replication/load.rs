//! Loading the RDB of a full synchronization: from the file it was received into, or straight from
//! the link, either in place of the emptied data set or beside the old one.

use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use socket2::SockRef;

use super::link::Transfer;
use super::master::CachedMaster;
use crate::config::{ReplDisklessLoad, strerror};
use crate::persistence::rdb::file::sync_dir_of;
use crate::persistence::rdb::format::MAGIC;
use crate::persistence::rdb::load::{LoadError, Loaded, ReplicationInfo, load};
use crate::persistence::rdb::reader::Reader;
use crate::replication::ID_BYTES;
use crate::replication::handshake::Payload;
use crate::server::Server;
use crate::server::connection::Stream;
use crate::server::loading::{FileLoad, FileLoadOptions, ServerTarget, load_fault_text};
use crate::storage::keyspace::Keyspace;
use crate::sys::signal;

/// How often a load that waits for the master looks whether this server is to end.
const LOOK_PERIOD: Duration = Duration::from_millis(200);

/// The link as a source of bytes: what was read already, then the socket. Reading fails when the
/// master is silent for too long, and when this server is told to end.
pub(super) struct LinkSource<'a> {
    rest: &'a mut Vec<u8>,
    taken: usize,
    stream: &'a mut TcpStream,
    /// Bytes that may still be taken.
    left: u64,
    /// The longest silence.
    patience: Duration,
    /// Bytes taken from the socket.
    pub read: u64,
}

impl LinkSource<'_> {
    fn read_socket(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let start = Instant::now();
        loop {
            if signal::shutdown_asap() {
                return Err(io::Error::other("told to end"));
            }
            match self.stream.read(buf) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if start.elapsed() >= self.patience {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                }
                result => return result,
            }
        }
    }
}

impl Read for LinkSource<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buf.len());
        let early = &self.rest[self.taken..];
        let bytes = if early.is_empty() {
            let bytes = self.read_socket(&mut buf[..most])?;
            self.read += bytes as u64;
            bytes
        } else {
            let bytes = early.len().min(most);
            buf[..bytes].copy_from_slice(&early[..bytes]);
            self.taken += bytes;
            bytes
        };
        self.left -= bytes as u64;
        Ok(bytes)
    }
}

impl Drop for LinkSource<'_> {
    fn drop(&mut self) {
        self.rest.drain(..self.taken);
    }
}

impl Server {
    /// The RDB is in its file: it becomes the data set.
    pub(super) fn load_transferred_file(&mut self, mut transfer: Transfer) {
        self.stop_aof_for_sync();
        if self.child.is_saving() {
            if let Some(child) = &self.child.active {
                self.log_notice(&format!(
                    "Replica is about to load the RDB file received from the master, but there is \
                     a pending RDB child running. Killing process {} and removing its temp file \
                     to avoid any race",
                    child.pid
                ));
            }
            self.kill_rdb_child();
        }
        let filename = self.config.dbfilename.clone();
        let path = Path::new(std::ffi::OsStr::from_bytes(&filename));
        if let Err(text) = self.put_in_place(&mut transfer, path) {
            self.log_warning(&text);
            self.cancel_handshake(true);
            return;
        }
        self.attach_to_new_master();
        self.log_notice("MASTER <-> REPLICA sync: Loading DB in memory");
        let loaded = self.load_file_of_master(path, &mut transfer);
        if self.config.rdb_del_sync_files && self.all_persistence_disabled() {
            self.log_notice(
                "Removing the RDB file obtained from the master. This replica has persistence \
                 disabled",
            );
            self.unlink_in_background(path);
        }
        match loaded {
            Ok(db) => self.sync_finished(transfer, db),
            Err(()) => {
                self.log_warning(
                    "Failed trying to load the MASTER synchronization DB from disk, check server \
                     logs.",
                );
                self.cancel_handshake(true);
            }
        }
    }

    /// Puts the file where this server's own RDB file is.
    fn put_in_place(&mut self, transfer: &mut Transfer, path: &Path) -> Result<(), String> {
        if let Some(file) = transfer.take_file() {
            file.sync_all().map_err(|e| {
                format!(
                    "Failed trying to sync the temp DB to disk in MASTER <-> REPLICA \
                     synchronization: {}",
                    strerror(&e)
                )
            })?;
        }
        let old = std::fs::File::open(path);
        std::fs::rename(transfer.path(), path).map_err(|e| {
            format!(
                "Failed trying to rename the temp DB into {} in MASTER <-> REPLICA \
                 synchronization: {}",
                path.display(),
                strerror(&e)
            )
        })?;
        if let Ok(old) = old {
            // Its blocks are freed on the thread.
            self.lazyfree.send(Box::new(old), 0);
        }
        sync_dir_of(path).map_err(|e| {
            format!(
                "Failed trying to sync DB directory {} in MASTER <-> REPLICA synchronization: {}",
                path.display(),
                strerror(&e)
            )
        })
    }

    /// Reads the RDB from the link.
    pub(super) fn load_from_link(&mut self, mut transfer: Transfer) {
        self.stop_aof_for_sync();
        if self.child.is_saving() {
            self.kill_rdb_child();
        }
        let swap = self.config.repl_diskless_load == ReplDisklessLoad::Swapdb;
        if !swap {
            self.attach_to_new_master();
        }
        self.log_notice("MASTER <-> REPLICA sync: Loading DB in memory");
        if let Err(e) = transfer.set_blocking(LOOK_PERIOD) {
            let e = strerror(&e);
            self.log_warning(&format!("Can't read from the link to the master: {e}"));
            self.cancel_handshake(true);
            return;
        }
        let loaded =
            if swap { self.load_beside(&mut transfer) } else { self.load_in_place(&mut transfer) };
        match loaded {
            Ok(db) => {
                self.dirty += 1;
                if let Err(e) = transfer.set_nonblocking() {
                    let e = strerror(&e);
                    self.log_warning(&format!("Can't read from the link to the master: {e}"));
                    self.cancel_handshake(true);
                    return;
                }
                self.sync_finished(transfer, db);
            }
            Err(()) => {
                // The socket closes before the next attempt.
                drop(transfer);
                self.cancel_handshake(true);
            }
        }
    }

    /// Source of the bytes of a transfer.
    fn link_source(transfer: &mut Transfer, patience: Duration) -> LinkSource<'_> {
        let left = match transfer.payload {
            Payload::Length(bytes) => bytes,
            Payload::Mark(_) => u64::MAX,
        };
        let Transfer { rest, stream, .. } = transfer;
        LinkSource { rest, taken: 0, stream, left, patience, read: 0 }
    }

    /// What follows the RDB on the link must be the mark. `early`: read by the loader already.
    pub(super) fn check_mark(
        &mut self,
        payload: Payload,
        early: &[u8],
        source: &mut LinkSource<'_>,
    ) -> Result<(), ()> {
        let Payload::Mark(mark) = payload else { return Ok(()) };
        let mut found = early[..early.len().min(ID_BYTES)].to_vec();
        let missing = ID_BYTES - found.len();
        let read = source.take(missing as u64).read_to_end(&mut found);
        if read.is_err() || found != mark {
            self.log_warning("Replication stream EOF marker is broken");
            return Err(());
        }
        Ok(())
    }

    /// The data set is the master's: its stream begins.
    fn sync_finished(&mut self, transfer: Transfer, db: Option<usize>) {
        let (id, offset) = match transfer.history {
            Some(history) => history,
            None => (super::no_id(), -1),
        };
        let acks = matches!(transfer.payload, Payload::Mark(_));
        self.replication.id = id.clone();
        self.replication.stream.set_end(offset);
        self.replication.clear_id2();
        let cached = CachedMaster { id, offset, db: db.unwrap_or(0) };
        let (stream, input) = match self.replication.link.main.take() {
            // The link served for the RDB only.
            Some(main) => (Stream::Ahead(Box::new(main.into_ahead())), Vec::new()),
            None => (Stream::Tcp(transfer.stream), transfer.rest),
        };
        self.create_master_client(stream, input, cached);
        if !self.replication.stream.is_active() {
            self.create_backlog();
        }
        self.log_notice("MASTER <-> REPLICA sync: Finished with success");
        self.process.notify_supervisor(
            "STATUS=MASTER <-> REPLICA sync: Finished with success. Ready to accept connections \
             in read-write mode.\n",
        );
        if acks {
            // The master waits for it: it could not know when the RDB was loaded.
            self.send_ack();
        }
        self.restart_aof_after_sync(
            "MASTER <-> REPLICA sync: Starting AOF after a successful sync",
        );
    }
}

/// At the start of the server.
impl Server {
    /// A master collects what the load changes (keys whose time is over) for replicas that
    /// continue from the file's offset.
    pub(in crate::server) fn begin_load_at_start(&mut self) {
        if !self.is_replica() {
            self.replication.feeds_at_start = true;
            self.create_backlog();
        }
    }

    /// A key of the file was dropped.
    pub(in crate::server) fn expired_at_start(&mut self, db: usize, key: &[u8]) {
        if self.replication.feeds_at_start {
            let lazy = self.config.lazyfree_lazy_expire;
            let verb: &[u8] = if lazy { b"UNLINK" } else { b"DEL" };
            self.feed_replicas(Some(db), &[verb, key]);
        }
    }

    /// Where in the history of a stream the file stands: a replica asks its master to continue
    /// there, a master lets its replicas.
    pub(in crate::server) fn restore_replication(&mut self, info: &ReplicationInfo) {
        let (Some(id), Some(offset)) = (&info.id, info.offset) else { return };
        if id.len() != ID_BYTES || offset < 0 {
            return;
        }
        if self.is_replica() {
            self.replication.id = id.clone();
            self.replication.stream.set_end(offset);
            let db = info.stream_db.and_then(|db| usize::try_from(db).ok());
            self.cache_master_using_myself(db.unwrap_or(0));
        } else {
            self.replication.id2 = id.clone();
            self.replication.second_offset = offset + 1;
            self.replication.stream.rebase(offset);
            // Replicas may continue: the backlog stays.
            self.replication.feeds_at_start = false;
            self.replication.no_replicas_since_s = self.clock.now_s();
        }
    }

    /// The data is there. A backlog of no history is of no use.
    pub(in crate::server) fn end_load_at_start(&mut self) {
        if std::mem::take(&mut self.replication.feeds_at_start) {
            self.free_backlog();
        }
    }
}

/// The three ways.
impl Server {
    /// From the file. A damaged one ends the process, as one of our own would.
    fn load_file_of_master(
        &mut self,
        path: &Path,
        transfer: &mut Transfer,
    ) -> Result<Option<usize>, ()> {
        if !is_rdb_file(path) {
            self.log_warning("Wrong signature trying to load DB from file");
            return Err(());
        }
        self.begin_pulse(&transfer.stream);
        let how = FileLoadOptions { replaces: true, ..FileLoadOptions::default() };
        let loaded = self.load_rdb_file(path, how);
        self.end_pulse();
        match loaded {
            FileLoad::Loaded(loaded) => Ok(stream_db(&loaded)),
            FileLoad::Absent | FileLoad::Failed | FileLoad::Stopped => Err(()),
        }
    }

    /// The data set is emptied and filled again: there is none if it fails.
    fn load_in_place(&mut self, transfer: &mut Transfer) -> Result<Option<usize>, ()> {
        self.start_loading(expected_bytes(transfer), None, false);
        self.begin_pulse(&transfer.stream);
        self.flush_for_sync();
        let loaded = self.load_stream(transfer, None, None);
        if loaded.is_err() {
            self.flush_while_loading(self.config.replica_lazy_flush);
        }
        self.end_pulse();
        self.stop_loading();
        loaded
    }

    /// The data set stays until the new one is complete. If both are of one history, the old one
    /// is shown meanwhile.
    fn load_beside(&mut self, transfer: &mut Transfer) -> Result<Option<usize>, ()> {
        let same = transfer.history.as_ref().is_some_and(|(id, _)| *id == self.replication.id);
        let databases = self.keyspace.dbs.len();
        let mut keyspace = Keyspace::new(databases, self.config.cluster_enabled);
        self.start_loading(expected_bytes(transfer), None, same);
        self.begin_pulse(&transfer.stream);
        let mut libraries = Vec::new();
        let loaded = self.load_stream(transfer, Some(&mut keyspace), Some(&mut libraries));
        // Before anything is swapped: a library that does not load fails all of it.
        let loaded = loaded.and_then(|db| self.take_libraries(&libraries).map(|()| db));
        if loaded.is_ok() {
            self.attach_to_new_master();
            self.log_notice("MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
            self.take_keyspace(&mut keyspace);
        }
        let keys = keyspace.len() as u64;
        self.lazyfree.send(Box::new(keyspace), keys);
        self.log_notice(match loaded {
            Ok(_) => "MASTER <-> REPLICA sync: Discarding old DB in background",
            Err(()) => "MASTER <-> REPLICA sync: Discarding temporary DB in background",
        });
        self.end_pulse();
        self.stop_loading();
        loaded
    }

    fn load_stream(
        &mut self,
        transfer: &mut Transfer,
        instead: Option<&mut Keyspace>,
        libraries: Option<&mut Vec<Vec<u8>>>,
    ) -> Result<Option<usize>, ()> {
        let payload = transfer.payload;
        let total = match payload {
            Payload::Length(bytes) => Some(bytes),
            Payload::Mark(_) => None,
        };
        let options = self.load_options();
        let patience = Duration::from_secs(self.config.repl_timeout.max(1) as u64);
        let mut source = Self::link_source(transfer, patience);
        let mut target = ServerTarget::new(self);
        target.instead = instead;
        target.libraries_instead = libraries;
        target.replace_libraries = true;
        let mut reader = Reader::of_source(&mut source, total, &mut target);
        let result = load(&mut reader, &options);
        let (processed, early) = (reader.processed(), reader.unread().to_vec());
        drop(reader);
        let result = match result {
            Ok(loaded) => {
                self.check_mark(payload, &early, &mut source).map(|()| stream_db(&loaded))
            }
            Err(error) => {
                if let LoadError::Fault(fault) = &error {
                    self.log_warning(&load_fault_text(fault, processed));
                }
                self.log_warning(
                    "Failed trying to load the MASTER synchronization DB from socket, check \
                     server logs.",
                );
                Err(())
            }
        };
        self.replication.stats.net_input_bytes += source.read;
        if result.is_err() {
            self.shutdown_while_loading();
        }
        result
    }

    /// Empties the data set for the master's. The load has begun: clients that are served
    /// meanwhile are told so.
    pub(in crate::server) fn flush_for_sync(&mut self) {
        self.log_notice("MASTER <-> REPLICA sync: Flushing old data");
        self.flush_while_loading(self.config.replica_lazy_flush);
        self.flush_functions(self.config.replica_lazy_flush);
        self.forget_replica_expires();
    }

    /// Puts another keyspace in the place of ours, which goes into `keyspace`.
    fn take_keyspace(&mut self, keyspace: &mut Keyspace) {
        for db in 0..self.keyspace.dbs.len() {
            self.touch_all_watched_keys_in_db(db, None);
        }
        std::mem::swap(&mut self.keyspace, keyspace);
        for db in 0..self.keyspace.dbs.len() {
            for key in self.blocking.keys_of_db(db) {
                self.signal_key_as_ready(db, &key);
            }
        }
        self.forget_replica_expires();
    }

    /// While data is loaded, the master shall see that this replica lives.
    fn begin_pulse(&mut self, stream: &TcpStream) {
        self.replication.link.pulse = match &self.replication.link.main {
            Some(main) => main.socket(),
            None => SockRef::from(stream).try_clone().ok(),
        };
    }

    fn end_pulse(&mut self) {
        self.replication.link.pulse = None;
    }

    /// The libraries of the master in the place of ours; `Err` (logged): ours have stayed.
    fn take_libraries(&mut self, codes: &[Vec<u8>]) -> Result<(), ()> {
        self.replace_function_libraries(codes).map_err(|text| {
            let text = String::from_utf8_lossy(&text);
            self.log_warning(&format!("Failed loading library, {text}"));
        })
    }

    /// The append only file would only hold what is about to be replaced; a child that rewrites it
    /// would copy every page.
    fn stop_aof_for_sync(&mut self) {
        if self.aof.is_on() {
            self.stop_append_only();
        }
    }

    /// Begins the append only file anew, if it is wanted.
    pub(super) fn restart_aof_after_sync(&mut self, why: &str) {
        if self.config.appendonly && !self.aof.is_on() {
            self.log_notice(why);
            self.apply_appendonly_with_retry();
        }
    }
}

/// The file begins as an RDB file does.
fn is_rdb_file(path: &Path) -> bool {
    let mut magic = [0; MAGIC.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic));
    read.is_ok() && magic == *MAGIC
}

/// Bytes that a transfer announced; 0 = none.
fn expected_bytes(transfer: &Transfer) -> u64 {
    match transfer.payload {
        Payload::Length(bytes) => bytes,
        Payload::Mark(_) => 0,
    }
}

/// The database that the master's stream has selected.
fn stream_db(loaded: &Loaded) -> Option<usize> {
    loaded.replication.stream_db.and_then(|db| usize::try_from(db).ok())
}
