//! The thread that frees big values, so that deleting them takes no time from commands.
//!
//! Not the decision what is lazy: callers pass the `lazyfree-lazy-*` setting that applies.
//! Invariant: `pending() + freed()` grows by what is handed over, whether or not the thread lives.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};

use crate::storage::db::Detached;
use crate::storage::object::Value;
use crate::sys::{bio, malloc, slabs};

/// Values whose release takes no more steps than this are freed at once: handing them over would
/// cost as much.
const THRESHOLD: usize = 64;
/// Values of more steps go to the thread whatever the setting: freed in place they would stop the
/// server for more than a few milliseconds. They do not count as lazily freed objects.
const HUGE: usize = 500_000;

enum Job {
    /// Something to drop, and how many objects (values, keys of a database) it counts for.
    Free { garbage: Box<dyn Send>, objects: u64 },
    /// The same, and the memory is to go back to the system then.
    Purge { garbage: Box<dyn Send>, objects: u64 },
    /// A value that goes to the thread for its size alone.
    Huge(Value),
    /// Tell that this client's turn has come: all that was handed over before is freed.
    Tell(u64),
}

struct Shared {
    pending: AtomicU64,
    freed: AtomicU64,
    /// Values of `Job::Huge` that are not freed yet.
    huge: AtomicU64,
    /// Clients whose garbage is freed; the main thread is woken for them.
    done: Mutex<Vec<u64>>,
    waker: Arc<mio::Waker>,
}

impl Shared {
    fn free(&self, garbage: Box<dyn Send>, objects: u64) {
        drop(garbage);
        // The bytes must show in `used_memory` before anyone sees that nothing is pending.
        malloc::publish();
        self.freed.fetch_add(objects, Ordering::Relaxed);
        self.pending.fetch_sub(objects, Ordering::Release);
    }

    /// What the thread does. Before it waits it gives back what its cache holds: blocks of others,
    /// of which each may be the last one of a slab.
    fn serve(&self, inbox: &Receiver<Job>) {
        loop {
            let job = match inbox.try_recv() {
                Err(TryRecvError::Empty) => {
                    slabs::flush_thread_cache();
                    inbox.recv().ok()
                }
                job => job.ok(),
            };
            match job {
                Some(job) => self.run(job),
                None => return,
            }
        }
    }

    fn run(&self, job: Job) {
        match job {
            Job::Free { garbage, objects } => self.free(garbage, objects),
            Job::Purge { garbage, objects } => {
                self.free(garbage, objects);
                slabs::flush_thread_cache();
                malloc::purge();
            }
            Job::Huge(value) => {
                drop(value);
                malloc::publish();
                self.huge.fetch_sub(1, Ordering::Release);
            }
            Job::Tell(client) => {
                self.done.lock().expect("nobody panics with the lock").push(client);
                // Without a wake-up the main thread looks at its next turn.
                let _ = self.waker.wake();
            }
        }
    }
}

/// Handle of the free thread.
pub struct LazyFree {
    jobs: Sender<Job>,
    shared: Arc<Shared>,
}

impl LazyFree {
    /// Starts the thread. `waker` wakes the main thread, which then calls `take_done`.
    pub fn start(waker: Arc<mio::Waker>) -> LazyFree {
        let (jobs, inbox) = channel::<Job>();
        let [pending, freed, huge] = std::array::from_fn(|_| AtomicU64::new(0));
        let shared = Arc::new(Shared { pending, freed, huge, done: Mutex::default(), waker });
        let theirs = Arc::clone(&shared);
        let work = move || theirs.serve(&inbox);
        // Without the thread `send` frees in place: slower, never wrong.
        let _ = bio::spawn("bio_lazy_free", Box::new(work));
        LazyFree { jobs, shared }
    }

    /// Frees a value that is out of the keyspace; big ones on the thread if `lazy`.
    #[inline]
    pub fn free_value(&self, value: Value, lazy: bool) {
        let effort = value.free_effort();
        if lazy && effort > THRESHOLD {
            self.send(Box::new(value), 1);
        } else if effort > HUGE {
            self.shared.huge.fetch_add(1, Ordering::Relaxed);
            self.hand_over(Job::Huge(value));
        }
    }

    /// The thread has values that were not to be freed lazily: their memory counts as free.
    pub fn has_huge(&self) -> bool {
        self.shared.huge.load(Ordering::Acquire) > 0
    }

    /// Lets the thread drop something that counts for `objects` objects.
    pub fn send(&self, garbage: Box<dyn Send>, objects: u64) {
        self.shared.pending.fetch_add(objects, Ordering::Relaxed);
        self.hand_over(Job::Free { garbage, objects });
    }

    /// Lets the thread drop what a database held.
    pub fn send_detached(&self, db: Detached) {
        let objects = db.len() as u64;
        self.shared.pending.fetch_add(objects, Ordering::Relaxed);
        self.hand_over(Job::Purge { garbage: Box::new(db), objects });
    }

    /// Lets the thread drop something that somebody waits for; it counts for no object. The
    /// channel closes when it is done.
    pub fn free_and_tell(&self, garbage: Box<dyn Send>) -> Receiver<()> {
        let (alive, done) = channel();
        // The parts of a pair are dropped in their order.
        self.hand_over(Job::Free { garbage: Box::new((garbage, alive)), objects: 0 });
        done
    }

    /// `take_done` will name this client once everything handed over until now is freed.
    pub fn notify_when_done(&self, client: u64) {
        self.hand_over(Job::Tell(client));
    }

    fn hand_over(&self, job: Job) {
        if let Err(unsent) = self.jobs.send(job) {
            self.shared.run(unsent.0);
        }
    }

    /// The clients whose garbage is freed, each once.
    pub fn take_done(&self) -> Vec<u64> {
        std::mem::take(&mut *self.shared.done.lock().expect("nobody panics with the lock"))
    }

    /// Objects waiting to be freed.
    pub fn pending(&self) -> u64 {
        self.shared.pending.load(Ordering::Acquire)
    }

    /// Objects freed by the thread so far.
    pub fn freed(&self) -> u64 {
        self.shared.freed.load(Ordering::Relaxed)
    }

    /// CONFIG RESETSTAT.
    pub fn reset_freed(&self) {
        self.shared.freed.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::event_loop::EventLoop;

    #[test]
    fn what_is_handed_over_is_freed_and_told() {
        let (event_loop, _poll) = EventLoop::new().unwrap();
        let lazyfree = LazyFree::start(Arc::new(event_loop.waker().unwrap()));
        lazyfree.send(Box::new(vec![0u8; 1 << 20]), 3);
        lazyfree.free_value(Value::from(7), true);
        lazyfree.notify_when_done(42);
        while lazyfree.take_done() != [42] {
            std::thread::yield_now();
        }
        assert_eq!((lazyfree.pending(), lazyfree.freed()), (0, 3), "small values are not counted");
        lazyfree.reset_freed();
        assert_eq!((lazyfree.freed(), lazyfree.take_done().len()), (0, 0));
    }
}
