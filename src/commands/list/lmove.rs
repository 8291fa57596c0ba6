//! From one list to another: LMOVE, RPOPLPUSH.

use super::{elements_popped, parse_end, push_event};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::types::list::{List, ListEnd, ListItem};

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`
pub fn lmove(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let ends = (parse_end(args[3])?, parse_end(args[4])?);
    if !move_element(ctx, args[1], args[2], ends)? {
        ctx.client.reply.null();
    }
    Ok(())
}

/// `RPOPLPUSH source destination`
pub fn rpoplpush(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if !move_element(ctx, args[1], args[2], (ListEnd::Tail, ListEnd::Head))? {
        ctx.client.reply.null();
    }
    Ok(())
}

/// Moves an element between the ends given (from, to) and replies it; false if there is no source.
pub(super) fn move_element(
    ctx: &mut Ctx<'_>,
    source: &[u8],
    destination: &[u8],
    (from, to): (ListEnd, ListEnd),
) -> Result<bool, ReplyError> {
    let limits = ctx.server.list_limits();
    if ctx.write::<List>(source)?.is_none() {
        return Ok(false);
    }
    ctx.write::<List>(destination)?;
    let same = source == destination;
    let Some(list) = ctx.write::<List>(source)? else { return Ok(false) };
    let item = if same { list.rotate(from, to, &limits) } else { list.pop_no_convert(from) };
    // Only a list loaded from a damaged file is empty.
    let Some(item) = item else { return Ok(false) };
    if !same {
        push_item(ctx, destination, &item, to)?;
    }
    ctx.signal_modified(destination);
    ctx.notify(NotifyFlags::LIST, push_event(to), destination);
    bulk_value(&mut ctx.client.reply, item.as_value());
    let Some(list) = ctx.db().find_mut(source).and_then(|entry| entry.into_mut::<List>()) else {
        return Ok(true);
    };
    let left = list.len();
    if left > 0 {
        list.try_convert_shrunk(&limits);
    }
    elements_popped(ctx, source, from, left, 1);
    Ok(true)
}

fn push_item(ctx: &mut Ctx<'_>, key: &[u8], item: &ListItem, end: ListEnd) -> CmdResult {
    let limits = ctx.server.list_limits();
    let value = item.as_value();
    let mut digits = itoa::Buffer::new();
    ctx.write_or_create(key, List::new)?.push(end, value.as_bytes(&mut digits), &limits);
    Ok(())
}
