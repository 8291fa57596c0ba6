//! Writing fields: HSET and its relatives, HDEL, HINCRBY.

use crate::commands::args::int;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::protocol::number;
use crate::server::hash_expire::OnAccess;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::object::Collection;
use crate::storage::types::hash::{Hash, LpValue};
use crate::util::f80::F80;

/// `HSET key field value [field value ...]`
pub fn hset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let created = set_fields(ctx, args, "hset")?;
    ctx.client.reply.count(created);
    Ok(())
}

/// `HMSET key field value [field value ...]`
pub fn hmset(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    set_fields(ctx, args, "hmset")?;
    ctx.client.reply.ok();
    Ok(())
}

/// Returns how many fields are new.
fn set_fields(ctx: &mut Ctx<'_>, args: Args<'_>, command: &str) -> Result<usize, ReplyError> {
    let (db, key) = (ctx.client.db, args[1]);
    let (pairs, rest) = args[2..].as_chunks::<2>();
    if !rest.is_empty() {
        return Err(ReplyError::wrong_arity(command));
    }
    let limits = ctx.server.hash_limits();
    let hash = ctx.write_or_create(key, Hash::new)?;
    let had_expires = hash.has_field_expires();
    hash.try_conversion(&args[2..], &limits);
    let mut created = 0;
    for batch in pairs.chunks(PREFETCH_BATCH) {
        hash.prefetch(batch.iter().map(|[name, _]| name));
        for [name, value] in batch {
            created += usize::from(!hash.set(name, value, false, &limits));
        }
    }
    if had_expires {
        ctx.server.update_hash_expires(db, key);
    }
    ctx.changed(key, NotifyFlags::HASH, "hset", pairs.len());
    Ok(created)
}

/// `HSETNX key field value`
pub fn hsetnx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name, value) = (args[1], args[2], args[3]);
    let limits = ctx.server.hash_limits();
    match current(ctx, key, name, |_| Ok(()))? {
        Some(()) => ctx.client.reply.flag(false),
        None => {
            let hash = ctx.write_or_create(key, Hash::new)?;
            hash.try_conversion(&args[2..], &limits);
            hash.set(name, value, false, &limits);
            ctx.changed(key, NotifyFlags::HASH, "hset", 1);
            ctx.client.reply.flag(true);
        }
    }
    Ok(())
}

/// What `read` makes of a field's value; `None` if the field does not exist. An expired one is
/// deleted, and the hash with it if it was the last.
fn current<T>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    name: &[u8],
    read: impl FnOnce(LpValue<'_>) -> Result<T, ReplyError>,
) -> Result<Option<T>, ReplyError> {
    let (db, now) = (ctx.client.db, ctx.expiry_now_ms());
    let found = ctx.write::<Hash>(key)?.and_then(|hash| hash.get(name));
    match found {
        Some(got) if !got.is_expired(now) => return read(got.value).map(Some),
        None => {}
        Some(_) => {
            ctx.server.expire_field(db, key, name, OnAccess::FULL);
        }
    }
    Ok(None)
}

/// `HDEL key field [field ...]`
pub fn hdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key) = (ctx.client.db, args[1]);
    let Some(hash) = ctx.write::<Hash>(key)? else {
        ctx.client.reply.int(0);
        return Ok(());
    };
    let had_expires = hash.has_field_expires();
    let mut deleted = 0;
    for batch in args[2..].chunks(PREFETCH_BATCH) {
        hash.prefetch(batch.iter());
        deleted += batch.iter().filter(|name| hash.remove(name)).count();
    }
    let is_empty = hash.is_empty();
    ctx.client.reply.count(deleted);
    if deleted == 0 {
        return Ok(());
    }
    if had_expires {
        ctx.server.update_hash_expires(db, key);
    }
    if is_empty {
        ctx.delete_key(key);
    } else {
        ctx.signal_modified(key);
    }
    ctx.notify(NotifyFlags::HASH, "hdel", key);
    if is_empty {
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
    ctx.dirty(deleted);
    Ok(())
}

/// `HINCRBY key field increment`
pub fn hincrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name, increment) = (args[1], args[2], int(args[3])?);
    let old = current(ctx, key, name, |value| {
        let value = match value {
            LpValue::Int(int) => Some(int),
            LpValue::Str(text) => number::parse_i64(text),
        };
        value.ok_or(ReplyError::fixed("ERR hash value is not an integer"))
    })?;
    let overflow = ReplyError::fixed("ERR increment or decrement would overflow");
    let new = old.unwrap_or(0).checked_add(increment).ok_or(overflow)?;
    store_sum(ctx, key, name, itoa::Buffer::new().format(new).as_bytes())?;
    ctx.changed(key, NotifyFlags::HASH, "hincrby", 1);
    ctx.client.reply.int(new);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`: in the 80-bit arithmetic of x87, as Redis computes it.
pub fn hincrbyfloat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name) = (args[1], args[2]);
    let increment = F80::parse(args[3]).ok_or(ReplyError::NOT_FLOAT)?;
    if increment.is_nan() || increment.is_infinite() {
        return Err(ReplyError::fixed("ERR value is NaN or Infinity"));
    }
    let old = current(ctx, key, name, |value| {
        let value = match value {
            LpValue::Int(int) => Some(F80::from_i64(int)),
            LpValue::Str(text) => F80::parse(text),
        };
        value.ok_or(ReplyError::fixed("ERR hash value is not a float"))
    })?;
    let new = old.unwrap_or(F80::from_i64(0)) + increment;
    if new.is_nan() || new.is_infinite() {
        return Err(ReplyError::fixed("ERR increment would produce NaN or Infinity"));
    }
    let text = new.to_human();
    let has_ttl = store_sum(ctx, key, name, &text)?;
    ctx.changed(key, NotifyFlags::HASH, "hincrbyfloat", 1);
    // Not the increment: another machine might round otherwise.
    if has_ttl {
        ctx.propagate_as(&[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", name, &text]);
    } else {
        ctx.propagate_as(&[b"HSET", key, name, &text]);
    }
    ctx.client.reply.bulk(&text);
    Ok(())
}

/// Stores a field that keeps its expire time; says whether it has one.
fn store_sum(ctx: &mut Ctx<'_>, key: &[u8], name: &[u8], text: &[u8]) -> Result<bool, ReplyError> {
    let limits = ctx.server.hash_limits();
    let hash = ctx.write_or_create(key, Hash::new)?;
    let existed = hash.set(name, text, true, &limits);
    Ok(existed && hash.has_field_expires() && hash.get(name).is_some_and(|f| f.expire.is_some()))
}
