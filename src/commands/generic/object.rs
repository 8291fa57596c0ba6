//! OBJECT: what the server knows of a key besides its value.

use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::server::lookup::Lookup;
use crate::storage::entry_view::EntryRef;
use crate::storage::evict::{lfu_decayed, lru_idle_s};
use crate::storage::object::StrRef;

/// Integers below this are one shared object in Redis; clients can see it in REFCOUNT.
const SHARED_INTEGERS: i64 = 10_000;
/// The reference count of a shared object.
const SHARED_REFCOUNT: i64 = i32::MAX as i64;

const NOT_LRU: ReplyError = ReplyError::fixed(
    "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
     switching between policies at runtime LRU and LFU data will take some time to adjust.",
);
const NOT_LFU: ReplyError = ReplyError::fixed(
    "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
     when switching between policies at runtime LRU and LFU data will take some time to adjust.",
);

/// The key, looked up without a trace in clock and notifications.
fn inspect<'a>(ctx: &'a mut Ctx<'_>, key: &[u8]) -> Option<EntryRef<'a>> {
    let how = Lookup { no_notify: true, ..Lookup::NO_TOUCH };
    ctx.server.lookup_read_with(ctx.client.db, key, how)
}

/// `OBJECT ENCODING key`
pub fn object_encoding(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let encoding = inspect(ctx, args[2]).map(|entry| entry.encoding());
    ctx.client.reply.bulk_or_null(encoding.map(str::as_bytes));
    Ok(())
}

/// `OBJECT REFCOUNT key`: nothing is shared, except that small integers cost nothing, which Redis
/// shows as a shared object unless the policy needs a clock in each.
pub fn object_refcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let config = &ctx.server.config;
    let policy = config.maxmemory_policy;
    let may_share = config.maxmemory == 0 || !(policy.is_lru() || policy.is_lfu());
    let count = inspect(ctx, args[2]).map(|entry| match entry.str_value() {
        Some(StrRef::Int(n)) if may_share && (0..SHARED_INTEGERS).contains(&n) => SHARED_REFCOUNT,
        _ => 1,
    });
    reply_int_or_null(ctx, count);
    Ok(())
}

/// `OBJECT IDLETIME key`: seconds since the last access.
pub fn object_idletime(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lfu = ctx.server.config.maxmemory_policy.is_lfu();
    let clock = ctx.server.clock.lru_clock;
    let bits = inspect(ctx, args[2]).map(|entry| entry.lru());
    if bits.is_some() && lfu {
        return Err(NOT_LRU);
    }
    reply_int_or_null(ctx, bits.map(|bits| i64::from(lru_idle_s(bits, clock))));
    Ok(())
}

/// `OBJECT FREQ key`: the logarithmic access counter, decayed until now.
pub fn object_freq(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let lfu = ctx.server.config.maxmemory_policy.is_lfu();
    let params = ctx.server.lfu_params();
    let bits = inspect(ctx, args[2]).map(|entry| entry.lru());
    if bits.is_some() && !lfu {
        return Err(NOT_LFU);
    }
    reply_int_or_null(ctx, bits.map(|bits| i64::from(lfu_decayed(bits, &params))));
    Ok(())
}

fn reply_int_or_null(ctx: &mut Ctx<'_>, value: Option<i64>) {
    match value {
        Some(value) => ctx.client.reply.int(value),
        None => ctx.client.reply.null(),
    }
}

/// `OBJECT HELP`
pub fn object_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    const LINES: &[&str] = &[
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
    ];
    reply_help(&mut ctx.client.reply, args[0], LINES);
    Ok(())
}
