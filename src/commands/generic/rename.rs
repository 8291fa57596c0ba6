//! RENAME, MOVE and COPY: a value under another name or in another database.
//!
//! Invariant: TTL, LRU bits and hash field expirations go with the value; only COPY makes a new
//! value, and its clock starts anew.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::entry_view::{EMBSTR_MAX_LEN, EntryRef};
use crate::storage::object::{RawStr, StrRef, Value, ValueRef};

/// Index of an existing database, given as an argument.
fn db_index(ctx: &Ctx<'_>, arg: &[u8]) -> Result<usize, ReplyError> {
    let index = int(arg)?;
    if i32::try_from(index).is_err() {
        return Err(ReplyError::new(format!(
            "ERR value is out of range, value must between {} and {}",
            i32::MIN,
            i32::MAX
        )));
    }
    match usize::try_from(index) {
        Ok(db) if db < ctx.server.keyspace.dbs.len() => Ok(db),
        _ => Err(ReplyError::DB_INDEX_RANGE),
    }
}

fn rename_generic(ctx: &mut Ctx<'_>, args: Args<'_>, nx: bool) -> CmdResult {
    let (from, to) = (args[1], args[2]);
    let db = ctx.client.db;
    if ctx.lookup_write(from).is_none() {
        return Err(ReplyError::NO_SUCH_KEY);
    }
    let taken = from == to || ctx.lookup_write(to).is_some();
    if nx && taken {
        ctx.client.reply.int(0);
        return Ok(());
    }
    if from != to {
        if taken {
            let lazy = ctx.server.config.lazyfree_lazy_server_del;
            ctx.server.remove_key(db, to, lazy);
        }
        ctx.server.move_value((db, from), (db, to));
        ctx.signal_modified(from);
        ctx.signal_modified(to);
        ctx.notify(NotifyFlags::GENERIC, "rename_from", from);
        ctx.notify(NotifyFlags::GENERIC, "rename_to", to);
        ctx.dirty(1);
    }
    if nx {
        ctx.client.reply.int(1)
    } else {
        ctx.client.reply.ok()
    }
    Ok(())
}

/// `RENAME key newkey`
pub fn rename(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    rename_generic(ctx, args, false)
}

/// `RENAMENX key newkey`
pub fn renamenx(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    rename_generic(ctx, args, true)
}

/// `MOVE key db`
pub fn move_command(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if ctx.server.config.cluster_enabled {
        return Err(ReplyError::fixed("ERR MOVE is not allowed in cluster mode"));
    }
    let key = args[1];
    let (from, to) = (ctx.client.db, db_index(ctx, args[2])?);
    if from == to {
        return Err(ReplyError::SAME_OBJECT);
    }
    let movable = ctx.lookup_write(key).is_some() && ctx.server.lookup_write(to, key).is_none();
    if !movable {
        ctx.client.reply.int(0);
        return Ok(());
    }
    ctx.server.move_value((from, key), (to, key));
    ctx.server.signal_modified(from, key);
    ctx.server.signal_modified(to, key);
    ctx.server.notify(NotifyFlags::GENERIC, "move_from", key, from);
    ctx.server.notify(NotifyFlags::GENERIC, "move_to", key, to);
    ctx.dirty(1);
    ctx.client.reply.int(1);
    Ok(())
}

/// A string that was changed in place stays one in its copy, however short: OBJECT ENCODING tells.
fn duplicate(entry: EntryRef<'_>) -> Value {
    match entry.value() {
        ValueRef::Str(StrRef::Bytes(bytes))
            if bytes.len() <= EMBSTR_MAX_LEN && entry.encoding() == "raw" =>
        {
            Value::from(RawStr::from_slice(bytes))
        }
        value => value.duplicate(),
    }
}

/// `COPY source destination [DB destination-db] [REPLACE]`
pub fn copy(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (source, target) = (args[1], args[2]);
    let db = ctx.client.db;
    let (mut to, mut replace) = (db, false);
    let mut options = args[3..].iter();
    while let Some(option) = options.next() {
        if is_option(option, "replace") {
            replace = true;
        } else if is_option(option, "db") {
            to = db_index(ctx, options.next().ok_or(ReplyError::SYNTAX)?)?;
        } else {
            return Err(ReplyError::SYNTAX);
        }
    }
    if ctx.server.config.cluster_enabled && (db != 0 || to != 0) {
        return Err(ReplyError::fixed(
            "ERR Copying to another database is not allowed in cluster mode",
        ));
    }
    if db == to && source == target {
        return Err(ReplyError::SAME_OBJECT);
    }
    if ctx.lookup_read(source).is_none() {
        ctx.client.reply.int(0);
        return Ok(());
    }
    let taken = ctx.server.lookup_write(to, target).is_some();
    if taken && !replace {
        ctx.client.reply.int(0);
        return Ok(());
    }
    let found = ctx.db().find(source).expect("just looked up; the target is another key");
    let (value, expire) = (duplicate(found), found.expire());
    if taken {
        let lazy = ctx.server.config.lazyfree_lazy_server_del;
        ctx.server.remove_key(to, target, lazy);
    }
    ctx.server.add_key_with(to, target, value, expire, None);
    ctx.server.signal_modified(to, target);
    ctx.server.notify(NotifyFlags::GENERIC, "copy_to", target, to);
    ctx.dirty(1);
    ctx.client.reply.int(1);
    Ok(())
}
