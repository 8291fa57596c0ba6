//! The life of a client's connection: accepted, read from, over its limits, closed.

use std::io;

use super::Server;
use super::client::{Client, ClientClass, ClientFlags};
use super::clients::Missed;
use super::connection::{CHUNK_BYTES, Conn, Stream};
use super::pubsub::SubKind;
use crate::commands::ReplyError;
use crate::protocol::request::ProtocolError;
use crate::util::split_args::push_repr;

/// Reply buffers larger than this are freed, not pooled.
const POOLED_REPLY_BYTES: usize = 64 * 1024;
const POOLED_REPLIES: usize = 64;
/// A value of this size is worth a write of its own, which saves copying it.
pub const DIRECT_BYTES: usize = 16 * 1024;
/// What a client may have waiting before it said who it is.
const UNAUTHENTICATED_QUERY_BYTES: usize = 1024 * 1024;
const UNAUTHENTICATED_OUTPUT_BYTES: usize = 1024;

impl Server {
    /// Accepts what waits at a listener.
    pub fn accept(&mut self, listener: usize, registry: &mio::Registry) {
        for _ in 0..self.config.max_new_connections_per_cycle.max(1) {
            match self.listeners.accept(listener) {
                Ok(Some(stream)) => self.accepted(stream, listener, registry),
                Ok(None) => return,
                Err(e) => {
                    self.log_warning(&format!("Accepting client connection: {e}"));
                    return;
                }
            }
        }
        self.listeners.more_to_accept.push(listener);
    }

    fn accepted(&mut self, stream: Stream, listener: usize, registry: &mio::Registry) {
        let mut conn = Conn::new(stream);
        self.listeners.set_up(listener, &mut conn, &self.config);
        if self.clients.len() >= self.config.maxclients as usize {
            self.stats.rejected_connections += 1;
            refuse(conn, if self.config.cluster_enabled { TOO_MANY_CLUSTER } else { TOO_MANY });
            return;
        }
        if self.protected_mode_refuses(&conn) {
            self.stats.rejected_connections += 1;
            refuse(conn, PROTECTED_MODE);
            return;
        }
        let unix = conn.unix_path.is_some();
        match self.add_connection(conn, registry) {
            Ok(id) => {
                self.stats.connections_received += 1;
                let open = self.acl.default_is_open();
                let user = self.acl.default_user().clone();
                let resp3 = self.config.client_default_resp == 3;
                if let Some(client) = self.clients.get_mut(id) {
                    client.user = Some(user);
                    client.flags.assign(ClientFlags::AUTHENTICATED, open);
                    client.flags.assign(ClientFlags::UNIX_SOCKET, unix);
                    client.reply.set_resp3(resp3);
                }
            }
            Err(e) => {
                let text = "Error registering fd event for the new client connection";
                self.log_warning(&format!("{text}: {}", crate::config::strerror(&e)));
            }
        }
    }

    fn protected_mode_refuses(&self, conn: &Conn) -> bool {
        self.config.protected_mode && self.acl.default_has_nopass() && !conn.is_local()
    }

    /// The client must say AUTH (or HELLO … AUTH) first.
    #[inline]
    pub fn auth_required(&self, client: &Client) -> bool {
        !client.flags.has(ClientFlags::AUTHENTICATED) && !self.acl.default_is_open()
    }

    /// False if no rule of the gate can fail now: the common case, tested with a few loads.
    #[inline]
    pub fn needs_gate(&self, client: &Client) -> bool {
        const ALWAYS: ClientFlags = ClientFlags::PUBSUB.and(ClientFlags::REPLICA);
        !client.flags.has(ClientFlags::AUTHENTICATED)
            || client.flags.has(ALWAYS)
            || client.is_restricted()
            || self.gate_is_on()
    }

    /// Accounts for bytes read from the client's socket.
    pub fn count_input(&mut self, client: &mut Client, bytes: usize) {
        self.stats.net_input_bytes += bytes as u64;
        if client.flags.has(ClientFlags::MASTER) {
            self.count_master_input(bytes);
        }
        self.stats.reads_processed += 1;
        client.net_input_bytes += bytes as u64;
        client.last_interaction_s = self.clock.now_s();
    }

