//! DEBUG RELOAD: what is saved is what is loaded.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::loading::{FileLoad, FileLoadOptions};

/// `DEBUG RELOAD [MERGE] [NOFLUSH] [NOSAVE]`
pub fn reload(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (mut flush, mut save, mut merge) = (true, true, false);
    for option in &args[2..] {
        match () {
            () if is_option(option, "merge") => merge = true,
            () if is_option(option, "noflush") => flush = false,
            () if is_option(option, "nosave") => save = false,
            () => {
                return Err(ReplyError::fixed(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    if save && ctx.server.save_now(true).is_err() {
        return Err(ReplyError::fixed("ERR"));
    }
    if flush {
        ctx.server.empty_data();
    }
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(&ctx.server.config.dbfilename));
    let how = FileLoadOptions { allow_duplicates: merge, ..FileLoadOptions::default() };
    match ctx.server.load_rdb_file(&path, how) {
        FileLoad::Loaded(_) | FileLoad::Stopped => {}
        FileLoad::Absent | FileLoad::Failed => {
            return Err(ReplyError::fixed(
                "ERR Error trying to load the RDB dump, check server logs.",
            ));
        }
    }
    ctx.server.log_notice("DB reloaded by DEBUG RELOAD");
    ctx.client.reply.ok();
    Ok(())
}
