//! ZUNION, ZINTER, ZDIFF, their STORE forms and ZINTERCARD.
//!
//! Results are gathered unsorted and sorted once at the end. Each combination is O(N) look-ups in
//! the inputs plus the sort.

use super::range::store;
use super::source::{Source, check_keys};
use super::{limits, reply_header, reply_item};
use crate::commands::args::{int, int_or, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_f64;
use crate::storage::types::zset::{LpValue, MemberSums, Members, Score, ZSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Union,
    Inter,
    Diff,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Sum,
    Min,
    Max,
}

impl Aggregate {
    #[inline]
    fn of(self, a: f64, b: f64) -> f64 {
        match self {
            Aggregate::Sum => not_nan(a + b),
            Aggregate::Min => {
                if b < a {
                    b
                } else {
                    a
                }
            }
            Aggregate::Max => {
                if b > a {
                    b
                } else {
                    a
                }
            }
        }
    }
}

/// By convention the sum of opposite infinities, and an infinity weighted with 0, is 0.
#[inline]
fn not_nan(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What the command's name says.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    op: Op,
    /// argv has a destination in front.
    store: bool,
    /// Only the number of members is wanted.
    cardinality: bool,
}

const fn kind(name: &'static str, op: Op, store: bool) -> Kind {
    Kind { name, op, store, cardinality: false }
}

/// `ZUNION numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`
pub fn zunion(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    combine(ctx, args, kind("zunion", Op::Union, false))
}

/// `ZINTER numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`
pub fn zinter(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    combine(ctx, args, kind("zinter", Op::Inter, false))
}

/// `ZDIFF numkeys key [key …] [WITHSCORES]`
pub fn zdiff(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    combine(ctx, args, kind("zdiff", Op::Diff, false))
}

/// `ZUNIONSTORE dst numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX]`
pub fn zunionstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    combine(ctx, args, kind("zunionstore", Op::Union, true))
}

/// `ZINTERSTORE dst numkeys key [key …] [WEIGHTS weight …] [AGGREGATE SUM|MIN|MAX]`
pub fn zinterstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    combine(ctx, args, kind("zinterstore", Op::Inter, true))
}

/// `ZDIFFSTORE dst numkeys key [key …]`
pub fn zdiffstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    combine(ctx, args, kind("zdiffstore", Op::Diff, true))
}

/// `ZINTERCARD numkeys key [key …] [LIMIT limit]`
pub fn zintercard(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let kind = Kind { cardinality: true, ..kind("zintercard", Op::Inter, false) };
    combine(ctx, args, kind)
}

struct Options {
    /// One a key, in the order of the keys; empty = all 1.
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Of ZINTERCARD; 0 = none.
    limit: usize,
}

impl Options {
    fn parse(mut args: &[&[u8]], keys: usize, kind: Kind) -> Result<Options, ReplyError> {
        let weighted = kind.op != Op::Diff && !kind.cardinality;
        let mut options = Options {
            weights: Vec::new(),
            aggregate: Aggregate::Sum,
            with_scores: false,
            limit: 0,
        };
        while let [name, rest @ ..] = args {
            args = if weighted && rest.len() >= keys && is_option(name, "weights") {
                let weights = rest[..keys].iter().map(|weight| parse_f64(weight));
                options.weights = weights
                    .collect::<Option<_>>()
                    .ok_or(ReplyError::fixed("ERR weight value is not a float"))?;
                &rest[keys..]
            } else if weighted && !rest.is_empty() && is_option(name, "aggregate") {
                options.aggregate = match rest[0] {
                    how if is_option(how, "sum") => Aggregate::Sum,
                    how if is_option(how, "min") => Aggregate::Min,
                    how if is_option(how, "max") => Aggregate::Max,
                    _ => return Err(ReplyError::SYNTAX),
                };
                &rest[1..]
            } else if !kind.store && !kind.cardinality && is_option(name, "withscores") {
                options.with_scores = true;
                rest
            } else if kind.cardinality && !rest.is_empty() && is_option(name, "limit") {
                let error = "ERR LIMIT can't be negative";
                let limit = usize::try_from(int_or(rest[0], error)?);
                options.limit = limit.map_err(|_| ReplyError::fixed(error))?;
                &rest[1..]
            } else {
                return Err(ReplyError::SYNTAX);
            };
        }
        Ok(options)
    }
}

