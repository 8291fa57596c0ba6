//! I/O threads: they read and parse what clients send, and write what they are sent, while the main
//! thread waits or does its share of the same; commands run on the main thread alone.
//!
//! A turn of the loop fans out and in twice: the connections of the clients that are ready go to
//! the threads by value, come back read and parsed, all commands run, and the connections with
//! output go out to be written. No connection is away while a command runs or the process forks:
//! whatever touches clients (pub/sub, MONITOR, CLIENT KILL, eviction) need not know of threads.
//!
//! Threads are used only when the main thread is busy most of the time and several clients are
//! ready at once; else, and with `io-threads 1`, this is one test of a flag a turn.

mod gather;
mod job;
mod worker;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use self::gather::Gathered;
use self::job::{Batch, HARVEST_BYTES, Harvest, SMALL_HARVEST_BYTES, Write};
use self::worker::Worker;
use super::Server;
use super::client::ClientFlags;

/// The first lane that gets work. ThreadSanitizer is to see all of it pass between threads: then
/// the main one, lane 0, only waits.
const FIRST_LANE: usize = if cfg!(tsan) { 1 } else { 0 };
/// Fewer ready clients than this are not worth a thread.
const CLIENTS_PER_THREAD: usize = 4;
/// Time over which the load of the main thread is measured, us.
const WINDOW_US: u64 = 5_000;
/// Load from which threads help, and below which they rest, percent of the time.
const BUSY_PERCENT: u64 = 60;
const IDLE_PERCENT: u64 = 30;

/// What one thread has done.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThreadStats {
    pub reads: u64,
    pub writes: u64,
}

/// The threads, and what passes between them and the main one.
#[derive(Default)]
pub struct IoThreads {
    workers: Vec<Worker>,
    /// One for the main thread, one for each other; `None` while a thread has it.
    batches: Vec<Option<Box<Batch>>>,
    /// The main thread has no time to spare.
    active: bool,
    window_start_us: u64,
    window_busy_us: u64,
    /// By thread; the main one's are what the others leave of the totals.
    stats: Vec<ThreadStats>,
    /// Clients that were read from and whose commands are to run in this turn.
    gathered: VecDeque<Gathered>,
}

impl IoThreads {
    /// Starts `threads - 1` threads: the main one counts.
    pub fn start(threads: usize) -> io::Result<IoThreads> {
        let workers = (1..threads).map(Worker::start).collect::<io::Result<Vec<Worker>>>()?;
        let bytes = if threads > 1 { HARVEST_BYTES } else { SMALL_HARVEST_BYTES };
        let batch = |index: usize| Some(Box::new(Batch::new(index as u8, bytes)));
        let batches = (0..threads).map(batch).collect();
        let stats = vec![ThreadStats::default(); threads];
        Ok(IoThreads { workers, batches, stats, ..IoThreads::default() })
    }

    fn is_started(&self) -> bool {
        !self.batches.is_empty()
    }

    /// There are threads other than the main one.
    #[inline]
    pub fn exist(&self) -> bool {
        !self.workers.is_empty()
    }

    /// They work at present.
    pub fn are_active(&self) -> bool {
        self.active
    }

    /// How many threads are to share work for so many clients; 1: the main one does it all.
    #[inline]
    fn lanes(&self, clients: usize) -> usize {
        if cfg!(tsan) {
            return clients.min(self.workers.len()) + 1;
        }
        if !self.active {
            return 1;
        }
        (clients / CLIENTS_PER_THREAD).clamp(1, self.workers.len() + 1)
    }

    /// The main thread worked for `busy_us` and will wait now.
    pub fn account(&mut self, busy_us: u64, now_us: u64) {
        self.window_busy_us += busy_us;
        let elapsed = now_us.saturating_sub(self.window_start_us);
        if elapsed < WINDOW_US {
            return;
        }
        let percent = self.window_busy_us * 100 / elapsed;
        self.active = percent >= if self.active { IDLE_PERCENT } else { BUSY_PERCENT };
        self.window_busy_us = 0;
        self.window_start_us = now_us;
    }

