//! CLIENT TRACKING and its companions: how a connection tracks. Who is told what stands in
//! `server::tracking`.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::tracking::Tracker;

/// The options of CLIENT TRACKING.
#[derive(Default)]
struct Options<'a> {
    tracker: Tracker,
    prefixes: Vec<&'a [u8]>,
}

fn parse<'a>(ctx: &Ctx<'_>, args: &[&'a [u8]]) -> Result<Options<'a>, ReplyError> {
    let mut options = Options::default();
    let tracker = &mut options.tracker;
    let mut rest = args;
    while let [option, more @ ..] = rest {
        rest = more;
        match (option, more) {
            (_, [id, after @ ..]) if is_option(option, "redirect") => {
                if tracker.redirect != 0 {
                    return Err(ReplyError::fixed(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                tracker.redirect = int(id)? as u64;
                if !ctx.server.clients.contains(tracker.redirect) {
                    return Err(ReplyError::fixed(
                        "ERR The client ID you want redirect to does not exist",
                    ));
                }
                rest = after;
            }
            (_, [prefix, after @ ..]) if is_option(option, "prefix") => {
                options.prefixes.push(prefix);
                rest = after;
            }
            _ if is_option(option, "bcast") => tracker.bcast = true,
            _ if is_option(option, "optin") => tracker.optin = true,
            _ if is_option(option, "optout") => tracker.optout = true,
            _ if is_option(option, "noloop") => tracker.noloop = true,
            _ => return Err(ReplyError::SYNTAX),
        }
    }
    Ok(options)
}

/// The options must fit each other and what the client does already.
fn check(options: &Options<'_>, old: Option<&Tracker>) -> CmdResult {
    let new = &options.tracker;
    let contradiction = match old {
        _ if !new.bcast && !options.prefixes.is_empty() => {
            "ERR PREFIX option requires BCAST mode to be enabled"
        }
        Some(old) if old.bcast != new.bcast => {
            "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and \
             then re-enabling it with a different mode."
        }
        _ if new.bcast && (new.optin || new.optout) => {
            "ERR OPTIN and OPTOUT are not compatible with BCAST"
        }
        _ if new.optin && new.optout => "ERR You can't specify both OPTIN mode and OPTOUT mode",
        Some(old) if (new.optin && old.optout) || (new.optout && old.optin) => {
            "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and \
             then re-enabling it with a different mode."
        }
        _ => return Ok(()),
    };
    Err(ReplyError::fixed(contradiction))
}

/// CLIENT TRACKING ON | OFF [option ...]
pub fn client_tracking(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut options = parse(ctx, &args[3..])?;
    let id = ctx.client.id;
    let tracking = &mut ctx.server.tracking;
    if is_option(args[2], "on") {
        check(&options, tracking.get(id))?;
        tracking.check_prefixes(id, &options.prefixes)?;
        options.tracker.prefixes = options.prefixes.iter().map(|prefix| (*prefix).into()).collect();
        tracking.enable(id, options.tracker);
    } else if is_option(args[2], "off") {
        tracking.disable(id);
    } else {
        return Err(ReplyError::SYNTAX);
    }
    ctx.client.reply.ok();
    Ok(())
}

/// CLIENT CACHING YES | NO
pub fn client_caching(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let Some(tracker) = ctx.server.tracking.get_mut(ctx.client.id) else {
        return Err(ReplyError::fixed(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN \
             or OPTOUT mode enabled",
        ));
    };
    let (mode, error) = match () {
        _ if is_option(args[2], "yes") => (
            tracker.optin,
            "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
        ),
        _ if is_option(args[2], "no") => (
            tracker.optout,
            "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
        ),
        _ => return Err(ReplyError::SYNTAX),
    };
    if !mode {
        return Err(ReplyError::fixed(error));
    }
    tracker.caching = true;
    ctx.client.reply.ok();
    Ok(())
}

/// CLIENT GETREDIR
pub fn client_getredir(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let redirect = redirect_of(ctx.server.tracking.get(ctx.client.id));
    ctx.client.reply.int(redirect);
    Ok(())
}

/// -1: does not track.
fn redirect_of(tracker: Option<&Tracker>) -> i64 {
    tracker.map_or(-1, |tracker| tracker.redirect as i64)
}

fn flags_of(tracker: Option<&Tracker>) -> Vec<&'static str> {
    let Some(tracker) = tracker else { return vec!["off"] };
    let mut flags = vec!["on"];
    let mut add = |on: bool, name| flags.extend(on.then_some(name));
    add(tracker.bcast, "bcast");
    add(tracker.optin, "optin");
    add(tracker.optin && tracker.caching, "caching-yes");
    add(tracker.optout, "optout");
    add(tracker.optout && tracker.caching, "caching-no");
    add(tracker.noloop, "noloop");
    add(tracker.broken, "broken_redirect");
    flags
}

/// CLIENT TRACKINGINFO
pub fn client_trackinginfo(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let tracker = ctx.server.tracking.get(ctx.client.id);
    let reply = &mut ctx.client.reply;
    reply.map(3);
    reply.bulk_str("flags");
    let flags = flags_of(tracker);
    reply.set(flags.len());
    flags.into_iter().for_each(|flag| reply.bulk_str(flag));
    reply.bulk_str("redirect");
    reply.int(redirect_of(tracker));
    reply.bulk_str("prefixes");
    let prefixes = tracker.map(|tracker| &tracker.prefixes);
    reply.array(prefixes.map_or(0, |prefixes| prefixes.len()));
    prefixes.into_iter().flatten().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}
