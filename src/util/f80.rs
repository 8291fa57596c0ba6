//! Soft 80-bit extended floats (x87: 64-bit significand, 15-bit exponent), as INCRBYFLOAT and
//! HINCRBYFLOAT compute with: read decimal or hexadecimal text, add, print in the human form.
//!
//! Not a math library: nothing else is needed. One answer on every processor, that of C's
//! `long double` on x86-64, round to nearest even. Invariant: a finite non-zero value has the top bit
//! of `mant` set unless `exp` is [`MIN_EXP`] (a denormal); zero has `mant` 0 and `exp` [`MIN_EXP`].

mod big;

use big::Big;

/// Exponent of a denormal's last bit; the smallest there is.
const MIN_EXP: i32 = -16445;
/// Exponent of the last bit of the largest numbers.
const MAX_EXP: i32 = 16383 - 63;
/// Texts as long as this or longer are no numbers, by Redis' buffer size.
const MAX_TEXT: usize = 5 * 1024;
/// Decimals of the human form.
const DECIMALS: usize = 17;
/// Decimal exponents beyond which every number is infinite or zero.
const MAX_DECIMAL: i64 = 4933;
const MIN_DECIMAL: i64 = -4970;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Finite,
    Infinite,
    Nan,
}

/// One 80-bit float: `±mant * 2^exp`, or infinite, or not a number.
#[derive(Debug, Clone, Copy)]
pub struct F80 {
    class: Class,
    negative: bool,
    exp: i32,
    mant: u64,
}

impl F80 {
    const NAN: F80 = F80 { class: Class::Nan, negative: false, exp: 0, mant: 0 };

    fn zero(negative: bool) -> F80 {
        F80 { class: Class::Finite, negative, exp: MIN_EXP, mant: 0 }
    }

    fn infinity(negative: bool) -> F80 {
        F80 { class: Class::Infinite, negative, exp: 0, mant: 0 }
    }

    pub fn is_nan(self) -> bool {
        self.class == Class::Nan
    }

    pub fn is_infinite(self) -> bool {
        self.class == Class::Infinite
    }

    fn is_zero(self) -> bool {
        self.class == Class::Finite && self.mant == 0
    }

    /// Exact.
    pub fn from_i64(value: i64) -> F80 {
        round(value < 0, u128::from(value.unsigned_abs()), 0, false)
    }

    /// The number that fills all of `text`, as Redis reads a long double: decimal or `0x` text, or
    /// `inf` / `infinity`. Refused: blanks, `nan`, texts of 5 KiB, and (C's ERANGE) finite texts that
    /// come out infinite and non-zero ones that come out zero.
    pub fn parse(text: &[u8]) -> Option<F80> {
        if text.len() >= MAX_TEXT {
            return None;
        }
        let (negative, body) = match text {
            [b'-', body @ ..] => (true, body),
            [b'+', body @ ..] => (false, body),
            body => (false, body),
        };
        if body.eq_ignore_ascii_case(b"inf") || body.eq_ignore_ascii_case(b"infinity") {
            return Some(F80::infinity(negative));
        }
        match body {
            [b'0', b'x' | b'X', hex @ ..] => parse_hex(negative, hex),
            _ => parse_decimal(negative, body),
        }
    }

    /// The text of `%.17Lf` without trailing zeros and without a trailing point; `0` for `-0`.
    pub fn to_human(self) -> Vec<u8> {
        match self.class {
            Class::Nan => return b"nan".to_vec(),
            Class::Infinite => return if self.negative { b"-inf" } else { &b"inf"[..] }.to_vec(),
            Class::Finite => {}
        }
        let mut out = Vec::with_capacity(40);
        if self.negative {
            out.push(b'-');
        }
        if self.exp >= 0 {
            let mut int = Big::from_u64(self.mant);
            int.shift_left(self.exp as u32);
            int.append_decimal(&mut out);
        } else {
            self.append_scaled(&mut out);
        }
        if out == b"-0" {
            out.remove(0);
        }
        out
    }

    /// The digits of a number with a negative exponent.
    fn append_scaled(self, out: &mut Vec<u8>) {
        const SCALE: u128 = 10u128.pow(DECIMALS as u32);
        let product = u128::from(self.mant) * SCALE;
        let scaled = shift_right_even(product, self.exp.unsigned_abs(), false);
        let mut buf = itoa::Buffer::new();
        out.extend_from_slice(buf.format(scaled / SCALE).as_bytes());
        let fraction = (scaled % SCALE) as u64;
        if fraction != 0 {
            out.push(b'.');
            let digits = buf.format(fraction).as_bytes();
            out.resize(out.len() + DECIMALS - digits.len(), b'0');
            out.extend_from_slice(digits);
            let kept = out.iter().rposition(|&b| b != b'0').expect("the fraction is not zero");
            out.truncate(kept + 1);
        }
    }
}

