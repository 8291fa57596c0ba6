//! Random members: SPOP, SRANDMEMBER. SPOP is propagated as what it removed.

use crate::commands::args::{int_with_sign, positive};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::config::NotifyFlags;
use crate::storage::types::set::{LpValue, Set};

/// Most members in one propagated SREM.
const SREM_BATCH: usize = 1024;
/// Most buckets that one SRANDMEMBER moves of a table that is being rehashed.
const REHASH_BUCKETS: usize = 1000;
/// Draws between two looks at the length of the reply.
const DRAWS_AT_ONCE: usize = 1024;

/// `SPOP key [count]`
pub fn spop(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    match args.len() {
        2 => spop_one(ctx, args[1]),
        3 => spop_count(ctx, args[1], positive(args[2])?),
        _ => Err(ReplyError::SYNTAX),
    }
}

fn spop_one(ctx: &mut Ctx<'_>, key: &[u8]) -> CmdResult {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let propagates = server.propagate.enabled;
    let Some(set) = server.write::<Set>(client.db, key)? else {
        client.reply.null();
        return Ok(());
    };
    let popped = set.pop_random(|member| {
        bulk_value(&mut client.reply, member);
        propagates.then(|| member.to_vec())
    });
    let left = set.len();
    match popped {
        None => client.reply.null(),
        Some(member) => {
            if let Some(member) = member {
                ctx.propagate_as(&[b"SREM", key, &member]);
            }
            ctx.changed(key, NotifyFlags::SET, "spop", 1);
            ctx.delete_if_empty(key, left);
        }
    }
    Ok(())
}

fn spop_count(ctx: &mut Ctx<'_>, key: &[u8], count: usize) -> CmdResult {
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let limits = server.set_limits();
    let propagates = server.propagate.enabled;
    let lazy = server.config.lazyfree_lazy_server_del;
    let set = server.write::<Set>(client.db, key)?.filter(|_| count > 0);
    let Some(set) = set else {
        client.reply.set(0);
        return Ok(());
    };
    let len = set.len();
    if count >= len {
        client.reply.set(len);
        set.iter().for_each(|member| bulk_value(&mut client.reply, member));
        ctx.propagate_as(&[if lazy { b"UNLINK" } else { &b"DEL"[..] }, key]);
        ctx.changed(key, NotifyFlags::SET, "spop", len);
        ctx.delete_if_empty(key, 0);
        return Ok(());
    }
    let mut popped: Vec<Vec<u8>> = Vec::new();
    client.reply.set(count);
    set.pop_many(count, &limits, |member| {
        bulk_value(&mut client.reply, member);
        if propagates {
            popped.push(member.to_vec());
        }
    });
    propagate_removal(ctx, key, &popped);
    ctx.changed(key, NotifyFlags::SET, "spop", count);
    Ok(())
}

/// Propagates SREMs instead of the command.
fn propagate_removal(ctx: &mut Ctx<'_>, key: &[u8], popped: &[Vec<u8>]) {
    ctx.propagate_nothing();
    for batch in popped.chunks(SREM_BATCH) {
        let mut argv: Vec<&[u8]> = vec![b"SREM", key];
        argv.extend(batch.iter().map(Vec::as_slice));
        ctx.also_propagate(&argv);
    }
}

/// `SRANDMEMBER key [count]`: with a negative count members may come several times.
pub fn srandmember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let count = match args.len() {
        2 => None,
        3 => Some(int_with_sign(args[2])?),
        _ => return Err(ReplyError::SYNTAX),
    };
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let limit = server.reply_limit(client);
    let reply = &mut client.reply;
    let rehashing = match (server.read::<Set>(client.db, args[1])?, count) {
        (None, None) => {
            reply.null();
            false
        }
        (None, Some(_)) | (Some(_), Some(0)) => {
            reply.array(0);
            false
        }
        (Some(set), None) => {
            match set.random() {
                Some(member) => bulk_value(reply, member),
                None => reply.null(),
            }
            set.is_rehashing()
        }
        (Some(set), Some(count)) => {
            let number = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
            if count < 0 || count == 1 {
                reply.array(number);
                let mut left = number;
                while left > 0 && reply.len() < limit {
                    let draws = left.min(DRAWS_AT_ONCE);
                    set.random_repeated(draws, |member| bulk_value(reply, member));
                    left -= draws;
                }
            } else {
                let chosen: Vec<LpValue<'_>> = set.random_distinct(number);
                reply.array(chosen.len());
                chosen.into_iter().for_each(|member| bulk_value(reply, member));
            }
            set.is_rehashing()
        }
    };
    if rehashing {
        let buckets = count.map_or(1, |n| n.unsigned_abs() as usize).clamp(1, REHASH_BUCKETS);
        rehash(ctx, args[1], buckets);
    }
    Ok(())
}

/// Reading leaves a table as it is, so that a set that is only read would stay half rehashed.
fn rehash(ctx: &mut Ctx<'_>, key: &[u8], buckets: usize) {
    let entry = ctx.db().find_mut(key);
    if let Some(set) = entry.and_then(|entry| entry.into_mut::<Set>()) {
        set.rehash(buckets);
    }
}
