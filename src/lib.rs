//! redis-rust: a drop-in `redis-server`.

pub mod cluster;
pub mod commands;
pub mod config;
pub mod persistence;
pub mod protocol;
pub mod replication;
pub mod scripting;
pub mod server;
pub mod storage;
pub mod sys;
pub mod util;

#[global_allocator]
static ALLOCATOR: sys::malloc::CountingAlloc = sys::malloc::CountingAlloc;
