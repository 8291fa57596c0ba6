//! XREAD and XREADGROUP. A command that blocks runs again from the start when one of its streams
//! got an entry; a group read also when its key or group is gone, to answer with the error.

use super::ids::{self, reply_id};
use super::no_key_or_group;
use super::propagate::Changes;
use super::range::{reply_entries, reply_entry, reply_entry_at};
use super::read_args::ReadArgs;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::protocol::reply::{Aggregate, Reply};
use crate::server::blocking::BlockKind;
use crate::server::log;
use crate::storage::types::stream::{ConsumerId, Group, Log, Stream, StreamId};

/// From where a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// After this ID; of a group: what its consumer has pending after this ID.
    After(StreamId),
    /// What the group has not read yet.
    New,
}

/// `XREAD [COUNT count] [BLOCK milliseconds] STREAMS key [key …] id [id …]`
pub fn xread(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    read(ctx, args, false)
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key …]
/// id [id …]`
pub fn xreadgroup(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    // What it changes is propagated, not that somebody read.
    ctx.propagate_nothing();
    read(ctx, args, true)
}

fn read(ctx: &mut Ctx<'_>, args: Args<'_>, for_group: bool) -> CmdResult {
    let request = ReadArgs::parse(args, for_group, ctx.now_ms())?;
    let streams = request.keys.iter().zip(request.ids);
    let from: Vec<From> = streams
        .map(|(key, id)| start_of(ctx, key, id, request.group.map(|(group, _)| group)))
        .collect::<Result<_, _>>()?;
    let header = ctx.client.reply.deferred();
    let mut served = 0;
    for (key, from) in request.keys.iter().zip(&from) {
        let has_data = match request.group {
            Some(group) => read_for_group(ctx, key, *from, group, &request)?,
            None => read_plain(ctx, key, *from, request.count)?,
        };
        served += usize::from(has_data);
    }
    match request.deadline {
        _ if served > 0 => {
            let reply = &mut ctx.client.reply;
            let kind = if reply.is_resp3() { Aggregate::Map } else { Aggregate::Array };
            reply.close_deferred(header, kind, served);
        }
        Some(deadline) if ctx.may_block() => block(ctx, args, &request, &from, deadline),
        _ => ctx.client.reply.null_array(),
    }
    Ok(())
}

/// `$` stands for the last ID at the time of the call: when the command runs again it would be
/// another.
fn block(ctx: &mut Ctx<'_>, args: Args<'_>, request: &ReadArgs<'_>, from: &[From], deadline: i64) {
    let texts: Vec<_> = from
        .iter()
        .map(|from| match from {
            From::After(id) => id.to_text(),
            From::New => StreamId::MAX.to_text(),
        })
        .collect();
    let mut argv = args.to_vec();
    let first_id = argv.len() - request.ids.len();
    for (arg, text) in argv[first_id..].iter_mut().zip(&texts) {
        if *arg == b"$" {
            *arg = text;
        }
    }
    if request.group.is_some() {
        ctx.block_until_deleted(BlockKind::Stream, request.keys, deadline);
    } else {
        ctx.block_on_keys(BlockKind::Stream, request.keys, deadline);
    }
    ctx.rerun_with(&argv);
}

/// What the ID of a key means now.
fn start_of(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    id: &[u8],
    group: Option<&[u8]>,
) -> Result<From, ReplyError> {
    let stream = ctx.read::<Stream>(key)?;
    if let Some(group) = group
        && stream.and_then(|stream| stream.groups().get(group)).is_none()
    {
        return Err(no_key_or_group(key, group, " in XREADGROUP with GROUP option"));
    }
    let last_id = stream.map_or(StreamId::MIN, |stream| stream.log().last_id);
    match id {
        b"$" if group.is_some() => Err(meaningless('$')),
        b"$" => Ok(From::After(last_id)),
        b"+" if group.is_some() => Err(meaningless('+')),
        b"+" if stream.is_none() => Ok(From::After(StreamId::MIN)),
        b"+" => {
            let error = ReplyError::fixed("ERR the stream last element ID is 0-0");
            last_id.prev().map(From::After).ok_or(error)
        }
        b">" if group.is_none() => Err(ReplyError::fixed(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
             <consumer> option.",
        )),
        b">" => Ok(From::New),
        // The last ID is the mark of `>` in Redis, and means the same.
        id => ids::strict(id, 0).map(|id| match id {
            StreamId::MAX if group.is_some() => From::New,
            id => From::After(id),
        }),
    }
}

fn meaningless(id: char) -> ReplyError {
    ReplyError::err(format!(
        "The {id} ID is meaningless in the context of XREADGROUP: you want to read the history of \
         this consumer by specifying a proper ID, or use the > ID to get new messages. The {id} ID \
         would just return an empty result set."
    ))
}

/// The name of a stream in the reply: a key of a map in RESP3.
fn reply_name(reply: &mut Reply, key: &[u8]) {
    if !reply.is_resp3() {
        reply.array(2);
    }
    reply.bulk(key);
}

