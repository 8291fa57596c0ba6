//! CPU time of the calling thread, for measurements in tests that other processes should not spoil.
//! Not for the server. Invariant: never goes back.
//!
//! JUSTIFICATION: a system call that std does not offer.

use std::time::Duration;

/// CPU time that this thread has used.
pub fn thread_cpu() -> Duration {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is a live timespec to write into; the clock exists on every Linux.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) };
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
