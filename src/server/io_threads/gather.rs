//! The reading half of a turn in which several clients are ready: all of them are read, by the
//! threads or by the main one alone; then their commands run, and while they do, the keys of those
//! that follow, whoever sent them, are on their way into the cache.
//!
//! Invariant: what was gathered runs before anything else is read from the same client. If a loop
//! within this one begins meanwhile (a script that does not end), the rest is given back to the
//! clients' own buffers.

use std::ops::Range;
use std::sync::Arc;

use super::FIRST_LANE;
use super::job::{Ahead, Command, FEW_ARGS, Harvest, Outcome, Read};
use crate::commands::Args;
use crate::server::Server;
use crate::server::client::{Client, ClientFlags};
use crate::server::clients::Missed;
use crate::server::connection::Conn;
use crate::server::event_loop::{EventLoop, begin_shared, end_shared, run_private};
use crate::server::look_ahead::{KeyMemo, Known, Upcoming, look_ahead};
use crate::server::pipeline::{BATCH, MAX_COMMANDS_PER_TURN, is_stopped, run_commands, run_one};
use crate::storage::db::Db;

/// Fewer ready clients are served one after the other, if there is no thread to help.
const GATHER_CLIENTS: usize = 4;

/// A client of this turn.
pub struct Gathered {
    /// Of the client.
    token: usize,
    input: Input,
}

/// Where its input stands.
enum Input {
    /// It has not been read yet.
    Unread,
    /// In the harvest of this lane.
    Shared { lane: usize, bytes: Range<u32>, commands: Range<u32> },
    /// In the connection's own buffer.
    Private,
}

impl EventLoop {
    /// Reads from all clients that wait for it and runs what they sent. Returns false if they had
    /// better be served one by one.
    pub(in crate::server) fn gather(&mut self, server: &mut Server) -> bool {
        let clients = server.clients.pending_read.len();
        let lanes = server.io.lanes(clients);
        if lanes > 1 {
            server.gather_by_threads(clients, lanes);
        } else if clients >= GATHER_CLIENTS && server.io.is_started() && server.gathering_pays() {
            server.gather_here(clients);
        } else {
            return false;
        }
        self.run_gathered(server);
        true
    }

    fn run_gathered(&mut self, server: &mut Server) {
        let mut current: Option<(usize, Arc<Harvest>)> = None;
        let mut window = Window::EMPTY;
        while let Some(Gathered { token, input }) = server.io.gathered.pop_front() {
            let Some(mut client) = server.clients.check_out_token(token) else {
                server.clients.keep_missed_token(token, Missed::QueuedRead);
                continue;
            };
            match input {
                Input::Unread => {
                    client.flags.clear(ClientFlags::PENDING_READ);
                    self.read_client(server, &mut client);
                }
                Input::Private => run_private_input(server, &mut client),
                Input::Shared { lane, bytes, commands } => {
                    if current.as_ref().is_none_or(|(of, _)| *of != lane) {
                        window = Window::EMPTY;
                        current = server.io.harvest(lane).map(|harvest| (lane, harvest));
                    }
                    let (_, harvest) = current.as_ref().expect("what was read stands in it");
                    run_shared_input(server, &mut client, harvest, &mut window, bytes, commands);
                }
            }
            server.client_served(client);
        }
    }
}

/// Runs the commands of one client in the harvest; what is left over becomes its private buffer.
fn run_shared_input(
    server: &mut Server,
    client: &mut Client,
    harvest: &Harvest,
    window: &mut Window,
    bytes: Range<u32>,
    commands: Range<u32>,
) {
    let input = harvest.slice(&bytes);
    begin_shared(client, input.len());
    let mut done = 0;
    let mut count = 0;
    server.clock.start_batch();
    for at in commands {
        if is_stopped(client) || server.auth_required(client) {
            break;
        }
        let command = &harvest.commands[at as usize];
        let known = window.look_ahead(server, harvest, at as usize);
        let mut argv = [&[][..]; FEW_ARGS];
        let argv = harvest.argv(command, &mut argv);
        server.exec.key_memo = known.memo(argv);
        run_one(server, client, Args(argv), known.id, &command.whole(), &input[done..]);
        done += command.bytes as usize;
        count += 1;
    }
    // The buffer may be gone when the next look-up comes.
    server.exec.key_memo = KeyMemo::default();
    server.after_commands(count);
    let mut stopped = false;
    if done < input.len() {
        let rest;
        (rest, stopped) = run_commands(server, client, &input[done..]);
        done += rest;
    }
    end_shared(server, client, &input[done..], stopped);
}

