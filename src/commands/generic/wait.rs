//! WAIT and WAITAOF: until replicas, or the disk, have what this client wrote.

use crate::commands::args::{int, int_in, int_or};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::Server;
use crate::server::blocking::BlockKind;
use crate::server::replication::wait::{NO_LOCAL_AOF, WaitFor};

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
    if ctx.server.is_replica() {
        return Err(ReplyError::fixed(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis \
             4.0 if a replica is configured to be writable (which is not the default) writes to \
             replicas are just local and are not propagated.",
        ));
    }
    let replicas = int(args[1])?;
    let deadline = deadline_ms(ctx, args[2])?;
    let offset = ctx.client.write_offset;
    wait_for(ctx, WaitFor { offset, replicas, local: None }, deadline)
}

/// `WAITAOF numlocal numreplicas timeout`: 1 if it is on the local disk, and how many replicas say
/// so.
pub fn waitaof(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let local = int(args[1])?;
    if !(0..=1).contains(&local) {
        return Err(ReplyError::fixed("ERR value is out of range, value must between 0 and 1"));
    }
    let replicas = int_in(args[2], 0, i64::MAX)?;
    let deadline = deadline_ms(ctx, args[3])?;
    if ctx.server.is_replica() {
        return Err(ReplyError::fixed(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to \
             replicas are just local and are not propagated.",
        ));
    }
    if local > 0 && !ctx.server.config.appendonly {
        return Err(NO_LOCAL_AOF);
    }
    let offset = ctx.client.write_offset;
    wait_for(ctx, WaitFor { offset, replicas, local: Some(local) }, deadline)
}

fn wait_for(ctx: &mut Ctx<'_>, wait: WaitFor, deadline_ms: i64) -> CmdResult {
    let acks = ctx.server.acks_of(&wait);
    if ctx.server.is_acknowledged(&wait, acks) || !ctx.may_block() {
        Server::reply_acks(ctx.client, &wait, acks);
        return Ok(());
    }
    ctx.block_on_keys(BlockKind::Wait, &[], deadline_ms);
    if let Some(blocked) = ctx.client.blocked.as_mut() {
        blocked.wait = Some(wait);
        ctx.server.replication.waiting.push(ctx.client.id);
    }
    ctx.server.replication.ask_acks = true;
    Ok(())
}
