//! The stream: commands that the master adds for its replicas. A replica passes on what its own
//! master sends, byte for byte, and adds nothing.

use super::replicas::ReplicaState;
use crate::replication::backlog::MIN_BACKLOG_BYTES;
use crate::server::Server;
use crate::server::client::ClientFlags;
use crate::server::pause::action;

/// Most bytes around an argument, and before the first one: a mark, 20 digits, two line ends.
const HEADER_BYTES: usize = 25;

/// Most bytes that a command takes.
fn encoded_bytes(argv: &[&[u8]]) -> usize {
    HEADER_BYTES + argv.iter().map(|arg| arg.len() + HEADER_BYTES).sum::<usize>()
}

/// Appends a command: an array of bulk strings.
fn push_command(out: &mut Vec<u8>, argv: &[&[u8]]) {
    push_header(out, b'*', argv.len());
    for arg in argv {
        push_header(out, b'$', arg.len());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
}

#[inline]
fn push_header(out: &mut Vec<u8>, mark: u8, n: usize) {
    if n < 10 {
        out.extend_from_slice(&[mark, b'0' + n as u8, b'\r', b'\n']);
    } else {
        out.push(mark);
        out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        out.extend_from_slice(b"\r\n");
    }
}

impl Server {
    /// A command for the replicas. `db`: where it runs; `None`: anywhere (MULTI, PING).
    pub fn feed_replicas(&mut self, db: Option<usize>, argv: &[&[u8]]) {
        if !self.begin_feed(db) {
            return;
        }
        let repl = &mut self.replication;
        if repl.scratch.is_empty()
            && let Some(block) = repl.stream.room_for(encoded_bytes(argv))
        {
            push_command(block, argv);
            if repl.stream.appended() {
                self.announce_stream();
            }
            return;
        }
        push_command(&mut repl.scratch, argv);
        self.end_feed();
    }

    /// As [`Server::feed_replicas`], for a command in the form of the protocol.
    pub fn feed_replicas_encoded(&mut self, db: Option<usize>, command: &[u8]) {
        if self.begin_feed(db) {
            self.replication.scratch.extend_from_slice(command);
            self.end_feed();
        }
    }

    /// False if nobody listens. The offset goes on all the same: WAITAOF counts with it.
    fn begin_feed(&mut self, db: Option<usize>) -> bool {
        if self.is_replica() {
            return false;
        }
        let repl = &mut self.replication;
        if !repl.stream.is_active() && repl.replicas.is_empty() {
            repl.stream.skip(1);
            return false;
        }
        if db.is_some() && db != repl.feed_db {
            let mut number = itoa::Buffer::new();
            let number = number.format(db.unwrap_or(0));
            push_command(&mut repl.scratch, &[b"SELECT", number.as_bytes()]);
            repl.feed_db = db;
        }
        true
    }

    fn end_feed(&mut self) {
        const KEPT_BYTES: usize = 64 * 1024;
        let mut scratch = std::mem::take(&mut self.replication.scratch);
        self.append_to_stream(&scratch);
        scratch.clear();
        if scratch.capacity() > KEPT_BYTES {
            scratch = Vec::new();
        }
        self.replication.scratch = scratch;
    }

    /// Appends bytes of the stream; the replicas that are online will be sent them before the loop
    /// sleeps.
    pub fn append_to_stream(&mut self, bytes: &[u8]) {
        let size = self.backlog_size();
        if self.replication.stream.append(bytes, size) {
            self.announce_stream();
        }
    }

    /// Queues the replicas that are online, and closes those that hold too much: what counts for
    /// that is whole blocks, so it changes with those only.
    fn announce_stream(&mut self) {
        let mut all = true;
        for idx in 0..self.replication.replicas.len() {
            let replica = &self.replication.replicas[idx];
            if !self.replication.stream.is_reader(replica.client) {
                continue;
            }
            let (id, wakes) = (replica.client, replica.may_stream());
            if let Some(client) = self.clients.get_mut(id) {
                if wakes && !client.flags.has(ClientFlags::PENDING_WRITE) {
                    client.flags.set(ClientFlags::PENDING_WRITE);
                    let token = client.token;
                    self.clients.pending_write.push(token);
                }
                self.limit_replica_output(id);
            } else {
                // Its own command runs: it is told with what comes next.
                all = false;
            }
        }
        if all {
            self.replication.stream.set_announced();
        }
    }

    fn limit_replica_output(&mut self, id: u64) {
        let used = self.replication.stream.memory_of(id) as u64;
        if !self.replica_output_may_be_over(used) {
            return;
        }
        if let Some(mut client) = self.clients.check_out(id) {
            self.check_output_limit(&mut client, true);
            self.clients.check_in(client);
        }
    }

    /// `repl-backlog-size`, at least the smallest there is.
    pub fn backlog_size(&self) -> u64 {
        self.config.repl_backlog_size.max(MIN_BACKLOG_BYTES)
    }

    /// `repl-backlog-size` or `min-replicas-…` was set.
    pub fn apply_replication_settings(&mut self) {
        let size = self.backlog_size();
        self.config.repl_backlog_size = size;
        self.replication.stream.trim_round(size);
        self.refresh_good_replicas();
    }

    /// A stream that can be continued: the first replica came, or this is one itself.
    pub fn create_backlog(&mut self) {
        self.replication.stream.create_backlog();
        // Until a replica comes, the backlog counts as without replicas from now on.
        self.replication.no_replicas_since_s = self.clock.now_s();
        self.update_propagation();
    }

    pub fn free_backlog(&mut self) {
        self.replication.stream.free_backlog();
        self.update_propagation();
    }

    /// Asks all replicas how far they are.
    pub fn send_getack(&mut self) {
        if !self.is_replica() && self.replication.stream.is_active() {
            self.feed_replicas(None, &[b"REPLCONF", b"GETACK", b"*"]);
        }
    }

    /// Replicas may be sent something new now. What they still have to get goes on in a pause.
    pub fn replicas_may_be_sent(&self) -> bool {
        !self.pause.is_paused(action::REPLICA)
    }

    /// Before the loop sleeps.
    pub fn replication_before_sleep(&mut self) {
        if self.replication.ask_acks && self.replicas_may_be_sent() {
            self.replication.ask_acks = false;
            self.send_getack();
        }
        self.update_failover();
    }

    /// After the replies were sent.
    pub fn replication_after_writes(&mut self) {
        let size = self.backlog_size();
        self.replication.stream.trim_round(size);
    }

    /// Memory of the stream: what replicas hold beyond the backlog's size, and the backlog.
    pub fn replication_memory(&self) -> (usize, usize) {
        let bytes = self.replication.stream.memory_bytes();
        if self.replication.replicas.is_empty() {
            return (0, bytes);
        }
        let backlog = bytes.min(self.backlog_size() as usize);
        (bytes - backlog, backlog)
    }

    /// Replicas online.
    pub fn online_replicas(&self) -> usize {
        let online = |r: &&super::replicas::Replica| r.state == ReplicaState::Online;
        self.replication.replicas.iter().filter(online).count()
    }
}
