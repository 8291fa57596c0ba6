//! INCR and its relatives.

use crate::commands::args::int;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::util::f80::F80;

/// `INCR key`
pub fn incr(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    add(ctx, args[1], 1)
}

/// `DECR key`
pub fn decr(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    add(ctx, args[1], -1)
}

/// `INCRBY key increment`
pub fn incrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    add(ctx, args[1], int(args[2])?)
}

/// `DECRBY key decrement`
pub fn decrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let decrement = int(args[2])?;
    // The smallest integer has no opposite.
    let increment =
        decrement.checked_neg().ok_or(ReplyError::fixed("ERR decrement would overflow"))?;
    add(ctx, args[1], increment)
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], increment: i64) -> CmdResult {
    const OVERFLOW: ReplyError = ReplyError::fixed("ERR increment or decrement would overflow");
    let db = ctx.client.db;
    let new = ctx.server.update_int(db, key, |old| old.checked_add(increment).ok_or(OVERFLOW))?;
    ctx.changed(key, NotifyFlags::STRING, "incrby", 1);
    ctx.client.reply.int(new);
    Ok(())
}

/// `INCRBYFLOAT key increment`: in the 80-bit arithmetic of x87, as Redis computes it.
pub fn incrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key) = (ctx.client.db, args[1]);
    let old = match ctx.server.write_string(db, key)? {
        None => F80::from_i64(0),
        Some(value) => value.with_bytes(F80::parse).ok_or(ReplyError::NOT_FLOAT)?,
    };
    let increment = F80::parse(args[2]).ok_or(ReplyError::NOT_FLOAT)?;
    let new = old + increment;
    if new.is_nan() || new.is_infinite() {
        return Err(ReplyError::fixed("ERR increment would produce NaN or Infinity"));
    }
    let text = new.to_human();
    ctx.server.store_text(db, key, &text);
    ctx.changed(key, NotifyFlags::STRING, "incrbyfloat", 1);
    ctx.propagate_as(&[b"SET", key, &text, b"KEEPTTL"]);
    ctx.client.reply.bulk(&text);
    Ok(())
}
