//! The replicas of this server: what each said about itself, how far it is, and writing to it.

use std::io::IoSlice;
use std::net::IpAddr;

use super::transfer::Bulk;
use crate::server::Server;
use crate::server::client::{Client, ClientFlags};

/// Bytes of the stream written to one replica in one turn.
const MAX_WRITE_PER_TURN: usize = 256 * 1024;

/// Capabilities, as bits.
pub mod capa {
    /// Understands the streamed form of the RDB.
    pub const EOF: u8 = 1 << 0;
    /// Understands `+CONTINUE <id>`.
    pub const PSYNC2: u8 = 1 << 1;
    /// Can take the RDB on a second connection.
    pub const RDB_CHANNEL: u8 = 1 << 2;
}

/// What the RDB is to leave out, as bits.
pub mod requires {
    pub const NO_DATA: u8 = 1 << 0;
    pub const NO_FUNCTIONS: u8 = 1 << 1;
    /// Nothing: it comes on a connection of its own.
    pub const RDB_CHANNEL: u8 = 1 << 2;
}

/// What REPLCONF told of a client.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplConf {
    pub port: i64,
    /// Where it says it is; `None` = where its connection comes from.
    pub address: Option<String>,
    pub capa: u8,
    pub requires: u8,
    /// Wants a snapshot and no stream.
    pub rdb_only: bool,
    /// This connection takes the RDB for that other one.
    pub main_channel: Option<u64>,
}

/// How far a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaState {
    /// Told to open a second connection for its RDB.
    WaitRdbChannel,
    /// Waits for a child that makes its RDB.
    WaitBgsaveStart,
    /// The child works (and sends, if it does).
    WaitBgsaveEnd,
    /// The file is being sent.
    SendBulk,
    Online,
    /// It has the snapshot, which was all it wanted.
    RdbTransmitted,
    /// It gets the stream, while its RDB goes through another connection.
    SendBulkAndStream,
}

impl ReplicaState {
    /// As INFO names it.
    pub fn name(self) -> &'static str {
        match self {
            ReplicaState::WaitRdbChannel
            | ReplicaState::WaitBgsaveStart
            | ReplicaState::WaitBgsaveEnd => "wait_bgsave",
            ReplicaState::SendBulk => "send_bulk",
            ReplicaState::Online => "online",
            ReplicaState::RdbTransmitted => "rdb_transmitted",
            ReplicaState::SendBulkAndStream => "send_bulk_and_stream",
        }
    }
}

/// One replica.
pub struct Replica {
    /// Id of its connection.
    pub client: u64,
    pub state: ReplicaState,
    pub conf: ReplConf,
    /// Address of the connection's other end.
    pub peer: Option<IpAddr>,
    /// Said SYNC: it will not acknowledge anything.
    pub pre_psync: bool,
    /// When it asked, s since the epoch.
    pub since_s: i64,
    pub ack_offset: i64,
    /// Up to where its AOF is on disk.
    pub aof_offset: i64,
    pub ack_time_s: i64,
    /// Offset at which its RDB was made.
    pub initial_offset: i64,
    /// The file that is being sent.
    pub bulk: Option<Bulk>,
    /// Bytes of the pipe's buffer that it has been sent; `None` = all.
    pub pipe_sent: Option<usize>,
    /// When it last took less than it was given, s since the epoch; 0 = it took all.
    pub last_partial_write_s: i64,
    /// It is online, but gets the stream after its first acknowledgement only.
    pub starts_on_ack: bool,
}

impl Replica {
    pub fn new(client: &Client, now_s: i64) -> Replica {
        let conf = client.replconf.as_deref().cloned().unwrap_or_default();
        let peer = client.conn.as_ref().and_then(|conn| conn.peer);
        Replica {
            client: client.id,
            state: ReplicaState::WaitBgsaveStart,
            conf,
            peer: peer.map(|peer| peer.ip().to_canonical()),
            pre_psync: false,
            since_s: now_s,
            ack_offset: 0,
            aof_offset: 0,
            ack_time_s: 0,
            initial_offset: 0,
            bulk: None,
            pipe_sent: None,
            last_partial_write_s: 0,
            starts_on_ack: false,
        }
    }

    /// The host that others reach it at.
    pub fn host(&self) -> Option<String> {
        let peer = || self.peer.map(|ip| ip.to_string());
        self.conf.address.clone().filter(|address| !address.is_empty()).or_else(peer)
    }

    /// `host:port`, for the log.
    pub fn name(&self) -> String {
        match (self.host(), self.conf.port) {
            (Some(host), 0) => format!("{host}:<unknown-replica-port>"),
            (Some(host), port) if host.contains(':') => format!("[{host}]:{port}"),
            (Some(host), port) => format!("{host}:{port}"),
            (None, _) => format!("client id #{}", self.client),
        }
    }

