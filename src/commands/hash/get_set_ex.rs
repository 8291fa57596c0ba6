//! HGETDEL, HGETEX, HSETEX: fields and their expire times in one go.

use super::bulk;
use super::expire::{Condition, SetExpire, set_expire};
use super::field_args::{NUMBER_OF_FIELDS, Unit, fields};
use crate::commands::args::{int_or, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::server::hash_expire::{FieldGone, OnAccess};
use crate::storage::types::hash::Hash;

/// What the fields of a command turned out to be.
#[derive(Default)]
struct Fields<'a> {
    live: Vec<&'a [u8]>,
    expired: Vec<&'a [u8]>,
    /// Some field of the hash had an expire time.
    had_expires: bool,
}

impl<'a> Fields<'a> {
    /// Replies the values of fields, null for those that do not exist, and sorts the names. `take`
    /// removes the live ones, so that a field named again does not exist any more.
    fn reply(
        ctx: &mut Ctx<'_>,
        key: &[u8],
        names: &[&'a [u8]],
        take: bool,
    ) -> Result<Fields<'a>, ReplyError> {
        let now = ctx.expiry_now_ms();
        let Ctx { server, client } = ctx;
        let mut hash = server.write::<Hash>(client.db, key)?;
        client.reply.array(names.len());
        let had_expires = hash.as_ref().is_some_and(|hash| hash.has_field_expires());
        let mut seen = Fields { had_expires, ..Fields::default() };
        for &name in names {
            match hash.as_ref().and_then(|hash| hash.get(name)) {
                None => client.reply.null(),
                Some(got) if got.is_expired(now) => {
                    client.reply.null();
                    seen.expired.push(name);
                }
                Some(got) => {
                    bulk(&mut client.reply, got.value);
                    seen.live.push(name);
                    if take && let Some(hash) = &mut hash {
                        hash.remove(name);
                    }
                }
            }
        }
        Ok(seen)
    }

    /// Deletes the expired ones; true if there were any to delete.
    fn delete_expired(&self, ctx: &mut Ctx<'_>, key: &[u8]) -> bool {
        let db = ctx.client.db;
        let mut any = false;
        for name in &self.expired {
            let gone = ctx.server.expire_field(db, key, name, OnAccess::FIELD_ONLY);
            any |= gone != FieldGone::Hidden;
        }
        any
    }
}

/// The hash became empty: deletes it.
fn delete_if_empty(ctx: &mut Ctx<'_>, key: &[u8]) {
    let db = ctx.client.db;
    let entry = ctx.server.keyspace.dbs[db].find(key);
    if let Some(hash) = entry.and_then(|entry| entry.get::<Hash>()) {
        let len = hash.len();
        ctx.delete_if_empty(key, len);
    }
}

/// `HGETDEL key FIELDS numfields field [field ...]`
pub fn hgetdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key) = (ctx.client.db, args[1]);
    ctx.write::<Hash>(key)?;
    let names = fields(args, 2, NUMBER_OF_FIELDS)?;
    let seen = Fields::reply(ctx, key, names, true)?;
    let any_expired = seen.delete_expired(ctx, key);
    if !any_expired && seen.live.is_empty() {
        return Ok(());
    }
    if seen.had_expires {
        ctx.server.update_hash_expires(db, key);
    }
    ctx.signal_modified(key);
    if any_expired {
        ctx.notify(NotifyFlags::HASH, "hexpired", key);
    }
    if !seen.live.is_empty() {
        ctx.notify(NotifyFlags::HASH, "hdel", key);
        ctx.dirty(seen.live.len());
        let mut argv: Vec<&[u8]> = vec![b"HDEL", key];
        argv.extend(names);
        ctx.propagate_as(&argv);
    }
    delete_if_empty(ctx, key);
    Ok(())
}

/// What HGETEX does to the expire times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    None,
    Persist,
    At(i64),
}

/// `HGETEX key [EX seconds | PX ms | EXAT time | PXAT time | PERSIST] FIELDS numfields field ...`
pub fn hgetex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, now) = (args[1], ctx.now_ms());
    ctx.write::<Hash>(key)?;
    let (change, fields_at) = match Unit::by_name(args[2]) {
        Some(unit) => (Change::At(unit.parse(args[3], now, "hgetex")?), 4),
        None if is_option(args[2], "persist") => (Change::Persist, 3),
        None => (Change::None, 2),
    };
    let names = fields(args, fields_at, NUMBER_OF_FIELDS)?;
    let seen = Fields::reply(ctx, key, names, false)?;
    let any_expired = seen.delete_expired(ctx, key);
    let (updated, deleted) = change_expires(ctx, key, &seen.live, change)?;
    if !any_expired && updated + deleted == 0 {
        return Ok(());
    }
    ctx.dirty(updated + deleted);
    ctx.signal_modified(key);
    if any_expired {
        ctx.notify(NotifyFlags::HASH, "hexpired", key);
    }
    if updated > 0 {
        tell_expire_change(ctx, args, change, fields_at);
    } else if deleted > 0 {
        ctx.notify(NotifyFlags::HASH, "hdel", key);
        ctx.propagate_nothing();
    }
    delete_if_empty(ctx, key);
    Ok(())
}

