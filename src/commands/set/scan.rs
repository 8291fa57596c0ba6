//! SSCAN: a set in pieces. The guarantee is the hash table's; other forms are given at once.

use crate::commands::scan_options::{ScanOf, ScanOptions, parse_cursor};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx};
use crate::protocol::reply::Reply;
use crate::storage::types::set::Set;

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn sscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let cursor = parse_cursor(args[2])?;
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let Some(set) = server.read::<Set>(client.db, args[1])? else {
        reply_cursor(&mut client.reply, 0);
        client.reply.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, ScanOf::Set)?;
    let mut found = Reply::new();
    let mut len = 0;
    let cursor = options.run(cursor, |cursor, seen| {
        set.scan(cursor, |member| {
            *seen += 1;
            if options.matches(member.as_bytes(&mut itoa::Buffer::new())) {
                bulk_value(&mut found, member);
                len += 1;
            }
        })
    });
    reply_cursor(&mut client.reply, cursor);
    client.reply.array(len);
    client.reply.raw(found.as_bytes());
    Ok(())
}

/// The frame of two, and the cursor.
fn reply_cursor(reply: &mut Reply, cursor: u64) {
    reply.array(2);
    reply.bulk_str(itoa::Buffer::new().format(cursor));
}
