//! FLUSHDB, FLUSHALL, SWAPDB.
//!
//! A synchronous flush outside of MULTI and scripts frees on the thread too, and its client is
//! answered when that is done: other clients do not wait for it.

use crate::commands::args::{int_or, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::client::ClientFlags;
use crate::server::flush::Scope;

/// Whether the freed memory is given back before the reply.
fn is_async(ctx: &Ctx<'_>, args: Args<'_>) -> Result<bool, ReplyError> {
    match &args[1..] {
        [] => Ok(ctx.server.config.lazyfree_lazy_user_flush),
        [how] if is_option(how, "sync") => Ok(false),
        [how] if is_option(how, "async") => Ok(true),
        _ => Err(ReplyError::SYNTAX),
    }
}

fn flush(ctx: &mut Ctx<'_>, args: Args<'_>, scope: Scope) -> CmdResult {
    let asynchronous = is_async(ctx, args)?;
    let debugs = ctx.client.flags.has(ClientFlags::DEBUG);
    let waits = !asynchronous && ctx.may_block() && !debugs;
    let removed = ctx.server.flush(scope, asynchronous || waits);
    ctx.dirty(removed);
    if scope == Scope::All {
        ctx.server.reset_rdb();
    }
    // Even if there was nothing: a replica may have keys that we do not have.
    ctx.server.propagate.force();
    if waits {
        ctx.server.block_until_freed(ctx.client);
    } else {
        ctx.client.reply.ok();
    }
    Ok(())
}

/// FLUSHDB [ASYNC | SYNC]
pub fn flushdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let db = ctx.db_id();
    flush(ctx, args, Scope::Db(db))
}

/// FLUSHALL [ASYNC | SYNC]
pub fn flushall(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    flush(ctx, args, Scope::All)
}

/// SWAPDB index1 index2
pub fn swapdb(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if ctx.server.config.cluster_enabled {
        return Err(ReplyError::fixed("ERR SWAPDB is not allowed in cluster mode"));
    }
    let first = int_or(args[1], "ERR invalid first DB index")?;
    let second = int_or(args[2], "ERR invalid second DB index")?;
    let dbs = ctx.server.keyspace.dbs.len();
    let index =
        |n: i64| usize::try_from(n).ok().filter(|n| *n < dbs).ok_or(ReplyError::DB_INDEX_RANGE);
    let (first, second) = (index(first)?, index(second)?);
    if first != second {
        ctx.server.swap_databases(first, second);
    }
    ctx.dirty(1);
    ctx.client.reply.ok();
    Ok(())
}
