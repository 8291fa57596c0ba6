//! The sub-commands of CLIENT that look at or act on other connections: LIST, KILL, UNBLOCK.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_i64;
use crate::server::client::{Client, ClientClass, ClientFlags};

/// A sub-command that exists, with arguments it does not take.
pub(super) fn wrong_usage(args: Args<'_>) -> ReplyError {
    let mut text = b"unknown subcommand or wrong number of arguments for '".to_vec();
    text.extend_from_slice(&args[1][..args[1].len().min(128)]);
    text.extend_from_slice(b"'. Try CLIENT HELP.");
    ReplyError::err(text)
}

fn class_named(name: &[u8]) -> Result<ClientClass, ReplyError> {
    ClientClass::by_name(name)
        .ok_or_else(|| ReplyError::err([b"Unknown client type '", name, &b"'"[..]].concat()))
}

/// A client of the registry, or the one that runs the command.
fn client_of<'a>(ctx: &'a Ctx<'_>, id: u64) -> Option<&'a Client> {
    if id == ctx.client.id { Some(&*ctx.client) } else { ctx.server.clients.get(id) }
}

pub fn client_list(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut class = None;
    let ids = match args[2..] {
        [] => ctx.server.clients.ids(),
        [option, name] if is_option(option, "type") => {
            class = Some(class_named(name)?);
            ctx.server.clients.ids()
        }
        [option, _, ..] if is_option(option, "id") => {
            const INVALID: ReplyError = ReplyError::fixed("ERR Invalid client ID");
            let parse = |arg: &&[u8]| parse_i64(arg).map(|id| id as u64).ok_or(INVALID);
            args[3..].iter().map(parse).collect::<Result<Vec<u64>, _>>()?
        }
        _ => return Err(ReplyError::SYNTAX),
    };
    let mut lines = String::new();
    for client in ids.into_iter().filter_map(|id| client_of(ctx, id)) {
        if class.is_none_or(|class| client.class() == class) {
            lines.push_str(&ctx.server.client_info(client));
            lines.push('\n');
        }
    }
    ctx.client.reply.verbatim(lines.as_bytes(), "txt");
    Ok(())
}

/// Which clients CLIENT KILL means: all conditions hold.
struct Filter<'a> {
    id: Option<u64>,
    addr: Option<&'a [u8]>,
    laddr: Option<&'a [u8]>,
    class: Option<ClientClass>,
    user: Option<&'a [u8]>,
    /// Seconds.
    max_age: Option<i64>,
    skip_me: bool,
}

const NO_FILTER: Filter<'static> = Filter {
    id: None,
    addr: None,
    laddr: None,
    class: None,
    user: None,
    max_age: None,
    skip_me: true,
};

impl Filter<'_> {
    fn matches(&self, client: &Client, now_ms: i64) -> bool {
        let conn = client.conn.as_deref();
        let peer = |addr: &[u8]| conn.is_some_and(|conn| conn.peer_text().as_bytes() == addr);
        let local = |addr: &[u8]| conn.is_some_and(|conn| conn.local_text().as_bytes() == addr);
        let age = (now_ms - client.created_ms) / 1000;
        self.id.is_none_or(|id| client.id == id)
            && self.class.is_none_or(|class| client.class() == class)
            && self.user.is_none_or(|user| client.user_name() == Some(user))
            && self.max_age.is_none_or(|max_age| age >= max_age)
            && self.addr.is_none_or(peer)
            && self.laddr.is_none_or(local)
    }
}

fn parse_filter<'a>(ctx: &Ctx<'_>, args: Args<'a>) -> Result<Filter<'a>, ReplyError> {
    let mut filter = NO_FILTER;
    if let [addr] = args[2..] {
        // The old form, which also kills its sender.
        return Ok(Filter { addr: Some(addr), skip_me: false, ..NO_FILTER });
    }
    for pair in args[2..].chunks(2) {
        let [option, value] = *pair else { return Err(ReplyError::SYNTAX) };
        match () {
            _ if is_option(option, "id") => filter.id = Some(parse_id(value)?),
            _ if is_option(option, "maxage") => filter.max_age = Some(parse_max_age(value)?),
            _ if is_option(option, "type") => filter.class = Some(class_named(value)?),
            _ if is_option(option, "addr") => filter.addr = Some(value),
            _ if is_option(option, "laddr") => filter.laddr = Some(value),
            _ if is_option(option, "user") => {
                if ctx.server.acl.get(value).is_none() {
                    let text = [b"No such user '", value, &b"'"[..]].concat();
                    return Err(ReplyError::err(text));
                }
                filter.user = Some(value);
            }
            _ if is_option(option, "skipme") => match () {
                _ if is_option(value, "yes") => filter.skip_me = true,
                _ if is_option(value, "no") => filter.skip_me = false,
                _ => return Err(ReplyError::SYNTAX),
            },
            _ => return Err(ReplyError::SYNTAX),
        }
    }
    Ok(filter)
}

fn parse_id(arg: &[u8]) -> Result<u64, ReplyError> {
    let id = parse_i64(arg).filter(|id| *id > 0);
    id.map(|id| id as u64).ok_or(ReplyError::fixed("ERR client-id should be greater than 0"))
}

fn parse_max_age(arg: &[u8]) -> Result<i64, ReplyError> {
    const NOT_INT: ReplyError = ReplyError::fixed("ERR maxage is not an integer or out of range");
    let age = parse_i64(arg).ok_or(NOT_INT)?;
    if age <= 0 {
        return Err(ReplyError::fixed("ERR maxage should be greater than 0"));
    }
    Ok(age)
}

pub fn client_kill(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let filter = parse_filter(ctx, args)?;
    let now_ms = ctx.now_ms();
    let mut killed = 0;
    for id in ctx.server.clients.ids() {
        let me = id == ctx.client.id;
        let meant = client_of(ctx, id).is_some_and(|client| filter.matches(client, now_ms));
        if !meant || (me && filter.skip_me) {
            continue;
        }
        if me {
            // After its reply.
            ctx.client.flags.set(ClientFlags::CLOSE_AFTER_REPLY);
        } else {
            ctx.server.kill_client(id);
        }
        killed += 1;
    }
    if args.len() > 3 {
        ctx.client.reply.int(killed);
    } else if killed > 0 {
        ctx.client.reply.ok();
    } else {
        return Err(ReplyError::fixed("ERR No such client"));
    }
    Ok(())
}

pub fn client_unblock(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let with_error = match args[3..] {
        [] => false,
        [reason] if is_option(reason, "timeout") => false,
        [reason] if is_option(reason, "error") => true,
        [_] => {
            return Err(ReplyError::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
        }
        _ => return Err(wrong_usage(args)),
    };
    let id = int(args[2])?;
    let found = ctx.server.clients.check_out(id as u64);
    let mut unblocked = false;
    if let Some(mut client) = found {
        unblocked = client.blocked.as_ref().is_some_and(|b| b.kind.may_be_unblocked());
        if unblocked && with_error {
            const UNBLOCKED: ReplyError =
                ReplyError::fixed("UNBLOCKED client unblocked via CLIENT UNBLOCK");
            ctx.server.unblock_with_error(&mut client, &UNBLOCKED);
        } else if unblocked {
            ctx.server.blocked_timed_out(&mut client);
        }
        ctx.server.clients.check_in(client);
    }
    ctx.client.reply.flag(unblocked);
    Ok(())
}
