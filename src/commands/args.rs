//! `Args`: the arguments of one command, as slices of wherever the command came from (query buffer,
//! MULTI queue, script, AOF), and the parsers every family uses.

use std::ops::Deref;

use crate::protocol::error::ReplyError;
use crate::protocol::number;

/// argv, the command's name first.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a>(pub &'a [&'a [u8]]);

impl<'a> Deref for Args<'a> {
    type Target = [&'a [u8]];

    fn deref(&self) -> &Self::Target {
        self.0
    }
}

/// Runs `f` with borrowed arguments over owned ones.
pub fn with_owned<R>(argv: &[impl AsRef<[u8]>], f: impl FnOnce(Args<'_>) -> R) -> R {
    let slices: Vec<&[u8]> = argv.iter().map(AsRef::as_ref).collect();
    f(Args(&slices))
}

/// True if `arg` is the (upper- or lower-case) option `name`.
pub fn is_option(arg: &[u8], name: &str) -> bool {
    arg.eq_ignore_ascii_case(name.as_bytes())
}

/// A signed 64-bit integer, or "ERR value is not an integer or out of range".
pub fn int(arg: &[u8]) -> Result<i64, ReplyError> {
    number::parse_i64(arg).ok_or(ReplyError::NOT_INT)
}

/// As [`int`], with another error text (code included).
pub fn int_or(arg: &[u8], error: &'static str) -> Result<i64, ReplyError> {
    number::parse_i64(arg).ok_or(ReplyError::fixed(error))
}

/// An integer in a range; outside of it "ERR value is out of range, must be positive" if the range
/// starts at 0 or 1, else "ERR value is out of range".
pub fn int_in(arg: &[u8], min: i64, max: i64) -> Result<i64, ReplyError> {
    let n = int(arg)?;
    if (min..=max).contains(&n) {
        return Ok(n);
    }
    if (0..=1).contains(&min) && max == i64::MAX {
        return Err(ReplyError::MUST_BE_POSITIVE);
    }
    Err(ReplyError::VALUE_OUT_OF_RANGE)
}

/// A double, or "ERR value is not a valid float".
pub fn float(arg: &[u8]) -> Result<f64, ReplyError> {
    number::parse_f64(arg).ok_or(ReplyError::NOT_FLOAT)
}