impl std::ops::Add for F80 {
    type Output = F80;

    fn add(self, other: F80) -> F80 {
        match (self.class, other.class) {
            (Class::Nan, _) | (_, Class::Nan) => return F80::NAN,
            (Class::Infinite, Class::Infinite) if self.negative != other.negative => {
                return F80::NAN;
            }
            (Class::Infinite, _) => return self,
            (_, Class::Infinite) => return other,
            (Class::Finite, Class::Finite) => {}
        }
        let (big, small) = if (self.exp, self.mant) >= (other.exp, other.mant) {
            (self, other)
        } else {
            (other, self)
        };
        if big.is_zero() {
            return F80::zero(big.negative && small.negative);
        }
        // 63 spare bits below the larger number; what the smaller has below those only matters as
        // "something".
        const SPARE: u32 = 63;
        let a = u128::from(big.mant) << SPARE;
        let b = u128::from(small.mant) << SPARE;
        let distance = (big.exp - small.exp) as u32;
        let (b, lost) = match distance {
            0 => (b, false),
            1..=127 => (b >> distance, b << (128 - distance) != 0),
            _ => (0, b != 0),
        };
        let exp = big.exp - SPARE as i32;
        if big.negative == small.negative {
            round(big.negative, a + b, exp, lost)
        } else if a == b && !lost {
            F80::zero(false)
        } else {
            round(big.negative, a - b - u128::from(lost), exp, lost)
        }
    }
}

/// `value / 2^bits` rounded to nearest, halves to even; `more` says that the true value is a bit
/// larger than `value`.
fn shift_right_even(value: u128, bits: u32, more: bool) -> u128 {
    match bits {
        0 => value,
        1..=127 => {
            let half = 1u128 << (bits - 1);
            let rest = value & ((half << 1) - 1);
            let floor = value >> bits;
            let up = rest > half || (rest == half && (more || floor & 1 == 1));
            floor + u128::from(up)
        }
        128 => u128::from(value > 1 << 127 || (value == 1 << 127 && more)),
        _ => 0,
    }
}

/// The float nearest to `mant * 2^exp`, plus a bit more when `more` (then `mant` must have over 65
/// significant bits).
fn round(negative: bool, mant: u128, exp: i32, more: bool) -> F80 {
    if mant == 0 {
        return F80::zero(negative);
    }
    debug_assert!(!more || mant >> 65 != 0);
    let excess = 64 - mant.leading_zeros() as i32;
    let shift = excess.max(MIN_EXP - exp);
    let mut exp = exp + shift;
    let mut mant =
        if shift >= 0 { shift_right_even(mant, shift as u32, more) } else { mant << -shift };
    if mant >> 64 != 0 {
        mant >>= 1;
        exp += 1;
    }
    if mant == 0 {
        return F80::zero(negative);
    }
    if exp > MAX_EXP {
        return F80::infinity(negative);
    }
    F80 { class: Class::Finite, negative, exp, mant: mant as u64 }
}

/// ERANGE's rule: a text with a non-zero digit must not become zero, a finite one not infinite.
fn in_range(value: F80) -> Option<F80> {
    (!value.is_zero() && !value.is_infinite()).then_some(value)
}

/// Mantissa digits without leading zeros, and how the point moves the exponent.
struct Mantissa<'a> {
    digits: Vec<u8>,
    /// Digits after the point.
    decimals: i64,
    rest: &'a [u8],
}

/// `digits [. digits]` with at least one digit; `None` without.
fn split_mantissa(text: &[u8], is_digit: impl Fn(u8) -> bool) -> Option<Mantissa<'_>> {
    let run = |from: &[u8]| from.iter().take_while(|b| is_digit(**b)).count();
    let int_len = run(text);
    let (int, mut rest) = text.split_at(int_len);
    let mut fraction: &[u8] = &[];
    if let [b'.', after @ ..] = rest {
        let len = run(after);
        (fraction, rest) = after.split_at(len);
        if int.is_empty() && fraction.is_empty() {
            return None;
        }
    } else if int.is_empty() {
        return None;
    }
    let digits = int.iter().chain(fraction).copied().skip_while(|b| *b == b'0').collect();
    Some(Mantissa { digits, decimals: fraction.len() as i64, rest })
}

