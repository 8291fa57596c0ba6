//! What HSCAN, SSCAN and ZSCAN share: the cursor argument, the options, and the bounds of one call.
//!
//! Not the walking, which is the value's. Invariant: one call looks at no more than
//! `max_iterations` buckets, however empty the table is.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, ReplyError};
use crate::protocol::number::parse_u64;
use crate::util::glob::string_match;

/// Elements asked for if COUNT is not given.
const DEFAULT_COUNT: u64 = 10;
/// Buckets looked at in one call, for each element asked for: bounds the work in a sparse table.
const BUCKETS_PER_ELEMENT: u64 = 10;

/// The cursor argument of any SCAN.
///
/// # Errors
/// "ERR invalid cursor"
pub fn parse_cursor(arg: &[u8]) -> Result<u64, ReplyError> {
    parse_u64(arg).ok_or(ReplyError::fixed("ERR invalid cursor"))
}

/// Which options are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScanOf {
    Hash,
    Set,
    SortedSet,
}

/// The options of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScanOptions<'a> {
    /// MATCH; `None` = everything.
    pub pattern: Option<&'a [u8]>,
    /// COUNT: elements to look at before the call ends, at least one.
    pub count: u64,
    /// NOVALUES.
    pub no_values: bool,
}

impl<'a> ScanOptions<'a> {
    /// Parses from argument `from` on.
    ///
    /// # Errors
    /// Syntax errors, and NOVALUES where it is not allowed.
    pub fn parse(args: Args<'a>, from: usize, of: ScanOf) -> Result<Self, ReplyError> {
        let mut options = ScanOptions { pattern: None, count: DEFAULT_COUNT, no_values: false };
        let mut rest = args[from..].iter().copied();
        while let Some(name) = rest.next() {
            if is_option(name, "novalues") {
                if of != ScanOf::Hash {
                    let text = "ERR NOVALUES option can only be used in HSCAN";
                    return Err(ReplyError::fixed(text));
                }
                options.no_values = true;
                continue;
            }
            let value = rest.next().ok_or(ReplyError::SYNTAX)?;
            if is_option(name, "count") {
                let count = int(value)?;
                options.count = u64::try_from(count).map_err(|_| ReplyError::SYNTAX)?;
                if count == 0 {
                    return Err(ReplyError::SYNTAX);
                }
            } else if is_option(name, "match") {
                options.pattern = (value != b"*").then_some(value);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }

    /// Buckets that one call may look at.
    pub fn max_iterations(&self) -> u64 {
        self.count.saturating_mul(BUCKETS_PER_ELEMENT)
    }

    /// Whether MATCH lets the element through.
    pub fn matches(&self, element: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| string_match(pattern, element, false))
    }

    /// Calls `step` (from one cursor to the next, adding to the number of elements looked at) as
    /// often as one call of the command does; returns the cursor to reply.
    pub fn run(&self, mut cursor: u64, mut step: impl FnMut(u64, &mut u64) -> u64) -> u64 {
        let mut seen = 0;
        let mut left = self.max_iterations();
        loop {
            cursor = step(cursor, &mut seen);
            if cursor == 0 || left == 0 || seen >= self.count {
                return cursor;
            }
            left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(args: &'a [&'a [u8]], of: ScanOf) -> Result<ScanOptions<'a>, ReplyError> {
        ScanOptions::parse(Args(args), 0, of)
    }

    #[test]
    fn options_in_any_order_and_case() {
        let all: &[&[u8]] = &[b"Match", b"a*", b"COUNT", b"7", b"novalues"];
        let expected = ScanOptions { pattern: Some(b"a*"), count: 7, no_values: true };
        assert_eq!(parse(all, ScanOf::Hash), Ok(expected));
        assert_eq!(parse(&[b"match", b"*"], ScanOf::Set).map(|o| o.pattern), Ok(None));
    }

    #[test]
    fn errors() {
        assert_eq!(parse(&[b"count", b"0"], ScanOf::Set), Err(ReplyError::SYNTAX));
        assert_eq!(parse(&[b"count", b"-1"], ScanOf::Set), Err(ReplyError::SYNTAX));
        assert_eq!(parse(&[b"count", b"x"], ScanOf::Set), Err(ReplyError::NOT_INT));
        assert_eq!(parse(&[b"count"], ScanOf::Set), Err(ReplyError::SYNTAX));
        assert_eq!(parse(&[b"type", b"set"], ScanOf::Set), Err(ReplyError::SYNTAX));
        assert!(parse(&[b"novalues"], ScanOf::SortedSet).is_err());
        assert!(parse_cursor(b"x").is_err());
        assert_eq!(parse_cursor(b"18446744073709551615"), Ok(u64::MAX));
    }

    #[test]
    fn a_call_ends_after_count_elements_or_too_many_empty_buckets() {
        let options = ScanOptions { pattern: None, count: 5, no_values: false };
        let full = options.run(0, |cursor, seen| {
            *seen += 2;
            cursor + 1
        });
        assert_eq!(full, 3);
        assert_eq!(options.run(0, |cursor, _| cursor + 1), 51);
        assert_eq!(options.run(9, |_, _| 0), 0);
    }
}
