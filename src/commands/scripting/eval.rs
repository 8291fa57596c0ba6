//! EVAL, EVALSHA, FCALL and their read-only forms.

use crate::commands::{Args, CmdResult, Ctx, ReplyError, args};
use crate::protocol::number;
use crate::server::Server;
use crate::server::client::ClientFlags;
use crate::server::script::Target;

const NOSCRIPT: ReplyError = ReplyError::fixed("NOSCRIPT No matching script. Please use EVAL.");
const SHA_LEN: usize = 40;

pub fn eval(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    run_body(ctx, args, false)
}

pub fn eval_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    run_body(ctx, args, true)
}

pub fn evalsha(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    run_sha(ctx, args, false)
}

pub fn evalsha_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    run_sha(ctx, args, true)
}

pub fn fcall(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    run_function(ctx, args, false)
}

pub fn fcall_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    run_function(ctx, args, true)
}

/// Monitors see a script before its commands.
fn feed_monitors(ctx: &mut Ctx<'_>, args: Args<'_>) {
    if !ctx.server.monitors.is_empty() {
        ctx.server.feed_monitors(ctx.client, ctx.client.db, args);
    }
}

fn key_count(number: i64, args: Args<'_>) -> Result<usize, ReplyError> {
    match usize::try_from(number) {
        Err(_) => Err(ReplyError::fixed("ERR Number of keys can't be negative")),
        Ok(keys) if keys > args.len() - 3 => {
            Err(ReplyError::fixed("ERR Number of keys can't be greater than number of args"))
        }
        Ok(keys) => Ok(keys),
    }
}

fn run_body(ctx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    feed_monitors(ctx, args);
    if ctx.client.flags.has(ClientFlags::DEBUG) {
        return Server::debug_script(ctx, args, |ctx| compile_and_run(ctx, args, read_only));
    }
    compile_and_run(ctx, args, read_only)
}

fn compile_and_run(ctx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    let keys = key_count(args::int(args[2])?, args)?;
    let script = match ctx.server.scripts.eval.find_body(args[1]) {
        Some(script) => script,
        None => ctx.server.compile_script(args[1], true)?,
    };
    Server::run_script(ctx, Target::Eval(script), args, keys, read_only)
}

fn run_sha(ctx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    feed_monitors(ctx, args);
    if args[1].len() != SHA_LEN {
        return Err(NOSCRIPT);
    }
    if ctx.client.flags.has(ClientFlags::DEBUG) {
        return Err(ReplyError::fixed("ERR Please use EVAL instead of EVALSHA for debugging"));
    }
    let keys = key_count(args::int(args[2])?, args)?;
    let script = ctx.server.scripts.eval.find_sha(args[1]).ok_or(NOSCRIPT)?;
    Server::run_script(ctx, Target::Eval(script), args, keys, read_only)
}

fn run_function(ctx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    feed_monitors(ctx, args);
    let function = ctx.server.scripts.functions.find(args[1]);
    let function = function.ok_or(ReplyError::fixed("ERR Function not found"))?;
    let number = number::parse_i64(args[2]);
    let number = number.ok_or(ReplyError::fixed("ERR Bad number of keys provided"))?;
    let keys = key_count(number, args)?;
    Server::run_script(ctx, Target::Function(function), args, keys, read_only)
}
