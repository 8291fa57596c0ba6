//! Background threads: those that do slow work for the main thread (closing files, syncing the
//! append only file, freeing big values). Not what they do: each owner brings its loop.
//!
//! Invariant: each of them runs inside one function with the name that people know from Redis, so
//! that a stack trace of all threads shows which ones they are and that they were idle or not.

use std::io;
use std::thread::{Builder, JoinHandle};

/// Starts a thread of that name (at most 15 bytes show) that runs `work` to its end.
pub fn spawn(name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.into()).spawn(move || bioProcessBackgroundJobs(work))
}

/// The frame by which stack traces tell a background thread. The black box keeps the call from
/// becoming a jump that leaves no frame.
#[allow(non_snake_case, reason = "Redis' name, which its users look for in stack traces")]
#[inline(never)]
fn bioProcessBackgroundJobs(work: Box<dyn FnOnce() + Send>) {
    work();
    std::hint::black_box(());
}
