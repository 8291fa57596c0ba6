//! The RDB format: a snapshot of the keyspace, and of single values (DUMP and RESTORE).
//!
//! ```text
//! file     "REDIS", version as 4 digits | aux … | functions … | databases | EOF | crc64 (5+)
//! database SELECTDB id | RESIZEDB keys expires | [SLOT_INFO …] key …
//! key      [EXPIRETIME_MS i64] [IDLE len | FREQ u8] type | key string | value
//! payload  type | value | version u16 | crc64              (DUMP)
//! ```
//!
//! [`format`] holds the numbers. [`reader`] reads lengths and strings from a file, socket or
//! payload, [`object_load`] values of all types and ages, [`load`] whole files; [`writer`],
//! [`object_save`] and [`save`] write them, [`file`](mod@file) puts files in place.

pub mod check;
pub mod file;
pub mod format;
pub mod load;
pub mod object_load;
pub mod object_save;
pub mod payload;
pub mod reader;
#[cfg(test)]
mod round_trip_tests;
pub mod save;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod writer;
mod ziplist;
