//! XACK and XPENDING.

use super::ids::{self, reply_id};
use super::no_key_or_group;
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::{Aggregate, Reply};
use crate::storage::types::stream::{Consumer, Group, Nack, Stream, StreamId};

/// `XACK key group id [id …]`
pub fn xack(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let stream = ctx.server.read_mut::<Stream>(ctx.client.db, args[1])?;
    let Some(group) = stream.and_then(|stream| stream.groups_mut().get_mut(args[2])) else {
        ctx.client.reply.int(0);
        return Ok(());
    };
    // All IDs are read before anything is done.
    let acknowledged = match &args[3..] {
        [id] => usize::from(group.ack(ids::strict(id, 0)?).is_some()),
        many => ids::all(many)?.into_iter().filter(|id| group.ack(*id).is_some()).count(),
    };
    ctx.dirty(acknowledged);
    ctx.client.reply.count(acknowledged);
    Ok(())
}

/// `[[IDLE min-idle-time] start end count [consumer]]`
struct Range<'a> {
    min_idle: i64,
    start: StreamId,
    end: StreamId,
    count: u64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Range<'a> {
    fn parse(args: Args<'a>) -> Result<Option<Self>, ReplyError> {
        if args.len() == 3 {
            return Ok(None);
        }
        if !(6..=9).contains(&args.len()) {
            return Err(ReplyError::SYNTAX);
        }
        let (mut min_idle, mut rest) = (0, &args.0[3..]);
        if is_option(args[3], "idle") {
            min_idle = int(args[4])?;
            rest = &args.0[5..];
            if rest.len() < 3 {
                return Err(ReplyError::SYNTAX);
            }
        }
        let count = u64::try_from(int(rest[2])?).unwrap_or(0);
        let (start, end) = (ids::start(rest[0])?, ids::end(rest[1])?);
        let consumer = rest.get(3).copied();
        Ok(Some(Range { min_idle, start, end, count, consumer }))
    }
}

/// `XPENDING key group [[IDLE min-idle-time] start end count [consumer]]`
pub fn xpending(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let range = Range::parse(args)?;
    let now = ctx.now_ms();
    let Ctx { server, client } = ctx;
    let stream = server.read::<Stream>(client.db, args[1])?;
    let Some(group) = stream.and_then(|stream| stream.groups().get(args[2])) else {
        return Err(no_key_or_group(args[1], args[2], ""));
    };
    match range {
        None => reply_summary(&mut client.reply, group),
        Some(range) => reply_range(&mut client.reply, group, &range, now),
    }
    Ok(())
}

/// How many are pending, from which ID to which, and for whom.
fn reply_summary(reply: &mut Reply, group: &Group) {
    let pel = group.pel();
    reply.array(4);
    reply.count(pel.len());
    let (Some((first, _)), Some((last, _))) = (pel.first(), pel.last()) else {
        reply.null();
        reply.null();
        reply.null_array();
        return;
    };
    reply_id(reply, first);
    reply_id(reply, last);
    let busy = || group.consumers().filter(|consumer| consumer.pending() > 0);
    reply.array(busy().count());
    for consumer in busy() {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_int(consumer.pending() as i64);
    }
}

fn reply_range(reply: &mut Reply, group: &Group, range: &Range<'_>, now: i64) {
    match range.consumer {
        None => {
            let pending = group.pel().iter_from(range.start).map(|(id, nack)| (id, *nack));
            reply_pending(reply, group, pending, range, now);
        }
        Some(name) => match group.find_consumer(name).and_then(|id| group.consumer(id)) {
            None => reply.array(0),
            Some(consumer) => {
                let pending = pending_of(group, consumer, range.start);
                reply_pending(reply, group, pending, range, now);
            }
        },
    }
}

/// The pending entries of a consumer from `start` on.
pub fn pending_of<'a>(
    group: &'a Group,
    consumer: &'a Consumer,
    start: StreamId,
) -> impl Iterator<Item = (StreamId, Nack)> + 'a {
    consumer.ids_from(start).filter_map(|id| Some((id, *group.nack(id)?)))
}

fn reply_pending(
    reply: &mut Reply,
    group: &Group,
    pending: impl Iterator<Item = (StreamId, Nack)>,
    range: &Range<'_>,
    now: i64,
) {
    let header = reply.deferred();
    let mut sent = 0u64;
    for (id, nack) in pending.take_while(|(id, _)| *id <= range.end) {
        if sent == range.count {
            break;
        }
        let idle = now.wrapping_sub(nack.delivery_time);
        if range.min_idle != 0 && idle < range.min_idle {
            continue;
        }
        reply.array(4);
        reply_id(reply, id);
        reply.bulk(group.owner_name(&nack));
        reply.int(idle.max(0));
        reply.int(nack.delivery_count as i64);
        sent += 1;
    }
    reply.close_deferred(header, Aggregate::Array, sent as usize);
}
