//! The arguments of XREAD and XREADGROUP, as far as they can be understood without looking at keys.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, ReplyError};

/// What is asked of all streams.
pub struct ReadArgs<'a> {
    /// ms since the epoch, 0 = never; `None`: does not block.
    pub deadline: Option<i64>,
    /// Entries of each stream; 0 = all.
    pub count: u64,
    pub noack: bool,
    /// Group and consumer of XREADGROUP.
    pub group: Option<(&'a [u8], &'a [u8])>,
    pub keys: &'a [&'a [u8]],
    pub ids: &'a [&'a [u8]],
}

/// The timeout of BLOCK, ms, as the absolute time at which it ends; 0 = never.
fn block_deadline(arg: &[u8], now_ms: i64) -> Result<i64, ReplyError> {
    let ms =
        int(arg).map_err(|_| ReplyError::fixed("ERR timeout is not an integer or out of range"))?;
    match ms {
        0 => Ok(0),
        ms if ms < 0 => Err(ReplyError::TIMEOUT_NEGATIVE),
        ms => now_ms.checked_add(ms).ok_or(ReplyError::TIMEOUT_RANGE),
    }
}

const GROUP_IN_XREAD: ReplyError = ReplyError::fixed(
    "ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.",
);
const NOACK_IN_XREAD: ReplyError = ReplyError::fixed(
    "ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.",
);

impl<'a> ReadArgs<'a> {
    pub fn parse(args: Args<'a>, for_group: bool, now_ms: i64) -> Result<Self, ReplyError> {
        let mut read =
            ReadArgs { deadline: None, count: 0, noack: false, group: None, keys: &[], ids: &[] };
        let mut rest = &args.0[1..];
        loop {
            match rest {
                [option, ms, more @ ..] if is_option(option, "block") => {
                    read.deadline = Some(block_deadline(ms, now_ms)?);
                    rest = more;
                }
                [option, n, more @ ..] if is_option(option, "count") => {
                    read.count = u64::try_from(int(n)?).unwrap_or(0);
                    rest = more;
                }
                [option, streams @ ..] if is_option(option, "streams") && !streams.is_empty() => {
                    if streams.len() % 2 == 1 {
                        return Err(unbalanced(for_group));
                    }
                    (read.keys, read.ids) = streams.split_at(streams.len() / 2);
                    break;
                }
                [option, group, consumer, more @ ..] if is_option(option, "group") => {
                    if !for_group {
                        return Err(GROUP_IN_XREAD);
                    }
                    read.group = Some((*group, *consumer));
                    rest = more;
                }
                [option, more @ ..] if is_option(option, "noack") => {
                    if !for_group {
                        return Err(NOACK_IN_XREAD);
                    }
                    read.noack = true;
                    rest = more;
                }
                _ => return Err(ReplyError::SYNTAX),
            }
        }
        if for_group && read.group.is_none() {
            return Err(ReplyError::fixed("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(read)
    }
}

fn unbalanced(for_group: bool) -> ReplyError {
    let (name, ids) = match for_group {
        true => ("xreadgroup", "ID or '>'"),
        false => ("xread", "ID, '+', or '$'"),
    };
    ReplyError::err(format!(
        "Unbalanced '{name}' list of streams: for each stream key an {ids} must be specified."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_in_any_order_and_their_errors() {
        let parse = |line: &'static str, for_group| {
            let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
            let args: &'static [&'static [u8]] = args.leak();
            ReadArgs::parse(Args(args), for_group, 100)
        };
        let read = parse("x NOACK count -5 GROUP g c block 50 streams a b 1 2", true);
        let read = read.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!((read.deadline, read.count, read.noack), (Some(150), 0, true));
        assert_eq!(read.group, Some((&b"g"[..], &b"c"[..])));
        assert_eq!((read.keys.len(), read.ids[1]), (2, &b"2"[..]));
        for (line, for_group, part) in [
            ("x streams", false, "syntax"),
            ("x streams a b 1", false, "'+', or '$'"),
            ("x group g c streams a b 1", true, "ID or '>'"),
            ("x streams a 1", true, "Missing GROUP"),
            ("x group g c streams a 1", false, "GROUP option"),
            ("x noack streams a 1", false, "NOACK option"),
            ("x block -1 streams a 1", false, "negative"),
            ("x block 1.5 streams a 1", false, "not an integer"),
            ("x block 9223372036854775807 streams a 1", false, "out of range"),
            ("x block", false, "syntax"),
        ] {
            let error = parse(line, for_group).err().unwrap_or(ReplyError::OOM);
            assert!(String::from_utf8_lossy(error.text()).contains(part), "{line}: {error:?}");
        }
    }
}
