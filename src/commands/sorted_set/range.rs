//! The commands that reply, count or store a range of members.

use super::query::{By, Fixed, Query, plain_bounds};
use super::{limits, reply_header, reply_item};
use crate::commands::{Args, CmdResult, Ctx};
use crate::config::NotifyFlags;
use crate::storage::object::Value;
use crate::storage::types::zset::ZSet;

/// `ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub fn zrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, Fixed::default())
}

/// `ZREVRANGE key start stop [WITHSCORES]`
pub fn zrevrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, fixed(By::Rank, true))
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub fn zrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, fixed(By::Score, false))
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, fixed(By::Score, true))
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`
pub fn zrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, fixed(By::Lex, false))
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`
pub fn zrevrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, fixed(By::Lex, true))
}

fn fixed(by: By, reverse: bool) -> Fixed {
    Fixed { by: Some(by), reverse: Some(reverse), store: false }
}

fn range(ctx: &mut Ctx<'_>, args: Args<'_>, fixed: Fixed) -> CmdResult {
    let query = Query::parse(&args[2..], fixed)?;
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let reply = &mut client.reply;
    let Some(zset) = server.read::<ZSet>(client.db, args[1])? else {
        reply.array(0);
        return Ok(());
    };
    let ranks = query.ranks(zset);
    reply_header(reply, ranks.len(), query.with_scores);
    zset.for_each(ranks, query.reverse, |member, score| {
        reply_item(reply, member, score, query.with_scores);
    });
    Ok(())
}

/// `ZRANGESTORE dst src min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]`
pub fn zrangestore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let query = Query::parse(&args[3..], Fixed { store: true, ..Fixed::default() })?;
    let limits = limits(ctx.server);
    let found = ctx.read::<ZSet>(args[2])?;
    let result = found.map(|zset| zset.copy_range(query.ranks(zset), &limits));
    store(ctx, args[1], result.filter(|zset| !zset.is_empty()), "zrangestore");
    Ok(())
}

/// Puts a computed set, or nothing, in the place of what `key` holds; replies its length.
pub(super) fn store(ctx: &mut Ctx<'_>, key: &[u8], result: Option<ZSet>, event: &str) {
    match result {
        Some(zset) => {
            let len = zset.len();
            ctx.set_key(key, Value::ZSet(zset), false);
            ctx.client.reply.count(len);
            ctx.notify(NotifyFlags::ZSET, event, key);
            ctx.dirty(1);
        }
        None => {
            ctx.client.reply.int(0);
            if ctx.lookup_write(key).is_some() {
                ctx.delete_if_empty(key, 0);
                ctx.dirty(1);
            }
        }
    }
}

/// `ZCOUNT key min max`
pub fn zcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    count(ctx, args, By::Score)
}

/// `ZLEXCOUNT key min max`
pub fn zlexcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    count(ctx, args, By::Lex)
}

fn count(ctx: &mut Ctx<'_>, args: Args<'_>, by: By) -> CmdResult {
    let bounds = plain_bounds(args, by)?;
    let count = ctx.read::<ZSet>(args[1])?.map_or(0, |zset| bounds.ranks(zset, false).len());
    ctx.client.reply.count(count);
    Ok(())
}
