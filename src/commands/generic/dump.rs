//! DUMP: a value as other servers take it.

use crate::commands::{Args, CmdResult, Ctx};
use crate::persistence::rdb::object_save::dump_payload;

/// DUMP key
pub fn dump(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let compress = ctx.server.config.rdbcompression;
    let payload = ctx.lookup_read(args[1]).map(|entry| dump_payload(&entry.value(), compress));
    match payload {
        Some(payload) => ctx.client.reply.bulk(&payload),
        None => ctx.client.reply.null(),
    }
    Ok(())
}
