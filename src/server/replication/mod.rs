//! Replication: what the server has to do with its replicas and with its master.
//!
//! - as master: `sync` (PSYNC: partial or full), `transfer` (the RDB to the replicas), `feed` (the
//!   stream), `replicas` (who they are), `wait` (WAIT, WAITAOF), `failover`;
//! - as replica: `link` (connection and handshake), `rdb_channel` (the stream beside the RDB),
//!   `load` (the RDB), `master` (the stream);
//! - `expire`: keys that only a writable replica has;
//! - `cron` and `info` for both.
//!
//! Invariant: on a replica `stream.end()` is the offset up to which the master's stream has been
//! applied, so that a sub-replica, and this server once promoted, continue from there.

pub mod cron;
pub mod expire;
pub mod failover;
pub mod feed;
pub mod info;
pub mod link;
pub mod load;
pub mod master;
pub mod rdb_channel;
pub mod replicas;
pub mod sync;
pub mod transfer;
pub mod wait;

use super::Server;
use super::random_hex;
use crate::replication::ID_BYTES;
use crate::replication::backlog::ReplBuffer;
use crate::server::aof::AofState;

/// Everything about replication.
pub struct Replication {
    /// 40 hex digits that name the history of the data set.
    pub id: String,
    /// The history before that, of which this server has everything below `second_offset`.
    pub id2: String,
    /// -1 = none.
    pub second_offset: i64,
    pub stream: ReplBuffer,
    pub replicas: Vec<replicas::Replica>,
    /// The database that the next command of the stream finds selected; `None` = must be said.
    pub feed_db: Option<usize>,
    /// Since when there are no replicas, s since the epoch.
    pub no_replicas_since_s: i64,
    /// Replicas with a small lag, as of the last look (`min-replicas-to-write`).
    pub good_replicas: i64,
    /// Ask the replicas for their offsets before the loop sleeps.
    pub ask_acks: bool,
    /// Clients in WAIT or WAITAOF.
    pub waiting: Vec<u64>,
    /// The RDB that a child sends through us.
    pub pipe: Option<transfer::RdbPipe>,
    /// The data is loaded at the start: what that deletes goes into the stream.
    feeds_at_start: bool,
    /// The RDB file was written for replicas only (`rdb-del-sync-files`).
    pub file_for_replicas: bool,
    pub failover: failover::Failover,
    pub link: link::Link,
    pub master: master::MasterSide,
    pub keys: expire::ReplicaKeys,
    pub stats: ReplStats,
    cron_loops: i64,
    /// Commands on their way into the stream.
    scratch: Vec<u8>,
}

/// Counters since start or CONFIG RESETSTAT.
#[derive(Debug, Default, Clone, Copy)]
pub struct ReplStats {
    pub sync_full: u64,
    pub sync_partial_ok: u64,
    pub sync_partial_err: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
}

impl Replication {
    pub fn new(now_s: i64) -> Replication {
        Replication {
            id: random_hex(ID_BYTES),
            id2: no_id(),
            second_offset: -1,
            stream: ReplBuffer::default(),
            replicas: Vec::new(),
            feed_db: None,
            no_replicas_since_s: now_s,
            good_replicas: 0,
            ask_acks: false,
            waiting: Vec::new(),
            pipe: None,
            feeds_at_start: false,
            file_for_replicas: false,
            failover: failover::Failover::default(),
            link: link::Link::default(),
            master: master::MasterSide::default(),
            keys: expire::ReplicaKeys::default(),
            stats: ReplStats::default(),
            cron_loops: 0,
            scratch: Vec::new(),
        }
    }

    /// The data set has a history of its own from now on.
    pub fn change_id(&mut self) {
        self.id = random_hex(ID_BYTES);
    }

    pub fn clear_id2(&mut self) {
        self.id2 = no_id();
        self.second_offset = -1;
    }
}

/// The id of no history.
fn no_id() -> String {
    "0".repeat(ID_BYTES)
}

impl Server {
    /// This server follows another one.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.config.replicaof.is_some()
    }

    /// Offset of the last byte of the stream.
    #[inline]
    pub fn master_repl_offset(&self) -> i64 {
        self.replication.stream.end()
    }

    /// This server is a master that was a replica: those of the old history may continue with the
    /// new one.
    pub fn shift_replication_id(&mut self) {
        let repl = &mut self.replication;
        repl.id2 = std::mem::take(&mut repl.id);
        repl.second_offset = repl.stream.end() + 1;
        repl.change_id();
        self.log_notice(&format!(
            "Setting secondary replication ID to {}, valid up to offset: {}. New replication ID \
             is {}",
            self.replication.id2, self.replication.second_offset, self.replication.id
        ));
    }

    /// The role has changed: what depends on it.
    pub fn role_changed(&mut self) {
        let replica = self.is_replica();
        super::log::set_role(if replica { b'S' } else { b'M' });
        self.process.set_oom_score(&self.config, usize::from(replica));
        self.update_propagation();
    }

    /// Commands are added to the stream.
    pub fn feeds_stream(&self) -> bool {
        let repl = &self.replication;
        !self.is_replica() && (repl.stream.is_active() || !repl.replicas.is_empty())
    }

    /// One of the rules of the gate that concern replication may refuse something.
    #[inline]
    pub fn replication_gates_writes(&self) -> bool {
        self.is_replica() || self.config.min_replicas_to_write != 0
    }

    /// Up to where of the stream our AOF is on disk; -1 = there is none, 0 = its first rewrite is
    /// not done.
    pub fn fsynced_offset(&self) -> i64 {
        match self.aof.state {
            AofState::Off => -1,
            AofState::WaitRewrite => 0,
            AofState::On => self.aof.synced_offset(),
        }
    }
}
