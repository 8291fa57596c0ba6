//! Reading fields: HGET and its relatives.

use super::bulk;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::server::hash_expire::{FieldGone, OnAccess};
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::object::Collection;
use crate::storage::types::hash::Hash;

/// `HGET key field`
pub fn hget(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, name, now) = (args[1], args[2], ctx.now_ms());
    let Ctx { server, client } = ctx;
    let found = server.read::<Hash>(client.db, key)?.and_then(|hash| hash.get(name));
    match found {
        Some(got) if !got.is_expired(now) => bulk(&mut client.reply, got.value),
        None => client.reply.null(),
        Some(_) => {
            client.reply.null();
            server.expire_field(client.db, key, name, OnAccess::FULL);
        }
    }
    Ok(())
}

/// Length of a field's value; `None` if the field does not exist.
fn value_len(ctx: &mut Ctx<'_>, key: &[u8], name: &[u8]) -> Result<Option<usize>, ReplyError> {
    let (db, now) = (ctx.client.db, ctx.now_ms());
    let found = ctx.read::<Hash>(key)?.and_then(|hash| hash.get(name));
    match found {
        Some(got) if !got.is_expired(now) => return Ok(Some(got.value.text_len())),
        None => {}
        Some(_) => {
            ctx.server.expire_field(db, key, name, OnAccess::FULL);
        }
    }
    Ok(None)
}

/// `HEXISTS key field`
pub fn hexists(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let exists = value_len(ctx, args[1], args[2])?.is_some();
    ctx.client.reply.flag(exists);
    Ok(())
}

/// `HSTRLEN key field`
pub fn hstrlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let len = value_len(ctx, args[1], args[2])?.unwrap_or(0);
    ctx.client.reply.count(len);
    Ok(())
}

/// `HMGET key field [field ...]`
pub fn hmget(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, names, now) = (args[1], &args[2..], ctx.now_ms());
    let Ctx { server, client } = ctx;
    let hash = server.read::<Hash>(client.db, key)?;
    client.reply.array(names.len());
    let mut expired: Vec<&[u8]> = Vec::new();
    for batch in names.chunks(PREFETCH_BATCH) {
        hash.inspect(|hash| hash.prefetch(batch.iter()));
        for &name in batch {
            match hash.and_then(|hash| hash.get(name)) {
                Some(got) if !got.is_expired(now) => bulk(&mut client.reply, got.value),
                None => client.reply.null(),
                Some(_) => {
                    client.reply.null();
                    expired.push(name);
                }
            }
        }
    }
    let (mut any_gone, mut hash_gone) = (false, false);
    for name in expired {
        let gone = server.expire_field(client.db, key, name, OnAccess::NO_NOTIFY);
        any_gone |= gone != FieldGone::Hidden;
        hash_gone |= gone == FieldGone::HashDeleted;
    }
    if any_gone {
        ctx.notify(NotifyFlags::HASH, "hexpired", key);
    }
    if hash_gone {
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
    Ok(())
}

/// `HLEN key`: expired fields that nobody deleted yet count.
pub fn hlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let len = ctx.read::<Hash>(args[1])?.map_or(0, Hash::len);
    ctx.client.reply.count(len);
    Ok(())
}

/// What HGETALL and its relatives reply.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Both,
    Names,
    Values,
}

/// `HGETALL key`
pub fn hgetall(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    all_fields(ctx, args[1], Parts::Both)
}

/// `HKEYS key`
pub fn hkeys(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    all_fields(ctx, args[1], Parts::Names)
}

/// `HVALS key`
pub fn hvals(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    all_fields(ctx, args[1], Parts::Values)
}

fn all_fields(ctx: &mut Ctx<'_>, key: &[u8], parts: Parts) -> CmdResult {
    let now = ctx.now_ms();
    let Ctx { server, client } = ctx;
    let hash = server.read::<Hash>(client.db, key)?;
    let len = hash.map_or(0, |hash| hash.live_len(now));
    let reply = &mut client.reply;
    match parts {
        Parts::Both => reply.map(len),
        _ => reply.array(len),
    }
    let fields = hash.iter().flat_map(|hash| hash.iter());
    for field in fields.filter(|field| !field.is_expired(now)) {
        if parts != Parts::Values {
            bulk(reply, field.name);
        }
        if parts != Parts::Names {
            bulk(reply, field.value);
        }
    }
    Ok(())
}
