//! The master as a client of this replica: its stream is applied command by command, and passed on
//! to this server's own replicas as it came. What is known of a master whose link broke is kept, to
//! continue there.
//!
//! Invariant: `MasterClient::offset` is that of the last byte applied. Commands of a transaction
//! are applied when its EXEC is: until then their bytes wait in `unapplied`.

use mio::net::TcpStream;
use mio::{Interest, Token};

use crate::commands::ReplyError;
use crate::config::{PropagationErrorBehavior, ReplicaOf};
use crate::server::Server;
use crate::server::blocking::BlockKind;
use crate::server::client::{Client, ClientFlags};
use crate::server::connection::{Conn, Stream};
use crate::server::crash;

const UNBLOCKED: ReplyError = ReplyError::fixed(
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
);

/// The master whose stream flows.
pub struct MasterClient {
    /// Its client.
    pub client: u64,
    /// The history.
    pub id: String,
    /// Of the last byte applied; -1: the master counts none.
    pub offset: i64,
    /// Of the last byte received.
    pub read_offset: i64,
    /// Bytes of commands that were taken but not applied.
    unapplied: Vec<u8>,
    /// It asked for an acknowledgement.
    ack_due: bool,
}

/// What is needed to continue with a master, or with another one of the same history.
#[derive(Debug, Clone)]
pub struct CachedMaster {
    pub id: String,
    pub offset: i64,
    /// The database its stream had selected.
    pub db: usize,
}

/// This server as a replica.
#[derive(Default)]
pub struct MasterSide {
    pub client: Option<MasterClient>,
    pub cached: Option<CachedMaster>,
    /// Since when the link is down, s since the epoch; 0 = it was never up, or is.
    pub down_since_s: i64,
    /// When it was last logged that commands are applied though the disk takes none, ms.
    disk_error_logged_ms: i64,
}

impl Server {
    /// The client of the master, unless it is checked out.
    pub fn master_client(&self) -> Option<&Client> {
        self.clients.get(self.replication.master.client.as_ref()?.client)
    }

    /// Offsets of the last byte applied and received from the master, of now or of before the link
    /// broke.
    pub fn offsets_of_master(&self) -> Option<(i64, i64)> {
        let side = &self.replication.master;
        match (&side.client, &side.cached) {
            (Some(master), _) => Some((master.offset, master.read_offset)),
            (None, Some(cached)) => Some((cached.offset, cached.offset)),
            (None, None) => None,
        }
    }

    /// The database in which the stream continues, for an RDB file of a server that can be
    /// continued from; `None` = it cannot.
    pub fn replication_info(&self) -> Option<usize> {
        if !self.is_replica() {
            let active = self.replication.stream.is_active();
            // Without a database the next command says one: any will do.
            return active.then(|| self.replication.feed_db.unwrap_or(0));
        }
        match &self.replication.master.client {
            Some(_) => self.master_client().map(|client| client.db),
            None => self.replication.master.cached.as_ref().map(|cached| cached.db),
        }
    }

    /// The stream of the master begins on this connection; `input` has arrived of it already.
    pub(super) fn create_master_client(
        &mut self,
        mut stream: Stream,
        input: Vec<u8>,
        cached: CachedMaster,
    ) {
        let id = self.clients.next_id();
        let Some(registry) = self.registry.as_ref() else { return };
        // It is registered under the link's token; closing would remove it in any case.
        let _ = registry.deregister(stream.source());
        let mut conn = Conn::new(stream);
        conn.set_nodelay(true);
        let read = input.len();
        conn.query = input;
        let mut client = Client::new(id, Some(Box::new(conn)), self.clock.now_ms);
        client.flags.set(ClientFlags::MASTER.and(ClientFlags::AUTHENTICATED));
        client.db = cached.db;
        self.clients.insert(Box::new(client));
        self.replication.master.cached = None;
        self.replication.master.client = Some(MasterClient {
            client: id,
            id: cached.id,
            offset: cached.offset,
            read_offset: cached.offset + read as i64,
            unapplied: Vec::new(),
            ack_due: false,
        });
        self.link_connected();
        let token = Token(self.clients.token(id).expect("just inserted"));
        let registry = self.registry.as_ref().expect("looked at above");
        let Some(mut client) = self.clients.check_out(id) else { return };
        let conn = client.conn.as_mut().expect("made with a socket");
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = registry.register(conn.stream.source(), token, interest) {
            self.log_warning(&format!("Can't watch the link to the master: {e}"));
            self.close_later(&mut client);
        }
        self.queue_read(&mut client);
        self.clients.check_in(client);
    }

    /// Bytes of the stream were received.
    pub(in crate::server) fn count_master_input(&mut self, bytes: usize) {
        self.replication.stats.net_input_bytes += bytes as u64;
        if let Some(master) = self.replication.master.client.as_mut() {
            master.read_offset += bytes as i64;
        }
    }

