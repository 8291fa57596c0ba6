//! The thread that frees big values.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};

use crate::storage::object::Value;

/// Values whose release takes fewer steps than this are freed at once.
const THRESHOLD: usize = 64;

/// Handle of the free thread.
pub struct LazyFree {
    jobs: Sender<Box<dyn Send>>,
    pending: Arc<AtomicU64>,
    freed: Arc<AtomicU64>,
}

impl LazyFree {
    pub fn start(_waker: mio::Waker) -> LazyFree {
        let (jobs, inbox) = channel::<Box<dyn Send>>();
        let pending = Arc::new(AtomicU64::new(0));
        let freed = Arc::new(AtomicU64::new(0));
        let counters = (Arc::clone(&pending), Arc::clone(&freed));
        let builder = std::thread::Builder::new().name("bio_lazy_free".into());
        let spawned = builder.spawn(move || {
            for job in inbox {
                drop(job);
                counters.0.fetch_sub(1, Ordering::Relaxed);
                counters.1.fetch_add(1, Ordering::Relaxed);
            }
        });
        // Without the thread `send` fails and values are freed in place: slower, never wrong.
        drop(spawned);
        LazyFree { jobs, pending, freed }
    }

    /// Frees a value that is out of the keyspace; big ones on the thread if `lazy`.
    pub fn free_value(&self, value: Value, lazy: bool) {
        if lazy && value.free_effort() > THRESHOLD {
            self.send(Box::new(value));
        }
    }

    pub fn send(&self, job: Box<dyn Send>) {
        self.pending.fetch_add(1, Ordering::Relaxed);
        if self.jobs.send(job).is_err() {
            self.pending.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Objects waiting to be freed.
    pub fn pending(&self) -> u64 {
        self.pending.load(Ordering::Relaxed)
    }

    /// Objects freed by the thread so far.
    pub fn freed(&self) -> u64 {
        self.freed.load(Ordering::Relaxed)
    }
}