/// Says that a stream counts entries but has none: a damaged payload was restored unchecked. The
/// words are those that operators look for when Redis has met a state that must not be.
#[cold]
fn report_lost_entries(length: u64) {
    log::warning(&format!("Guru Meditation: Corrupt stream, length is {length}, but no max id"));
}

fn read_plain(ctx: &mut Ctx<'_>, key: &[u8], from: From, count: u64) -> Result<bool, ReplyError> {
    let Ctx { server, client } = ctx;
    let limit = server.reply_limit(client);
    let Some(stream) = server.read::<Stream>(client.db, key)? else { return Ok(false) };
    let (log, From::After(after)) = (stream.log(), from) else { return Ok(false) };
    match log.last_entry_id() {
        Some(last) if last > after => {}
        None if log.length() > 0 => {
            report_lost_entries(log.length());
            return Ok(false);
        }
        _ => return Ok(false),
    }
    let Some(start) = after.next() else { return Ok(false) };
    reply_name(&mut client.reply, key);
    reply_entries(&mut client.reply, log.range(start, StreamId::MAX, false), count, limit);
    Ok(true)
}

fn read_for_group(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    from: From,
    (group_name, consumer_name): (&[u8], &[u8]),
    request: &ReadArgs<'_>,
) -> Result<bool, ReplyError> {
    let now = ctx.now_ms();
    let mut changes = Changes::new(ctx, key, group_name);
    let Ctx { server, client } = &mut *ctx;
    let Some(stream) = server.read_mut::<Stream>(client.db, key)? else { return Ok(false) };
    let Some((log, group)) = stream.log_and_group(group_name) else { return Ok(false) };
    let has_new = log.last_entry_id().is_some_and(|last| last > group.last_id);
    let (consumer, is_new) = group.seen_consumer(consumer_name, now);
    if is_new && request.noack {
        changes.consumer(consumer_name);
    }
    let reply = &mut client.reply;
    let mut delivered = false;
    let served = match from {
        From::After(after) => {
            reply_name(reply, key);
            reply_history(reply, log, group, consumer, after, request.count, now);
            true
        }
        From::New if has_new => {
            reply_name(reply, key);
            let mut delivery =
                Delivery { log, group, consumer, now, noack: request.noack, changes: &mut changes };
            delivered = delivery.run(reply, request.count);
            true
        }
        From::New => false,
    };
    changes.propagate(ctx);
    if is_new {
        ctx.dirty(1);
        ctx.notify(NotifyFlags::STREAM, "xgroup-createconsumer", key);
    }
    if delivered {
        ctx.dirty(1);
    }
    Ok(served)
}

/// Entries on their way to a consumer.
struct Delivery<'a, 'k> {
    log: &'a Log,
    group: &'a mut Group,
    consumer: ConsumerId,
    now: i64,
    noack: bool,
    changes: &'a mut Changes<'k>,
}

impl Delivery<'_, '_> {
    /// Replies up to `count` (0: all) entries that the group has not read, and makes them pending.
    /// Returns whether anything is to be propagated.
    fn run(&mut self, reply: &mut Reply, count: u64) -> bool {
        let header = reply.deferred();
        let start = self.group.last_id.next().unwrap_or(StreamId::MAX);
        let mut cursor = self.log.range(start, StreamId::MAX, false);
        let (mut sent, mut moved) = (0u64, false);
        while let Some(entry) = cursor.next_entry() {
            moved |= self.group.advance(self.log, entry.id);
            reply_entry(reply, entry, &mut cursor);
            if !self.noack {
                self.make_pending(entry.id);
            }
            sent += 1;
            if sent == count {
                break;
            }
        }
        reply.close_deferred(header, Aggregate::Array, sent as usize);
        if moved {
            self.changes.position(self.group);
        }
        moved || (sent > 0 && !self.noack)
    }

    fn make_pending(&mut self, id: StreamId) {
        self.group.deliver(id, self.consumer, self.now);
        if let Some(consumer) = self.group.consumer_mut(self.consumer) {
            consumer.active_time = self.now;
        }
        if let Some(nack) = self.group.nack(id) {
            self.changes.claim(self.group, id, nack);
        }
    }
}

/// What the consumer has pending after an ID, each delivered once more; of an entry that is gone
/// only the ID.
fn reply_history(
    reply: &mut Reply,
    log: &Log,
    group: &mut Group,
    consumer: ConsumerId,
    after: StreamId,
    count: u64,
    now: i64,
) {
    let most = if count == 0 { usize::MAX } else { usize::try_from(count).unwrap_or(usize::MAX) };
    let start = after.next();
    let ids: Vec<StreamId> = match (group.consumer(consumer), start) {
        (Some(consumer), Some(start)) => consumer.ids_from(start).take(most).collect(),
        _ => Vec::new(),
    };
    reply.array(ids.len());
    for id in ids {
        if reply_entry_at(reply, log, id) {
            if let Some(nack) = group.nack_mut(id) {
                nack.delivery_time = now;
                nack.delivery_count = nack.delivery_count.wrapping_add(1);
            }
        } else {
            reply.array(2);
            reply_id(reply, id);
            reply.null_array();
        }
    }
}
