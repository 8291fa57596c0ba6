//! The commands on keys of any type. DUMP, RESTORE and MIGRATE are with persistence, whose formats
//! they speak.
//!
//! Invariant: nothing here looks into a value beyond what SORT must read.

mod expire;
mod keyspace;
mod object;
mod rename;
mod scan;
mod sort;
pub mod table;
mod wait;

pub use expire::{
    expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl,
};
pub use keyspace::{del, exists, keys, randomkey, touch, type_command, unlink};
pub use object::{object_encoding, object_freq, object_help, object_idletime, object_refcount};
pub use rename::{copy, move_command, rename, renamenx};
pub use scan::scan;
pub use sort::{sort, sort_ro};
pub use table::COMMANDS;
pub use wait::{wait, waitaof};
