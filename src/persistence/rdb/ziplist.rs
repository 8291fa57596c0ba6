//! Ziplists and zipmaps: what small collections were before listpacks (RDB versions 1 to 9). They
//! are only read, checked through and through, and turned into listpacks.
//!
//! ```text
//! ziplist  u32 bytes | u32 offset of the last entry | u16 entries (65535: unknown) | entry … | FF
//! entry    size of the entry before (1 byte, or FE and u32) | encoding | string
//! encoding 00pppppp string | 01pppppp + 1 byte string | 10…… + u32 BE string
//!          C0 i16 | D0 i32 | E0 i64 | F0 i24 | FE i8 | F1..FD 0..12
//! zipmap   count (254: unknown) | (length | name | length | free | value | free bytes) … | FF
//! length   1 byte, or FE and u32
//! ```
//! Invariant: no byte is read that is not there, and `Invalid` is the only failure.

use crate::storage::encoding::listpack::{Invalid, LpValue};

const HEADER: usize = 10;
const END: u8 = 0xFF;
/// The first byte of a length or size that takes four more.
const BIG: u8 = 0xFE;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Calls `f` with the entries of a ziplist; stops at its first error.
///
/// # Errors
/// If the bytes are no ziplist, or `f` says so; entries before the damage were shown.
pub fn for_each_ziplist_entry<'a>(
    bytes: &'a [u8],
    mut f: impl FnMut(LpValue<'a>) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    let head = bytes.first_chunk::<HEADER>().ok_or(Invalid)?;
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let tail = word(4) as usize;
    let told = u16::from_le_bytes([head[8], head[9]]);
    let end = bytes.len() - 1;
    if word(0) as usize != bytes.len() || bytes[end] != END || end < HEADER || tail > end {
        return Err(Invalid);
    }
    let (mut pos, mut before, mut count) = (HEADER, 0, 0usize);
    let mut last = None;
    while pos < end {
        if bytes[pos] == END {
            return Err(Invalid);
        }
        let (told_before, prefix) = previous_size(&bytes[pos..end])?;
        let (value, body) = ziplist_value(&bytes[pos + prefix..end])?;
        if told_before != before {
            return Err(Invalid);
        }
        f(value)?;
        (before, last) = (prefix + body, Some(pos));
        pos += before;
        count += 1;
    }
    let tail_holds = last.is_none_or(|last| last == tail);
    let count_holds = told == COUNT_UNKNOWN || usize::from(told) == count;
    if tail_holds && count_holds { Ok(()) } else { Err(Invalid) }
}

/// The size that stands before an entry, and the bytes it takes.
fn previous_size(bytes: &[u8]) -> Result<(usize, usize), Invalid> {
    match *bytes {
        [BIG, a, b, c, d, ..] => Ok((u32::from_le_bytes([a, b, c, d]) as usize, 5)),
        [BIG, ..] | [] => Err(Invalid),
        [size, ..] => Ok((usize::from(size), 1)),
    }
}

/// The value that starts with its encoding, and the bytes it takes.
fn ziplist_value(bytes: &[u8]) -> Result<(LpValue<'_>, usize), Invalid> {
    let string = |head: usize, len: usize| {
        let end = head.checked_add(len).ok_or(Invalid)?;
        Ok((LpValue::Str(bytes.get(head..end).ok_or(Invalid)?), end))
    };
    let int = |width: usize| {
        let mut raw = [0u8; 8];
        raw[8 - width..].copy_from_slice(bytes.get(1..1 + width).ok_or(Invalid)?);
        Ok((LpValue::Int(i64::from_le_bytes(raw) >> (64 - 8 * width)), 1 + width))
    };
    match *bytes {
        [first @ 0..=0x3F, ..] => string(1, usize::from(first)),
        [first @ 0x40..=0x7F, low, ..] => {
            string(2, usize::from(first & 0x3F) << 8 | usize::from(low))
        }
        [0x80..=0xBF, a, b, c, d, ..] => string(5, u32::from_be_bytes([a, b, c, d]) as usize),
        [0xC0, ..] => int(2),
        [0xD0, ..] => int(4),
        [0xE0, ..] => int(8),
        [0xF0, ..] => int(3),
        [0xFE, ..] => int(1),
        [first @ 0xF1..=0xFD, ..] => Ok((LpValue::Int(i64::from(first & 0x0F) - 1), 1)),
        _ => Err(Invalid),
    }
}

/// Calls `f` with the names and values of a zipmap; stops at its first error.
///
/// # Errors
/// If the bytes are no zipmap, or `f` says so; pairs before the damage were shown.
pub fn for_each_zipmap_pair<'a>(
    bytes: &'a [u8],
    mut f: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    let (&told, body) = bytes.split_first().ok_or(Invalid)?;
    let (&last, mut rest) = body.split_last().ok_or(Invalid)?;
    if last != END {
        return Err(Invalid);
    }
    let mut count = 0usize;
    while !rest.is_empty() {
        let (name, after) = zipmap_length(rest)?;
        let (name, after) = after.split_at_checked(name).ok_or(Invalid)?;
        let (value, after) = zipmap_length(after)?;
        let (&free, after) = after.split_first().ok_or(Invalid)?;
        let (value, after) = after.split_at_checked(value).ok_or(Invalid)?;
        rest = after.get(usize::from(free)..).ok_or(Invalid)?;
        f(name, value)?;
        count += 1;
    }
    let count_holds = told >= BIG || usize::from(told) == count;
    // Redis never wrote an empty one, and takes it for damage.
    if count_holds && count > 0 { Ok(()) } else { Err(Invalid) }
}

