//! The line that describes a client in CLIENT LIST, CLIENT INFO and the log. Other programs parse
//! it: its fields, their order and their form are Redis'.

use std::fmt::{self, Write};

use super::Server;
use super::client::{Client, ClientFlags};

/// The letter of a state, in the order of the `flags` field.
const LETTERS: &[(ClientFlags, char)] = &[
    (ClientFlags::MASTER, 'M'),
    (ClientFlags::PUBSUB, 'P'),
    (ClientFlags::MULTI, 'x'),
    (ClientFlags::BLOCKED, 'b'),
];
const LATER_LETTERS: &[(ClientFlags, char)] = &[
    (ClientFlags::CLOSE_AFTER_REPLY, 'c'),
    (ClientFlags::CLOSE_ASAP, 'A'),
    (ClientFlags::UNIX_SOCKET, 'U'),
    (ClientFlags::READONLY, 'r'),
    (ClientFlags::NO_EVICT, 'e'),
    (ClientFlags::NO_TOUCH, 'T'),
];

impl Server {
    /// The client's line, without a line end.
    pub fn client_info(&self, client: &Client) -> String {
        let mut line = String::with_capacity(512);
        self.write_client_info(&mut line, client).expect("a string takes all that is written");
        line
    }

    fn write_client_info(&self, out: &mut String, client: &Client) -> fmt::Result {
        let text = |bytes: &Option<Box<[u8]>>| match bytes {
            Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            None => String::new(),
        };
        let conn = client.conn.as_deref();
        let address = |f: fn(&super::connection::Conn) -> String| conn.map(f).unwrap_or_default();
        write!(out, "id={} addr={}", client.id, address(|conn| conn.peer_text()))?;
        write!(out, " laddr={}", address(|conn| conn.local_text()))?;
        write!(out, " fd={}", conn.map_or(-1, |conn| conn.stream.raw_fd()))?;
        write!(out, " name={}", text(&client.name))?;
        write!(out, " age={}", (self.clock.cmd_time_ms - client.created_ms) / 1000)?;
        write!(out, " idle={}", self.clock.now_s() - client.last_interaction_s)?;
        write!(out, " flags={} db={}", self.flag_letters(client), client.db)?;
        write!(out, " sub={} psub={}", client.sub_channels, client.sub_patterns)?;
        let in_multi = client.flags.has(ClientFlags::MULTI);
        let queued = client.multi.as_ref().map_or(0, |multi| multi.queue.len() as i64);
        let multi = if in_multi { queued } else { -1 };
        let watched = self.watches.count_of(client.id);
        write!(out, " ssub={} multi={multi} watch={watched}", client.sub_shard_channels)?;
        self.write_memory(out, client)?;
        let write_event = if conn.is_some_and(|conn| conn.write_blocked) { "w" } else { "" };
        let read_event = if conn.is_some() { "r" } else { "" };
        write!(out, " events={read_event}{write_event}")?;
        let command = client.last_command.map(|id| &*self.commands.get(id).full_name);
        write!(out, " cmd={}", command.unwrap_or("NULL"))?;
        let user = client.user_name().unwrap_or(b"(superuser)");
        write!(out, " user={}", String::from_utf8_lossy(user))?;
        let redirect = self.tracking.get(client.id).map_or(-1, |tracker| tracker.redirect as i64);
        write!(out, " redir={redirect} resp={}", client.reply.resp())?;
        write!(out, " lib-name={} lib-ver={}", text(&client.lib_name), text(&client.lib_ver))?;
        write!(out, " io-thread={}", conn.map_or(0, |conn| conn.io_thread))
    }

    fn flag_letters(&self, client: &Client) -> String {
        let mut letters = String::new();
        if client.flags.has(ClientFlags::REPLICA) {
            letters.push(if client.flags.has(ClientFlags::MONITOR) { 'O' } else { 'S' });
        }
        let mut add = |table: &[(ClientFlags, char)]| {
            letters.extend(table.iter().filter(|row| client.flags.has(row.0)).map(|row| row.1));
        };
        add(LETTERS);
        if let Some(tracker) = self.tracking.get(client.id) {
            letters.push('t');
            letters.extend(tracker.broken.then_some('R'));
            letters.extend(tracker.bcast.then_some('B'));
        }
        if self.watches.is_touched(client.id) {
            letters.push('d');
        }
        let mut add = |table: &[(ClientFlags, char)]| {
            letters.extend(table.iter().filter(|row| client.flags.has(row.0)).map(|row| row.1));
        };
        add(LATER_LETTERS);
        if letters.is_empty() {
            letters.push('N');
        }
        letters
    }

    fn write_memory(&self, out: &mut String, client: &Client) -> fmt::Result {
        let (query, query_free) = query_room(client);
        let (argv, queued) =
            (argv_bytes(client), client.multi.as_ref().map_or(0, |m| m.argv_bytes));
        write!(out, " qbuf={query} qbuf-free={query_free} argv-mem={argv} multi-mem={queued}")?;
        let allowance = client.reply_allowance;
        write!(out, " rbs={} rbp={}", allowance.bytes, allowance.peak)?;
        // While there is a queue, the reply buffer stands at its end.
        let queue = client.conn.as_ref().map_or(0, |conn| conn.out.len());
        let in_buffer = if queue == 0 { client.reply.len() } else { allowance.bytes };
        let mut in_queue = queue + usize::from(queue > 0 && !client.reply.is_empty());
        if client.flags.has(ClientFlags::REPLICA) {
            in_queue += self.replication.stream.pending_blocks(client.id);
        }
        write!(out, " obl={in_buffer} oll={in_queue} omem={}", self.output_memory_of(client))?;
        write!(out, " tot-mem={}", self.client_memory_bytes(client))
    }
}

/// Length of the input that waits or runs, and the free room after it, bytes.
fn query_room(client: &Client) -> (usize, usize) {
    let Some(conn) = client.conn.as_deref() else { return (0, 0) };
    if let Some(running) = conn.running {
        return (running.len, running.free);
    }
    let len = conn.query.len();
    (len.saturating_sub(conn.parser.consumed()), conn.query.capacity() - len)
}

/// Bytes of the arguments of the command that runs, or of those that came of an unfinished one.
fn argv_bytes(client: &Client) -> usize {
    match client.conn.as_deref() {
        Some(conn) if conn.running.is_none() => conn.parser.args_bytes(),
        _ => client.argv_bytes,
    }
}
