//! EVAL and its forms, SCRIPT, FCALL, FUNCTION. The caches and the running of scripts are
//! `server::script`'s, the interpreter `scripting`'s.

mod eval;
mod function;
mod script;
pub mod table;

pub use eval::{eval, eval_ro, evalsha, evalsha_ro, fcall, fcall_ro};
pub use function::{
    function_delete, function_dump, function_flush, function_help, function_kill, function_list,
    function_load, function_restore, function_stats,
};
pub use script::{
    script_debug, script_exists, script_flush, script_help, script_kill, script_load,
};
pub use table::COMMANDS;

use crate::commands::args::is_option;
use crate::commands::{Args, Ctx, ReplyError};

/// `[ASYNC | SYNC]` of the two FLUSH sub-commands: true for ASYNC.
fn flush_is_lazy(ctx: &Ctx<'_>, args: Args<'_>, error: ReplyError) -> Result<bool, ReplyError> {
    match args.get(2) {
        None => Ok(ctx.server.config.lazyfree_lazy_user_flush),
        Some(mode) if args.len() == 3 && is_option(mode, "sync") => Ok(false),
        Some(mode) if args.len() == 3 && is_option(mode, "async") => Ok(true),
        Some(_) => Err(error),
    }
}
