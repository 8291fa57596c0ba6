//! The RDB on its way to replicas: from a file, or streamed by a child through a pipe to this
//! process, which writes it to all replicas that take part.
//!
//! The slowest replica holds up the pipe, and with it the child. The child ends only when all was
//! passed on (it waits for the other pipe to close): its end means that the replicas have it all.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;

use mio::unix::pipe::{Receiver, Sender};
use mio::{Interest, Token};

use super::replicas::{Replica, ReplicaState, capa, requires};
use crate::persistence::child::{ChildKind, ChildReport};
use crate::persistence::rdb::save::save;
use crate::replication::ID_BYTES;
use crate::server::Server;
use crate::server::child::Outcome;
use crate::server::client::{Client, ClientFlags};
use crate::server::event_loop::RDB_PIPE_TOKEN;
use crate::server::process::set_cpu_affinity;

/// Bytes read from the pipe at once, and of the file.
const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes of the pipe passed on in one turn of the loop.
const MAX_PIPE_PER_TURN: usize = 1024 * 1024;
/// Bytes of the file written to one replica in one turn.
const MAX_FILE_PER_TURN: usize = 256 * 1024;

/// A file that is being sent.
pub struct Bulk {
    file: File,
    bytes: u64,
    sent: u64,
    /// Read from the file, not yet taken by the socket: `chunk[taken..]`.
    chunk: Vec<u8>,
    taken: usize,
}

impl Bulk {
    fn open(path: &str) -> io::Result<Bulk> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let chunk = format!("${bytes}\r\n").into_bytes();
        Ok(Bulk { file, bytes, sent: 0, chunk, taken: 0 })
    }

    /// The next bytes to write; empty at the end.
    fn next(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.chunk.len() && self.sent < self.bytes {
            let most = (self.bytes - self.sent).min(CHUNK_BYTES as u64) as usize;
            self.chunk.resize(most, 0);
            let read = self.file.read_at(&mut self.chunk, self.sent)?;
            if read == 0 {
                return Err(io::Error::other("premature EOF"));
            }
            self.chunk.truncate(read);
            self.sent += read as u64;
            self.taken = 0;
        }
        Ok(&self.chunk[self.taken..])
    }
}

/// The RDB of a child.
pub struct RdbPipe {
    receiver: Receiver,
    /// Dropped when the child may end.
    exit: Option<std::io::PipeWriter>,
    /// Who gets it: ids of connections.
    replicas: Vec<u64>,
    /// What was last read and not every replica has taken.
    buffer: Vec<u8>,
    /// The child has written all.
    at_end: bool,
    /// The turn's share was used up.
    pub has_more: bool,
}

impl RdbPipe {}

impl Server {
    /// Starts a child for the replicas that wait, all of which can do what `capa` says and want
    /// what `requires` says. `current`: the client that is checked out.
    pub(super) fn start_bgsave_for_replication(
        &mut self,
        mut current: Option<&mut Client>,
        capa: u8,
        requires: u8,
    ) {
        // A file with something left out must not stand where the data set is kept.
        let streams = (self.config.repl_diskless_sync || requires != 0) && capa & capa::EOF != 0;
        let target = if streams { "replicas sockets" } else { "disk" };
        self.log_notice(&format!("Starting BGSAVE for SYNC with target: {target}"));
        let started = if self.replication_info().is_none() {
            self.log_warning(
                "BGSAVE for replication: replication information not available, can't generate \
                 the RDB file right now. Try later.",
            );
            false
        } else if streams {
            self.start_streaming(current.as_deref_mut(), requires)
        } else {
            self.start_bgsave_keeping(true)
        };
        if !started {
            self.log_warning("BGSAVE for replication failed");
            return self.refuse_waiting_replicas(current);
        }
        if !streams {
            self.replication.file_for_replicas |= self.config.rdb_del_sync_files;
            let offset = self.master_repl_offset();
            for id in self.waiting_replicas(requires) {
                self.set_up_full_sync(current.as_deref_mut(), id, offset);
            }
        }
    }

    /// Replicas that wait for a child, with these requirements.
    fn waiting_replicas(&self, requires: u8) -> Vec<u64> {
        let waits =
            |r: &&Replica| r.state == ReplicaState::WaitBgsaveStart && r.conf.requires == requires;
        self.replication.replicas.iter().filter(waits).map(|r| r.client).collect()
    }

