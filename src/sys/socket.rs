//! Sockets beyond what the standard library offers: the supervisor's notification socket, the
//! limits of the kernel's queues, and the two calls of every request.
//!
//! JUSTIFICATION: libc's `recv` and `send` are points where a thread can be cancelled. With more
//! than one thread they cost four locked instructions and 120 others per request, of about 2,000 of
//! a GET (benches/insn.sh). Nothing here cancels threads.

use std::io;
use std::os::fd::AsRawFd;
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

fn transferred(result: libc::c_long) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// Receives what the socket has, up to the size of `buffer`; 0 = the peer has ended the stream.
#[inline]
pub fn recv(socket: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<usize> {
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: the buffer is valid for its length, no address is asked for.
    transferred(unsafe {
        libc::syscall(
            libc::SYS_recvfrom,
            socket.as_raw_fd(),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
            none,
            none,
        )
    })
}

/// Receives up to `max` bytes behind what `buffer` holds, into room that it has already.
#[inline]
pub fn recv_append(socket: &impl AsRawFd, buffer: &mut Vec<u8>, max: usize) -> io::Result<usize> {
    let none = std::ptr::null_mut::<libc::c_void>();
    let room = buffer.spare_capacity_mut();
    // SAFETY: the pointer and the length are those of the vector's room, or less of it.
    let received = transferred(unsafe {
        libc::syscall(
            libc::SYS_recvfrom,
            socket.as_raw_fd(),
            room.as_mut_ptr(),
            room.len().min(max),
            0,
            none,
            none,
        )
    })?;
    // SAFETY: so many bytes of the room were written.
    unsafe { buffer.set_len(buffer.len() + received) };
    Ok(received)
}

/// Sends what the socket takes of `bytes`.
#[inline]
pub fn send(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    let none = std::ptr::null::<libc::c_void>();
    // SAFETY: the bytes are valid for their length, no address is given.
    transferred(unsafe {
        libc::syscall(
            libc::SYS_sendto,
            socket.as_raw_fd(),
            bytes.as_ptr(),
            bytes.len(),
            libc::MSG_NOSIGNAL,
            none,
            0,
        )
    })
}

/// The kernel's limit of a listening socket's queue.
pub fn somaxconn() -> Option<i64> {
    std::fs::read_to_string("/proc/sys/net/core/somaxconn").ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn what_is_sent_is_received_and_the_end_is_seen() {
        let (a, b) = UnixStream::pair().unwrap();
        b.set_nonblocking(true).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(recv(&b, &mut buffer).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        assert_eq!(send(&a, b"PING").unwrap(), 4);
        assert_eq!(recv(&b, &mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"PING");
        let mut appended = Vec::with_capacity(8);
        appended.extend_from_slice(b"+PO");
        assert_eq!(send(&a, b"NGxyz").unwrap(), 5);
        assert_eq!(recv_append(&b, &mut appended, 2).unwrap(), 2);
        assert_eq!(appended, b"+PONG");
        assert_eq!(recv_append(&b, &mut appended, 100).unwrap(), 3);
        drop(b);
        assert_eq!(send(&a, b"PING").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        let (a, b) = UnixStream::pair().unwrap();
        drop(a);
        assert_eq!(recv(&b, &mut buffer).unwrap(), 0);
    }
}
