//! `Conn`: the socket side of a client: stream, private query buffer, queue of output. Knows no
//! commands and no keyspace.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use mio::net::{TcpStream, UnixStream};
use socket2::{SockRef, Socket};

use crate::protocol::request::RequestParser;
use crate::sys::socket;

/// A reply buffer that grew beyond this goes to the queue as a chunk of its own.
pub const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes written for one client in one turn, so that one slow reader of a huge reply does not hold
/// up the others (NET_MAX_WRITES_PER_EVENT).
const MAX_WRITE_PER_TURN: usize = 64 * 1024;
/// Bytes read into a private buffer in one turn, for the same reason.
const MAX_READ_PER_TURN: usize = 1024 * 1024;
const MAX_IOVECS: usize = 64;
/// The read buffer that all connections share; the most that one brings in one turn with it.
pub const SHARED_QUERY_BYTES: usize = 64 * 1024;
/// Smallest private query buffer (PROTO_IOBUF_LEN).
const QUERY_BYTES: usize = 16 * 1024;
/// From this length on an argument gets room for all of it at once (PROTO_MBULK_BIG_ARG).
const BIG_ARG_BYTES: usize = 32 * 1024;
/// A private query buffer above this shrinks to its recent peak (PROTO_RESIZE_THRESHOLD).
const QUERY_RESIZE_BYTES: usize = 32 * 1024;
/// Unused room that is worth an allocation to get rid of.
const QUERY_WASTE_BYTES: usize = 4 * 1024;
/// A buffer that is in use is not shrunk below this.
const QUERY_FLOOR_BYTES: usize = 1024;
/// After so many idle seconds the unused room of a query buffer is freed.
const QUERY_IDLE_S: i64 = 2;

/// A connected socket.
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    /// The master's, after a synchronization over two connections.
    Ahead(Box<Ahead>),
}

/// A connection of which a part was received beforehand: that is read first.
pub struct Ahead {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first chunk already read.
    head: usize,
    stream: TcpStream,
}

impl Ahead {
    pub fn new(chunks: VecDeque<Vec<u8>>, stream: TcpStream) -> Ahead {
        Ahead { chunks, head: 0, stream }
    }

    /// Bytes that do not come from the socket.
    pub fn held(&self) -> usize {
        self.chunks.iter().map(Vec::len).sum::<usize>() - self.head
    }
}

impl Read for Ahead {
    /// Fills as much as there is, like a socket: less than asked for means that nothing is left.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(chunk) = self.chunks.front() {
            let rest = &chunk[self.head..];
            let take = rest.len().min(buf.len() - filled);
            buf[filled..filled + take].copy_from_slice(&rest[..take]);
            (filled, self.head) = (filled + take, self.head + take);
            if self.head < chunk.len() {
                return Ok(filled);
            }
            self.chunks.pop_front();
            self.head = 0;
        }
        match self.stream.read(&mut buf[filled..]) {
            Ok(bytes) => Ok(filled + bytes),
            Err(_) if filled > 0 => Ok(filled),
            Err(e) => Err(e),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => socket::recv(stream, buf),
            Stream::Unix(stream) => socket::recv(stream, buf),
            Stream::Ahead(ahead) => ahead.read(buf),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
            Stream::Ahead(ahead) => ahead.stream.as_fd(),
        }
    }
}

