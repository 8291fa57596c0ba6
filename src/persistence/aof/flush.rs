//! The threads that sync, close and delete files, so that the main thread does not wait for the
//! disk: one for syncs, which wait for nothing else, one for closing.
//!
//! Not the decision when to sync. Invariant: the pending count covers every sync that was asked for
//! and is not over; the outcome of a sync is published before the count goes down, and syncs are
//! over in the order in which they were asked for. A job whose thread cannot be started runs at
//! once.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use crate::config::strerror;
use crate::sys::bio;

/// Something for a thread to do.
enum Job {
    /// Sync the data; `offset`: what of the replication stream is durable afterwards.
    Sync { file: Arc<File>, offset: i64, waited_for: bool },
    /// Only close, which may free the blocks of a deleted file.
    Close(#[allow(dead_code, reason = "dropping it is the job")] File),
}

#[derive(Default)]
struct Shared {
    /// Syncs asked for and not over.
    pending: AtomicU64,
    /// Error number of the last sync; 0 = it went well.
    errno: AtomicI32,
    synced_offset: AtomicI64,
    /// Syncs that are over.
    done: AtomicU64,
    /// How long the last one took that was waited for, us.
    duration_us: AtomicU64,
    idle: Condvar,
    lock: Mutex<()>,
    /// A sync failed after one that went well.
    log: Mutex<Option<fn(&str)>>,
    /// Tells the main thread that a sync is over for which it waits.
    wake: Mutex<Option<Wake>>,
}

/// Wakes the main thread.
pub type Wake = Box<dyn Fn() + Send>;

impl Shared {
    fn run(&self, job: Job) {
        match job {
            Job::Close(file) => drop(file),
            Job::Sync { file, offset, waited_for } => {
                let start = Instant::now();
                self.sync(&file, offset, waited_for);
                drop(file);
                if waited_for {
                    let us = start.elapsed().as_micros() as u64;
                    self.duration_us.store(us, Ordering::Relaxed);
                }
                let guard = self.lock.lock().expect("nobody panics with the lock");
                self.done.fetch_add(1, Ordering::Release);
                self.pending.fetch_sub(1, Ordering::Release);
                drop(guard);
                self.idle.notify_all();
                let wake = self.wake.lock().expect("nobody panics with the lock");
                if waited_for && let Some(wake) = &*wake {
                    wake();
                }
            }
        }
    }

    fn sync(&self, file: &File, offset: i64, waited_for: bool) {
        match file.sync_data() {
            // No file that can be synced: fine, unless somebody was promised that it would be.
            Err(e)
                if waited_for || !matches!(e.raw_os_error(), Some(libc::EBADF | libc::EINVAL)) =>
            {
                let errno = e.raw_os_error().unwrap_or(libc::EIO);
                if self.errno.swap(errno, Ordering::Relaxed) == 0
                    && !waited_for
                    && let Some(log) = *self.log.lock().expect("nobody panics with the lock")
                {
                    log(&format!("Fail to fsync the AOF file: {}", strerror(&e)));
                }
            }
            _ => {
                self.errno.store(0, Ordering::Relaxed);
                self.synced_offset.store(offset, Ordering::Release);
            }
        }
    }
}

/// Handle of the threads.
#[derive(Default)]
pub struct Background {
    shared: Arc<Shared>,
    syncer: Option<Sender<Job>>,
    closer: Option<Sender<Job>>,
    /// Syncs asked for so far.
    asked: u64,
}

/// A sync that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket(u64);

impl Background {
    /// Starts the threads. They call `log` for a warning, and `wake` when a sync is over that is
    /// waited for.
    pub fn new(log: fn(&str), wake: Wake) -> Background {
        let shared = Arc::<Shared>::default();
        *shared.log.lock().expect("nobody panics with the lock") = Some(log);
        *shared.wake.lock().expect("nobody panics with the lock") = Some(wake);
        let (syncer, closer) = (start(&shared, SYNCER), start(&shared, CLOSER));
        Background { shared, syncer, closer, asked: 0 }
    }

    /// Syncs the file's data.
    pub fn sync(&mut self, file: Arc<File>, offset: i64) {
        self.ask(file, offset, false);
    }

    /// As [`Background::sync`], for a caller that waits: it is woken, finds any failure in `error`
    /// and is the one to tell of it.
    pub fn sync_and_wake(&mut self, file: Arc<File>, offset: i64) -> Ticket {
        self.ask(file, offset, true)
    }