/// A length, and what follows it.
fn zipmap_length(bytes: &[u8]) -> Result<(usize, &[u8]), Invalid> {
    match bytes {
        [BIG, a, b, c, d, rest @ ..] => Ok((u32::from_le_bytes([*a, *b, *c, *d]) as usize, rest)),
        [BIG | END, ..] | [] => Err(Invalid),
        [len, rest @ ..] => Ok((usize::from(*len), rest)),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn length(out: &mut Vec<u8>, len: usize) {
        match u8::try_from(len) {
            Ok(short) if short < BIG => out.push(short),
            _ => {
                out.push(BIG);
                out.extend_from_slice(&(len as u32).to_le_bytes());
            }
        }
    }

    /// A ziplist of these values.
    pub fn ziplist(values: &[LpValue<'_>]) -> Vec<u8> {
        let mut out = vec![0; HEADER];
        let (mut before, mut tail) = (0, HEADER);
        for value in values {
            tail = out.len();
            length(&mut out, before);
            match *value {
                LpValue::Int(int @ 0..=12) => out.push(0xF1 + int as u8),
                LpValue::Int(int) => {
                    let fits = |bits: u32| int >> (bits - 1) == int >> 63;
                    let (code, width) = match () {
                        () if fits(8) => (0xFE, 1),
                        () if fits(16) => (0xC0, 2),
                        () if fits(24) => (0xF0, 3),
                        () if fits(32) => (0xD0, 4),
                        () => (0xE0, 8),
                    };
                    out.push(code);
                    out.extend_from_slice(&int.to_le_bytes()[..width]);
                }
                LpValue::Str(text) => {
                    match text.len() {
                        len @ 0..64 => out.push(len as u8),
                        len @ 64..16384 => out.extend([0x40 | (len >> 8) as u8, len as u8]),
                        len => {
                            out.push(0x80);
                            out.extend_from_slice(&(len as u32).to_be_bytes());
                        }
                    }
                    out.extend_from_slice(text);
                }
            }
            before = out.len() - tail;
        }
        out.push(END);
        let total = (out.len() as u32).to_le_bytes();
        out[..4].copy_from_slice(&total);
        out[4..8].copy_from_slice(&(tail as u32).to_le_bytes());
        out[8..10].copy_from_slice(&(values.len() as u16).to_le_bytes());
        out
    }

    /// A zipmap of these pairs, with `free` unused bytes after each value.
    pub fn zipmap(pairs: &[(Vec<u8>, Vec<u8>)], free: u8) -> Vec<u8> {
        let mut out = vec![u8::try_from(pairs.len()).unwrap_or(BIG).min(BIG)];
        for (name, value) in pairs {
            length(&mut out, name.len());
            out.extend_from_slice(name);
            length(&mut out, value.len());
            out.push(free);
            out.extend_from_slice(value);
            out.extend(std::iter::repeat_n(0xEE, usize::from(free)));
        }
        out.push(END);
        out
    }

    fn entries(bytes: &[u8]) -> Option<Vec<LpValue<'_>>> {
        let mut out = Vec::new();
        let result = for_each_ziplist_entry(bytes, |value| {
            out.push(value);
            Ok(())
        });
        result.ok().map(|()| out)
    }

    fn any_value() -> impl Strategy<Value = Result<i64, Vec<u8>>> {
        prop_oneof![
            any::<i64>().prop_map(Ok),
            (-300i64..300).prop_map(Ok),
            any::<i32>().prop_map(|int| Ok(i64::from(int) >> 7)),
            (0usize..400, any::<u8>()).prop_map(|(len, byte)| Err(vec![byte; len])),
        ]
    }

    fn as_values(values: &[Result<i64, Vec<u8>>]) -> Vec<LpValue<'_>> {
        let value = |v: &'_ Result<i64, Vec<u8>>| match v {
            Ok(int) => LpValue::Int(*int),
            Err(_) => LpValue::Int(0),
        };
        values
            .iter()
            .map(|v| match v {
                Err(text) => LpValue::Str(text),
                ok => value(ok),
            })
            .collect()
    }

    proptest! {
        #[test]
        fn ziplists_round_trip_and_damage_is_survived(
            values in vec(any_value(), 0..20),
            at in any::<proptest::sample::Index>(), byte in any::<u8>(),
        ) {
            let values = as_values(&values);
            let mut bytes = ziplist(&values);
            prop_assert_eq!(entries(&bytes), Some(values));
            let cut = at.index(bytes.len());
            prop_assert_eq!(entries(&bytes[..cut]), None);
            bytes[cut] = byte;
            let _ = entries(&bytes);
        }

        #[test]
        fn zipmaps_round_trip_and_damage_is_survived(
            pairs in vec((vec(any::<u8>(), 0..300), vec(any::<u8>(), 0..300)), 1..6),
            free in 0u8..5, at in any::<proptest::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = zipmap(&pairs, free);
            let mut seen = Vec::new();
            let all = for_each_zipmap_pair(&bytes, |name, value| {
                seen.push((name.to_vec(), value.to_vec()));
                Ok(())
            });
            prop_assert_eq!((all, seen), (Ok(()), pairs));
            let at = at.index(bytes.len());
            bytes[at] = byte;
            let _ = for_each_zipmap_pair(&bytes, |_, _| Ok(()));
            let _ = for_each_zipmap_pair(&bytes[..at], |_, _| Ok(()));
        }

        #[test]
        fn hostile_bytes_never_panic(bytes in vec(any::<u8>(), 0..60)) {
            let _ = entries(&bytes);
            let _ = for_each_zipmap_pair(&bytes, |_, _| Ok(()));
        }
    }
}
