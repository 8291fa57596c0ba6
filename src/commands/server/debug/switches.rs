//! DEBUG sub-commands that turn one of `server::debug`'s switches, or another part's.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::kind::parse_memory;
use crate::config::rewrite::RewriteOptions;
use crate::server::client_memory::DEFAULT_PEAK_RESET_MS;

/// The number at the beginning of the text, 0 if there is none: what C's `atoi` makes of it.
fn number(text: &[u8]) -> i64 {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'-');
    let text = std::str::from_utf8(&text[..digits.unwrap_or(text.len())]);
    text.ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn done(ctx: &mut Ctx<'_>) -> CmdResult {
    ctx.client.reply.ok();
    Ok(())
}

pub(super) fn set_active_expire(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.expire.enabled = number(args[2]) != 0;
    done(ctx)
}

pub(super) fn pause_cron(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.debug.pause_cron = number(args[2]) != 0;
    done(ctx)
}

pub(super) fn dict_resizing(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.debug.dict_resizing = number(args[2]) != 0;
    ctx.server.update_resize_policy();
    done(ctx)
}

pub(super) fn set_disable_deny_scripts(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.debug.disable_deny_scripts = number(args[2]) != 0;
    done(ctx)
}

pub(super) fn set_skip_checksum_validation(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.debug.skip_checksum_validation = number(args[2]) != 0;
    done(ctx)
}

pub(super) fn aof_flush_sleep(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.debug.aof_flush_sleep_us = number(args[2]).max(0) as u64;
    done(ctx)
}

/// DEBUG REPLYBUFFER PEAK-RESET-TIME NEVER|RESET|ms, DEBUG REPLYBUFFER RESIZING 0|1
pub(super) fn reply_buffer(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let debug = &mut ctx.server.client_memory;
    if is_option(args[2], "resizing") {
        debug.resize_reply_buffers = number(args[3]) != 0;
    } else if is_option(args[2], "peak-reset-time") {
        debug.peak_reset_ms = if is_option(args[3], "never") {
            -1
        } else if is_option(args[3], "reset") {
            DEFAULT_PEAK_RESET_MS
        } else {
            int(args[3])?
        };
    } else {
        return Err(ReplyError::SYNTAX);
    }
    done(ctx)
}

/// DEBUG QUICKLIST-PACKED-THRESHOLD size
pub(super) fn quicklist_packed_threshold(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    const LIMIT: u64 = 1 << 32;
    match parse_memory(args[2]).filter(|bytes| *bytes < LIMIT) {
        Some(bytes) => {
            ctx.server.list_packed_threshold = bytes as usize;
            done(ctx)
        }
        None => Err(ReplyError::fixed(
            "ERR argument must be a memory value bigger than 1 and smaller than 4gb",
        )),
    }
}

pub(super) fn change_repl_id(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.log_notice("Changing replication IDs after receiving DEBUG change-repl-id");
    ctx.server.replication.change_id();
    ctx.server.replication.clear_id2();
    done(ctx)
}

pub(super) fn config_rewrite_force_all(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let extra = [ctx.server.user_lines()];
    let options = RewriteOptions { force_all: true, extra: &extra, ..RewriteOptions::default() };
    match ctx.server.config.rewrite(&options) {
        Ok(()) => done(ctx),
        Err(error) => {
            let text = format!("CONFIG-REWRITE-FORCE-ALL failed: {}", error.message());
            Err(ReplyError::err(text))
        }
    }
}

/// DEBUG REPLICATE command ...: puts a command into the replication stream that is not run here.
pub(super) fn replicate(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.feed_replicas(None, &args[2..]);
    done(ctx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_c_reads_them() {
        for (text, value) in [("1", 1), ("0", 0), ("12x", 12), ("x", 0), ("-3", -3), ("", 0)] {
            assert_eq!(number(text.as_bytes()), value, "{text}");
        }
    }
}
