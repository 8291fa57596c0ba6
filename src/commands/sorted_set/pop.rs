//! The commands that take the smallest or greatest members out, blocking or not.

use super::reply_member;
use crate::commands::args::{int_or, is_option, timeout};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::server::blocking::BlockKind;
use crate::storage::types::zset::ZSet;

/// From which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Min,
    Max,
}

impl Where {
    fn event(self) -> &'static str {
        match self {
            Where::Min => "zpopmin",
            Where::Max => "zpopmax",
        }
    }

    fn command(self) -> &'static [u8] {
        match self {
            Where::Min => b"ZPOPMIN",
            Where::Max => b"ZPOPMAX",
        }
    }
}

/// How the popped members stand in the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// ZPOPMIN: members and scores, flat.
    Flat,
    /// ZPOPMIN with a count in RESP3: pairs.
    Pairs,
    /// BZPOPMIN: key, member, score.
    KeyFlat,
    /// ZMPOP: key, and an array of pairs.
    KeyPairs,
}

/// Takes up to `count` members out of a sorted set that is there, and replies them. Returns how
/// many; the key is gone if that is all.
fn pop(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    from: Where,
    count: usize,
    shape: Shape,
) -> Result<usize, ReplyError> {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let reply = &mut client.reply;
    let Some(zset) = server.write::<ZSet>(client.db, key)? else { return Ok(0) };
    let len = zset.len();
    let popped = count.min(len);
    let ranks = if from == Where::Min { 0..popped } else { len - popped..len };
    match shape {
        Shape::Flat => reply.array(popped * 2),
        Shape::Pairs => reply.array(popped),
        Shape::KeyFlat => {
            reply.array(popped * 2 + 1);
            reply.bulk(key);
        }
        Shape::KeyPairs => {
            reply.array(2);
            reply.bulk(key);
            reply.array(popped);
        }
    }
    let pairs = matches!(shape, Shape::Pairs | Shape::KeyPairs);
    zset.for_each(ranks.clone(), from == Where::Max, |member, score| {
        if pairs {
            reply.array(2);
        }
        reply_member(reply, member);
        reply.double(score.get());
    });
    if popped < len {
        // Else the key goes, with all its members at once.
        zset.delete_range(ranks);
    }
    if popped > 0 {
        ctx.changed(key, NotifyFlags::ZSET, from.event(), popped);
        ctx.delete_if_empty(key, len - popped);
    }
    Ok(popped)
}

/// The first key that exists; `WRONGTYPE` if that is no sorted set.
fn first_key<'a>(ctx: &mut Ctx<'_>, keys: &[&'a [u8]]) -> Result<Option<&'a [u8]>, ReplyError> {
    for key in keys {
        if ctx.write::<ZSet>(key)?.is_some() {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// `ZPOPMIN key [count]`
pub fn zpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    pop_command(ctx, args, Where::Min)
}

/// `ZPOPMAX key [count]`
pub fn zpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    pop_command(ctx, args, Where::Max)
}

fn pop_command(ctx: &mut Ctx<'_>, args: Args<'_>, from: Where) -> CmdResult {
    const ERROR: &str = "ERR value is out of range, must be positive";
    if args.len() > 3 {
        return Err(ReplyError::SYNTAX);
    }
    let count = match args.get(2) {
        None => None,
        Some(count) => Some(at_least(count, 0, ERROR)?),
    };
    let nested = ctx.client.reply.is_resp3() && count.is_some();
    let shape = if nested { Shape::Pairs } else { Shape::Flat };
    if first_key(ctx, &args[1..2])?.is_none() || count == Some(0) {
        ctx.client.reply.array(0);
        return Ok(());
    }
    pop(ctx, args[1], from, count.unwrap_or(1), shape)?;
    Ok(())
}

/// An integer of at least `min`; for anything else the error.
fn at_least(arg: &[u8], min: i64, error: &'static str) -> Result<usize, ReplyError> {
    match int_or(arg, error)? {
        n if n >= min => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
        _ => Err(ReplyError::fixed(error)),
    }
}

/// `numkeys key [key …] MIN|MAX [COUNT count]`
struct MultiPop<'a> {
    keys: &'a [&'a [u8]],
    from: Where,
    count: usize,
}

