//! Which members a range command means: parsing of ZRANGE and its relatives, and the resolution to
//! a range of ranks. What happens to those members is the command's business.
//!
//! Invariant: a resolved range lies within the length of the set.

use std::ops::Range;

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, ReplyError};
use crate::storage::types::zset::{LexRange, ScoreRange, ZSet};

/// What the two bounds are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Rank,
    Score,
    Lex,
}

/// The two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bounds<'a> {
    /// First and last rank; negative ones count from the end.
    Rank(i64, i64),
    Score(ScoreRange),
    Lex(LexRange<'a>),
}

impl<'a> Bounds<'a> {
    pub fn parse(by: By, min: &'a [u8], max: &'a [u8]) -> Result<Bounds<'a>, ReplyError> {
        match by {
            By::Rank => Ok(Bounds::Rank(int(min)?, int(max)?)),
            By::Score => ScoreRange::parse(min, max)
                .map(Bounds::Score)
                .ok_or(ReplyError::fixed("ERR min or max is not a float")),
            By::Lex => LexRange::parse(min, max)
                .map(Bounds::Lex)
                .ok_or(ReplyError::fixed("ERR min or max not valid string range item")),
        }
    }

    /// The ranks of the members meant; ranks count from the greatest member if `reverse`, but the
    /// result always from the smallest.
    pub fn ranks(&self, zset: &ZSet, reverse: bool) -> Range<usize> {
        match self {
            Bounds::Rank(start, stop) => rank_range(*start, *stop, zset.len(), reverse),
            Bounds::Score(range) => zset.score_ranks(range),
            Bounds::Lex(range) => zset.lex_ranks(range, reverse),
        }
    }
}

fn rank_range(start: i64, stop: i64, len: usize, reverse: bool) -> Range<usize> {
    let total = len as i64;
    let from_start = |rank: i64| if rank < 0 { total.saturating_add(rank) } else { rank };
    let start = from_start(start).max(0);
    let stop = from_start(stop).min(total - 1);
    if start > stop {
        return 0..0;
    }
    let (start, end) = (start as usize, stop as usize + 1);
    if reverse { len - end..len - start } else { start..end }
}

/// A parsed ZRANGE, ZRANGESTORE or relative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Query<'a> {
    bounds: Bounds<'a>,
    pub reverse: bool,
    pub with_scores: bool,
    /// Members to pass over, and how many to take then; negative: all.
    offset: i64,
    limit: i64,
}

/// What a command's name fixes; `None` is left to the options.
#[derive(Clone, Copy, Default)]
pub struct Fixed {
    pub by: Option<By>,
    pub reverse: Option<bool>,
    /// ZRANGESTORE knows no WITHSCORES.
    pub store: bool,
}

impl<'a> Query<'a> {
    /// Parses `min max [options …]`.
    pub fn parse(args: &[&'a [u8]], fixed: Fixed) -> Result<Query<'a>, ReplyError> {
        let (mut by, mut reverse) = (fixed.by, fixed.reverse);
        let mut with_scores = false;
        let (mut offset, mut limit) = (0, -1);
        let mut at = 2;
        while let Some(arg) = args.get(at) {
            match () {
                () if !fixed.store && is_option(arg, "withscores") => with_scores = true,
                () if is_option(arg, "limit") && args.len() > at + 2 => {
                    (offset, limit) = (int(args[at + 1])?, int(args[at + 2])?);
                    at += 2;
                }
                () if fixed.reverse.is_none() && is_option(arg, "rev") => reverse = Some(true),
                // Once chosen, another choice is an error.
                () if by.is_none() && is_option(arg, "bylex") => by = Some(By::Lex),
                () if by.is_none() && is_option(arg, "byscore") => by = Some(By::Score),
                () => return Err(ReplyError::SYNTAX),
            }
            at += 1;
        }
        let (by, reverse) = (by.unwrap_or(By::Rank), reverse.unwrap_or(false));
        check(by, limit, with_scores)?;
        let (min, max) =
            if reverse && by != By::Rank { (args[1], args[0]) } else { (args[0], args[1]) };
        let bounds = Bounds::parse(by, min, max)?;
        Ok(Query { bounds, reverse, with_scores, offset, limit })
    }

    /// The ranks of the members meant, LIMIT applied.
    pub fn ranks(&self, zset: &ZSet) -> Range<usize> {
        let Range { start, end } = self.bounds.ranks(zset, self.reverse);
        if let Bounds::Rank(..) = self.bounds {
            return start..end;
        }
        // A negative offset leaves nothing.
        let offset = usize::try_from(self.offset).unwrap_or(usize::MAX).min(end - start);
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX).min(end - start - offset);
        if self.reverse {
            end - offset - limit..end - offset
        } else {
            start + offset..start + offset + limit
        }
    }
}

fn check(by: By, limit: i64, with_scores: bool) -> CmdResult {
    if limit != -1 && by == By::Rank {
        return Err(ReplyError::fixed(
            "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ));
    }
    if with_scores && by == By::Lex {
        return Err(ReplyError::fixed(
            "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ));
    }
    Ok(())
}

/// Parses the bounds of a command that has no options: `key min max`.
pub fn plain_bounds<'a>(args: Args<'a>, by: By) -> Result<Bounds<'a>, ReplyError> {
    Bounds::parse(by, args[2], args[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse<'a>(args: &[&'a str], fixed: Fixed) -> Result<Query<'a>, ReplyError> {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        Query::parse(&args, fixed)
    }

    #[test]
    fn ranks_from_either_end() {
        let cases = [
            ((0, -1), 0..5, 0..5),
            ((1, 2), 1..3, 2..4),
            ((-2, -1), 3..5, 0..2),
            ((-100, 100), 0..5, 0..5),
            ((3, 1), 0..0, 0..0),
            ((5, 9), 0..0, 0..0),
            ((0, -6), 0..0, 0..0),
            ((i64::MIN, i64::MAX), 0..5, 0..5),
        ];
        for ((start, stop), forward, backward) in cases {
            assert_eq!(rank_range(start, stop, 5, false), forward, "{start} {stop}");
            assert_eq!(rank_range(start, stop, 5, true), backward, "{start} {stop} REV");
        }
        assert_eq!(rank_range(0, -1, 0, false), 0..0);
    }

    #[test]
    fn options_and_their_errors() {
        let auto = Fixed::default();
        assert!(parse(&["0", "-1", "WITHSCORES", "rev"], auto).unwrap().reverse);
        assert!(parse(&["(1", "2", "byscore", "limit", "0", "1"], auto).is_ok());
        assert_eq!(parse(&["0", "1", "byscore", "bylex"], auto), Err(ReplyError::SYNTAX));
        assert_eq!(parse(&["0", "1", "limit", "1"], auto), Err(ReplyError::SYNTAX));
        assert_eq!(parse(&["0", "1", "limit", "1", "x"], auto), Err(ReplyError::NOT_INT));
        let store = Fixed { store: true, ..auto };
        assert_eq!(parse(&["0", "1", "withscores"], store), Err(ReplyError::SYNTAX));
        for (args, start) in [
            (vec!["0", "1", "limit", "0", "1"], "ERR syntax error, LIMIT"),
            (vec!["-", "+", "bylex", "withscores"], "ERR syntax error, WITHSCORES"),
            (vec!["a", "1", "byscore"], "ERR min or max is not a float"),
            (vec!["a", "+", "bylex"], "ERR min or max not valid string range item"),
        ] {
            let error = parse(&args, auto).unwrap_err();
            assert!(error.text().starts_with(start.as_bytes()), "{args:?}");
        }
    }
}
