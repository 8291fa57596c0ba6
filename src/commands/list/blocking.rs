//! The blocking forms: BLPOP, BRPOP, BLMPOP, BLMOVE, BRPOPLPUSH. A blocked command runs again from
//! the start when one of its keys got an element; it is propagated as the plain command that did
//! the work.

use super::lmove::move_element;
use super::pop::{MpopArgs, pop_one};
use super::{parse_end, pop_command};
use crate::commands::args::timeout;
use crate::commands::{Args, CmdResult, Ctx};
use crate::server::blocking::BlockKind;
use crate::storage::types::list::ListEnd;

/// `BLPOP key [key …] timeout`
pub fn blpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    blocking_pop(ctx, args, ListEnd::Head)
}

/// `BRPOP key [key …] timeout`
pub fn brpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    blocking_pop(ctx, args, ListEnd::Tail)
}

fn blocking_pop(ctx: &mut Ctx<'_>, args: Args<'_>, end: ListEnd) -> CmdResult {
    let (keys, deadline) = (&args[1..args.len() - 1], &args[args.len() - 1]);
    let deadline = timeout(deadline, ctx.now_ms())?;
    for key in keys {
        if pop_one(ctx, key, end, true)? {
            ctx.propagate_as(&[pop_command(end), key]);
            return Ok(());
        }
    }
    block(ctx, keys, deadline);
    Ok(())
}

/// Blocks, or answers as if the time were over.
fn block(ctx: &mut Ctx<'_>, keys: &[&[u8]], deadline_ms: i64) {
    if ctx.may_block() {
        ctx.block_on_keys(BlockKind::List, keys, deadline_ms);
    } else {
        ctx.client.reply.null_array();
    }
}

/// `BLMPOP timeout numkeys key [key …] LEFT|RIGHT [COUNT count]`
pub fn blmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mpop = MpopArgs::parse(&args[2..])?;
    let deadline = timeout(args[1], ctx.now_ms())?;
    if !mpop.pop(ctx)? {
        block(ctx, mpop.keys, deadline);
    }
    Ok(())
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`
pub fn blmove(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let ends = (parse_end(args[3])?, parse_end(args[4])?);
    let moved: [&[u8]; 5] = [b"LMOVE", args[1], args[2], args[3], args[4]];
    blocking_move(ctx, args, ends, &moved)
}

/// `BRPOPLPUSH source destination timeout`
pub fn brpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let moved: [&[u8]; 3] = [b"RPOPLPUSH", args[1], args[2]];
    blocking_move(ctx, args, (ListEnd::Tail, ListEnd::Head), &moved)
}

/// `moved` is what is propagated when an element was moved.
fn blocking_move(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    ends: (ListEnd, ListEnd),
    moved: &[&[u8]],
) -> CmdResult {
    let deadline = timeout(args[args.len() - 1], ctx.now_ms())?;
    if move_element(ctx, args[1], args[2], ends)? {
        ctx.propagate_as(moved);
    } else if ctx.may_block() {
        ctx.block_on_keys(BlockKind::List, &args[1..2], deadline);
    } else {
        ctx.client.reply.null();
    }
    Ok(())
}
