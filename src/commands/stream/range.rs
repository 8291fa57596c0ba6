//! XRANGE and XREVRANGE, and entries as replies.

use super::ids::{self, reply_id};
use crate::commands::args::{int, is_option};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::{Aggregate, Reply};
use crate::storage::types::stream::{Cursor, EntryHead, Log, Stream, StreamId};

/// An entry as an array of its ID and an array of its fields and values.
#[inline]
pub fn reply_entry(reply: &mut Reply, entry: EntryHead, cursor: &mut Cursor<'_>) {
    reply.array(2);
    reply_id(reply, entry.id);
    reply.array(entry.fields.saturating_mul(2));
    let mut left = entry.fields;
    while let Some((field, value)) = cursor.next_pair() {
        bulk_value(reply, field);
        bulk_value(reply, value);
        left -= 1;
    }
    // Only damaged bytes have fewer than they said.
    (0..left * 2).for_each(|_| reply.null());
}

/// The entry with this ID; `false`, and no reply, if there is none.
pub fn reply_entry_at(reply: &mut Reply, log: &Log, id: StreamId) -> bool {
    let mut cursor = log.range(id, id, false);
    let Some(entry) = cursor.next_entry() else { return false };
    reply_entry(reply, entry, &mut cursor);
    true
}

/// Up to `count` entries (0: all) as an array. Stops when the reply has `limit` bytes.
pub fn reply_entries(reply: &mut Reply, mut cursor: Cursor<'_>, count: u64, limit: usize) {
    let header = reply.deferred();
    let mut sent = 0;
    while let Some(entry) = cursor.next_entry() {
        reply_entry(reply, entry, &mut cursor);
        sent += 1;
        if sent == count || reply.len() >= limit {
            break;
        }
    }
    reply.close_deferred(header, Aggregate::Array, sent as usize);
}

/// `XRANGE key start end [COUNT count]`
pub fn xrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, false)
}

/// `XREVRANGE key end start [COUNT count]`
pub fn xrevrange(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    range(ctx, args, true)
}

fn range(ctx: &mut Ctx<'_>, args: Args<'_>, reverse: bool) -> CmdResult {
    let (start, end) = if reverse { (args[3], args[2]) } else { (args[2], args[3]) };
    let (start, end) = (ids::start(start)?, ids::end(end)?);
    let count = parse_count(&args[4..])?;
    let Ctx { server, client } = ctx;
    let limit = server.reply_limit(client);
    let reply = &mut client.reply;
    match server.read::<Stream>(client.db, args[1])? {
        None => reply.array(0),
        Some(_) if count == Some(0) => reply.null_array(),
        Some(stream) => {
            let cursor = stream.log().range(start, end, reverse);
            reply_entries(reply, cursor, count.unwrap_or(0), limit);
        }
    }
    Ok(())
}

/// `COUNT n`, the last one if there are several; a negative one counts as 0.
fn parse_count(mut options: &[&[u8]]) -> Result<Option<u64>, ReplyError> {
    let mut count = None;
    while let [option, value, rest @ ..] = options {
        if !is_option(option, "count") {
            return Err(ReplyError::SYNTAX);
        }
        count = Some(u64::try_from(int(value)?).unwrap_or(0));
        options = rest;
    }
    if options.is_empty() { Ok(count) } else { Err(ReplyError::SYNTAX) }
}
