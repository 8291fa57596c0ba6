//! XCLAIM and XAUTOCLAIM: pending entries go to another consumer. An entry that is no longer in the
//! stream is taken off the pending ones on the way.

use super::ids::{self, reply_id};
use super::no_key_or_group;
use super::propagate::Changes;
use super::range::reply_entry_at;
use crate::commands::args::{int_or, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::protocol::number::parse_i64;
use crate::protocol::reply::{Aggregate, Reply};
use crate::server::Server;
use crate::storage::types::stream::{ConsumerId, Group, Log, Stream, StreamId};

/// On which terms entries change hands.
#[derive(Clone, Copy)]
struct Terms {
    /// ms since the last delivery; 0 = any.
    min_idle: i64,
    /// What is noted as the time of delivery, ms since the epoch.
    delivery_time: i64,
    /// What is noted as the number of deliveries; `None`: one more, or as it was if the entry
    /// itself is not delivered.
    retry_count: Option<u64>,
    /// Only the IDs are replied.
    just_id: bool,
}

impl Terms {
    /// `min_idle`: the argument; `now`: ms since the epoch.
    fn new(min_idle: i64, now: i64) -> Terms {
        let min_idle = min_idle.max(0);
        Terms { min_idle, delivery_time: now, retry_count: None, just_id: false }
    }
}

/// The options of XCLAIM.
struct ClaimOptions {
    terms: Terms,
    ids: Vec<StreamId>,
    force: bool,
    last_id: StreamId,
}

impl ClaimOptions {
    fn parse(args: Args<'_>, now: i64) -> Result<Self, ReplyError> {
        let min_idle = int_or(args[4], "ERR Invalid min-idle-time argument for XCLAIM")?;
        let rest = &args.0[5..];
        let ids: Vec<StreamId> = rest.iter().map_while(|arg| ids::strict(arg, 0).ok()).collect();
        let mut rest = &rest[ids.len()..];
        let terms = Terms::new(min_idle, now);
        let mut options = ClaimOptions { terms, ids, force: false, last_id: StreamId::MIN };
        while let [option, more @ ..] = rest {
            rest = options.option(option, more, now)?;
        }
        // A time that cannot be is the present one.
        let time = &mut options.terms.delivery_time;
        if *time < 0 || *time > now {
            *time = now;
        }
        Ok(options)
    }

    /// Takes an option; returns what follows it and its argument.
    fn option<'a>(
        &mut self,
        option: &[u8],
        more: &'a [&'a [u8]],
        now: i64,
    ) -> Result<&'a [&'a [u8]], ReplyError> {
        if is_option(option, "force") {
            self.force = true;
            return Ok(more);
        }
        if is_option(option, "justid") {
            self.terms.just_id = true;
            return Ok(more);
        }
        let Some((arg, rest)) = more.split_first() else { return Err(unrecognized(option)) };
        if is_option(option, "idle") {
            let idle = int_or(arg, "ERR Invalid IDLE option argument for XCLAIM")?;
            self.terms.delivery_time = now.wrapping_sub(idle);
        } else if is_option(option, "time") {
            self.terms.delivery_time = int_or(arg, "ERR Invalid TIME option argument for XCLAIM")?;
        } else if is_option(option, "retrycount") {
            let count = int_or(arg, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
            self.terms.retry_count = u64::try_from(count).ok();
        } else if is_option(option, "lastid") {
            self.last_id = ids::strict(arg, 0)?;
        } else {
            return Err(unrecognized(option));
        }
        Ok(rest)
    }
}

fn unrecognized(option: &[u8]) -> ReplyError {
    ReplyError::err([b"Unrecognized XCLAIM option '", option, b"'"].concat())
}

/// Claiming for a consumer, under way.
struct Claim<'a, 'k> {
    log: &'a Log,
    group: &'a mut Group,
    consumer: ConsumerId,
    now: i64,
    terms: Terms,
    reply: &'a mut Reply,
    changes: &'a mut Changes<'k>,
    /// Entries in the reply.
    claimed: usize,
    /// Changes made.
    dirty: usize,
}