impl Stream {
    fn read_append(&mut self, buffer: &mut Vec<u8>, max: usize) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => socket::recv_append(stream, buffer, max),
            Stream::Unix(stream) => socket::recv_append(stream, buffer, max),
            Stream::Ahead(ahead) => {
                let start = buffer.len();
                buffer.resize(start + max.min(buffer.capacity() - start), 0);
                let result = ahead.read(&mut buffer[start..]);
                buffer.truncate(start + *result.as_ref().unwrap_or(&0));
                result
            }
        }
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write_vectored(slices),
            Stream::Unix(stream) => stream.write_vectored(slices),
            Stream::Ahead(ahead) => ahead.stream.write_vectored(slices),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => socket::send(stream, bytes),
            Stream::Unix(stream) => socket::send(stream, bytes),
            Stream::Ahead(ahead) => socket::send(&ahead.stream, bytes),
        }
    }

    /// Ends the connection even if a child process still holds the descriptor.
    pub fn shutdown(&self) -> io::Result<()> {
        match self {
            Stream::Tcp(stream) => stream.shutdown(std::net::Shutdown::Both),
            Stream::Unix(stream) => stream.shutdown(std::net::Shutdown::Both),
            Stream::Ahead(ahead) => ahead.stream.shutdown(std::net::Shutdown::Both),
        }
    }

    pub fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
            Stream::Ahead(ahead) => &mut ahead.stream,
        }
    }

    /// A second descriptor of the connection, whose reads wait and whose writes wait for at most
    /// `write_timeout`. So does this one, until [`Stream::unblock`].
    pub fn blocking_clone(&self, write_timeout: Duration) -> io::Result<Socket> {
        let socket = Socket::from(self.as_fd().try_clone_to_owned()?);
        socket.set_nonblocking(false)?;
        socket.set_write_timeout(Some(write_timeout))?;
        Ok(socket)
    }

    /// Reads and writes do not wait any more.
    pub fn unblock(&self) -> io::Result<()> {
        let socket = SockRef::from(self);
        socket.set_nonblocking(true)?;
        socket.set_write_timeout(None)
    }

    pub fn raw_fd(&self) -> i32 {
        use std::os::fd::AsRawFd;
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
            Stream::Ahead(ahead) => ahead.stream.as_raw_fd(),
        }
    }

    /// The TCP socket, if it is one.
    fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Stream::Tcp(stream) => Some(stream),
            Stream::Unix(_) => None,
            Stream::Ahead(ahead) => Some(&ahead.stream),
        }
    }

    /// Bytes to be read that were received beforehand.
    pub fn ahead_bytes(&self) -> usize {
        match self {
            Stream::Ahead(ahead) => ahead.held(),
            Stream::Tcp(_) | Stream::Unix(_) => 0,
        }
    }
}

/// Output that did not fit into the reply buffer or that the socket did not take yet.
#[derive(Default)]
pub struct OutputQueue {
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first chunk already written.
    head: usize,
    bytes: usize,
    /// Allocated bytes of all chunks.
    capacity: usize,
}

impl OutputQueue {
    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Allocated bytes, the queue's own included.
    pub fn memory_bytes(&self) -> usize {
        self.capacity + self.chunks.len() * size_of::<Vec<u8>>()
    }

    /// Number of chunks.
    pub fn len(&self) -> usize {
        self.chunks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn push(&mut self, chunk: Vec<u8>) {
        if !chunk.is_empty() {
            self.bytes += chunk.len();
            self.capacity += chunk.capacity();
            self.chunks.push_back(chunk);
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.bytes -= written;
        while written > 0 {
            let left = self.chunks[0].len() - self.head;
            if written < left {
                self.head += written;
                return;
            }
            written -= left;
            self.head = 0;
            self.capacity -= self.chunks[0].capacity();
            self.chunks.pop_front();
        }
    }
}

/// What a write achieved.
#[derive(Debug, PartialEq, Eq)]
pub enum Flushed {
    /// Nothing is left.
    All,
    /// The turn's share is used up: try again in the next turn.
    TurnOver,
    /// The socket takes no more: a writable event will come.
    Blocked,
}

/// A query buffer whose commands run.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    pub len: usize,
    /// Room after that, bytes.
    pub free: usize,
    /// It is the client's own, not the one that all share.
    pub private: bool,
}

/// The socket side of a client.
pub struct Conn {
    pub stream: Stream,
    /// Address of the peer, `None` for unix sockets.
    pub peer: Option<SocketAddr>,
    /// Our address, `None` for unix sockets.
    pub local: Option<SocketAddr>,
    /// Path of the unix socket.
    pub unix_path: Option<Box<str>>,
    /// Input that is not a whole command yet. Whole commands are run from the shared buffer.
    /// Keeps its allocation until the client is idle.
    pub query: Vec<u8>,
    /// Largest `query` of late, bytes; to shrink it when idle.
    pub query_peak: usize,
    /// The buffer whose commands run now: `query` is empty meanwhile.
    pub running: Option<Running>,
    pub parser: RequestParser,
    pub out: OutputQueue,
    /// The socket said it would block: wait for its writable event.
    pub write_blocked: bool,
    /// The peer will send no more: read until the end, no further event will come.
    pub read_closed: bool,
    /// The I/O thread that last read or wrote; 0 = the main one.
    pub io_thread: u8,
}

impl Conn {
    pub fn new(stream: Stream) -> Conn {
        let (peer, local) = match stream.tcp() {
            Some(tcp) => (tcp.peer_addr().ok(), tcp.local_addr().ok()),
            None => (None, None),
        };
        Conn {
            stream,
            peer,
            local,
            unix_path: None,
            query: Vec::new(),
            query_peak: 0,
            running: None,
            parser: RequestParser::new(),
            out: OutputQueue::default(),
            write_blocked: false,
            read_closed: false,
            io_thread: 0,
        }
    }

