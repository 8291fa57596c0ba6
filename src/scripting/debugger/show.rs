//! Lua values and replies of commands as the debugger shows them.

use crate::protocol::number::parse_i64;
use crate::scripting::lua::{Kind, Stack};
use crate::util::split_args::push_repr;

/// Deepest table that is shown.
const MAX_DEPTH: u32 = 10;
/// Deepest nesting of a reply.
const MAX_REPLY_DEPTH: u32 = 64;

/// Appends the value at `idx` (positive). Once the text is longer than `limit` no more is looked
/// for: it is cut anyway.
pub fn value(out: &mut Vec<u8>, stack: &mut Stack, idx: i32, limit: usize) {
    value_at(out, stack, idx, limit, 0);
}

fn value_at(out: &mut Vec<u8>, stack: &mut Stack, idx: i32, limit: usize, depth: u32) {
    if depth == MAX_DEPTH || !stack.reserve(4) {
        return out.extend_from_slice(b"<max recursion level reached! Nested table?>");
    }
    match stack.kind(idx) {
        Kind::String => push_repr(out, stack.bytes(idx).unwrap_or_default()),
        Kind::Boolean if stack.boolean(idx) => out.extend_from_slice(b"true"),
        Kind::Boolean => out.extend_from_slice(b"false"),
        Kind::Number => {
            let number = stack.number(idx).unwrap_or_default();
            out.extend_from_slice(six_digits(number).as_bytes());
        }
        Kind::Nil | Kind::None => out.extend_from_slice(b"nil"),
        Kind::Table => table(out, stack, idx, limit, depth),
        kind => {
            let name = if kind == Kind::LightUserdata { "light-userdata" } else { kind.name() };
            let address = stack.pointer(idx);
            let text = match address {
                0 => format!("\"{name}@(nil)\""),
                _ => format!("\"{name}@{address:#x}\""),
            };
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// `{1; 2}` if the keys are 1, 2, … in this order, otherwise `{[key]=value; …}`.
fn table(out: &mut Vec<u8>, stack: &mut Stack, idx: i32, limit: usize, depth: u32) {
    let mut expected = 0.0;
    let mut is_array = true;
    stack.push_nil();
    while stack.next(idx) {
        expected += 1.0;
        stack.pop(1);
        if stack.kind(-1) != Kind::Number || stack.number(-1) != Some(expected) {
            is_array = false;
            stack.pop(1);
            break;
        }
    }
    out.push(b'{');
    let mut first = true;
    stack.push_nil();
    while stack.next(idx) {
        if out.len() > limit {
            stack.pop(2);
            return;
        }
        if !std::mem::replace(&mut first, false) {
            out.extend_from_slice(b"; ");
        }
        let top = stack.top();
        if !is_array {
            out.push(b'[');
            value_at(out, stack, top - 1, limit, depth + 1);
            out.extend_from_slice(b"]=");
        }
        value_at(out, stack, top, limit, depth + 1);
        stack.pop(1);
    }
    out.push(b'}');
}

/// C's `%g`.
fn six_digits(n: f64) -> String {
    if n.is_nan() || n.is_infinite() {
        let sign = if n.is_sign_negative() { "-" } else { "" };
        return format!("{sign}{}", if n.is_nan() { "nan" } else { "inf" });
    }
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        false => text.to_string(),
    };
    let scientific = format!("{n:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        let decimals = usize::try_from(5 - exponent).unwrap_or(0);
        return trimmed(&format!("{n:.decimals$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.unsigned_abs())
}

/// Appends a reply, RESP, in a form for people.
pub fn reply(out: &mut Vec<u8>, bytes: &[u8]) {
    // Replies are our own, so they are whole.
    let _ = reply_at(out, bytes, 0);
}

/// Returns what follows the first value.
fn reply_at<'a>(out: &mut Vec<u8>, bytes: &'a [u8], depth: u32) -> Option<&'a [u8]> {
    let end = memchr::memchr(b'\r', bytes)?;
    let (kind, line) = (bytes[0], bytes.get(1..end)?);
    let rest = bytes.get(end + 2..)?;
    if depth > MAX_REPLY_DEPTH {
        return None;
    }
    match kind {
        b'$' | b'=' => return bulk(out, line, rest),
        b'*' | b'>' => return list(out, line, rest, depth, "[", "]"),
        b'~' => return list(out, line, rest, depth, "~(", ")"),
        b'%' => return map(out, line, rest, depth),
        b'_' => out.extend_from_slice(b"(null)"),
        b'#' => out.extend_from_slice(if line == b"t" { b"#true" } else { b"#false" }),
        b',' => {
            out.extend_from_slice(b"(double) ");
            out.extend_from_slice(line);
        }
        b'+' | b'-' => push_repr(out, &bytes[..end]),
        // Integers, big ones too.
        _ => out.extend_from_slice(line),
    }
    Some(rest)
}

fn bulk<'a>(out: &mut Vec<u8>, line: &[u8], rest: &'a [u8]) -> Option<&'a [u8]> {
    let Ok(len) = usize::try_from(parse_i64(line)?) else {
        out.extend_from_slice(b"NULL");
        return Some(rest);
    };
    push_repr(out, rest.get(..len)?);
    rest.get(len + 2..)
}

fn list<'a>(
    out: &mut Vec<u8>,
    line: &[u8],
    mut rest: &'a [u8],
    depth: u32,
    open: &str,
    close: &str,
) -> Option<&'a [u8]> {
    let Ok(len) = usize::try_from(parse_i64(line)?) else {
        out.extend_from_slice(b"NULL");
        return Some(rest);
    };
    out.extend_from_slice(open.as_bytes());
    for index in 0..len {
        if index > 0 {
            out.push(b',');
        }
        rest = reply_at(out, rest, depth + 1)?;
    }
    out.extend_from_slice(close.as_bytes());
    Some(rest)
}

fn map<'a>(out: &mut Vec<u8>, line: &[u8], mut rest: &'a [u8], depth: u32) -> Option<&'a [u8]> {
    out.push(b'{');
    for index in 0..parse_i64(line)? {
        if index > 0 {
            out.push(b',');
        }
        rest = reply_at(out, rest, depth + 1)?;
        out.extend_from_slice(b" => ");
        rest = reply_at(out, rest, depth + 1)?;
    }
    out.push(b'}');
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_six_digits() {
        for (n, text) in [
            (0.0, "0"),
            (-1.5, "-1.5"),
            (123456.0, "123456"),
            (1234567.0, "1.23457e+06"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.0 / 3.0, "0.333333"),
            (1e100, "1e+100"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(six_digits(n), text);
        }
    }

    #[test]
    fn replies_are_readable() {
        for (bytes, text) in [
            (&b":12\r\n"[..], "12"),
            (b"$3\r\na\nb\r\n", "\"a\\nb\""),
            (b"$-1\r\n", "NULL"),
            (b"+OK\r\n", "\"+OK\""),
            (b"*2\r\n:1\r\n*1\r\n$1\r\na\r\n", "[1,[\"a\"]]"),
            (b"%1\r\n+a\r\n,1.5\r\n", "{\"+a\" => (double) 1.5}"),
            (b"~2\r\n_\r\n#t\r\n", "~((null),#true)"),
        ] {
            let mut out = Vec::new();
            reply(&mut out, bytes);
            assert_eq!(String::from_utf8_lossy(&out), text);
        }
    }
}
