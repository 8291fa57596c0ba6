//! The sorted set commands. What they compute, `storage::types::zset` does; here are the arguments,
//! the replies, the notifications, and what is propagated.
//!
//! Every range (of ranks, scores or strings, forward or back, with LIMIT) is resolved to a range of
//! ranks first ([`query`]); replying, storing, counting and removing work on that.

mod add;
mod combine;
mod members;
mod pop;
mod query;
mod range;
mod remove;
mod scan;
mod score;
mod source;
pub mod table;

use crate::protocol::reply::Reply;
use crate::server::Server;
use crate::storage::types::zset::{LpValue, Score, ZSetLimits};

pub use add::{zadd, zincrby};
pub use combine::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
pub use members::zrandmember;
pub use pop::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin};
pub use range::{
    zcount, zlexcount, zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex,
    zrevrangebyscore,
};
pub use remove::{zrem, zremrangebylex, zremrangebyrank, zremrangebyscore};
pub use scan::zscan;
pub use score::{zcard, zmscore, zrank, zrevrank, zscore};
pub use table::COMMANDS;

/// The limits of the configuration.
pub(super) fn limits(server: &Server) -> ZSetLimits {
    let size = |setting: u64| usize::try_from(setting).unwrap_or(usize::MAX);
    ZSetLimits {
        max_listpack_entries: size(server.config.zset_max_listpack_entries),
        max_listpack_value: size(server.config.zset_max_listpack_value),
    }
}

#[inline]
fn reply_member(reply: &mut Reply, member: LpValue<'_>) {
    match member {
        LpValue::Str(bytes) => reply.bulk(bytes),
        LpValue::Int(int) => reply.bulk_int(int),
    }
}

/// The header of a reply of `len` members: with scores, RESP3 nests pairs and RESP2 is flat.
fn reply_header(reply: &mut Reply, len: usize, with_scores: bool) {
    let flat = with_scores && !reply.is_resp3();
    reply.array(if flat { len.saturating_mul(2) } else { len });
}

/// A member of a reply that `reply_header` began.
#[inline]
fn reply_item(reply: &mut Reply, member: LpValue<'_>, score: Score<'_>, with_scores: bool) {
    if with_scores && reply.is_resp3() {
        reply.array(2);
    }
    reply_member(reply, member);
    if with_scores {
        reply.double(score.get());
    }
}