type Keys<'a> = &'a [&'a [u8]];

/// Splits `numkeys key [key …] …` into the keys and what follows.
fn parse_keys<'a>(args: &'a [&'a [u8]], name: &str) -> Result<(Keys<'a>, Keys<'a>), ReplyError> {
    let numkeys = int(args[0])?;
    if numkeys < 1 {
        let text = format!("at least 1 input key is needed for '{name}' command");
        return Err(ReplyError::err(text));
    }
    let rest = &args[1..];
    usize::try_from(numkeys)
        .ok()
        .and_then(|numkeys| rest.split_at_checked(numkeys))
        .ok_or(ReplyError::SYNTAX)
}

fn combine(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> CmdResult {
    let (keys, rest) = parse_keys(&args.0[1 + usize::from(kind.store)..], kind.name)?;
    check_keys(ctx, keys)?;
    let options = Options::parse(rest, keys.len(), kind)?;
    let db = &ctx.server.keyspace.dbs[ctx.client.db];
    let weight = |at: usize| options.weights.get(at).copied().unwrap_or(1.0);
    let mut sources: Vec<Source<'_>> =
        keys.iter().enumerate().map(|(at, key)| Source::new(db, key, weight(at))).collect();
    if kind.op != Op::Diff {
        sources.sort_by_key(Source::len);
    }
    if kind.cardinality {
        let count = inter_count(&sources, options.limit);
        ctx.client.reply.count(count);
        return Ok(());
    }
    let mut members = match kind.op {
        Op::Union => union(&sources, options.aggregate),
        Op::Inter => inter(&sources, options.aggregate),
        Op::Diff => diff(&mut sources),
    };
    members.sort();
    if kind.store {
        let limits = limits(ctx.server);
        let result = (!members.is_empty()).then(|| ZSet::from_members(members, &limits));
        store(ctx, args[1], result, kind.name);
        return Ok(());
    }
    let reply = &mut ctx.client.reply;
    reply_header(reply, members.len(), options.with_scores);
    for member in members.iter() {
        let score = Score::Known(member.score());
        reply_item(reply, LpValue::Str(member.bytes()), score, options.with_scores);
    }
    Ok(())
}

/// Smallest source first: the table then grows to what the greatest needs at least.
fn union(sources: &[Source<'_>], aggregate: Aggregate) -> Members {
    let mut sums = MemberSums::with_capacity(sources.last().map_or(0, Source::len));
    for source in sources {
        source.all(|member, score| {
            let score = not_nan(source.weight * score);
            sums.add(member, |old| old.map_or(score, |old| aggregate.of(old, score)));
            true
        });
    }
    sums.into_members()
}

/// Calls `f` with what all sources have and its score until it returns false; the smallest source
/// comes first.
fn each_common(
    sources: &[Source<'_>],
    aggregate: Aggregate,
    mut f: impl FnMut(&[u8], f64) -> bool,
) {
    let [first, others @ ..] = sources else { return };
    if first.len() == 0 {
        return;
    }
    first.all(|member, own| {
        let start = not_nan(first.weight * own);
        let sum = others.iter().try_fold(start, |sum, source| {
            let score = if source.is_same(first) { own } else { source.score(member)? };
            Some(aggregate.of(sum, score * source.weight))
        });
        sum.is_none_or(|sum| f(member, sum))
    });
}

fn inter(sources: &[Source<'_>], aggregate: Aggregate) -> Members {
    let mut members = Members::new();
    each_common(sources, aggregate, |member, score| {
        members.push(score, member);
        true
    });
    members
}

fn inter_count(sources: &[Source<'_>], limit: usize) -> usize {
    let mut count = 0;
    each_common(sources, Aggregate::Sum, |_, _| {
        count += 1;
        count != limit
    });
    count
}

/// The first source's members that no other source has; the cheaper of two ways.
fn diff(sources: &mut [Source<'_>]) -> Members {
    let total: usize = sources.iter().map(Source::len).sum();
    let [first, others @ ..] = sources else { return Members::new() };
    if first.len() == 0 || others.iter().any(|other| other.is_same(first)) {
        return Members::new();
    }
    // Looking each member up in all sources often ends early: that way counts half.
    if first.len() * (others.len() + 1) / 2 <= total {
        // The greatest is the likeliest to have a member.
        others.sort_by_key(|other| std::cmp::Reverse(other.len()));
        let mut members = Members::new();
        first.all(|member, score| {
            if others.iter().all(|other| other.score(member).is_none()) {
                members.push(score, member);
            }
            true
        });
        return members;
    }
    let mut sums = MemberSums::with_capacity(first.len());
    first.all(|member, score| {
        sums.add(member, |_| score);
        true
    });
    for other in others {
        other.all(|member, _| {
            sums.remove(member);
            !sums.is_empty()
        });
    }
    sums.into_members()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_never_give_nan() {
        let (inf, neg) = (f64::INFINITY, f64::NEG_INFINITY);
        assert_eq!(Aggregate::Sum.of(inf, neg), 0.0);
        assert_eq!(Aggregate::Min.of(1.0, 2.0), 1.0);
        assert_eq!(Aggregate::Max.of(1.0, 2.0), 2.0);
        assert_eq!(not_nan(inf * 0.0), 0.0);
    }

    fn parse(line: &str, kind: Kind) -> Result<Options, ReplyError> {
        let args: Vec<&[u8]> =
            line.split(' ').filter(|s| !s.is_empty()).map(str::as_bytes).collect();
        Options::parse(&args, 2, kind)
    }

    #[test]
    fn options_by_command() {
        let union = kind("zunion", Op::Union, false);
        let options = parse("weights 1 -2.5 AGGREGATE min withscores", union).unwrap();
        assert_eq!(options.weights, [1.0, -2.5]);
        assert!(options.aggregate == Aggregate::Min && options.with_scores);
        let stored = kind("zunionstore", Op::Union, true);
        let diff = kind("zdiff", Op::Diff, false);
        let card = Kind { cardinality: true, ..kind("zintercard", Op::Inter, false) };
        assert_eq!(parse("limit 7", card).unwrap().limit, 7);
        for (line, kind) in [
            ("withscores", stored),
            ("weights 1", union),
            ("aggregate", union),
            ("aggregate avg", union),
            ("weights 1 2", diff),
            ("withscores", card),
            ("limit 7", union),
        ] {
            assert!(parse(line, kind).is_err_and(|e| e == ReplyError::SYNTAX), "{line}");
        }
        let error = parse("weights 1 x", union).err().unwrap();
        assert_eq!(error.text(), b"ERR weight value is not a float");
        let error = parse("limit -1", card).err().unwrap();
        assert_eq!(error.text(), b"ERR LIMIT can't be negative");
    }
}
