//! MODULE: there are no modules, and none can be loaded. The answers are those of a server without
//! any.

use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};

/// MODULE LOAD: no module can be loaded, whatever the file is.
pub fn module_load(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let path = String::from_utf8_lossy(args[2]);
    ctx.server.log_warning(&format!("Module {path} failed to load: modules are not supported"));
    Err(ReplyError::fixed("ERR Error loading the extension. Please check the server logs."))
}

/// MODULE LOADEX: as MODULE LOAD.
pub fn module_loadex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    module_load(ctx, args)
}

/// MODULE UNLOAD: there is none to unload.
pub fn module_unload(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    Err(ReplyError::fixed("ERR Error unloading module: no such module with that name"))
}

/// MODULE LIST: none can be loaded.
pub fn module_list(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.client.reply.array(0);
    Ok(())
}

/// MODULE HELP
pub fn module_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lines = [
        "LIST",
        "    Return a list of loaded modules.",
        "LOAD <path> [<arg> ...]",
        "    Load a module library from <path>, passing to it any optional arguments.",
        "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
        "    Load a module library from <path>, while passing it module configurations and \
         optional arguments.",
        "UNLOAD <name>",
        "    Unload a module.",
    ];
    reply_help(&mut ctx.client.reply, args[0], &lines);
    Ok(())
}
