//! The list commands. A list that becomes empty is deleted with its key, so the commands never see
//! an empty one.

mod blocking;
mod lmove;
mod pop;
mod push;
mod read;
pub mod table;

pub use blocking::{blmove, blmpop, blpop, brpop, brpoplpush};
pub use lmove::{lmove, rpoplpush};
pub use pop::{lmpop, lpop, lrem, ltrim, rpop};
pub use push::{linsert, lpush, lpushx, lset, rpush, rpushx};
pub use read::{lindex, llen, lpos, lrange};
pub use table::COMMANDS;

use super::args::is_option;
use super::{Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::types::list::ListEnd;

/// `LEFT` or `RIGHT`.
fn parse_end(arg: &[u8]) -> Result<ListEnd, ReplyError> {
    if is_option(arg, "left") {
        Ok(ListEnd::Head)
    } else if is_option(arg, "right") {
        Ok(ListEnd::Tail)
    } else {
        Err(ReplyError::SYNTAX)
    }
}

/// The event of a push, or the command that does it, at an end.
fn push_event(end: ListEnd) -> &'static str {
    match end {
        ListEnd::Head => "lpush",
        ListEnd::Tail => "rpush",
    }
}

/// The command that pops at an end, as it is propagated.
fn pop_command(end: ListEnd) -> &'static [u8] {
    match end {
        ListEnd::Head => b"LPOP",
        ListEnd::Tail => b"RPOP",
    }
}

/// `count` elements were taken from an end and `left` are left: notifies, deletes an empty list,
/// signals and counts.
fn elements_popped(ctx: &mut Ctx<'_>, key: &[u8], end: ListEnd, left: usize, count: usize) {
    let event = match end {
        ListEnd::Head => "lpop",
        ListEnd::Tail => "rpop",
    };
    elements_removed(ctx, key, event, left, count);
}

/// As [`elements_popped`], whatever removed them.
fn elements_removed(ctx: &mut Ctx<'_>, key: &[u8], event: &str, left: usize, count: usize) {
    ctx.notify(NotifyFlags::LIST, event, key);
    if !ctx.delete_if_empty(key, left) {
        ctx.signal_modified(key);
    }
    ctx.dirty(count);
}
