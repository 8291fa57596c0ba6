//! `Client`: the session side of a connection: selected database, protocol, transaction,
//! subscriptions, blocked command. Also stands for those who run commands without a socket (AOF
//! load, scripts, the replication link).

use std::rc::Rc;

use super::acl::user::User;
use super::blocking::Blocked;
use super::connection::{CHUNK_BYTES, Conn, OutputQueue};
use super::execute::CLIENT_ID_AOF;
use super::replication::replicas::ReplConf;
use super::transaction::Multi;
use crate::commands::table::CommandId;
use crate::protocol::reply::Reply;

/// State bits of a client.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClientFlags(pub u64);

impl ClientFlags {
    pub const REPLICA: ClientFlags = ClientFlags(1 << 0);
    pub const MASTER: ClientFlags = ClientFlags(1 << 1);
    pub const MONITOR: ClientFlags = ClientFlags(1 << 2);
    pub const MULTI: ClientFlags = ClientFlags(1 << 3);
    pub const BLOCKED: ClientFlags = ClientFlags(1 << 4);
    /// A queued command was refused: EXEC answers EXECABORT.
    pub const DIRTY_EXEC: ClientFlags = ClientFlags(1 << 6);
    /// Close once the output is written.
    pub const CLOSE_AFTER_REPLY: ClientFlags = ClientFlags(1 << 7);
    /// Close at the next chance, nothing more is sent.
    pub const CLOSE_ASAP: ClientFlags = ClientFlags(1 << 8);
    pub const UNIX_SOCKET: ClientFlags = ClientFlags(1 << 9);
    pub const REPLY_OFF: ClientFlags = ClientFlags(1 << 10);
    pub const REPLY_SKIP_NEXT: ClientFlags = ClientFlags(1 << 11);
    pub const REPLY_SKIP: ClientFlags = ClientFlags(1 << 12);
    /// Runs where blocking makes no sense (MULTI, script).
    pub const DENY_BLOCKING: ClientFlags = ClientFlags(1 << 13);
    pub const REEXECUTING: ClientFlags = ClientFlags(1 << 14);
    pub const NO_TOUCH: ClientFlags = ClientFlags(1 << 15);
    pub const NO_EVICT: ClientFlags = ClientFlags(1 << 16);
    /// Has something in `reply` or the write queue and stands in the list of pending writes.
    pub const PENDING_WRITE: ClientFlags = ClientFlags(1 << 17);
    pub const AUTHENTICATED: ClientFlags = ClientFlags(1 << 18);
    pub const PUBSUB: ClientFlags = ClientFlags(1 << 19);
    pub const READONLY: ClientFlags = ClientFlags(1 << 20);
    pub const ASKING: ClientFlags = ClientFlags(1 << 21);
    pub const SCRIPT: ClientFlags = ClientFlags(1 << 22);
    /// In the list of connections whose input is looked at in the next turn of the loop.
    pub const PENDING_READ: ClientFlags = ClientFlags(1 << 24);
    /// Executes EXEC's queue.
    pub const IN_EXEC: ClientFlags = ClientFlags(1 << 25);
    /// Sent something that is not the protocol.
    pub const PROTOCOL_ERROR: ClientFlags = ClientFlags(1 << 26);
    /// Its EVAL scripts are debugged, in a child process.
    pub const DEBUG_FORKED: ClientFlags = ClientFlags(1 << 27);
    /// Its EVAL scripts are debugged, while all else waits.
    pub const DEBUG_SYNC: ClientFlags = ClientFlags(1 << 28);
    /// Either kind of debugging.
    pub const DEBUG: ClientFlags = ClientFlags(1 << 27 | 1 << 28);
    /// Its connection belongs to a child process now: ours is closed without a word to the peer.
    pub const HANDED_OVER: ClientFlags = ClientFlags(1 << 29);
    /// Its replies wait for a sync of the append only file; it runs nothing meanwhile.
    pub const HELD: ClientFlags = ClientFlags(1 << 30);

    /// Both sets.
    pub const fn and(self, other: ClientFlags) -> ClientFlags {
        ClientFlags(self.0 | other.0)
    }

    /// True if any of the bits is set.
    #[inline]
    pub fn has(self, other: ClientFlags) -> bool {
        self.0 & other.0 != 0
    }

    pub fn set(&mut self, other: ClientFlags) {
        self.0 |= other.0;
    }

