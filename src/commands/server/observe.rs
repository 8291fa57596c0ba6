//! SLOWLOG and MONITOR.

use crate::commands::args;
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::client::ClientFlags;

/// Entries that SLOWLOG GET returns without a count.
const DEFAULT_COUNT: i64 = 10;

/// SLOWLOG GET [count]
pub fn slowlog_get(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 3 {
        return Err(ReplyError::wrong_arity("slowlog|get"));
    }
    let wrong = "ERR count should be greater than or equal to -1";
    let count = match args.get(2) {
        Some(arg) => args::int_or(arg, wrong)?,
        None => DEFAULT_COUNT,
    };
    if count < -1 {
        return Err(ReplyError::fixed(wrong));
    }
    let slowlog = &ctx.server.slowlog;
    let len = usize::try_from(count).map_or(slowlog.len(), |count| count.min(slowlog.len()));
    let reply = &mut ctx.client.reply;
    reply.array(len);
    for entry in slowlog.iter().take(len) {
        reply.array(6);
        reply.int(entry.id);
        reply.int(entry.time_s);
        reply.int(entry.duration_us as i64);
        reply.array(entry.argv.len());
        for arg in &entry.argv {
            reply.bulk(arg);
        }
        reply.bulk(&entry.peer);
        reply.bulk(&entry.name);
    }
    Ok(())
}

/// SLOWLOG LEN
pub fn slowlog_len(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.client.reply.count(ctx.server.slowlog.len());
    Ok(())
}

/// SLOWLOG RESET
pub fn slowlog_reset(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.slowlog.reset();
    ctx.client.reply.ok();
    Ok(())
}

/// SLOWLOG HELP
pub fn slowlog_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "GET [<count>]",
        "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
        "    Entries are made of:",
        "    id, timestamp, time in microseconds, arguments array, client IP and port,",
        "    client name",
        "LEN",
        "    Return the length of the slowlog.",
        "RESET",
        "    Reset the slowlog.",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}

/// MONITOR
pub fn monitor(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if ctx.client.flags.has(ClientFlags::DENY_BLOCKING) {
        return Err(ReplyError::fixed("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    if ctx.client.flags.has(ClientFlags::REPLICA) {
        return Ok(());
    }
    ctx.client.flags.set(ClientFlags::MONITOR);
    ctx.server.monitors.add(ctx.client.id);
    ctx.client.reply.ok();
    Ok(())
}
