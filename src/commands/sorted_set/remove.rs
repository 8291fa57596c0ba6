//! ZREM and the removals of ranges.

use super::query::{By, plain_bounds};
use crate::commands::{Args, CmdResult, Ctx};
use crate::config::NotifyFlags;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::object::Collection;
use crate::storage::types::zset::ZSet;

/// `ZREM key member [member …]`
pub fn zrem(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (mut removed, mut left) = (0, 0);
    if let Some(zset) = ctx.write::<ZSet>(args[1])? {
        for batch in args[2..].chunks(PREFETCH_BATCH) {
            zset.prefetch(batch.iter());
            removed += batch.iter().filter(|member| zset.remove(member).is_some()).count();
        }
        left = zset.len();
    }
    finish(ctx, args[1], removed, left, "zrem");
    Ok(())
}

/// `ZREMRANGEBYRANK key start stop`
pub fn zremrangebyrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    remove_range(ctx, args, By::Rank, "zremrangebyrank")
}

/// `ZREMRANGEBYSCORE key min max`
pub fn zremrangebyscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    remove_range(ctx, args, By::Score, "zremrangebyscore")
}

/// `ZREMRANGEBYLEX key min max`
pub fn zremrangebylex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    remove_range(ctx, args, By::Lex, "zremrangebylex")
}

fn remove_range(ctx: &mut Ctx<'_>, args: Args<'_>, by: By, event: &str) -> CmdResult {
    let bounds = plain_bounds(args, by)?;
    let (mut removed, mut left) = (0, 0);
    if let Some(zset) = ctx.write::<ZSet>(args[1])? {
        let ranks = bounds.ranks(zset, false);
        (removed, left) = (ranks.len(), zset.len() - ranks.len());
        if left > 0 {
            // Else the key goes, with all its members at once.
            zset.delete_range(ranks);
        }
    }
    finish(ctx, args[1], removed, left, event);
    Ok(())
}

/// Ends a removal of which `left` members remain.
fn finish(ctx: &mut Ctx<'_>, key: &[u8], removed: usize, left: usize, event: &str) {
    if removed > 0 {
        ctx.changed(key, NotifyFlags::ZSET, event, removed);
        ctx.delete_if_empty(key, left);
    }
    ctx.client.reply.count(removed);
}