    /// The peer closed, or the socket failed.
    pub fn read_failed(&mut self, client: &mut Client, error: io::Error) {
        if super::log::is_enabled(super::log::VERBOSE) {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                let info = self.client_info(client);
                self.log_verbose(&format!("Client closed connection {info}"));
            } else {
                let error = crate::config::strerror(&error);
                self.log_verbose(&format!("Reading from client: {error}"));
            }
        }
        self.close_later(client);
    }

    /// Tells the client what is wrong and closes.
    pub fn protocol_error(&mut self, client: &mut Client, error: &ProtocolError, at: &[u8]) {
        if super::log::is_enabled(super::log::VERBOSE) {
            let what = error.0.strip_prefix("Protocol error: ").unwrap_or(&error.0);
            let info = self.client_info(client);
            let sample = protocol_sample(at);
            self.log_verbose(&format!("Protocol error ({what}) from client: {info}. {sample}"));
        }
        let error = ReplyError::err(&error.0);
        self.count_error(&error);
        if !client.replies_discarded() {
            client.reply.error(&error);
        }
        client.flags.set(ClientFlags::CLOSE_AFTER_REPLY.and(ClientFlags::PROTOCOL_ERROR));
        self.queue_write(client);
    }

    /// Closes a client whose unfinished query, with what MULTI queued, is too long.
    pub fn check_query_limit(&mut self, client: &mut Client) {
        let limit = self.config.client_query_buffer_limit as usize;
        let Some(conn) = client.conn.as_ref() else { return };
        let queued = client.multi.as_ref().map_or(0, |multi| multi.argv_bytes);
        let used = conn.query.len() + queued;
        let shut = used > UNAUTHENTICATED_QUERY_BYTES && self.auth_required(client);
        if (used <= limit && !shut) || client.must_obey() {
            return;
        }
        let start = &conn.query[..conn.query.len().min(64)];
        let mut shown = Vec::new();
        push_repr(&mut shown, start);
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let info = self.client_info(client);
        self.log_warning(&format!(
            "Closing client that reached max query buffer length: {info} (qbuf initial bytes: \
             {shown})"
        ));
        self.stats.client_query_buffer_limit_disconnections += 1;
        self.close_later(client);
    }

    /// After each command of a pipeline: hands a large reply to the queue, checks the limits.
    #[inline(always)]
    pub fn after_command(&mut self, client: &mut Client) {
        let queued = client.conn.as_ref().is_some_and(|conn| !conn.out.is_empty());
        if queued || client.reply.len() >= CHUNK_BYTES || self.special || client.is_special() {
            self.after_special_command(client);
        }
    }

    #[inline(never)]
    fn after_special_command(&mut self, client: &mut Client) {
        const SKIP: ClientFlags = ClientFlags::REPLY_SKIP.and(ClientFlags::REPLY_SKIP_NEXT);
        if client.flags.has(ClientFlags::BLOCKED) {
            return; // the command is not over
        }
        if client.flags.has(SKIP) {
            let next = client.flags.has(ClientFlags::REPLY_SKIP_NEXT);
            client.flags.assign(ClientFlags::REPLY_SKIP, next);
            client.flags.clear(ClientFlags::REPLY_SKIP_NEXT);
        }
        if let Some(conn) = client.conn.as_mut() {
            conn.take_chunk(client.reply.buffer_mut());
            if !conn.out.is_empty() {
                self.check_output_limit(client, true);
                self.queue_write(client);
            }
        }
        if self.config.maxmemory_clients != 0 {
            self.update_client_memory(client);
        }
    }

    /// A reply may go to the socket while its command runs: it cannot be taken back any more, and
    /// replies to writes that go along need not wait for the AOF. A client with an output limit may
    /// have to be closed instead.
    pub fn may_send_directly(&self, client: &Client) -> bool {
        let limit = &self.config.client_output_buffer_limit[limits_of(client)];
        self.exec.depth == 1
            && limit.hard_limit_bytes == 0
            && limit.soft_limit_bytes == 0
            && !self.config.appendonly
            && !client.replies_discarded()
            && client.conn.as_ref().is_some_and(|conn| conn.out.is_empty() && !conn.write_blocked)
    }

    /// Accounts for bytes written to the client's socket.
    pub fn count_output(&mut self, client: &mut Client, bytes: usize) {
        self.stats.net_output_bytes += bytes as u64;
        self.stats.writes_processed += 1;
        client.net_output_bytes += bytes as u64;
        // Of a master only what comes from it tells that it lives.
        if bytes > 0 && !client.flags.has(ClientFlags::MASTER) {
            client.last_interaction_s = self.clock.now_s();
        }
    }

    /// Gives the client a pooled buffer for its replies if it has none.
    #[inline]
    pub fn lend_reply_buffer(&mut self, client: &mut Client) {
        if client.reply.buffer_mut().capacity() == 0
            && let Some(buffer) = self.reply_pool.pop()
        {
            *client.reply.buffer_mut() = buffer;
        }
    }

    /// Gives the empty reply buffer of a client that was sent `sent` bytes to the next one.
    pub fn recycle_reply(&mut self, client: &mut Client, sent: usize) {
        let buffer = std::mem::take(client.reply.buffer_mut());
        if !(1..=POOLED_REPLY_BYTES).contains(&buffer.capacity()) {
            return;
        }
        if self.reply_pool.len() < POOLED_REPLIES {
            self.reply_pool.push(buffer);
        } else if client.flags.has(ClientFlags::PUBSUB) {
            self.subscriber_bytes = sent.min(CHUNK_BYTES).next_power_of_two();
        }
    }

    /// Frees the buffers that wait for their next client.
    pub fn drop_spare_buffers(&mut self) {
        self.reply_pool.clear();
    }

    /// Closes a client that does not read its replies fast enough (client-output-buffer-limit). The
    /// client is freed in this turn; `in_command`: it is the one whose command just ran.
    pub fn check_output_limit(&mut self, client: &mut Client, in_command: bool) {
        let used = self.output_memory_of(client);
        if client.flags.has(ClientFlags::CLOSE_ASAP) {
            return;
        }
        let shut = used > UNAUTHENTICATED_OUTPUT_BYTES && self.auth_required(client);
        if !shut && !self.is_over_output_limit(client, used as u64) {
            return;
        }
        let info = self.client_info(client);
        let how = if in_command { "scheduled to be closed ASAP" } else { "closed" };
        self.log_warning(&format!("Client {info} {how} for overcoming of output buffer limits."));
        self.stats.client_output_buffer_limit_disconnections += 1;
        self.close_later(client);
    }

    /// Memory of what waits to be sent to the client; for a replica its part of the stream counts.
    pub fn output_memory_of(&self, client: &Client) -> usize {
        let mut bytes = client.output_memory();
        if client.flags.has(ClientFlags::REPLICA) {
            bytes += self.replication.stream.memory_of(client.id);
        }
        bytes
    }

    /// A cheap test: a replica that has this much waiting may be over one of its limits.
    pub fn replica_output_may_be_over(&self, used: u64) -> bool {
        let limit = self.config.client_output_buffer_limit[ClientClass::Replica as usize];
        let over = |bytes: u64| bytes > 0 && used >= bytes;
        over(limit.hard_limit_bytes) || over(limit.soft_limit_bytes)
    }

    fn is_over_output_limit(&self, client: &mut Client, used: u64) -> bool {
        let limit = self.config.client_output_buffer_limit[limits_of(client)];
        let mut hard_bytes = limit.hard_limit_bytes;
        if client.class() == ClientClass::Replica && hard_bytes > 0 {
            // A replica may always lag behind by as much as the backlog keeps.
            hard_bytes = hard_bytes.max(self.config.repl_backlog_size);
        }
        let hard = hard_bytes > 0 && used >= hard_bytes;
        let soft = limit.soft_limit_bytes > 0 && used >= limit.soft_limit_bytes;
        let now = self.clock.now_s();
        if !soft {
            client.soft_limit_since_s = 0;
            return hard;
        }
        if client.soft_limit_since_s == 0 {
            client.soft_limit_since_s = now;
            return hard;
        }
        hard || now - client.soft_limit_since_s > limit.soft_limit_seconds
    }

    /// For commands that may reply without bound: the length of the reply buffer, bytes, from which
    /// on more is in vain, since the client will be closed for what it has already.
    pub fn reply_limit(&self, client: &Client) -> usize {
        let hard = self.config.client_output_buffer_limit[limits_of(client)].hard_limit_bytes;
        match (hard, &client.conn) {
            (1.., Some(conn)) => {
                (hard as usize).saturating_sub(conn.out.memory_bytes()).max(CHUNK_BYTES)
            }
            _ => usize::MAX,
        }
    }

    /// Frees the clients that are to be closed. No client may be checked out.
    pub fn close_clients(&mut self) {
        for id in std::mem::take(&mut self.clients.to_close) {
            match self.clients.check_out(id) {
                Some(client) => self.free_client(client),
                None => self.clients.keep_missed(id, Missed::Close),
            }
        }
    }

    /// Closes and forgets a client that was checked out for it.
    pub fn free_client(&mut self, mut client: Box<Client>) {
        self.forget_client(&mut client);
        if let Some(conn) = &client.conn
            && self.has_child()
            && !client.flags.has(ClientFlags::HANDED_OVER)
        {
            // The child holds the descriptor too: closing ours would not tell the peer. A socket
            // that is gone already needs no telling.
            let _ = conn.stream.shutdown();
        }
        self.clients.remove(client.id);
    }

    /// Closes a client now, or after its command if one is running. False if it is unknown.
    pub fn kill_client(&mut self, id: u64) -> bool {
        match self.clients.check_out(id) {
            Some(client) => {
                self.free_client(client);
                true
            }
            None => false,
        }
    }

    /// Takes a client out of every registry.
    pub fn forget_client(&mut self, client: &mut Client) {
        if client.flags.has(ClientFlags::MASTER) {
            self.master_gone(client);
        } else if client.flags.has(ClientFlags::REPLICA) {
            self.forget_replica(client);
        }
        self.unblock_client(client);
        for kind in [SubKind::Channel, SubKind::Pattern, SubKind::Shard] {
            self.unsubscribe_all(client, kind, true);
        }
        self.watches.unwatch_all(client.id);
        self.tracking.disable(client.id);
        self.monitors.remove(client.id);
        self.forget_client_memory(client);
    }

    /// Makes the client as good as new (RESET).
    pub fn clear_client_state(&mut self, client: &mut Client) {
        if client.flags.has(ClientFlags::MONITOR) {
            self.monitors.remove(client.id);
            client.flags.clear(ClientFlags::MONITOR.and(ClientFlags::REPLICA));
        }
        client.db = 0;
        client.reply.set_resp3(false);
        self.set_default_user(client);
        self.discard_transaction(client);
        self.tracking.disable(client.id);
        for kind in [SubKind::Channel, SubKind::Shard, SubKind::Pattern] {
            self.unsubscribe_all(client, kind, true);
        }
        client.name = None;
        client.flags.clear(
            ClientFlags::ASKING
                .and(ClientFlags::READONLY)
                .and(ClientFlags::REPLY_OFF)
                .and(ClientFlags::REPLY_SKIP_NEXT)
                .and(ClientFlags::NO_TOUCH)
                .and(ClientFlags::NO_EVICT),
        );
    }
}

