//! MULTI, EXEC, DISCARD, WATCH, UNWATCH. The queue and the registry of watched keys stand in
//! `server::transaction`; queueing itself is a step of dispatch.

pub mod table;

pub use table::COMMANDS;

use crate::commands::args::with_owned;
use crate::commands::table::CommandId;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::call::call;
use crate::server::client::ClientFlags;

fn in_multi(ctx: &Ctx<'_>) -> bool {
    ctx.client.flags.has(ClientFlags::MULTI)
}

pub fn multi(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if in_multi(ctx) {
        return Err(ReplyError::fixed("ERR MULTI calls can not be nested"));
    }
    ctx.client.flags.set(ClientFlags::MULTI);
    ctx.client.reply.ok();
    Ok(())
}

pub fn discard(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if !in_multi(ctx) {
        return Err(ReplyError::fixed("ERR DISCARD without MULTI"));
    }
    ctx.server.discard_transaction(ctx.client);
    ctx.client.reply.ok();
    Ok(())
}

/// Runs the queue. A refused queueing fails it with an error, a changed watched key with null.
pub fn exec(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if !in_multi(ctx) {
        return Err(ReplyError::fixed("ERR EXEC without MULTI"));
    }
    if ctx.client.flags.has(ClientFlags::DIRTY_EXEC) {
        ctx.server.discard_transaction(ctx.client);
        return Err(ReplyError::EXECABORT);
    }
    if ctx.server.watch_is_broken(ctx.client.id) {
        ctx.server.discard_transaction(ctx.client);
        ctx.client.reply.null_array();
        return Ok(());
    }
    // The queue's own writes need not touch the keys that are watched.
    ctx.server.watches.unwatch_all(ctx.client.id);
    let queue = ctx.client.multi.take().map(|multi| multi.queue).unwrap_or_default();
    let denied = ctx.client.flags.has(ClientFlags::DENY_BLOCKING);
    ctx.client.flags.set(ClientFlags::DENY_BLOCKING.and(ClientFlags::IN_EXEC));
    ctx.server.exec.in_exec = true;
    ctx.client.reply.array(queue.len());
    for queued in &queue {
        with_owned(&queued.argv, |args| run_queued(ctx, queued.command, args));
    }
    ctx.client.flags.assign(ClientFlags::DENY_BLOCKING, denied);
    ctx.client.flags.clear(ClientFlags::IN_EXEC);
    ctx.server.exec.in_exec = false;
    ctx.server.discard_transaction(ctx.client);
    // What the queue did has been collected command by command.
    ctx.propagate_nothing();
    Ok(())
}

/// What was allowed when it was queued may be forbidden now.
fn run_queued(ctx: &mut Ctx<'_>, id: CommandId, args: Args<'_>) {
    if ctx.client.is_restricted()
        && let Err(refused) = ctx.server.check_own_acl(ctx.client, id, args)
    {
        let error = ReplyError::new(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the \
             EXEC call. This command is no longer allowed for the following reason: {}",
            refused.denial.exec_reason()
        ));
        ctx.server.count_error(&error);
        ctx.client.reply.error(&error);
        return;
    }
    call(ctx, id, args);
}

pub fn watch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if in_multi(ctx) {
        return Err(ReplyError::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    if !ctx.server.watches.is_touched(ctx.client.id) {
        for key in &args[1..] {
            ctx.server.watch_key(ctx.client, key);
        }
    }
    ctx.client.reply.ok();
    Ok(())
}

pub fn unwatch(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.watches.unwatch_all(ctx.client.id);
    ctx.client.reply.ok();
    Ok(())
}
