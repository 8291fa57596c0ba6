//! GET and its relatives.

use super::expire_options::{For, Options};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::server::lookup::Lookup;
use crate::server::networking::DIRECT_BYTES;
use crate::storage::object::StrRef;
use std::ops::Range;

/// Replies the string, or null. True if it existed.
fn reply_string(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<bool, ReplyError> {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    match server.read_string(client.db, key)? {
        Some(StrRef::Bytes(bytes)) if bytes.len() >= DIRECT_BYTES => {
            let all = 0..bytes.len();
            reply_large(ctx, key, all);
            Ok(true)
        }
        Some(value) => {
            value.with_bytes(|bytes| client.reply.bulk(bytes));
            Ok(true)
        }
        None => {
            client.reply.null();
            Ok(false)
        }
    }
}

/// Replies a range of a string that was found, from where it is if that is possible.
pub(super) fn reply_large(ctx: &mut Ctx<'_>, key: &[u8], range: Range<usize>) {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let found = server.keyspace.dbs[client.db].find(key).and_then(|entry| entry.str_value());
    match found {
        Some(StrRef::Bytes(bytes)) if server.may_send_directly(client) => {
            let sent = client.send_bulk(&bytes[range]);
            server.count_output(client, sent);
        }
        found => {
            let value = found.expect("found before");
            value.with_bytes(|bytes| client.reply.bulk(&bytes[range]));
        }
    }
}

/// `GET key`
pub fn get(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    reply_string(ctx, args[1]).map(|_| ())
}

/// `GETSET key value`
pub fn getset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    reply_string(ctx, args[1])?;
    ctx.server.set_string(ctx.client.db, args[1], args[2], false);
    ctx.notify(NotifyFlags::STRING, "set", args[1]);
    ctx.dirty(1);
    ctx.propagate_as(&[b"SET", args[1], args[2]]);
    Ok(())
}

/// `GETDEL key`
pub fn getdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if reply_string(ctx, args[1])? {
        ctx.server.remove_key(ctx.client.db, args[1], false);
        ctx.propagate_as(&[b"DEL", args[1]]);
        ctx.changed(args[1], NotifyFlags::GENERIC, "del", 1);
    }
    Ok(())
}

/// `GETEX key [EX s|PX ms|EXAT s|PXAT ms|PERSIST]`
pub fn getex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(args, 2, For::Getex)?;
    let key = args[1];
    if ctx.server.read_string(ctx.client.db, key)?.is_none() {
        ctx.client.reply.null();
        return Ok(());
    }
    let now = ctx.now_ms();
    let deadline = match options.expire {
        Some(expire) => Some((expire.deadline_ms(now, "getex")?, expire.absolute)),
        None => None,
    };
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    if let Some(value) = server.keyspace.dbs[client.db].find(key).and_then(|e| e.str_value()) {
        value.with_bytes(|bytes| client.reply.bulk(bytes));
    }
    match deadline {
        // A replica keeps what is over, too: the master deletes the key.
        Some((at, true)) if at <= ctx.expiry_now_ms() && !ctx.server.is_replica() => {
            let lazy = ctx.server.config.lazyfree_lazy_expire;
            ctx.server.remove_key(ctx.client.db, key, lazy);
            ctx.propagate_as(&[if lazy { b"UNLINK" } else { &b"DEL"[..] }, key]);
            ctx.changed(key, NotifyFlags::GENERIC, "del", 1);
        }
        Some((at, _)) => {
            ctx.set_expire(key, at);
            let mut digits = itoa::Buffer::new();
            ctx.propagate_as(&[b"PEXPIREAT", key, digits.format(at).as_bytes()]);
            ctx.changed(key, NotifyFlags::GENERIC, "expire", 1);
        }
        None if options.persist && ctx.db().remove_expire(key) => {
            ctx.propagate_as(&[b"PERSIST", key]);
            ctx.changed(key, NotifyFlags::GENERIC, "persist", 1);
        }
        None => {}
    }
    Ok(())
}

/// `MGET key [key …]`: null for what is no string.
pub fn mget(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    ctx.client.reply.array(args.len() - 1);
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let reply = &mut client.reply;
    server.lookup_each(client.db, &args[1..], Lookup::default(), |entry| {
        match entry.and_then(|entry| entry.str_value()) {
            Some(value) => value.with_bytes(|bytes| reply.bulk(bytes)),
            None => reply.null(),
        }
    });
    Ok(())
}

/// `STRLEN key`
pub fn strlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let len = ctx.server.read_string(ctx.client.db, args[1])?.map_or(0, |value| value.len());
    ctx.client.reply.count(len);
    Ok(())
}
