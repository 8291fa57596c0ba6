//! The RDB format: a snapshot of the keyspace, and of single values (DUMP and RESTORE).
//!
//! ```text
//! file     "REDIS" + version as 4 digits | aux … | functions … | databases | EOF | crc64 (version 5+)
//! database SELECTDB id | RESIZEDB keys expires | [SLOT_INFO …] key …
//! key      [EXPIRETIME_MS i64] [IDLE len | FREQ u8] type | key string | value
//! payload  type | value | version u16 | crc64              (DUMP)
//! ```
//!
//! [`format`] holds the numbers; reading and writing stand in files of their own, values beside
//! their containers' encodings.

pub mod file;
pub mod format;
pub mod object_save;
pub mod save;
pub mod writer;
