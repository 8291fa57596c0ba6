//! Sockets beyond what the standard library offers: the supervisor's notification socket and the
//! limits of the kernel's queues. No `unsafe` is needed here.

use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends a line such as `READY=1` to the supervisor that `NOTIFY_SOCKET` names (`sd_notify`).
/// `Ok(false)`: there is none.
pub fn notify_supervisor(message: &str) -> io::Result<bool> {
    let Some(path) = std::env::var_os("NOTIFY_SOCKET") else { return Ok(false) };
    let bytes = path.as_encoded_bytes();
    let address = match bytes.strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(&path)?,
    };
    UnixDatagram::unbound()?.send_to_addr(message.as_bytes(), &address)?;
    Ok(true)
}

/// The kernel's limit of a listening socket's queue.
pub fn somaxconn() -> Option<i64> {
    std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?.trim().parse().ok()
}
