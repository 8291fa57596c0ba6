//! The value types of Redis.
