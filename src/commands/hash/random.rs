//! HRANDFIELD.

use std::collections::HashSet;

use super::bulk;
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::reply::Reply;
use crate::storage::types::hash::{Hash, HashField, HashView};

/// With fewer than so many times the wanted fields in a table, fields are left out of all; with
/// more, they are drawn until there are enough different ones.
const DRAW_FACTOR: usize = 3;

/// `HRANDFIELD key [count [WITHVALUES]]`
pub fn hrandfield(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    if args.len() >= 3 {
        return with_count(ctx, args);
    }
    let (db, key) = (ctx.client.db, args[1]);
    let exists = ctx.read::<Hash>(key)?.is_some();
    if exists {
        ctx.server.expire_all_fields(db, key);
    }
    let Ctx { server, client } = ctx;
    let entry = server.keyspace.dbs[db].find(key);
    match entry.and_then(|entry| entry.get::<Hash>()?.random()) {
        Some(field) => bulk(&mut client.reply, field.name),
        None => client.reply.null(),
    }
    Ok(())
}

fn with_count(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let (db, key, count) = (ctx.client.db, args[1], int(args[2])?);
    if count == i64::MIN {
        let (min, max) = (-i64::MAX, i64::MAX);
        let text = format!("value is out of range, value must between {min} and {max}");
        return Err(ReplyError::err(text));
    }
    let with_values = match &args[3..] {
        [] => false,
        [option] if is_option(option, "withvalues") => true,
        _ => return Err(ReplyError::SYNTAX),
    };
    if with_values && count.unsigned_abs() > i64::MAX as u64 / 2 {
        return Err(ReplyError::VALUE_OUT_OF_RANGE);
    }
    let exists = ctx.read::<Hash>(key)?.is_some();
    if exists {
        ctx.server.expire_all_fields(db, key);
    }
    let Ctx { server, client } = ctx;
    let limit = server.reply_limit(client);
    let entry = server.keyspace.dbs[db].find(key);
    let hash = entry.and_then(|entry| entry.get::<Hash>()).filter(|hash| !hash.is_empty());
    let mut out = Out { reply: &mut client.reply, with_values, limit };
    match hash {
        Some(hash) if count != 0 => reply_random(&mut out, hash, count),
        _ => out.reply.array(0),
    }
    Ok(())
}

/// Writes fields in the form that was asked for.
struct Out<'a> {
    reply: &'a mut Reply,
    with_values: bool,
    /// See [`crate::server::Server::reply_limit`].
    limit: usize,
}

impl Out<'_> {
    fn header(&mut self, fields: usize) {
        let flat = self.with_values && !self.reply.is_resp3();
        self.reply.array(if flat { fields * 2 } else { fields });
    }

    fn field(&mut self, field: &HashField<'_>) {
        if self.with_values && self.reply.is_resp3() {
            self.reply.array(2);
        }
        bulk(self.reply, field.name);
        if self.with_values {
            bulk(self.reply, field.value);
        }
    }
}

/// Replies `count` different fields in any order, or `-count` draws. The hash is not empty.
fn reply_random(out: &mut Out<'_>, hash: &Hash, count: i64) {
    let (wanted, len) = (count.unsigned_abs() as usize, hash.len());
    if count < 0 || count == 1 {
        out.header(wanted);
        return draw(out, hash, wanted);
    }
    let replied = wanted.min(len);
    out.header(replied);
    if wanted >= len {
        hash.iter().for_each(|field| out.field(&field));
    } else if matches!(hash.view(), HashView::Table(_)) && wanted * DRAW_FACTOR <= len {
        draw_unique(out, hash, wanted);
    } else {
        choose(out, hash, wanted, len);
    }
}

/// Independent draws.
fn draw(out: &mut Out<'_>, hash: &Hash, count: usize) {
    if count > 1 && !matches!(hash.view(), HashView::Table(_)) {
        // A listpack has no random access: walk it once.
        let fields: Vec<HashField<'_>> = hash.iter().collect();
        for _ in 0..count {
            out.field(&fields[fastrand::usize(..fields.len())]);
            if out.reply.len() >= out.limit {
                break;
            }
        }
        return;
    }
    for _ in 0..count {
        out.field(&hash.random().expect("the hash is not empty"));
        if out.reply.len() >= out.limit {
            break;
        }
    }
}

/// Draws from a big table until there are `wanted` different fields.
fn draw_unique(out: &mut Out<'_>, hash: &Hash, wanted: usize) {
    let mut seen: HashSet<Vec<u8>> = HashSet::with_capacity(wanted);
    while seen.len() < wanted {
        let field = hash.random().expect("the hash is not empty");
        if seen.insert(field.name.to_vec()) {
            out.field(&field);
        }
    }
}

/// One walk that keeps each field with the probability that makes `wanted` of `len` in the end.
fn choose(out: &mut Out<'_>, hash: &Hash, wanted: usize, len: usize) {
    let (mut wanted, mut left) = (wanted, len);
    for field in hash.iter() {
        if fastrand::usize(..left.max(1)) < wanted {
            out.field(&field);
            wanted -= 1;
        }
        left = left.saturating_sub(1);
    }
}
