//! WAIT and WAITAOF: clients that wait until replicas, or the disk, have what they wrote.

use super::replicas::ReplicaState;
use crate::commands::ReplyError;
use crate::server::Server;
use crate::server::client::Client;

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitFor {
    /// Offset of its last write.
    pub offset: i64,
    pub replicas: i64,
    /// WAITAOF: what is on disk counts. `Some(0 or 1)`: whether ours must be.
    pub local: Option<i64>,
}

/// How many have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acks {
    /// Whether our AOF has it, 0 or 1; only for WAITAOF.
    pub local: i64,
    pub replicas: i64,
}

/// WAITAOF … with `numlocal`, but without an AOF.
pub const NO_LOCAL_AOF: ReplyError = ReplyError::fixed(
    "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
);

impl Server {
    /// Who has everything up to the offset.
    pub fn acks_of(&self, wait: &WaitFor) -> Acks {
        let online = self.replication.replicas.iter().filter(|r| r.state == ReplicaState::Online);
        let has = |ack: i64| ack >= wait.offset;
        match wait.local {
            None => {
                Acks { local: 0, replicas: online.filter(|r| has(r.ack_offset)).count() as i64 }
            }
            Some(_) => Acks {
                local: i64::from(has(self.fsynced_offset())),
                replicas: online.filter(|r| has(r.aof_offset)).count() as i64,
            },
        }
    }

    /// That is enough.
    pub fn is_acknowledged(&self, wait: &WaitFor, acks: Acks) -> bool {
        acks.replicas >= wait.replicas && acks.local >= wait.local.unwrap_or(0)
    }

    /// Writes the reply.
    pub fn reply_acks(client: &mut Client, wait: &WaitFor, acks: Acks) {
        if wait.local.is_some() {
            client.reply.array(2);
            client.reply.int(acks.local);
        }
        client.reply.int(acks.replicas);
    }

    /// Answers the clients whose writes are acknowledged by now.
    pub fn process_clients_waiting_acks(&mut self) {
        if self.replication.waiting.is_empty() {
            return;
        }
        let ids = std::mem::take(&mut self.replication.waiting);
        for id in ids {
            let Some(mut client) = self.clients.check_out(id) else { continue };
            let wait = client.blocked.as_ref().and_then(|blocked| blocked.wait);
            match wait {
                Some(wait) if self.may_answer_wait(&mut client, &wait) => {}
                Some(_) => self.replication.waiting.push(id),
                None => {} // it timed out, or was unblocked
            }
            self.clients.check_in(client);
        }
    }

    /// True if the client was answered.
    fn may_answer_wait(&mut self, client: &mut Client, wait: &WaitFor) -> bool {
        if wait.local.is_some_and(|local| local > 0) && !self.config.appendonly {
            self.unblock_with_error(client, &NO_LOCAL_AOF);
            return true;
        }
        let acks = self.acks_of(wait);
        if !self.is_acknowledged(wait, acks) {
            return false;
        }
        // The same as at the timeout: the counts of this moment.
        self.blocked_timed_out(client);
        true
    }
}
