//! A blocking client on one socket: commands, pipelines, raw bytes. Every read has a time limit,
//! and whatever was received but not asked for yet stays in the buffer.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::value::{Value, lossy};

/// Long enough for a loaded machine; a test that means "no reply" uses its own limit.
pub const REPLY_TIMEOUT: Duration = Duration::from_secs(20);

pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that were already handed out.
    taken: usize,
}

/// One command as a multibulk request.
pub fn encode<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut out = format!("*{}\r\n", args.len()).into_bytes();
    for arg in args.iter().map(AsRef::as_ref) {
        out.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        out.extend_from_slice(arg);
        out.extend_from_slice(b"\r\n");
    }
    out
}

impl Client {
    pub fn connect(port: u16) -> std::io::Result<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream, buffer: Vec::new(), taken: 0 })
    }

    /// Sends one command and waits for its reply.
    pub fn command<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.send_raw(&encode(args));
        self.read()
    }

    /// Sends one command and leaves its reply unread.
    pub fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        self.send_raw(&encode(args));
    }

    /// Switches to RESP3 and returns the reply of HELLO.
    pub fn hello3(&mut self) -> Value {
        let reply = self.command(&["HELLO", "3"]);
        assert!(matches!(reply, Value::Map(_)), "HELLO 3: {reply}");
        reply
    }

    /// Sends all commands at once and returns their replies in order.
    pub fn pipeline<C, A>(&mut self, commands: &[C]) -> Vec<Value>
    where
        C: AsRef<[A]>,
        A: AsRef<[u8]>,
    {
        self.pipeline_raw(commands).into_iter().map(|(value, _)| value).collect()
    }

    /// As `pipeline`, with the bytes of each reply as they were on the wire.
    pub fn pipeline_raw<C, A>(&mut self, commands: &[C]) -> Vec<(Value, Vec<u8>)>
    where
        C: AsRef<[A]>,
        A: AsRef<[u8]>,
    {
        let bytes = commands.iter().flat_map(|c| encode(c.as_ref())).collect::<Vec<u8>>();
        let mut writer = self.stream.try_clone().expect("a descriptor is free");
        // Written beside the reading: else both socket buffers could fill up while both sides wait.
        std::thread::scope(|scope| {
            scope.spawn(move || writer.write_all(&bytes).expect("the server reads what we send"));
            commands.iter().map(|_| self.read_raw()).collect()
        })
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads what we send");
    }

    /// As `send_raw`, where the server may already have closed the connection.
    pub fn try_send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply; panics when none comes within [`REPLY_TIMEOUT`].
    pub fn read(&mut self) -> Value {
        self.read_raw().0
    }

    pub fn read_raw(&mut self) -> (Value, Vec<u8>) {
        match self.try_read_raw(REPLY_TIMEOUT) {
            Some(reply) => reply,
            None => panic!(
                "no complete reply within {REPLY_TIMEOUT:?} or before the connection closed; \
                 received so far: {:?}",
                lossy(&self.buffer[self.taken..])
            ),
        }
    }

    /// The next reply, or `None` when it does not come in time or the server closes first.
    pub fn try_read(&mut self, limit: Duration) -> Option<Value> {
        self.try_read_raw(limit).map(|(value, _)| value)
    }

    fn try_read_raw(&mut self, limit: Duration) -> Option<(Value, Vec<u8>)> {
        let deadline = Instant::now() + limit;
        loop {
            let rest = &self.buffer[self.taken..];
            let decoded = if rest.is_empty() { Ok(None) } else { Value::decode(rest) };
            match decoded.expect("the server speaks RESP") {
                Some((value, used)) => {
                    let raw = rest[..used].to_vec();
                    self.taken += used;
                    return Some((value, raw));
                }
                None if !self.fill(deadline) => return None,
                None => {}
            }
        }
    }

    /// Exactly `len` raw bytes.
    pub fn read_exact_raw(&mut self, len: usize) -> Vec<u8> {
        let deadline = Instant::now() + REPLY_TIMEOUT;
        while self.buffer.len() - self.taken < len {
            assert!(self.fill(deadline), "fewer than {len} bytes came");
        }
        self.taken += len;
        self.buffer[self.taken - len..self.taken].to_vec()
    }

    /// Whether the server closes the connection within `limit`; what it sends before is dropped.
    pub fn is_closed_within(&mut self, limit: Duration) -> bool {
        let deadline = Instant::now() + limit;
        while self.fill(deadline) {}
        Instant::now() < deadline
    }

    /// Reads what is there, waiting until `deadline` for the first byte; false at the end of the
    /// stream or of the time.
    fn fill(&mut self, deadline: Instant) -> bool {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        // A socket knows no zero timeout.
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = left.max(Duration::from_micros(1));
        self.stream.set_read_timeout(Some(wait)).expect("the timeout is not zero");
        let mut chunk = [0; 64 * 1024];
        loop {
            match self.stream.read(&mut chunk) {
                Ok(0) => return false,
                Ok(len) => {
                    self.buffer.extend_from_slice(&chunk[..len]);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }
}

/// What may stand in the argument list of `call!` and `assert_reply!`.
pub trait ToArg {
    fn to_arg(&self) -> Vec<u8>;
}

impl<T: ToArg + ?Sized> ToArg for &T {
    fn to_arg(&self) -> Vec<u8> {
        (**self).to_arg()
    }
}

impl ToArg for str {
    fn to_arg(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl ToArg for String {
    fn to_arg(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }
}

impl ToArg for [u8] {
    fn to_arg(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl<const N: usize> ToArg for [u8; N] {
    fn to_arg(&self) -> Vec<u8> {
        self.to_vec()
    }
}

impl ToArg for Vec<u8> {
    fn to_arg(&self) -> Vec<u8> {
        self.clone()
    }
}

macro_rules! number_to_arg {
    ($($number:ty),+) => {$(
        impl ToArg for $number {
            fn to_arg(&self) -> Vec<u8> {
                self.to_string().into_bytes()
            }
        }
    )+};
}
number_to_arg!(u8, i32, i64, u16, u32, u64, usize, f64);
