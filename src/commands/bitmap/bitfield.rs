//! BITFIELD: a string as an array of integers of any width.

use super::bit::bit_offset;
use super::integer::{IntType, Overflow};
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::protocol::reply::Reply;

#[derive(Clone, Copy)]
enum Action {
    Get,
    Set(i64, Overflow),
    IncrBy(i64, Overflow),
}

/// One GET, SET or INCRBY.
struct Op {
    int: IntType,
    /// First bit.
    offset: usize,
    action: Action,
}

fn parse_overflow(name: &[u8]) -> Result<Overflow, ReplyError> {
    if is_option(name, "wrap") {
        Ok(Overflow::Wrap)
    } else if is_option(name, "sat") {
        Ok(Overflow::Saturate)
    } else if is_option(name, "fail") {
        Ok(Overflow::Fail)
    } else {
        Err(ReplyError::fixed("ERR Invalid OVERFLOW type specified"))
    }
}

fn parse_ops(ctx: &Ctx<'_>, args: Args<'_>) -> Result<Vec<Op>, ReplyError> {
    const TYPE: ReplyError = ReplyError::fixed(
        "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but \
         i64 is.",
    );
    let mut ops = Vec::new();
    let mut overflow = Overflow::Wrap;
    let mut rest = &args[2..];
    while let [name, following @ ..] = rest {
        let set = is_option(name, "set");
        match following {
            [kind, after @ ..] if is_option(name, "overflow") => {
                overflow = parse_overflow(kind)?;
                rest = after;
            }
            [kind, at, after @ ..] if is_option(name, "get") => {
                let kind = IntType::parse(kind).ok_or(TYPE)?;
                let offset = bit_offset(ctx, at, Some(kind.bits))?;
                ops.push(Op { int: kind, offset, action: Action::Get });
                rest = after;
            }
            [kind, at, value, after @ ..] if set || is_option(name, "incrby") => {
                let kind = IntType::parse(kind).ok_or(TYPE)?;
                let offset = bit_offset(ctx, at, Some(kind.bits))?;
                let value = int(value)?;
                let action = match set {
                    true => Action::Set(value, overflow),
                    false => Action::IncrBy(value, overflow),
                };
                ops.push(Op { int: kind, offset, action });
                rest = after;
            }
            _ => return Err(ReplyError::SYNTAX),
        }
    }
    Ok(ops)
}

/// Length that a string needs for all integers that are written; 0 if none is.
fn bytes_written(ops: &[Op]) -> usize {
    let written = ops.iter().filter(|op| !matches!(op.action, Action::Get));
    written.map(|op| (op.offset + op.int.bits as usize).div_ceil(8)).max().unwrap_or(0)
}

/// `BITFIELD key [GET type offset | [OVERFLOW how] SET|INCRBY type offset value …]`
pub fn bitfield(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let ops = parse_ops(ctx, args)?;
    match bytes_written(&ops) {
        0 => read(ctx, args[1], &ops),
        len => write(ctx, args[1], &ops, len),
    }
}

/// `BITFIELD_RO key [GET type offset …]`
pub fn bitfield_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let ops = parse_ops(ctx, args)?;
    if bytes_written(&ops) > 0 {
        return Err(ReplyError::fixed("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    read(ctx, args[1], &ops)
}

fn read(ctx: &mut Ctx<'_>, key: &[u8], ops: &[Op]) -> CmdResult {
    let Ctx { server, client } = ctx;
    let mut reply_all = |bytes: &[u8]| {
        client.reply.array(ops.len());
        for op in ops {
            client.reply.int(op.int.get(bytes, op.offset));
        }
    };
    match server.read_string(client.db, key)? {
        Some(value) => value.with_bytes(reply_all),
        None => reply_all(&[]),
    }
    Ok(())
}

/// Makes the string `len` bytes long and runs all operations on it. Failed operations do not keep
/// it from growing, but only successful ones count as changes.
fn write(ctx: &mut Ctx<'_>, key: &[u8], ops: &[Op], len: usize) -> CmdResult {
    let Ctx { server, client } = ctx;
    let changes = server.update_string(client.db, key, len, |text| {
        let grows = text.len() < len;
        text.grow_zeroed(len);
        client.reply.array(ops.len());
        let bytes = text.as_mut_slice();
        ops.iter().filter(|op| op.run(bytes, grows, &mut client.reply)).count()
    })?;
    if changes > 0 {
        ctx.changed(key, NotifyFlags::STRING, "setbit", changes);
    }
    Ok(())
}

impl Op {
    /// Replies; true if it counts as a change, which in a string that has just grown every
    /// successful write does.
    fn run(&self, bytes: &mut [u8], grown: bool, reply: &mut Reply) -> bool {
        let old = self.int.get(bytes, self.offset);
        let (new, shown) = match self.action {
            Action::Get => {
                reply.int(old);
                return false;
            }
            Action::Set(value, overflow) => (self.int.fit(value, overflow), Some(old)),
            Action::IncrBy(increment, overflow) => {
                let new = self.int.add(old, increment, overflow);
                (new, new)
            }
        };
        let (Some(new), Some(shown)) = (new, shown) else {
            reply.null();
            return false;
        };
        self.int.set(bytes, self.offset, new);
        reply.int(shown);
        grown || new != old
    }
}