/// Changes the expire times of fields that exist; returns how many were changed, and how many
/// deleted because the time is over.
fn change_expires(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    names: &[&[u8]],
    change: Change,
) -> Result<(usize, usize), ReplyError> {
    let (db, now) = (ctx.client.db, ctx.now_ms());
    let past_deletes = ctx.server.past_deletes_fields().then_some(now);
    let (mut updated, mut deleted) = (0, Vec::new());
    let Some(hash) = ctx.write::<Hash>(key)? else { return Ok((0, 0)) };
    match change {
        Change::None => return Ok((0, 0)),
        Change::Persist => {
            for name in names {
                let had_one = hash.get(name).is_some_and(|got| got.expire.is_some());
                updated += usize::from(had_one && hash.set_expire(name, None));
            }
        }
        Change::At(at) => {
            hash.prepare_expires();
            for &name in names {
                match set_expire(hash, name, at, Condition::Always, past_deletes) {
                    SetExpire::Updated => updated += 1,
                    SetExpire::Deleted => deleted.push(name),
                    _ => {}
                }
            }
        }
    }
    if updated + deleted.len() > 0 {
        ctx.server.update_hash_expires(db, key);
    }
    ctx.server.stats.expired_subkeys += deleted.len() as u64;
    for name in &deleted {
        ctx.server.propagate_field_deletion(db, key, name);
    }
    Ok((updated, deleted.len()))
}

/// Notifies and propagates what HGETEX did to expire times, as HPERSIST or HPEXPIREAT.
fn tell_expire_change(ctx: &mut Ctx<'_>, args: Args<'_>, change: Change, fields_at: usize) {
    let (key, rest) = (args[1], &args[fields_at..]);
    let at;
    let (event, mut argv): (_, Vec<&[u8]>) = match change {
        Change::At(ms) => {
            at = ms.to_string();
            ("hexpire", vec![b"HPEXPIREAT", key, at.as_bytes()])
        }
        _ => ("hpersist", vec![b"HPERSIST", key]),
    };
    argv.extend(rest);
    ctx.notify(NotifyFlags::HASH, event, key);
    ctx.propagate_as(&argv);
}

/// The arguments of HSETEX.
#[derive(Default)]
struct SetOptions {
    /// FNX: only if none of the fields exists.
    fnx: bool,
    /// FXX: only if all of them exist.
    fxx: bool,
    keep_ttl: bool,
    /// ms since the epoch.
    expire: Option<i64>,
    /// Where the expire option stands, and whether it is PXAT.
    expire_at: usize,
    is_pxat: bool,
    /// Where the first field stands.
    first: usize,
}

impl SetOptions {
    fn parse(args: Args<'_>, now: i64) -> Result<SetOptions, ReplyError> {
        let mut options = SetOptions::default();
        let mut i = 2;
        while i < args.len() {
            let arg = args[i];
            if is_option(arg, "fields") {
                options.first = Self::fields(args, i)?;
                return Ok(options);
            } else if let Some(unit) = Unit::by_name(arg) {
                options.check_no_expire()?;
                i += 1;
                let missing = ReplyError::fixed("ERR missing expire time");
                let value = args.get(i).ok_or(missing)?;
                options.expire = Some(unit.parse(value, now, "hsetex")?);
                (options.expire_at, options.is_pxat) = (i - 1, unit == Unit::PXAT);
            } else if is_option(arg, "keepttl") {
                options.check_no_expire()?;
                options.keep_ttl = true;
            } else if is_option(arg, "fxx") || is_option(arg, "fnx") {
                if options.fxx || options.fnx {
                    let text = "ERR Only one of FXX or FNX arguments can be specified";
                    return Err(ReplyError::fixed(text));
                }
                options.fxx = is_option(arg, "fxx");
                options.fnx = !options.fxx;
            } else {
                return Err(ReplyError::err([b"unknown argument: ", arg].concat()));
            }
            i += 1;
        }
        Err(ReplyError::wrong_arity("hsetex"))
    }

    fn check_no_expire(&self) -> Result<(), ReplyError> {
        if self.expire.is_some() || self.keep_ttl {
            let text = "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified";
            return Err(ReplyError::fixed(text));
        }
        Ok(())
    }

