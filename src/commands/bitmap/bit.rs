//! One bit: SETBIT, GETBIT, and the bit offsets of arguments.

use crate::commands::args::int_or;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::protocol::number::parse_i64;

/// A bit offset within the longest string that may be; `#n` counts in fields of `field_bits` bits
/// where the command knows fields.
pub fn bit_offset(ctx: &Ctx<'_>, arg: &[u8], field_bits: Option<u32>) -> Result<usize, ReplyError> {
    const OFFSET: ReplyError =
        ReplyError::fixed("ERR bit offset is not an integer or out of range");
    let (text, scale) = match (arg, field_bits) {
        ([b'#', index @ ..], Some(bits)) => (index, i64::from(bits)),
        _ => (arg, 1),
    };
    let offset = parse_i64(text).and_then(|offset| offset.checked_mul(scale)).ok_or(OFFSET)?;
    let offset = u64::try_from(offset).map_err(|_| OFFSET)?;
    if offset / 8 >= ctx.server.config.proto_max_bulk_len && !ctx.client.must_obey() {
        return Err(OFFSET);
    }
    usize::try_from(offset).map_err(|_| OFFSET)
}

/// `SETBIT key offset value`: replies the bit that was there.
pub fn setbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    const NOT_A_BIT: &str = "ERR bit is not an integer or out of range";
    let (db, key) = (ctx.client.db, args[1]);
    let offset = bit_offset(ctx, args[2], None)?;
    let on = match int_or(args[3], NOT_A_BIT)? {
        0 => false,
        1 => true,
        _ => return Err(ReplyError::fixed(NOT_A_BIT)),
    };
    let (at, mask) = (offset / 8, 0x80 >> (offset % 8));
    let (was, changed) = ctx.server.update_string(db, key, at + 1, |text| {
        let grows = text.len() <= at;
        text.grow_zeroed(at + 1);
        let byte = &mut text.as_mut_slice()[at];
        let was = *byte & mask != 0;
        *byte = if on { *byte | mask } else { *byte & !mask };
        (was, grows || was != on)
    })?;
    if changed {
        ctx.changed(key, NotifyFlags::STRING, "setbit", 1);
    }
    ctx.client.reply.flag(was);
    Ok(())
}

/// `GETBIT key offset`
pub fn getbit(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let offset = bit_offset(ctx, args[2], None)?;
    let value = ctx.server.read_string(ctx.client.db, args[1])?;
    let on = value.is_some_and(|value| {
        value.with_bytes(|bytes| {
            bytes.get(offset / 8).is_some_and(|byte| byte & (0x80 >> (offset % 8)) != 0)
        })
    });
    ctx.client.reply.flag(on);
    Ok(())
}
