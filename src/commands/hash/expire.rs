//! Expire times of fields: HEXPIRE, HTTL, HPERSIST and their relatives.

use super::field_args::{NUMBER_OF_FIELDS, Unit, fields};
use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx};
use crate::config::NotifyFlags;
use crate::storage::types::hash::Hash;

/// Replies for a field that does not exist, and for one without an expire time.
const NO_FIELD: i64 = -2;
const NO_EXPIRE: i64 = -1;

/// When an expire time is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Condition {
    Always,
    Nx,
    Xx,
    Gt,
    Lt,
}

impl Condition {
    fn by_name(name: &[u8]) -> Option<Condition> {
        let all = [
            ("nx", Condition::Nx),
            ("xx", Condition::Xx),
            ("gt", Condition::Gt),
            ("lt", Condition::Lt),
        ];
        all.into_iter().find(|(text, _)| is_option(name, text)).map(|(_, condition)| condition)
    }

    /// Whether `new` may take the place of `old`; no expire time counts as a very late one.
    fn allows(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::Nx => old.is_none(),
            Condition::Xx => old.is_some(),
            Condition::Gt => old.is_some_and(|old| new > old),
            Condition::Lt => old.is_none_or(|old| new < old),
        }
    }
}

/// What became of one field; the numbers are the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SetExpire {
    NoField = -2,
    ConditionNotMet = 0,
    Updated = 1,
    /// The time is over already.
    Deleted = 2,
}

/// Gives a field an expire time, or deletes it if that is over and `past_deletes`. The hash has
/// the form for it.
pub(super) fn set_expire(
    hash: &mut Hash,
    name: &[u8],
    at: i64,
    condition: Condition,
    past_deletes: Option<i64>,
) -> SetExpire {
    let Some(got) = hash.get(name) else { return SetExpire::NoField };
    if !condition.allows(got.expire, at) {
        return SetExpire::ConditionNotMet;
    }
    if past_deletes.is_some_and(|now| at <= now) {
        hash.remove(name);
        return SetExpire::Deleted;
    }
    hash.set_expire(name, Some(at));
    SetExpire::Updated
}

/// `HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub fn hexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_fields(ctx, args, Unit::EX, "hexpire")
}

/// `HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub fn hpexpire(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_fields(ctx, args, Unit::PX, "hpexpire")
}

/// `HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub fn hexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_fields(ctx, args, Unit::EXAT, "hexpireat")
}

/// `HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub fn hpexpireat(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_fields(ctx, args, Unit::PXAT, "hpexpireat")
}

fn expire_fields(ctx: &mut Ctx<'_>, args: Args<'_>, unit: Unit, command: &str) -> CmdResult {
    let (db, key, now) = (ctx.client.db, args[1], ctx.now_ms());
    // A wrong type is told before wrong arguments.
    let exists = ctx.write::<Hash>(key)?.is_some();
    let at = unit.parse(args[2], now, command)?;
    let condition = Condition::by_name(args[3]);
    let fields_at = if condition.is_some() { 4 } else { 3 };
    let names = fields(args, fields_at, "ERR Parameter `numFields` should be greater than 0")?;
    ctx.client.reply.array(names.len());
    if !exists {
        names.iter().for_each(|_| ctx.client.reply.int(NO_FIELD));
        return Ok(());
    }
    let past_deletes = ctx.server.past_deletes_fields().then_some(now);
    let Ctx { server, client } = &mut *ctx;
    let hash = server.write::<Hash>(db, key)?.expect("was just there");
    hash.prepare_expires();
    let (mut updated, mut deleted) = (Vec::new(), Vec::new());
    for &name in names {
        let condition = condition.unwrap_or(Condition::Always);
        let result = set_expire(hash, name, at, condition, past_deletes);
        match result {
            SetExpire::Updated => updated.push(name),
            SetExpire::Deleted => deleted.push(name),
            _ => {}
        }
        client.reply.int(result as i64);
    }
    let is_empty = hash.is_empty();
    for name in &deleted {
        ctx.server.propagate_field_deletion(db, key, name);
    }
    ctx.server.stats.expired_subkeys += deleted.len() as u64;
    expire_times_changed(ctx, key, updated.len(), deleted.len(), is_empty);
    if updated.is_empty() {
        // The deletions are on their way already.
        ctx.propagate_nothing();
        return Ok(());
    }
    let (at, count) = (at.to_string(), updated.len().to_string());
    let mut argv: Vec<&[u8]> = vec![b"HPEXPIREAT", key, at.as_bytes()];
    argv.extend(&args[3..=fields_at]);
    argv.push(count.as_bytes());
    argv.extend(updated);
    ctx.propagate_as(&argv);
    Ok(())
}

