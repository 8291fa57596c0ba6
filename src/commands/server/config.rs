//! CONFIG GET, SET, RESETSTAT, REWRITE. What a changed value does to the running server stands in
//! `server::config_effects`.

use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::rewrite::RewriteOptions;
use crate::config::{Config, SetContext, SetError};

/// CONFIG GET pattern [pattern ...]
pub fn config_get(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let found = ctx.server.config.get(&args[2..]);
    let reply = &mut ctx.client.reply;
    reply.map(found.len());
    for (name, value) in found {
        reply.bulk(&name);
        reply.bulk(&value);
    }
    Ok(())
}

/// CONFIG SET name value [name value ...]: all or none.
pub fn config_set(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if !args.len().is_multiple_of(2) {
        return Err(ReplyError::SYNTAX);
    }
    let mut pairs = Vec::with_capacity(args.len() / 2);
    for i in (2..args.len()).step_by(2) {
        if Config::is_sensitive(args[i]) {
            ctx.server.redact_argument(i + 1);
        }
        pairs.push((args[i], args[i + 1]));
    }
    let peer = ctx.client.conn.as_ref().and_then(|conn| conn.peer);
    let local = peer.is_none_or(|peer| peer.ip().to_canonical().is_loopback());
    match ctx.server.config_set(&pairs, SetContext { loading: ctx.server.loading.active, local }) {
        Ok(()) => {
            ctx.client.reply.ok();
            Ok(())
        }
        Err(SetError::Loading) => Err(ReplyError::LOADING),
        Err(error) => Err(ReplyError::err(error.message())),
    }
}

/// CONFIG RESETSTAT
pub fn config_resetstat(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.reset_stats();
    ctx.client.reply.ok();
    Ok(())
}

/// CONFIG REWRITE
pub fn config_rewrite(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let extra = [ctx.server.user_lines()];
    let options = RewriteOptions { extra: &extra, ..RewriteOptions::default() };
    match ctx.server.config.rewrite(&options) {
        Ok(()) => {
            ctx.server.log_notice("CONFIG REWRITE executed with success.");
            ctx.client.reply.ok();
            Ok(())
        }
        Err(error) => {
            ctx.server.log_warning(&format!("CONFIG REWRITE failed: {}", error.message()));
            Err(ReplyError::err(error.message()))
        }
    }
}

/// CONFIG HELP
pub fn config_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "GET <pattern>",
        "    Return parameters matching the glob-like <pattern> and their values.",
        "SET <directive> <value>",
        "    Set the configuration <directive> to <value>.",
        "RESETSTAT",
        "    Reset statistics reported by the INFO command.",
        "REWRITE",
        "    Rewrite the configuration file.",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}