    /// `FIELDS numfields field value [field value ...]` up to the end.
    fn fields(args: Args<'_>, at: usize) -> Result<usize, ReplyError> {
        let wrong_arity = ReplyError::wrong_arity("hsetex");
        if at + 3 >= args.len() {
            return Err(wrong_arity);
        }
        const INVALID: &str = "ERR invalid number of fields";
        let count = int_or(args[at + 1], INVALID)?;
        if !(1..=i64::from(i32::MAX)).contains(&count) {
            return Err(ReplyError::fixed(INVALID));
        }
        let rest = args.len() - at - 2;
        if !rest.is_multiple_of(2) || count as usize != rest / 2 {
            return Err(wrong_arity);
        }
        Ok(at + 2)
    }
}

/// `HSETEX key [FNX | FXX] [EX s | PX ms | EXAT s | PXAT ms | KEEPTTL] FIELDS n field value ...`
pub fn hsetex(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, now) = (args[1], ctx.now_ms());
    let options = SetOptions::parse(args, now)?;
    let exists = ctx.write::<Hash>(key)?.is_some();
    if options.fxx && !exists {
        ctx.client.reply.int(0);
        return Ok(());
    }
    let (pairs, _) = args[options.first..].as_chunks::<2>();
    let (met, any_expired) = check_condition(ctx, key, pairs, &options)?;
    if !met {
        ctx.client.reply.int(0);
        if any_expired {
            ctx.signal_modified(key);
            ctx.notify(NotifyFlags::HASH, "hexpired", key);
            delete_if_empty(ctx, key);
        }
        return Ok(());
    }
    let (updated, deleted) = store_fields(ctx, key, &args[options.first..], &options)?;
    ctx.dirty(pairs.len());
    if deleted > 0 {
        ctx.propagate_nothing();
    } else if let Some(at) = options.expire.filter(|_| !options.is_pxat) {
        let at = at.to_string();
        let mut argv = args.to_vec();
        argv[options.expire_at] = b"PXAT";
        argv[options.expire_at + 1] = at.as_bytes();
        ctx.propagate_as(&argv);
    }
    ctx.client.reply.int(1);
    ctx.signal_modified(key);
    if any_expired {
        ctx.notify(NotifyFlags::HASH, "hexpired", key);
    }
    ctx.notify(NotifyFlags::HASH, "hset", key);
    if updated + deleted > 0 {
        let event = if deleted > 0 { "hdel" } else { "hexpire" };
        ctx.notify(NotifyFlags::HASH, event, key);
    }
    delete_if_empty(ctx, key);
    Ok(())
}

/// Whether FNX or FXX lets the command go on, and whether expired fields were deleted to tell.
fn check_condition(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    pairs: &[[&[u8]; 2]],
    options: &SetOptions,
) -> Result<(bool, bool), ReplyError> {
    if !options.fnx && !options.fxx {
        return Ok((true, false));
    }
    let (db, now) = (ctx.client.db, ctx.expiry_now_ms());
    let mut any_expired = false;
    for [name, _] in pairs {
        let got = ctx.write::<Hash>(key)?.and_then(|hash| hash.get(name));
        let is_expired = got.is_some_and(|got| got.is_expired(now));
        let is_live = got.is_some() && !is_expired;
        if is_expired {
            let gone = ctx.server.expire_field(db, key, name, OnAccess::FIELD_ONLY);
            any_expired |= gone != FieldGone::Hidden;
        }
        if is_live != options.fxx {
            return Ok((false, any_expired));
        }
    }
    Ok((true, any_expired))
}

/// Stores fields and values (in turn) and their expire time; returns how many got one, and how many
/// were deleted because it is over.
fn store_fields(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    fields: &[&[u8]],
    options: &SetOptions,
) -> Result<(usize, usize), ReplyError> {
    let (db, now) = (ctx.client.db, ctx.now_ms());
    let limits = ctx.server.hash_limits();
    let past_deletes = ctx.server.past_deletes_fields().then_some(now);
    let hash = ctx.write_or_create(key, Hash::new)?;
    let had_expires = hash.has_field_expires();
    hash.try_conversion(fields, &limits);
    if options.expire.is_some() {
        hash.prepare_expires();
    }
    let keep_ttl = options.keep_ttl || options.expire.is_some();
    let (mut updated, mut deleted) = (0, Vec::new());
    for [name, value] in fields.as_chunks::<2>().0 {
        hash.set(name, value, keep_ttl, &limits);
        let Some(at) = options.expire else { continue };
        match set_expire(hash, name, at, Condition::Always, past_deletes) {
            SetExpire::Deleted => deleted.push(*name),
            _ => updated += 1,
        }
    }
    if had_expires || options.expire.is_some() {
        ctx.server.update_hash_expires(db, key);
    }
    ctx.server.stats.expired_subkeys += deleted.len() as u64;
    for name in &deleted {
        ctx.server.propagate_field_deletion(db, key, name);
    }
    Ok((updated, deleted.len()))
}
