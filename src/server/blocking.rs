//! Clients blocked on keys: who waits for which key in which order, and the timeouts.
//!
//! A blocked command keeps its arguments. When one of its keys becomes ready
//! (`signal_key_as_ready`), the command runs again from the start after the command that made it
//! ready is over; it either replies or stays blocked at its old place in the queue. A new kind of
//! blocking needs: a `BlockKind`, its reply at timeout in `timeout_reply`, and a call of
//! `block_client`.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::Server;
use super::client::{Client, ClientFlags};
use super::replication::wait::WaitFor;
use crate::commands::ReplyError;
use crate::commands::table::CommandId;
use crate::storage::object::ObjType;

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    List,
    ZSet,
    Stream,
    /// WAIT, WAITAOF.
    Wait,
    /// Held back by CLIENT PAUSE, to run when the pause ends.
    Postponed,
    /// FLUSHALL waiting for the memory to be free.
    LazyFree,
    /// SHUTDOWN waiting for replicas.
    Shutdown,
}

impl BlockKind {
    /// CLIENT UNBLOCK may end it.
    pub fn may_be_unblocked(self) -> bool {
        !matches!(self, BlockKind::Postponed | BlockKind::Shutdown)
    }

    /// The type of value that can serve a client of this kind.
    pub fn object_type(self) -> Option<ObjType> {
        match self {
            BlockKind::List => Some(ObjType::List),
            BlockKind::ZSet => Some(ObjType::ZSet),
            BlockKind::Stream => Some(ObjType::Stream),
            _ => None,
        }
    }
}

/// How a blocked command answers when its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutReply {
    NullArray,
    Null,
    /// How many acknowledge what was written, at that moment.
    Acks,
    Nothing,
}

/// A handler's wish to block.
pub struct BlockRequest {
    pub kind: BlockKind,
    pub keys: Vec<Box<[u8]>>,
    /// ms since the epoch; 0 = for ever.
    pub deadline_ms: i64,
    /// Also wake when a key is deleted or changes its type (XREADGROUP).
    pub unblock_on_deleted: bool,
}

/// The state of a blocked client.
pub struct Blocked {
    pub kind: BlockKind,
    pub db: usize,
    pub keys: Vec<Box<[u8]>>,
    pub deadline_ms: i64,
    pub unblock_on_deleted: bool,
    /// The command, for running it again; `None` until `call` stored it.
    pub command: Option<CommandId>,
    pub argv: Vec<Box<[u8]>>,
    pub timeout_reply: TimeoutReply,
    /// Of WAIT and WAITAOF.
    pub wait: Option<WaitFor>,
}

type KeyOf = (usize, Box<[u8]>);

/// Queues of blocked clients.
#[derive(Default)]
pub struct Blocking {
    /// Clients that wait for a key, first come first served. The flag: wakes on deletion too.
    waiting: HashMap<KeyOf, VecDeque<(u64, bool)>>,
    /// Keys that got an element while somebody waits for them, in order.
    ready: Vec<KeyOf>,
    ready_set: std::collections::HashSet<KeyOf>,
    deadlines: BTreeSet<(i64, u64)>,
    /// Guards against serving from within serving.
    handling: bool,
    /// Number of blocked clients.
    pub clients: usize,
    /// Clients held back by CLIENT PAUSE, in order.
    pub postponed: VecDeque<u64>,
    /// Clients whose blocked command must run again for another reason than a key.
    pub unblocked: Vec<u64>,
}

impl Blocking {
    /// Nobody waits for any key: the one test on the path of writes that add elements.
    #[inline]
    pub fn nobody_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Keys somebody waits for, and how many of those wake on deletion too.
    pub fn waiting_keys(&self) -> (usize, usize) {
        let nokey = self.waiting.values().filter(|q| q.iter().any(|(_, flag)| *flag)).count();
        (self.waiting.len(), nokey)
    }

    /// Notes that a key may serve the clients that wait for it.
    pub fn signal(&mut self, db: usize, key: &[u8], deleted: bool) {
        if self.waiting.is_empty() {
            return;
        }
        let entry: KeyOf = (db, key.into());
        let Some(queue) = self.waiting.get(&entry) else { return };
        if deleted && !queue.iter().any(|(_, on_deleted)| *on_deleted) {
            return;
        }
        if self.ready_set.insert(entry.clone()) {
            self.ready.push(entry);
        }
    }