    /// `ip:port` of the peer, `[ip]:port` for IPv6, `path:0` for a unix socket.
    pub fn peer_text(&self) -> String {
        self.address_text(self.peer)
    }

    /// As [`Conn::peer_text`], of our side.
    pub fn local_text(&self) -> String {
        self.address_text(self.local)
    }

    fn address_text(&self, address: Option<SocketAddr>) -> String {
        match (&self.unix_path, address) {
            (Some(path), _) => format!("{path}:0"),
            (None, Some(address)) => address.to_string(),
            (None, None) => "?:0".to_string(),
        }
    }

    /// The peer is this host.
    pub fn is_local(&self) -> bool {
        self.unix_path.is_some()
            || self.peer.is_some_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Allocated bytes of the private query buffer.
    pub fn query_memory(&self) -> usize {
        let running = self.running.filter(|running| running.private);
        self.query.capacity() + running.map_or(0, |running| running.len + running.free)
    }

    /// Moves a reply buffer that has grown large to the queue, without copying.
    #[inline]
    pub fn take_chunk(&mut self, reply: &mut Vec<u8>) {
        if reply.len() >= CHUNK_BYTES {
            self.out.push(std::mem::take(reply));
        }
    }

    /// Keeps input that waits for its command's end, with room for a big argument's rest.
    pub fn keep_query(&mut self, rest: &[u8]) {
        let missing = self.parser.missing_bytes(rest.len());
        // The next command may be a little longer than this one.
        let slack = if missing >= BIG_ARG_BYTES { QUERY_FLOOR_BYTES } else { 0 };
        let wanted = rest.len() + missing + slack;
        if self.query.capacity() < wanted.max(QUERY_BYTES) {
            self.query.reserve_exact(wanted.max(QUERY_BYTES) - self.query.len());
        }
        self.query.extend_from_slice(rest);
        self.query_peak = self.query_peak.max(wanted);
    }

    /// Input goes to the private buffer: it holds some already, or has room for more than the
    /// shared one since a command that long came. Who sends one sends more, and so each arrives by
    /// one read.
    #[inline]
    pub fn reads_privately(&self) -> bool {
        !self.query.is_empty() || self.query.capacity() > SHARED_QUERY_BYTES
    }

    /// The private buffer after its commands. What takes several reads to fill is not worth
    /// keeping for the next big argument.
    pub fn give_back_query(&mut self, query: Vec<u8>) {
        if !query.is_empty() || query.capacity() <= MAX_READ_PER_TURN {
            self.query = query;
        }
    }

    /// Reads into the private buffer, as much as the argument in progress needs or the buffer
    /// holds. `Ok((bytes, drained))` as [`read_some`].
    pub fn read_query(&mut self) -> io::Result<(usize, bool)> {
        let start = self.query.len();
        let missing = self.parser.missing_bytes(start);
        if missing >= BIG_ARG_BYTES {
            self.query.reserve_exact(missing);
        } else if self.query.capacity() - start < QUERY_WASTE_BYTES {
            self.query.reserve(QUERY_BYTES);
        }
        let room = (self.query.capacity() - start).min(MAX_READ_PER_TURN);
        let query = &mut self.query;
        let result = read_outcome(room, || self.stream.read_append(query, room));
        self.query_peak = self.query_peak.max(self.query.len()).max(start + missing);
        result
    }

    /// Gives back room of the query buffer that has not been needed of late; once a second.
    pub fn resize_query(&mut self, idle_s: i64) {
        let len = self.query.len();
        let needed = len + self.parser.missing_bytes(len);
        if self.query.capacity() - len > QUERY_WASTE_BYTES {
            if idle_s > QUERY_IDLE_S {
                self.query.shrink_to_fit();
            } else if self.query.capacity() > QUERY_RESIZE_BYTES
                && self.query.capacity() / 2 > self.query_peak
            {
                self.query.shrink_to(needed.max(self.query_peak).max(QUERY_FLOOR_BYTES));
            }
        }
        self.query_peak = needed;
    }

    /// Writes the queue, then `reply`; what the socket did not take stays. Returns the bytes
    /// written and how far it got.
    #[inline]
    pub fn flush(&mut self, reply: &mut Vec<u8>) -> io::Result<(usize, Flushed)> {
        if !self.out.is_empty() || reply.is_empty() {
            return self.flush_parts(reply, None);
        }
        // Nearly always there is one reply and the socket takes it.
        match self.stream.write(reply) {
            Ok(bytes) if bytes == reply.len() => {
                reply.clear();
                Ok((bytes, Flushed::All))
            }
            first => self.flush_parts(reply, Some(first)),
        }
    }

    /// `first`: the outcome of a write that was tried.
    fn flush_parts(
        &mut self,
        reply: &mut Vec<u8>,
        mut first: Option<io::Result<usize>>,
    ) -> io::Result<(usize, Flushed)> {
        let mut total = 0;
        let mut reply_done = 0;
        let outcome = loop {
            if self.out.is_empty() && reply_done == reply.len() {
                break Ok(Flushed::All);
            }
            if total >= MAX_WRITE_PER_TURN {
                break Ok(Flushed::TurnOver);
            }
            let written = first.take().unwrap_or_else(|| self.write_once(&reply[reply_done..]));
            match written {
                Ok(0) => break Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    total += n;
                    let queued = n.min(self.out.bytes);
                    self.out.advance(queued);
                    reply_done += n - queued;
                }
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.write_blocked = true;
                    break Ok(Flushed::Blocked);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => break Err(e),
            }
        };
        if reply_done == reply.len() {
            reply.clear();
        } else if reply_done > 0 {
            reply.drain(..reply_done);
        }
        outcome.map(|flushed| (total, flushed))
    }

