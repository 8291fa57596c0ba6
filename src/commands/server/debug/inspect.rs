//! DEBUG sub-commands that look at keys and tables: OBJECT, HTSTATS, SDSLEN, LISTPACK and the like.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::storage::entry_view::EntryRef;
use crate::storage::evict::lru_idle_s;
use crate::storage::inspect;
use crate::storage::object::{StrRef, ValueRef};
use crate::sys::process;
use crate::util::glob::string_match;

/// A key as it is, expired or not, without touching it.
fn entry_of<'a>(ctx: &'a Ctx<'_>, key: &[u8]) -> Result<EntryRef<'a>, ReplyError> {
    let db = &ctx.server.keyspace.dbs[ctx.client.db];
    db.find(key).ok_or(ReplyError::NO_SUCH_KEY)
}

/// DEBUG OBJECT key
pub(super) fn object(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let config = &ctx.server.config;
    let entry = entry_of(ctx, args[2])?;
    let quicklist = inspect::quicklist_text(
        entry.value(),
        config.list_max_listpack_size,
        config.list_compress_depth != 0,
    );
    let text = format!(
        "Value at:{:p} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{}{}{}",
        entry.key().as_ptr(),
        entry.encoding(),
        inspect::serialized_len(entry.value()),
        entry.lru(),
        lru_idle_s(entry.lru(), ctx.server.clock.lru_clock),
        if quicklist.is_some() { " " } else { "" },
        quicklist.unwrap_or_default(),
    );
    ctx.client.reply.simple(&text);
    Ok(())
}

/// DEBUG HTSTATS db [full]
pub(super) fn htstats(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let db = usize::try_from(int(args[2])?).ok();
    let Some(db) = db.and_then(|db| ctx.server.keyspace.dbs.get(db)) else {
        return Err(ReplyError::fixed("ERR Out of range database"));
    };
    let full = args.get(3).is_some_and(|arg| is_option(arg, "full"));
    ctx.client.reply.verbatim(db.stats_text(full).as_bytes(), "txt");
    Ok(())
}

/// DEBUG HTSTATS-KEY key [full]
pub(super) fn htstats_key(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let full = args.get(3).is_some_and(|arg| is_option(arg, "full"));
    let Some(text) = inspect::table_text(entry_of(ctx, args[2])?.value(), full) else {
        return Err(ReplyError::fixed(
            "ERR The value stored at the specified key is not represented using an hash table",
        ));
    };
    ctx.client.reply.verbatim(text.as_bytes(), "txt");
    Ok(())
}

/// DEBUG SDSLEN key
pub(super) fn sdslen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let entry = entry_of(ctx, args[2])?;
    let ValueRef::Str(StrRef::Bytes(value)) = entry.value() else {
        return Err(ReplyError::fixed("ERR Not an sds encoded string."));
    };
    let text = format!(
        "key_sds_len:{}, key_sds_avail:0, key_zmalloc: {}, val_sds_len:{}, val_sds_avail:0, \
         val_zmalloc: {}",
        entry.key().len(),
        entry.entry_bytes(),
        value.len(),
        entry.string_bytes(),
    );
    ctx.client.reply.simple(&text);
    Ok(())
}

/// DEBUG LISTPACK key
pub(super) fn listpack(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let Some(text) = inspect::listpack_text(entry_of(ctx, args[2])?.value()) else {
        return Err(ReplyError::fixed("ERR Not a listpack encoded object."));
    };
    process::write_stdout(text.as_bytes());
    ctx.client.reply.simple("Listpack structure printed on stdout");
    Ok(())
}

/// DEBUG QUICKLIST key [0|1]
pub(super) fn quicklist(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let config = &ctx.server.config;
    let (fill, compress) = (config.list_max_listpack_size, config.list_compress_depth != 0);
    let value = entry_of(ctx, args[2])?.value();
    let Some(text) = inspect::quicklist_text(value, fill, compress) else {
        return Err(ReplyError::fixed("ERR Not a quicklist encoded object."));
    };
    process::write_stdout(format!("{text}\n").as_bytes());
    ctx.client.reply.simple("Quicklist structure printed on stdout");
    Ok(())
}

/// DEBUG STRINGMATCH-TEST: the pattern matcher survives random patterns.
pub(super) fn stringmatch_test(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    const ROUNDS: usize = 100_000;
    for _ in 0..ROUNDS {
        let random =
            |len| -> Vec<u8> { (0..fastrand::usize(..len)).map(|_| fastrand::u8(..128)).collect() };
        string_match(&random(32), &random(32), false);
    }
    ctx.client.reply.simple("Apparently Redis did not crash: test passed");
    Ok(())
}

/// DEBUG STRUCTSIZE: sizes of our structures under Redis' names where those fit.
pub(super) fn structsize(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    let text = format!("bits:{} robj:8 dictentry:8 ", usize::BITS);
    ctx.client.reply.bulk_str(&text);
    Ok(())
}
