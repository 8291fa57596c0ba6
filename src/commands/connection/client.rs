//! The sub-commands of CLIENT that concern the connection that calls them, and the pause of all.

use crate::commands::args::is_option;
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_i64;
use crate::server::client::{Client, ClientFlags};
use crate::server::pause::PausePurpose;

/// CLIENT LIST separates its fields with blanks: what it shows may contain none.
fn is_showable(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// Refuses names that would break CLIENT LIST.
pub(super) fn check_name(name: &[u8]) -> CmdResult {
    if is_showable(name) {
        return Ok(());
    }
    Err(ReplyError::fixed(
        "ERR Client names cannot contain spaces, newlines or special characters.",
    ))
}

/// The empty name removes the name.
pub(super) fn set_name(client: &mut Client, name: &[u8]) {
    client.name = (!name.is_empty()).then(|| name.into());
}

/// ON or OFF.
fn on_off(arg: &[u8]) -> Result<bool, ReplyError> {
    match () {
        _ if is_option(arg, "on") => Ok(true),
        _ if is_option(arg, "off") => Ok(false),
        _ => Err(ReplyError::SYNTAX),
    }
}

pub fn client_id(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.client.reply.int(ctx.client.id as i64);
    Ok(())
}

pub fn client_info(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let mut line = ctx.server.client_info(ctx.client);
    line.push('\n');
    ctx.client.reply.verbatim(line.as_bytes(), "txt");
    Ok(())
}

pub fn client_getname(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let name = ctx.client.name.clone();
    ctx.client.reply.bulk_or_null(name.as_deref());
    Ok(())
}

pub fn client_setname(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    check_name(args[2])?;
    set_name(ctx.client, args[2]);
    ctx.client.reply.ok();
    Ok(())
}

pub fn client_setinfo(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let option = String::from_utf8_lossy(args[2]);
    let field = match () {
        _ if is_option(args[2], "lib-name") => &mut ctx.client.lib_name,
        _ if is_option(args[2], "lib-ver") => &mut ctx.client.lib_ver,
        _ => return Err(ReplyError::err(format!("Unrecognized option '{option}'"))),
    };
    if !is_showable(args[3]) {
        return Err(ReplyError::err(format!(
            "{option} cannot contain spaces, newlines or special characters."
        )));
    }
    *field = (!args[3].is_empty()).then(|| args[3].into());
    ctx.client.reply.ok();
    Ok(())
}

pub fn client_reply(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let flags = &mut ctx.client.flags;
    match () {
        _ if is_option(args[2], "on") => {
            flags.clear(ClientFlags::REPLY_OFF.and(ClientFlags::REPLY_SKIP));
            ctx.client.reply.ok();
        }
        _ if is_option(args[2], "off") => flags.set(ClientFlags::REPLY_OFF),
        _ if is_option(args[2], "skip") => {
            if !flags.has(ClientFlags::REPLY_OFF) {
                flags.set(ClientFlags::REPLY_SKIP_NEXT);
            }
        }
        _ => return Err(ReplyError::SYNTAX),
    }
    Ok(())
}

pub fn client_no_evict(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let on = on_off(args[2])?;
    ctx.client.flags.assign(ClientFlags::NO_EVICT, on);
    ctx.server.update_client_memory(ctx.client);
    ctx.client.reply.ok();
    Ok(())
}

pub fn client_no_touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let on = on_off(args[2])?;
    ctx.client.flags.assign(ClientFlags::NO_TOUCH, on);
    ctx.client.reply.ok();
    Ok(())
}

pub fn client_pause(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 4 {
        return Err(super::client_kill::wrong_usage(args));
    }
    let all = match args.get(3) {
        None => true,
        Some(mode) if is_option(mode, "all") => true,
        Some(mode) if is_option(mode, "write") => false,
        Some(_) => return Err(ReplyError::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
    };
    let timeout_ms = parse_i64(args[2])
        .ok_or(ReplyError::fixed("ERR timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(ReplyError::TIMEOUT_NEGATIVE);
    }
    // Nothing to wait for is a time that is over.
    let end_ms = match timeout_ms {
        0 => 0,
        _ => ctx.now_ms().checked_add(timeout_ms).ok_or(ReplyError::TIMEOUT_RANGE)?,
    };
    ctx.server.pause_clients(end_ms, all);
    ctx.client.reply.ok();
    Ok(())
}

pub fn client_unpause(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.server.unpause_actions(PausePurpose::ClientCommand);
    ctx.client.reply.ok();
    Ok(())
}

pub fn client_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    reply_help(&mut ctx.client.reply, args[0], HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
    "GETREDIR",
    "    Return the client ID we are redirecting to when tracking is enabled.",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "    * ID <client-id>",
    "      Kill connections by client id.",
    "    * MAXAGE <maxage>",
    "      Kill connections older than the specified age.",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "UNPAUSE",
    "    Stop the current client pause, resuming traffic.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Suspend all, or just write, clients for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "SETINFO <option> <value>",
    "    Set client meta attr. Options are:",
    "    * LIB-NAME: the client lib name.",
    "    * LIB-VER: the client lib version.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Unblock the specified blocked client.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Control server assisted client side caching.",
    "TRACKINGINFO",
    "    Report tracking status for the current connection.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
    "NO-TOUCH (ON|OFF)",
    "    Will not touch LRU/LFU stats when this mode is on.",
];
