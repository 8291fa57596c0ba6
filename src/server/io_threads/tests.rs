//! Tests of the hand-over with real sockets, and of the way the two sides wake each other.

use std::collections::HashSet;
use std::io::{Read as _, Write as _};

use mio::net::UnixStream;

use super::job::{Ahead, Outcome, Read};
use super::*;
use crate::server::connection::{Conn, Flushed, Stream};

const AHEAD: Ahead = Ahead { most: 100, max_bulk_bytes: 1 << 20, db: 3 };

/// A connection and its peer.
fn pair() -> (Box<Conn>, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (Box::new(Conn::new(Stream::Unix(ours))), theirs)
}

fn to_read(token: usize, conn: Box<Conn>) -> Read {
    Read { token, conn, ahead: AHEAD, outcome: Outcome::NoRoom }
}

#[test]
fn what_moves_between_threads_may() {
    fn moves<T: Send>() {}
    moves::<Box<Batch>>();
}

#[test]
fn reads_come_back_parsed() {
    let mut io = IoThreads::start(3).unwrap();
    let mut peers = Vec::new();
    for id in 0..40usize {
        let (conn, mut peer) = pair();
        let mut bytes = b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n".repeat(id % 5);
        bytes.extend_from_slice(b"*1\r\n$4\r\nPI");
        peer.write_all(&bytes).unwrap();
        io.batch(id % 3).reads.push(to_read(id, conn));
        peers.push(peer);
    }
    io.run_round(3);
    for lane in 0..3 {
        let harvest = io.harvest(lane).unwrap();
        for read in io.batch(lane).reads.drain(..) {
            assert_eq!(usize::from(read.conn.io_thread), lane);
            let Outcome::Shared { bytes, commands, drained } = read.outcome else {
                panic!("{:?}", read.outcome)
            };
            assert!(drained);
            assert_eq!(commands.len(), read.token % 5);
            assert!(harvest.slice(&bytes).ends_with(b"*1\r\n$4\r\nPI"));
            for at in commands {
                let command = harvest.commands[at as usize];
                let mut argv = [&[][..]; super::job::FEW_ARGS];
                assert_eq!(harvest.argv(&command, &mut argv), [&b"GET"[..], b"k"]);
                assert_eq!((harvest.arg(&command, 1), command.db), (&b"k"[..], 3));
            }
        }
    }
}

#[test]
fn closed_idle_and_unknown_clients() {
    let mut io = IoThreads::start(2).unwrap();
    let (closed, peer) = pair();
    drop(peer);
    let (idle, _peer) = pair();
    let (stranger, mut peer) = pair();
    peer.write_all(b"*1\r\n$4\r\nPING\r\n").unwrap();
    let (mut begun, mut other) = pair();
    begun.query.extend_from_slice(b"*1\r\n$4\r\nPI");
    other.write_all(b"NG\r\n").unwrap();
    let mut reads = vec![to_read(1, closed), to_read(2, idle), to_read(3, stranger)];
    reads[2].ahead.most = 0;
    reads.push(to_read(4, begun));
    io.batch(1).reads = reads;
    io.run_round(2);
    let mut reads = std::mem::take(&mut io.batch(1).reads).into_iter();
    let mut next = || reads.next().unwrap();
    assert!(matches!(next().outcome, Outcome::Failed(_)));
    let none = |outcome| match outcome {
        Outcome::Shared { bytes, drained, .. } => bytes.is_empty() && drained,
        _ => false,
    };
    assert!(none(next().outcome));
    let Outcome::Shared { bytes, commands, .. } = next().outcome else { panic!("not read") };
    assert_eq!((bytes.len(), commands.len()), (14, 0));
    let read = next();
    assert!(matches!(read.outcome, Outcome::Private { bytes: 4, drained: true }));
    assert_eq!(read.conn.query, b"*1\r\n$4\r\nPING\r\n");
}

