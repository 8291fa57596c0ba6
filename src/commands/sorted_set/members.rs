//! ZRANDMEMBER.

use super::{reply_header, reply_item, reply_member};
use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::storage::types::zset::ZSet;

/// `ZRANDMEMBER key [count [WITHSCORES]]`: a negative count allows repetitions.
pub fn zrandmember(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let request = Request::parse(args)?;
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let limit = server.reply_limit(client);
    let reply = &mut client.reply;
    let zset = server.read::<ZSet>(client.db, args[1])?;
    match (zset, request.count) {
        (None, None) => reply.null(),
        (None, Some(_)) | (Some(_), Some(0)) => reply.array(0),
        (Some(zset), None) => zset.random_members(1, |member, _| reply_member(reply, member)),
        (Some(zset), Some(count)) => {
            let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
            let distinct = count > 0;
            let len = if distinct { wanted.min(zset.len()) } else { wanted };
            reply_header(reply, len, request.with_scores);
            let mut left = len;
            while left > 0 && reply.len() < limit {
                let item = |member, score| reply_item(reply, member, score, request.with_scores);
                if distinct {
                    zset.random_distinct(len, item);
                    break;
                }
                let draws = left.min(DRAWS_AT_ONCE);
                zset.random_members(draws, item);
                left -= draws;
            }
        }
    }
    Ok(())
}

/// Draws between two looks at the length of the reply.
const DRAWS_AT_ONCE: usize = 1024;

struct Request {
    count: Option<i64>,
    with_scores: bool,
}

impl Request {
    fn parse(args: Args<'_>) -> Result<Request, ReplyError> {
        let Some(count) = args.get(2) else {
            return Ok(Request { count: None, with_scores: false });
        };
        let count = int(count)?;
        if count == i64::MIN {
            return Err(ReplyError::err(format!(
                "value is out of range, value must between {} and {}",
                -i64::MAX,
                i64::MAX
            )));
        }
        let with_scores = match args.get(3) {
            None => false,
            Some(option) if args.len() == 4 && is_option(option, "withscores") => true,
            Some(_) => return Err(ReplyError::SYNTAX),
        };
        // The header of a RESP2 reply counts scores, too.
        if with_scores && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
            return Err(ReplyError::VALUE_OUT_OF_RANGE);
        }
        Ok(Request { count: Some(count), with_scores })
    }
}
