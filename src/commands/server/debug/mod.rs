//! DEBUG: what tests and people who look for bugs need. One table of sub-commands; each is a
//! handler.

mod digest;
mod help;
mod inspect;
mod mallctl;
mod populate;
mod reload;
mod switches;

use crate::commands::args::float;
use crate::commands::help::reply_help;
use crate::commands::spec::Handler;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::crash;
use crate::sys::{signal, time};

/// A sub-command: name, smallest and largest number of arguments (DEBUG and name included),
/// handler.
type Row = (&'static str, usize, usize, Handler);

const ANY: usize = usize::MAX;

const SUBCOMMANDS: &[Row] = &[
    ("assert", 2, ANY, assert_command),
    ("change-repl-id", 2, 2, switches::change_repl_id),
    ("config-rewrite-force-all", 2, 2, switches::config_rewrite_force_all),
    ("dict-resizing", 3, 3, switches::dict_resizing),
    ("digest", 2, 2, digest::digest),
    ("digest-value", 2, ANY, digest::digest_value),
    ("aof-flush-sleep", 3, 3, switches::aof_flush_sleep),
    ("error", 3, 3, error),
    ("help", 2, 2, help_command),
    ("htstats", 3, 4, inspect::htstats),
    ("htstats-key", 3, 4, inspect::htstats_key),
    ("leak", 3, 3, leak),
    ("listpack", 3, 3, inspect::listpack),
    ("loadaof", 2, 2, load_aof),
    ("log", 3, 3, log),
    ("mallctl", 3, 4, mallctl::mallctl),
    ("mallctl-str", 3, 4, mallctl::mallctl_str),
    ("object", 3, 3, inspect::object),
    ("oom", 2, ANY, oom),
    ("panic", 2, ANY, panic_command),
    ("pause-cron", 3, 3, switches::pause_cron),
    ("populate", 3, 5, populate::populate),
    ("protocol", 3, 3, protocol),
    ("quicklist", 3, 4, inspect::quicklist),
    ("quicklist-packed-threshold", 3, 3, switches::quicklist_packed_threshold),
    ("reload", 2, ANY, reload::reload),
    ("replicate", 3, ANY, switches::replicate),
    ("replybuffer", 4, 4, switches::reply_buffer),
    ("sdslen", 3, 3, inspect::sdslen),
    ("segfault", 2, ANY, segfault),
    ("set-active-expire", 3, 3, switches::set_active_expire),
    ("set-disable-deny-scripts", 3, 3, switches::set_disable_deny_scripts),
    ("set-skip-checksum-validation", 3, 3, switches::set_skip_checksum_validation),
    ("sleep", 3, 3, sleep),
    ("stringmatch-test", 2, 2, inspect::stringmatch_test),
    ("structsize", 2, 2, inspect::structsize),
];

pub use debugCommand as debug;

/// DEBUG subcommand [argument ...]
#[allow(non_snake_case, reason = "Redis' name, which its users look for in stack traces")]
pub fn debugCommand(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let found = SUBCOMMANDS.iter().find(|(name, min, max, _)| {
        args[1].eq_ignore_ascii_case(name.as_bytes()) && (*min..=*max).contains(&args.len())
    });
    match found {
        // Not a jump, which would leave no frame to be seen in a stack trace.
        Some((.., handler)) => std::hint::black_box(handler(ctx, args)),
        None => {
            let mut text = b"unknown subcommand or wrong number of arguments for '".to_vec();
            text.extend_from_slice(&args[1][..args[1].len().min(128)]);
            text.extend_from_slice(b"'. Try DEBUG HELP.");
            Err(ReplyError::err(text))
        }
    }
}

fn load_aof(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    if !ctx.server.reload_aof() {
        return Err(ReplyError::fixed(
            "ERR Error trying to load the AOF files, check server logs.",
        ));
    }
    ctx.client.reply.ok();
    Ok(())
}

fn help_command(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    reply_help(&mut ctx.client.reply, args[0], help::LINES);
    Ok(())
}

fn assert_command(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    crash::assertion_failed("1 == 2", file!(), line!())
}

fn panic_command(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let now_s = time::unix_us() / 1_000_000;
    let text = format!("DEBUG PANIC called at Unix time {now_s}");
    crash::server_panic(&text, file!(), line!())
}

fn oom(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    crash::out_of_memory(usize::MAX / 2)
}

fn segfault(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    signal::crash_with_segfault();
    Ok(())
}

fn leak(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    std::mem::forget(args[2].to_vec());
    ctx.client.reply.ok();
    Ok(())
}

fn log(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.server.log_warning(&format!("DEBUG LOG: {}", String::from_utf8_lossy(args[2])));
    ctx.client.reply.ok();
    Ok(())
}

/// DEBUG SLEEP seconds
fn sleep(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let seconds = float(args[2])?.max(0.0);
    time::sleep_us((seconds * 1e6) as u64);
    ctx.client.reply.ok();
    Ok(())
}

/// DEBUG ERROR text: an error of any code, not counted as one that a command caused.
fn error(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.client.reply.error(&ReplyError::new(args[2]));
    Ok(())
}

/// DEBUG PROTOCOL type: a reply of each type of the protocol.
fn protocol(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let kind = args[2].to_ascii_lowercase();
    let reply = &mut ctx.client.reply;
    match kind.as_slice() {
        b"string" => reply.bulk_str("Hello World"),
        b"integer" => reply.int(12345),
        // Not pi: three digits that every client prints alike.
        b"double" => reply.double(3141.0 / 1000.0),
        b"bignum" => reply.big_number(b"1234567999999999999999999999999999999"),
        b"null" => reply.null(),
        b"array" | b"set" => {
            if kind == b"array" {
                reply.array(3)
            } else {
                reply.set(3)
            }
            (0..3).for_each(|i| reply.int(i));
        }
        b"map" => {
            reply.map(3);
            for i in 0..3 {
                reply.int(i);
                reply.bool(i == 1);
            }
        }
        b"attrib" => {
            if reply.is_resp3() {
                reply.attribute(1);
                reply.bulk_str("key-popularity");
                reply.array(2);
                reply.bulk_str("key:123");
                reply.int(90);
            }
            reply.bulk_str("Some real reply following the attribute");
        }
        b"push" => {
            if !reply.is_resp3() {
                return Err(ReplyError::fixed("ERR RESP2 is not supported by this command"));
            }
            reply.push(2);
            reply.bulk_str("server-cpu-usage");
            reply.int(42);
            reply.bulk_str("Some real reply following the push reply");
        }
        b"true" => reply.bool(true),
        b"false" => reply.bool(false),
        b"verbatim" => reply.verbatim(b"This is a verbatim\nstring", "txt"),
        _ => {
            return Err(ReplyError::fixed(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}