    /// The stream may be written to it.
    pub fn may_stream(&self) -> bool {
        match self.state {
            ReplicaState::Online => !self.starts_on_ack,
            ReplicaState::SendBulkAndStream => true,
            _ => false,
        }
    }

    /// It still waits for (some of) its RDB.
    pub fn is_syncing(&self) -> bool {
        matches!(
            self.state,
            ReplicaState::WaitRdbChannel
                | ReplicaState::WaitBgsaveStart
                | ReplicaState::WaitBgsaveEnd
                | ReplicaState::SendBulk
                | ReplicaState::SendBulkAndStream
        )
    }

    /// Its RDB goes, or will go, through another connection.
    pub fn has_rdb_channel(&self) -> bool {
        matches!(self.state, ReplicaState::WaitRdbChannel | ReplicaState::SendBulkAndStream)
    }
}

impl Server {
    /// A replica by its connection.
    pub fn replica_mut(&mut self, client: u64) -> Option<&mut Replica> {
        self.replication.replicas.iter_mut().find(|replica| replica.client == client)
    }

    pub fn replica(&self, client: u64) -> Option<&Replica> {
        self.replication.replicas.iter().find(|replica| replica.client == client)
    }

    /// The client is a replica from now on.
    pub fn add_replica(&mut self, client: &mut Client, replica: Replica) {
        client.flags.set(ClientFlags::REPLICA);
        self.replication.replicas.push(replica);
        self.update_propagation();
    }

    /// The client is no replica any more, or is about to be gone.
    pub fn forget_replica(&mut self, client: &mut Client) {
        let id = client.id;
        let replicas = &mut self.replication.replicas;
        let Some(idx) = replicas.iter().position(|replica| replica.client == id) else { return };
        let replica = replicas.remove(idx);
        client.flags.clear(ClientFlags::REPLICA);
        self.log_notice(&format!("Connection with replica {} lost.", replica.name()));
        self.drop_replica(replica);
    }

    /// What else hangs on a replica that was taken off the list.
    pub(super) fn drop_replica(&mut self, replica: Replica) {
        self.replication.stream.remove_reader(replica.client);
        self.leave_pipe(replica.client);
        self.stop_useless_child(&replica);
        self.close_other_channel(&replica);
        if self.replication.replicas.is_empty() {
            self.replication.no_replicas_since_s = self.clock.now_s();
        }
        self.refresh_good_replicas();
        self.update_propagation();
    }

    /// The two connections of a replica live together until the RDB is with it.
    fn close_other_channel(&mut self, gone: &Replica) {
        let belongs = |other: &&Replica| match gone.conf.main_channel {
            Some(main) => other.client == main && other.has_rdb_channel(),
            None => other.conf.main_channel == Some(gone.client),
        };
        if gone.conf.main_channel.is_some() && self.has_whole_rdb(gone) {
            return;
        }
        let ids: Vec<u64> =
            self.replication.replicas.iter().filter(belongs).map(|other| other.client).collect();
        ids.into_iter().for_each(|id| self.close_client_later(id));
    }

    /// All of the RDB was sent on that connection, as far as can be told: of a pipe the end may not
    /// have been read yet. A replica that lacks something gives up the other connection itself.
    fn has_whole_rdb(&self, gone: &Replica) -> bool {
        match gone.state {
            ReplicaState::RdbTransmitted => true,
            ReplicaState::WaitBgsaveEnd => gone.pipe_sent.is_none(),
            _ => false,
        }
    }

    /// Number of replicas, those with two connections counted once.
    pub fn connected_replicas(&self) -> usize {
        let main = |r: &&Replica| r.conf.main_channel.is_none();
        self.replication.replicas.iter().filter(main).count()
    }

    /// Closes the connections of all replicas: they must synchronize anew.
    pub fn disconnect_replicas(&mut self) {
        let ids: Vec<u64> = self.replication.replicas.iter().map(|r| r.client).collect();
        for id in ids {
            if !self.kill_client(id) {
                // It is the one whose command runs.
                self.clients.to_close.push(id);
            }
        }
    }

    /// Writes to a replica what its state allows; its ordinary replies have been sent.
    pub(in crate::server) fn write_to_replica(&mut self, client: &mut Client) {
        let Some(replica) = self.replica(client.id) else { return };
        if replica.pipe_sent.is_some() {
            self.write_pipe_rest(client);
        } else if replica.state == ReplicaState::SendBulk {
            self.write_bulk(client);
        } else if replica.may_stream() {
            self.write_stream(client);
        }
    }

