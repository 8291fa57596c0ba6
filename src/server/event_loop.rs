//! The reactor: waits for sockets, timers and threads, and runs what they ask for. All causes of
//! work are the variants of `Event`.
//!
//! mio is edge-triggered: an event comes once per change. Whoever stops reading before the socket
//! is empty, or writing before it is full, must queue the client (`pending_read`,
//! `pending_write`), and while a queue is not empty the loop polls without waiting.

use std::io;
use std::time::Duration;

use mio::{Events, Interest, Poll, Token};

use super::Server;
use super::client::{Client, ClientFlags};
use super::clients::Missed;
use super::connection::{Conn, Flushed, Running, SHARED_QUERY_BYTES, read_some};
use super::crash;
use super::lookout::Lookout;
use super::pipeline::run_commands;

/// Tokens below this are listeners and wake-up descriptors; above are clients.
const WAKE_TOKEN: Token = Token(usize::MAX);
const SIGNAL_TOKEN: Token = Token(usize::MAX - 1);
/// The pipe of a child that streams an RDB for replicas.
pub const RDB_PIPE_TOKEN: usize = usize::MAX - 2;
/// The link to the master until it is a client.
pub const LINK_TOKEN: usize = usize::MAX - 3;
/// The stream of the master while its RDB comes on the link.
pub const MAIN_CHANNEL_TOKEN: usize = usize::MAX - 4;
const LISTENER_BASE: usize = usize::MAX - 1024;
const EVENTS_CAPACITY: usize = 1024;

/// Why the loop does something.
enum Event {
    Accept(usize),
    /// A client's socket.
    Socket(Ready),
    /// The child that streams an RDB has written.
    RdbPipe,
    /// The link to the master, before its stream begins.
    Link,
    /// The master's stream, during a synchronization over two connections.
    MainChannel,
    /// Another thread has something to say.
    Wake,
    Signal,
}

/// What became possible with a client's socket.
struct Ready {
    token: usize,
    readable: bool,
    /// What can be read is the last, no further event will come for it.
    closed: bool,
    writable: bool,
}

impl Event {
    #[inline]
    fn of(event: &mio::event::Event) -> Event {
        let token = event.token();
        if token.0 < LISTENER_BASE {
            let closed = event.is_read_closed() || event.is_error();
            let readable = event.is_readable() || closed;
            return Event::Socket(Ready {
                token: token.0,
                readable,
                closed,
                writable: event.is_writable(),
            });
        }
        match token {
            WAKE_TOKEN => Event::Wake,
            SIGNAL_TOKEN => Event::Signal,
            Token(RDB_PIPE_TOKEN) => Event::RdbPipe,
            Token(LINK_TOKEN) => Event::Link,
            Token(MAIN_CHANNEL_TOKEN) => Event::MainChannel,
            Token(listener) => Event::Accept(listener - LISTENER_BASE),
        }
    }
}

/// The loop's own state. The poll itself is the server's, for loops within the loop.
pub struct EventLoop {
    pub registry: mio::Registry,
    events: Events,
    buffer: Vec<u8>,
    lookout: Lookout,
    /// It runs within another one.
    inner: bool,
}

impl EventLoop {
    /// A loop, and the poll that the server is to keep.
    pub fn new() -> io::Result<(EventLoop, Poll)> {
        let poll = Poll::new()?;
        let event_loop = EventLoop::within(poll.registry().try_clone()?);
        Ok((EventLoop { inner: false, ..event_loop }, poll))
    }

    /// A loop within a loop, on the same poll.
    pub fn within(registry: mio::Registry) -> EventLoop {
        EventLoop {
            registry,
            events: Events::with_capacity(EVENTS_CAPACITY),
            buffer: vec![0; SHARED_QUERY_BYTES],
            lookout: Lookout::default(),
            inner: true,
        }
    }

    /// The handle with which another thread ends the wait.
    pub fn waker(&self) -> io::Result<mio::Waker> {
        mio::Waker::new(&self.registry, WAKE_TOKEN)
    }

