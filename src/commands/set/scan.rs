//! SSCAN: a set in pieces. The guarantee is the hash table's; other forms are given at once.

use crate::commands::args::{int, is_option};
use crate::commands::value_reply::bulk_value;
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_u64;
use crate::protocol::reply::Reply;
use crate::storage::types::set::{LpValue, Set};
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

    fn wants(&self, member: LpValue<'_>) -> bool {
        self.pattern.is_none_or(|pattern| {
            string_match(pattern, member.as_bytes(&mut itoa::Buffer::new()), false)
        })
    }
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
pub fn sscan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut cursor = parse_u64(args[2]).ok_or(ReplyError::fixed("ERR invalid cursor"))?;
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let Some(set) = server.read::<Set>(client.db, args[1])? else {
        reply_cursor(&mut client.reply, 0);
        client.reply.array(0);
        return Ok(());
    };
    let options = Options::parse(&args[3..])?;
    let mut found = Reply::new();
    let (mut seen, mut len) = (0, 0);
    let mut buckets = options.count.saturating_mul(BUCKETS_PER_MEMBER);
    loop {
        cursor = set.scan(cursor, |member| {
            seen += 1;
            if options.wants(member) {
                bulk_value(&mut found, member);
                len += 1;
            }
        });
        if cursor == 0 || buckets == 0 || seen >= options.count {
            break;
        }
        buckets -= 1;
    }
    reply_cursor(&mut client.reply, cursor);
    client.reply.array(len);
    client.reply.raw(found.as_bytes());
    Ok(())
}

/// The frame of two, and the cursor.
fn reply_cursor(reply: &mut Reply, cursor: u64) {
    reply.array(2);
    reply.bulk_str(itoa::Buffer::new().format(cursor));
}