/// Deletes the hash if it is empty, tells everyone, counts.
fn expire_times_changed(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    updated: usize,
    deleted: usize,
    is_empty: bool,
) {
    if updated + deleted == 0 {
        return;
    }
    let db = ctx.client.db;
    if is_empty {
        ctx.delete_key(key);
    } else {
        ctx.server.update_hash_expires(db, key);
        ctx.signal_modified(key);
    }
    let event = if deleted > 0 { "hdel" } else { "hexpire" };
    ctx.notify(NotifyFlags::HASH, event, key);
    if is_empty {
        ctx.notify(NotifyFlags::GENERIC, "del", key);
    }
    ctx.dirty(updated + deleted);
}

/// `HTTL key FIELDS numfields field [field ...]`
pub fn httl(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_times(ctx, args, Unit::EX)
}

/// `HPTTL key FIELDS numfields field [field ...]`
pub fn hpttl(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_times(ctx, args, Unit::PX)
}

/// `HEXPIRETIME key FIELDS numfields field [field ...]`
pub fn hexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_times(ctx, args, Unit::EXAT)
}

/// `HPEXPIRETIME key FIELDS numfields field [field ...]`
pub fn hpexpiretime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    expire_times(ctx, args, Unit::PXAT)
}

fn expire_times(ctx: &mut Ctx<'_>, args: Args<'_>, unit: Unit) -> CmdResult {
    let now = ctx.now_ms();
    let base = if unit.absolute { 0 } else { now };
    let Ctx { server, client } = ctx;
    let hash = server.read::<Hash>(client.db, args[1])?;
    let names = fields(args, 2, NUMBER_OF_FIELDS)?;
    client.reply.array(names.len());
    for name in names {
        let reply = match hash.and_then(|hash| hash.get(name)) {
            Some(got) if !got.is_expired(now) => match got.expire {
                None => NO_EXPIRE,
                Some(at) if unit.seconds => (at - base + 999) / 1000,
                Some(at) => at - base,
            },
            _ => NO_FIELD,
        };
        client.reply.int(reply);
    }
    Ok(())
}

/// `HPERSIST key FIELDS numfields field [field ...]`
pub fn hpersist(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    // A master's, or one of the append only file, was given in time, though it may come late.
    let (db, key, now) = (ctx.client.db, args[1], ctx.expiry_now_ms());
    let Ctx { server, client } = &mut *ctx;
    let mut hash = server.write::<Hash>(db, key)?;
    let names = fields(args, 2, NUMBER_OF_FIELDS)?;
    client.reply.array(names.len());
    let mut changed = false;
    for name in names {
        let got = hash.as_ref().and_then(|hash| hash.get(name));
        let reply = match got.filter(|got| !got.is_expired(now)) {
            None => NO_FIELD,
            Some(got) if got.expire.is_none() => NO_EXPIRE,
            Some(_) => {
                changed |= hash.as_mut().is_some_and(|hash| hash.set_expire(name, None));
                1
            }
        };
        client.reply.int(reply);
    }
    if changed {
        ctx.server.update_hash_expires(db, key);
        ctx.changed(key, NotifyFlags::HASH, "hpersist", 1);
    }
    Ok(())
}
