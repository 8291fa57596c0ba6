//! What a dataset is on disk and on the wire between servers: RDB, AOF, and the child processes
//! that write them.
//!
//! Not here: commands, clients and the event loop. Whoever loads hands in hooks (progress, events to
//! serve), whoever saves hands in what to write and where to.

pub mod child;
pub mod rdb;