    fn refuse_waiting_replicas(&mut self, mut current: Option<&mut Client>) {
        let waits = |r: &Replica| r.state == ReplicaState::WaitBgsaveStart;
        let ids: Vec<u64> =
            self.replication.replicas.iter().filter(|r| waits(r)).map(|r| r.client).collect();
        for id in ids {
            self.replication.replicas.retain(|replica| replica.client != id);
            let text = b"-ERR BGSAVE failed, replication can't continue\r\n";
            self.reply_to_replica(current.as_deref_mut(), id, text);
            let end = |client: &mut Client| {
                client.flags.clear(ClientFlags::REPLICA);
                client.flags.set(ClientFlags::CLOSE_AFTER_REPLY);
            };
            match current.as_deref_mut().filter(|client| client.id == id) {
                Some(client) => end(client),
                None => self.clients.get_mut(id).into_iter().for_each(end),
            }
        }
    }

    /// Forks a child that streams the RDB to us.
    fn start_streaming(&mut self, mut current: Option<&mut Client>, requires: u8) -> bool {
        if self.has_child() || self.replication.pipe.is_some() {
            return false;
        }
        let pipes = mio::unix::pipe::new().and_then(|pipe| Ok((pipe, std::io::pipe()?)));
        let ((sender, receiver), (exit_reader, exit_writer)) = match pipes {
            Ok(pipes) => pipes,
            Err(e) => {
                self.log_warning(&format!("Can't save in background: {e}"));
                return false;
            }
        };
        let replicas = self.waiting_replicas(requires);
        let offset = self.master_repl_offset();
        self.replication.pipe = Some(RdbPipe {
            receiver,
            exit: Some(exit_writer),
            replicas: replicas.clone(),
            buffer: Vec::new(),
            at_end: false,
            has_more: false,
        });
        let spawned = self.spawn_child(ChildKind::RdbSocket, move |server, report| {
            // Our ends of what the parent reads and closes.
            server.replication.pipe = None;
            server.name_child("redis-rdb-to-slaves");
            set_cpu_affinity(server.config.bgsave_cpulist.as_deref());
            let status = server.stream_rdb(sender, requires, report);
            let mut exit_reader = exit_reader;
            // Nothing is ever read: it returns when the parent has passed on everything.
            let _ = exit_reader.read(&mut [0]);
            status
        });
        let pid = match spawned {
            Ok(pid) => pid,
            Err(e) => {
                self.log_warning(&format!("Can't save in background: fork: {e}"));
                self.replication.pipe = None;
                return false;
            }
        };
        for id in replicas {
            self.set_up_full_sync(current.as_deref_mut(), id, offset);
        }
        self.log_notice(&format!("Background RDB transfer started by pid {pid}"));
        self.rdb.last_try_s = self.clock.now_s();
        self.watch_pipe();
        true
    }

    fn watch_pipe(&mut self) {
        let (Some(registry), Some(pipe)) = (&self.registry, &mut self.replication.pipe) else {
            return;
        };
        let token = Token(RDB_PIPE_TOKEN);
        if let Err(e) = registry.register(&mut pipe.receiver, token, Interest::READABLE) {
            self.log_warning(&format!("Can't watch the pipe of the child: {e}"));
            self.kill_child();
        }
    }

    /// In the child: writes the RDB between its marks.
    fn stream_rdb(&mut self, sender: Sender, requires: u8, report: &mut ChildReport) -> i32 {
        if sender.set_nonblocking(false).is_err() {
            return 1;
        }
        let mark = crate::server::random_hex(ID_BYTES);
        let mut sink = io::BufWriter::with_capacity(CHUNK_BYTES, sender);
        match self.write_rdb_with_mark(&mut sink, &mark, requires, report) {
            Ok(()) => {
                report.finish();
                0
            }
            Err(e) => {
                self.log_warning(&format!("Error sending the RDB to replicas: {e}"));
                1
            }
        }
    }

