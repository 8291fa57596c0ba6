//! The connection's own commands: who the client is, which database and protocol it uses, and
//! CLIENT with all that is asked of connections.

mod client;
mod client_kill;
mod client_tracking;
pub mod table;

pub use client::*;
pub use client_kill::{client_kill, client_list, client_unblock};
pub use client_tracking::{client_caching, client_getredir, client_tracking, client_trackinginfo};
pub use table::COMMANDS;

use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_i64;
use crate::server::acl::DEFAULT_USER;
use crate::server::client::ClientFlags;

/// The version of Redis whose behaviour clients may rely on.
pub const REDIS_VERSION: &str = "8.0.0";

pub fn ping(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() > 2 {
        return Err(ReplyError::wrong_arity("ping"));
    }
    let reply = &mut ctx.client.reply;
    if ctx.client.flags.has(ClientFlags::PUBSUB) && !reply.is_resp3() {
        // Looks like a message: a RESP2 subscriber expects nothing else.
        reply.array(2);
        reply.bulk(b"pong");
        reply.bulk(args.get(1).unwrap_or(&&b""[..]));
    } else if let Some(message) = args.get(1) {
        reply.bulk(message);
    } else {
        reply.raw(b"+PONG\r\n");
    }
    Ok(())
}

pub fn echo(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.client.reply.bulk(args[1]);
    Ok(())
}

pub fn select(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let id = parse_i64(args[1]).filter(|id| i32::try_from(*id).is_ok());
    let id = id.ok_or(ReplyError::NOT_INT)?;
    if ctx.server.config.cluster_enabled && id != 0 {
        return Err(ReplyError::fixed("ERR SELECT is not allowed in cluster mode"));
    }
    let known = 0..ctx.server.keyspace.dbs.len() as i64;
    if !known.contains(&id) {
        return Err(ReplyError::DB_INDEX_RANGE);
    }
    ctx.client.db = id as usize;
    ctx.client.reply.ok();
    Ok(())
}

pub fn quit(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    ctx.client.reply.ok();
    ctx.client.flags.set(ClientFlags::CLOSE_AFTER_REPLY);
    Ok(())
}

pub fn reset(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let flags = ctx.client.flags;
    let replica = flags.has(ClientFlags::REPLICA) && !flags.has(ClientFlags::MONITOR);
    if replica || flags.has(ClientFlags::MASTER) {
        return Err(ReplyError::fixed("ERR can only reset normal client connections"));
    }
    ctx.server.clear_client_state(ctx.client);
    ctx.client.reply.simple("RESET");
    Ok(())
}

pub fn auth(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() <= 3 {
        (1..args.len()).for_each(|idx| ctx.server.redact_argument(idx));
    }
    let (name, password) = match args[1..] {
        [password] if !ctx.server.acl.default_has_nopass() => (DEFAULT_USER, password),
        [_] => {
            return Err(ReplyError::fixed(
                "ERR AUTH <password> called without any password configured for the default user. \
                 Are you sure your configuration is correct?",
            ));
        }
        [name, password] => (name, password),
        _ => return Err(ReplyError::SYNTAX),
    };
    ctx.server.redact_argument(args.len() - 1);
    ctx.server.authenticate(ctx.client, name, password, args[0])?;
    ctx.client.reply.ok();
    Ok(())
}

/// What HELLO asks for.
#[derive(Default)]
struct Hello<'a> {
    /// 2 or 3; `None` = stay.
    proto: Option<i64>,
    auth: Option<(&'a [u8], &'a [u8])>,
    name: Option<&'a [u8]>,
}

fn parse_hello<'a>(ctx: &mut Ctx<'_>, args: Args<'a>) -> Result<Hello<'a>, ReplyError> {
    let mut hello = Hello::default();
    if let Some(version) = args.get(1) {
        const NOT_INT: ReplyError =
            ReplyError::fixed("ERR Protocol version is not an integer or out of range");
        let version = parse_i64(version).ok_or(NOT_INT)?;
        if !(2..=3).contains(&version) {
            return Err(ReplyError::fixed("NOPROTO unsupported protocol version"));
        }
        hello.proto = Some(version);
    }
    let mut rest = args.get(2..).unwrap_or_default();
    while let Some(option) = rest.first() {
        let idx = args.len() - rest.len();
        rest = match rest {
            [_, name, password, rest @ ..] if is_option(option, "AUTH") => {
                ctx.server.redact_argument(idx + 1);
                ctx.server.redact_argument(idx + 2);
                hello.auth = Some((name, password));
                rest
            }
            [_, name, rest @ ..] if is_option(option, "SETNAME") => {
                client::check_name(name)?;
                hello.name = Some(name);
                rest
            }
            _ => {
                let mut text = b"Syntax error in HELLO option '".to_vec();
                text.extend_from_slice(option);
                text.push(b'\'');
                return Err(ReplyError::err(text));
            }
        };
    }
    Ok(hello)
}

pub fn hello(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let hello = parse_hello(ctx, args)?;
    if let Some((name, password)) = hello.auth {
        for idx in 1..args.len() {
            if std::ptr::eq(args[idx], name) || std::ptr::eq(args[idx], password) {
                ctx.server.redact_argument(idx);
            }
        }
        ctx.server.authenticate(ctx.client, name, password, args[0])?;
    }
    if !ctx.client.flags.has(ClientFlags::AUTHENTICATED) {
        return Err(ReplyError::fixed(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the \
             HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and \
             select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = hello.name {
        client::set_name(ctx.client, name);
    }
    if let Some(proto) = hello.proto {
        ctx.client.reply.set_resp3(proto == 3);
    }
    let reply = &mut ctx.client.reply;
    reply.map(7);
    reply.bulk_str("server");
    reply.bulk_str("redis");
    reply.bulk_str("version");
    reply.bulk_str(REDIS_VERSION);
    reply.bulk_str("proto");
    reply.int(i64::from(reply.resp()));
    reply.bulk_str("id");
    reply.int(ctx.client.id as i64);
    reply.bulk_str("mode");
    reply.bulk_str(if ctx.server.config.cluster_enabled { "cluster" } else { "standalone" });
    reply.bulk_str("role");
    let replica = ctx.server.config.replicaof.is_some();
    reply.bulk_str(if replica { "replica" } else { "master" });
    reply.bulk_str("modules");
    reply.array(0);
    Ok(())
}
