//! The life of a client's connection: accepted, read from, over its limits, closed.

use std::io;

use super::Server;
use super::client::{Client, ClientFlags};
use super::connection::{Conn, Stream};
use super::pubsub::SubKind;
use crate::commands::ReplyError;
use crate::protocol::request::ProtocolError;

/// Reply buffers larger than this are freed, not pooled.
const POOLED_REPLY_BYTES: usize = 64 * 1024;
const POOLED_REPLIES: usize = 64;

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
            refuse(conn, "-ERR max number of clients reached\r\n");
            return;
        }
        if self.protected_mode_refuses(&conn) {
            self.stats.rejected_connections += 1;
            refuse(conn, PROTECTED_MODE);
            return;
        }
        self.stats.connections_received += 1;
        let unix = conn.unix_path.is_some();
        match self.add_connection(conn, registry) {
            Ok(id) => {
                let no_password = self.config.requirepass.is_none();
                let resp3 = self.config.client_default_resp == 3;
                if let Some(client) = self.clients.get_mut(id) {
                    client.flags.assign(ClientFlags::AUTHENTICATED, no_password);
                    client.flags.assign(ClientFlags::UNIX_SOCKET, unix);
                    client.reply.set_resp3(resp3);
                }
            }
            Err(e) => self.log_warning(&format!("Error registering fd event: {e}")),
        }
    }

    fn protected_mode_refuses(&self, conn: &Conn) -> bool {
        let loopback = conn.peer.is_none_or(|peer| peer.ip().to_canonical().is_loopback());
        self.config.protected_mode && self.config.requirepass.is_none() && !loopback
    }

    /// The client must say AUTH (or HELLO … AUTH) first.
    #[inline]
    pub fn auth_required(&self, client: &Client) -> bool {
        !client.flags.has(ClientFlags::AUTHENTICATED) && !self.config.requirepass.is_none()
    }

    /// False if no rule of the gate can fail now: the common case, tested with a few loads.
    #[inline]
    pub fn needs_gate(&self, client: &Client) -> bool {
        !client.flags.has(ClientFlags::AUTHENTICATED)
            || client.flags.has(ClientFlags::PUBSUB)
            || self.config.maxmemory != 0
    }

    pub fn count_input(&mut self, client: &mut Client, bytes: usize) {
        self.stats.net_input_bytes += bytes as u64;
        self.stats.reads_processed += 1;
        client.net_input_bytes += bytes as u64;
        client.last_interaction_s = self.clock.now_s();
        if let Some(conn) = client.conn.as_mut() {
            conn.total_read += bytes as u64;
        }
    }

    /// The peer closed, or the socket failed.
    pub fn read_failed(&mut self, client: &mut Client, error: io::Error) {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            self.log_verbose("Client closed connection");
        } else {
            self.log_verbose(&format!("Reading from client: {error}"));
        }
        self.close_later(client);
    }

    /// Tells the client what is wrong and closes.
    pub fn protocol_error(&mut self, client: &mut Client, error: &ProtocolError, at: &[u8]) {
        let shown = String::from_utf8_lossy(&at[..at.len().min(64)]).into_owned();
        self.log_verbose(&format!("Protocol error ({}) from client: {shown:?}", error.0));
        let error = ReplyError::err(&error.0);
        self.count_error(&error);
        client.reply.error(&error);
        client.flags.set(ClientFlags::CLOSE_AFTER_REPLY);
        self.queue_write(client);
    }

    /// Closes a client whose unfinished query is too long.
    pub fn check_query_limit(&mut self, client: &mut Client) {
        let limit = self.config.client_query_buffer_limit as usize;
        let Some(conn) = client.conn.as_ref() else { return };
        let multi = client.multi.as_ref().map_or(0, |multi| multi.argv_bytes);
        if conn.query.len() + multi <= limit {
            return;
        }
        self.stats.client_query_buffer_limit_disconnections += 1;
        self.log_warning("Closing client that reached max query buffer length");
        self.close_later(client);
    }

    /// After each command of a pipeline: hands a large reply to the queue, checks the limits.
    pub fn after_command(&mut self, client: &mut Client) {
        if client.flags.has(ClientFlags::REPLY_SKIP_NEXT) {
            client.flags.clear(ClientFlags::REPLY_SKIP_NEXT);
            client.flags.set(ClientFlags::REPLY_SKIP);
        } else {
            client.flags.clear(ClientFlags::REPLY_SKIP);
        }
        if let Some(conn) = client.conn.as_mut() {
            conn.take_chunk(client.reply.buffer_mut());
            if !conn.out.is_empty() {
                self.check_output_limit(client);
                self.queue_write(client);
            }
        }
        if client.reply.buffer_mut().capacity() == 0
            && let Some(buffer) = self.reply_pool.pop()
        {
            *client.reply.buffer_mut() = buffer;
        }
    }

    /// Gives the empty reply buffer of an idle client to the next one.
    pub fn recycle_reply(&mut self, client: &mut Client) {
        let buffer = std::mem::take(client.reply.buffer_mut());
        let worth = (1..=POOLED_REPLY_BYTES).contains(&buffer.capacity());
        if worth && self.reply_pool.len() < POOLED_REPLIES {
            self.reply_pool.push(buffer);
        }
    }

    /// Closes a client that does not read its replies fast enough (client-output-buffer-limit).
    pub fn check_output_limit(&mut self, client: &mut Client) {
        let class = if client.flags.has(ClientFlags::PUBSUB) { 2 } else { 0 };
        let limit = self.config.client_output_buffer_limit[class];
        let used = client.output_bytes() as u64;
        let hard = limit.hard_limit_bytes > 0 && used >= limit.hard_limit_bytes;
        let mut soft = limit.soft_limit_bytes > 0 && used >= limit.soft_limit_bytes;
        let now = self.clock.now_s();
        if !soft {
            client.soft_limit_since_s = 0;
        } else if client.soft_limit_since_s == 0 {
            client.soft_limit_since_s = now;
            soft = false;
        } else {
            soft = now - client.soft_limit_since_s > limit.soft_limit_seconds;
        }
        if (hard || soft) && !client.flags.has(ClientFlags::CLOSE_ASAP) {
            self.stats.client_output_buffer_limit_disconnections += 1;
            self.log_warning(
                "Client scheduled to be closed ASAP for overcoming of output buffer limits.",
            );
            self.close_later(client);
        }
    }

    /// Clients that got messages: their limits.
    pub fn check_touched_outputs(&mut self) {
        for id in std::mem::take(&mut self.touched_output) {
            let Some(mut client) = self.clients.check_out(id) else { continue };
            if let Some(conn) = client.conn.as_mut() {
                conn.take_chunk(client.reply.buffer_mut());
            }
            self.check_output_limit(&mut client);
            self.clients.check_in(client);
        }
    }

    /// Frees the clients that are to be closed.
    pub fn close_clients(&mut self, registry: Option<&mio::Registry>) {
        for id in std::mem::take(&mut self.clients.to_close) {
            let Some(mut client) = self.clients.check_out(id) else { continue };
            self.forget_client(&mut client);
            if let (Some(conn), Some(registry)) = (client.conn.as_mut(), registry) {
                // An error here means it was not registered: nothing to undo.
                let _ = registry.deregister(conn.stream.source());
            }
            self.clients.remove(id);
        }
    }

    /// Takes a client out of every registry.
    pub fn forget_client(&mut self, client: &mut Client) {
        self.unblock_client(client);
        for kind in [SubKind::Channel, SubKind::Pattern, SubKind::Shard] {
            self.unsubscribe_all(client, kind, true);
        }
        self.watches.unwatch_all(client.id);
        self.monitors.remove(client.id);
    }
}

const PROTECTED_MODE: &str = "-DENIED Redis is running in protected mode because protected mode is \
enabled and no password is set for the default user. In this mode connections are only accepted \
from the loopback interface. If you want to connect from external computers to Redis you may adopt \
one of the following solutions: 1) Just disable protected mode sending the command 'CONFIG SET \
protected-mode no' from the loopback interface by connecting to Redis from the same host the server \
is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use \
CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected \
mode by editing the Redis configuration file, and setting the protected mode option to 'no', and \
then restarting the server. 3) If you started the server manually just for testing, restart it \
with the '--protected-mode no' option. 4) Set up an authentication password for the default user. \
NOTE: You only need to do one of the above things in order for the server to start accepting \
connections from the outside.\r\n";

/// Best effort: the reply is short, and the connection is closed either way.
fn refuse(mut conn: Conn, text: &str) {
    let mut reply = text.as_bytes().to_vec();
    let _ = conn.flush(&mut reply);
}
