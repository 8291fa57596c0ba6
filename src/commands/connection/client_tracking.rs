//! CLIENT TRACKING and its companions. All options are parsed and checked; as long as no
//! invalidations are sent, switching tracking on is refused, and the rest answers as for a client
//! that does not track.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};

/// The options of CLIENT TRACKING.
#[derive(Default)]
struct Tracking {
    redirect: i64,
    bcast: bool,
    optin: bool,
    optout: bool,
    prefixes: usize,
}

fn parse(ctx: &Ctx<'_>, args: &[&[u8]]) -> Result<Tracking, ReplyError> {
    let mut tracking = Tracking::default();
    let mut rest = args;
    while let [option, more @ ..] = rest {
        rest = more;
        match (option, more) {
            (_, [id, after @ ..]) if is_option(option, "redirect") => {
                if tracking.redirect != 0 {
                    return Err(ReplyError::fixed(
                        "ERR A client can only redirect to a single other client",
                    ));
                }
                tracking.redirect = int(id)?;
                if !ctx.server.clients.contains(tracking.redirect as u64) {
                    return Err(ReplyError::fixed(
                        "ERR The client ID you want redirect to does not exist",
                    ));
                }
                rest = after;
            }
            (_, [_, after @ ..]) if is_option(option, "prefix") => {
                tracking.prefixes += 1;
                rest = after;
            }
            _ if is_option(option, "bcast") => tracking.bcast = true,
            _ if is_option(option, "optin") => tracking.optin = true,
            _ if is_option(option, "optout") => tracking.optout = true,
            _ if is_option(option, "noloop") => {}
            _ => return Err(ReplyError::SYNTAX),
        }
    }
    Ok(tracking)
}

impl Tracking {
    fn check(&self) -> CmdResult {
        let contradiction = match () {
            _ if !self.bcast && self.prefixes > 0 => {
                "ERR PREFIX option requires BCAST mode to be enabled"
            }
            _ if self.bcast && (self.optin || self.optout) => {
                "ERR OPTIN and OPTOUT are not compatible with BCAST"
            }
            _ if self.optin && self.optout => {
                "ERR You can't specify both OPTIN mode and OPTOUT mode"
            }
            _ => return Ok(()),
        };
        Err(ReplyError::fixed(contradiction))
    }
}

pub fn client_tracking(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let tracking = parse(ctx, &args[3..])?;
    if is_option(args[2], "on") {
        tracking.check()?;
        return Err(ReplyError::fixed("ERR Client side caching is not supported by this server"));
    }
    if !is_option(args[2], "off") {
        return Err(ReplyError::SYNTAX);
    }
    ctx.client.reply.ok();
    Ok(())
}

pub fn client_caching(_ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    Err(ReplyError::fixed(
        "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or \
         OPTOUT mode enabled",
    ))
}

pub fn client_getredir(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.client.reply.int(-1);
    Ok(())
}

pub fn client_trackinginfo(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let reply = &mut ctx.client.reply;
    reply.map(3);
    reply.bulk_str("flags");
    reply.set(1);
    reply.bulk_str("off");
    reply.bulk_str("redirect");
    reply.int(-1);
    reply.bulk_str("prefixes");
    reply.array(0);
    Ok(())
}
