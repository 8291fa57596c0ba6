//! DEBUG MALLCTL and MALLCTL-STR: reads and writes jemalloc's settings by name.

use crate::commands::args::int;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::sys::mallctl;

fn failed(problem: std::io::Error) -> ReplyError {
    ReplyError::err(crate::config::strerror(&problem))
}

/// DEBUG MALLCTL name [number]: replies the old value.
pub(super) fn mallctl(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let value = args.get(3).map(|arg| int(arg)).transpose()?;
    match mallctl::number(args[2], value).map_err(failed)? {
        Some(old) => ctx.client.reply.int(old),
        None => ctx.client.reply.ok(),
    }
    Ok(())
}

/// DEBUG MALLCTL-STR name [text]: replies the old text.
pub(super) fn mallctl_str(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    match mallctl::text(args[2], args.get(3).copied()).map_err(failed)? {
        Some(old) => ctx.client.reply.bulk(&old),
        None => ctx.client.reply.ok(),
    }
    Ok(())
}