    /// Reports readiness of the signal pipe.
    pub fn watch_signals(&self, source: &mut impl mio::event::Source) -> io::Result<()> {
        self.registry.register(source, SIGNAL_TOKEN, Interest::READABLE)
    }

    /// Runs until the server decides to exit; returns the exit status.
    pub fn run(&mut self, server: &mut Server) -> i32 {
        let _watched = crash::watch(server);
        loop {
            server.before_sleep();
            if let Some(status) = server.exit_status {
                return status;
            }
            let timeout = server.poll_timeout();
            if let Err(e) = self.poll(server, timeout) {
                server.log_warning(&format!("Error polling for events: {e}"));
                return 1;
            }
            self.turn(server);
        }
    }

    /// Waits for events; returns how many causes of work there are.
    pub fn poll(&mut self, server: &mut Server, timeout: Duration) -> io::Result<usize> {
        let Some(poll) = server.poll.as_mut() else { return Ok(0) };
        let mut poll = |timeout| match poll.poll(&mut self.events, Some(timeout)) {
            Err(e) if e.kind() != io::ErrorKind::Interrupted => Err(e),
            _ => Ok(!self.events.is_empty()),
        };
        if timeout.is_zero() || !self.lookout.look(|| poll(Duration::ZERO))? {
            poll(timeout)?;
        }
        Ok(self.events.iter().count() + server.clients.pending_read.len())
    }

    /// One turn after the wait: sockets, then buffered input, then timers.
    fn turn(&mut self, server: &mut Server) {
        server.after_sleep();
        for missed in std::mem::take(&mut server.clients.missed) {
            server.deliver_missed(missed);
        }
        self.serve(server);
        server.run_timers();
        server.after_turn();
    }

    /// Sockets, then buffered input.
    pub fn serve(&mut self, server: &mut Server) {
        for listener in std::mem::take(&mut server.listeners.more_to_accept) {
            server.accept(listener, &self.registry);
        }
        let mut link = false;
        for event in &self.events {
            match Event::of(event) {
                Event::Socket(ready) => server.socket_ready(&ready),
                Event::Accept(listener) => server.accept(listener, &self.registry),
                Event::RdbPipe => server.pump_pipe(),
                // Last: a load that begins there serves clients, and what is told once only about
                // their sockets must be noted by then.
                Event::Link => link = true,
                Event::MainChannel => server.pump_main_channel(),
                Event::Wake => server.background_done(),
                Event::Signal => server.handle_signals(),
            }
        }
        if link {
            server.pump_link();
        }
        self.read_pending(server);
    }

    fn read_pending(&mut self, server: &mut Server) {
        // The events before may have changed anything; from here on only commands do.
        server.note_special();
        if !self.inner && self.gather(server) {
            return;
        }
        // Taken one by one: a loop within this one (a script that does not end) goes on with those
        // that are left. Clients queued meanwhile wait for the next turn.
        for _ in 0..server.clients.pending_read.len() {
            let Some(token) = server.clients.pending_read.pop_front() else { break };
            let Some(mut client) = server.clients.check_out_token(token) else {
                server.clients.keep_missed_token(token, Missed::QueuedRead);
                continue;
            };
            client.flags.clear(ClientFlags::PENDING_READ);
            self.read_client(server, &mut client);
            server.client_served(client);
        }
    }

