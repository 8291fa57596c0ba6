//! The threads that sync, close and delete files, so that the main thread does not wait for the
//! disk: one for syncs, which wait for nothing else, one for closing.
//!
//! Not the decision when to sync. Invariant: the pending count covers every sync that was asked for
//! and is not over; the outcome of a sync is published before the count goes down. A job
//! whose thread cannot be started runs at once.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex};

use crate::config::strerror;
use crate::sys::bio;

/// Something for a thread to do.
enum Job {
    /// Sync the data; `offset`: what of the replication stream is durable afterwards.
    Sync { file: Arc<File>, offset: i64 },
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
    idle: Condvar,
    lock: Mutex<()>,
    /// A sync failed after one that went well.
    log: Mutex<Option<fn(&str)>>,
}

impl Shared {
    fn run(&self, job: Job) {
        match job {
            Job::Close(file) => drop(file),
            Job::Sync { file, offset } => {
                self.sync(&file, offset);
                drop(file);
                let guard = self.lock.lock().expect("nobody panics with the lock");
                self.pending.fetch_sub(1, Ordering::Release);
                drop(guard);
                self.idle.notify_all();
            }
        }
    }

    fn sync(&self, file: &File, offset: i64) {
        match file.sync_data() {
            Err(e) if !matches!(e.raw_os_error(), Some(libc::EBADF | libc::EINVAL)) => {
                let errno = e.raw_os_error().unwrap_or(libc::EIO);
                if self.errno.swap(errno, Ordering::Relaxed) == 0
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
}

impl Background {
    /// Starts the threads. `log` writes a warning; it is called by them.
    pub fn new(log: fn(&str)) -> Background {
        let shared = Arc::<Shared>::default();
        *shared.log.lock().expect("nobody panics with the lock") = Some(log);
        let (syncer, closer) = (start(&shared, SYNCER), start(&shared, CLOSER));
        Background { shared, syncer, closer }
    }

    /// Syncs the file's data.
    pub fn sync(&mut self, file: Arc<File>, offset: i64) {
        self.shared.pending.fetch_add(1, Ordering::Relaxed);
        let job = Job::Sync { file, offset };
        send(&self.shared, &mut self.syncer, SYNCER, job);
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
        let mut background = Background::new(|_| {});
        let (pipe, _end) = std::io::pipe().unwrap();
        // A pipe cannot be synced: EINVAL, which means that there is nothing to sync.
        let pipe = File::from(std::os::fd::OwnedFd::from(pipe));
        background.sync(Arc::new(pipe), 7);
        background.drain();
        assert_eq!(background.synced_offset(), 7);
        background.shared.errno.store(libc::EIO, Ordering::Relaxed);
        assert_eq!(background.error().unwrap().raw_os_error(), Some(libc::EIO));
        assert!(background.clear_error() && !background.clear_error());
    }
}
