//! Ranges of scores and of byte strings, with the texts that clients write them in. Which error a
//! bad text gives is the command's business.
//!
//! Invariant: bounds are no NaN. A range may be empty.

use std::cmp::Ordering;

use crate::protocol::number::parse_score_bound;

/// A range of scores; either end may be exclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreRange {
    pub min: f64,
    pub max: f64,
    pub min_exclusive: bool,
    pub max_exclusive: bool,
}

impl ScoreRange {
    /// Reads `1.5`, `(1.5`, `-inf`; `None` if one of the two is no number.
    pub fn parse(min: &[u8], max: &[u8]) -> Option<ScoreRange> {
        let (min, min_exclusive) = parse_score(min)?;
        let (max, max_exclusive) = parse_score(max)?;
        Some(ScoreRange { min, max, min_exclusive, max_exclusive })
    }

    /// Whether a score is not before the range.
    #[inline]
    pub fn from_min(&self, score: f64) -> bool {
        if self.min_exclusive { score > self.min } else { score >= self.min }
    }

    /// Whether a score is not behind the range.
    #[inline]
    pub fn upto_max(&self, score: f64) -> bool {
        if self.max_exclusive { score < self.max } else { score <= self.max }
    }
}

fn parse_score(text: &[u8]) -> Option<(f64, bool)> {
    match text {
        [b'(', rest @ ..] => Some((parse_score_bound(rest)?, true)),
        text => Some((parse_score_bound(text)?, false)),
    }
}

/// One end of a range of byte strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// `-`: before every string.
    Min,
    /// `+`: behind every string.
    Max,
    /// `[text`
    Inclusive(&'a [u8]),
    /// `(text`
    Exclusive(&'a [u8]),
}

impl<'a> LexBound<'a> {
    /// `None` if the text is no bound. What follows a `-` or `+` and a NUL is not looked at, as in
    /// C.
    pub fn parse(text: &'a [u8]) -> Option<LexBound<'a>> {
        match text {
            [b'-'] | [b'-', 0, ..] => Some(LexBound::Min),
            [b'+'] | [b'+', 0, ..] => Some(LexBound::Max),
            [b'[', rest @ ..] => Some(LexBound::Inclusive(rest)),
            [b'(', rest @ ..] => Some(LexBound::Exclusive(rest)),
            _ => None,
        }
    }

    /// As lower bound: whether a string is within; `compare` compares it to a text.
    pub fn is_before(self, compare: impl FnOnce(&[u8]) -> Ordering) -> bool {
        match self {
            LexBound::Min => true,
            LexBound::Max => false,
            LexBound::Inclusive(text) => compare(text).is_ge(),
            LexBound::Exclusive(text) => compare(text).is_gt(),
        }
    }

    /// As upper bound: whether a string is within; `compare` compares it to a text.
    pub fn is_after(self, compare: impl FnOnce(&[u8]) -> Ordering) -> bool {
        match self {
            LexBound::Min => false,
            LexBound::Max => true,
            LexBound::Inclusive(text) => compare(text).is_le(),
            LexBound::Exclusive(text) => compare(text).is_lt(),
        }
    }
}

/// A range of byte strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LexRange<'a> {
    pub min: LexBound<'a>,
    pub max: LexBound<'a>,
}

impl<'a> LexRange<'a> {
    /// Reads `[a`, `(a`, `-`, `+`; `None` if one of the two is none of them.
    pub fn parse(min: &'a [u8], max: &'a [u8]) -> Option<LexRange<'a>> {
        Some(LexRange { min: LexBound::parse(min)?, max: LexBound::parse(max)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_and_their_exclusive_ends() {
        let range = ScoreRange::parse(b"(1", b"2.5").unwrap();
        assert!(!range.from_min(1.0) && range.from_min(1.1));
        assert!(range.upto_max(2.5) && !range.upto_max(2.6));
        assert_eq!(ScoreRange::parse(b"-inf", b"+inf").unwrap().max, f64::INFINITY);
        for bad in [&b"x"[..], b"nan", b"(x", b"((1", b"1 "] {
            assert_eq!(ScoreRange::parse(bad, b"1"), None);
            assert_eq!(ScoreRange::parse(b"1", bad), None);
        }
    }

    #[test]
    fn lex_bounds() {
        assert_eq!(LexBound::parse(b"[a"), Some(LexBound::Inclusive(b"a")));
        assert_eq!(LexBound::parse(b"("), Some(LexBound::Exclusive(b"")));
        for bad in [&b""[..], b"a", b"-x", b"+x", b"1"] {
            assert_eq!(LexBound::parse(bad), None);
        }
    }
}