    fn take_ready(&mut self) -> Vec<KeyOf> {
        self.ready_set.clear();
        std::mem::take(&mut self.ready)
    }

    fn enqueue(&mut self, client: u64, blocked: &Blocked) {
        for key in &blocked.keys {
            let queue = self.waiting.entry((blocked.db, key.clone())).or_default();
            if !queue.iter().any(|(id, _)| *id == client) {
                queue.push_back((client, blocked.unblock_on_deleted));
            }
        }
        if blocked.deadline_ms != 0 {
            self.deadlines.insert((blocked.deadline_ms, client));
        }
        self.clients += 1;
    }

    fn dequeue(&mut self, client: u64, blocked: &Blocked) {
        for key in &blocked.keys {
            let entry = (blocked.db, key.clone());
            if let Some(queue) = self.waiting.get_mut(&entry) {
                queue.retain(|(id, _)| *id != client);
                if queue.is_empty() {
                    self.waiting.remove(&entry);
                }
            }
        }
        self.deadlines.remove(&(blocked.deadline_ms, client));
        if blocked.kind == BlockKind::Postponed {
            self.postponed.retain(|id| *id != client);
        }
        self.clients -= 1;
    }

    /// The next deadline, ms since the epoch.
    pub fn next_deadline(&self) -> Option<i64> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Number of blocked clients with a deadline.
    pub fn deadlines(&self) -> usize {
        self.deadlines.len()
    }

    /// Keys of a database somebody waits for (SWAPDB, FLUSHDB and the like make them ready).
    pub fn keys_of_db(&self, db: usize) -> Vec<Box<[u8]>> {
        self.waiting.keys().filter(|(of, _)| *of == db).map(|(_, key)| key.clone()).collect()
    }
}

impl Server {
    /// Puts the client into the queues. The command's arguments are added by `call`.
    pub fn block_client(&mut self, client: &mut Client, request: BlockRequest) {
        if client.blocked.is_some() {
            // Run again and still not served: it keeps its place and its deadline.
            client.flags.set(ClientFlags::BLOCKED);
            return;
        }
        let timeout_reply = match request.kind {
            BlockKind::List | BlockKind::ZSet | BlockKind::Stream => TimeoutReply::NullArray,
            BlockKind::Wait => TimeoutReply::Acks,
            BlockKind::Postponed | BlockKind::Shutdown | BlockKind::LazyFree => {
                TimeoutReply::Nothing
            }
        };
        let blocked = Blocked {
            kind: request.kind,
            db: client.db,
            keys: request.keys,
            deadline_ms: request.deadline_ms,
            unblock_on_deleted: request.unblock_on_deleted,
            command: None,
            argv: Vec::new(),
            timeout_reply,
            wait: None,
        };
        self.blocking.enqueue(client.id, &blocked);
        if blocked.kind == BlockKind::Postponed {
            self.blocking.postponed.push_back(client.id);
        }
        client.blocked = Some(Box::new(blocked));
        client.flags.set(ClientFlags::BLOCKED);
    }

    /// Takes the client out of the queues, without a reply; its input is looked at again.
    pub fn unblock_client(&mut self, client: &mut Client) -> Option<Box<Blocked>> {
        let blocked = client.blocked.take()?;
        self.blocking.dequeue(client.id, &blocked);
        client.flags.clear(ClientFlags::BLOCKED);
        self.queue_read(client);
        Some(blocked)
    }

    /// A key may be able to serve clients that wait for it.
    #[inline]
    pub fn signal_key_as_ready(&mut self, db: usize, key: &[u8]) {
        if !self.blocking.nobody_waits() {
            self.blocking.signal(db, key, false);
        }
    }

    /// A key is gone or changed its type.
    #[inline]
    pub fn signal_deleted_key_as_ready(&mut self, db: usize, key: &[u8]) {
        if !self.blocking.nobody_waits() {
            self.blocking.signal(db, key, true);
        }
    }