    /// Figures of each thread but the main one.
    pub fn worker_stats(&self) -> &[ThreadStats] {
        self.stats.get(1..).unwrap_or_default()
    }

    /// CONFIG RESETSTAT.
    pub fn reset_stats(&mut self) {
        self.stats.fill(ThreadStats::default());
    }

    /// Gives back memory that lately was not needed; called now and then. Not while input waits in
    /// it for its turn.
    pub fn trim(&mut self) {
        if self.gathered.is_empty() {
            self.batches.iter_mut().flatten().for_each(|batch| batch.trim());
        }
    }

    fn batch(&mut self, lane: usize) -> &mut Batch {
        self.batches[lane].as_mut().expect("no batch is away between rounds")
    }

    fn harvest(&self, lane: usize) -> Option<Arc<Harvest>> {
        self.batches[lane].as_ref()?.harvest.clone()
    }

    /// One round: the threads run their batches, the main thread its own, until all are back.
    fn run_round(&mut self, lanes: usize) {
        for lane in 1..lanes {
            let batch = self.batches[lane].take().expect("no batch is away between rounds");
            self.workers[lane - 1].send(batch);
        }
        self.batch(0).run();
        for lane in 1..lanes {
            self.batches[lane] = Some(self.workers[lane - 1].receive());
        }
    }
}

impl Server {
    /// Starts the configured threads.
    pub fn start_io_threads(&mut self) -> Result<(), String> {
        self.io = IoThreads::start(self.config.io_threads as usize)
            .map_err(|_| "Fatal: Can't initialize IO thread.".to_string())?;
        Ok(())
    }

    /// Writes to those of the clients that need not wait for the main thread, if threads are to
    /// help; the others are left in `tokens`.
    #[inline]
    pub(super) fn write_by_threads(&mut self, tokens: &mut Vec<usize>) {
        let lanes = self.io.lanes(tokens.len());
        if lanes > 1 {
            self.write_round(tokens, lanes);
        }
    }

    fn write_round(&mut self, tokens: &mut Vec<usize>, lanes: usize) {
        let mut lane = FIRST_LANE;
        tokens.retain(|token| {
            let Some(write) = self.take_write(*token) else { return true };
            self.io.batch(lane).writes.push(write);
            lane = if lane + 1 < lanes { lane + 1 } else { FIRST_LANE };
            false
        });
        self.io.run_round(lanes);
        for lane in 0..lanes {
            let mut writes = std::mem::take(&mut self.io.batch(lane).writes);
            for write in writes.drain(..) {
                let mut client =
                    self.clients.check_out_token(write.token).expect("nothing ran meanwhile");
                client.conn = Some(write.conn);
                *client.reply.buffer_mut() = write.reply;
                self.io.stats[lane].writes += u64::from(write.outcome.is_ok());
                self.client_written(&mut client, write.outcome);
                self.clients.check_in(client);
            }
            self.io.batch(lane).writes = writes;
        }
    }

    /// What a thread needs to write to this client; `None` if the main thread must do it.
    fn take_write(&mut self, token: usize) -> Option<Write> {
        const OWN: ClientFlags =
            ClientFlags::REPLICA.and(ClientFlags::MASTER).and(ClientFlags::CLOSE_ASAP);
        let client = self.clients.get_by_token(token)?;
        if client.flags.has(OWN) || client.conn.as_ref().is_none_or(|conn| conn.write_blocked) {
            return None;
        }
        client.flags.clear(ClientFlags::PENDING_WRITE);
        let conn = client.conn.take()?;
        client.reply_allowance.note(client.reply.len(), conn.out.is_empty());
        let reply = std::mem::take(client.reply.buffer_mut());
        let outcome = Err(io::ErrorKind::WouldBlock.into());
        Some(Write { token, conn, reply, outcome })
    }
}