    /// Runs what is buffered, then reads what the socket has (up to the buffer) and runs that.
    pub(super) fn read_client(&mut self, server: &mut Server, client: &mut Client) {
        if client.is_closing() {
            return;
        }
        if client.flags.has(ClientFlags::BLOCKED.and(ClientFlags::HELD)) {
            return read_waiting(server, client);
        }
        if client.flags.has(ClientFlags::MASTER) && server.scripts.is_busy() {
            // Its stream is not answered with BUSY: it waits until the script has ended.
            return server.queue_read(client);
        }
        if run_private(server, client) {
            return;
        }
        let Some(conn) = client.conn.as_mut() else { return };
        let private = conn.reads_privately();
        let read =
            if private { conn.read_query() } else { read_some(&mut conn.stream, &mut self.buffer) };
        let (bytes, drained) = match read {
            Ok((bytes, drained)) => (bytes, drained && !conn.read_closed),
            Err(e) => return server.read_failed(client, e),
        };
        if !drained {
            server.queue_read(client);
        }
        if bytes == 0 {
            return;
        }
        server.count_input(client, bytes);
        if private {
            // Before its commands run: a query that is complete now may be too long as well.
            server.check_query_limit(client);
            if !client.is_closing() {
                run_private(server, client);
            }
        } else {
            self.run_shared(server, client, bytes);
        }
    }

    /// Runs the commands in the first `bytes` bytes of the shared buffer; what is left over becomes
    /// the client's private buffer.
    fn run_shared(&mut self, server: &mut Server, client: &mut Client, bytes: usize) {
        let buffer = std::mem::take(&mut self.buffer);
        begin_shared(client, bytes);
        let (done, stopped) = run_commands(server, client, &buffer[..bytes]);
        end_shared(server, client, &buffer[done..bytes], stopped);
        self.buffer = buffer;
    }
}

/// The client's commands are going to be run from a buffer that is not its own.
#[inline]
pub(super) fn begin_shared(client: &mut Client, bytes: usize) {
    if let Some(conn) = client.conn.as_mut() {
        let free = SHARED_QUERY_BYTES.saturating_sub(bytes);
        conn.running = Some(Running { len: bytes, free, private: false });
        conn.query_peak = conn.query_peak.max(bytes);
    }
}

/// They have run, up to `rest`.
#[inline]
pub(super) fn end_shared(server: &mut Server, client: &mut Client, rest: &[u8], stopped: bool) {
    if let Some(conn) = client.conn.as_mut() {
        conn.running = None;
        if !rest.is_empty() {
            conn.keep_query(rest);
        }
    }
    after_input(server, client, !rest.is_empty(), stopped);
}

/// A client that waits runs nothing. One that is blocked may hang up, and what it sends is kept.
#[cold]
fn read_waiting(server: &mut Server, client: &mut Client) {
    if client.flags.has(ClientFlags::HELD) {
        // In no list of the loop, and into none until then.
        client.flags.set(ClientFlags::PENDING_READ);
        return server.read_after_commit(client.token);
    }
    let Some(conn) = client.conn.as_mut() else { return };
    match conn.read_query() {
        Ok((bytes, drained)) => {
            if !drained || conn.read_closed {
                server.queue_read(client);
            }
            if bytes > 0 {
                server.count_input(client, bytes);
                after_input(server, client, true, false);
            }
        }
        Err(e) => server.read_failed(client, e),
    }
}

/// Runs the whole commands in the private buffer. Returns true if the client is not to be read from
/// now (blocked, closing, turn over).
pub(super) fn run_private(server: &mut Server, client: &mut Client) -> bool {
    let Some(conn) = client.conn.as_mut() else { return true };
    if conn.query.is_empty() {
        return false;
    }
    let mut query = std::mem::take(&mut conn.query);
    let (len, free) = (query.len(), query.capacity() - query.len());
    conn.running = Some(Running { len, free, private: true });
    let (done, stopped) = run_commands(server, client, &query);
    if let Some(conn) = client.conn.as_mut() {
        conn.running = None;
        query.drain(..done);
        conn.give_back_query(query);
    }
    let left = client.conn.as_ref().is_some_and(|conn| !conn.query.is_empty());
    after_input(server, client, left, stopped);
    stopped
}

/// What is left of the input counts for the client's limits; more whole commands are run in the
/// next turn.
fn after_input(server: &mut Server, client: &mut Client, left: bool, stopped: bool) {
    if left {
        server.check_query_limit(client);
        if server.config.maxmemory_clients != 0 {
            server.update_client_memory(client);
        }
    }
    let waits = client.is_closing() || client.flags.has(ClientFlags::BLOCKED);
    if stopped && !waits {
        server.queue_read(client);
    }
}

