//! Numbers in JSON: C's `%.14g` and back.

use crate::protocol::number::parse_f64_prefix;

/// Appends a number as C's `printf("%.{precision}g")` prints it.
pub fn append(out: &mut Vec<u8>, number: f64, precision: usize) {
    const EXACT: f64 = 1e14;
    if number == number.trunc() && number.abs() < EXACT && precision == 14 && number != 0.0 {
        out.extend_from_slice(itoa::Buffer::new().format(number as i64).as_bytes());
        return;
    }
    if !number.is_finite() {
        let text = match (number.is_nan(), number.is_sign_negative()) {
            (true, false) => "nan",
            (true, true) => "-nan",
            (false, false) => "inf",
            (false, true) => "-inf",
        };
        return out.extend_from_slice(text.as_bytes());
    }
    // Digits and exponent, rounded to that precision.
    let text = format!("{:.*e}", precision - 1, number);
    let (mantissa, exponent) = text.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is an integer");
    if exponent < -4 || exponent >= precision as i32 {
        out.extend_from_slice(without_zeros(mantissa).as_bytes());
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{:02}", exponent.unsigned_abs()).as_bytes());
    } else {
        let decimals = (precision as i32 - 1 - exponent).unsigned_abs() as usize;
        out.extend_from_slice(without_zeros(&format!("{number:.decimals$}")).as_bytes());
    }
}

/// A decimal text without the zeros at the end of its fraction.
fn without_zeros(text: &str) -> &str {
    if !text.contains('.') {
        return text;
    }
    text.trim_end_matches('0').trim_end_matches('.')
}

/// The number at the start of `text` and its length, as C's `strtod`: also hexadecimal, `inf`,
/// `nan`. Length 0: there is none.
pub fn parse(text: &[u8]) -> (f64, usize) {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    match text.get(sign..sign + 2) {
        Some([b'0', b'x' | b'X']) => {
            let (value, len) = parse_hex(&text[sign + 2..]);
            if len > 0 {
                let value = if text[0] == b'-' { -value } else { value };
                return (value, sign + 2 + len);
            }
            (0.0, sign + 1)
        }
        _ => parse_f64_prefix(text),
    }
}

/// Hexadecimal digits with a point and a binary exponent, after `0x`.
fn parse_hex(text: &[u8]) -> (f64, usize) {
    let digit = |at: usize| text.get(at).and_then(|b| char::from(*b).to_digit(16));
    let (mut value, mut at, mut scale, mut digits) = (0.0f64, 0, 0i32, 0);
    let mut take = |at: &mut usize, step: i32| {
        while let Some(digit) = digit(*at) {
            value = value * 16.0 + f64::from(digit);
            scale -= step;
            digits += 1;
            *at += 1;
        }
    };
    take(&mut at, 0);
    if text.get(at) == Some(&b'.') {
        let mut after = at + 1;
        take(&mut after, 4);
        at = after;
    }
    if digits == 0 {
        return (0.0, 0);
    }
    if matches!(text.get(at), Some(b'p' | b'P')) {
        let negative = text.get(at + 1) == Some(&b'-');
        let signed = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let start = at + 1 + signed;
        let len = text[start.min(text.len())..].iter().take_while(|b| b.is_ascii_digit()).count();
        if len > 0 {
            let digits = std::str::from_utf8(&text[start..start + len]).expect("digits");
            let exponent = digits.parse::<i32>().unwrap_or(i32::MAX / 2).min(1 << 20);
            scale = scale.saturating_add(if negative { -exponent } else { exponent });
            at = start + len;
        }
    }
    (value * 2f64.powi(scale), at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_c_prints_them() {
        let text = |n: f64| {
            let mut out = Vec::new();
            append(&mut out, n, 14);
            String::from_utf8(out).unwrap()
        };
        for (number, expected) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-17.0, "-17"),
            (3.1, "3.1"),
            (0.1 + 0.2, "0.3"),
            (1e14, "1e+14"),
            (123_456_789_012_345.0, "1.2345678901234e+14"),
            (99_999_999_999_999.0, "99999999999999"),
            (1e-5, "1e-05"),
            (0.0001, "0.0001"),
            (1.5e300, "1.5e+300"),
            (2.0 / 3.0, "0.66666666666667"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(text(number), expected);
        }
    }

    #[test]
    fn numbers_as_c_reads_them() {
        for (text, number, len) in [
            ("12", 12.0, 2),
            ("-1.5e2,", -150.0, 6),
            ("0x10", 16.0, 4),
            ("-0x1.8p1]", -3.0, 8),
            ("0x", 0.0, 1),
            ("infinity", f64::INFINITY, 8),
            ("x", 0.0, 0),
        ] {
            assert_eq!(parse(text.as_bytes()), (number, len), "{text}");
        }
    }
}
