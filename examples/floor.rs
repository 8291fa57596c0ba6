//! The least that a server can do: it reads, counts the PINGs by their bytes and answers, on the
//! event loop that the server uses. What this costs, the kernel costs: `benches/floor.py` sets a
//! server's figures beside it.
//!
//! `floor --port PORT`; whatever else it is told it ignores. It understands nothing but PING.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Ipv4Addr;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

/// `*1\r\n$4\r\nPING\r\n`
const REQUEST_BYTES: usize = 14;
const REPLY: &[u8] = b"+PONG\r\n";
const READ_BYTES: usize = 16 * 1024;
const LISTENER: Token = Token(usize::MAX);

struct Client {
    stream: TcpStream,
    /// Bytes of a request that is not whole yet.
    begun: usize,
}

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let port =
        args.windows(2).find(|pair| pair[0] == "--port").and_then(|pair| pair[1].parse().ok());
    let port: u16 = port.ok_or_else(|| io::Error::other("usage: floor --port PORT"))?;
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port).into())?;
    let mut poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut clients: Vec<Option<Client>> = Vec::new();
    let replies = REPLY.repeat(READ_BYTES / REQUEST_BYTES + 1);
    let mut buffer = vec![0; READ_BYTES];
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    loop {
        if let Err(error) = poll.poll(&mut events, None)
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error);
        }
        for event in &events {
            if event.token() == LISTENER {
                accept(&mut listener, &poll, &mut clients)?;
                continue;
            }
            let Token(at) = event.token();
            let Some(slot) = clients.get_mut(at) else { continue };
            while event.is_readable()
                && let Some(client) = slot
            {
                match client.stream.read(&mut buffer) {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Ok(0) | Err(_) => *slot = None,
                    Ok(bytes) => {
                        let there = client.begun + bytes;
                        client.begun = there % REQUEST_BYTES;
                        waiting.push((at, there / REQUEST_BYTES * REPLY.len()));
                        if bytes < READ_BYTES {
                            break;
                        }
                    }
                }
            }
        }
        // All are answered at the end of a turn, as the server does it.
        for (at, bytes) in waiting.drain(..) {
            let Some(slot) = clients.get_mut(at) else { continue };
            if slot.as_mut().is_some_and(|c| c.stream.write_all(&replies[..bytes]).is_err()) {
                *slot = None;
            }
        }
    }
}

fn accept(
    listener: &mut TcpListener,
    poll: &Poll,
    clients: &mut Vec<Option<Client>>,
) -> io::Result<()> {
    loop {
        match listener.accept() {
            Ok((mut stream, _)) => {
                stream.set_nodelay(true)?;
                let both = Interest::READABLE | Interest::WRITABLE;
                poll.registry().register(&mut stream, Token(clients.len()), both)?;
                clients.push(Some(Client { stream, begun: 0 }));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
