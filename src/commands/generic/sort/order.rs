//! Numbers and texts in SORT's order.

use crate::protocol::number::{parse_f64_prefix, parse_i64};
use crate::sys::locale;
use std::cmp::Ordering;

/// Integers of so many characters are doubles without rounding.
const EXACT_DIGITS: usize = 15;

/// The number that a weight is; empty is 0. `None` if it is none (or is NaN, or overflows).
pub(super) fn score(text: &[u8]) -> Option<f64> {
    // Most are short integers.
    if text.len() <= EXACT_DIGITS
        && let Some(int) = parse_i64(text)
    {
        return Some(int as f64);
    }
    // As C reads a string: to the first zero byte.
    let text = text.split(|&b| b == 0).next().unwrap_or_default();
    if text.is_empty() {
        return Some(0.0);
    }
    let (value, len) = parse_f64_prefix(text);
    let overflow = value.is_infinite() && text.iter().any(u8::is_ascii_digit);
    (len == text.len() && !value.is_nan() && !overflow).then_some(value)
}

/// How texts compare.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Collation {
    Bytes,
    /// By the locale that `locale-collate` chose.
    Locale,
}

impl Collation {
    /// The locale's, or the plain one if that is the same for C strings.
    pub fn of_locale() -> Collation {
        if locale::collates_bytewise() { Collation::Bytes } else { Collation::Locale }
    }

    pub fn compare(self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Collation::Bytes => a.cmp(b),
            Collation::Locale => locale::collate(a, b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_what_is_none() {
        assert_eq!(score(b""), Some(0.0));
        assert_eq!(score(b"-1.5e3"), Some(-1500.0));
        assert_eq!(score(b"inf"), Some(f64::INFINITY));
        assert_eq!(score(b"12\0x"), Some(12.0));
        for none in [&b"nan"[..], b"1x", b" 1", b"x", b"1e999"] {
            assert_eq!(score(none), None, "{none:?}");
        }
    }
}
