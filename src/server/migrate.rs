//! Connections of MIGRATE to other servers, kept open for a while: keys are usually moved in many
//! small steps. Everything blocks, up to the command's timeout, as MIGRATE is defined.
//!
//! Not here: what is sent and what an answer means (`commands::generic::migrate`).

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::Server;

/// Connections kept.
const MAX_SOCKETS: usize = 64;
/// Unused ones are closed after so long, s.
const SOCKET_TTL_S: i64 = 10;
/// Longer answers are cut.
const MAX_LINE_BYTES: usize = 1023;
/// A write of so many bytes may take the whole timeout.
const WRITE_BYTES: usize = 64 * 1024;

/// A connection to another server.
pub struct PeerSocket {
    stream: TcpStream,
    /// What arrived and was not asked for yet, and where it begins.
    input: Vec<u8>,
    at: usize,
    /// The database that is selected there; -1 = unknown.
    pub db: i64,
    last_use_s: i64,
}

impl PeerSocket {
    fn connect(host: &str, port: u16, timeout: Duration) -> io::Result<PeerSocket> {
        let mut error = io::ErrorKind::AddrNotAvailable.into();
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, timeout) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(PeerSocket {
                        stream,
                        input: Vec::new(),
                        at: 0,
                        db: -1,
                        last_use_s: 0,
                    });
                }
                Err(e) => error = e,
            }
        }
        Err(error)
    }

    /// Sends everything. `TimedOut` if the other side does not take it in time.
    pub fn send(&mut self, bytes: &[u8], timeout: Duration) -> io::Result<()> {
        self.stream.set_write_timeout(Some(timeout))?;
        for piece in bytes.chunks(WRITE_BYTES) {
            self.stream.write_all(piece).map_err(late)?;
        }
        Ok(())
    }

    /// The next line, without its end.
    pub fn read_line(&mut self, timeout: Duration) -> io::Result<Vec<u8>> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(len) = memchr::memchr(b'\n', &self.input[self.at..]) {
                let line = &self.input[self.at..self.at + len];
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                let line = line[..line.len().min(MAX_LINE_BYTES)].to_vec();
                self.at += len + 1;
                return Ok(line);
            }
            self.input.drain(..self.at);
            self.at = 0;
            if self.input.len() > MAX_LINE_BYTES {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.read_more(deadline)?;
        }
    }

    fn read_more(&mut self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(len) => {
                self.input.extend_from_slice(&bytes[..len]);
                Ok(())
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(e) => Err(late(e)),
        }
    }
}

/// A blocking socket reports a timeout as "would block".
fn late(e: io::Error) -> io::Error {
    if e.kind() == io::ErrorKind::WouldBlock { io::ErrorKind::TimedOut.into() } else { e }
}

/// The open connections, by `host:port`.
#[derive(Default)]
pub struct MigrateSockets(HashMap<Vec<u8>, PeerSocket>);

impl MigrateSockets {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The connection of that name, opened if there is none.
    pub fn get(
        &mut self,
        host: &[u8],
        port: &[u8],
        timeout: Duration,
        now_s: i64,
    ) -> io::Result<&mut PeerSocket> {
        let name = name(host, port);
        if !self.0.contains_key(&name) {
            if self.0.len() >= MAX_SOCKETS {
                let any = self.0.keys().next().cloned().unwrap_or_default();
                self.0.remove(&any);
            }
            let number = String::from_utf8_lossy(port).trim().parse().unwrap_or(0);
            let host = String::from_utf8_lossy(host);
            let socket = PeerSocket::connect(&host, number, timeout)?;
            self.0.insert(name.clone(), socket);
        }
        let socket = self.0.get_mut(&name).expect("it is there, or was put there above");
        socket.last_use_s = now_s;
        Ok(socket)
    }

    /// Closes the connection of that name: it is in a state that nobody knows.
    pub fn close(&mut self, host: &[u8], port: &[u8]) {
        self.0.remove(&name(host, port));
    }
}

fn name(host: &[u8], port: &[u8]) -> Vec<u8> {
    [host, b":", port].concat()
}

impl Server {
    /// Closes connections that nobody used for a while.
    pub fn migrate_cron(&mut self) {
        if !self.migrate_sockets.is_empty() && self.cron.run_with_period(1000) {
            let now_s = self.clock.now_s();
            self.migrate_sockets.0.retain(|_, socket| now_s - socket.last_use_s <= SOCKET_TTL_S);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const TIMEOUT: Duration = Duration::from_millis(200);

    #[test]
    fn lines_are_read_one_by_one_and_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut sockets = MigrateSockets::default();
        let socket = sockets.get(b"127.0.0.1", port.as_bytes(), TIMEOUT, 0).unwrap();
        let (mut peer, _) = listener.accept().unwrap();
        socket.send(b"PING\r\n", TIMEOUT).unwrap();
        peer.write_all(b"+PONG\r\n-ERR no\r\n+half").unwrap();
        assert_eq!(socket.read_line(TIMEOUT).unwrap(), b"+PONG");
        assert_eq!(socket.read_line(TIMEOUT).unwrap(), b"-ERR no");
        assert_eq!(socket.read_line(TIMEOUT).unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(peer);
        assert_ne!(socket.read_line(TIMEOUT).unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(sockets.len(), 1);
        sockets.close(b"127.0.0.1", port.as_bytes());
        assert!(sockets.is_empty());
    }
}
