//! Commands of parts of the server that do not exist yet (persistence, replication, cluster,
//! modules, ACL users). They refuse, and say why: an answer that pretends would lose data.

use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};

fn refuse(args: Args<'_>) -> CmdResult {
    let name = String::from_utf8_lossy(args[0]).to_uppercase();
    Err(ReplyError::err(format!("{name} is not supported yet by this server")))
}

macro_rules! refused {
    ($($name:ident),* $(,)?) => {
        $(
            /// Not supported yet.
            pub fn $name(_ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
                refuse(args)
            }
        )*
    };
}

refused! {
    bgrewriteaof, failover, psync, replconf, replicaof, restore_asking, sflush,
    slaveof,
    sync, acl_deluser, acl_dryrun, acl_getuser, acl_list, acl_load, acl_log, acl_save, acl_setuser,
    acl_users, module_load, module_loadex, module_unload,
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
