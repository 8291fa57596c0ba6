//! Doubles to and from text, exactly as Redis prints and reads them.
//!
//! Three printed forms: [`NumText::from_f64`] (replies, listpacks, AOF), [`NumText::from_f64_g17`]
//! (`%.17g`: ZSCAN's scores) and [`NumText::from_f64_fixed`] (GEODIST). Reading: [`parse_f64`]
//! where a whole argument is a number, [`parse_f64_prefix`] where Redis looks at where C stopped.
//! Invariant: what `from_f64` prints reads back as the same double.

use super::{NumText, grisu};
use std::io::Write;

/// Integral doubles up to this size (2^62) are printed as integers.
const MAX_INTEGRAL: f64 = 4_611_686_018_427_387_904.0;

/// The integer equal to `value`, when there is one within ±2^62.
#[inline]
pub fn f64_as_i64(value: f64) -> Option<i64> {
    let int = value as i64;
    (value.abs() <= MAX_INTEGRAL && int as f64 == value).then_some(int)
}

/// A double that fills all of `text`: decimal digits with sign, point and exponent, or `inf` /
/// `infinity` in any case. Too big is infinite, too small is zero; `nan`, blanks, hexadecimal and
/// the empty text are refused.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(value) = parse_short(text) {
        return Some(value);
    }
    let (value, len) = parse_f64_prefix(text);
    (len == text.len() && !text.is_empty() && !value.is_nan()).then_some(value)
}

/// Digits that a double holds exactly, whatever they are.
const EXACT_DIGITS: usize = 15;
const POWERS_OF_TEN: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// The number of eight decimal digits, all at once; `None` if one is no digit.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    let each = |byte: u8| u64::from_ne_bytes([byte; 8]);
    let word = u64::from_le_bytes(text);
    // `0` to `9` have the high half 3, also after six was added to the low one.
    let high = (word & each(0xf0)) | (word.wrapping_add(each(0x06)) & each(0xf0)) >> 4;
    if high != each(0x33) {
        return None;
    }
    // Pairs, then fours, then all: each product has the sum of two neighbours in its upper half.
    let pairs = (word & each(0x0f)).wrapping_mul(10 << 8 | 1) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(100 << 16 | 1) >> 16;
    Some((fours & 0x0000_ffff_0000_ffff).wrapping_mul(10_000 << 32 | 1) >> 32)
}

/// What most texts are: few digits, perhaps with a point, without exponent. Mantissa and power of
/// ten are exact, so their quotient is rounded once, as it must be. `None` for all other texts.
#[inline]
fn parse_short(text: &[u8]) -> Option<f64> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    // With the point one more; the digits are counted at the end.
    if rest.len() > EXACT_DIGITS + 1 {
        return None;
    }
    let (mut mantissa, mut tail) = (0u64, rest);
    if let Some((eight, behind)) = rest.split_first_chunk()
        && let Some(value) = eight_digits(*eight)
    {
        (mantissa, tail) = (value, behind);
    }
    let (mut fraction, mut seen_point) = (0, false);
    for &byte in tail {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa * 10 + u64::from(digit);
            fraction += usize::from(seen_point);
        } else if byte == b'.' && !seen_point {
            seen_point = true;
        } else {
            return None;
        }
    }
    let digits = rest.len() - usize::from(seen_point);
    if digits == 0 || digits > EXACT_DIGITS {
        return None;
    }
    let value = mantissa as f64 / POWERS_OF_TEN[fraction];
    Some(if negative { -value } else { value })
}

/// One end of a score range without its `(`: like [`parse_f64`], but the text ends at a NUL as a C
/// string does, and an empty text is 0.
pub fn parse_score_bound(text: &[u8]) -> Option<f64> {
    let (value, len) = parse_f64_prefix(text);
    let ended = text.get(len).is_none_or(|&b| b == 0);
    (ended && !value.is_nan()).then_some(value)
}

