//! The RDB channel, as the replica sees it: the master's stream flows on the first connection from
//! the moment the RDB is made, and is kept here while the RDB comes on a second connection and is
//! loaded. After that the stream is read from here first, and then from its socket.
//!
//! ```text
//!  main   ─PSYNC→ +RDBCHANNELSYNC <id> ······ stream ··········· buffered ···┐→ applied
//!  second   └─ REPLCONF main-ch-client-id <id>, PSYNC ? -1 → +FULLRESYNC, RDB ┘
//! ```
//!
//! Invariant: what `MainChannel` holds and what its socket still has follow each other without a
//! gap, and begin at the offset of the RDB. (Behaviour: Redis 8.0's replication.c.)

use std::collections::VecDeque;
use std::io::{self, Read};

use mio::net::TcpStream;
use mio::{Interest, Token};
use socket2::SockRef;

use crate::config::strerror;
use crate::server::Server;
use crate::server::client::ClientClass;
use crate::server::connection::Ahead;
use crate::server::event_loop::MAIN_CHANNEL_TOKEN;

/// Bytes of one piece of the buffer.
const CHUNK_BYTES: usize = 1024 * 1024;
/// Bytes received in one turn of the loop.
const MAX_PER_TURN: usize = 16 * CHUNK_BYTES;

/// The connection that the stream comes on.
pub struct MainChannel {
    stream: TcpStream,
    chunks: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The limit is reached: the rest stays in the socket, and with the master.
    full: bool,
    /// The turn's share was used up.
    pub has_more: bool,
}

impl MainChannel {
    /// `early`: received of the stream already.
    fn new(stream: TcpStream, early: Vec<u8>) -> MainChannel {
        let bytes = early.len();
        MainChannel { stream, chunks: VecDeque::from([early]), bytes, full: false, has_more: true }
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The socket, as another handle.
    pub fn socket(&self) -> Option<socket2::Socket> {
        SockRef::from(&self.stream).try_clone().ok()
    }

    /// As a connection that yields the buffer first.
    pub fn into_ahead(self) -> Ahead {
        Ahead::new(self.chunks, self.stream)
    }

    /// Reads what has come, up to `limit` bytes in all. Returns how many; an error is also the end
    /// of the connection.
    fn receive(&mut self, limit: usize) -> (usize, io::Result<()>) {
        let mut total = 0;
        self.has_more = false;
        loop {
            if self.bytes >= limit {
                self.full = true;
                return (total, Ok(()));
            }
            if total >= MAX_PER_TURN {
                self.has_more = true;
                return (total, Ok(()));
            }
            if self.chunks.back().is_none_or(|chunk| chunk.len() >= CHUNK_BYTES) {
                self.chunks.push_back(Vec::new());
            }
            let chunk = self.chunks.back_mut().expect("one was pushed if there was none");
            let before = chunk.len();
            let room = (CHUNK_BYTES - before).min(limit - self.bytes) as u64;
            let result = (&mut self.stream).take(room).read_to_end(chunk);
            let read = chunk.len() - before;
            self.bytes += read;
            total += read;
            match result {
                Ok(_) if (read as u64) < room => {
                    return (total, Err(io::ErrorKind::UnexpectedEof.into()));
                }
                Ok(_) => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return (total, Ok(())),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return (total, Err(e)),
            }
        }
    }
}

impl Server {
    /// +RDBCHANNELSYNC: the connection becomes the main channel, and a second one is opened.
    pub(super) fn begin_rdb_channel(&mut self, stream: TcpStream, early: Vec<u8>, id: u64) {
        self.log_notice("PSYNC is not possible, initialize RDB channel.");
        let mut main = MainChannel::new(stream, early);
        if let Some(registry) = &self.registry {
            // It is registered under the link's token; registering anew tells of what has come.
            let _ = registry.deregister(&mut main.stream);
            let (token, interest) = (Token(MAIN_CHANNEL_TOKEN), Interest::READABLE);
            if let Err(e) = registry.register(&mut main.stream, token, interest) {
                let e = strerror(&e);
                self.log_warning(&format!("Can't watch the link to the master: {e}"));
                return self.link_disconnected();
            }
        }
        let link = &mut self.replication.link;
        link.full_sync_buffer_peak = main.bytes();
        link.main = Some(Box::new(main));
        self.open_rdb_channel(id);
    }