impl<'a> MultiPop<'a> {
    fn parse(args: &'a [&'a [u8]]) -> Result<MultiPop<'a>, ReplyError> {
        let numkeys = at_least(args[0], 1, "ERR numkeys should be greater than 0")?;
        let rest = args.get(numkeys.saturating_add(1)..).unwrap_or_default();
        let from = match rest.first() {
            Some(end) if is_option(end, "min") => Where::Min,
            Some(end) if is_option(end, "max") => Where::Max,
            _ => return Err(ReplyError::SYNTAX),
        };
        let count = match &rest[1..] {
            [] => 1,
            [option, count, more @ ..] if is_option(option, "count") => {
                let count = at_least(count, 1, "ERR count should be greater than 0")?;
                if !more.is_empty() {
                    return Err(ReplyError::SYNTAX);
                }
                count
            }
            _ => return Err(ReplyError::SYNTAX),
        };
        Ok(MultiPop { keys: &args[1..=numkeys], from, count })
    }

    /// Pops from the first key that exists; false if there is none.
    fn run(&self, ctx: &mut Ctx<'_>) -> Result<bool, ReplyError> {
        let Some(key) = first_key(ctx, self.keys)? else { return Ok(false) };
        let popped = pop(ctx, key, self.from, self.count, Shape::KeyPairs)?;
        let mut digits = itoa::Buffer::new();
        ctx.propagate_as(&[self.from.command(), key, digits.format(popped).as_bytes()]);
        Ok(true)
    }
}

/// `ZMPOP numkeys key [key …] MIN|MAX [COUNT count]`
pub fn zmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if !MultiPop::parse(&args[1..])?.run(ctx)? {
        ctx.client.reply.null_array();
    }
    Ok(())
}

/// `BZMPOP timeout numkeys key [key …] MIN|MAX [COUNT count]`
pub fn bzmpop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let request = MultiPop::parse(&args[2..])?;
    let deadline = timeout(args[1], ctx.now_ms())?;
    if !request.run(ctx)? {
        block(ctx, request.keys, deadline);
    }
    Ok(())
}

/// `BZPOPMIN key [key …] timeout`
pub fn bzpopmin(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    blocking_pop(ctx, args, Where::Min)
}

/// `BZPOPMAX key [key …] timeout`
pub fn bzpopmax(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    blocking_pop(ctx, args, Where::Max)
}

fn blocking_pop(ctx: &mut Ctx<'_>, args: Args<'_>, from: Where) -> CmdResult {
    let last = args.len() - 1;
    let keys = &args[1..last];
    let deadline = timeout(args[last], ctx.now_ms())?;
    match first_key(ctx, keys)? {
        Some(key) => {
            pop(ctx, key, from, 1, Shape::KeyFlat)?;
            ctx.propagate_as(&[from.command(), key]);
        }
        None => block(ctx, keys, deadline),
    }
    Ok(())
}

fn block(ctx: &mut Ctx<'_>, keys: &[&[u8]], deadline: i64) {
    if ctx.may_block() {
        ctx.block_on_keys(BlockKind::ZSet, keys, deadline);
    } else {
        ctx.client.reply.null_array();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<(usize, Where, usize), Vec<u8>> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        MultiPop::parse(&args)
            .map(|pop| (pop.keys.len(), pop.from, pop.count))
            .map_err(|error| error.text().to_vec())
    }

    #[test]
    fn multi_pop_arguments_and_their_errors() {
        assert_eq!(parse("1 k min"), Ok((1, Where::Min, 1)));
        assert_eq!(parse("2 a b MAX count 5"), Ok((2, Where::Max, 5)));
        let syntax = Err(b"ERR syntax error".to_vec());
        for bad in ["1 k", "2 k min", "1 k x", "1 k min count", "1 k min count 1 count 2"] {
            assert_eq!(parse(bad), syntax, "{bad}");
        }
        assert_eq!(parse("9223372036854775807 k min"), syntax);
        let numkeys = Err(b"ERR numkeys should be greater than 0".to_vec());
        assert_eq!(parse("0 k min"), numkeys);
        assert_eq!(parse("x k min"), numkeys);
        let count = Err(b"ERR count should be greater than 0".to_vec());
        assert_eq!(parse("1 k min count 0"), count);
    }
}
