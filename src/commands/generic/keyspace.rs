//! Commands on key names: deletion, existence, type, listing.

use crate::commands::{Args, CmdResult, Ctx};
use crate::config::NotifyFlags;
use crate::protocol::reply::Aggregate;
use crate::server::lookup::Lookup;
use crate::storage::entry_view::EntryRef;
use crate::util::glob::string_match;

fn del_generic(ctx: &mut Ctx<'_>, args: Args<'_>, lazy: bool) -> CmdResult {
    let db = ctx.client.db;
    let mut deleted = 0;
    for key in &args[1..] {
        if ctx.server.expire_if_needed(db, key).is_deleted() {
            continue;
        }
        if ctx.server.remove_key(db, key, lazy) {
            ctx.changed(key, NotifyFlags::GENERIC, "del", 1);
            deleted += 1;
        }
    }
    ctx.client.reply.int(deleted);
    Ok(())
}

/// `DEL key [key …]`
pub fn del(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lazy = ctx.server.config.lazyfree_lazy_user_del;
    del_generic(ctx, args, lazy)
}

/// `UNLINK key [key …]`: as DEL, but big values are freed by another thread.
pub fn unlink(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    del_generic(ctx, args, true)
}

fn count(ctx: &mut Ctx<'_>, args: Args<'_>, how: Lookup) -> CmdResult {
    let mut found = 0;
    ctx.server.lookup_each(ctx.client.db, &args[1..], how, |entry| {
        found += usize::from(entry.is_some());
    });
    ctx.client.reply.count(found);
    Ok(())
}

/// `EXISTS key [key …]`: a key given twice counts twice.
pub fn exists(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    count(ctx, args, Lookup::NO_TOUCH)
}

/// `TOUCH key [key …]`: even a client in NO-TOUCH mode does touch with it.
pub fn touch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    count(ctx, args, Lookup { force_touch: true, ..Lookup::default() })
}

/// `TYPE key`
pub fn type_command(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let found = ctx.server.lookup_read_with(ctx.client.db, args[1], Lookup::NO_TOUCH);
    let name = found.map_or("none", |entry| entry.obj_type().name());
    ctx.client.reply.simple(name);
    Ok(())
}

/// `KEYS pattern`: expired keys are passed over, not deleted.
pub fn keys(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let pattern = args[1];
    let all = pattern == b"*";
    let now = ctx.now_ms();
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let keep_expired = server.keeps_expired();
    let limit = server.reply_limit(client);
    let len = client.reply.deferred();
    let mut found = 0;
    let slot = server.config.cluster_enabled.then(|| super::scan::pattern_slot(pattern)).flatten();
    let mut report = |entry: EntryRef<'_>| {
        let dead = !keep_expired && entry.expire().is_some_and(|at| at < now);
        let in_vain = client.reply.len() >= limit;
        if !dead && !in_vain && (all || string_match(pattern, entry.key(), false)) {
            client.reply.bulk(entry.key());
            found += 1;
        }
    };
    let db = &server.keyspace.dbs[client.db];
    match slot {
        Some(slot) if !all => db.iter_slot(slot).for_each(&mut report),
        _ => db.iter().for_each(&mut report),
    }
    client.reply.close_deferred(len, Aggregate::Array, found);
    Ok(())
}

/// `RANDOMKEY`
pub fn randomkey(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    match ctx.server.random_key(ctx.client.db) {
        Some(key) => ctx.client.reply.bulk(&key),
        None => ctx.client.reply.null(),
    }
    Ok(())
}
