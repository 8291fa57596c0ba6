//! HSCAN.

use super::bulk;
use crate::commands::scan_options::{ScanOf, ScanOptions, parse_cursor};
use crate::commands::{Args, CmdResult, Ctx};
use crate::storage::types::hash::Hash;

/// `HSCAN key cursor [MATCH pattern] [COUNT count] [NOVALUES]`
pub fn hscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, cursor, now) = (args[1], parse_cursor(args[2])?, ctx.now_ms());
    let Ctx { server, client } = ctx;
    let reply = &mut client.reply;
    let Some(hash) = server.read::<Hash>(client.db, key)? else {
        // As in Redis, nobody looks at the options of a missing key.
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, ScanOf::Hash)?;
    let mut found = Vec::new();
    let mut digits = itoa::Buffer::new();
    let cursor = options.run(cursor, |cursor, seen| {
        hash.scan(cursor, |field| {
            *seen += 1;
            if !field.is_expired(now) && options.matches(field.name.as_bytes(&mut digits)) {
                found.push(field);
            }
        })
    });
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(if options.no_values { found.len() } else { found.len() * 2 });
    for field in found {
        bulk(reply, field.name);
        if !options.no_values {
            bulk(reply, field.value);
        }
    }
    Ok(())
}
