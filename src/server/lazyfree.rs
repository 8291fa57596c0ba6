//! The thread that frees big values, so that deleting them takes no time from commands.
//!
//! Not the decision what is lazy: callers pass the `lazyfree-lazy-*` setting that applies.
//! Invariant: `pending() + freed()` grows by what is handed over, whether or not the thread lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use crate::storage::object::Value;
use crate::sys::malloc;

/// Values whose release takes no more steps than this are freed at once: handing them over would
/// cost as much.
const THRESHOLD: usize = 64;

/// Something to drop, and how many objects (values, keys of a database) it counts for.
struct Job {
    garbage: Box<dyn Send>,
    objects: u64,
}

#[derive(Default)]
struct Counters {
    pending: AtomicU64,
    freed: AtomicU64,
}

impl Counters {
    fn run(&self, job: Job) {
        drop(job.garbage);
        // The freed bytes must show in `used_memory` before anyone sees that nothing is pending.
        malloc::publish();
        self.freed.fetch_add(job.objects, Ordering::Relaxed);
        self.pending.fetch_sub(job.objects, Ordering::Release);
    }
}

/// Handle of the free thread.
pub struct LazyFree {
    jobs: Sender<Job>,
    counters: Arc<Counters>,
}

impl LazyFree {
    pub fn start(_waker: mio::Waker) -> LazyFree {
        let (jobs, inbox) = channel::<Job>();
        let counters = Arc::new(Counters::default());
        let theirs = Arc::clone(&counters);
        let builder = std::thread::Builder::new().name("bio_lazy_free".into());
        // Without the thread `send` frees in place: slower, never wrong.
        let _ = builder.spawn(move || inbox.into_iter().for_each(|job| theirs.run(job)));
        LazyFree { jobs, counters }
    }

    /// Frees a value that is out of the keyspace; big ones on the thread if `lazy`.
    #[inline]
    pub fn free_value(&self, value: Value, lazy: bool) {
        if lazy && value.free_effort() > THRESHOLD {
            self.send(Box::new(value), 1);
        }
    }

    /// Lets the thread drop something that counts for `objects` objects.
    pub fn send(&self, garbage: Box<dyn Send>, objects: u64) {
        self.counters.pending.fetch_add(objects, Ordering::Relaxed);
        if let Err(unsent) = self.jobs.send(Job { garbage, objects }) {
            self.counters.run(unsent.0);
        }
    }

    /// Objects waiting to be freed.
    pub fn pending(&self) -> u64 {
        self.counters.pending.load(Ordering::Acquire)
    }

    /// Objects freed by the thread so far.
    pub fn freed(&self) -> u64 {
        self.counters.freed.load(Ordering::Relaxed)
    }

    /// CONFIG RESETSTAT.
    pub fn reset_freed(&self) {
        self.counters.freed.store(0, Ordering::Relaxed);
    }
}