/// What is known of the next commands of a harvest; their memory has been asked for.
struct Window {
    /// The first of them.
    from: usize,
    len: usize,
    known: [Known; BATCH],
}

impl Window {
    const EMPTY: Window = Window { from: 0, len: 0, known: [Known::NOTHING; BATCH] };

    #[inline]
    fn look_ahead(&mut self, server: &Server, harvest: &Harvest, at: usize) -> Known {
        if at.wrapping_sub(self.from) >= self.len {
            let commands = &harvest.commands[at..];
            (self.from, self.len) = (at, commands.len().min(BATCH));
            let upcoming = Following { harvest, commands, dbs: &server.keyspace.dbs };
            look_ahead(server, &upcoming, &mut self.known[..self.len]);
        }
        self.known[at - self.from]
    }
}

/// Commands of a harvest.
struct Following<'h> {
    harvest: &'h Harvest,
    commands: &'h [Command],
    dbs: &'h [Db],
}

impl Upcoming for Following<'_> {
    #[inline(always)]
    fn head(&self, at: usize) -> (&[u8], Option<&[u8]>) {
        (self.harvest.arg(&self.commands[at], 0), self.arg(at, 1))
    }

    #[inline(always)]
    fn arg(&self, at: usize, index: usize) -> Option<&[u8]> {
        let command = &self.commands[at];
        (index < command.argc as usize).then(|| self.harvest.arg(command, index))
    }

    #[inline(always)]
    fn db(&self, at: usize) -> &Db {
        &self.dbs[self.commands[at].db as usize]
    }
}

/// As for a client that is served alone, after its read.
fn run_private_input(server: &mut Server, client: &mut Client) {
    server.check_query_limit(client);
    if !client.is_closing() {
        run_private(server, client);
    }
}

/// A client whose commands a thread may read.
fn may_be_read(client: &Client) -> bool {
    const OWN: ClientFlags = ClientFlags::BLOCKED
        .and(ClientFlags::HELD)
        .and(ClientFlags::MASTER)
        .and(ClientFlags::REPLICA)
        .and(ClientFlags::CLOSE_ASAP)
        .and(ClientFlags::CLOSE_AFTER_REPLY);
    !client.flags.has(OWN) && client.conn.as_ref().is_some_and(|conn| wants_input(conn))
}

/// There is nothing in its buffer that could run before more is read.
fn wants_input(conn: &Conn) -> bool {
    conn.query.is_empty() || conn.parser.missing_bytes(conn.query.len()) > 0
}

impl Server {
    /// The keys of the next clients are not in the processor's cache.
    fn gathering_pays(&mut self) -> bool {
        let Some(first) = self.clients.pending_read.front().copied() else { return false };
        let db = self.clients.get_by_token(first).map_or(0, |client| client.db);
        self.prefetch_pays(db)
    }

    fn read_ahead_of(&self, client: &Client, most: usize) -> Ahead {
        let most = if self.auth_required(client) { 0 } else { most };
        let max_bulk_bytes = self.config.proto_max_bulk_len as usize;
        Ahead { most, max_bulk_bytes, db: client.db as u32 }
    }