/// The longest number at the start of `text` and its length; `(0.0, 0)` when there is none. No
/// blanks are skipped. `nan` and `nan(...)` are numbers here.
pub fn parse_f64_prefix(text: &[u8]) -> (f64, usize) {
    let len = decimal_len(text);
    if len > 0 {
        let number = std::str::from_utf8(&text[..len]).expect("signs, digits, points are ASCII");
        return (number.parse().expect("decimal_len accepts only Rust's own grammar"), len);
    }
    parse_inf_nan(text)
}

/// Length of the decimal number at the start: `[+-] digits [. digits] [e [+-] digits]` with a digit
/// before the exponent; 0 when there is none.
fn decimal_len(text: &[u8]) -> usize {
    let digits = |from: usize| {
        text.get(from..).unwrap_or_default().iter().take_while(|b| b.is_ascii_digit()).count()
    };
    let sign = |at: usize| usize::from(matches!(text.get(at), Some(b'+' | b'-')));
    let start = sign(0);
    let int = digits(start);
    let mut end = start + int;
    let mut any = int > 0;
    if text.get(end) == Some(&b'.') {
        let fraction = digits(end + 1);
        any |= fraction > 0;
        end += 1 + fraction;
    }
    if !any {
        return 0;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let from = end + 1 + sign(end + 1);
        let exponent = digits(from);
        if exponent > 0 {
            end = from + exponent;
        }
    }
    end
}

fn parse_inf_nan(text: &[u8]) -> (f64, usize) {
    let starts = |at: usize, word: &[u8]| {
        text.get(at..at + word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word))
    };
    let negative = text.first() == Some(&b'-');
    let mut at = usize::from(negative);
    at += usize::from(text.get(at) == Some(&b'+'));
    if starts(at, b"nan") {
        at += 3;
        if text.get(at) == Some(&b'(') {
            let tail = &text[at + 1..];
            let inner =
                tail.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            if tail.get(inner) == Some(&b')') {
                at += inner + 2;
            }
        }
        return (f64::NAN, at);
    }
    if starts(at, b"inf") {
        at += if starts(at, b"infinity") { 8 } else { 3 };
        return (if negative { f64::NEG_INFINITY } else { f64::INFINITY }, at);
    }
    (0.0, 0)
}

impl NumText {
    /// The text of a double in replies: integers in full up to 2^62, else the fewest digits that
    /// Grisu2 finds, plain or with exponent; `inf`, `-inf`, `nan`, `-0`.
    pub fn from_f64(value: f64) -> NumText {
        if let Some(special) = special(value) {
            return special;
        }
        if value == 0.0 {
            return NumText::from_bytes(if value.is_sign_negative() { b"-0" } else { b"0" });
        }
        if let Some(int) = f64_as_i64(value) {
            return NumText::from_i64(int);
        }
        let mut out = NumText::default();
        if value < 0.0 {
            out.push(b"-");
        }
        let digits = grisu::digits(value.abs());
        layout_shortest(&mut out, digits.as_bytes(), digits.exponent, value < 0.0);
        out
    }

    /// C's `%.17g`, with `inf`, `-inf` and `nan` as Redis spells them.
    pub fn from_f64_g17(value: f64) -> NumText {
        if let Some(special) = special(value) {
            return special;
        }
        // Seventeen correctly rounded digits: d.dddde±x.
        let mut sci = NumText::default();
        write!(sci, "{:.16e}", value.abs()).expect("a double's exponent form fits in 24 bytes");
        let at = memchr::memchr(b'e', &sci).expect("exponent form has an e");
        let exponent: i32 = std::str::from_utf8(&sci[at + 1..])
            .expect("digits are ASCII")
            .parse()
            .expect("the exponent of a double is a small integer");
        let mut digits = [b'0'; 17];
        digits[0] = sci[0];
        digits[1..].copy_from_slice(&sci[2..at]);
        let significant = digits.iter().rposition(|&d| d != b'0').map_or(1, |last| last + 1);

        let mut out = NumText::default();
        if value.is_sign_negative() {
            out.push(b"-");
        }
        layout_general(&mut out, &digits[..significant], exponent);
        out
    }

