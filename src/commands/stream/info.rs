//! XINFO.

use super::ids::reply_id;
use super::pending::pending_of;
use super::range::{reply_entries, reply_entry};
use super::{no_group, subcommand_syntax};
use crate::commands::args::{int, is_option};
use crate::commands::help::reply_help;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Reply;
use crate::storage::types::stream::{Consumer, Group, Log, Stream, StreamId};

/// Entries of each list that XINFO STREAM … FULL shows, if not told otherwise.
const DEFAULT_COUNT: u64 = 10;

fn existing<'a>(ctx: &'a mut Ctx<'_>, key: &[u8]) -> Result<&'a Stream, ReplyError> {
    ctx.read::<Stream>(key)?.ok_or(ReplyError::NO_SUCH_KEY)
}

fn int_field(reply: &mut Reply, name: &str, value: i64) {
    reply.bulk_str(name);
    reply.int(value);
}

fn id_field(reply: &mut Reply, name: &str, id: StreamId) {
    reply.bulk_str(name);
    reply_id(reply, id);
}

fn optional_field(reply: &mut Reply, name: &str, value: Option<i64>) {
    reply.bulk_str(name);
    match value {
        Some(value) => reply.int(value),
        None => reply.null(),
    }
}

/// `XINFO STREAM key [FULL [COUNT count]]`
pub fn xinfo_stream(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let db = ctx.client.db;
    existing(ctx, args[2])?;
    let full = match &args[3..] {
        [] => None,
        [full] if is_option(full, "full") => Some(DEFAULT_COUNT),
        [full, option, count] if is_option(full, "full") && is_option(option, "count") => {
            Some(u64::try_from(int(count)?).unwrap_or(DEFAULT_COUNT))
        }
        _ => return Err(subcommand_syntax("XINFO", args)),
    };
    let Ctx { server, client } = ctx;
    let entry = server.keyspace.dbs[db].find(args[2]);
    let Some(stream) = entry.and_then(|entry| entry.get::<Stream>()) else {
        return Err(ReplyError::NO_SUCH_KEY);
    };
    let reply = &mut client.reply;
    reply.map(if full.is_some() { 9 } else { 10 });
    reply_counters(reply, stream.log());
    match full {
        None => reply_ends(reply, stream),
        Some(count) => reply_full(reply, stream, count),
    }
    Ok(())
}

fn reply_counters(reply: &mut Reply, log: &Log) {
    int_field(reply, "length", log.length() as i64);
    int_field(reply, "radix-tree-keys", log.node_count() as i64);
    // The nodes, and the blocks of the index that leads to them; an empty one counts as one.
    let blocks = log.node_count() + log.index_blocks().max(1);
    int_field(reply, "radix-tree-nodes", blocks as i64);
    id_field(reply, "last-generated-id", log.last_id);
    id_field(reply, "max-deleted-entry-id", log.max_deleted_id);
    int_field(reply, "entries-added", log.entries_added as i64);
    id_field(reply, "recorded-first-entry-id", log.first_id);
}

fn reply_ends(reply: &mut Reply, stream: &Stream) {
    int_field(reply, "groups", stream.groups().len() as i64);
    for (name, reverse) in [("first-entry", false), ("last-entry", true)] {
        reply.bulk_str(name);
        let mut cursor = stream.log().range(StreamId::MIN, StreamId::MAX, reverse);
        match cursor.next_entry() {
            Some(entry) => reply_entry(reply, entry, &mut cursor),
            None => reply.null(),
        }
    }
}

fn reply_full(reply: &mut Reply, stream: &Stream, count: u64) {
    reply.bulk_str("entries");
    reply_entries(reply, stream.log().all(), count, usize::MAX);
    reply.bulk_str("groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        reply_full_group(reply, stream.log(), name, group, count);
    }
}

/// How many of `len` are shown.
fn shown(len: usize, count: u64) -> usize {
    match usize::try_from(count) {
        Ok(0) | Err(_) => len,
        Ok(count) => len.min(count),
    }
}

fn reply_full_group(reply: &mut Reply, log: &Log, name: &[u8], group: &Group, count: u64) {
    reply.map(7);
    reply.bulk_str("name");
    reply.bulk(name);
    id_field(reply, "last-delivered-id", group.last_id);
    optional_field(reply, "entries-read", group.entries_read);
    optional_field(reply, "lag", group.lag(log));
    int_field(reply, "pel-count", group.pel().len() as i64);
    reply.bulk_str("pending");
    let pending = shown(group.pel().len(), count);
    reply.array(pending);
    for (id, nack) in group.pel().iter().take(pending) {
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.owner_name(nack));
        reply.int(nack.delivery_time);
        reply.int(nack.delivery_count as i64);
    }
    reply.bulk_str("consumers");
    reply.array(group.consumer_count());
    group.consumers().for_each(|consumer| reply_full_consumer(reply, group, consumer, count));
}

fn reply_full_consumer(reply: &mut Reply, group: &Group, consumer: &Consumer, count: u64) {
    reply.map(5);
    reply.bulk_str("name");
    reply.bulk(consumer.name());
    int_field(reply, "seen-time", consumer.seen_time);
    int_field(reply, "active-time", consumer.active_time);
    int_field(reply, "pel-count", consumer.pending() as i64);
    reply.bulk_str("pending");
    let wanted = shown(consumer.pending(), count);
    let pending: Vec<_> = pending_of(group, consumer, StreamId::MIN).take(wanted).collect();
    reply.array(pending.len());
    for (id, nack) in pending {
        reply.array(3);
        reply_id(reply, id);
        reply.int(nack.delivery_time);
        reply.int(nack.delivery_count as i64);
    }
}

/// `XINFO GROUPS key`
pub fn xinfo_groups(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let Ctx { server, client } = ctx;
    let stream = server.read::<Stream>(client.db, args[2])?.ok_or(ReplyError::NO_SUCH_KEY)?;
    let reply = &mut client.reply;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        reply.map(6);
        reply.bulk_str("name");
        reply.bulk(name);
        int_field(reply, "consumers", group.consumer_count() as i64);
        int_field(reply, "pending", group.pel().len() as i64);
        id_field(reply, "last-delivered-id", group.last_id);
        optional_field(reply, "entries-read", group.entries_read);
        optional_field(reply, "lag", group.lag(stream.log()));
    }
    Ok(())
}

/// `XINFO CONSUMERS key group`
pub fn xinfo_consumers(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let now = ctx.now_ms();
    let Ctx { server, client } = ctx;
    let stream = server.read::<Stream>(client.db, args[2])?.ok_or(ReplyError::NO_SUCH_KEY)?;
    let group = stream.groups().get(args[3]).ok_or_else(|| no_group(args[2], args[3]))?;
    let reply = &mut client.reply;
    reply.array(group.consumer_count());
    for consumer in group.consumers() {
        let inactive = match consumer.active_time {
            -1 => -1,
            active => now.wrapping_sub(active),
        };
        reply.map(4);
        reply.bulk_str("name");
        reply.bulk(consumer.name());
        int_field(reply, "pending", consumer.pending() as i64);
        int_field(reply, "idle", now.wrapping_sub(consumer.seen_time).max(0));
        int_field(reply, "inactive", inactive);
    }
    Ok(())
}

/// `XINFO HELP`
pub fn xinfo_help(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    reply_help(&mut ctx.client.reply, args[0], HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CONSUMERS <key> <groupname>",
    "    Show consumers of <groupname>.",
    "GROUPS <key>",
    "    Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show information about the stream.",
];
