//! Adding and replacing: LPUSH, RPUSH, LPUSHX, RPUSHX, LINSERT, LSET.

use super::push_event;
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::types::list::{List, ListEnd};

/// Pushes `args[2..]`; a list that does not exist is made unless `only_existing`.
fn push(ctx: &mut Ctx<'_>, args: Args<'_>, end: ListEnd, only_existing: bool) -> CmdResult {
    let key = args[1];
    let limits = ctx.server.list_limits();
    let list = if only_existing {
        match ctx.write::<List>(key)? {
            Some(list) => list,
            None => {
                ctx.client.reply.int(0);
                return Ok(());
            }
        }
    } else {
        ctx.write_or_create(key, List::new)?
    };
    match &args[2..] {
        [value] => list.push(end, value, &limits),
        values => list.push_all(end, values.iter().copied(), &limits),
    }
    let len = list.len();
    ctx.client.reply.count(len);
    ctx.changed(key, NotifyFlags::LIST, push_event(end), args.len() - 2);
    Ok(())
}

/// `LPUSH key element [element …]`
pub fn lpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    push(ctx, args, ListEnd::Head, false)
}

/// `RPUSH key element [element …]`
pub fn rpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    push(ctx, args, ListEnd::Tail, false)
}

/// `LPUSHX key element [element …]`
pub fn lpushx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    push(ctx, args, ListEnd::Head, true)
}

/// `RPUSHX key element [element …]`
pub fn rpushx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    push(ctx, args, ListEnd::Tail, true)
}

/// `LINSERT key BEFORE|AFTER pivot element`: the new length, -1 without the pivot, 0 without the
/// list.
pub fn linsert(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let after = if is_option(args[2], "after") {
        true
    } else if is_option(args[2], "before") {
        false
    } else {
        return Err(ReplyError::SYNTAX);
    };
    let (key, limits) = (args[1], ctx.server.list_limits());
    let Some(list) = ctx.write::<List>(key)? else {
        ctx.client.reply.int(0);
        return Ok(());
    };
    if !list.insert(args[3], args[4], after, &limits) {
        ctx.client.reply.int(-1);
        return Ok(());
    }
    let len = list.len();
    ctx.changed(key, NotifyFlags::LIST, "linsert", 1);
    ctx.client.reply.count(len);
    Ok(())
}

/// `LSET key index element`
pub fn lset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, limits) = (args[1], ctx.server.list_limits());
    let list = ctx.write::<List>(key)?.ok_or(ReplyError::NO_SUCH_KEY)?;
    if !list.set(int(args[2])?, args[3], &limits) {
        return Err(ReplyError::OUT_OF_RANGE);
    }
    ctx.client.reply.ok();
    ctx.changed(key, NotifyFlags::LIST, "lset", 1);
    Ok(())
}
