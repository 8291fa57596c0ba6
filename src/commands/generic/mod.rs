//! The commands on keys of any type.
//!
//! Invariant: nothing here looks into a value beyond what SORT must read.

mod dump;
mod expire;
mod keyspace;
mod migrate;
mod object;
mod rename;
mod restore;
mod scan;
mod sort;
pub mod table;
mod wait;

pub use dump::dump;
pub use expire::{
    expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl,
};
pub use keyspace::{del, exists, keys, randomkey, touch, type_command, unlink};
pub use migrate::migrate;
pub use object::{object_encoding, object_freq, object_help, object_idletime, object_refcount};
pub use rename::{copy, move_command, rename, renamenx};
pub use restore::restore;
pub use scan::scan;
pub use sort::{sort, sort_ro};
pub use table::COMMANDS;
pub use wait::{wait, waitaof};