    fn write_rdb_with_mark(
        &mut self,
        sink: &mut dyn Write,
        mark: &str,
        requires: u8,
        report: &mut ChildReport,
    ) -> io::Result<()> {
        let mut options = self.rdb_save_options();
        options.without_data = requires & requires::NO_DATA != 0;
        if requires & requires::NO_FUNCTIONS != 0 {
            options.functions.clear();
        }
        sink.write_all(format!("$EOF:{mark}\r\n").as_bytes())?;
        save(sink, &self.keyspace, &options, report)?;
        sink.write_all(mark.as_bytes())?;
        sink.flush()
    }

    /// The pipe has something, or replicas have taken what it had.
    pub fn pump_pipe(&mut self) {
        let mut budget = MAX_PIPE_PER_TURN;
        loop {
            let Some(pipe) = self.replication.pipe.as_mut() else { return };
            pipe.has_more = false;
            if pipe.at_end || self.pipe_is_blocked() {
                return;
            }
            if budget == 0 {
                self.replication.pipe.as_mut().expect("looked at above").has_more = true;
                return;
            }
            match self.read_pipe() {
                Ok(0) => return self.pipe_ended(),
                Ok(bytes) => budget = budget.saturating_sub(bytes),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(e) => {
                    self.log_warning(&format!(
                        "Diskless rdb transfer, read error sending DB to replicas: {e}"
                    ));
                    return self.drop_pipe_replicas();
                }
            }
            if self.write_pipe_to_all() == 0 {
                self.log_warning(
                    "Diskless rdb transfer, last replica dropped, killing fork child.",
                );
                if let Some(pipe) = self.replication.pipe.as_mut() {
                    pipe.at_end = true;
                }
                return self.kill_child();
            }
        }
    }

    /// A replica has not taken all of the last chunk.
    fn pipe_is_blocked(&self) -> bool {
        self.replication.replicas.iter().any(|replica| replica.pipe_sent.is_some())
    }

