//! DBSIZE, INFO, TIME, ROLE, SHUTDOWN.

use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::values::shutdown::{FORCE, NOSAVE, NOW, SAVE};
use crate::server::client::ClientFlags;

/// DBSIZE
pub fn dbsize(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let keys = ctx.db().len();
    ctx.client.reply.count(keys);
    Ok(())
}

/// INFO [section ...]
pub fn info(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let text = ctx.server.info_text(&args[1..]);
    ctx.client.reply.verbatim(&text, "txt");
    Ok(())
}

/// TIME
pub fn time(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    // The time of the command, as other commands see it, with the clock's microseconds.
    let now_us = ctx.server.clock.now_us;
    ctx.client.reply.array(2);
    ctx.client.reply.bulk_int(now_us / 1_000_000);
    ctx.client.reply.bulk_int(now_us % 1_000_000);
    Ok(())
}

/// SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]
pub fn shutdown(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut flags = 0;
    let mut abort = false;
    for arg in &args[1..] {
        let options = [("nosave", NOSAVE), ("save", SAVE), ("now", NOW), ("force", FORCE)];
        match options.iter().find(|(name, _)| is_option(arg, name)) {
            Some((_, flag)) => flags |= flag,
            None if is_option(arg, "abort") => abort = true,
            None => return Err(ReplyError::SYNTAX),
        }
    }
    if abort && flags != 0 || flags & NOSAVE != 0 && flags & SAVE != 0 {
        return Err(ReplyError::SYNTAX);
    }
    if abort {
        if !ctx.server.abort_shutdown() {
            return Err(ReplyError::fixed("ERR No shutdown in progress."));
        }
        ctx.client.reply.ok();
        return Ok(());
    }
    if flags & NOW == 0 && ctx.client.flags.has(ClientFlags::DENY_BLOCKING) {
        return Err(ReplyError::fixed(
            "ERR SHUTDOWN without NOW or ABORT isn't allowed for DENY BLOCKING client",
        ));
    }
    if flags & NOSAVE == 0
        && let Some(error) = ctx.server.scripts.busy_error()
    {
        return Err(error);
    }
    ctx.server.client_shutdown(ctx.client, flags)
}