    /// A command of the master, of these bytes, was taken. What it replied is dropped already.
    pub(in crate::server) fn master_command_done(&mut self, client: &mut Client, bytes: &[u8]) {
        let Some(master) = self.replication.master.client.as_mut() else { return };
        if client.id != master.client {
            return;
        }
        let waits = ClientFlags::MULTI.and(ClientFlags::BLOCKED);
        if client.flags.has(waits) {
            master.unapplied.extend_from_slice(bytes);
        } else if master.unapplied.is_empty() {
            master.offset += bytes.len() as i64;
            self.append_to_stream(bytes);
        } else {
            let mut all = std::mem::take(&mut master.unapplied);
            all.extend_from_slice(bytes);
            master.offset += all.len() as i64;
            self.append_to_stream(&all);
        }
        if let Some(master) = self.replication.master.client.as_mut()
            && std::mem::take(&mut master.ack_due)
        {
            self.write_ack(client);
        }
    }

    /// An empty line: a sign of life. One of the master counts as part of its stream.
    #[cold]
    pub(in crate::server) fn empty_line_of_link(&mut self, client: &mut Client, bytes: &[u8]) {
        if client.flags.has(ClientFlags::MASTER) {
            self.master_command_done(client, bytes);
        } else {
            self.replica_is_alive(client.id);
        }
    }

    /// REPLCONF GETACK of the master.
    pub fn ack_is_due(&mut self) {
        if let Some(master) = self.replication.master.client.as_mut() {
            master.ack_due = true;
        }
    }

    /// Tells the master how far this replica is.
    pub(super) fn send_ack(&mut self) {
        let Some(master) = &self.replication.master.client else { return };
        if master.offset < 0 {
            return;
        }
        if let Some(mut client) = self.clients.check_out(master.client) {
            self.write_ack(&mut client);
            self.clients.check_in(client);
        }
    }

    fn write_ack(&mut self, client: &mut Client) {
        let Some(master) = &self.replication.master.client else { return };
        let fsynced = self.fsynced_offset();
        let reply = &mut client.reply;
        reply.array(if fsynced >= 0 { 5 } else { 3 });
        reply.bulk(b"REPLCONF");
        reply.bulk(b"ACK");
        reply.bulk_int(master.offset);
        if fsynced >= 0 {
            reply.bulk(b"FACK");
            reply.bulk_int(fsynced);
        }
        self.queue_write(client);
    }

    /// The connection of the master ends: what is needed to continue is kept.
    pub(in crate::server) fn master_gone(&mut self, client: &mut Client) {
        let is_master = |master: &MasterClient| master.client == client.id;
        if !self.replication.master.client.as_ref().is_some_and(is_master) {
            return;
        }
        let Some(master) = self.replication.master.client.take() else { return };
        self.log_notice("Connection with master lost.");
        if !client.flags.has(ClientFlags::PROTOCOL_ERROR.and(ClientFlags::BLOCKED)) {
            self.log_notice("Caching the disconnected master state.");
            let (id, offset) = (master.id, master.offset);
            self.replication.master.cached = Some(CachedMaster { id, offset, db: client.db });
        }
        self.replication.master.down_since_s = self.clock.now_s();
        self.link_disconnected();
        if self.is_replica() {
            self.connect_again("Reconnecting", "");
        }
    }

    /// Ends the link to the master, if it is up.
    pub(super) fn kill_master_client(&mut self) {
        if let Some(master) = &self.replication.master.client {
            let id = master.client;
            if !self.kill_client(id) {
                self.clients.to_close.push(id);
            }
        }
    }

    pub(super) fn discard_cached_master(&mut self) {
        if self.replication.master.cached.take().is_some() {
            self.log_notice("Discarding previously cached master state.");
        }
    }

    /// A master that becomes a replica can perhaps continue with its successor: what it has is what
    /// the other one had.
    pub(super) fn cache_master_using_myself(&mut self, db: usize) {
        self.log_notice(
            "Before turning into a replica, using my own master parameters to synthesize a cached \
             master: I may be able to synchronize with the new master with just a partial \
             transfer.",
        );
        let (id, offset) = (self.replication.id.clone(), self.master_repl_offset());
        self.replication.master.cached = Some(CachedMaster { id, offset, db });
    }

    /// REPLICAOF host port: follows that server from now on.
    pub fn set_master(&mut self, host: Vec<u8>, port: u16) {
        let was_master = !self.is_replica();
        // Without an address the link that ends here is not made again.
        self.config.replicaof = None;
        self.kill_master_client();
        self.disconnect_all_blocked_clients();
        self.config.replicaof = Some(ReplicaOf { host, port });
        self.role_changed();
        self.cancel_handshake(false);
        if was_master {
            self.discard_cached_master();
            // The new master begins its stream with SELECT.
            self.cache_master_using_myself(0);
        }
        self.connect_again("Connecting", "");
    }

    /// REPLICAOF NO ONE: a master with the data set as it is.
    pub fn unset_master(&mut self) {
        if !self.is_replica() {
            return;
        }
        self.config.replicaof = None;
        self.kill_master_client();
        self.discard_cached_master();
        self.cancel_handshake(false);
        self.shift_replication_id();
        self.link_disconnected();
        // They learn of the new history, and continue at once.
        self.disconnect_replicas();
        self.replication.feed_db = None;
        self.role_changed();
        self.replication.no_replicas_since_s = self.clock.now_s();
        self.replication.master.down_since_s = 0;
        self.restart_aof_after_sync("Restarting AOF after becoming master");
    }

