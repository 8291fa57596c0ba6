//! Members one by one: SADD, SREM, SMOVE, SISMEMBER, SMISMEMBER, SCARD, SMEMBERS.

use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx};
use crate::config::NotifyFlags;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::object::Collection;
use crate::storage::types::set::Set;

/// `SADD key member [member …]`
pub fn sadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, members) = (args[1], &args[2..]);
    let limits = ctx.server.set_limits();
    let new = || Set::for_members(members[0], members.len(), &limits);
    let set = ctx.write_or_create(key, new)?;
    set.maybe_convert(members.len(), &limits);
    let mut added = 0;
    for batch in members.chunks(PREFETCH_BATCH) {
        set.prefetch(batch.iter());
        added += batch.iter().filter(|member| set.add(member, &limits)).count();
    }
    if added > 0 {
        ctx.changed(key, NotifyFlags::SET, "sadd", added);
    }
    ctx.client.reply.count(added);
    Ok(())
}

/// `SREM key member [member …]`
pub fn srem(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let key = args[1];
    let mut removed = 0;
    if let Some(set) = ctx.write::<Set>(key)? {
        for batch in args[2..].chunks(PREFETCH_BATCH) {
            set.prefetch(batch.iter());
            removed += batch.iter().filter(|member| set.remove(member)).count();
        }
        let left = set.len();
        if removed > 0 {
            ctx.changed(key, NotifyFlags::SET, "srem", removed);
            ctx.delete_if_empty(key, left);
        }
    }
    ctx.client.reply.count(removed);
    Ok(())
}

/// `SMOVE source destination member`
pub fn smove(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (source, destination, member) = (args[1], args[2], args[3]);
    let limits = ctx.server.set_limits();
    if ctx.lookup_write(source).is_none() {
        ctx.client.reply.int(0);
        return Ok(());
    }
    let found = ctx.write::<Set>(source)?.is_some_and(|set| set.contains(member));
    ctx.write::<Set>(destination)?;
    if !found || source == destination {
        ctx.client.reply.flag(found);
        return Ok(());
    }
    if let Some(set) = ctx.write::<Set>(source)? {
        set.remove(member);
        let left = set.len();
        ctx.changed(source, NotifyFlags::SET, "srem", 1);
        ctx.delete_if_empty(source, left);
    }
    let new = || Set::for_members(member, 1, &limits);
    if ctx.write_or_create(destination, new)?.add(member, &limits) {
        ctx.changed(destination, NotifyFlags::SET, "sadd", 1);
    }
    ctx.client.reply.int(1);
    Ok(())
}

/// `SISMEMBER key member`
pub fn sismember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let found = ctx.read::<Set>(args[1])?.is_some_and(|set| set.contains(args[2]));
    ctx.client.reply.flag(found);
    Ok(())
}

/// `SMISMEMBER key member [member …]`
pub fn smismember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let set = server.read::<Set>(client.db, args[1])?;
    client.reply.array(args.len() - 2);
    for batch in args[2..].chunks(PREFETCH_BATCH) {
        set.inspect(|set| set.prefetch(batch.iter()));
        for member in batch {
            client.reply.flag(set.is_some_and(|set| set.contains(member)));
        }
    }
    Ok(())
}

/// `SCARD key`
pub fn scard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let len = ctx.read::<Set>(args[1])?.map_or(0, Set::len);
    ctx.client.reply.count(len);
    Ok(())
}

/// `SMEMBERS key`
pub fn smembers(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    match server.read::<Set>(client.db, args[1])? {
        None => client.reply.set(0),
        Some(set) => {
            client.reply.set(set.len());
            set.iter().for_each(|member| bulk_value(&mut client.reply, member));
        }
    }
    Ok(())
}
