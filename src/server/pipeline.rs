//! The commands in a query buffer: parsed a batch ahead, so that the cache lines of their keys are
//! on the way while the commands before them run; then run one by one.
//!
//! What is asked for and what else is known ahead: `look_ahead`.

use super::Server;
use super::client::{Client, ClientFlags};
use super::dispatch::process_command;
use super::look_ahead::{KeyMemo, Known, Upcoming, look_ahead};
use crate::commands::Args;
use crate::commands::table::CommandId;
use crate::protocol::request::{Limits, Parsed, Whole, parse_whole};
use crate::storage::db::{Db, PREFETCH_BATCH};

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

/// Whole commands at the start of a query buffer.
struct Batch<'q> {
    argv: [&'q [u8]; BATCH_ARGS],
    commands: [Ahead; BATCH],
    len: usize,
}

/// A command of a batch.
#[derive(Clone, Copy)]
struct Ahead {
    whole: Whole,
    /// Index of its name in `argv`.
    first: usize,
}

impl Ahead {
    const NONE: Ahead = Ahead { whole: Whole { argc: 0, bytes: 0, args_bytes: 0 }, first: 0 };
}

/// A batch, and the database where it will run.
struct InDb<'a>(&'a Batch<'a>, &'a Db);

impl Upcoming for InDb<'_> {
    #[inline(always)]
    fn head(&self, at: usize) -> (&[u8], Option<&[u8]>) {
        let argv = self.0.argv(at);
        (argv[0], argv.get(1).copied())
    }

    #[inline(always)]
    fn arg(&self, at: usize, index: usize) -> Option<&[u8]> {
        self.0.argv(at).get(index).copied()
    }

    #[inline(always)]
    fn db(&self, _: usize) -> &Db {
        self.1
    }
}

impl<'q> Batch<'q> {
    const EMPTY: Batch<'static> =
        Batch { argv: [&[]; BATCH_ARGS], commands: [Ahead::NONE; BATCH], len: 0 };

    /// Takes the whole commands that `query` begins with, as far as there is room.
    #[inline]
    fn parse(&mut self, query: &'q [u8], server: &Server) {
        let max_bulk_bytes = server.config.proto_max_bulk_len as usize;
        self.len = 0;
        let (mut at, mut first) = (0, 0);
        while self.len < BATCH
            && let Some(whole) = parse_whole(&query[at..], max_bulk_bytes, &mut self.argv[first..])
        {
            self.commands[self.len] = Ahead { whole, first };
            self.len += 1;
            at += whole.bytes;
            first += whole.argc;
        }
    }

    #[inline(always)]
    fn argv(&self, at: usize) -> &[&'q [u8]] {
        let command = &self.commands[at];
        &self.argv[command.first..command.first + command.whole.argc]
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
                let (count, bytes) = if many && server.prefetch_pays(client.db) {
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
    let mut known = [Known::NOTHING; BATCH];
    let (mut commands, mut bytes) = (0, 0);
    loop {
        batch.parse(&query[bytes..], server);
        if batch.len == 0 {
            break;
        }
        let upcoming = InDb(&batch, &server.keyspace.dbs[client.db]);
        look_ahead(server, &upcoming, &mut known[..batch.len]);
        for (at, known) in known[..batch.len].iter().enumerate() {
            let argv = batch.argv(at);
            let whole = &batch.commands[at].whole;
            server.exec.key_memo = known.memo(argv);
            run_one(server, client, Args(argv), known.id, whole, &query[bytes..]);
            commands += 1;
            bytes += whole.bytes;
            if is_stopped(client) || server.auth_required(client) {
                server.exec.key_memo = KeyMemo::default();
                return (commands, bytes);
            }
        }
        // The buffer may be gone when the next look-up comes.
        server.exec.key_memo = KeyMemo::default();
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
