//! Parts of strings: APPEND, GETRANGE, SETRANGE.

use super::get::reply_large;
use crate::commands::args::int;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::server::networking::DIRECT_BYTES;

/// "ERR string exceeds maximum allowed size" unless `offset + len` bytes may be.
pub fn check_string_len(ctx: &Ctx<'_>, offset: usize, len: usize) -> CmdResult {
    let max = match ctx.client.must_obey() {
        true => isize::MAX as u64,
        false => ctx.server.config.proto_max_bulk_len,
    };
    match offset.checked_add(len) {
        Some(total) if total as u64 <= max => Ok(()),
        _ => Err(ReplyError::STRING_TOO_BIG),
    }
}

/// `APPEND key value`
pub fn append(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key, value) = (ctx.client.db, args[1], args[2]);
    let old = ctx.server.write_string(db, key)?.map(|old| old.len());
    let len = match old {
        None => {
            ctx.server.set_string(db, key, value, false);
            value.len()
        }
        Some(old) => {
            check_string_len(ctx, old, value.len())?;
            ctx.server.edit_string(db, key, |text| {
                text.append(value);
                text.len()
            })
        }
    };
    ctx.changed(key, NotifyFlags::STRING, "append", 1);
    ctx.client.reply.count(len);
    Ok(())
}

/// `SETRANGE key offset value`
pub fn setrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key, value) = (ctx.client.db, args[1], args[3]);
    let offset = usize::try_from(int(args[2])?).map_err(|_| ReplyError::OFFSET_RANGE)?;
    let old = ctx.server.write_string(db, key)?.map(|old| old.len());
    if value.is_empty() {
        ctx.client.reply.count(old.unwrap_or(0));
        return Ok(());
    }
    check_string_len(ctx, offset, value.len())?;
    let len = ctx.server.update_string(db, key, offset + value.len(), |text| {
        text.write_at(offset, value);
        text.len()
    })?;
    ctx.changed(key, NotifyFlags::STRING, "setrange", 1);
    ctx.client.reply.count(len);
    Ok(())
}

/// The part from `start` to `end` inclusive; negative positions count from the end.
fn clamp(start: i64, end: i64, len: usize) -> std::ops::Range<usize> {
    let len = len as i64;
    let from_end = |i: i64| if i < 0 { i + len } else { i };
    let (start, end) = (from_end(start).max(0), from_end(end).min(len - 1));
    if start > end {
        return 0..0;
    }
    start as usize..end as usize + 1
}

/// `GETRANGE key start end`
pub fn getrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (start, end) = (int(args[2])?, int(args[3])?);
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let Some(value) = server.read_string(client.db, args[1])? else {
        client.reply.bulk(b"");
        return Ok(());
    };
    let range = clamp(start, end, value.len());
    if range.len() < DIRECT_BYTES {
        value.with_bytes(|bytes| client.reply.bulk(&bytes[range]));
    } else {
        reply_large(ctx, args[1], range);
    }
    Ok(())
}

/// `SUBSTR key start end`: the old name of GETRANGE.
pub fn substr(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    getrange(ctx, args)
}
