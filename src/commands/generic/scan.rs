//! SCAN: the keyspace in pieces. The guarantee (what is there from the first call to the last is
//! reported) is the hash table's; here are the options, the bounds of one call, and expiry.
//!
//! Invariant: keys go from the table into the reply without a copy in between, so the header is
//! put in front at the end.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, CmdResult, Ctx, ReplyError};
use crate::protocol::number::parse_u64;
use crate::protocol::reply::Reply;
use crate::storage::object::ObjType;
use crate::util::crc16::{SLOTS, crc16};
use crate::util::glob::string_match;

/// Buckets looked at in one call, for each key asked for: bounds the work in a sparse table.
const BUCKETS_PER_KEY: u64 = 10;

struct Options<'a> {
    /// `None` = all keys.
    pattern: Option<&'a [u8]>,
    count: u64,
    obj_type: Option<ObjType>,
}

impl<'a> Options<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Options<'a>, ReplyError> {
        let mut options = Options { pattern: None, count: 10, obj_type: None };
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
            } else if is_option(name, "type") {
                options.obj_type = Some(type_by_name(value)?);
            } else {
                return Err(ReplyError::SYNTAX);
            }
        }
        Ok(options)
    }

    fn wants(&self, key: &[u8], obj_type: ObjType) -> bool {
        self.obj_type.is_none_or(|wanted| wanted == obj_type)
            && self.pattern.is_none_or(|pattern| string_match(pattern, key, false))
    }
}

fn type_by_name(name: &[u8]) -> Result<ObjType, ReplyError> {
    let found = ObjType::ALL.into_iter().find(|t| is_option(name, t.name()));
    found.ok_or_else(|| ReplyError::err([&b"unknown type name '"[..], name, b"'"].concat()))
}

/// The one slot whose keys a pattern can match, if it restricts them to one.
pub fn pattern_slot(pattern: &[u8]) -> Option<u16> {
    let slot = |bytes| Some(crc16(bytes) & (SLOTS - 1));
    let mut tag = None;
    let mut tag_allowed = true;
    for (at, byte) in pattern.iter().enumerate() {
        match (byte, tag) {
            // Wildcards may stand for anything; escaped bytes would have to be unescaped first.
            (b'*' | b'?' | b'[' | b'\\', _) => return None,
            (b'{', None) if tag_allowed => tag = Some(at + 1),
            (b'}', Some(start)) if start == at => (tag, tag_allowed) = (None, false),
            (b'}', Some(start)) => return slot(&pattern[start..at]),
            _ => {}
        }
    }
    slot(pattern)
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub fn scan(ctx: &mut Ctx<'_>, args: Args<'_>) -> CmdResult {
    let mut cursor = parse_u64(args[1]).ok_or(ReplyError::fixed("ERR invalid cursor"))?;
    let options = Options::parse(&args[2..])?;
    let now = ctx.now_ms();
    let (server, client) = (&mut *ctx.server, &mut *ctx.client);
    let never_expired = server.keeps_expired();
    let slot = options.pattern.filter(|_| server.config.cluster_enabled).and_then(pattern_slot);
    let db = &server.keyspace.dbs[client.db];
    let start = client.reply.len();
    let (mut sampled, mut found) = (0, 0);
    let mut expired: Vec<Box<[u8]>> = Vec::new();
    let mut buckets = options.count.saturating_mul(BUCKETS_PER_KEY);
    loop {
        cursor = db.scan(cursor, slot, |entry| {
            sampled += 1;
            let key = entry.key();
            if !options.wants(key, entry.obj_type()) {
                return;
            }
            if !never_expired && entry.expire().is_some_and(|at| at < now) {
                expired.push(key.into());
            } else {
                client.reply.bulk(key);
                found += 1;
            }
        });
        if cursor == 0 || buckets == 0 || sampled >= options.count {
            break;
        }
        buckets -= 1;
    }
    let mut header = Reply::new();
    header.array(2);
    let mut digits = itoa::Buffer::new();
    header.bulk_str(digits.format(cursor));
    header.array(found);
    let header = header.as_bytes().iter().copied();
    client.reply.buffer_mut().splice(start..start, header);
    let db = client.db;
    for key in expired {
        ctx.server.expire_if_needed(db, &key);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_their_errors() {
        let parse = |args: &[&str]| {
            let args: Vec<&[u8]> = args.iter().map(|a| a.as_bytes()).collect();
            Options::parse(&args).map(|o| (o.count, o.pattern.is_some(), o.obj_type))
        };
        assert_eq!(parse(&[]), Ok((10, false, None)));
        let all = parse(&["COUNT", "7", "match", "a*", "TYPE", "ZSET"]);
        assert_eq!(all, Ok((7, true, Some(ObjType::ZSet))));
        assert_eq!(parse(&["match", "*"]), Ok((10, false, None)));
        assert_eq!(parse(&["count", "0"]), Err(ReplyError::SYNTAX));
        assert_eq!(parse(&["count"]), Err(ReplyError::SYNTAX));
        assert_eq!(parse(&["count", "x"]), Err(ReplyError::NOT_INT));
        let error = parse(&["type", "nope"]).unwrap_err();
        assert_eq!(error.text(), b"ERR unknown type name 'nope'");
    }

    #[test]
    fn slot_of_a_pattern() {
        use crate::util::crc16::key_slot;
        assert_eq!(pattern_slot(b"{tag}*"), Some(key_slot(b"tag")));
        assert_eq!(pattern_slot(b"plain"), Some(key_slot(b"plain")));
        assert_eq!(pattern_slot(b"{}x{y}"), Some(key_slot(b"{}x{y}")));
        assert_eq!(pattern_slot(b"*{tag}"), None);
        assert_eq!(pattern_slot(b"{t?g}"), None);
        assert_eq!(pattern_slot(b"a\\*{b}"), None);
    }
}