    /// `value` with exactly `decimals` (1 to 17) digits after the point, halves to even.
    ///
    /// Scaled in double arithmetic like Redis does it, so the last digit is that of
    /// `value * 10^decimals`, not of the exact value; out of i64's range it is meaningless.
    pub fn from_f64_fixed(value: f64, decimals: usize) -> NumText {
        assert!((1..=17).contains(&decimals), "Redis' own bounds for a fixed-point text");
        let scaled = (value * 10u64.pow(decimals as u32) as f64).round_ties_even();
        let in_range = scaled >= i64::MIN as f64 && scaled < i64::MAX as f64;
        let scaled = if in_range { scaled as i64 } else { i64::MIN };
        let mut buf = itoa::Buffer::new();
        let digits = buf.format(scaled.unsigned_abs()).as_bytes();
        let mut out = NumText::default();
        if scaled < 0 {
            out.push(b"-");
        }
        let int = digits.len().saturating_sub(decimals);
        out.push(if int == 0 { b"0" } else { &digits[..int] });
        out.push(b".");
        out.push_zeros(decimals - (digits.len() - int));
        out.push(&digits[int..]);
        out
    }
}

fn special(value: f64) -> Option<NumText> {
    if value.is_nan() {
        Some(NumText::from_bytes(b"nan"))
    } else if value.is_infinite() {
        Some(NumText::from_bytes(if value > 0.0 { b"inf" } else { b"-inf" }))
    } else {
        None
    }
}

/// fpconv's layout of `digits * 10^k`: plain when that is not long, else with an exponent.
fn layout_shortest(out: &mut NumText, digits: &[u8], k: i32, negative: bool) {
    let n = digits.len() as i32;
    let exp = (k + n - 1).abs();
    if k >= 0 && exp < n + 7 {
        out.push(digits);
        out.push_zeros(k as usize);
    } else if k < 0 && (k > -7 || exp < 4) {
        let point = n + k;
        if point <= 0 {
            out.push(b"0.");
            out.push_zeros((-point) as usize);
            out.push(digits);
        } else {
            let (int, fraction) = digits.split_at(point as usize);
            out.push(int);
            out.push(b".");
            out.push(fraction);
        }
    } else {
        // fpconv's buffer holds one digit less after a sign; the exponent's sign is that of the
        // cut number, its size that of the whole.
        let digits = &digits[..digits.len().min(18 - usize::from(negative))];
        let sign = k + (digits.len() as i32) - 1;
        push_scientific(out, digits, sign < 0, exp as u32, 1);
    }
}

/// The layout of `%g` with 17 digits for `d.ddd * 10^exponent`; `digits` without trailing zeros.
fn layout_general(out: &mut NumText, digits: &[u8], exponent: i32) {
    if !(-4..17).contains(&exponent) {
        push_scientific(out, digits, exponent < 0, exponent.unsigned_abs(), 2);
    } else if exponent < 0 {
        out.push(b"0.");
        out.push_zeros((-exponent - 1) as usize);
        out.push(digits);
    } else {
        let point = exponent as usize + 1;
        out.push(&digits[..digits.len().min(point)]);
        if digits.len() > point {
            out.push(b".");
            out.push(&digits[point..]);
        } else {
            out.push_zeros(point - digits.len());
        }
    }
}

fn push_scientific(out: &mut NumText, digits: &[u8], negative: bool, exp: u32, min_width: usize) {
    out.push(&digits[..1]);
    if digits.len() > 1 {
        out.push(b".");
        out.push(&digits[1..]);
    }
    out.push(if negative { b"e-" } else { b"e+" });
    let mut buf = itoa::Buffer::new();
    let exp = buf.format(exp).as_bytes();
    out.push_zeros(min_width.saturating_sub(exp.len()));
    out.push(exp);
}
