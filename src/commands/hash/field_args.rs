//! `FIELDS numfields field [field ...]` and expire times of fields, as commands take them.

use crate::commands::args::{int, is_option};
use crate::commands::{Args, ReplyError};
use crate::protocol::number::parse_i64;
use crate::storage::types::hash::FIELD_EXPIRE_MAX_MS;

/// The largest expire time that clients may ask for, ms since the epoch: two bits of the format are
/// kept free, as in Redis.
pub const EXPIRE_ARG_MAX_MS: i64 = FIELD_EXPIRE_MAX_MS >> 2;

/// How an expire time is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    pub seconds: bool,
    pub absolute: bool,
}

impl Unit {
    pub const EX: Unit = Unit { seconds: true, absolute: false };
    pub const PX: Unit = Unit { seconds: false, absolute: false };
    pub const EXAT: Unit = Unit { seconds: true, absolute: true };
    pub const PXAT: Unit = Unit { seconds: false, absolute: true };

    /// The option of that name.
    pub fn by_name(name: &[u8]) -> Option<Unit> {
        let units =
            [("ex", Unit::EX), ("px", Unit::PX), ("exat", Unit::EXAT), ("pxat", Unit::PXAT)];
        units.into_iter().find(|(text, _)| is_option(name, text)).map(|(_, unit)| unit)
    }

    /// The expire time that `arg` gives, ms since the epoch.
    ///
    /// # Errors
    /// If it is no integer, negative, or too far away.
    pub fn parse(self, arg: &[u8], now: i64, command: &str) -> Result<i64, ReplyError> {
        let given = int(arg)?;
        if given < 0 {
            return Err(ReplyError::fixed("ERR invalid expire time, must be >= 0"));
        }
        let base = if self.absolute { 0 } else { now };
        let ms = if self.seconds { given.checked_mul(1000) } else { Some(given) };
        match ms.and_then(|ms| ms.checked_add(base)) {
            Some(at) if at <= EXPIRE_ARG_MAX_MS => Ok(at),
            _ => Err(ReplyError::invalid_expire(command)),
        }
    }
}

/// The names after `FIELDS numfields`, which stand at argument `at` and up to the end. `bad_count`
/// is the error if `numfields` is no positive integer.
pub fn fields<'a>(
    args: Args<'a>,
    at: usize,
    bad_count: &'static str,
) -> Result<&'a [&'a [u8]], ReplyError> {
    if !args.get(at).is_some_and(|arg| is_option(arg, "fields")) {
        let text = "ERR Mandatory argument FIELDS is missing or not at the right position";
        return Err(ReplyError::fixed(text));
    }
    // HGETEX with options may be so short.
    let count = args.get(at + 1).and_then(|arg| parse_i64(arg)).filter(|n| *n > 0);
    let count = count.ok_or(ReplyError::fixed(bad_count))?;
    let names = args.0.get(at + 2..).unwrap_or_default();
    if usize::try_from(count) != Ok(names.len()) {
        let text = "ERR The `numfields` parameter must match the number of arguments";
        return Err(ReplyError::fixed(text));
    }
    Ok(names)
}

/// `bad_count` of most commands.
pub const NUMBER_OF_FIELDS: &str = "ERR Number of fields must be a positive integer";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expire_times_end_at_46_bits() {
        let parse = |unit: Unit, text: String| unit.parse(text.as_bytes(), 1000, "x");
        assert_eq!(parse(Unit::EX, "2".into()), Ok(3000));
        assert_eq!(parse(Unit::EXAT, "2".into()), Ok(2000));
        assert_eq!(parse(Unit::PX, "2".into()), Ok(1002));
        assert_eq!(parse(Unit::PXAT, EXPIRE_ARG_MAX_MS.to_string()), Ok(EXPIRE_ARG_MAX_MS));
        let too_far = Err(ReplyError::invalid_expire("x"));
        assert_eq!(parse(Unit::PXAT, (EXPIRE_ARG_MAX_MS + 1).to_string()), too_far);
        assert_eq!(parse(Unit::PX, (EXPIRE_ARG_MAX_MS - 999).to_string()), too_far);
        assert_eq!(parse(Unit::EX, i64::MAX.to_string()), too_far);
        assert!(parse(Unit::EX, "-1".into()).is_err());
        assert_eq!(Unit::by_name(b"ExAt"), Some(Unit::EXAT));
        assert_eq!(Unit::by_name(b"exit"), None);
    }

    #[test]
    fn names_must_be_as_many_as_announced() {
        let parse = |args: &[&'static [u8]]| {
            fields(Args(args), 1, NUMBER_OF_FIELDS).map(<[_]>::len).map_err(|e| e.text().to_vec())
        };
        assert_eq!(parse(&[b"k", b"fields", b"2", b"a", b"b"]), Ok(2));
        for (args, part) in [
            (&[b"k", &b"field"[..], b"1", b"a"], "FIELDS is missing"),
            (&[b"k", b"fields", b"2", b"a"], "must match"),
            (&[b"k", b"fields", b"0", b"a"], "positive integer"),
            (&[b"k", b"fields", b"9223372036854775808", b"a"], "positive integer"),
        ] {
            let error = String::from_utf8(parse(args).unwrap_err()).unwrap();
            assert!(error.contains(part), "{error}");
        }
        assert!(parse(&[b"k"]).is_err() && parse(&[b"k", b"FIELDS"]).is_err());
    }
}