    fn read_pipe(&mut self) -> io::Result<usize> {
        let Some(pipe) = self.replication.pipe.as_mut() else { return Ok(0) };
        pipe.buffer.resize(CHUNK_BYTES, 0);
        loop {
            match pipe.receiver.read(&mut pipe.buffer) {
                Ok(bytes) => {
                    pipe.buffer.truncate(bytes);
                    return Ok(bytes);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    fn pipe_ended(&mut self) {
        let Some(pipe) = self.replication.pipe.as_mut() else { return };
        pipe.at_end = true;
        // The child may end; cron finds that it did.
        pipe.exit = None;
        if let Some(registry) = &self.registry {
            // It was registered; closing removes it in any case.
            let _ = registry.deregister(&mut pipe.receiver);
        }
        let up = self.pipe_replicas().len();
        self.log_notice(&format!(
            "Diskless rdb transfer, done reading from pipe, {up} replicas still up."
        ));
    }

    fn pipe_replicas(&self) -> Vec<u64> {
        self.replication.pipe.as_ref().map_or_else(Vec::new, |pipe| pipe.replicas.clone())
    }

    fn drop_pipe_replicas(&mut self) {
        for id in self.pipe_replicas() {
            self.kill_client(id);
        }
        self.kill_child();
    }

    /// Writes the chunk to everyone; how many replicas are left.
    fn write_pipe_to_all(&mut self) -> usize {
        for id in self.pipe_replicas() {
            if let Some(replica) = self.replica_mut(id) {
                replica.pipe_sent = Some(0);
            }
            if let Some(mut client) = self.clients.check_out(id) {
                self.write_pipe_chunk(&mut client);
                self.clients.check_in(client);
            }
        }
        self.pipe_replicas().len()
    }

    /// A replica takes more of the chunk; if all have it, the pipe is read again.
    pub(super) fn write_pipe_rest(&mut self, client: &mut Client) {
        self.write_pipe_chunk(client);
        if !self.pipe_is_blocked()
            && let Some(pipe) = self.replication.pipe.as_mut()
        {
            // Not from here: a client is checked out.
            pipe.has_more = !pipe.at_end;
        }
    }

    fn write_pipe_chunk(&mut self, client: &mut Client) {
        let now_s = self.clock.now_s();
        let repl = &mut self.replication;
        let Some(pipe) = repl.pipe.as_ref() else { return };
        let replica = repl.replicas.iter_mut().find(|replica| replica.client == client.id);
        let (Some(replica), Some(conn)) = (replica, client.conn.as_mut()) else { return };
        if !client.reply.is_empty() || !conn.out.is_empty() || conn.write_blocked {
            // The announcement goes first; its end brings us back.
            if replica.last_partial_write_s == 0 {
                replica.last_partial_write_s = now_s;
            }
            return;
        }
        let mut total = 0;
        let error = loop {
            let sent = replica.pipe_sent.unwrap_or(pipe.buffer.len());
            if sent >= pipe.buffer.len() {
                replica.pipe_sent = None;
                replica.last_partial_write_s = 0;
                break None;
            }
            match conn.write_slices(&[io::IoSlice::new(&pipe.buffer[sent..])]) {
                Ok(Some(bytes)) => {
                    total += bytes;
                    replica.pipe_sent = Some(sent + bytes);
                    replica.last_partial_write_s = now_s;
                }
                Ok(None) => {
                    if replica.last_partial_write_s == 0 {
                        replica.last_partial_write_s = now_s;
                    }
                    break None;
                }
                Err(e) => break Some(e),
            }
        };
        self.count_replica_output(client, total);
        if let Some(e) = error {
            self.log_warning(&format!(
                "Diskless rdb transfer, write error sending DB to replica: {e}"
            ));
            self.leave_pipe(client.id);
            self.close_later(client);
        }
    }

    /// The replica takes no (further) part in what the child sends.
    pub(super) fn leave_pipe(&mut self, id: u64) {
        let Some(pipe) = self.replication.pipe.as_mut() else { return };
        let before = pipe.replicas.len();
        pipe.replicas.retain(|replica| *replica != id);
        if pipe.replicas.len() == before {
            return;
        }
        if let Some(replica) = self.replica_mut(id) {
            replica.pipe_sent = None;
        }
        if !self.pipe_is_blocked()
            && let Some(pipe) = self.replication.pipe.as_mut()
        {
            pipe.has_more = !pipe.at_end;
        }
    }

    /// The loop must not wait: the pipe may have something.
    pub fn pipe_has_more(&self) -> bool {
        self.replication.pipe.as_ref().is_some_and(|pipe| pipe.has_more)
    }

    /// A child that saved or sent the data set has ended.
    pub(in crate::server) fn child_done_for_replicas(&mut self, kind: ChildKind, end: Outcome) {
        if kind == ChildKind::RdbSocket {
            match end {
                Outcome::Success => {
                    self.log_notice("Background RDB transfer terminated with success");
                }
                Outcome::Failure => self.log_warning("Background transfer error"),
                Outcome::Signal(signal) => {
                    self.log_warning(&format!("Background transfer terminated by signal {signal}"))
                }
            }
            self.replication.pipe = None;
            for replica in &mut self.replication.replicas {
                replica.pipe_sent = None;
            }
        }
        let waiting = |r: &&Replica| r.state == ReplicaState::WaitBgsaveEnd;
        let ids: Vec<u64> =
            self.replication.replicas.iter().filter(waiting).map(|r| r.client).collect();
        for id in ids {
            if end != Outcome::Success {
                self.log_warning("SYNC failed. BGSAVE child returned an error");
                self.close_client_later(id);
            } else if kind == ChildKind::RdbSocket {
                self.streamed_replica_done(id);
            } else {
                self.begin_bulk(id);
            }
        }
    }

    /// Closes a client at the end of the turn, also one that is checked out now.
    pub(in crate::server) fn close_client_later(&mut self, id: u64) {
        if let Some(mut client) = self.clients.check_out(id) {
            self.close_later(&mut client);
            self.clients.check_in(client);
        } else {
            self.clients.to_close.push(id);
        }
    }

    /// The stream follows when the replica says that it has loaded: until then it could not tell
    /// the end of the RDB.
    fn streamed_replica_done(&mut self, id: u64) {
        let Some(replica) = self.replica(id) else { return };
        self.log_notice(&format!(
            "Streamed RDB transfer with replica {} succeeded (socket). Waiting for REPLCONF ACK \
             from replica to enable streaming",
            replica.name()
        ));
        if self.put_online(id) {
            if let Some(replica) = self.replica_mut(id) {
                replica.starts_on_ack = true;
            }
        } else {
            self.close_client_later(id);
        }
    }

    /// The replica has its RDB. False if that was all it wanted.
    pub(super) fn put_online(&mut self, id: u64) -> bool {
        let now_s = self.clock.now_s();
        let Some(replica) = self.replica_mut(id) else { return false };
        let name = replica.name();
        if replica.conf.rdb_only || replica.conf.main_channel.is_some() {
            replica.state = ReplicaState::RdbTransmitted;
            self.log_notice(&format!(
                "RDB transfer completed, rdb only replica ({name}) should be disconnected asap"
            ));
            return false;
        }
        replica.state = ReplicaState::Online;
        replica.ack_time_s = now_s; // it shall not look timed out
        self.refresh_good_replicas();
        self.log_notice(&format!("Synchronization with replica {name} succeeded"));
        true
    }

    fn begin_bulk(&mut self, id: u64) {
        let path = String::from_utf8_lossy(&self.config.dbfilename).into_owned();
        match Bulk::open(&path) {
            Ok(bulk) => {
                if let Some(replica) = self.replica_mut(id) {
                    replica.bulk = Some(bulk);
                    replica.state = ReplicaState::SendBulk;
                }
                if let Some(mut client) = self.clients.check_out(id) {
                    self.queue_write(&mut client);
                    self.clients.check_in(client);
                }
            }
            Err(e) => {
                let e = crate::config::strerror(&e);
                self.log_warning(&format!("SYNC failed. Can't open/stat DB after BGSAVE: {e}"));
                self.close_client_later(id);
            }
        }
    }

    pub(super) fn write_bulk(&mut self, client: &mut Client) {
        let id = client.id;
        let Some(mut bulk) = self.replica_mut(id).and_then(|replica| replica.bulk.take()) else {
            return;
        };
        let mut total = 0;
        let done = loop {
            if total >= MAX_FILE_PER_TURN {
                self.queue_write(client);
                break false;
            }
            let bytes = match bulk.next() {
                Ok([]) => break true,
                Ok(bytes) => bytes,
                Err(e) => {
                    self.log_warning(&format!("Read error sending DB to replica: {e}"));
                    return self.close_later(client);
                }
            };
            let Some(conn) = client.conn.as_mut() else { return };
            match conn.write_slices(&[io::IoSlice::new(bytes)]) {
                Ok(Some(written)) => {
                    bulk.taken += written;
                    total += written;
                }
                Ok(None) => break false,
                Err(e) => {
                    self.log_warning(&format!("Write error sending DB to replica: {e}"));
                    return self.close_later(client);
                }
            }
        };
        self.count_replica_output(client, total);
        if !done {
            if let Some(replica) = self.replica_mut(id) {
                replica.bulk = Some(bulk);
            }
        } else if self.put_online(id) {
            self.queue_write(client);
        } else {
            self.close_later(client);
        }
    }

    /// A child that nobody else waits for, and that saves for nobody, goes with its replica.
    pub(super) fn stop_useless_child(&mut self, gone: &Replica) {
        let others =
            || self.replication.replicas.iter().any(|r| r.state == ReplicaState::WaitBgsaveEnd);
        if self.config.save.is_empty()
            && gone.state == ReplicaState::WaitBgsaveEnd
            && self.child.kind() == Some(ChildKind::Rdb)
            && !others()
        {
            self.kill_child();
        }
    }

    /// Starts the child that replicas wait for, if it is time.
    pub fn start_pending_sync(&mut self) {
        if self.has_child() || self.replication.pipe.is_some() {
            return;
        }
        let waits = |r: &&Replica| r.state == ReplicaState::WaitBgsaveStart;
        let waiting = || self.replication.replicas.iter().filter(waits);
        let Some(requires) = waiting().next().map(|first| first.conf.requires) else { return };
        let now_s = self.clock.now_s();
        let (mut count, mut longest_s, mut capa) = (0, 0, u8::MAX);
        for replica in waiting().filter(|r| r.conf.requires == requires) {
            count += 1;
            longest_s = longest_s.max(now_s - replica.since_s);
            capa &= replica.conf.capa;
        }
        let most = self.config.repl_diskless_sync_max_replicas;
        if !self.config.repl_diskless_sync
            || (most > 0 && count >= most)
            || longest_s >= self.config.repl_diskless_sync_delay
        {
            self.start_bgsave_for_replication(None, capa, requires);
        }
    }
}