fn log_and_group<'a>(
    server: &'a mut Server,
    db: usize,
    key: &[u8],
    group: &[u8],
) -> Result<(&'a Log, &'a mut Group), ReplyError> {
    let stream = server.read_mut::<Stream>(db, key)?;
    let found = stream.and_then(|stream| stream.log_and_group(group));
    found.ok_or_else(|| no_key_or_group(key, group, ""))
}

impl<'a, 'k> Claim<'a, 'k> {
    /// `to`: for whom, and when.
    fn new(
        log: &'a Log,
        group: &'a mut Group,
        to: (ConsumerId, i64),
        terms: Terms,
        reply: &'a mut Reply,
        changes: &'a mut Changes<'k>,
    ) -> Claim<'a, 'k> {
        let (consumer, now) = to;
        Claim { log, group, consumer, now, terms, reply, changes, claimed: 0, dirty: 0 }
    }

    /// The entry is gone: nobody has it pending any more.
    fn drop_deleted(&mut self, id: StreamId) -> bool {
        let Some(nack) = self.group.nack(id).copied() else { return false };
        self.changes.claim(self.group, id, &nack);
        self.group.ack(id);
        self.dirty += 1;
        true
    }

    /// Gives the pending entry to the consumer and replies it; `false` if it was not idle long
    /// enough.
    fn take(&mut self, id: StreamId) -> bool {
        let Some(nack) = self.group.nack(id) else { return false };
        let idle = self.now.wrapping_sub(nack.delivery_time);
        let terms = self.terms;
        if self.group.is_owned(nack) && terms.min_idle != 0 && idle < terms.min_idle {
            return false;
        }
        self.group.claim(id, self.consumer, terms.delivery_time, |count| {
            let delivered = if terms.just_id { count } else { count.wrapping_add(1) };
            terms.retry_count.unwrap_or(delivered)
        });
        if terms.just_id {
            reply_id(self.reply, id);
        } else {
            reply_entry_at(self.reply, self.log, id);
        }
        if let Some(consumer) = self.group.consumer_mut(self.consumer) {
            consumer.active_time = self.now;
        }
        if let Some(nack) = self.group.nack(id) {
            self.changes.claim(self.group, id, nack);
        }
        self.claimed += 1;
        self.dirty += 1;
        true
    }
}

/// `XCLAIM key group consumer min-idle-time id [id …] [IDLE ms] [TIME unix-time-ms] [RETRYCOUNT
/// count] [FORCE] [JUSTID] [LASTID lastid]`
pub fn xclaim(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, group_name, now) = (args[1], args[2], ctx.now_ms());
    let mut changes = Changes::new(ctx, key, group_name);
    let Ctx { server, client } = &mut *ctx;
    let (log, group) = log_and_group(server, client.db, key, group_name)?;
    let options = ClaimOptions::parse(args, now)?;
    let moved = options.last_id > group.last_id;
    if moved {
        group.last_id = options.last_id;
    }
    let (consumer, is_new) = group.seen_consumer(args[3], now);
    let header = client.reply.deferred();
    let to = (consumer, now);
    let mut claim = Claim::new(log, group, to, options.terms, &mut client.reply, &mut changes);
    for id in options.ids {
        if !log.contains(id) {
            claim.drop_deleted(id);
            continue;
        }
        if options.force {
            claim.group.add_unowned(id, now, 1);
        }
        claim.take(id);
    }
    let (claimed, mut dirty) = (claim.claimed, claim.dirty);
    // Any XCLAIM that is propagated says the position too.
    if moved && dirty == 0 {
        changes.position(group);
        dirty += 1;
    }
    client.reply.close_deferred(header, Aggregate::Array, claimed);
    finish(ctx, key, changes, dirty, is_new);
    Ok(())
}

