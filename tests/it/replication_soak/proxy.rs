//! A TCP proxy of the test, which stands before one server: its replicas connect to it, and it
//! passes on what comes as long as it is told so. It can cut all connections, cut after so many
//! bytes, let them hang without a word, close one side only, go slowly and in tiny pieces.
//!
//! Invariant: a connection belongs to the epoch it was made in; `cut` begins a new one, and all
//! connections of older epochs end within a few ms.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::SeqCst};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

const NAP: Duration = Duration::from_millis(4);
/// How long the far side of a half closed connection stays open.
const HALF_OPEN: Duration = Duration::from_millis(1500);
/// Bytes at the start of a piece that are passed on in tiny pieces.
const TINY_BYTES: usize = 200;

#[derive(Default)]
struct Faults {
    epoch: AtomicU64,
    /// Connections of the last epoch are closed at the replica's side only, at first.
    half: AtomicBool,
    frozen: AtomicBool,
    tiny: AtomicBool,
    delay_ms: AtomicU64,
    /// Bytes until everything is cut; below zero = no limit.
    budget: AtomicI64,
    ends: AtomicBool,
    connections: AtomicU64,
}

pub struct Proxy {
    pub port: u16,
    faults: Arc<Faults>,
}

impl Proxy {
    /// Before the server on that port.
    pub fn start(server: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port is free");
        let port = listener.local_addr().expect("bound").port();
        let faults = Arc::new(Faults { budget: AtomicI64::new(-1), ..Faults::default() });
        let theirs = Arc::clone(&faults);
        spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if theirs.ends.load(SeqCst) {
                    return;
                }
                connect(near, server, &theirs);
            }
        });
        Proxy { port, faults }
    }

    /// Ends all connections; `half`: the server learns of it later.
    pub fn cut(&self, half: bool) {
        self.faults.half.store(half, SeqCst);
        self.faults.epoch.fetch_add(1, SeqCst);
    }

    /// All connections together may carry so many more bytes, then they are cut.
    pub fn cut_after(&self, bytes: i64) {
        self.faults.budget.store(bytes, SeqCst);
    }

    /// Nothing is passed on, and nobody is told.
    pub fn freeze(&self) {
        self.faults.frozen.store(true, SeqCst);
    }

    /// Every piece comes late, its beginning in pieces of a few bytes.
    pub fn slow(&self, delay_ms: u64, tiny: bool) {
        self.faults.delay_ms.store(delay_ms, SeqCst);
        self.faults.tiny.store(tiny, SeqCst);
    }

    /// Everything is passed on again. What hung goes on where it was.
    pub fn heal(&self) {
        let faults = &self.faults;
        faults.frozen.store(false, SeqCst);
        faults.budget.store(-1, SeqCst);
        self.slow(0, false);
    }

    /// Connections made so far.
    pub fn connections(&self) -> u64 {
        self.faults.connections.load(SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.faults.ends.store(true, SeqCst);
        self.cut(false);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn connect(near: TcpStream, server: u16, faults: &Arc<Faults>) {
    let Ok(far) = TcpStream::connect(("127.0.0.1", server)) else { return };
    faults.connections.fetch_add(1, SeqCst);
    let epoch = faults.epoch.load(SeqCst);
    for (from, to, towards_far) in [(&near, &far, true), (&far, &near, false)] {
        let (Ok(from), Ok(to)) = (from.try_clone(), to.try_clone()) else { return };
        let faults = Arc::clone(faults);
        spawn(move || {
            pump(&from, &to, epoch, &faults);
            let (near, far) = if towards_far { (from, to) } else { (to, from) };
            // Either may be closed already.
            let _ = near.shutdown(Shutdown::Both);
            if faults.half.load(SeqCst) && !faults.ends.load(SeqCst) {
                sleep(HALF_OPEN);
            }
            let _ = far.shutdown(Shutdown::Both);
        });
    }
}

/// Passes bytes on until one side closes or the epoch is over.
fn pump(mut from: &TcpStream, mut to: &TcpStream, epoch: u64, faults: &Faults) {
    let over = || faults.epoch.load(SeqCst) != epoch;
    let mut buffer = [0; 16 * 1024];
    from.set_read_timeout(Some(NAP)).expect("not zero");
    to.set_nodelay(true).expect("a socket");
    while !over() {
        let len = match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(len) => len,
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                continue;
            }
            Err(_) => return,
        };
        while faults.frozen.load(SeqCst) && !over() {
            sleep(NAP);
        }
        sleep(Duration::from_millis(faults.delay_ms.load(SeqCst)));
        if over() {
            return;
        }
        let mut bytes = &buffer[..len];
        let budget = faults.budget.load(SeqCst);
        let cuts = budget >= 0 && budget < len as i64;
        if budget >= 0 {
            bytes = &bytes[..len.min(budget as usize)];
            faults.budget.fetch_sub(bytes.len() as i64, SeqCst);
        }
        let (tiny, rest) = bytes.split_at(
            if faults.tiny.load(SeqCst) { len.min(TINY_BYTES) } else { 0 }.min(bytes.len()),
        );
        for piece in tiny.chunks(7) {
            if to.write_all(piece).is_err() {
                return;
            }
        }
        if to.write_all(rest).is_err() {
            return;
        }
        if cuts {
            faults.budget.store(-1, SeqCst);
            faults.epoch.fetch_add(1, SeqCst);
            return;
        }
    }
}

#[test]
fn it_passes_on_and_cuts() {
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let proxy = Proxy::start(server.local_addr().unwrap().port());
    let mut near = TcpStream::connect(("127.0.0.1", proxy.port)).unwrap();
    let (mut far, _) = server.accept().unwrap();
    proxy.slow(1, true);
    near.write_all(&[b'x'; 1000]).unwrap();
    let mut all = [0; 1000];
    far.read_exact(&mut all).unwrap();
    proxy.heal();
    proxy.cut_after(3);
    far.write_all(b"abcdef").unwrap();
    let mut got = Vec::new();
    near.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"abc");
    let start = Instant::now();
    assert_eq!(far.read(&mut all).unwrap(), 0);
    assert!(start.elapsed() < HALF_OPEN * 4);
    assert_eq!(proxy.connections(), 1);
}
