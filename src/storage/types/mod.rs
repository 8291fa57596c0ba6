//! The value types of Redis.

pub mod hash;
pub mod list;
pub mod set;
pub mod stream;
pub mod zset;