/// The token of a listening socket.
pub fn listener_token(index: usize) -> Token {
    Token(LISTENER_BASE + index)
}

impl Server {
    /// The client's input is looked at in the next turn.
    pub fn queue_read(&mut self, client: &mut Client) {
        if client.conn.is_some() && !client.flags.has(ClientFlags::PENDING_READ) {
            client.flags.set(ClientFlags::PENDING_READ);
            self.clients.pending_read.push_back(client.token);
        }
    }

    /// Queues a client for what its socket is ready for.
    #[inline]
    fn socket_ready(&mut self, ready: &Ready) {
        let Some(client) = self.clients.get_by_token(ready.token) else {
            return self.missed_ready(ready);
        };
        let Some(conn) = client.conn.as_mut() else { return };
        conn.read_closed |= ready.closed;
        let reads = ready.readable && !client.flags.has(ClientFlags::PENDING_READ);
        let writes = ready.writable && std::mem::take(&mut conn.write_blocked);
        if reads {
            client.flags.set(ClientFlags::PENDING_READ);
        }
        if writes && !client.flags.has(ClientFlags::PENDING_WRITE) {
            client.flags.set(ClientFlags::PENDING_WRITE);
            self.clients.pending_write.push(ready.token);
        }
        if reads {
            self.clients.pending_read.push_back(ready.token);
        }
    }

    #[cold]
    fn missed_ready(&mut self, ready: &Ready) {
        if ready.readable {
            let missed = Missed::Readable { closed: ready.closed };
            self.clients.keep_missed_token(ready.token, missed);
        }
        if ready.writable {
            self.clients.keep_missed_token(ready.token, Missed::Writable);
        }
    }

    /// A client that was checked out to be read from goes back.
    #[inline]
    pub(super) fn client_served(&mut self, mut client: Box<Client>) {
        if !client.reply.is_empty() || client.flags.has(ClientFlags::CLOSE_AFTER_REPLY) {
            self.queue_write(&mut client);
        }
        self.clients.check_in(client);
    }

    /// The client's output is sent before the loop sleeps.
    #[inline]
    pub fn queue_write(&mut self, client: &mut Client) {
        if !client.flags.has(ClientFlags::PENDING_WRITE) {
            client.flags.set(ClientFlags::PENDING_WRITE);
            self.clients.pending_write.push(client.token);
        }
    }

    /// An event that found its client checked out.
    fn deliver_missed(&mut self, (token, missed): (usize, Missed)) {
        let ready = Ready { token, readable: false, closed: false, writable: false };
        match missed {
            Missed::Readable { closed } => {
                self.socket_ready(&Ready { readable: true, closed, ..ready });
            }
            Missed::Writable => self.socket_ready(&Ready { writable: true, ..ready }),
            // Their flags are set: they only miss their place in the list.
            Missed::QueuedRead => self.clients.pending_read.push_back(token),
            Missed::QueuedWrite => self.clients.pending_write.push(token),
            Missed::Close => self.clients.to_close.extend(self.clients.id_of_token(token)),
        }
    }

    /// Sends what waits, one write per client.
    pub fn write_pending(&mut self) {
        let mut tokens = std::mem::take(&mut self.clients.pending_write);
        self.replication.stream.forget_announcement();
        self.write_by_threads(&mut tokens);
        for token in &tokens {
            let Some(mut client) = self.clients.check_out_token(*token) else {
                self.clients.keep_missed_token(*token, Missed::QueuedWrite);
                continue;
            };
            client.flags.clear(ClientFlags::PENDING_WRITE);
            self.write_client(&mut client);
            self.clients.check_in(client);
        }
        if self.clients.pending_write.is_empty() {
            tokens.clear();
            self.clients.pending_write = tokens;
        }
    }

