//! The server commands: configuration, INFO, observation (slow log, latency, MONITOR), memory,
//! DEBUG, flushing, shutdown. What they show is kept in `crate::server`; here it is parsed and
//! replied.

mod acl;
mod config;
mod debug;
mod flush;
mod introspect;
mod latency;
mod later;
mod lolwut;
mod memory;
mod module;
mod observe;
mod persist;
mod process;
mod table;

pub use crate::commands::replication::{failover, psync, replconf, replicaof, role, slaveof, sync};
pub use acl::*;
pub use config::*;
pub use debug::debug;
pub use flush::*;
pub use introspect::*;
pub use latency::*;
pub use later::*;
pub use lolwut::lolwut;
pub use memory::*;
pub use module::*;
pub use observe::*;
pub use persist::*;
pub use process::*;
pub use table::COMMANDS;