    fn ask(&mut self, file: Arc<File>, offset: i64, waited_for: bool) -> Ticket {
        self.shared.pending.fetch_add(1, Ordering::Relaxed);
        self.asked += 1;
        let job = Job::Sync { file, offset, waited_for };
        send(&self.shared, &mut self.syncer, SYNCER, job);
        Ticket(self.asked)
    }

    /// Whether the sync is over.
    pub fn is_done(&self, ticket: Ticket) -> bool {
        self.shared.done.load(Ordering::Acquire) >= ticket.0
    }

    /// How long the last sync took that was waited for, us.
    pub fn duration_us(&self) -> u64 {
        self.shared.duration_us.load(Ordering::Relaxed)
    }

    /// Deletes a file; its blocks are freed by the thread. It need not exist.
    pub fn unlink(&mut self, path: &Path) {
        // Held open, so that deleting the name is quick.
        let file = File::open(path);
        if fs::remove_file(path).is_ok()
            && let Ok(file) = file
        {
            self.close(file);
        }
    }

    /// Closes a file.
    pub fn close(&mut self, file: File) {
        send(&self.shared, &mut self.closer, CLOSER, Job::Close(file));
    }

    /// Waits until no sync is pending.
    pub fn drain(&self) {
        let mut guard = self.shared.lock.lock().expect("nobody panics with the lock");
        while self.pending() > 0 {
            guard = self.shared.idle.wait(guard).expect("nobody panics with the lock");
        }
    }

    /// Number of syncs that are not over.
    pub fn pending(&self) -> u64 {
        self.shared.pending.load(Ordering::Acquire)
    }

    /// The error of the last sync.
    pub fn error(&self) -> Option<io::Error> {
        match self.shared.errno.load(Ordering::Relaxed) {
            0 => None,
            errno => Some(io::Error::from_raw_os_error(errno)),
        }
    }

    /// Forgets the error; true if there was one.
    pub fn clear_error(&self) -> bool {
        self.shared.errno.swap(0, Ordering::Relaxed) != 0
    }

    /// Up to where the replication stream is durable in the append only file.
    pub fn synced_offset(&self) -> i64 {
        self.shared.synced_offset.load(Ordering::Acquire)
    }

    /// The main thread synced by itself, or there was nothing to sync.
    pub fn set_synced_offset(&self, offset: i64) {
        self.shared.synced_offset.store(offset, Ordering::Release);
    }
}

const SYNCER: &str = "bio_aof";
const CLOSER: &str = "bio_close_file";

/// Starts a thread of that name, if the system lets us.
fn start(shared: &Arc<Shared>, name: &str) -> Option<Sender<Job>> {
    let (jobs, inbox) = channel::<Job>();
    let theirs = Arc::clone(shared);
    let work = move || inbox.into_iter().for_each(|job| theirs.run(job));
    bio::spawn(name, Box::new(work)).is_ok().then_some(jobs)
}

fn send(shared: &Arc<Shared>, sender: &mut Option<Sender<Job>>, name: &str, job: Job) {
    if sender.is_none() {
        *sender = start(shared, name);
    }
    let unsent = match sender {
        Some(jobs) => jobs.send(job).err().map(|error| error.0),
        None => Some(job),
    };
    if let Some(job) = unsent {
        shared.run(job);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_are_counted_until_they_are_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        let file = Arc::new(File::create(&path).unwrap());
        let mut background = Background::default();
        for offset in 1..=5 {
            background.sync(Arc::clone(&file), offset);
        }
        background.drain();
        assert_eq!((background.pending(), background.synced_offset()), (0, 5));
        assert!(background.error().is_none());
        background.unlink(&path);
        assert!(!path.exists(), "the name is gone at once");
        background.unlink(&path);
    }

    #[test]
    fn a_failing_sync_is_remembered_until_one_succeeds() {
        let (woken, wake_ups) = channel();
        let mut background = Background::new(|_| {}, Box::new(move || woken.send(()).unwrap()));
        let (pipe, _end) = std::io::pipe().unwrap();
        // A pipe cannot be synced: EINVAL, which means that there is nothing to sync.
        let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
        let pipe = Arc::new(pipe);
        background.sync(Arc::clone(&pipe), 7);
        background.drain();
        assert_eq!(background.synced_offset(), 7);
        // Who waits for it is told of that, too.
        let ticket = background.sync_and_wake(pipe, 8);
        wake_ups.recv().unwrap();
        assert!(background.is_done(ticket));
        assert_eq!(background.error().unwrap().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(background.synced_offset(), 7);
        background.shared.errno.store(libc::EIO, Ordering::Relaxed);
        assert_eq!(background.error().unwrap().raw_os_error(), Some(libc::EIO));
        assert!(background.clear_error() && !background.clear_error());
    }
}
