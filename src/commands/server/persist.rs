//! SAVE, BGSAVE, LASTSAVE, BGREWRITEAOF.

use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::client::ClientFlags;

const IN_PROGRESS: ReplyError = ReplyError::fixed("ERR Background save already in progress");
/// The reason is in the log.
const NOT_SAVED: ReplyError = ReplyError::fixed("ERR");

/// SAVE
pub fn save(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if ctx.server.child.is_saving() {
        return Err(IN_PROGRESS);
    }
    ctx.server.rdb.saves += 1;
    ctx.server.save_now(false).map_err(|_| NOT_SAVED)?;
    ctx.client.reply.ok();
    Ok(())
}

/// BGSAVE [SCHEDULE]
pub fn bgsave(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let schedule = match &args[1..] {
        [] => false,
        [option] if is_option(option, "schedule") => true,
        _ => return Err(ReplyError::SYNTAX),
    };
    let in_exec = ctx.client.flags.has(ClientFlags::IN_EXEC);
    if ctx.server.child.is_saving() {
        return Err(IN_PROGRESS);
    }
    if ctx.server.has_child() || in_exec {
        if !schedule && !in_exec {
            return Err(ReplyError::fixed(
                "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE \
                 SCHEDULE in order to schedule a BGSAVE whenever possible.",
            ));
        }
        ctx.server.rdb.bgsave_scheduled = true;
        ctx.client.reply.simple("Background saving scheduled");
        return Ok(());
    }
    if !ctx.server.start_bgsave() {
        return Err(NOT_SAVED);
    }
    ctx.client.reply.simple("Background saving started");
    Ok(())
}

/// LASTSAVE
pub fn lastsave(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.client.reply.int(ctx.server.rdb.last_save_s);
    Ok(())
}

/// BGREWRITEAOF
pub fn bgrewriteaof(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let server = &mut *ctx.server;
    if server.is_rewriting_aof() {
        return Err(ReplyError::fixed(
            "ERR Background append only file rewriting already in progress",
        ));
    }
    if server.has_child() || server.exec.in_exec {
        server.aof.rewrite.scheduled = true;
        // Asked for by hand it is tried at once.
        server.aof.rewrite.consecutive_failures = 0;
        ctx.client.reply.simple("Background append only file rewriting scheduled");
        return Ok(());
    }
    if !server.start_aof_rewrite() {
        return Err(ReplyError::fixed(
            "ERR Can't execute an AOF background rewriting. Please check the server logs for more \
             information.",
        ));
    }
    ctx.client.reply.simple("Background append only file rewriting started");
    Ok(())
}
