//! Number texts: integers and doubles as Redis reads them from arguments and prints them in
//! replies.
//!
//! Pure functions over bytes; nothing here replies or knows a command. The 80-bit floats of
//! INCRBYFLOAT are in `util::f80`. Invariant: an accepted integer text is its own canonical form
//! ([`parse_i64`]), so a value stored as integer gives back the bytes that came in.

mod double;
mod grisu;
#[cfg(test)]
mod tests;

pub use double::{f64_as_i64, parse_f64, parse_f64_prefix, parse_score_bound};

use std::io;
use std::ops::Deref;

/// Longest text that can be an i64: 19 digits and a sign.
const MAX_I64_LEN: usize = 20;

/// The i64 that `text` is the canonical form of: no blanks, no `+`, no leading zeros, no `-0`.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    if text == b"0" {
        return Some(0);
    }
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if text.len() > MAX_I64_LEN || !matches!(digits.first(), Some(b'1'..=b'9')) {
        return None;
    }
    let mut magnitude = 0u64;
    for &b in digits {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        // Twenty digits, the most that get here, may not fit.
        magnitude = magnitude.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    if negative { 0i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// A u64 as Redis reads cursors and stream IDs: canonical forms, and what C's `strtoull` takes
/// beyond (blanks, sign, leading zeros). As there, a text that is not canonical may carry a minus
/// and wraps; the text ends at a NUL.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    let text = memchr::memchr(0, text).map_or(text, |nul| &text[..nul]);
    if let Some(value) = parse_i64(text) {
        return u64::try_from(value).ok();
    }
    let scan = scan_int(text, 10);
    let complete = !text.is_empty() && scan.len == text.len();
    let magnitude = scan.magnitude.filter(|_| complete)?;
    Some(if scan.negative { magnitude.wrapping_neg() } else { magnitude })
}

/// What C's `strtoll` makes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CInt {
    /// The number, at i64's ends when out of range, 0 when there is none.
    pub value: i64,
    /// Bytes used; 0 when there is no number.
    pub len: usize,
    /// C would report ERANGE.
    pub out_of_range: bool,
}

/// C's `strtoll` for radix 8 or 10: blanks, sign, digits; stops at the first other byte.
pub fn strtoll(text: &[u8], radix: u32) -> CInt {
    let scan = scan_int(text, radix);
    let value = match (scan.magnitude, scan.negative) {
        (Some(m), false) => i64::try_from(m).ok(),
        (Some(m), true) => 0i64.checked_sub_unsigned(m),
        (None, _) => None,
    };
    let limit = if scan.negative { i64::MIN } else { i64::MAX };
    CInt { value: value.unwrap_or(limit), len: scan.len, out_of_range: value.is_none() }
}

struct Scan {
    negative: bool,
    /// `None` when over u64's range.
    magnitude: Option<u64>,
    len: usize,
}

fn scan_int(text: &[u8], radix: u32) -> Scan {
    debug_assert!(matches!(radix, 8 | 10), "no 0x prefixes here");
    let blank = |b: &&u8| matches!(**b, b' ' | b'\t'..=b'\r');
    let start = text.iter().take_while(blank).count();
    let negative = text.get(start) == Some(&b'-');
    let signed = usize::from(matches!(text.get(start), Some(b'+' | b'-')));
    let mut len = start + signed;
    let first = len;
    let mut magnitude = Some(0u64);
    while let Some(digit) = text.get(len).and_then(|&b| char::from(b).to_digit(radix)) {
        magnitude = magnitude
            .and_then(|m| m.checked_mul(u64::from(radix)))
            .and_then(|m| m.checked_add(u64::from(digit)));
        len += 1;
    }
    if len == first {
        return Scan { negative: false, magnitude: Some(0), len: 0 };
    }
    Scan { negative, magnitude, len }
}

/// Length of the decimal text of `value`, sign included.
pub fn i64_len(value: i64) -> usize {
    let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log as usize + 1);
    digits + usize::from(value < 0)
}

/// Appends the decimal text of `value`.
pub fn append_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a double as [`NumText::from_f64`] prints it.
pub fn append_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&NumText::from_f64(value));
}

const TEXT_CAP: usize = 31;

/// The text of one number, on the stack.
#[derive(Debug, Clone, Copy)]
pub struct NumText {
    buf: [u8; TEXT_CAP],
    len: u8,
}

const _: () = assert!(size_of::<NumText>() == 32);

impl NumText {
    pub fn from_i64(value: i64) -> NumText {
        NumText::from_bytes(itoa::Buffer::new().format(value).as_bytes())
    }

    pub fn from_u64(value: u64) -> NumText {
        NumText::from_bytes(itoa::Buffer::new().format(value).as_bytes())
    }

    fn from_bytes(text: &[u8]) -> NumText {
        let mut out = NumText::default();
        out.push(text);
        out
    }

    fn push(&mut self, bytes: &[u8]) {
        let len = usize::from(self.len);
        self.buf[len..len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len() as u8;
    }

    fn push_zeros(&mut self, count: usize) {
        let len = usize::from(self.len);
        self.buf[len..len + count].fill(b'0');
        self.len += count as u8;
    }
}

impl Default for NumText {
    fn default() -> Self {
        NumText { buf: [0; TEXT_CAP], len: 0 }
    }
}

impl Deref for NumText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.buf[..usize::from(self.len)]
    }
}

impl AsRef<[u8]> for NumText {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// For `write!`: fails when the text does not fit.
impl io::Write for NumText {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if usize::from(self.len) + bytes.len() > TEXT_CAP {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.push(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
