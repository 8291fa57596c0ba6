//! GEORADIUS, GEORADIUSBYMEMBER, GEOSEARCH and their forms that store: all members within a shape.
//!
//! The cells of the map that the shape touches are ranges of scores of the sorted set; each of
//! their members is looked at.

use super::args::{reply_distance, reply_point};
use super::query::{Kind, Query, Sort};
use crate::commands::sorted_set::limits;
use crate::commands::{Args, CmdResult, Ctx};
use crate::config::NotifyFlags;
use crate::protocol::reply::Reply;
use crate::storage::object::Value;
use crate::storage::types::geohash::search::Search;
use crate::storage::types::geohash::{Cell, Point, score_int};
use crate::storage::types::zset::{LpValue, Members, ScoreRange, ZSet, ZSetLimits};

/// With ANY so many members are looked at before it is asked whether enough were found.
const CHUNK: usize = 64;

/// `GEORADIUS key longitude latitude radius M|KM|FT|MI [WITHCOORD] [WITHDIST] [WITHHASH]
/// [COUNT count [ANY]] [ASC|DESC] [STORE key|STOREDIST key]`
pub fn georadius(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    search(ctx, args, Kind::Radius { store: true })
}

/// `GEORADIUS_RO`: GEORADIUS that stores nothing.
pub fn georadius_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    search(ctx, args, Kind::Radius { store: false })
}

/// `GEORADIUSBYMEMBER key member radius M|KM|FT|MI` and the options of GEORADIUS.
pub fn georadiusbymember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    search(ctx, args, Kind::RadiusByMember { store: true })
}

/// `GEORADIUSBYMEMBER_RO`: GEORADIUSBYMEMBER that stores nothing.
pub fn georadiusbymember_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    search(ctx, args, Kind::RadiusByMember { store: false })
}

/// `GEOSEARCH key FROMMEMBER member|FROMLONLAT longitude latitude BYRADIUS radius unit|BYBOX width
/// height unit [ASC|DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]`
pub fn geosearch(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    search(ctx, args, Kind::Search)
}

/// `GEOSEARCHSTORE destination source` and the options of GEOSEARCH without WITH…, `[STOREDIST]`
pub fn geosearchstore(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    search(ctx, args, Kind::SearchStore)
}

/// A member within the shape.
struct Found<'a> {
    member: LpValue<'a>,
    score: f64,
    /// Metres; 0 if nobody needs it.
    distance: f64,
    at: Point,
}

fn search(ctx: &mut Ctx<'_>, args: Args<'_>, kind: Kind) -> CmdResult {
    let zset_limits = limits(ctx.server);
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let zset = server.read::<ZSet>(client.db, args[kind.key()])?;
    let query = Query::parse(args, kind, zset)?;
    let found = zset.map_or_else(Vec::new, |zset| find(zset, &query));
    match query.store {
        None => reply_all(&mut client.reply, &found, &query),
        Some(key) => {
            let result = (!found.is_empty()).then(|| stored(&found, &query, &zset_limits));
            store(ctx, key, result, kind);
        }
    }
    Ok(())
}

/// The members within the shape that the query wants, in its order.
fn find<'a>(zset: &'a ZSet, query: &Query<'_>) -> Vec<Found<'a>> {
    let (Some(center), Some(shape)) = (query.center, query.shape()) else { return Vec::new() };
    let search = Search::new(center, shape);
    let exact = query.needs_distances();
    let most = if query.any { query.count } else { usize::MAX };
    let mut found = Vec::new();
    for cell in search.cells() {
        find_in_cell(zset, cell, &search, exact, most, &mut found);
    }
    if let Some(sort) = query.sort {
        let compare = |a: &Found<'_>, b: &Found<'_>| match sort {
            Sort::Ascending => a.distance.total_cmp(&b.distance),
            Sort::Descending => b.distance.total_cmp(&a.distance),
        };
        if query.count > 0 && query.count < found.len() {
            found.select_nth_unstable_by(query.count - 1, compare);
            found.truncate(query.count);
        }
        found.sort_by(compare);
    }
    if query.count > 0 {
        found.truncate(query.count);
    }
    found
}

fn find_in_cell<'a>(
    zset: &'a ZSet,
    cell: Cell,
    search: &Search,
    exact: bool,
    most: usize,
    found: &mut Vec<Found<'a>>,
) {
    let (min, max) = cell.scores();
    let range =
        ScoreRange { min: min as f64, max: max as f64, min_exclusive: false, max_exclusive: true };
    let ranks = zset.score_ranks(&range);
    let chunk = if most == usize::MAX { ranks.len().max(1) } else { CHUNK };
    for start in ranks.clone().step_by(chunk) {
        if found.len() >= most {
            return;
        }
        zset.for_each(start..ranks.end.min(start + chunk), false, |member, score| {
            let score = score.get();
            let at = Point::from_score(score);
            if let Some(distance) = search.distance(at, exact)
                && found.len() < most
            {
                found.push(Found { member, score, distance, at });
            }
        });
    }
}

fn reply_all(reply: &mut Reply, found: &[Found<'_>], query: &Query<'_>) {
    reply.array(found.len());
    let fields = query.fields();
    for one in found {
        if fields > 0 {
            reply.array(fields + 1);
        }
        match one.member {
            LpValue::Str(bytes) => reply.bulk(bytes),
            LpValue::Int(int) => reply.bulk_int(int),
        }
        if query.with_dist {
            reply_distance(reply, one.distance / query.unit);
        }
        if query.with_hash {
            reply.int(score_int(one.score));
        }
        if query.with_coord {
            reply_point(reply, one.at);
        }
    }
}

/// The found members with their scores or distances.
fn stored(found: &[Found<'_>], query: &Query<'_>, limits: &ZSetLimits) -> ZSet {
    let mut members = Members::with_capacity(found.len());
    for one in found {
        let score = if query.store_dist { one.distance / query.unit } else { one.score };
        members.push(score, &one.member.to_vec());
    }
    members.sort();
    ZSet::from_members(members, limits)
}

/// Puts the result in the place of what `key` holds; nothing found deletes it.
fn store(ctx: &mut Ctx<'_>, key: &[u8], result: Option<ZSet>, kind: Kind) {
    let len = result.as_ref().map_or(0, ZSet::len);
    if let Some(zset) = result {
        ctx.set_key(key, Value::ZSet(zset), false);
        ctx.notify(NotifyFlags::ZSET, kind.store_event(), key);
        ctx.dirty(len);
    } else if ctx.delete_key(key) {
        ctx.notify(NotifyFlags::GENERIC, "del", key);
        ctx.dirty(1);
    }
    ctx.client.reply.count(len);
}
