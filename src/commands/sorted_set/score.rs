//! The commands that look members up: their scores and ranks, and how many there are.

use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Reply;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::object::Collection;
use crate::storage::types::zset::ZSet;

/// `ZCARD key`
pub fn zcard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let len = ctx.read::<ZSet>(args[1])?.map_or(0, ZSet::len);
    ctx.client.reply.count(len);
    Ok(())
}

/// `ZSCORE key member`
pub fn zscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let score = ctx.read::<ZSet>(args[1])?.and_then(|zset| zset.score(args[2]));
    reply_score(&mut ctx.client.reply, score);
    Ok(())
}

fn reply_score(reply: &mut Reply, score: Option<f64>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// `ZMSCORE key member [member …]`
pub fn zmscore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let zset = server.read::<ZSet>(client.db, args[1])?;
    client.reply.array(args.len() - 2);
    for batch in args[2..].chunks(PREFETCH_BATCH) {
        zset.inspect(|zset| zset.prefetch(batch.iter()));
        for member in batch {
            reply_score(&mut client.reply, zset.and_then(|zset| zset.score(member)));
        }
    }
    Ok(())
}

/// `ZRANK key member [WITHSCORE]`
pub fn zrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    rank(ctx, args, "zrank")
}

/// `ZREVRANK key member [WITHSCORE]`
pub fn zrevrank(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    rank(ctx, args, "zrevrank")
}

fn rank(ctx: &mut Ctx<'_>, args: Args<'_>, name: &str) -> CmdResult {
    let with_score = match args.get(3) {
        _ if args.len() > 4 => return Err(ReplyError::wrong_arity(name)),
        None => false,
        Some(option) if is_option(option, "withscore") => true,
        Some(_) => return Err(ReplyError::SYNTAX),
    };
    let found = ctx.read::<ZSet>(args[1])?.and_then(|zset| {
        let (rank, score) = zset.rank(args[2])?;
        Some((if name == "zrank" { rank } else { zset.len() - 1 - rank }, score))
    });
    let reply = &mut ctx.client.reply;
    match found {
        None if with_score => reply.null_array(),
        None => reply.null(),
        Some((rank, score)) => {
            if with_score {
                reply.array(2);
            }
            reply.count(rank);
            if with_score {
                reply.double(score);
            }
        }
    }
    Ok(())
}
