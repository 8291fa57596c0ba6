//! ZSCAN.

use super::reply_member;
use crate::commands::scan_options::{ScanOf, ScanOptions, parse_cursor};
use crate::commands::{Args, CmdResult, Ctx};
use crate::protocol::number::NumText;
use crate::protocol::reply::Reply;
use crate::storage::types::zset::{Score, ZSet};

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn zscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let cursor = parse_cursor(args[2])?;
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let reply = &mut client.reply;
    let Some(zset) = server.read::<ZSet>(client.db, args[1])? else {
        // As in Redis, nobody looks at the options of a missing key.
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let options = ScanOptions::parse(args, 3, ScanOf::SortedSet)?;
    let mut found = Vec::new();
    let mut digits = itoa::Buffer::new();
    let cursor = options.run(cursor, |cursor, seen| {
        zset.scan(cursor, |member, score| {
            *seen += 1;
            if options.matches(member.as_bytes(&mut digits)) {
                found.push((member, score));
            }
        })
    });
    reply.array(2);
    reply.bulk_str(itoa::Buffer::new().format(cursor));
    reply.array(found.len() * 2);
    for (member, score) in found {
        reply_member(reply, member);
        reply_score(reply, score);
    }
    Ok(())
}

/// As Redis prints it here: what a listpack holds as it is, else all 17 digits.
fn reply_score(reply: &mut Reply, score: Score<'_>) {
    match score {
        Score::Entry(entry) => reply_member(reply, entry),
        Score::Known(score) => reply.bulk(&NumText::from_f64_g17(score)),
    }
}