    /// The threads read.
    fn gather_by_threads(&mut self, clients: usize, lanes: usize) {
        for i in 0..clients {
            let Some(token) = self.clients.pending_read.pop_front() else { break };
            match self.take_read(token) {
                // Neighbours stay together: who came first is served first.
                Some(read) => {
                    let lane = FIRST_LANE + i * (lanes - FIRST_LANE) / clients;
                    self.io.batch(lane).reads.push(read);
                }
                None => self.io.gathered.push_back(Gathered { token, input: Input::Unread }),
            }
        }
        self.io.run_round(lanes);
        for lane in 0..lanes {
            let mut reads = std::mem::take(&mut self.io.batch(lane).reads);
            for Read { token, conn, outcome, .. } in reads.drain(..) {
                let mut client =
                    self.clients.check_out_token(token).expect("nothing ran meanwhile");
                client.conn = Some(conn);
                self.gathered(&mut client, lane, outcome);
                self.clients.check_in(client);
            }
            self.io.batch(lane).reads = reads;
        }
    }

    /// What a thread needs to read from this client; `None` if the main thread must do it.
    fn take_read(&mut self, token: usize) -> Option<Read> {
        let mut client = self.clients.check_out_token(token)?;
        let ahead = self.read_ahead_of(&client, MAX_COMMANDS_PER_TURN);
        let conn = if may_be_read(&client) { client.conn.take() } else { None };
        if conn.is_some() {
            client.flags.clear(ClientFlags::PENDING_READ);
        }
        self.clients.check_in(client);
        Some(Read { token, conn: conn?, ahead, outcome: Outcome::NoRoom })
    }

    /// The main thread reads, and parses one command of each: in the pipelines of single clients
    /// it looks ahead when they run.
    fn gather_here(&mut self, clients: usize) {
        let mut batch = self.io.batches[0].take().expect("no batch is away between rounds");
        let harvest = batch.fresh_harvest();
        for _ in 0..clients {
            let Some(token) = self.clients.pending_read.pop_front() else { break };
            let Some(mut client) = self.clients.check_out_token(token) else {
                self.clients.keep_missed_token(token, Missed::QueuedRead);
                continue;
            };
            let ahead = self.read_ahead_of(&client, 1);
            let readable = may_be_read(&client);
            match client.conn.as_mut() {
                Some(conn) if readable && !conn.reads_privately() => {
                    let outcome = harvest.read(conn, ahead);
                    client.flags.clear(ClientFlags::PENDING_READ);
                    self.gathered(&mut client, 0, outcome);
                }
                _ => self.io.gathered.push_back(Gathered { token, input: Input::Unread }),
            }
            self.clients.check_in(client);
        }
        self.io.batches[0] = Some(batch);
    }

    /// A read is over: its input waits for its turn.
    fn gathered(&mut self, client: &mut Client, lane: usize, outcome: Outcome) {
        let (count, drained, input) = match outcome {
            Outcome::NoRoom => return self.queue_read(client),
            Outcome::Failed(error) => return self.read_failed(client, error),
            Outcome::Shared { bytes, commands, drained } => {
                let count = bytes.len();
                (count, drained, Input::Shared { lane, bytes, commands })
            }
            Outcome::Private { bytes, drained } => (bytes, drained, Input::Private),
        };
        if !drained {
            self.queue_read(client);
        }
        if count > 0 {
            if let Some(stats) = self.io.stats.get_mut(lane) {
                stats.reads += 1;
            }
            self.count_input(client, count);
            self.io.gathered.push_back(Gathered { token: client.token, input });
        }
    }

    /// Gives back what has not run yet: others are going to read from the clients.
    pub(in crate::server) fn scatter_gathered(&mut self) {
        for Gathered { token, input } in std::mem::take(&mut self.io.gathered) {
            let harvest = match &input {
                Input::Shared { lane, .. } => self.io.harvest(*lane),
                _ => None,
            };
            let Some(mut client) = self.clients.check_out_token(token) else {
                self.clients.keep_missed_token(token, Missed::QueuedRead);
                continue;
            };
            if let (Some(conn), Input::Shared { bytes, .. }, Some(harvest)) =
                (client.conn.as_mut(), &input, harvest)
            {
                conn.keep_query(harvest.slice(bytes));
            }
            if matches!(input, Input::Unread) {
                client.flags.clear(ClientFlags::PENDING_READ);
            }
            self.queue_read(&mut client);
            self.clients.check_in(client);
        }
    }
}
