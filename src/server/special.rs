//! Whether anything special goes on: the features that look at commands as they pass (ACL rules,
//! MONITOR, tracking, propagation, memory limits, …), summed up in one flag, so that an ordinary
//! command asks one question instead of one per feature.
//!
//! Invariant: while `Server::special` is false, none of them is on. It is summed up anew where one
//! may have been switched on: when a turn of the loop begins to run commands, before the loop
//! sleeps, and after each command whose row does not rule it out (`Command::special`).

use super::Server;
use super::client::{Client, ClientFlags};

/// State of a client to which more rules apply than to others.
const SPECIAL_CLIENTS: ClientFlags = ClientFlags::MULTI
    .and(ClientFlags::PUBSUB)
    .and(ClientFlags::REPLICA)
    .and(ClientFlags::MASTER)
    .and(ClientFlags::REPLY_OFF)
    .and(ClientFlags::REPLY_SKIP)
    .and(ClientFlags::REPLY_SKIP_NEXT)
    .and(ClientFlags::BLOCKED)
    .and(ClientFlags::CLOSE_ASAP);

impl Client {
    /// The common rules are not all that applies to its commands.
    #[inline(always)]
    pub fn is_special(&self) -> bool {
        const ASKED: ClientFlags = SPECIAL_CLIENTS.and(ClientFlags::AUTHENTICATED);
        self.flags.0 & ASKED.0 != ClientFlags::AUTHENTICATED.0 || self.is_restricted()
    }
}

impl Server {
    /// Sums up.
    #[inline]
    pub fn note_special(&mut self) {
        self.special = self.is_special_now();
    }

    pub fn is_special_now(&self) -> bool {
        self.gate_is_on()
            || self.propagate.enabled
            || self.config.maxmemory_clients != 0
            || self.config.latency_monitor_threshold != 0
            || !self.monitors.is_empty()
            || self.pause.is_active()
    }

    /// Some rule of the gate may refuse commands of every client.
    #[inline]
    pub fn gate_is_on(&self) -> bool {
        self.tracking.active
            || self.config.maxmemory != 0
            || self.replication_gates_writes()
            || self.aof.writes_denied
            || !self.rdb.last_bgsave_ok
            || self.loading.active
            || self.scripts.is_busy()
            || self.cluster.is_some()
    }
}
