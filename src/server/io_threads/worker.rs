//! A thread that runs batches for the main one, and the hand-over between the two.
//!
//! Invariant: a batch is on one side at a time. Waking is done after every hand-over and costs a
//! system call only if the other side sleeps; a wake-up that finds nothing does no harm.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Builder, JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::job::Batch;
use crate::sys::mailbox::{Receiver, Sender, mailbox};
use crate::sys::malloc;

/// How long a thread looks for its next batch before it sleeps: about the time that the main
/// thread runs commands between a round of reads and one of writes.
const IDLE_SPIN: Duration = Duration::from_micros(20);
/// How long the main thread looks for a batch to come back.
const WAIT_SPIN: Duration = Duration::from_micros(50);
/// Looks between two readings of the clock.
const LOOKS: usize = 16;

/// The main thread's handle of a thread.
pub struct Worker {
    jobs: Sender<Box<Batch>>,
    results: Receiver<Box<Batch>>,
    stop: Arc<AtomicBool>,
    spins: bool,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts thread number `index`; batches come back to the calling thread.
    pub fn start(index: usize) -> io::Result<Worker> {
        let (jobs, inbox) = mailbox();
        let (outbox, results) = mailbox();
        let stop = Arc::new(AtomicBool::new(false));
        // With one processor whoever waits keeps the other from working.
        let spins = thread::available_parallelism().is_ok_and(|cpus| cpus.get() > 1);
        let side = Side { inbox, outbox, main: thread::current(), stop: Arc::clone(&stop), spins };
        let thread = Builder::new().name(format!("io_thd_{index}")).spawn(move || side.work())?;
        Ok(Worker { jobs, results, stop, spins, thread: Some(thread) })
    }

    /// Hands a batch over. None may be there.
    pub fn send(&mut self, batch: Box<Batch>) {
        let sent = self.jobs.put(batch);
        assert!(sent.is_ok(), "the batch before has come back");
        self.wake();
    }

    /// Waits for the batch that is there.
    pub fn receive(&mut self) -> Box<Batch> {
        let results = &mut self.results;
        if self.spins
            && let Some(batch) = spin(WAIT_SPIN, || results.take())
        {
            return batch;
        }
        loop {
            if let Some(batch) = self.results.take() {
                return batch;
            }
            thread::park();
        }
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It ends after the batch it has; a panic of it has ended the process already.
            let _ = thread.join();
        }
    }
}

/// The thread's own side.
struct Side {
    inbox: Receiver<Box<Batch>>,
    outbox: Sender<Box<Batch>>,
    main: Thread,
    stop: Arc<AtomicBool>,
    spins: bool,
}

impl Side {
    fn work(mut self) {
        while let Some(mut batch) = self.next() {
            batch.run();
            // What it allocated and freed must show in `used_memory` before the commands run.
            malloc::publish();
            let sent = self.outbox.put(batch);
            assert!(sent.is_ok(), "the main thread took the batch before");
            self.main.unpark();
        }
    }

    /// `None`: the end.
    fn next(&mut self) -> Option<Box<Batch>> {
        let inbox = &mut self.inbox;
        if self.spins
            && let Some(batch) = spin(IDLE_SPIN, || inbox.take())
        {
            return Some(batch);
        }
        loop {
            if let Some(batch) = self.inbox.take() {
                return Some(batch);
            }
            if self.stop.load(Ordering::Acquire) {
                return None;
            }
            thread::park();
        }
    }
}

/// Looks for something for so long.
fn spin<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let mut start = None;
    loop {
        for _ in 0..LOOKS {
            if let Some(found) = look() {
                return Some(found);
            }
            std::hint::spin_loop();
        }
        if start.get_or_insert_with(Instant::now).elapsed() > limit {
            return None;
        }
    }
}