#[test]
fn room_follows_the_input() {
    let mut io = IoThreads::start(1).unwrap();
    let mut capacities = Vec::new();
    for bytes in [10, 16_000, 16_384, 60_000, 60_000, 60_000, 10, 10] {
        let (conn, mut peer) = pair();
        peer.write_all(&vec![b'x'; bytes]).unwrap();
        io.batch(0).reads = vec![to_read(1, conn)];
        let mut got = 0;
        while got < bytes {
            io.run_round(1);
            match &io.batch(0).reads[0].outcome {
                Outcome::Shared { bytes, .. } => got += bytes.len(),
                outcome => panic!("{outcome:?}"),
            }
        }
        capacities.push(io.harvest(0).unwrap().capacity() / 1024);
    }
    assert_eq!(capacities, [16, 16, 16, 64, 64, 64, 64, 64]);
    for capacity in [64, 32, 16, 16] {
        io.trim();
        assert_eq!(io.harvest(0).unwrap().capacity() / 1024, capacity);
    }
}

#[test]
fn input_without_room_stays_in_its_socket() {
    const CLIENTS: usize = 12;
    let mut io = IoThreads::start(2).unwrap();
    let mut peers = Vec::new();
    for id in 0..CLIENTS {
        let (conn, mut peer) = pair();
        peer.write_all(&vec![b'x'; 40_000]).unwrap();
        peers.push(peer);
        io.batch(1).reads.push(to_read(id, conn));
    }
    let mut left = CLIENTS;
    for _ in 0..4 {
        io.run_round(2);
        let reads = std::mem::take(&mut io.batch(1).reads);
        let (again, done): (Vec<Read>, Vec<Read>) =
            reads.into_iter().partition(|read| matches!(read.outcome, Outcome::NoRoom));
        assert!(again.len() < left, "every round brings something");
        assert!(done.iter().all(|read| matches!(read.outcome, Outcome::Shared { .. })));
        left = again.len();
        io.batch(1).reads = again;
        if left == 0 {
            return;
        }
    }
    panic!("{left} were not read");
}

#[test]
fn a_harvest_in_use_is_not_overwritten() {
    let mut batch = Batch::new(0, 64 * 1024);
    batch.fresh_harvest();
    let kept = batch.harvest.clone().unwrap();
    batch.fresh_harvest();
    assert!(!Arc::ptr_eq(&kept, batch.harvest.as_ref().unwrap()));
    let now = Arc::as_ptr(batch.harvest.as_ref().unwrap());
    batch.fresh_harvest();
    assert_eq!(now, Arc::as_ptr(batch.harvest.as_ref().unwrap()), "a free one is used again");
}

#[test]
fn many_rounds_of_writes() {
    const CLIENTS: usize = 9;
    let mut io = IoThreads::start(4).unwrap();
    let (mut conns, mut peers): (Vec<_>, Vec<_>) = (0..CLIENTS).map(|_| pair()).unzip();
    for round in 0..500 {
        let text = format!("+{round}\r\n");
        for (id, mut conn) in conns.drain(..).enumerate() {
            conn.out.push(b"+queued\r\n".to_vec());
            io.batch(id % 4).writes.push(Write {
                token: id,
                conn,
                reply: text.clone().into_bytes(),
                outcome: Err(io::ErrorKind::WouldBlock.into()),
            });
        }
        io.run_round(4);
        let mut back: Vec<Write> =
            (0..4).flat_map(|lane| std::mem::take(&mut io.batch(lane).writes)).collect();
        back.sort_by_key(|write| write.token);
        for (write, peer) in back.into_iter().zip(&mut peers) {
            let (bytes, flushed) = write.outcome.unwrap();
            assert_eq!((bytes, flushed), (text.len() + 9, Flushed::All));
            assert!(write.reply.is_empty() && write.conn.out.is_empty());
            let mut got = vec![0; bytes];
            peer.read_exact(&mut got).unwrap();
            assert_eq!(got, format!("+queued\r\n{text}").as_bytes());
            conns.push(write.conn);
        }
    }
}

