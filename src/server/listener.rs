//! Listening sockets: TCP on every bound address, and the unix socket.

use std::io;
use std::net::SocketAddr;

use mio::net::{TcpListener, UnixListener};
use mio::{Interest, Registry};
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

use super::connection::{Conn, Stream};
use super::event_loop::listener_token;
use crate::config::Config;

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, Box<str>),
}

/// The listening sockets, by index.
#[derive(Default)]
pub struct Listeners {
    sockets: Vec<Option<Listener>>,
    /// Listeners that had more connections than one turn accepts.
    pub more_to_accept: Vec<usize>,
}

impl Listeners {
    /// Opens the sockets that the configuration asks for. Errors carry Redis' text.
    pub fn open(&mut self, config: &Config, registry: &Registry) -> Result<(), String> {
        if config.port != 0 {
            self.open_tcp(config, registry)?;
        }
        if let Some(path) = &config.unixsocket {
            self.open_unix(&String::from_utf8_lossy(path), config.unixsocketperm, registry)?;
        }
        Ok(())
    }

    /// Kinds of transport that listen, each once.
    pub fn transports(&self) -> Vec<&'static str> {
        let mut found = Vec::new();
        for socket in self.sockets.iter().flatten() {
            let name = match socket {
                Listener::Tcp(_) => "tcp",
                Listener::Unix(..) => "unix",
            };
            if !found.contains(&name) {
                found.push(name);
            }
        }
        found
    }

    /// What INFO says of the listeners.
    pub fn describe(&self, config: &Config) -> Vec<String> {
        let describe = |transport| match transport {
            "tcp" => {
                let mut text = String::from("name=tcp");
                for address in &config.bind {
                    text.push_str(&format!(",bind={}", String::from_utf8_lossy(address)));
                }
                format!("{text},port={}", config.port)
            }
            _ => {
                let path = config.unixsocket.as_deref().unwrap_or_default();
                format!("name=unix,bind={}", String::from_utf8_lossy(path))
            }
        };
        self.transports().into_iter().map(describe).collect()
    }

    /// True if nothing listens.
    pub fn is_empty(&self) -> bool {
        self.sockets.iter().all(Option::is_none)
    }

    /// Opens the TCP sockets for `port` on every address of `bind`.
    pub fn open_tcp(&mut self, config: &Config, registry: &Registry) -> Result<(), String> {
        let port = config.port as u16;
        let mut opened = Vec::new();
        for address in &config.bind {
            let address = String::from_utf8_lossy(address);
            let (name, optional) = match address.strip_prefix('-') {
                Some(name) => (name, true),
                None => (&*address, false),
            };
            match bind_tcp(name, port, config) {
                Ok(listener) => opened.push(listener),
                Err(e) if optional && is_unavailable(&e) => {}
                Err(e) => {
                    return Err(format!(
                        "Warning: Could not create server TCP listening socket {name}:{port}: \
                         bind: {}",
                        crate::config::strerror(&e)
                    ));
                }
            }
        }
        for mut listener in opened {
            let index = self.sockets.len();
            registry
                .register(&mut listener, listener_token(index), Interest::READABLE)
                .map_err(|e| e.to_string())?;
            self.sockets.push(Some(Listener::Tcp(listener)));
        }
        Ok(())
    }

    /// Closes the TCP sockets (CONFIG SET port or bind).
    pub fn close_tcp(&mut self, registry: &Registry) {
        for socket in &mut self.sockets {
            if let Some(Listener::Tcp(listener)) = socket {
                // It was registered when it was opened; closing it removes it in any case.
                let _ = registry.deregister(listener);
                *socket = None;
            }
        }
    }

    fn open_unix(&mut self, path: &str, mode: u64, registry: &Registry) -> Result<(), String> {
        // A socket file left by a server that is gone.
        let _ = std::fs::remove_file(path);
        let opening = |e: io::Error| format!("Failed opening Unix socket: bind: {e}");
        let mut listener = UnixListener::bind(path).map_err(opening)?;
        if mode != 0 {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::Permissions::from_mode(mode as u32);
            std::fs::set_permissions(path, mode).map_err(|e| e.to_string())?;
        }
        let index = self.sockets.len();
        registry
            .register(&mut listener, listener_token(index), Interest::READABLE)
            .map_err(|e| e.to_string())?;
        self.sockets.push(Some(Listener::Unix(listener, path.into())));
        Ok(())
    }

    /// The next waiting connection.
    pub fn accept(&self, index: usize) -> io::Result<Option<Stream>> {
        let accepted = match self.sockets.get(index).and_then(Option::as_ref) {
            None => return Ok(None),
            Some(Listener::Tcp(listener)) => listener.accept().map(|(s, _)| Stream::Tcp(s)),
            Some(Listener::Unix(listener, _)) => listener.accept().map(|(s, _)| Stream::Unix(s)),
        };
        match accepted {
            Ok(stream) => Ok(Some(stream)),
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Socket options of a new connection.
    pub fn set_up(&self, index: usize, conn: &mut Conn, config: &Config) {
        if let Some(Some(Listener::Unix(_, path))) = self.sockets.get(index) {
            conn.unix_path = Some(path.clone());
        }
        if let Stream::Tcp(stream) = &conn.stream {
            // Neither option is needed for correctness.
            let _ = stream.set_nodelay(true);
            mark_socket(&SockRef::from(stream), config);
            if config.tcp_keepalive > 0 {
                let interval = std::time::Duration::from_secs(config.tcp_keepalive as u64);
                let keepalive = TcpKeepalive::new()
                    .with_time(interval)
                    .with_interval((interval / 3).max(std::time::Duration::from_secs(1)))
                    .with_retries(3);
                let _ = SockRef::from(stream).set_tcp_keepalive(&keepalive);
            }
        }
    }

    /// Closes the listening sockets at exit and removes the socket file.
    pub fn unlink_unix(&mut self) {
        for socket in &mut self.sockets {
            if let Some(Listener::Unix(_, path)) = socket {
                let _ = std::fs::remove_file(&**path);
            }
            // Nobody connects to a server that ends.
            *socket = None;
        }
    }
}

/// `socket-mark-id`: the mark that packet filters and routing rules look at. Needs a privilege,
/// without which the socket stays unmarked, as in Redis.
fn mark_socket(socket: &Socket, config: &Config) {
    if config.socket_mark_id > 0 {
        let _ = socket.set_mark(config.socket_mark_id as u32);
    }
}

fn is_unavailable(e: &io::Error) -> bool {
    matches!(
        e.kind(),
        io::ErrorKind::AddrNotAvailable | io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput
    ) || matches!(e.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT))
}

fn resolve(name: &str, port: u16) -> io::Result<SocketAddr> {
    use std::net::ToSocketAddrs;
    match name {
        "*" => Ok(SocketAddr::from(([0, 0, 0, 0], port))),
        "::*" => Ok(SocketAddr::from(([0u16; 8], port))),
        _ => (name, port)
            .to_socket_addrs()?
            .next()
            .ok_or_else(|| io::ErrorKind::AddrNotAvailable.into()),
    }
}

fn bind_tcp(name: &str, port: u16, config: &Config) -> io::Result<TcpListener> {
    let address = resolve(name, port)?;
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    mark_socket(&socket, config);
    socket.listen(config.tcp_backlog as i32)?;
    Ok(TcpListener::from_std(socket.into()))
}
