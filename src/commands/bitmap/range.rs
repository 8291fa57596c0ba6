//! BITCOUNT and BITPOS: questions about a range of a string, given in bytes or in bits.

use super::kernels::{count_ones, find_bit};
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};

/// A range as given: inclusive, negative numbers count from the end.
#[derive(Clone, Copy)]
struct Range {
    start: i64,
    end: i64,
    in_bits: bool,
}

const WHOLE: Range = Range { start: 0, end: -1, in_bits: false };

/// `BYTE` or `BIT`: true for the latter.
fn unit_is_bit(arg: &[u8]) -> Result<bool, ReplyError> {
    if is_option(arg, "bit") {
        Ok(true)
    } else if is_option(arg, "byte") {
        Ok(false)
    } else {
        Err(ReplyError::SYNTAX)
    }
}

impl Range {
    /// First and last bit within a string of `len` bytes; `None` if no bit is in the range.
    fn bits(&self, len: usize) -> Option<(usize, usize)> {
        let total = (len as i64) << if self.in_bits { 3 } else { 0 };
        let from_end = |i: i64| if i < 0 { (i + total).max(0) } else { i };
        let (start, end) = (from_end(self.start), from_end(self.end).min(total - 1));
        if start > end {
            return None;
        }
        let (start, end) = (start as usize, end as usize);
        Some(if self.in_bits { (start, end) } else { (start * 8, end * 8 + 7) })
    }
}

/// `BITCOUNT key [start end [BYTE|BIT]]`
pub fn bitcount(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let range = match args.len() {
        2 => WHOLE,
        4 | 5 => Range {
            start: int(args[2])?,
            end: int(args[3])?,
            in_bits: args.get(4).map_or(Ok(false), |unit| unit_is_bit(unit))?,
        },
        _ => return Err(ReplyError::SYNTAX),
    };
    let value = ctx.server.read_string(ctx.client.db, args[1])?;
    // Two ends before the beginning of the string would both come to stand on its first byte.
    let backwards = range.start < 0 && range.end < 0 && range.start > range.end;
    let count = value.filter(|_| !backwards).map_or(0, |value| {
        value.with_bytes(|bytes| match range.bits(bytes.len()) {
            Some((first, last)) => count_ones(bytes, first, last),
            None => 0,
        })
    });
    ctx.client.reply.int(count as i64);
    Ok(())
}

/// `BITPOS key bit [start [end [BYTE|BIT]]]`
pub fn bitpos(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let bit = match int(args[2])? {
        0 => false,
        1 => true,
        _ => return Err(ReplyError::fixed("ERR The bit argument must be 1 or 0.")),
    };
    let mut range = WHOLE;
    match args.len() {
        3 => {}
        4..=6 => {
            range.start = int(args[3])?;
            range.in_bits = args.get(5).map_or(Ok(false), |unit| unit_is_bit(unit))?;
            range.end = args.get(4).map_or(Ok(-1), |end| int(end))?;
        }
        _ => return Err(ReplyError::SYNTAX),
    }
    let open_ended = args.len() < 5;
    let pos = match ctx.server.read_string(ctx.client.db, args[1])? {
        // An endless row of zeros, whatever the range.
        None => (!bit).then_some(0),
        Some(value) => value.with_bytes(|bytes| {
            let (first, last) = range.bits(bytes.len())?;
            // Zeros follow the string, unless the range ends within it.
            let after = (open_ended && !bit).then_some(bytes.len() * 8);
            find_bit(bytes, bit, first, last).or(after)
        }),
    };
    ctx.client.reply.int(pos.map_or(-1, |pos| pos as i64));
    Ok(())
}
