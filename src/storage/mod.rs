//! The data: keyspace, value types and their encodings. Knows no clients, no RESP and no AOF.

pub mod db;
pub mod db_hexpires;
pub mod digest;
pub mod encoding;
pub mod entry_view;
pub mod evict;
pub mod inspect;
pub mod keyspace;
pub mod object;
pub mod types;
