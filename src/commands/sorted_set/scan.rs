//! ZSCAN. The guarantee (what is there from the first call to the last is reported) is the hash
//! table's; here are the options and the bounds of one call.

use super::reply_member;
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::{NumText, parse_u64};
use crate::protocol::reply::{Aggregate, Reply};
use crate::storage::types::zset::{Score, ZSet};
use crate::util::glob::string_match;

/// Buckets looked at in one call, for each member asked for: bounds the work in a sparse table.
const BUCKETS_PER_MEMBER: u64 = 10;

struct Options<'a> {
    /// `None` = all members.
    pattern: Option<&'a [u8]>,
    count: u64,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Options<'a>, ReplyError> {
        let mut options = Options { pattern: None, count: 10 };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            if is_option(name, "novalues") {
                return Err(ReplyError::fixed("ERR NOVALUES option can only be used in HSCAN"));
            }
            let value = args.next().ok_or(ReplyError::SYNTAX)?;
            if is_option(name, "count") {
                let count = u64::try_from(int(value)?).unwrap_or(0);
                options.count = if count > 0 { count } else { return Err(ReplyError::SYNTAX) };
            } else if is_option(name, "match") {
                options.pattern = (*value != b"*").then_some(value);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn zscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let cursor = parse_u64(args[2]).ok_or(ReplyError::fixed("ERR invalid cursor"))?;
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let found = server.read::<ZSet>(client.db, args[1])?;
    let mut members = Reply::new();
    let (mut next, mut len) = (0, 0);
    if let Some(zset) = found {
        let options = Options::parse(&args[3..])?;
        (next, len) = scan(zset, cursor, &options, &mut members);
    }
    let reply = &mut client.reply;
    reply.array(2);
    reply.bulk_str(itoa::Buffer::new().format(next));
    let at = reply.deferred();
    reply.raw(members.as_bytes());
    reply.close_deferred(at, Aggregate::Array, len);
    Ok(())
}

/// Writes the next members with their scores; returns the next cursor and how many elements were
/// written.
fn scan(zset: &ZSet, mut cursor: u64, options: &Options<'_>, out: &mut Reply) -> (u64, usize) {
    let (mut sampled, mut written) = (0, 0);
    let mut buckets = options.count.saturating_mul(BUCKETS_PER_MEMBER);
    loop {
        cursor = zset.scan(cursor, |member, score| {
            sampled += 1;
            let mut digits = itoa::Buffer::new();
            let text = member.as_bytes(&mut digits);
            if options.pattern.is_none_or(|pattern| string_match(pattern, text, false)) {
                out.bulk(text);
                reply_score(out, score);
                written += 2;
            }
        });
        if cursor == 0 || buckets == 0 || sampled >= options.count {
            return (cursor, written);
        }
        buckets -= 1;
    }
}

/// As Redis prints it here: the text of a listpack as it is, else all 17 digits.
fn reply_score(out: &mut Reply, score: Score<'_>) {
    match score {
        Score::Entry(entry) => reply_member(out, entry),
        Score::Known(score) => out.bulk(&NumText::from_f64_g17(score)),
    }
}
