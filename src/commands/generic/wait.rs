//! WAIT and WAITAOF: until replicas, or the disk, have what this client wrote. Counting the
//! acknowledgements is replication's business; until that is there, nobody acknowledges.

use crate::commands::args::{int, int_in, int_or};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::blocking::{BlockKind, TimeoutReply};

/// Replicas that have all of a client's writes: there can be none until replication is there.
const ACKNOWLEDGED: i64 = 0;
/// Whether the local AOF has them: what is appended nowhere is not missing anywhere.
const FSYNCED: i64 = 1;

/// ms of waiting as a deadline, ms since the epoch; 0 = for ever.
fn deadline_ms(ctx: &Ctx<'_>, arg: &[u8]) -> Result<i64, ReplyError> {
    let timeout = int_or(arg, "ERR timeout is not an integer or out of range")?;
    match timeout {
        0 => Ok(0),
        ..0 => Err(ReplyError::TIMEOUT_NEGATIVE),
        _ => timeout.checked_add(ctx.now_ms()).ok_or(ReplyError::TIMEOUT_RANGE),
    }
}

/// `WAIT numreplicas timeout`: the number of replicas that acknowledged.
pub fn wait(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let wanted = int(args[1])?;
    let deadline = deadline_ms(ctx, args[2])?;
    let acknowledged = ACKNOWLEDGED;
    if acknowledged >= wanted || !ctx.may_block() {
        ctx.client.reply.int(acknowledged);
        return Ok(());
    }
    ctx.block_on_keys(BlockKind::Wait, &[], deadline);
    set_timeout_reply(ctx, TimeoutReply::Int(acknowledged));
    Ok(())
}

/// `WAITAOF numlocal numreplicas timeout`: 1 if it is on the local disk, and how many replicas say
/// so.
pub fn waitaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let local_wanted = int(args[1])?;
    if !(0..=1).contains(&local_wanted) {
        return Err(ReplyError::fixed("ERR value is out of range, value must between 0 and 1"));
    }
    let wanted = int_in(args[2], 0, i64::MAX)?;
    let deadline = deadline_ms(ctx, args[3])?;
    if local_wanted > 0 && !ctx.server.config.appendonly {
        return Err(ReplyError::fixed(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    let (local, acknowledged) = (FSYNCED, ACKNOWLEDGED);
    if (acknowledged >= wanted && local >= local_wanted) || !ctx.may_block() {
        ctx.client.reply.array(2);
        ctx.client.reply.int(local);
        ctx.client.reply.int(acknowledged);
        return Ok(());
    }
    ctx.block_on_keys(BlockKind::Wait, &[], deadline);
    set_timeout_reply(ctx, TimeoutReply::IntPair(local, acknowledged));
    Ok(())
}

fn set_timeout_reply(ctx: &mut Ctx<'_>, reply: TimeoutReply) {
    if let Some(blocked) = ctx.client.blocked.as_mut() {
        blocked.timeout_reply = reply;
    }
}