/// The client's row of `client-output-buffer-limit`: the link to our master counts as normal.
fn limits_of(client: &Client) -> usize {
    match client.class() {
        ClientClass::Master => ClientClass::Normal as usize,
        class => class as usize,
    }
}

/// Up to 128 bytes of what broke the protocol, unprintable ones as dots.
fn protocol_sample(at: &[u8]) -> String {
    const SHOWN: usize = 128;
    let printable = |bytes: &[u8]| -> String {
        let dot = |b: &u8| if (b' '..=b'~').contains(b) { char::from(*b) } else { '.' };
        bytes.iter().map(dot).collect()
    };
    if at.len() < SHOWN {
        return format!("Query buffer during protocol error: '{}'", printable(at));
    }
    format!(
        "Query buffer during protocol error: '{}' (... more {} bytes ...) '{}'",
        printable(&at[..SHOWN / 2]),
        at.len() - SHOWN,
        printable(&at[at.len() - SHOWN / 2..])
    )
}

const TOO_MANY: &str = "-ERR max number of clients reached\r\n";
const TOO_MANY_CLUSTER: &str = "-ERR max number of clients + cluster connections reached\r\n";

const PROTECTED_MODE: &str = "-DENIED Redis is running in protected mode because protected mode is \
enabled and no password is set for the default user. In this mode connections are only accepted \
from the loopback interface. If you want to connect from external computers to Redis you may adopt \
one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET \
protected-mode no' from the loopback interface by connecting to Redis from the same host the \
server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. \
Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the \
protected mode by editing the Redis configuration file, and setting the protected mode option to \
'no', and then restarting the server. 3) If you started the server manually just for testing, \
restart it with the '--protected-mode no' option. 4) Set up an authentication password for the \
default user. NOTE: You only need to do one of the above things in order for the server to start \
accepting connections from the outside.\r\n";

/// Best effort: the reply is short, and the connection is closed either way.
fn refuse(mut conn: Conn, text: &str) {
    let mut reply = text.as_bytes().to_vec();
    let _ = conn.flush(&mut reply);
}