    fn write_stream(&mut self, client: &mut Client) {
        let mut total = 0;
        while self.replication.stream.pending(client.id) > 0 {
            if total >= MAX_WRITE_PER_TURN {
                self.queue_write(client);
                break;
            }
            let mut slices: Vec<IoSlice<'_>> = Vec::new();
            self.replication.stream.slices(client.id, MAX_WRITE_PER_TURN, &mut slices);
            let Some(conn) = client.conn.as_mut() else { return };
            match conn.write_slices(&slices) {
                Ok(Some(bytes)) => {
                    total += bytes;
                    self.replication.stream.advance(client.id, bytes);
                }
                Ok(None) => break,
                Err(e) => {
                    self.log_verbose(&format!("Error writing to client: {e}"));
                    self.close_later(client);
                    return;
                }
            }
        }
        self.count_replica_output(client, total);
    }

    /// Accounts for bytes sent to a replica.
    pub(super) fn count_replica_output(&mut self, client: &mut Client, bytes: usize) {
        if bytes > 0 {
            self.replication.stats.net_output_bytes += bytes as u64;
            client.net_output_bytes += bytes as u64;
            client.last_interaction_s = self.clock.now_s();
        }
    }

    /// REPLCONF ACK: how far a replica is.
    pub fn replica_acknowledged(&mut self, client: &mut Client, offset: i64, fsynced: Option<i64>) {
        let now_s = self.clock.now_s();
        let Some(replica) = self.replica_mut(client.id) else { return };
        replica.ack_offset = replica.ack_offset.max(offset);
        replica.aof_offset = replica.aof_offset.max(fsynced.unwrap_or(0));
        replica.ack_time_s = now_s;
        if replica.state == ReplicaState::WaitBgsaveEnd && self.child.is_saving() {
            // It has loaded what the child sent; that the child ended may not be known yet.
            self.reap_children();
        }
        let Some(replica) = self.replica_mut(client.id) else { return };
        if replica.state == ReplicaState::SendBulkAndStream {
            // It has loaded what came on the other connection.
            replica.state = ReplicaState::Online;
            let name = replica.name();
            self.refresh_good_replicas();
            return self.log_notice(&format!("Synchronization with replica {name} succeeded"));
        }
        if replica.starts_on_ack && replica.state == ReplicaState::Online {
            replica.starts_on_ack = false;
            self.queue_write(client);
        }
    }

    /// An empty line of a replica: it lives (it is loading).
    pub(in crate::server) fn replica_is_alive(&mut self, client: u64) {
        let now_s = self.clock.now_s();
        if let Some(replica) = self.replica_mut(client) {
            replica.ack_time_s = now_s;
        }
    }

    /// Counts the replicas whose lag is small enough.
    pub fn refresh_good_replicas(&mut self) {
        let (wanted, lag) = (self.config.min_replicas_to_write, self.config.min_replicas_max_lag);
        if wanted == 0 || lag == 0 {
            return;
        }
        let now_s = self.clock.now_s();
        let good = |r: &&Replica| r.state == ReplicaState::Online && now_s - r.ack_time_s <= lag;
        self.replication.good_replicas =
            self.replication.replicas.iter().filter(good).count() as i64;
    }

    /// False if a master may not accept writes for lack of replicas.
    pub fn has_good_replicas(&self) -> bool {
        self.is_replica()
            || self.config.min_replicas_max_lag == 0
            || self.config.min_replicas_to_write == 0
            || self.replication.good_replicas >= self.config.min_replicas_to_write
    }

    /// Tells in the log which replicas would lose something.
    pub(in crate::server) fn log_lagging_replicas(&self) {
        let (now_s, end) = (self.clock.now_s(), self.master_repl_offset());
        let replicas = &self.replication.replicas;
        let mut lagging = 0;
        for replica in replicas.iter().filter(|replica| replica.ack_offset != end) {
            lagging += 1;
            let online = replica.state == ReplicaState::Online;
            self.log_notice(&format!(
                "Lagging replica {} reported offset {} behind master, lag={}, state={}.",
                replica.name(),
                end - replica.ack_offset,
                if online { now_s - replica.ack_time_s } else { 0 },
                replica.state.name()
            ));
        }
        if !replicas.is_empty() {
            let count = replicas.len();
            self.log_notice(&format!(
                "{} of {count} replicas are in sync when shutting down.",
                count - lagging
            ));
        }
    }

    /// Sends what the sockets take, before the end.
    pub(in crate::server) fn flush_replicas(&mut self) {
        for idx in 0..self.replication.replicas.len() {
            let replica = &self.replication.replicas[idx];
            let (id, streams) = (replica.client, replica.may_stream());
            if let Some(mut client) = self.clients.check_out(id) {
                if streams && client.reply.is_empty() {
                    self.write_stream(&mut client);
                }
                self.clients.check_in(client);
            }
        }
    }

    /// Nothing would be lost if this server ended now.
    pub fn replicas_are_in_sync(&self) -> bool {
        let end = self.master_repl_offset();
        self.replication.replicas.iter().all(|replica| replica.ack_offset == end)
    }
}
