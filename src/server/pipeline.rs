//! The commands in a query buffer: parsed a batch ahead, so that the cache lines of their keys are
//! on the way while the commands before them run; then run one by one.
//!
//! What is known ahead is a hint and never decides anything: commands find their keys as always,
//! but take the hash that was computed for the prefetch (`Server::key_hash`).

use super::Server;
use super::client::{Client, ClientFlags};
use super::dispatch::process_command;
use crate::commands::Args;
use crate::commands::table::CommandId;
use crate::protocol::request::{Limits, Parsed, Whole, parse_whole};
use crate::storage::db::{PREFETCH_BATCH, PREFETCH_FROM};
use crate::storage::keyspace::KeyHash;

/// Commands of one client in one turn, so that a long pipeline does not starve the others.
pub(super) const MAX_COMMANDS_PER_TURN: usize = 10_000;
/// Commands parsed ahead.
pub(super) const BATCH: usize = PREFETCH_BATCH;
/// Their arguments at most.
const BATCH_ARGS: usize = 48;
/// Connections between servers.
const LINK: ClientFlags = ClientFlags::MASTER.and(ClientFlags::REPLICA);
/// Arguments of a command that comes alone; one with more takes the general way.
const FEW_ARGS: usize = 16;

/// The hash of one key of the running command, found by the key's place in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyMemo(Option<(*const u8, usize, KeyHash)>);

impl KeyMemo {
    /// The key must stay where it is until the memo is replaced.
    #[inline(always)]
    pub fn of(key: &[u8], at: KeyHash) -> KeyMemo {
        KeyMemo(Some((key.as_ptr(), key.len(), at)))
    }

    #[inline(always)]
    fn get(&self, key: &[u8]) -> Option<KeyHash> {
        let (start, len, at) = self.0?;
        (start == key.as_ptr() && len == key.len()).then_some(at)
    }
}

/// A command that was parsed ahead.
#[derive(Clone, Copy)]
struct Ahead {
    whole: Whole,
    /// Found by name; a container's sub-command is looked for when it runs.
    id: Option<CommandId>,
    /// Of its first argument, if that is a key and worth a prefetch.
    key: Option<KeyHash>,
}

impl Ahead {
    const NONE: Ahead =
        Ahead { whole: Whole { argc: 0, bytes: 0, args_bytes: 0 }, id: None, key: None };
}

/// Whole commands at the start of a query buffer.
struct Batch<'q> {
    argv: [&'q [u8]; BATCH_ARGS],
    commands: [Ahead; BATCH],
    len: usize,
}

impl<'q> Batch<'q> {
    const EMPTY: Batch<'static> =
        Batch { argv: [&[]; BATCH_ARGS], commands: [Ahead::NONE; BATCH], len: 0 };

    /// Takes the whole commands that `query` begins with, as far as there is room.
    #[inline]
    fn parse(&mut self, query: &'q [u8], server: &Server) {
        let max_bulk_bytes = server.config.proto_max_bulk_len as usize;
        self.len = 0;
        let (mut at, mut args) = (0, 0);
        while self.len < BATCH
            && let Some(whole) = parse_whole(&query[at..], max_bulk_bytes, &mut self.argv[args..])
        {
            self.commands[self.len] = Ahead { whole, ..Ahead::NONE };
            self.len += 1;
            at += whole.bytes;
            args += whole.argc;
        }
    }

    /// Asks for the memory of the keys; first all buckets, then the entries they lead to.
    #[inline]
    fn prefetch(&mut self, server: &Server, db: usize) {
        let db = &server.keyspace.dbs[db];
        let mut args = 0;
        for ahead in &mut self.commands[..self.len] {
            let argv = &self.argv[args..args + ahead.whole.argc];
            args += argv.len();
            let Some(command) = server.commands.lookup(argv[0]) else { continue };
            ahead.id = command.subcommands.is_empty().then_some(command.id);
            if command.key_first
                && let Some(key) = argv.get(1)
            {
                let at = db.hash(key);
                db.prefetch_bucket(at);
                ahead.key = Some(at);
            }
        }
        for ahead in &self.commands[..self.len] {
            if let Some(at) = ahead.key {
                db.prefetch_entry(at);
            }
        }
    }
}

