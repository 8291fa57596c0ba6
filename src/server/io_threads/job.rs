//! What is done for the connections of some clients in one round: reading and parsing, or writing.
//! By whom does not matter: a thread or the main one. Knows no `Client` and no keyspace. Sockets
//! are touched through `Stream` only: a TLS session would be one kind of it, moving with its
//! `Conn`.
//!
//! Invariant: a `Batch` and all that is in it belong to one thread at a time, moved by value; its
//! harvest is written only by who runs the batch, and then only read until the next round.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use crate::protocol::request::{Whole, parse_whole};
use crate::server::connection::{Conn, Flushed, read_some};

/// Most input of one round, bytes. What does not fit waits for the next one.
pub const HARVEST_BYTES: usize = 256 * 1024;
/// The same where no threads are configured.
pub const SMALL_HARVEST_BYTES: usize = 128 * 1024;
/// Room for input at first, and when there is little of it: as a connection's buffer.
pub const MIN_HARVEST_BYTES: usize = 16 * 1024;
/// Most that one client may bring in a round.
const READ_BYTES: usize = 64 * 1024;
/// With less room than this no further client is read in this round.
const MIN_ROOM: usize = 4 * 1024;
/// Commands with more arguments are not parsed ahead.
pub const FEW_ARGS: usize = 16;

/// A whole command that was found ahead; its arguments stand in `Harvest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    first_arg: u32,
    pub argc: u32,
    /// Bytes of the command, and of its arguments alone.
    pub bytes: u32,
    args_bytes: u32,
    /// The database that was selected when it came: where to look ahead, not where it runs.
    pub db: u32,
}

impl Command {
    /// As the parser found it.
    #[inline]
    pub fn whole(&self) -> Whole {
        let [argc, bytes, args_bytes] =
            [self.argc, self.bytes, self.args_bytes].map(|figure| figure as usize);
        Whole { argc, bytes, args_bytes }
    }
}

/// Place of an argument in the harvest's bytes.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: u32,
    len: u32,
}

/// The input that one thread read in one round, one client's after the other's.
pub struct Harvest {
    /// All of it is room; it doubles when it is short, and `trim` takes back what is not used.
    bytes: Vec<u8>,
    used: usize,
    max_bytes: usize,
    /// A client had more to say than there was room for.
    is_short: bool,
    /// Most that was used since the last `trim`.
    peak: usize,
    /// Whole commands, in the order of the bytes.
    pub commands: Vec<Command>,
    args: Vec<Place>,
}

impl Harvest {
    fn new(max_bytes: usize) -> Harvest {
        Harvest {
            bytes: vec![0; MIN_HARVEST_BYTES.min(max_bytes)],
            used: 0,
            max_bytes,
            is_short: false,
            peak: 0,
            commands: Vec::new(),
            args: Vec::new(),
        }
    }

    /// The bytes of one client.
    pub fn slice(&self, range: &Range<u32>) -> &[u8] {
        &self.bytes[range.start as usize..range.end as usize]
    }

    /// Argument `i` of a command.
    #[inline]
    pub fn arg(&self, command: &Command, i: usize) -> &[u8] {
        let place = self.args[command.first_arg as usize + i];
        &self.bytes[place.start as usize..][..place.len as usize]
    }

    /// The arguments of a command, in `argv`.
    #[inline]
    pub fn argv<'a, 'v>(
        &'a self,
        command: &Command,
        argv: &'v mut [&'a [u8]; FEW_ARGS],
    ) -> &'v [&'a [u8]] {
        let places = &self.args[command.first_arg as usize..][..command.argc as usize];
        for (slot, place) in argv.iter_mut().zip(places) {
            *slot = &self.bytes[place.start as usize..][..place.len as usize];
        }
        &argv[..places.len()]
    }

    /// Makes more room if what there was did not do; gives how much one client may bring.
    #[inline]
    fn room(&mut self) -> usize {
        let room = self.bytes.len() - self.used;
        if (room < MIN_ROOM || self.is_short) && self.bytes.len() < self.max_bytes {
            self.is_short = false;
            self.bytes.resize((self.bytes.len() * 2).min(self.max_bytes), 0);
        }
        (self.bytes.len() - self.used).min(READ_BYTES)
    }

    /// Gives back room that was not used since the last time, half of it at most.
    fn trim(&mut self) {
        let peak = std::mem::take(&mut self.peak).max(self.used);
        if peak < self.bytes.len() / 4 && self.bytes.len() > MIN_HARVEST_BYTES {
            self.clear();
            self.bytes.truncate(self.bytes.len() / 2);
            self.bytes.shrink_to_fit();
            self.commands.shrink_to(self.commands.capacity() / 2);
            self.args.shrink_to(self.args.capacity() / 2);
        }
    }

    /// Its size in memory, bytes.
    #[cfg(test)]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    fn clear(&mut self) {
        self.peak = self.peak.max(self.used);
        self.used = 0;
        self.commands.clear();
        self.args.clear();
    }

    /// Reads what one socket has, up to the room that is left, and finds up to `most` whole
    /// commands at its beginning.
    pub fn read(&mut self, conn: &mut Conn, ahead: Ahead) -> Outcome {
        let room = self.room();
        if room < MIN_ROOM {
            return Outcome::NoRoom;
        }
        let start = self.used;
        match read_some(&mut conn.stream, &mut self.bytes[start..start + room]) {
            Ok((bytes, drained)) => {
                let drained = drained && !conn.read_closed;
                self.used += bytes;
                self.is_short |= bytes == room && room < READ_BYTES;
                let first = self.commands.len();
                if conn.parser.is_idle() {
                    self.parse(start, ahead);
                }
                Outcome::Shared {
                    bytes: start as u32..self.used as u32,
                    commands: first as u32..self.commands.len() as u32,
                    drained,
                }
            }
            Err(error) => Outcome::Failed(error),
        }
    }

    fn parse(&mut self, start: usize, ahead: Ahead) {
        let bytes = &self.bytes[start..self.used];
        let mut at = 0;
        for _ in 0..ahead.most {
            let mut argv: [&[u8]; FEW_ARGS] = [&[]; FEW_ARGS];
            let rest = &bytes[at..];
            let Some(whole) = parse_whole(rest, ahead.max_bulk_bytes, &mut argv) else { return };
            let first_arg = self.args.len() as u32;
            let origin = self.bytes.as_ptr().addr();
            self.args.extend(argv[..whole.argc].iter().map(|arg| Place {
                start: (arg.as_ptr().addr() - origin) as u32,
                len: arg.len() as u32,
            }));
            self.commands.push(Command {
                first_arg,
                argc: whole.argc as u32,
                bytes: whole.bytes as u32,
                args_bytes: whole.args_bytes as u32,
                db: ahead.db,
            });
            at += whole.bytes;
        }
    }
}

