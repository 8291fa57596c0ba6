//! ZADD and ZINCRBY: one command with another default.

use super::limits;
use crate::commands::args::{float, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::object::Collection;
use crate::storage::types::zset::{AddOptions, Added, ZSet, ZSetLimits};

/// So many scores are parsed without an allocation.
const SCORES_ON_STACK: usize = 16;

#[derive(Default)]
struct Options {
    add: AddOptions,
    /// Reply the number of members changed, not only of those added.
    changed: bool,
    /// Index of the first score.
    first: usize,
}

impl Options {
    fn parse(args: Args<'_>, incr: bool) -> Result<Options, ReplyError> {
        let mut options = Options { first: 2, ..Options::default() };
        options.add.incr = incr;
        // Scores seldom begin with a letter.
        while let Some(arg) = args.get(options.first)
            && arg.first().is_some_and(u8::is_ascii_alphabetic)
        {
            match () {
                () if is_option(arg, "nx") => options.add.nx = true,
                () if is_option(arg, "xx") => options.add.xx = true,
                () if is_option(arg, "gt") => options.add.gt = true,
                () if is_option(arg, "lt") => options.add.lt = true,
                () if is_option(arg, "ch") => options.changed = true,
                () if is_option(arg, "incr") => options.add.incr = true,
                () => break,
            }
            options.first += 1;
        }
        options.check(args.len() - options.first)?;
        Ok(options)
    }

    /// `rest`: number of arguments from the first score on.
    fn check(&self, rest: usize) -> CmdResult {
        let AddOptions { nx, xx, gt, lt, incr } = self.add;
        if rest == 0 || rest % 2 == 1 {
            return Err(ReplyError::SYNTAX);
        }
        if nx && xx {
            return Err(ReplyError::fixed(
                "ERR XX and NX options at the same time are not compatible",
            ));
        }
        if u8::from(gt) + u8::from(lt) + u8::from(nx) > 1 {
            return Err(ReplyError::fixed(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if incr && rest > 2 {
            return Err(ReplyError::fixed(
                "ERR INCR option supports a single increment-element pair",
            ));
        }
        Ok(())
    }
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member …]`
pub fn zadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    add(ctx, args, false)
}

/// `ZINCRBY key increment member`
pub fn zincrby(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    add(ctx, args, true)
}

fn add(ctx: &mut Ctx<'_>, args: Args<'_>, incr: bool) -> CmdResult {
    let options = Options::parse(args, incr)?;
    let pairs = &args[options.first..];
    if let [score, _] = pairs {
        return add_scores(ctx, args[1], &[float(score)?], pairs, &options);
    }
    let count = pairs.len() / 2;
    let mut on_stack = [0.0; SCORES_ON_STACK];
    let mut on_heap = Vec::new();
    let scores = match on_stack.get_mut(..count) {
        Some(scores) => scores,
        None => {
            on_heap.resize(count, 0.0);
            &mut on_heap[..]
        }
    };
    for (score, pair) in scores.iter_mut().zip(pairs.chunks_exact(2)) {
        *score = float(pair[0])?;
    }
    add_scores(ctx, args[1], scores, pairs, &options)
}

/// `scores` are those of `pairs`.
#[inline]
fn add_scores(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    scores: &[f64],
    pairs: &[&[u8]],
    options: &Options,
) -> CmdResult {
    let limits = limits(ctx.server);
    let first = pairs[1].len();
    let zset = if options.add.xx {
        ctx.write::<ZSet>(key)?
    } else {
        Some(ctx.write_or_create(key, || ZSet::new(scores.len(), first, &limits))?)
    };
    let outcome = match zset {
        None => Outcome::default(),
        Some(zset) => add_pairs(zset, scores, pairs, options.add, &limits)?,
    };
    let reply = &mut ctx.client.reply;
    match (options.add.incr, outcome.score) {
        (true, Some(score)) => reply.double(score),
        (true, None) => reply.null(),
        _ if options.changed => reply.count(outcome.added + outcome.updated),
        _ => reply.count(outcome.added),
    }
    let changes = outcome.added + outcome.updated;
    if changes > 0 {
        let event = if options.add.incr { "zincr" } else { "zadd" };
        ctx.changed(key, NotifyFlags::ZSET, event, changes);
    }
    Ok(())
}

#[derive(Default)]
struct Outcome {
    added: usize,
    updated: usize,
    /// Of the last member; `None` if the options forbade it.
    score: Option<f64>,
}

fn add_pairs(
    zset: &mut ZSet,
    scores: &[f64],
    pairs: &[&[u8]],
    options: AddOptions,
    limits: &ZSetLimits,
) -> Result<Outcome, ReplyError> {
    const NOT_A_NUMBER: ReplyError = ReplyError::fixed("ERR resulting score is not a number (NaN)");
    zset.maybe_convert(scores.len(), limits);
    let mut outcome = Outcome::default();
    let mut pairs = pairs.as_chunks::<2>().0.iter();
    for (i, score) in scores.iter().enumerate() {
        if i % PREFETCH_BATCH == 0 {
            zset.prefetch(pairs.clone().take(PREFETCH_BATCH).map(|[_, member]| member));
        }
        let Some([_, member]) = pairs.next() else { break };
        // Only INCR, which has one pair, can fail: nothing is changed then.
        let added = zset.add(*score, member, options, limits).map_err(|_| NOT_A_NUMBER)?;
        outcome.score = match added {
            Added::Nothing => None,
            Added::Same(score) => Some(score),
            Added::New(score) => {
                outcome.added += 1;
                Some(score)
            }
            Added::Updated(score) => {
                outcome.updated += 1;
                Some(score)
            }
        };
    }
    Ok(outcome)
}
