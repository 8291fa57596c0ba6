//! `Conn`: the socket side of a client: stream, private query buffer, queue of output. Knows no
//! commands and no keyspace.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;

use mio::net::{TcpStream, UnixStream};

use crate::protocol::request::RequestParser;

/// A reply buffer that grew beyond this goes to the queue as a chunk of its own.
const CHUNK_BYTES: usize = 16 * 1024;
/// Bytes written for one client in one turn, so that one slow reader of a huge reply does not hold
/// up the others (NET_MAX_WRITES_PER_EVENT).
const MAX_WRITE_PER_TURN: usize = 64 * 1024;
const MAX_IOVECS: usize = 64;

/// A connected socket.
pub enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.read(buf),
            Stream::Unix(stream) => stream.read(buf),
        }
    }
}

impl Stream {
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write_vectored(slices),
            Stream::Unix(stream) => stream.write_vectored(slices),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.write(bytes),
            Stream::Unix(stream) => stream.write(bytes),
        }
    }

    pub fn source(&mut self) -> &mut dyn mio::event::Source {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Unix(stream) => stream,
        }
    }

    pub fn raw_fd(&self) -> i32 {
        use std::os::fd::AsRawFd;
        match self {
            Stream::Tcp(stream) => stream.as_raw_fd(),
            Stream::Unix(stream) => stream.as_raw_fd(),
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
}

impl OutputQueue {
    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
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
    pub query: Vec<u8>,
    /// Largest `query` of late, bytes; to shrink it when idle.
    pub query_peak: usize,
    pub parser: RequestParser,
    pub out: OutputQueue,
    /// The socket said it would block: wait for its writable event.
    pub write_blocked: bool,
    pub total_read: u64,
}

impl Conn {
    pub fn new(stream: Stream) -> Conn {
        let (peer, local) = match &stream {
            Stream::Tcp(tcp) => (tcp.peer_addr().ok(), tcp.local_addr().ok()),
            Stream::Unix(_) => (None, None),
        };
        Conn {
            stream,
            peer,
            local,
            unix_path: None,
            query: Vec::new(),
            query_peak: 0,
            parser: RequestParser::new(),
            out: OutputQueue::default(),
            write_blocked: false,
            total_read: 0,
        }
    }

    /// Moves a reply buffer that has grown large to the queue, without copying.
    pub fn take_chunk(&mut self, reply: &mut Vec<u8>) {
        if reply.len() >= CHUNK_BYTES {
            self.out.push(std::mem::take(reply));
        }
    }

    /// Writes the queue, then `reply`; what the socket did not take stays. Returns the bytes
    /// written and how far it got.
    pub fn flush(&mut self, reply: &mut Vec<u8>) -> io::Result<(usize, Flushed)> {
        let mut total = 0;
        let mut reply_done = 0;
        let outcome = loop {
            if self.out.is_empty() && reply_done == reply.len() {
                break Ok(Flushed::All);
            }
            if total >= MAX_WRITE_PER_TURN {
                break Ok(Flushed::TurnOver);
            }
            match self.write_once(&reply[reply_done..]) {
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
