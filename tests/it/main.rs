//! The integration tests: one binary, so that it links once. Every module starts the real server
//! on a loopback port of its own with a private data directory, and speaks to it over a socket.
//!
//! Environment: `REDIS_BINARY` replaces the binary under test (an ASan build, or the reference
//! itself to check a test); `REDIS_REFERENCE` names a real redis-server for differential tests,
//! else `redis-server` in PATH serves; `DIFF_SEED` and `DIFF_COUNT` steer those.

#[macro_use]
mod common;

mod acl;
mod big_values;
mod bitmaps;
mod cluster_single;
mod connections;
mod crash;
mod debugger;
mod defrag;
mod differential;
mod geo;
mod hash;
mod hyperloglog;
mod io_threads;
mod keyspace;
mod kill_aof;
mod kill_rdb;
mod migrate;
mod pipelines;
mod pubsub;
mod rdb_load;
mod rdb_save;
mod replication;
mod replication_channel;
mod replication_load;
mod replication_soak;
mod scripting;
mod server_commands;
mod server_process;
mod smoke;
mod sorted_set;
mod streams;
mod streams_differ;
mod strings;
mod tracking;
mod transactions;
