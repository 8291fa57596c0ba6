//! Stream IDs in arguments and replies.

use crate::commands::ReplyError;
use crate::protocol::number::parse_u64;
use crate::protocol::reply::Reply;
use crate::storage::types::stream::{AddId, StreamId};

pub const INVALID: ReplyError =
    ReplyError::fixed("ERR Invalid stream ID specified as stream command argument");

/// A longer text is no ID.
const MAX_TEXT: usize = 127;

/// A text up to its NUL, as C reads it.
fn c_text(arg: &[u8]) -> &[u8] {
    memchr::memchr(0, arg).map_or(arg, |nul| &arg[..nul])
}

/// `ms` and what follows the first `-`.
fn split(arg: &[u8]) -> Result<(u64, Option<&[u8]>), ReplyError> {
    if arg.len() > MAX_TEXT {
        return Err(INVALID);
    }
    let text = c_text(arg);
    let (ms, seq) = match memchr::memchr(b'-', text) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    Ok((parse_u64(ms).ok_or(INVALID)?, seq))
}

/// `ms-seq` or `ms`, where `missing_seq` stands for what is missing.
pub fn strict(arg: &[u8], missing_seq: u64) -> Result<StreamId, ReplyError> {
    let (ms, seq) = split(arg)?;
    let seq = match seq {
        Some(seq) => parse_u64(seq).ok_or(INVALID)?,
        None => missing_seq,
    };
    Ok(StreamId::new(ms, seq))
}

/// As [`strict`], or `-` and `+` for the ends.
pub fn any(arg: &[u8], missing_seq: u64) -> Result<StreamId, ReplyError> {
    match c_text(arg) {
        b"-" if arg.len() <= MAX_TEXT => Ok(StreamId::MIN),
        b"+" if arg.len() <= MAX_TEXT => Ok(StreamId::MAX),
        _ => strict(arg, missing_seq),
    }
}

/// The ID of XADD other than `*`: `ms-seq`, `ms`, or `ms-*`.
pub fn to_add(arg: &[u8]) -> Result<AddId, ReplyError> {
    match split(arg)? {
        (ms, Some(b"*")) => Ok(AddId::Time(ms)),
        _ => strict(arg, 0).map(AddId::Exact),
    }
}

/// The start of an interval; `(` excludes it.
pub fn start(arg: &[u8]) -> Result<StreamId, ReplyError> {
    const ERROR: ReplyError = ReplyError::fixed("ERR invalid start ID for the interval");
    match arg {
        [b'(', id @ ..] if !id.is_empty() => strict(id, 0)?.next().ok_or(ERROR),
        _ => any(arg, 0),
    }
}

/// The end of an interval; `(` excludes it.
pub fn end(arg: &[u8]) -> Result<StreamId, ReplyError> {
    const ERROR: ReplyError = ReplyError::fixed("ERR invalid end ID for the interval");
    match arg {
        [b'(', id @ ..] if !id.is_empty() => strict(id, u64::MAX)?.prev().ok_or(ERROR),
        _ => any(arg, u64::MAX),
    }
}

/// All arguments as IDs.
pub fn all(args: &[&[u8]]) -> Result<Vec<StreamId>, ReplyError> {
    args.iter().map(|arg| strict(arg, 0)).collect()
}

/// An ID as a bulk string.
#[inline]
pub fn reply_id(reply: &mut Reply, id: StreamId) {
    reply.bulk(&id.to_text());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_whole_incomplete_and_wrong() {
        let id = StreamId::new;
        assert_eq!(strict(b"5-7", 0), Ok(id(5, 7)));
        assert_eq!(strict(b"5", 9), Ok(id(5, 9)));
        assert_eq!(strict(b"18446744073709551615-18446744073709551615", 0), Ok(StreamId::MAX));
        assert_eq!(strict(b"5\0-7", 3), Ok(id(5, 3)));
        for bad in ["", "-", "+", "5-", "-5", "x", "5-x", "5-*", "5-7-9", "18446744073709551616"] {
            assert_eq!(strict(bad.as_bytes(), 0), Err(INVALID), "{bad}");
        }
        assert_eq!(strict(&[b'1'; 128], 0), Err(INVALID));
        assert_eq!((any(b"-", 0), any(b"+", 0)), (Ok(StreamId::MIN), Ok(StreamId::MAX)));
        assert_eq!(to_add(b"5-*"), Ok(AddId::Time(5)));
        assert_eq!(to_add(b"5"), Ok(AddId::Exact(id(5, 0))));
        assert_eq!(to_add(b"+"), Err(INVALID));
    }

    #[test]
    fn intervals_may_exclude_their_ends() {
        let id = StreamId::new;
        assert_eq!((start(b"(5"), end(b"(5")), (Ok(id(5, 1)), Ok(id(5, u64::MAX - 1))));
        assert_eq!((start(b"5"), end(b"5")), (Ok(id(5, 0)), Ok(id(5, u64::MAX))));
        assert_eq!(end(b"(5-0"), Ok(id(4, u64::MAX)));
        assert!(end(b"(0-0").is_err());
        assert!(start(b"(18446744073709551615-18446744073709551615").is_err());
        assert_eq!((start(b"("), start(b"(-")), (Err(INVALID), Err(INVALID)));
    }
}
