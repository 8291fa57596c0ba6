//! DEBUG POPULATE: many string keys at once.

use crate::commands::args::int_in;
use crate::commands::{Args, CmdResult, Ctx};
use crate::storage::object::Value;

/// Keys that are made room for at once: a wrong number must not take all memory.
const RESERVE_LIMIT: usize = 1 << 24;

/// DEBUG POPULATE count [prefix [size]]: keys that exist are left alone; nothing is propagated.
pub(super) fn populate(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let count = int_in(args[2], 0, i64::MAX)? as usize;
    let prefix = args.get(3).copied().unwrap_or(b"key");
    let size = match args.get(4) {
        Some(size) => int_in(size, 0, i64::MAX)? as usize,
        None => 0,
    };
    let db = ctx.db_id();
    ctx.db().reserve(count.min(RESERVE_LIMIT), 0);
    let mut key = prefix.to_vec();
    key.push(b':');
    let fixed = key.len();
    let mut digits = itoa::Buffer::new();
    for i in 0..count {
        key.truncate(fixed);
        key.extend_from_slice(digits.format(i).as_bytes());
        if ctx.server.key_exists(db, &key) {
            continue;
        }
        let mut value = format!("value:{i}").into_bytes();
        if size > 0 {
            value.resize(size, 0);
        }
        ctx.server.add_key(db, &key, Value::string(&value));
        ctx.signal_modified(&key);
    }
    ctx.client.reply.ok();
    Ok(())
}
