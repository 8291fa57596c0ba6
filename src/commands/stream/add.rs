//! The commands that change entries: XADD, XDEL, XSETID; and XLEN.

use super::ids::{self, reply_id};
use super::trim::{ExactTrim, Options};
use super::{node_limits, now_id_ms};
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::types::stream::{AddId, AppendError, Stream, StreamId};

const EXHAUSTED: ReplyError = ReplyError::fixed(
    "ERR The stream has exhausted the last possible ID, unable to add more items",
);
const NOT_ABOVE: ReplyError = ReplyError::fixed(
    "ERR The ID specified in XADD is equal or smaller than the target stream top item",
);
const TOO_BIG: ReplyError = ReplyError::fixed("ERR Elements are too large to be stored");

/// `XADD key [NOMKSTREAM] [MAXLEN|MINID [=|~] threshold [LIMIT count]] *|id field value [field
/// value …]`
pub fn xadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let options = Options::of_xadd(ctx, args)?;
    let pairs = args.get(options.id_arg + 1..).unwrap_or_default();
    if pairs.is_empty() || pairs.len() % 2 == 1 {
        return Err(ReplyError::wrong_arity("xadd"));
    }
    if options.id == Some(AddId::Exact(StreamId::MIN)) {
        return Err(ReplyError::fixed("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let key = args[1];
    let id = options.id.unwrap_or(AddId::Auto { now_ms: now_id_ms(ctx) });
    let limits = node_limits(&ctx.server.config);
    let stream = if options.no_mkstream {
        let Some(stream) = ctx.server.write::<Stream>(ctx.client.db, key)? else {
            ctx.client.reply.null();
            return Ok(());
        };
        stream
    } else {
        ctx.server.write_or_create(ctx.client.db, key, Stream::new)?
    };
    let log = stream.log_mut();
    if log.last_id == StreamId::MAX {
        return Err(EXHAUSTED);
    }
    let id = log.append(id, pairs, &limits).map_err(|error| match error {
        AppendError::NotAbove => NOT_ABOVE,
        AppendError::TooBig => TOO_BIG,
    })?;
    let removed = options.trim.map_or(0, |trim| log.trim(&trim));
    let exact = options.exact(log);
    reply_id(&mut ctx.client.reply, id);
    ctx.notify(NotifyFlags::STREAM, "xadd", key);
    if removed > 0 {
        ctx.notify(NotifyFlags::STREAM, "xtrim", key);
    }
    ctx.dirty(1);
    propagate_xadd(ctx, args, &options, exact.as_ref(), id);
    ctx.signal_modified(key);
    ctx.server.signal_key_as_ready(ctx.client.db, key);
    Ok(())
}

/// Others must add the same ID and trim to the same length.
fn propagate_xadd(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    options: &Options,
    exact: Option<&ExactTrim>,
    id: StreamId,
) {
    let id_is_told = matches!(options.id, Some(AddId::Exact(_)));
    if (id_is_told && exact.is_none()) || !ctx.propagates() {
        return;
    }
    let text = id.to_text();
    let mut argv = args.to_vec();
    if let Some(exact) = exact {
        exact.rewrite(&mut argv);
    }
    if !id_is_told {
        argv[options.id_arg] = &text;
    }
    ctx.propagate_as(&argv);
}

/// `XDEL key id [id …]`
pub fn xdel(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let key = args[1];
    let Some(stream) = ctx.write::<Stream>(key)? else {
        ctx.client.reply.int(0);
        return Ok(());
    };
    let deleted = stream.log_mut().delete(&ids::all(&args[2..])?);
    if deleted > 0 {
        ctx.changed(key, NotifyFlags::STREAM, "xdel", deleted);
    }
    ctx.client.reply.count(deleted);
    Ok(())
}

/// `XLEN key`
pub fn xlen(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let len = ctx.read::<Stream>(args[1])?.map_or(0, Stream::len);
    ctx.client.reply.count(len);
    Ok(())
}

/// `XSETID key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]`
pub fn xsetid(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let request = SetId::parse(args)?;
    let stream = ctx.write::<Stream>(args[1])?.ok_or(ReplyError::NO_SUCH_KEY)?;
    request.check(stream)?;
    let log = stream.log_mut();
    log.last_id = request.last;
    if let Some(added) = request.entries_added {
        log.entries_added = added;
    }
    if !request.max_deleted.is_zero() {
        log.max_deleted_id = request.max_deleted;
    }
    ctx.client.reply.ok();
    ctx.dirty(1);
    ctx.notify(NotifyFlags::STREAM, "xsetid", args[1]);
    Ok(())
}

struct SetId {
    last: StreamId,
    entries_added: Option<u64>,
    max_deleted: StreamId,
}

impl SetId {
    fn parse(args: Args<'_>) -> Result<SetId, ReplyError> {
        let last = ids::strict(args[2], 0)?;
        let mut request = SetId { last, entries_added: None, max_deleted: StreamId::MIN };
        let mut options = &args[3..];
        while let [option, value, rest @ ..] = options {
            if is_option(option, "entriesadded") {
                let error = ReplyError::fixed("ERR entries_added must be positive");
                request.entries_added = Some(u64::try_from(int(value)?).map_err(|_| error)?);
            } else if is_option(option, "maxdeletedid") {
                request.max_deleted = ids::strict(value, 0)?;
                if last < request.max_deleted {
                    return Err(ReplyError::fixed(
                        "ERR The ID specified in XSETID is smaller than the provided \
                         max_deleted_entry_id",
                    ));
                }
            } else {
                return Err(ReplyError::SYNTAX);
            }
            options = rest;
        }
        if options.is_empty() { Ok(request) } else { Err(ReplyError::SYNTAX) }
    }

    fn check(&self, stream: &Stream) -> Result<(), ReplyError> {
        let log = stream.log();
        if self.last < log.max_deleted_id {
            return Err(ReplyError::fixed(
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
            ));
        }
        if log.length() == 0 {
            return Ok(());
        }
        if log.last_entry_id().is_some_and(|top| self.last < top) {
            return Err(ReplyError::fixed(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if self.entries_added.is_some_and(|added| log.length() > added) {
            return Err(ReplyError::fixed(
                "ERR The entries_added specified in XSETID is smaller than the target stream \
                 length",
            ));
        }
        Ok(())
    }
}
