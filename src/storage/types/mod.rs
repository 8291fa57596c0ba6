//! The value types of Redis.

pub mod list;
