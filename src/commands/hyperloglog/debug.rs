//! PFDEBUG and PFSELFTEST: what tests ask of the representation of HyperLogLogs.

use std::fmt::Write;

use super::{Corrupted, encoding, sparse_max};
use crate::commands::args::is_option;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::storage::types::hyperloglog::{self as hll, Encoding, REGISTERS, Registers};

/// `PFDEBUG GETREG|DECODE|ENCODING|TODENSE key`
pub fn pfdebug(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, what, key) = (ctx.client.db, args[1], args[2]);
    let Some(text) = ctx.server.write_string(db, key)? else {
        return Err(ReplyError::err("The specified key does not exist"));
    };
    let encoding = encoding(&text)?;
    if is_option(what, "getreg") {
        let mut registers = Registers::new();
        text.with_bytes(|text| registers.merge(text))?;
        make_dense(ctx, key)?;
        ctx.client.reply.array(REGISTERS);
        for register in registers.as_slice() {
            ctx.client.reply.int(i64::from(*register));
        }
    } else if is_option(what, "decode") {
        if encoding != Encoding::Sparse {
            return Err(ReplyError::err("HLL encoding is not sparse"));
        }
        let decoded = text.with_bytes(decode);
        ctx.client.reply.bulk_str(decoded.trim_end());
    } else if is_option(what, "encoding") {
        ctx.client.reply.simple(encoding.name());
    } else if is_option(what, "todense") {
        let converted = make_dense(ctx, key)?;
        ctx.client.reply.flag(converted);
    } else {
        let mut error = b"Unknown PFDEBUG subcommand '".to_vec();
        error.extend_from_slice(what);
        error.push(b'\'');
        return Err(ReplyError::err(error));
    }
    Ok(())
}

/// A conversion counts as a change, so that replicas convert, too.
fn make_dense(ctx: &mut Ctx<'_>, key: &[u8]) -> Result<bool, Corrupted> {
    let converted = ctx.server.edit_string(ctx.client.db, key, hll::to_dense)?;
    ctx.dirty(usize::from(converted));
    Ok(converted)
}

/// The runs as `z:len`, `Z:len` (zeros, short and long form) and `v:value,len`.
fn decode(text: &[u8]) -> String {
    let mut out = String::new();
    for run in hll::runs(text) {
        let written = match (run.value, run.long) {
            (0, false) => write!(out, "z:{} ", run.len),
            (0, true) => write!(out, "Z:{} ", run.len),
            (value, _) => write!(out, "v:{value},{} ", run.len),
        };
        written.expect("a String takes all");
    }
    out
}

/// How often the registers are written and read back.
const CYCLES: usize = 1000;
/// Elements of the test of the estimate.
const ELEMENTS: u64 = 10_000_000;

/// `PFSELFTEST`: packed registers keep their values, both forms agree, and the estimate is as near
/// as the theory says.
pub fn pfselftest(ctx: &mut Ctx<'_>, _args: Args<'_>) -> CmdResult {
    hll::test_registers(CYCLES).map_err(|(idx, want, got)| {
        let text = format!("TESTFAILED Register {idx} should be {want} but is {got}");
        ReplyError::err(text)
    })?;
    test_estimate(sparse_max(ctx)).map_err(ReplyError::err)?;
    ctx.client.reply.ok();
    Ok(())
}

fn test_estimate(sparse_max: usize) -> Result<(), String> {
    let (mut dense, mut text) = (hll::new(), hll::new());
    hll::to_dense(&mut dense).map_err(|_| "TESTFAILED corrupted")?;
    let standard_error = 1.04 / (REGISTERS as f64).sqrt();
    let seed = fastrand::u64(..);
    let mut checkpoint = 1;
    for n in 1..=ELEMENTS {
        let element = (n ^ seed).to_le_bytes();
        for text in [&mut dense, &mut text] {
            hll::add(text, &element, sparse_max).map_err(|_| "TESTFAILED corrupted")?;
        }
        if n != checkpoint {
            continue;
        }
        let is_sparse = hll::encoding(text.as_slice()) == Some(Encoding::Sparse);
        if n < sparse_max as u64 / 2 && !is_sparse {
            return Err("TESTFAILED sparse encoding not used".into());
        }
        let card = hll::count(dense.as_slice()).map_err(|_| "TESTFAILED corrupted")?;
        if hll::count(text.as_slice()) != Ok(card) {
            return Err("TESTFAILED dense/sparse disagree".into());
        }
        // One collision in ten elements is likely enough to be allowed.
        let most = if n == 10 { 1 } else { (standard_error * 6.0 * n as f64).ceil() as u64 };
        if card.abs_diff(n) > most {
            let by = card.abs_diff(n);
            return Err(format!("TESTFAILED Too big error. card:{n} abserr:{by}"));
        }
        checkpoint *= 10;
    }
    Ok(())
}