    /// Writes at most the first `limit` bytes of what waits; returns how many the socket took.
    pub fn flush_part(&mut self, reply: &mut Vec<u8>, limit: usize) -> io::Result<usize> {
        let mut total = 0;
        while total < limit {
            let left = limit - total;
            let result = match self.out.chunks.front() {
                Some(chunk) => {
                    let chunk = &chunk[self.out.head..];
                    self.stream.write(&chunk[..chunk.len().min(left)])
                }
                None => self.stream.write(&reply[..reply.len().min(left)]),
            };
            let written = match result {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => written,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.write_blocked = true;
                    break;
                }
                Err(e) => return Err(e),
            };
            if self.out.is_empty() {
                reply.drain(..written);
            } else {
                self.out.advance(written);
            }
            total += written;
        }
        Ok(total)
    }

    /// One write of these parts, before anything else is sent. Returns the bytes that the socket
    /// took; an error is met again by `flush`.
    pub fn send_now(&mut self, parts: &[&[u8]; 3]) -> usize {
        self.stream.write_vectored(&parts.map(IoSlice::new)).unwrap_or(0)
    }

    /// Writes once, what does not pass through the queue; `None`: the socket takes nothing now, a
    /// writable event will come.
    pub fn write_slices(&mut self, slices: &[IoSlice<'_>]) -> io::Result<Option<usize>> {
        loop {
            let slices = &slices[..slices.len().min(MAX_IOVECS)];
            match self.stream.write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => return Ok(Some(bytes)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.write_blocked = true;
                    return Ok(None);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Whether small packets leave at once. A failure costs time only.
    pub fn set_nodelay(&self, on: bool) {
        if let Some(stream) = self.stream.tcp() {
            let _ = stream.set_nodelay(on);
        }
    }

    fn write_once(&mut self, reply: &[u8]) -> io::Result<usize> {
        if self.out.is_empty() {
            return self.stream.write(reply);
        }
        let mut slices = Vec::with_capacity(self.out.len().min(MAX_IOVECS) + 1);
        let mut bytes = 0;
        for (i, chunk) in self.out.chunks.iter().take(MAX_IOVECS).enumerate() {
            let chunk = if i == 0 { &chunk[self.out.head..] } else { chunk };
            slices.push(IoSlice::new(chunk));
            bytes += chunk.len();
            if bytes >= MAX_WRITE_PER_TURN {
                break;
            }
        }
        if slices.len() == self.out.len() && !reply.is_empty() {
            slices.push(IoSlice::new(reply));
        }
        self.stream.write_vectored(&slices)
    }
}

/// Reads once. `Ok((bytes, drained))`: drained = the socket has nothing more now, an event will
/// tell when it has. The end of input is an error of kind `UnexpectedEof`.
#[inline]
pub fn read_some(stream: &mut Stream, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
    read_outcome(buffer.len(), || stream.read(buffer))
}

#[inline]
fn read_outcome(
    room: usize,
    mut read: impl FnMut() -> io::Result<usize>,
) -> io::Result<(usize, bool)> {
    loop {
        match read() {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => return Ok((n, n < room)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok((0, true)),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}
