//! What a dataset is on disk and on the wire: RDB, AOF, and the child processes that write them.
//!
//! Not here: commands, clients and the event loop. Whoever loads hands in a target (the keyspace,
//! and what happens while it takes long), whoever saves hands in what to write and where to.

pub mod aof;
pub mod child;
pub mod rdb;
