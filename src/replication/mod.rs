//! Replication without a server: the buffer that backlog and replicas share, and the replica's side
//! of the handshake as a machine without I/O. Who calls them, and when, stands in
//! `server::replication`.

pub mod backlog;
pub mod handshake;

/// Length of a replication id, and of the mark that ends a streamed RDB.
pub const ID_BYTES: usize = 40;