/// What may be parsed before the main thread looks.
#[derive(Debug, Clone, Copy)]
pub struct Ahead {
    /// Commands; 0: nothing (the client is not authenticated).
    pub most: usize,
    pub max_bulk_bytes: usize,
    pub db: u32,
}

/// How a read ended. `drained`: the socket has nothing more now, an event will tell when it has.
#[derive(Debug)]
pub enum Outcome {
    /// Not done yet, or no room: the client's turn comes in the next round.
    NoRoom,
    /// Input stands in the harvest.
    Shared {
        bytes: Range<u32>,
        commands: Range<u32>,
        drained: bool,
    },
    /// So many bytes were added to the connection's own buffer.
    Private {
        bytes: usize,
        drained: bool,
    },
    Failed(io::Error),
}

/// One connection to be read.
pub struct Read {
    pub token: usize,
    pub conn: Box<Conn>,
    pub ahead: Ahead,
    pub outcome: Outcome,
}

impl Read {
    fn run(&mut self, harvest: &mut Harvest) {
        let conn = &mut *self.conn;
        self.outcome = if !conn.reads_privately() {
            harvest.read(conn, self.ahead)
        } else {
            match conn.read_query() {
                Ok((bytes, drained)) => {
                    Outcome::Private { bytes, drained: drained && !conn.read_closed }
                }
                Err(error) => Outcome::Failed(error),
            }
        };
    }
}

/// One connection to be written to: its queue, then `reply`.
pub struct Write {
    pub token: usize,
    pub conn: Box<Conn>,
    pub reply: Vec<u8>,
    pub outcome: io::Result<(usize, Flushed)>,
}

/// The share of one thread in a round.
pub struct Batch {
    /// Of the thread that runs it: 0 is the main one.
    pub thread: u8,
    pub reads: Vec<Read>,
    pub writes: Vec<Write>,
    pub harvest: Option<Arc<Harvest>>,
    harvest_bytes: usize,
}

impl Batch {
    /// With room for so much input.
    pub fn new(thread: u8, harvest_bytes: usize) -> Batch {
        Batch { thread, reads: Vec::new(), writes: Vec::new(), harvest: None, harvest_bytes }
    }

    /// An empty harvest: the one of the last round, unless commands still run from it.
    pub fn fresh_harvest(&mut self) -> &mut Harvest {
        let free = self.harvest.as_mut().is_some_and(|harvest| Arc::get_mut(harvest).is_some());
        if !free {
            self.harvest = Some(Arc::new(Harvest::new(self.harvest_bytes)));
        }
        let harvest = self.harvest.as_mut().and_then(Arc::get_mut).expect("it is the only one");
        harvest.clear();
        harvest
    }

    /// Gives back memory that the last rounds did not need. Not while commands run from it.
    pub fn trim(&mut self) {
        if let Some(harvest) = self.harvest.as_mut().and_then(Arc::get_mut) {
            harvest.trim();
        }
    }

    /// Does the work; what came of it stands in each read and write.
    pub fn run(&mut self) {
        if !self.reads.is_empty() {
            let mut reads = std::mem::take(&mut self.reads);
            let thread = self.thread;
            let harvest = self.fresh_harvest();
            for read in &mut reads {
                read.conn.io_thread = thread;
                read.run(harvest);
            }
            self.reads = reads;
        }
        for write in &mut self.writes {
            write.conn.io_thread = self.thread;
            write.outcome = write.conn.flush(&mut write.reply);
        }
    }
}
