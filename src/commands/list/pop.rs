//! Taking away: LPOP, RPOP, LMPOP, LTRIM, LREM.

use super::read::reply_range;
use super::{elements_popped, elements_removed, parse_end, pop_command};
use crate::commands::args::{int, int_from, int_with_sign, is_option, positive};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::storage::types::list::{List, ListEnd};

/// `LPOP key [count]`
pub fn lpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    pop(ctx, args, ListEnd::Head, "lpop")
}

/// `RPOP key [count]`
pub fn rpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    pop(ctx, args, ListEnd::Tail, "rpop")
}

fn pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: ListEnd, name: &str) -> CmdResult {
    let key = args[1];
    match args.len() {
        2 => {
            if !pop_one(ctx, key, end, false)? {
                ctx.client.reply.null();
            }
        }
        3 => {
            let count = positive(args[2])?;
            if pop_range(ctx, key, end, count, false)?.is_none() {
                ctx.client.reply.null_array();
            }
        }
        _ => return Err(ReplyError::wrong_arity(name)),
    }
    Ok(())
}

/// Pops and replies one element, if the key exists; with the key in front in an array of two if
/// `with_key`.
pub(super) fn pop_one(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    end: ListEnd,
    with_key: bool,
) -> Result<bool, ReplyError> {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let limits = server.list_limits();
    let Some(list) = server.write::<List>(client.db, key)? else { return Ok(false) };
    let reply = &mut client.reply;
    if with_key {
        reply.array(2);
        reply.bulk(key);
    }
    if list.pop_with(end, &limits, |value| bulk_value(reply, value)).is_none() {
        // Only a list loaded from a damaged file is empty.
        reply.null();
    }
    let left = list.len();
    elements_popped(ctx, key, end, left, 1);
    Ok(true)
}

/// Pops and replies up to `count` elements as an array, if the key exists; with the key in front in
/// an array of two if `with_key`. Returns how many.
pub(super) fn pop_range(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    end: ListEnd,
    count: usize,
    with_key: bool,
) -> Result<Option<usize>, ReplyError> {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let limits = server.list_limits();
    let Some(list) = server.write::<List>(client.db, key)? else { return Ok(None) };
    let len = list.len();
    let count = count.min(len);
    let reply = &mut client.reply;
    if with_key {
        reply.array(2);
        reply.bulk(key);
    }
    if count == 0 {
        reply.array(0);
        return Ok(Some(0));
    }
    let (first, start) = match end {
        ListEnd::Head => (0, 0),
        ListEnd::Tail => (len - 1, -(count as i64)),
    };
    reply_range(reply, list, first, count, end == ListEnd::Tail);
    if count < len {
        list.delete_range(start, count, &limits);
    }
    elements_popped(ctx, key, end, len - count, count);
    Ok(Some(count))
}

/// The arguments of LMPOP and BLMPOP from `numkeys` on.
pub(super) struct MpopArgs<'a> {
    pub keys: &'a [&'a [u8]],
    pub end: ListEnd,
    pub count: usize,
}

impl<'a> MpopArgs<'a> {
    pub fn parse(args: &'a [&'a [u8]]) -> Result<MpopArgs<'a>, ReplyError> {
        let numkeys = int_from(args[0], 1, "ERR numkeys should be greater than 0")?;
        let numkeys = usize::try_from(numkeys).map_err(|_| ReplyError::SYNTAX)?;
        let rest = args.get(numkeys.saturating_add(1)..).ok_or(ReplyError::SYNTAX)?;
        let [end, options @ ..] = rest else { return Err(ReplyError::SYNTAX) };
        let end = parse_end(end)?;
        let count = match options {
            [] => 1,
            [name, count, more @ ..] if is_option(name, "count") => {
                let count = int_from(count, 1, "ERR count should be greater than 0")?;
                if !more.is_empty() {
                    return Err(ReplyError::SYNTAX);
                }
                usize::try_from(count).unwrap_or(usize::MAX)
            }
            _ => return Err(ReplyError::SYNTAX),
        };
        Ok(MpopArgs { keys: &args[1..=numkeys], end, count })
    }

    /// Pops from the first key that exists; false if none does.
    pub fn pop(&self, ctx: &mut Ctx<'_>) -> Result<bool, ReplyError> {
        for key in self.keys {
            if let Some(popped) = pop_range(ctx, key, self.end, self.count, true)? {
                let mut digits = itoa::Buffer::new();
                let count = digits.format(popped).as_bytes();
                ctx.propagate_as(&[pop_command(self.end), key, count]);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// `LMPOP numkeys key [key …] LEFT|RIGHT [COUNT count]`
pub fn lmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if !MpopArgs::parse(&args[1..])?.pop(ctx)? {
        ctx.client.reply.null_array();
    }
    Ok(())
}

/// `LTRIM key start stop`
pub fn ltrim(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, start, end) = (args[1], int(args[2])?, int(args[3])?);
    let limits = ctx.server.list_limits();
    if let Some(list) = ctx.write::<List>(key)? {
        let removed = list.trim(start, end, &limits);
        let left = list.len();
        elements_removed(ctx, key, "ltrim", left, removed);
    }
    ctx.client.reply.ok();
    Ok(())
}

/// `LREM key count element`
pub fn lrem(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, count) = (args[1], int_with_sign(args[2])?);
    let limits = ctx.server.list_limits();
    let mut removed = 0;
    if let Some(list) = ctx.write::<List>(key)? {
        removed = list.remove(count, args[3], &limits);
        let left = list.len();
        if removed > 0 {
            elements_removed(ctx, key, "lrem", left, removed);
        }
    }
    ctx.client.reply.count(removed);
    Ok(())
}