    /// +CONTINUE: the stream goes on where it ended, perhaps under another id.
    pub(super) fn continue_with_master(
        &mut self,
        id: Option<String>,
        stream: TcpStream,
        input: Vec<u8>,
    ) {
        let Some(mut cached) = self.replication.master.cached.take() else { return };
        if let Some(id) = id
            && id != cached.id
        {
            self.log_notice(&format!("Master replication ID changed to {id}"));
            let repl = &mut self.replication;
            repl.id2 = std::mem::replace(&mut cached.id, id.clone());
            repl.second_offset = repl.stream.end() + 1;
            repl.id = id;
            // They must learn of it.
            self.disconnect_replicas();
        }
        self.create_master_client(Stream::Tcp(stream), input, cached);
        if !self.replication.stream.is_active() {
            // The history came from a file at the start.
            self.create_backlog();
        }
        self.log_notice("MASTER <-> REPLICA sync: Master accepted a Partial Resynchronization.");
        self.process.notify_supervisor(
            "STATUS=MASTER <-> REPLICA sync: Partial Resynchronization accepted. Ready to accept \
             connections in read-write mode.\n",
        );
    }

    /// Another data set replaces ours: nobody continues from what we had.
    pub(super) fn attach_to_new_master(&mut self) {
        self.discard_cached_master();
        self.disconnect_replicas();
        self.free_backlog();
    }

    /// Clients that wait for something that a replica never gives them.
    fn disconnect_all_blocked_clients(&mut self) {
        for id in self.clients.ids() {
            let Some(mut client) = self.clients.check_out(id) else { continue };
            let kind = client.blocked.as_ref().map(|blocked| blocked.kind);
            if kind.is_some_and(|kind| kind != BlockKind::Postponed) {
                if kind == Some(BlockKind::LazyFree) {
                    self.unblock_client(&mut client);
                    client.reply.ok();
                    self.queue_write(&mut client);
                } else {
                    self.unblock_with_error(&mut client, &UNBLOCKED);
                }
                client.flags.set(ClientFlags::CLOSE_AFTER_REPLY);
            }
            self.clients.check_in(client);
        }
    }

    /// A command of the master is to be applied though the disk takes no writes. Without
    /// `replica-ignore-disk-write-errors` the process ends: it would have what no restart has.
    #[cold]
    pub(in crate::server) fn disk_error_on_link(&mut self, command: &str) {
        const LOG_INTERVAL_MS: i64 = 10_000;
        if !self.config.replica_ignore_disk_write_errors && command != "ping" {
            let text = "Replica was unable to write command to disk.";
            crash::server_panic(text, file!(), line!());
        }
        if self.clock.now_ms > self.replication.master.disk_error_logged_ms + LOG_INTERVAL_MS {
            self.replication.master.disk_error_logged_ms = self.clock.now_ms;
            self.log_warning(
                "Replica is applying a command even though it is unable to write to disk.",
            );
        }
    }

    /// A command of a link failed: the data sets are not the same any more, or somebody speaks
    /// where nobody listens.
    #[cold]
    pub(in crate::server) fn error_on_link(&mut self, client: &Client, error: &ReplyError) {
        let is_master = client.flags.has(ClientFlags::MASTER);
        if !is_master && self.replica(client.id).is_none() {
            return; // a monitor
        }
        let (from, to) = if is_master { ("replica", "master") } else { ("master", "replica") };
        let command = client.last_command.map(|id| &*self.commands.get(id).full_name);
        let command = command.unwrap_or("<unknown>").to_string();
        let text = String::from_utf8_lossy(error.text());
        self.log_warning(&format!(
            "== CRITICAL == This {from} is sending an error to its {to}: '{text}' after processing \
             the command '{command}'"
        ));
        self.stats.unexpected_error_replies += 1;
        let panics = self.config.propagation_error_behavior != PropagationErrorBehavior::Ignore;
        if is_master && self.config.replica_read_only && panics {
            let text = format!(
                "This {from} panicked sending an error to its {to} after processing the command \
                 '{command}'"
            );
            crash::server_panic(&text, file!(), line!());
        }
    }

    /// After a command of a link: what a master's command replies goes nowhere, and a replica has
    /// no business with commands that reply. `kept`: length of the reply before the command.
    #[cold]
    pub(in crate::server) fn after_link_command(&mut self, client: &mut Client, kept: usize) {
        if client.flags.has(ClientFlags::MASTER) {
            client.reply.truncate(kept);
        } else if client.reply.len() > kept && self.replica(client.id).is_some() {
            client.reply.truncate(kept);
            let command = client.last_command.map(|id| &*self.commands.get(id).full_name);
            let command = command.unwrap_or("<unknown>").to_string();
            let info = self.client_info(client);
            self.log_warning(&format!(
                "Replica generated a reply to command '{command}', disconnecting it: {info}"
            ));
            self.close_later(client);
        }
    }
}