#[cfg(not(tsan))]
#[test]
fn threads_help_only_a_busy_main_thread() {
    let mut io = IoThreads::start(2).unwrap();
    assert_eq!(io.lanes(1000), 1);
    let mut now = 0;
    let mut window = |io: &mut IoThreads, percent: u64| {
        now += WINDOW_US;
        io.account(WINDOW_US * percent / 100, now);
        io.are_active()
    };
    assert!(!window(&mut io, 50));
    assert!(window(&mut io, 70));
    assert!(window(&mut io, 50), "once they work, less keeps them working");
    assert_eq!((io.lanes(0), io.lanes(7), io.lanes(8), io.lanes(1000)), (1, 1, 2, 2));
    assert!(!window(&mut io, 20));
    assert_eq!(io.lanes(1000), 1);
    let mut alone = IoThreads::start(1).unwrap();
    assert!(!alone.exist());
    alone.account(10 * WINDOW_US, 10 * WINDOW_US);
    assert_eq!(alone.lanes(1000), 1);
}

/// The protocol of `worker`, with every step of every thread as one transition: mailboxes as
/// booleans, `unpark` as a token, sleeping as a state that only a token ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Model {
    rounds_left: u8,
    main: Main,
    worker: Work,
    job_full: bool,
    result_full: bool,
    main_token: bool,
    worker_token: bool,
    stop: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Main {
    Put,
    Wake,
    Look,
    Sleep,
    Stop,
    WakeToStop,
    Join,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Work {
    Look,
    LookForStop,
    Sleep,
    Put,
    Wake,
    Ended,
}

impl Model {
    fn main_step(mut self) -> Option<Model> {
        self.main = match self.main {
            Main::Put => {
                assert!(!self.job_full, "the worker has taken the last job");
                self.job_full = true;
                Main::Wake
            }
            Main::Wake => {
                self.worker_token = true;
                Main::Look
            }
            Main::Look if self.result_full => {
                self.result_full = false;
                self.rounds_left -= 1;
                if self.rounds_left == 0 { Main::Stop } else { Main::Put }
            }
            Main::Look => Main::Sleep,
            Main::Sleep if self.main_token => {
                self.main_token = false;
                Main::Look
            }
            Main::Stop => {
                self.stop = true;
                Main::WakeToStop
            }
            Main::WakeToStop => {
                self.worker_token = true;
                Main::Join
            }
            Main::Sleep | Main::Join => return None,
        };
        Some(self)
    }

    fn worker_step(mut self) -> Option<Model> {
        self.worker = match self.worker {
            Work::Look if self.job_full => {
                self.job_full = false;
                Work::Put
            }
            Work::Look => Work::LookForStop,
            Work::LookForStop if self.stop => Work::Ended,
            Work::LookForStop => Work::Sleep,
            Work::Sleep if self.worker_token => {
                self.worker_token = false;
                Work::Look
            }
            Work::Put => {
                assert!(!self.result_full, "the main thread has taken the last result");
                self.result_full = true;
                Work::Wake
            }
            Work::Wake => {
                self.main_token = true;
                Work::Look
            }
            Work::Sleep | Work::Ended => return None,
        };
        Some(self)
    }
}

#[test]
fn no_order_of_steps_loses_a_wake_up() {
    let start = Model {
        rounds_left: 3,
        main: Main::Put,
        worker: Work::Look,
        job_full: false,
        result_full: false,
        main_token: false,
        worker_token: false,
        stop: false,
    };
    let mut seen = HashSet::from([start]);
    let mut open = vec![start];
    let mut ends = 0;
    while let Some(state) = open.pop() {
        let next = [state.main_step(), state.worker_step()];
        if next.iter().all(Option::is_none) {
            assert_eq!((state.main, state.worker), (Main::Join, Work::Ended), "{state:?}");
            ends += 1;
        }
        open.extend(next.into_iter().flatten().filter(|state| seen.insert(*state)));
    }
    assert!(ends > 0 && seen.len() > 50);
}
