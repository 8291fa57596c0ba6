//! SCRIPT: the cache of EVAL scripts.

use crate::commands::args::is_option;
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::client::ClientFlags;

/// SCRIPT LOAD script
pub fn script_load(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let script = ctx.server.compile_script(args[2], false)?;
    ctx.client.reply.bulk(&script.sha);
    Ok(())
}

/// SCRIPT EXISTS sha1 ...
pub fn script_exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let Ctx { server, client } = ctx;
    client.reply.array(args.len() - 2);
    for sha in &args[2..] {
        client.reply.flag(server.scripts.eval.find_sha(sha).is_some());
    }
    Ok(())
}

/// SCRIPT FLUSH [ASYNC | SYNC]
pub fn script_flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let error = ReplyError::fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option");
    let lazy = super::flush_is_lazy(ctx, args, error)?;
    ctx.server.flush_scripts(lazy);
    ctx.client.reply.ok();
    Ok(())
}

/// SCRIPT KILL
pub fn script_kill(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.kill_script(true)?;
    ctx.client.reply.ok();
    Ok(())
}

/// SCRIPT DEBUG YES | SYNC | NO
pub fn script_debug(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let waiting = ctx.client.conn.as_ref().is_some_and(|conn| !conn.out.is_empty());
    if waiting || !ctx.client.reply.is_empty() {
        // They would come between the debugger's answers.
        return Err(ReplyError::fixed("ERR SCRIPT DEBUG must be called outside a pipeline"));
    }
    let flags = match args[2] {
        how if is_option(how, "no") => ClientFlags::default(),
        how if is_option(how, "yes") => ClientFlags::DEBUG_FORKED,
        how if is_option(how, "sync") => ClientFlags::DEBUG_SYNC,
        _ => return Err(ReplyError::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    };
    ctx.client.flags.clear(ClientFlags::DEBUG);
    ctx.client.flags.set(flags);
    ctx.client.reply.ok();
    Ok(())
}

/// SCRIPT HELP
pub fn script_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "DEBUG (YES|SYNC|NO)",
        "    Set the debug mode for subsequent scripts executed.",
        "EXISTS <sha1> [<sha1> ...]",
        "    Return information about the existence of the scripts in the script cache.",
        "FLUSH [ASYNC|SYNC]",
        "    Flush the Lua scripts cache. Very dangerous on replicas.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the scripts cache.",
        "    * SYNC: Synchronously flush the scripts cache.",
        "KILL",
        "    Kill the currently executing Lua script.",
        "LOAD <script>",
        "    Load a script into the scripts cache without executing it.",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}
