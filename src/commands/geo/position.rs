//! GEOADD, GEOPOS, GEODIST, GEOHASH: single positions.

use super::args::{point, reply_distance, reply_point, unit};
use crate::commands::args::is_option;
use crate::commands::sorted_set::zadd;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Reply;
use crate::storage::types::geohash::Point;
use crate::storage::types::zset::ZSet;

/// `GEOADD key [NX|XX] [CH] longitude latitude member [longitude latitude member …]`: ZADD with
/// the positions as scores; replicas and the AOF get that ZADD.
pub fn geoadd(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let is_one = |arg: &&&[u8]| ["nx", "xx", "ch"].iter().any(|name| is_option(arg, name));
    let first = 2 + args[2..].iter().take_while(is_one).count();
    let given = |name| args[2..first].iter().any(|arg| is_option(arg, name));
    let both = given("nx") && given("xx");
    let positions = &args[first..];
    if !positions.len().is_multiple_of(3) || both {
        return Err(ReplyError::SYNTAX);
    }
    let mut scores = Vec::with_capacity(positions.len() / 3);
    for position in positions.chunks_exact(3) {
        scores.push(point(position[0], position[1])?.score().to_string());
    }
    let mut zadd_args: Vec<&[u8]> = vec![b"zadd"];
    zadd_args.extend(&args[1..first]);
    for (score, position) in scores.iter().zip(positions.chunks_exact(3)) {
        zadd_args.push(score.as_bytes());
        zadd_args.push(position[2]);
    }
    zadd(ctx, Args(&zadd_args))?;
    ctx.propagate_as(&zadd_args);
    Ok(())
}

/// Replies for each member what `one` makes of its position, or what `none` says without.
fn each_position(
    ctx: &mut Ctx<'_>,
    args: Args<'_>,
    one: impl Fn(&mut Reply, Point),
    none: impl Fn(&mut Reply),
) -> CmdResult {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let zset = server.read::<ZSet>(client.db, args[1])?;
    client.reply.array(args.len() - 2);
    for member in &args[2..] {
        match zset.and_then(|zset| zset.score(member)) {
            Some(score) => one(&mut client.reply, Point::from_score(score)),
            None => none(&mut client.reply),
        }
    }
    Ok(())
}

/// `GEOHASH key [member …]`
pub fn geohash(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    each_position(ctx, args, |reply, at| reply.bulk(&at.text()), Reply::null)
}

/// `GEOPOS key [member …]`
pub fn geopos(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    each_position(ctx, args, reply_point, Reply::null_array)
}

/// `GEODIST key member1 member2 [M|KM|FT|MI]`
pub fn geodist(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let metres = match args.len() {
        4 => 1.0,
        5 => unit(args[4])?,
        _ => return Err(ReplyError::SYNTAX),
    };
    let zset = ctx.read::<ZSet>(args[1])?;
    let position = |member| zset.and_then(|zset| zset.score(member)).map(Point::from_score);
    let distance = match (position(args[2]), position(args[3])) {
        (Some(one), Some(other)) => Some(one.distance(other) / metres),
        _ => None,
    };
    match distance {
        Some(distance) => reply_distance(&mut ctx.client.reply, distance),
        None => ctx.client.reply.null(),
    }
    Ok(())
}
