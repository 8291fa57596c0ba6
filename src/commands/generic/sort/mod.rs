//! SORT and SORT_RO: the elements of a list, set or sorted set, ordered by themselves or by what
//! other keys say.
//!
//! The way: parse (`options`) → copy the elements into one arena (`elements`) → give each its
//! weight (`pattern` finds it) → order (`order`) → reply, or store as a list. Nothing of the
//! keyspace is borrowed while keys are looked up, since a look-up may delete an expired key.

mod elements;
mod options;
mod order;
mod pattern;
mod radix;
#[cfg(test)]
mod tests;

use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::server::acl::check_reading_all_keys;
use crate::server::client::ClientFlags;
use crate::storage::db::PREFETCH_BATCH;
use crate::storage::object::{ObjType, ThinValue};
use crate::storage::types::list::{List, ListEnd};
use elements::Elements;
use options::{Options, Permissions};
use order::Collation;
use pattern::Pattern;
use std::ops::Range;

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern …] [ASC|DESC] [ALPHA] [STORE key]`
pub fn sort(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    sort_generic(ctx, args, false)
}

/// `SORT_RO key …`: as SORT, without STORE.
pub fn sort_ro(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    sort_generic(ctx, args, true)
}

/// BY and GET lead to keys that nobody can name beforehand.
fn may_read_all_keys(ctx: &Ctx<'_>, args: Args<'_>) -> bool {
    let user = ctx.client.user.as_deref();
    let Some(id) = ctx.server.exec.command else { return user.is_none() };
    check_reading_all_keys(user, ctx.server.commands.get(id), args)
}

fn sort_generic(ctx: &mut Ctx<'_>, args: Args<'_>, read_only: bool) -> CmdResult {
    let key = args[1];
    let permissions = Permissions {
        cluster_key: ctx.server.config.cluster_enabled.then_some(key),
        all_keys: may_read_all_keys(ctx, args),
        store: !read_only,
    };
    let mut options = Options::parse(&args[2..], permissions)?;
    let obj_type = match ctx.lookup_read(key) {
        None => None,
        Some(entry) => match entry.obj_type() {
            found @ (ObjType::List | ObjType::Set | ObjType::ZSet) => Some(found),
            _ => return Err(ReplyError::WRONGTYPE),
        },
    };
    let scripted = ctx.client.flags.has(ClientFlags::SCRIPT);
    if options.unsorted && obj_type == Some(ObjType::Set) && (options.store.is_some() || scripted) {
        // A set has no order of its own: replicas and scripts need a defined one.
        options.unsorted = false;
        options.alpha = true;
        options.by = None;
    }
    let entry = ctx.db().find(key);
    let len = entry.as_ref().map_or(0, elements::len);
    let range = options.range(len);
    let (mut found, range) = match entry {
        None => (Elements::default(), range),
        Some(entry) => Elements::load(&entry, &options, range),
    };
    if !options.unsorted {
        weigh(ctx, &mut found, &options)?;
        let collation = match options.store {
            Some(_) => Collation::Bytes,
            None => Collation::of_locale(),
        };
        found.sort(&options, collation, range.clone());
    }
    match options.store {
        None => reply(ctx, &found, &options.gets, range),
        Some(target) => store(ctx, target, &found, &options.gets, range),
    }
    Ok(())
}

/// Looks up what each element is ordered by.
fn weigh(ctx: &mut Ctx<'_>, found: &mut Elements, options: &Options<'_>) -> CmdResult {
    let mut valid = true;
    match &options.by {
        None if options.alpha => {}
        None => valid = found.weigh_by_themselves(),
        Some(by) => {
            let (mut name, mut weight) = (Vec::new(), Vec::new());
            let db = ctx.client.db;
            for i in 0..found.len() {
                if i % PREFETCH_BATCH == 0 {
                    let next = (i..found.len()).map(|i| found.bytes(i));
                    by.prefetch(&ctx.server.keyspace.dbs[db], next, &mut name);
                }
                weight.clear();
                let exists = by.with_value(ctx.server, db, found.bytes(i), &mut name, |value| {
                    weight.extend_from_slice(value.unwrap_or_default());
                    value.is_some()
                });
                // Without a value an element weighs nothing: 0, or less than any text.
                valid &= !exists || found.set_weight(i, &weight, options.alpha);
            }
        }
    }
    if valid {
        return Ok(());
    }
    Err(ReplyError::fixed("ERR One or more scores can't be converted into double"))
}

/// Number of values that the elements in `range` give.
fn output_len(gets: &[Pattern<'_>], range: &Range<usize>) -> usize {
    range.len() * gets.len().max(1)
}

fn reply(ctx: &mut Ctx<'_>, found: &Elements, gets: &[Pattern<'_>], range: Range<usize>) {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    client.reply.array(output_len(gets, &range));
    let mut name = Vec::new();
    for (n, i) in range.clone().enumerate() {
        if n % PREFETCH_BATCH == 0 {
            let db = &server.keyspace.dbs[client.db];
            let next = || (i..range.end).map(|i| found.bytes(i));
            gets.iter().for_each(|get| get.prefetch(db, next(), &mut name));
        }
        let element = found.bytes(i);
        if gets.is_empty() {
            client.reply.bulk(element);
        }
        for get in gets {
            get.with_value(server, client.db, element, &mut name, |value| {
                client.reply.bulk_or_null(value);
            });
        }
    }
}

fn store(
    ctx: &mut Ctx<'_>,
    target: &[u8],
    found: &Elements,
    gets: &[Pattern<'_>],
    range: Range<usize>,
) {
    let len = output_len(gets, &range);
    let limits = ctx.server.list_limits();
    let db = ctx.client.db;
    let mut list = List::new();
    let mut name = Vec::new();
    if gets.is_empty() {
        list.push_all(ListEnd::Tail, range.clone().map(|i| found.bytes(i)), &limits);
    }
    for i in range {
        let element = found.bytes(i);
        for get in gets {
            get.with_value(ctx.server, db, element, &mut name, |value| {
                list.push(ListEnd::Tail, value.unwrap_or_default(), &limits);
            });
        }
    }
    if len > 0 {
        ctx.set_key(target, list.into_value(), false);
        ctx.notify(NotifyFlags::LIST, "sortstore", target);
        ctx.dirty(len);
    } else if ctx.delete_key(target) {
        ctx.notify(NotifyFlags::GENERIC, "del", target);
        ctx.dirty(1);
    }
    ctx.client.reply.count(len);
}
