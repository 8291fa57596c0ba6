//! The home of `unsafe`: thin, safe wrappers of system calls and of the allocator.

pub mod append;
pub mod bio;
pub mod disk;
pub mod fork;
pub mod locale;
pub mod mailbox;
pub mod mallctl;
pub mod malloc;
pub mod memtest;
pub mod monotonic;
pub mod noted;
pub mod process;
pub mod relocate;
pub mod script_memory;
pub mod signal;
pub mod simd;
pub mod slabs;
pub mod socket;
pub mod stack_trace;
pub mod symbols;
pub mod syslog;
#[cfg(test)]
pub mod thread_clock;
pub mod time;
