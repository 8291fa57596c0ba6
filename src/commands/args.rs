//! `Args`: the arguments of one command, as slices of wherever the command came from (query buffer,
//! MULTI queue, script, AOF), and the parsers every family uses.

use std::ops::Deref;

use crate::protocol::error::ReplyError;
use crate::protocol::number;
use crate::util::f80::F80;

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

/// An integer from `min` up; for anything else the given error text (code included).
pub fn int_from(arg: &[u8], min: i64, error: &'static str) -> Result<i64, ReplyError> {
    let n = number::parse_i64(arg).filter(|n| *n >= min);
    n.ok_or(ReplyError::fixed(error))
}

/// An integer whose negation is one, too (a count or rank whose sign says the direction).
pub fn int_with_sign(arg: &[u8]) -> Result<i64, ReplyError> {
    match int(arg)? {
        i64::MIN => Err(ReplyError::fixed(
            "ERR value is out of range, value must between -9223372036854775807 and \
             9223372036854775807",
        )),
        n => Ok(n),
    }
}

/// A count that is not negative; "ERR value is out of range, must be positive" for anything else.
pub fn positive(arg: &[u8]) -> Result<usize, ReplyError> {
    let n = number::parse_i64(arg).and_then(|n| usize::try_from(n).ok());
    n.ok_or(ReplyError::MUST_BE_POSITIVE)
}

/// A double, or "ERR value is not a valid float".
pub fn float(arg: &[u8]) -> Result<f64, ReplyError> {
    number::parse_f64(arg).ok_or(ReplyError::NOT_FLOAT)
}

/// The timeout of a blocking command, in seconds with a fraction, as the absolute time at which it
/// ends (ms since the epoch); 0 = never. A part of a millisecond counts as a whole one.
pub fn timeout(arg: &[u8], now_ms: i64) -> Result<i64, ReplyError> {
    let seconds = match number::parse_i64(arg) {
        Some(seconds) => seconds as f64,
        None => {
            let exact = F80::parse(arg).ok_or(ReplyError::TIMEOUT_NOT_FLOAT)?;
            number::parse_f64_prefix(&exact.to_human()).0
        }
    };
    let ms = (seconds * 1000.0).ceil();
    // 2^63, the first double above every i64.
    if ms >= i64::MAX as f64 {
        return Err(ReplyError::TIMEOUT_RANGE);
    }
    match ms as i64 {
        0 => Ok(0),
        ms if ms < 0 => Err(ReplyError::TIMEOUT_NEGATIVE),
        ms => now_ms.checked_add(ms).ok_or(ReplyError::TIMEOUT_RANGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_absolute_and_rounded_up() {
        assert_eq!(timeout(b"0", 1000), Ok(0));
        assert_eq!(timeout(b"0.0", 1000), Ok(0));
        assert_eq!(timeout(b"inf", 1000), Err(ReplyError::TIMEOUT_RANGE));
        assert_eq!(timeout(b"-0.0015", 1000), Err(ReplyError::TIMEOUT_NEGATIVE));
        assert_eq!(timeout(b"1.5", 1000), Ok(2500));
        assert_eq!(timeout(b"0.0001", 1000), Ok(1001));
        assert_eq!(timeout(b"-1", 1000), Err(ReplyError::TIMEOUT_NEGATIVE));
        assert_eq!(timeout(b"0x10", 1000), Ok(17_000));
        assert_eq!(timeout(b"0x7FFFFFFFFFFFFFFF", 1000), Err(ReplyError::TIMEOUT_RANGE));
        assert_eq!(timeout(b"9223372036854775", i64::MAX - 5), Err(ReplyError::TIMEOUT_RANGE));
        for text in ["", "x", "1 ", "nan"] {
            assert_eq!(timeout(text.as_bytes(), 1000), Err(ReplyError::TIMEOUT_NOT_FLOAT));
        }
    }
}
