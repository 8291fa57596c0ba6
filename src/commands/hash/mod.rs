//! The hash commands. What hashes are is `storage::types::hash`; how fields expire outside of a
//! command is `server::hash_expire`.
//!
//! A field whose time is over is absent for every command; commands that look at single fields
//! delete it (`Server::expire_field`).

mod expire;
mod field_args;
mod get;
mod get_set_ex;
mod random;
mod scan;
mod set;
pub mod table;

pub use expire::{
    hexpire, hexpireat, hexpiretime, hpersist, hpexpire, hpexpireat, hpexpiretime, hpttl, httl,
};
pub use get::{hexists, hget, hgetall, hkeys, hlen, hmget, hstrlen, hvals};
pub use get_set_ex::{hgetdel, hgetex, hsetex};
pub use random::hrandfield;
pub use scan::hscan;
pub use set::{hdel, hincrby, hincrbyfloat, hmset, hset, hsetnx};
pub use table::COMMANDS;

use crate::protocol::reply::Reply;
use crate::storage::types::hash::LpValue;

/// A field's name or value as a bulk string.
#[inline]
fn bulk(reply: &mut Reply, value: LpValue<'_>) {
    match value {
        LpValue::Int(int) => reply.bulk_int(int),
        LpValue::Str(text) => reply.bulk(text),
    }
}
