//! Small algorithms that know nothing of Redis' objects.

pub mod crc16;
pub mod crc64;
pub mod f80;
pub mod glob;
pub mod siphash;
pub mod split_args;
