//! The set commands. A set that becomes empty is deleted with its key, so the commands never see an
//! empty one.

mod algebra;
mod basic;
mod random;
mod scan;
pub mod table;

pub use algebra::{sdiff, sdiffstore, sinter, sintercard, sinterstore, sunion, sunionstore};
pub use basic::{sadd, scard, sismember, smembers, smismember, smove, srem};
pub use random::{spop, srandmember};
pub use scan::sscan;
pub use table::COMMANDS;