    pub fn clear(&mut self, other: ClientFlags) {
        self.0 &= !other.0;
    }

    pub fn assign(&mut self, other: ClientFlags, on: bool) {
        if on { self.set(other) } else { self.clear(other) }
    }
}

/// Classes of clients, in the order of `client-output-buffer-limit`'s array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientClass {
    /// Also monitors.
    Normal,
    Replica,
    Pubsub,
    /// The link to our master.
    Master,
}

/// Number of classes.
pub const CLIENT_CLASSES: usize = 4;

impl ClientClass {
    /// The class that CLIENT LIST TYPE and CLIENT KILL TYPE name.
    pub fn by_name(name: &[u8]) -> Option<ClientClass> {
        const NAMES: &[(&str, ClientClass)] = &[
            ("normal", ClientClass::Normal),
            ("slave", ClientClass::Replica),
            ("replica", ClientClass::Replica),
            ("pubsub", ClientClass::Pubsub),
            ("master", ClientClass::Master),
        ];
        let found = NAMES.iter().find(|(text, _)| text.as_bytes().eq_ignore_ascii_case(name))?;
        Some(found.1)
    }
}

/// What the reference would allot to the client's reply buffer: the part of its replies that stays
/// in one piece. It follows the peaks, and counts for the client's memory; the buffer itself comes
/// from a pool while there is something to send.
#[derive(Debug, Clone, Copy)]
pub struct ReplyAllowance {
    pub bytes: usize,
    /// Most that was used of it since `peak_reset_ms`.
    pub peak: usize,
    /// ms since the epoch.
    pub peak_reset_ms: i64,
}

impl ReplyAllowance {
    /// So many bytes wait in the reply buffer; `alone`: and none in a queue before them.
    #[inline]
    pub fn note(&mut self, waiting: usize, alone: bool) {
        let used = if alone { waiting.min(self.bytes) } else { self.bytes };
        self.peak = self.peak.max(used);
    }
}

/// A session.
pub struct Client {
    pub id: u64,
    /// Its event token, see `clients`; 0 for those without a socket.
    pub token: usize,
    pub flags: ClientFlags,
    pub db: usize,
    /// Replies of the commands run so far that have not been handed to the socket.
    pub reply: Reply,
    /// The socket side; `None` for clients without a socket.
    pub conn: Option<Box<Conn>>,
    pub name: Option<Box<[u8]>>,
    pub lib_name: Option<Box<[u8]>>,
    pub lib_ver: Option<Box<[u8]>>,
    /// The ACL user; `None` for those who are asked for nothing (a master, the AOF).
    pub user: Option<Rc<User>>,
    pub multi: Option<Box<Multi>>,
    pub blocked: Option<Box<Blocked>>,
    /// Number of channels, patterns and shard channels; they stand in `Server::pubsub`.
    pub sub_channels: u32,
    pub sub_patterns: u32,
    pub sub_shard_channels: u32,
    /// ms since the epoch.
    pub created_ms: i64,
    /// Seconds since the epoch of the last command or read.
    pub last_interaction_s: i64,
    pub last_command: Option<CommandId>,
    /// Bytes of the arguments of the command that runs (or is being parsed).
    pub argv_bytes: usize,
    /// Wall time that blocked commands spent executing so far, us.
    pub blocked_duration_us: u64,
    /// Memory of the client as of the last count, for INFO and client eviction.
    pub memory_bytes: usize,
    /// The class under which `memory_bytes` was counted.
    pub memory_class: ClientClass,
    /// Where client eviction finds it; see `client_memory`.
    pub memory_bucket: Option<u8>,
    pub reply_allowance: ReplyAllowance,
    /// Time the soft output limit was first exceeded, s; 0 = not exceeded.
    pub soft_limit_since_s: i64,
    /// What REPLCONF said.
    pub replconf: Option<Box<ReplConf>>,
    /// Offset of the stream after the last command that was propagated (WAIT).
    pub write_offset: i64,
    /// Output that waits for no sync of the append only file.
    pub free_reply: super::aof::FreeReply,
    pub commands_processed: u64,
    pub net_input_bytes: u64,
    pub net_output_bytes: u64,
}

