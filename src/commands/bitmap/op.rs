//! BITOP: bitwise operations between whole strings.

use std::borrow::Cow;

use super::kernels::{Op, combine};
use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::db::Db;
use crate::storage::object::{StrRef, Value};

fn parse_op(name: &[u8]) -> Result<Op, ReplyError> {
    const OPS: [(&str, Op); 4] =
        [("and", Op::And), ("or", Op::Or), ("xor", Op::Xor), ("not", Op::Not)];
    let found = OPS.iter().find(|(text, _)| is_option(name, text));
    found.map(|(_, op)| *op).ok_or(ReplyError::SYNTAX)
}

/// `BITOP AND|OR|XOR|NOT destkey key [key …]`: replies the length of the result, which is that of
/// the longest operand; an empty result deletes the destination.
pub fn bitop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let op = parse_op(args[1])?;
    let (db, target, keys) = (ctx.client.db, args[2], &args[3..]);
    if op == Op::Not && keys.len() != 1 {
        let text = "ERR BITOP NOT must be called with a single source key.";
        return Err(ReplyError::fixed(text));
    }
    // Looked up one by one, as each look-up may expire its key; then read all together.
    let mut present = Vec::with_capacity(keys.len());
    for key in keys {
        let len = ctx.server.read_string(db, key)?.map(|value| value.len());
        present.push((*key, len));
    }
    let len = present.iter().filter_map(|(_, len)| *len).max().unwrap_or(0);
    if len > 0 {
        let storage = &ctx.server.keyspace.dbs[db];
        let operands: Vec<Cow<'_, [u8]>> = present
            .iter()
            .map(|(key, len)| len.map_or(Cow::Borrowed(&[][..]), |_| text(storage, key)))
            .collect();
        let result = combine(op, &operands, len);
        drop(operands);
        ctx.set_key(target, Value::from(result), false);
        ctx.notify(NotifyFlags::STRING, "set", target);
        ctx.dirty(1);
    } else if ctx.delete_key(target) {
        ctx.notify(NotifyFlags::GENERIC, "del", target);
        ctx.dirty(1);
    }
    ctx.client.reply.count(len);
    Ok(())
}

/// The text of a string that was found before.
fn text<'a>(db: &'a Db, key: &[u8]) -> Cow<'a, [u8]> {
    match db.find(key).and_then(|entry| entry.str_value()) {
        Some(StrRef::Bytes(bytes)) => Cow::Borrowed(bytes),
        Some(int) => Cow::Owned(int.to_vec()),
        // A later look-up of the same command met its expiry.
        None => Cow::Borrowed(&[]),
    }
}