    /// Bytes that the replica may hold of the stream; 0 in the setting = as much as a master keeps
    /// for a replica.
    fn full_sync_buffer_limit(&self) -> usize {
        let replica = ClientClass::Replica as usize;
        let limits = [
            self.config.replica_full_sync_buffer_limit,
            self.config.client_output_buffer_limit[replica].hard_limit_bytes,
        ];
        let limit = limits.into_iter().find(|limit| *limit > 0).unwrap_or(u64::MAX);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }

    /// The stream has come on the main channel while the RDB is under way.
    pub fn pump_main_channel(&mut self) {
        let limit = self.full_sync_buffer_limit();
        let Some(main) = self.replication.link.main.as_mut().filter(|main| !main.full) else {
            return;
        };
        let (bytes, result) = main.receive(limit);
        let (held, full) = (main.bytes(), main.full);
        let repl = &mut self.replication;
        repl.stats.net_input_bytes += bytes as u64;
        repl.link.full_sync_buffer_peak = repl.link.full_sync_buffer_peak.max(held);
        if full {
            self.log_notice(
                "Replication buffer limit has been reached, stopping buffering of the master's \
                 stream until the RDB is loaded.",
            );
        }
        if let Err(e) = result {
            let e = strerror(&e);
            self.log_warning(&format!("The main channel of the master is lost: {e}"));
            // While the RDB is loaded it is of use as far as it goes: what lacks then is asked for
            // as after any other break.
            if !self.link_is_loading() {
                self.cancel_handshake(true);
            }
        }
    }

    /// Bytes of the stream that wait for being applied: of a synchronization that is under way, or
    /// was a moment ago.
    pub fn full_sync_buffer_bytes(&self) -> usize {
        match &self.replication.link.main {
            Some(main) => main.bytes(),
            None => self
                .master_client()
                .and_then(|client| client.conn.as_ref())
                .map_or(0, |conn| conn.stream.ahead_bytes()),
        }
    }

    /// A sign of life for the master on the main channel; its own stream carries the PINGs.
    pub(super) fn main_channel_alive(&mut self) {
        if let Some(main) = &self.replication.link.main {
            // Best effort: the next one comes in a second.
            let _ = SockRef::from(&main.stream).send(b"\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream as Blocking};
    use std::time::{Duration, Instant};

    use super::*;

    fn pair() -> (Blocking, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let far = Blocking::connect(listener.local_addr().unwrap()).unwrap();
        let near = listener.accept().unwrap().0;
        near.set_nonblocking(true).unwrap();
        (far, TcpStream::from_std(near))
    }

    fn until(mut done: impl FnMut() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < Duration::from_secs(20));
        }
    }

    #[test]
    fn the_buffer_comes_before_the_socket() {
        let (mut far, near) = pair();
        let mut main = MainChannel::new(near, b"ab".to_vec());
        let all: Vec<u8> = (0..3 * CHUNK_BYTES).map(|i| (i % 251) as u8).collect();
        let theirs = all.clone();
        let writer = std::thread::spawn(move || {
            far.write_all(&theirs).unwrap();
            far
        });
        // The limit ends the reading; the rest waits in the socket.
        until(|| {
            assert!(main.receive(2 * CHUNK_BYTES).1.is_ok());
            main.full
        });
        assert_eq!(main.bytes(), 2 * CHUNK_BYTES);
        let mut ahead = main.into_ahead();
        assert_eq!(ahead.held(), 2 * CHUNK_BYTES);
        let mut got = Vec::new();
        let mut buffer = [0; 7000];
        until(|| {
            if let Ok(bytes) = ahead.read(&mut buffer) {
                got.extend_from_slice(&buffer[..bytes]);
            }
            got.len() == all.len() + 2
        });
        assert_eq!((&got[..2], &got[2..]), (&b"ab"[..], &all[..]));
        assert_eq!(ahead.held(), 0);
        drop(writer.join().unwrap());
        until(|| matches!(ahead.read(&mut buffer), Ok(0)));
    }

    #[test]
    fn a_lost_main_channel_keeps_what_came() {
        let (mut far, near) = pair();
        let mut main = MainChannel::new(near, Vec::new());
        far.write_all(b"xyz").unwrap();
        drop(far);
        let mut total = 0;
        until(|| {
            let (bytes, result) = main.receive(usize::MAX);
            total += bytes;
            result.is_err()
        });
        assert_eq!((total, main.bytes()), (3, 3));
    }
}