impl Client {
    pub fn new(id: u64, conn: Option<Box<Conn>>, now_ms: i64) -> Client {
        Client {
            id,
            token: 0,
            flags: ClientFlags::default(),
            db: 0,
            reply: Reply::new(),
            conn,
            name: None,
            lib_name: None,
            lib_ver: None,
            user: None,
            multi: None,
            blocked: None,
            sub_channels: 0,
            sub_patterns: 0,
            sub_shard_channels: 0,
            created_ms: now_ms,
            last_interaction_s: now_ms / 1000,
            last_command: None,
            argv_bytes: 0,
            blocked_duration_us: 0,
            memory_bytes: 0,
            memory_class: ClientClass::Normal,
            memory_bucket: None,
            reply_allowance: ReplyAllowance {
                bytes: CHUNK_BYTES,
                peak: CHUNK_BYTES,
                peak_reset_ms: now_ms,
            },
            soft_limit_since_s: 0,
            replconf: None,
            write_offset: 0,
            free_reply: super::aof::FreeReply::default(),
            commands_processed: 0,
            net_input_bytes: 0,
            net_output_bytes: 0,
        }
    }

    /// Channels, patterns and shard channels together.
    pub fn subscriptions(&self) -> u32 {
        self.sub_channels + self.sub_patterns + self.sub_shard_channels
    }

    /// The class whose limits apply to it.
    pub fn class(&self) -> ClientClass {
        if self.flags.has(ClientFlags::MASTER) {
            ClientClass::Master
        } else if self.flags.has(ClientFlags::REPLICA) && !self.flags.has(ClientFlags::MONITOR) {
            ClientClass::Replica
        } else if self.flags.has(ClientFlags::PUBSUB) {
            ClientClass::Pubsub
        } else {
            ClientClass::Normal
        }
    }

    /// The commands it runs are not checked and not refused: they were accepted elsewhere.
    pub fn must_obey(&self) -> bool {
        self.flags.has(ClientFlags::MASTER) || self.id == CLIENT_ID_AOF
    }

    /// Memory of the output beyond the first reply buffer, bytes: what the limits of
    /// `client-output-buffer-limit` are compared with. 0 while everything fits into that buffer.
    pub fn output_memory(&self) -> usize {
        match &self.conn {
            Some(conn) if !conn.out.is_empty() => conn.out.memory_bytes() + self.reply.len(),
            _ => 0,
        }
    }

    /// True if replies (not pushes) are discarded (CLIENT REPLY OFF or SKIP).
    pub fn replies_discarded(&self) -> bool {
        const DISCARD: ClientFlags =
            ClientFlags::REPLY_OFF.and(ClientFlags::REPLY_SKIP).and(ClientFlags::CLOSE_ASAP);
        self.flags.has(DISCARD)
    }

    /// Replies a large bulk string straight from where it is, with what waits before it. What the
    /// socket does not take is copied. Returns the bytes sent; see `Server::may_send_directly`.
    pub fn send_bulk(&mut self, bytes: &[u8]) -> usize {
        self.reply.bulk_header(bytes.len());
        let waiting = self.reply.len();
        // The buffer's size follows what clients read, however it reaches them.
        let allowance = &mut self.reply_allowance;
        allowance.peak = allowance.peak.max((waiting + bytes.len()).min(allowance.bytes));
        let sent = match self.conn.as_mut() {
            Some(conn) => conn.send_now(&[self.reply.as_bytes(), bytes, b"\r\n"]),
            None => 0,
        };
        let reply = self.reply.buffer_mut();
        reply.drain(..sent.min(waiting));
        reply.extend_from_slice(&bytes[sent.saturating_sub(waiting).min(bytes.len())..]);
        reply.extend_from_slice(&b"\r\n"[sent.saturating_sub(waiting + bytes.len())..]);
        sent
    }

    /// Frees what was to be sent: it is closed before that.
    pub fn drop_output(&mut self) {
        *self.reply.buffer_mut() = Vec::new();
        if let Some(conn) = self.conn.as_mut() {
            conn.out = OutputQueue::default();
        }
    }

    /// Output that the socket has not taken, bytes.
    pub fn unsent_bytes(&self) -> usize {
        self.conn.as_ref().map_or(0, |conn| conn.out.bytes()) + self.reply.len()
    }

    /// It is about to be closed: no more commands are taken from it.
    pub fn is_closing(&self) -> bool {
        self.flags.has(ClientFlags::CLOSE_ASAP.and(ClientFlags::CLOSE_AFTER_REPLY))
    }
}
