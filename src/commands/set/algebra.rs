//! Several sets at once: SINTER, SINTERCARD, SUNION, SDIFF and their STORE forms. What is not there
//! counts as an empty set.

use crate::commands::args::{int_from, is_option};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::protocol::reply::Aggregate;
use crate::server::Server;
use crate::storage::object::ThinValue;
use crate::storage::types::set::{self, Set, SetLimits, diff_into, inter_into, union_into};

/// Looks the sets up as a read does: expiry, statistics, type.
fn touch_all(ctx: &mut Ctx<'_>, keys: &[&[u8]]) -> CmdResult {
    for key in keys {
        ctx.read::<Set>(key)?;
    }
    Ok(())
}

/// The sets at keys that `touch_all` has looked up, all borrowed at once.
fn operands<'a>(server: &'a Server, db: usize, keys: &[&[u8]]) -> Vec<Option<&'a Set>> {
    let find = |key: &&[u8]| server.keyspace.dbs[db].find(key).and_then(|entry| entry.get::<Set>());
    keys.iter().map(find).collect()
}

/// The sets, if none is missing.
fn all<'a>(sets: &[Option<&'a Set>]) -> Option<Vec<&'a Set>> {
    sets.iter().copied().collect()
}

/// `SINTER key [key …]`
pub fn sinter(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    touch_all(ctx, &args[1..])?;
    let (server, client) = (&*ctx.server, &mut *ctx.client);
    let Some(mut sets) = all(&operands(server, client.db, &args[1..])) else {
        client.reply.set(0);
        return Ok(());
    };
    let (at, mut len) = (client.reply.deferred(), 0);
    set::inter(&mut sets, |member| {
        bulk_value(&mut client.reply, member);
        len += 1;
        true
    });
    client.reply.close_deferred(at, Aggregate::Set, len);
    Ok(())
}

/// `SINTERCARD numkeys key [key …] [LIMIT limit]`
pub fn sintercard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let numkeys = int_from(args[1], 1, "ERR numkeys should be greater than 0")?;
    let numkeys = usize::try_from(numkeys).unwrap_or(usize::MAX);
    let Some((keys, mut options)) = args[2..].split_at_checked(numkeys) else {
        return Err(ReplyError::fixed("ERR Number of keys can't be greater than number of args"));
    };
    let mut limit = 0;
    while let [name, value, rest @ ..] = options
        && is_option(name, "limit")
    {
        limit = int_from(value, 0, "ERR LIMIT can't be negative")? as usize;
        options = rest;
    }
    if !options.is_empty() {
        return Err(ReplyError::SYNTAX);
    }
    touch_all(ctx, keys)?;
    let mut len = 0;
    if let Some(mut sets) = all(&operands(ctx.server, ctx.client.db, keys)) {
        set::inter(&mut sets, |_| {
            len += 1;
            len != limit
        });
    }
    ctx.client.reply.count(len);
    Ok(())
}

/// `SUNION key [key …]`
pub fn sunion(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    touch_all(ctx, &args[1..])?;
    let (server, client) = (&*ctx.server, &mut *ctx.client);
    let sets: Vec<&Set> = operands(server, client.db, &args[1..]).into_iter().flatten().collect();
    let (at, mut len) = (client.reply.deferred(), 0);
    set::union(&sets, |member| {
        bulk_value(&mut client.reply, member);
        len += 1;
    });
    client.reply.close_deferred(at, Aggregate::Set, len);
    Ok(())
}

/// `SDIFF key [key …]`
pub fn sdiff(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    touch_all(ctx, &args[1..])?;
    let (server, client) = (&*ctx.server, &mut *ctx.client);
    let sets = operands(server, client.db, &args[1..]);
    let mut others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
    let (at, mut len) = (client.reply.deferred(), 0);
    if let Some(first) = sets[0] {
        set::diff(first, &mut others, |member| {
            bulk_value(&mut client.reply, member);
            len += 1;
        });
    }
    client.reply.close_deferred(at, Aggregate::Set, len);
    Ok(())
}

/// Computes a set of others and stores it; an empty one deletes the destination.
fn store(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    event: &str,
    compute: fn(&[Option<&Set>], &SetLimits) -> Option<Set>,
) -> CmdResult {
    let (key, keys) = (args[1], &args[2..]);
    touch_all(ctx, keys)?;
    let limits = ctx.server.set_limits();
    let result = compute(&operands(ctx.server, ctx.client.db, keys), &limits);
    match result.filter(|set| !set.is_empty()) {
        Some(set) => {
            let len = set.len();
            ctx.set_key(key, set.into_value(), false);
            ctx.notify(NotifyFlags::SET, event, key);
            ctx.dirty(1);
            ctx.client.reply.count(len);
        }
        None => {
            let db = ctx.client.db;
            ctx.server.expire_if_needed(db, key);
            if ctx.delete_key(key) {
                ctx.notify(NotifyFlags::GENERIC, "del", key);
                ctx.dirty(1);
            }
            ctx.client.reply.int(0);
        }
    }
    Ok(())
}

/// `SINTERSTORE destination key [key …]`
pub fn sinterstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    store(ctx, args, "sinterstore", |sets, limits| Some(inter_into(&mut all(sets)?, limits)))
}

/// `SUNIONSTORE destination key [key …]`
pub fn sunionstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    store(ctx, args, "sunionstore", |sets, limits| {
        let sets: Vec<&Set> = sets.iter().copied().flatten().collect();
        Some(union_into(&sets, limits))
    })
}

/// `SDIFFSTORE destination key [key …]`
pub fn sdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    store(ctx, args, "sdiffstore", |sets, limits| {
        let mut others: Vec<&Set> = sets[1..].iter().copied().flatten().collect();
        Some(diff_into(sets[0]?, &mut others, limits))
    })
}
