//! Reading: LLEN, LINDEX, LRANGE, LPOS.

use crate::commands::args::{int, int_from, int_with_sign, is_option};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::{Aggregate, Reply};
use crate::storage::types::list::List;

/// `LLEN key`
pub fn llen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let len = ctx.read::<List>(args[1])?.map_or(0, List::len);
    ctx.client.reply.count(len);
    Ok(())
}

/// `LINDEX key index`
pub fn lindex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let found = match server.read::<List>(client.db, args[1])? {
        None => 0,
        Some(list) => {
            let index = int(args[2])?;
            let index = if index < 0 { index.saturating_add(list.len() as i64) } else { index };
            match usize::try_from(index) {
                Ok(index) => list.range(index, 1, false, |v| bulk_value(&mut client.reply, v)),
                Err(_) => 0,
            }
        }
    };
    if found == 0 {
        client.reply.null();
    }
    Ok(())
}

/// Replies an array of `count` elements from `index` on, which must exist.
pub(super) fn reply_range(
    reply: &mut Reply,
    list: &List,
    index: usize,
    count: usize,
    reverse: bool,
) {
    reply.array(count);
    let found = list.range(index, count, reverse, |value| bulk_value(reply, value));
    // A list loaded from a damaged file may have less than it says; the frame must stay whole.
    for _ in found..count {
        reply.null();
    }
}

/// `LRANGE key start stop`
pub fn lrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (start, end) = (int(args[2])?, int(args[3])?);
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let Some(list) = server.read::<List>(client.db, args[1])? else {
        client.reply.array(0);
        return Ok(());
    };
    let len = list.len() as i64;
    let from_tail = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, end) = (from_tail(start).max(0), from_tail(end).min(len - 1));
    if start > end {
        client.reply.array(0);
    } else {
        let count = (end - start + 1) as usize;
        reply_range(&mut client.reply, list, start as usize, count, false);
    }
    Ok(())
}

struct LposOptions {
    /// Matches to skip, plus one.
    rank: u64,
    from_tail: bool,
    /// Most matches; 0 = all; `None` = one, not in an array.
    count: Option<u64>,
    /// Most elements to compare; 0 = all.
    max_len: usize,
}

impl LposOptions {
    fn parse(args: &[&[u8]]) -> Result<LposOptions, ReplyError> {
        let mut options = LposOptions { rank: 1, from_tail: false, count: None, max_len: 0 };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let value = args.next().ok_or(ReplyError::SYNTAX)?;
            if is_option(name, "rank") {
                let rank = int_with_sign(value)?;
                if rank == 0 {
                    return Err(ReplyError::fixed(
                        "ERR RANK can't be zero: use 1 to start from the first match, 2 from the \
                         second ... or use negative to start from the end of the list",
                    ));
                }
                (options.rank, options.from_tail) = (rank.unsigned_abs(), rank < 0);
            } else if is_option(name, "count") {
                let count = int_from(value, 0, "ERR COUNT can't be negative")?;
                options.count = Some(count as u64);
            } else if is_option(name, "maxlen") {
                options.max_len = int_from(value, 0, "ERR MAXLEN can't be negative")? as usize;
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// `LPOS key element [RANK rank] [COUNT matches] [MAXLEN len]`
pub fn lpos(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = LposOptions::parse(&args[3..])?;
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let list = server.read::<List>(client.db, args[1])?;
    let reply = &mut client.reply;
    let (at, wanted) = match options.count {
        None => (None, 1),
        Some(0) => (Some(reply.deferred()), u64::MAX),
        Some(count) => (Some(reply.deferred()), count),
    };
    let (mut matches, mut replied) = (0, 0);
    if let Some(list) = list {
        list.positions(args[2], options.from_tail, options.max_len, |index| {
            matches += 1;
            if matches >= options.rank {
                reply.count(index);
                replied += 1;
            }
            replied < wanted
        });
    }
    match at {
        Some(at) => reply.close_deferred(at, Aggregate::Array, replied as usize),
        None if replied == 0 => reply.null(),
        None => {}
    }
    Ok(())
}