/// All of `text` as `marker [+-] digits`, capped far outside every exponent that matters; 0 when
/// `text` is empty.
fn parse_exponent(text: &[u8], marker: u8) -> Option<i64> {
    let (negative, digits) = match text {
        [] => return Some(0),
        [m, b'-', digits @ ..] if m.eq_ignore_ascii_case(&marker) => (true, digits),
        [m, b'+', digits @ ..] if m.eq_ignore_ascii_case(&marker) => (false, digits),
        [m, digits @ ..] if m.eq_ignore_ascii_case(&marker) => (false, digits),
        _ => return None,
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let size = digits.iter().fold(0i64, |e, b| (e * 10 + i64::from(b - b'0')).min(1_000_000));
    Some(if negative { -size } else { size })
}

fn parse_decimal(negative: bool, text: &[u8]) -> Option<F80> {
    let mut m = split_mantissa(text, |b| b.is_ascii_digit())?;
    let mut exp = parse_exponent(m.rest, b'e')? - m.decimals;
    let Some(last) = m.digits.iter().rposition(|b| *b != b'0') else {
        return Some(F80::zero(negative));
    };
    exp += (m.digits.len() - last - 1) as i64;
    m.digits.truncate(last + 1);
    let magnitude = exp + m.digits.len() as i64;
    if !(MIN_DECIMAL..=MAX_DECIMAL).contains(&magnitude) {
        return None;
    }
    let exp = exp as i32;
    let value = if m.digits.len() <= 19 && exp.unsigned_abs() <= 27 {
        scale_small(negative, &m.digits, exp)
    } else {
        scale_big(negative, &m.digits, exp)
    };
    in_range(value)
}

/// `digits * 10^exp` for at most 19 digits and |exp| at most 27: 5^27 still fits in a word.
fn scale_small(negative: bool, digits: &[u8], exp: i32) -> F80 {
    let int = digits.iter().fold(0u64, |n, b| n * 10 + u64::from(b - b'0'));
    let power = u128::from(5u64.pow(exp.unsigned_abs()));
    if exp >= 0 {
        return round(negative, u128::from(int) * power, exp, false);
    }
    let spare = 64 + int.leading_zeros();
    let shifted = u128::from(int) << spare;
    let (quotient, rest) = (shifted / power, shifted % power);
    // The divisor is below 2^63, so the quotient has over 64 bits; one more and it may take `more`.
    debug_assert!(quotient >> 64 != 0);
    let doubled = (quotient << 1) | u128::from(rest * 2 >= power);
    let more = rest * 2 % power != 0;
    if doubled >> 127 != 0 || quotient >> 127 != 0 {
        // Only for 10^0, which is exact.
        return round(negative, quotient, exp - spare as i32, rest != 0);
    }
    round(negative, doubled, exp - spare as i32 - 1, more)
}

/// `digits * 10^exp` for any length.
fn scale_big(negative: bool, digits: &[u8], exp: i32) -> F80 {
    let mut number = Big::from_decimal(digits);
    if exp >= 0 {
        number.times_pow5(exp.unsigned_abs());
        let (top, shift, more) = number.top_bits();
        return round(negative, top, shift + exp, more);
    }
    let mut divisor = Big::from_u64(1);
    divisor.times_pow5(exp.unsigned_abs());
    let (quotient, shift, more) = number.divide(divisor);
    round(negative, quotient, shift + exp, more)
}

fn parse_hex(negative: bool, text: &[u8]) -> Option<F80> {
    let m = split_mantissa(text, |b| b.is_ascii_hexdigit())?;
    let exp = parse_exponent(m.rest, b'p')? - 4 * m.decimals;
    if m.digits.is_empty() {
        return Some(F80::zero(negative));
    }
    // 31 digits are more than 64 bits and leave room; below them only "something" counts.
    let (top, low) = m.digits.split_at(m.digits.len().min(31));
    let hex = |n, b: &u8| n * 16 + u128::from(char::from(*b).to_digit(16).unwrap_or_default());
    let mant = top.iter().fold(0u128, hex);
    let exp = exp + 4 * low.len() as i64;
    let more = low.iter().any(|b| *b != b'0');
    in_range(round(negative, mant, exp.clamp(-100_000, 100_000) as i32, more))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn human(text: &str, want: &str) {
        let value = F80::parse(text.as_bytes()).expect(text);
        assert_eq!(String::from_utf8(value.to_human()).unwrap(), want, "{text}");
    }

    #[track_caller]
    fn sum(a: &str, b: &str, want: &str) {
        let sum = F80::parse(a.as_bytes()).unwrap() + F80::parse(b.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(sum.to_human()).unwrap(), want, "{a} + {b}");
    }

    #[test]
    fn reads_and_prints_decimals() {
        human("0", "0");
        human("-0", "0");
        human("3.0", "3");
        human("+5.", "5");
        human(".5e1", "5");
        human("0.1", "0.1");
        human("-1.50", "-1.5");
        human("1e-17", "0.00000000000000001");
        human("1e-18", "0");
        human("-1e-18", "0");
        human("0.000000000000000005", "0");
        human("0.0000000000000000051", "0.00000000000000001");
        human("18446744073709551615", "18446744073709551615");
        human("18446744073709551617", "18446744073709551616");
        human("123456789012345678901234567890", "123456789012345678899921813504");
        human("5.0e3", "5000");
    }

    #[test]
    fn reads_hexadecimal() {
        human("0x10", "16");
        human("0X1P3", "8");
        human("0x.8", "0.5");
        human("-0x1.8p-1", "-0.75");
        human("0x10000000000000001", "18446744073709551616");
        human("0x1000000000000000100000000000000000001p-100", "17592186044416.00000190734863281");
        human("0x1.00000000000000010000000000000000001p64", "18446744073709551618");
        human("0x0", "0");
    }

    #[test]
    fn big_exponents_print_all_digits() {
        let value = F80::parse(b"1e4000").unwrap().to_human();
        assert_eq!(value.len(), 4000);
        assert!(value.starts_with(b"9999999999999999999"));
        assert!(F80::parse(b"1.18973149535723176502e4932").is_some());
        assert!(F80::parse(b"1.18973149535723176510e4932").is_none());
        let tiny = F80::parse(b"3.6451995318824746025e-4951").unwrap();
        assert_eq!((tiny.mant, tiny.exp), (1, MIN_EXP));
        assert!(F80::parse(b"1.8e-4951").is_none());
    }

    #[test]
    fn refuses_what_redis_refuses() {
        let bad = [
            "",
            "-",
            ".",
            "nan",
            "-nan",
            " 1",
            "1 ",
            "1e",
            "1e+",
            "e5",
            "0x",
            "0x.",
            "0x1p",
            "0x1g",
            "1.2.3",
            "--1",
            "1e5000",
            "1e-5000",
            "-1e99999999999",
            "infinit",
            "1_0",
            "1\0",
        ];
        for text in bad {
            assert!(F80::parse(text.as_bytes()).is_none(), "{text:?}");
        }
        assert!(F80::parse(&[b'1'; MAX_TEXT]).is_none());
        assert!(F80::parse(b"0e99999999").is_some_and(F80::is_zero));
        assert!(F80::parse(b"-InFiNiTy").is_some_and(F80::is_infinite));
    }

    #[test]
    fn adds_with_64_bits() {
        sum("0.1", "0.2", "0.3");
        sum("3", "-3", "0");
        sum("5.0e3", "200", "5200");
        sum("10.5", "0.1", "10.6");
        sum("1e20", "-1", "100000000000000000000");
        sum("1e19", "-1", "9999999999999999999");
        sum("18446744073709551615", "1", "18446744073709551616");
        sum("18446744073709551616", "-1e-30", "18446744073709551616");
        sum("-1e-4940", "1", "1");
        sum("9223372036854775808", "0.5", "9223372036854775808");
        sum("4611686018427387904", "0.5", "4611686018427387904.5");
        assert!((F80::infinity(false) + F80::infinity(true)).is_nan());
        assert!((F80::infinity(true) + F80::from_i64(1)).is_infinite());
        let max = F80::parse(b"1.18973149535723176502e4932").unwrap();
        assert!((max + max).is_infinite());
    }

    #[test]
    fn integers_are_exact() {
        for v in [0, 1, -1, i64::MAX, i64::MIN, 1 << 53, 999_999_999_999_999_999] {
            assert_eq!(F80::from_i64(v).to_human(), v.to_string().as_bytes());
            let parsed = F80::parse(v.to_string().as_bytes()).unwrap();
            assert_eq!((parsed.mant, parsed.exp), (F80::from_i64(v).mant, F80::from_i64(v).exp));
        }
    }

    #[test]
    fn short_and_long_paths_agree() {
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let mut digits = (rng.u64(1..) >> rng.u32(0..63)).max(1).to_string().into_bytes();
            digits.truncate(19);
            let exp = rng.i32(-27..=27);
            let (a, b) = (scale_small(false, &digits, exp), scale_big(false, &digits, exp));
            assert_eq!((a.mant, a.exp), (b.mant, b.exp), "{digits:?}e{exp}");
        }
    }
}
