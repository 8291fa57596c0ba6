//! SET and its relatives.

use super::expire_options::{ExpireArg, For, Options};
use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::keyspace::KeyHash;

/// `SET key value [NX|XX] [GET] [EX s|PX ms|EXAT s|PXAT ms|KEEPTTL]`
pub fn set(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() == 3 {
        ctx.server.set_string(ctx.client.db, args[1], args[2], false);
        ctx.notify(NotifyFlags::STRING, "set", args[1]);
        ctx.dirty(1);
        ctx.client.reply.ok();
        return Ok(());
    }
    set_with_options(ctx, args)
}

fn set_with_options(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::parse(args, 3, For::Set)?;
    let (key, value) = (args[1], args[2]);
    let now = ctx.now_ms();
    let deadline = match options.expire {
        Some(expire) => Some(expire.deadline_ms(now, "set")?),
        None => None,
    };
    let mut replied = false;
    if options.get {
        let (server, client) = (&mut *ctx.server, &mut *ctx.client);
        match server.read_string(client.db, key)? {
            Some(old) => old.with_bytes(|bytes| client.reply.bulk(bytes)),
            None => client.reply.null(),
        }
        replied = true;
    }
    if options.nx || options.xx {
        let found = ctx.lookup_write(key).is_some();
        if (options.nx && found) || (options.xx && !found) {
            if !replied {
                ctx.client.reply.null();
            }
            return Ok(());
        }
    }
    let keep = options.keep_ttl || deadline.is_some();
    ctx.server.set_string(ctx.client.db, key, value, keep);
    ctx.dirty(1);
    ctx.notify(NotifyFlags::STRING, "set", key);
    if let Some(deadline) = deadline {
        set_deadline(ctx, key, value, deadline, options.expire);
    } else if options.get {
        propagate_without_get(ctx, args);
    }
    if !replied {
        ctx.client.reply.ok();
    }
    Ok(())
}

/// Whoever replays the command does not want the old value.
fn propagate_without_get(ctx: &mut Ctx<'_>, args: Args<'_>) {
    if ctx.server.propagate.enabled {
        let (words, options) = args.split_at(3);
        let others = options.iter().filter(|option| !is_option(option, "get"));
        let argv: Vec<&[u8]> = words.iter().chain(others).copied().collect();
        ctx.propagate_as(&argv);
    }
}

/// The TTL of a SET; a relative one is propagated as an absolute one.
fn set_deadline(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    value: &[u8],
    deadline: i64,
    given: Option<ExpireArg<'_>>,
) {
    ctx.set_expire(key, deadline);
    if given.is_none_or(|given| given.seconds || !given.absolute) {
        let mut digits = itoa::Buffer::new();
        let text = digits.format(deadline).as_bytes();
        ctx.propagate_as(&[b"SET", key, value, b"PXAT", text]);
    }
    ctx.notify(NotifyFlags::GENERIC, "expire", key);
}

/// `SETNX key value`
pub fn setnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if ctx.lookup_write(args[1]).is_some() {
        ctx.client.reply.int(0);
        return Ok(());
    }
    ctx.server.set_string(ctx.client.db, args[1], args[2], false);
    ctx.dirty(1);
    ctx.notify(NotifyFlags::STRING, "set", args[1]);
    ctx.client.reply.int(1);
    Ok(())
}

/// `SETEX key seconds value`
pub fn setex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    set_for(ctx, args, true, "setex")
}

/// `PSETEX key milliseconds value`
pub fn psetex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    set_for(ctx, args, false, "psetex")
}

fn set_for(ctx: &mut Ctx<'_>, args: Args<'_>, seconds: bool, name: &str) -> CmdResult {
    let expire = ExpireArg { value: args[2], seconds, absolute: false };
    let deadline = expire.deadline_ms(ctx.now_ms(), name)?;
    ctx.server.set_string(ctx.client.db, args[1], args[3], true);
    ctx.dirty(1);
    ctx.notify(NotifyFlags::STRING, "set", args[1]);
    set_deadline(ctx, args[1], args[3], deadline, Some(expire));
    ctx.client.reply.ok();
    Ok(())
}

/// `MSET key value [key value …]`
pub fn mset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    check_pairs(args, "mset")?;
    set_pairs(ctx, args);
    ctx.client.reply.ok();
    Ok(())
}

/// `MSETNX key value [key value …]`: all or nothing.
pub fn msetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    check_pairs(args, "msetnx")?;
    for pair in args[1..].chunks_exact(2) {
        if ctx.lookup_write(pair[0]).is_some() {
            ctx.client.reply.int(0);
            return Ok(());
        }
    }
    set_pairs(ctx, args);
    ctx.client.reply.int(1);
    Ok(())
}

fn check_pairs(args: Args<'_>, name: &str) -> CmdResult {
    if args.len().is_multiple_of(2) {
        return Err(ReplyError::wrong_arity(name));
    }
    Ok(())
}

fn set_pairs(ctx: &mut Ctx<'_>, args: Args<'_>) {
    let (db, mut places) = (ctx.client.db, [KeyHash::default(); PREFETCH_BATCH]);
    for pairs in args[1..].chunks(2 * PREFETCH_BATCH) {
        ctx.server.prefetch_keys(db, pairs.iter().step_by(2).copied(), &mut places);
        for (pair, at) in pairs.chunks_exact(2).zip(places) {
            ctx.server.set_string_hashed(db, at, pair[0], pair[1], false);
            ctx.notify(NotifyFlags::STRING, "set", pair[0]);
        }
    }
    ctx.dirty(args.len() / 2);
}