    fn write_client(&mut self, client: &mut Client) {
        let Some(conn) = client.conn.as_mut() else { return };
        if client.flags.has(ClientFlags::CLOSE_ASAP) || conn.write_blocked {
            return;
        }
        client.reply_allowance.note(client.reply.len(), conn.out.is_empty());
        let outcome = conn.flush(client.reply.buffer_mut());
        self.client_written(client, outcome);
    }

    /// A write to the client's socket is over.
    #[inline]
    pub(super) fn client_written(
        &mut self,
        client: &mut Client,
        outcome: io::Result<(usize, Flushed)>,
    ) {
        match outcome {
            Ok((bytes, flushed)) => {
                self.count_output(client, bytes);
                match flushed {
                    Flushed::All => {
                        self.recycle_reply(client, bytes);
                        if client.flags.has(ClientFlags::REPLICA) {
                            self.write_to_replica(client);
                        }
                        if client.flags.has(ClientFlags::CLOSE_AFTER_REPLY) {
                            self.close_later(client);
                        }
                    }
                    Flushed::TurnOver => self.queue_write(client),
                    Flushed::Blocked => {}
                }
                if self.config.maxmemory_clients != 0 {
                    // What is sent must not count against anybody.
                    self.update_client_memory(client);
                }
            }
            Err(e) => {
                self.log_verbose(&format!("Error writing to client: {e}"));
                self.close_later(client);
            }
        }
    }

    /// Sends the first `bytes` bytes of what waits for a client.
    pub fn write_part(&mut self, token: usize, bytes: usize) {
        let Some(mut client) = self.clients.check_out_token(token) else { return };
        if let Some(conn) = client.conn.as_mut()
            && !client.flags.has(ClientFlags::CLOSE_ASAP)
            && !conn.write_blocked
        {
            match conn.flush_part(client.reply.buffer_mut(), bytes) {
                Ok(sent) => self.count_output(&mut client, sent),
                Err(e) => {
                    self.log_verbose(&format!("Error writing to client: {e}"));
                    self.close_later(&mut client);
                }
            }
        }
        self.clients.check_in(client);
    }

    /// Frees the client at the end of the turn.
    pub fn close_later(&mut self, client: &mut Client) {
        if !client.flags.has(ClientFlags::CLOSE_ASAP) {
            client.flags.set(ClientFlags::CLOSE_ASAP);
            self.clients.to_close.push(client.id);
        }
    }

    /// How long the loop may sleep.
    fn poll_timeout(&self) -> Duration {
        if !self.clients.pending_read.is_empty()
            || (!self.clients.pending_write.is_empty() && !self.aof.holds_replies())
            || !self.listeners.more_to_accept.is_empty()
            || !self.clients.missed.is_empty()
            || self.eviction.is_running()
            || self.pipe_has_more()
            || self.replication.link.has_more
        {
            return Duration::ZERO;
        }
        let now = self.clock.now_ms;
        let mut at = self.next_cron_ms;
        if let Some(deadline) = self.blocking.next_deadline() {
            at = at.min(deadline);
        }
        if let Some(end) = self.pause.end_ms() {
            at = at.min(end);
        }
        Duration::from_millis(at.saturating_sub(now).max(0) as u64)
    }

    /// A new connection's client, registered with the loop.
    pub fn add_connection(&mut self, conn: Conn, registry: &mio::Registry) -> io::Result<u64> {
        let id = self.clients.next_id();
        let client = Client::new(id, Some(Box::new(conn)), self.clock.now_ms);
        self.clients.insert(Box::new(client));
        let token = Token(self.clients.token(id).expect("just inserted"));
        let client = self.clients.get_mut(id).expect("just inserted");
        let conn = client.conn.as_mut().expect("made with a socket");
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(e) = registry.register(conn.stream.source(), token, interest) {
            self.clients.remove(id);
            return Err(e);
        }
        Ok(id)
    }
}
