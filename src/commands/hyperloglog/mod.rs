//! The HyperLogLog commands: PFADD, PFCOUNT, PFMERGE, and PFDEBUG and PFSELFTEST for tests. What
//! the bytes of a HyperLogLog mean is `storage::types::hyperloglog`'s business.

mod debug;
mod table;

pub use debug::{pfdebug, pfselftest};
pub use table::COMMANDS;

use super::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::object::StrRef;
use crate::storage::types::hyperloglog::{self as hll, Corrupted, Encoding, Registers};

const NOT_HLL: ReplyError =
    ReplyError::fixed("WRONGTYPE Key is not a valid HyperLogLog string value.");

impl From<Corrupted> for ReplyError {
    fn from(_: Corrupted) -> ReplyError {
        ReplyError::fixed("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// The encoding of a string that is a HyperLogLog.
fn encoding(text: &StrRef<'_>) -> Result<Encoding, ReplyError> {
    text.with_bytes(hll::encoding).ok_or(NOT_HLL)
}

fn sparse_max(ctx: &Ctx<'_>) -> usize {
    usize::try_from(ctx.server.config.hll_sparse_max_bytes).unwrap_or(usize::MAX)
}

/// `PFADD key [element …]`: replies whether the key is new or a register changed.
pub fn pfadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key, max) = (ctx.client.db, args[1], sparse_max(ctx));
    let text = ctx.server.write_string(db, key)?;
    let is_new = text.is_none();
    match text {
        Some(text) => drop(encoding(&text)?),
        None => ctx.server.add_key(db, key, hll::new().into()),
    }
    let raised = ctx.server.edit_string(db, key, |text| {
        let mut raised = 0;
        for element in &args[2..] {
            raised += usize::from(hll::add(text, element, max)?);
        }
        if is_new {
            hll::invalidate(text.as_mut_slice());
        }
        Ok::<_, Corrupted>(raised)
    })?;
    let changes = raised + usize::from(is_new);
    if changes > 0 {
        ctx.changed(key, NotifyFlags::STRING, "pfadd", changes);
    }
    ctx.client.reply.flag(changes > 0);
    Ok(())
}

/// `PFCOUNT key [key …]`: the estimate for one key, which stays cached in it, or for the union.
pub fn pfcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key) = (ctx.client.db, args[1]);
    if args.len() > 2 {
        let mut union = Registers::new();
        for key in &args[1..] {
            merge_key(ctx, key, &mut union)?;
        }
        ctx.client.reply.int(union.count() as i64);
        return Ok(());
    }
    let Some(text) = ctx.server.read_string(db, key)? else {
        ctx.client.reply.int(0);
        return Ok(());
    };
    encoding(&text)?;
    let card = match text.with_bytes(hll::cached) {
        Some(card) => card,
        None => {
            let card = text.with_bytes(hll::count)?;
            ctx.server.edit_string(db, key, |text| hll::set_cached(text.as_mut_slice(), card));
            // A command that reads, but replicas and the AOF are to have the same bytes.
            ctx.signal_modified(key);
            ctx.dirty(1);
            card
        }
    };
    ctx.client.reply.int(card as i64);
    Ok(())
}

/// Merges the HyperLogLog at a key, if there is one; its encoding.
fn merge_key(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    into: &mut Registers,
) -> Result<Option<Encoding>, ReplyError> {
    let Some(text) = ctx.server.read_string(ctx.client.db, key)? else { return Ok(None) };
    let encoding = encoding(&text)?;
    text.with_bytes(|text| into.merge(text))?;
    Ok(Some(encoding))
}

/// `PFMERGE destkey [sourcekey …]`: the destination gets the union of all, itself included.
pub fn pfmerge(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key, max) = (ctx.client.db, args[1], sparse_max(ctx));
    let mut union = Registers::new();
    let mut dense = false;
    for source in &args[1..] {
        dense |= merge_key(ctx, source, &mut union)? == Some(Encoding::Dense);
    }
    if ctx.server.write_string(db, key)?.is_none() {
        ctx.server.add_key(db, key, hll::new().into());
    }
    ctx.server.edit_string(db, key, |text| hll::store(text, &union, dense, max));
    ctx.changed(key, NotifyFlags::STRING, "pfadd", 1);
    ctx.client.reply.ok();
    Ok(())
}