    /// Runs the commands of clients whose keys became ready, until no key is ready. Must not be
    /// called while a command runs.
    pub fn handle_clients_blocked_on_keys(&mut self) {
        if self.blocking.handling {
            return;
        }
        self.blocking.handling = true;
        while self.blocking.has_ready() {
            for (db, key) in self.blocking.take_ready() {
                self.serve_clients_of_key(db, &key);
            }
        }
        self.blocking.handling = false;
    }

    fn serve_clients_of_key(&mut self, db: usize, key: &[u8]) {
        let entry: KeyOf = (db, key.into());
        let Some(queue) = self.blocking.waiting.get(&entry) else { return };
        // Those who block on the key anew while it is served wait for the next signal.
        let ids: Vec<(u64, bool)> = queue.iter().copied().collect();
        for (id, on_deleted) in ids {
            // An expired key serves nobody, and is left to whoever looks for it next.
            self.clock.update();
            let (keys, now_ms) = (&self.keyspace.dbs[db], self.clock.now_ms);
            let expired = keys.get_expire(key).is_some_and(|at| at < now_ms);
            let found = keys.find(key).filter(|_| !expired).map(|entry| entry.obj_type());
            let Some(mut client) = self.clients.check_out(id) else { continue };
            let serves = client.blocked.as_ref().is_some_and(|blocked| {
                blocked.command.is_some()
                    && (on_deleted || (found.is_some() && blocked.kind.object_type() == found))
            });
            if serves {
                self.reexecute_blocked(&mut client);
            }
            self.clients.check_in(client);
        }
    }

    /// Runs a blocked command again.
    pub fn reexecute_blocked(&mut self, client: &mut Client) {
        let Some(blocked) = client.blocked.as_mut() else { return };
        let Some(command) = blocked.command else { return };
        let argv = std::mem::take(&mut blocked.argv);
        client.flags.set(ClientFlags::REEXECUTING);
        client.flags.clear(ClientFlags::BLOCKED);
        self.run_blocked_command(client, command, &argv);
        client.flags.clear(ClientFlags::REEXECUTING);
        if client.flags.has(ClientFlags::BLOCKED) {
            if let Some(blocked) = client.blocked.as_mut() {
                blocked.argv = argv;
            }
        } else {
            self.unblock_client(client);
            self.after_command(client);
            self.queue_write(client);
        }
    }

    /// Answers the clients whose deadline has passed.
    pub fn handle_blocked_timeouts(&mut self) {
        let now = self.clock.now_ms;
        while let Some(&(at, id)) = self.blocking.deadlines.first() {
            if at > now {
                break;
            }
            self.blocking.deadlines.remove(&(at, id));
            if let Some(mut client) = self.clients.check_out(id) {
                self.blocked_timed_out(&mut client);
                self.clients.check_in(client);
            }
        }
    }

    /// The client's time is over (or CLIENT UNBLOCK … TIMEOUT): replies and unblocks.
    pub fn blocked_timed_out(&mut self, client: &mut Client) {
        let Some(blocked) = self.unblock_client(client) else { return };
        if let Some(command) = blocked.command {
            self.account_blocked(client, command, false);
        }
        let discarded = client.replies_discarded();
        let start = client.reply.len();
        match blocked.timeout_reply {
            TimeoutReply::NullArray => client.reply.null_array(),
            TimeoutReply::Null => client.reply.null(),
            TimeoutReply::Acks => {
                if let Some(wait) = &blocked.wait {
                    let acks = self.acks_of(wait);
                    Server::reply_acks(client, wait, acks);
                }
            }
            TimeoutReply::Nothing => {}
        }
        if discarded {
            client.reply.truncate(start);
        }
        self.after_command(client);
        self.queue_write(client);
    }

    /// CLIENT UNBLOCK … ERROR, a key that moved away: the blocked command fails.
    pub fn unblock_with_error(&mut self, client: &mut Client, error: &ReplyError) {
        let Some(blocked) = self.unblock_client(client) else { return };
        self.count_error(error);
        if let Some(command) = blocked.command {
            self.account_blocked(client, command, true);
        }
        if !client.replies_discarded() {
            client.reply.error(error);
        }
        self.after_command(client);
        self.queue_write(client);
    }
}