/// Runs the whole commands in `query`. Returns the bytes they had, and whether more of them are
/// left (the client is blocked or closing, or its turn is over).
pub fn run_commands(server: &mut Server, client: &mut Client, query: &[u8]) -> (usize, bool) {
    let mut done = 0;
    let mut commands = 0;
    let mut stopped = false;
    let limit = server.config.proto_max_bulk_len as i64;
    // What a master took was within its limit.
    let max_bulk_bytes = if client.must_obey() { i64::MAX } else { limit };
    let mut argv: [&[u8]; FEW_ARGS] = [&[]; FEW_ARGS];
    server.clock.start_batch();
    while done < query.len() {
        if is_stopped(client) || commands >= MAX_COMMANDS_PER_TURN {
            stopped = true;
            break;
        }
        let authenticated = !server.auth_required(client);
        let Some(conn) = client.conn.as_mut() else { break };
        let rest = &query[done..];
        if authenticated && conn.parser.is_idle() {
            let found = parse_whole(rest, max_bulk_bytes as usize, &mut argv);
            if let Some(whole) = found {
                let many = whole.bytes < rest.len();
                let (count, bytes) =
                    if many && server.keyspace.dbs[client.db].len() >= PREFETCH_FROM {
                        run_pipeline(server, client, rest)
                    } else {
                        run_one(server, client, Args(&argv[..whole.argc]), None, &whole, rest);
                        (1, whole.bytes)
                    };
                commands += count;
                done += bytes;
                continue;
            }
        }
        let limits = Limits { max_bulk_bytes, authenticated };
        match run_odd(server, client, rest, limits) {
            Some(bytes) => {
                commands += 1;
                done += bytes;
            }
            None => break,
        }
    }
    server.after_commands(commands);
    (done, stopped)
}

#[inline]
pub(super) fn is_stopped(client: &Client) -> bool {
    client.is_closing() || client.flags.has(ClientFlags::BLOCKED)
}

/// Runs batches until there is no further whole command or one stops the client.
#[inline(never)]
fn run_pipeline(server: &mut Server, client: &mut Client, query: &[u8]) -> (usize, usize) {
    let mut batch: Batch<'_> = Batch::EMPTY;
    let (mut commands, mut bytes) = (0, 0);
    loop {
        batch.parse(&query[bytes..], server);
        if batch.len == 0 {
            break;
        }
        batch.prefetch(server, client.db);
        let mut args = 0;
        for ahead in &batch.commands[..batch.len] {
            let argv = &batch.argv[args..args + ahead.whole.argc];
            args += argv.len();
            server.exec.key_memo =
                KeyMemo(ahead.key.map(|at| (argv[1].as_ptr(), argv[1].len(), at)));
            run_one(server, client, Args(argv), ahead.id, &ahead.whole, &query[bytes..]);
            commands += 1;
            bytes += ahead.whole.bytes;
            if is_stopped(client) || server.auth_required(client) {
                server.exec.key_memo = KeyMemo(None);
                return (commands, bytes);
            }
        }
        // The buffer may be gone when the next look-up comes.
        server.exec.key_memo = KeyMemo(None);
        if commands >= MAX_COMMANDS_PER_TURN {
            break;
        }
    }
    (commands, bytes)
}

/// The general case of a command: incomplete, inline, of many arguments, broken. Returns the bytes
/// it had, or `None` if more must be read.
fn run_odd(
    server: &mut Server,
    client: &mut Client,
    query: &[u8],
    limits: Limits,
) -> Option<usize> {
    // The parser is moved out while its command runs: a command may close the connection.
    let mut parser = std::mem::take(&mut client.conn.as_mut()?.parser);
    let used = match parser.parse(query, limits) {
        Ok(Parsed::Command { bytes }) => {
            let argv: Vec<&[u8]> = (0..parser.argc()).map(|i| parser.arg(query, i)).collect();
            let args_bytes = argv.iter().map(|arg| arg.len()).sum();
            let whole = Whole { argc: argv.len(), bytes, args_bytes };
            run_one(server, client, Args(&argv), None, &whole, query);
            parser.reset();
            Some(bytes)
        }
        Ok(Parsed::Nothing { bytes }) => {
            parser.reset();
            if client.flags.has(LINK) {
                server.empty_line_of_link(client, &query[..bytes]);
            }
            Some(bytes)
        }
        Ok(Parsed::Incomplete) => None,
        Err(error) => {
            server.protocol_error(client, &error, query);
            Some(query.len())
        }
    };
    if let Some(conn) = client.conn.as_mut() {
        conn.parser = parser;
    }
    used
}

/// `whole`: what was found at the start of `query`.
#[inline(always)]
pub(super) fn run_one(
    server: &mut Server,
    client: &mut Client,
    args: Args<'_>,
    known: Option<CommandId>,
    whole: &Whole,
    query: &[u8],
) {
    client.argv_bytes = whole.args_bytes;
    if client.flags.has(LINK) {
        let kept = client.reply.len();
        process_command(server, client, args, known);
        server.after_link_command(client, kept);
        server.master_command_done(client, &query[..whole.bytes]);
    } else {
        process_command(server, client, args, known);
    }
    client.argv_bytes = 0;
    server.after_command(client);
}

impl Server {
    /// The hash of a key, which may have been computed ahead.
    #[inline(always)]
    pub fn key_hash(&self, db: usize, key: &[u8]) -> KeyHash {
        match self.exec.key_memo.get(key) {
            Some(at) => at,
            None => self.keyspace.dbs[db].hash(key),
        }
    }
}