/// Propagates and counts the changes, and tells of a new consumer.
fn finish(ctx: &mut Ctx<'_>, key: &[u8], changes: Changes<'_>, dirty: usize, is_new: bool) {
    changes.propagate(ctx);
    ctx.propagate_nothing();
    ctx.dirty(dirty + usize::from(is_new));
    if is_new {
        ctx.notify(NotifyFlags::STREAM, "xgroup-createconsumer", key);
    }
}

/// XAUTOCLAIM looks at so many pending entries for each that it may claim.
const ATTEMPTS_PER_ENTRY: u64 = 10;
/// The bound of its COUNT: one ID of 16 bytes each must fit in memory.
const MAX_COUNT: i64 = i64::MAX / 16;

struct AutoClaimOptions {
    terms: Terms,
    start: StreamId,
    count: u64,
}

impl AutoClaimOptions {
    fn parse(args: Args<'_>, now: i64) -> Result<Self, ReplyError> {
        const DEFAULT_COUNT: u64 = 100;
        let min_idle = int_or(args[4], "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
        let start = ids::start(args[5])?;
        let mut options = Self { terms: Terms::new(min_idle, now), start, count: DEFAULT_COUNT };
        let mut rest = &args.0[6..];
        loop {
            match rest {
                [] => return Ok(options),
                [option, count, more @ ..] if is_option(option, "count") => {
                    let count = parse_i64(count).filter(|n| (1..=MAX_COUNT).contains(n));
                    let error = ReplyError::fixed("ERR COUNT must be > 0");
                    options.count = count.ok_or(error)? as u64;
                    rest = more;
                }
                [option, more @ ..] if is_option(option, "justid") => {
                    options.terms.just_id = true;
                    rest = more;
                }
                _ => return Err(ReplyError::SYNTAX),
            }
        }
    }
}

/// `XAUTOCLAIM key group consumer min-idle-time start [COUNT count] [JUSTID]`
pub fn xautoclaim(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (key, group_name, now) = (args[1], args[2], ctx.now_ms());
    let options = AutoClaimOptions::parse(args, now)?;
    let mut changes = Changes::new(ctx, key, group_name);
    let Ctx { server, client } = &mut *ctx;
    let (log, group) = log_and_group(server, client.db, key, group_name)?;
    let (consumer, is_new) = group.seen_consumer(args[3], now);
    let mut entries = Reply::new();
    entries.set_resp3(client.reply.is_resp3());
    let to = (consumer, now);
    let mut claim = Claim::new(log, group, to, options.terms, &mut entries, &mut changes);
    let (next, deleted) = claim.run(&options);
    let (claimed, dirty) = (claim.claimed, claim.dirty);
    let reply = &mut client.reply;
    reply.array(3);
    reply_id(reply, next);
    reply.array(claimed);
    reply.raw(entries.as_bytes());
    reply.array(deleted.len());
    deleted.into_iter().for_each(|id| reply_id(reply, id));
    finish(ctx, key, changes, dirty, is_new);
    Ok(())
}

impl Claim<'_, '_> {
    /// Goes over the pending entries from the start on. Returns where the next call is to start,
    /// 0-0 at the end, and the IDs of entries that are gone.
    fn run(&mut self, options: &AutoClaimOptions) -> (StreamId, Vec<StreamId>) {
        let mut deleted = Vec::new();
        let mut left = options.count;
        let mut attempts = options.count.saturating_mul(ATTEMPTS_PER_ENTRY);
        let mut at = Some(options.start);
        let next = loop {
            let Some((id, _)) = at.and_then(|from| self.group.first_pending_from(from)) else {
                break StreamId::MIN;
            };
            if attempts == 0 || left == 0 {
                break id;
            }
            attempts -= 1;
            at = id.next();
            if !self.log.contains(id) {
                self.drop_deleted(id);
                deleted.push(id);
                left -= 1;
            } else if self.take(id) {
                left -= 1;
            }
        };
        (next, deleted)
    }
}
