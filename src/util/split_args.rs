//! The quoting of redis.conf lines, inline commands and `redis-cli`: `split_args` cuts a line into
//! arguments, `repr` writes one argument so that `split_args` gives it back.
//!
//! Not a shell: there are no variables, globs or comments. Invariant, for any bytes:
//! `split_args(&repr(bytes)) == Some(vec![bytes])`.

use std::iter::Peekable;
use std::slice::Iter;

type Input<'a> = Peekable<Iter<'a, u8>>;

/// Splits a line into arguments.
///
/// `"…"` understands `\n \r \t \b \a \xHH` and takes any other escaped byte as it is; `'…'`
/// only `\'`. The line ends at its first NUL byte. `None` when a quote is not closed, or is closed
/// in the middle of a word.
pub fn split_args(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let end = memchr::memchr(0, line).unwrap_or(line.len());
    let mut input = line[..end].iter().peekable();
    let mut args = Vec::new();
    loop {
        while input.next_if(|&&byte| is_space(byte)).is_some() {}
        if input.peek().is_none() {
            return Some(args);
        }
        args.push(word(&mut input)?);
    }
}

fn word(input: &mut Input) -> Option<Vec<u8>> {
    let mut word = Vec::new();
    while let Some(&byte) = input.next() {
        match byte {
            // Not every byte of is_space: a vertical tab inside a word is part of it.
            b' ' | b'\n' | b'\r' | b'\t' => break,
            b'"' => {
                double_quoted(input, &mut word)?;
                return ends_here(input).then_some(word);
            }
            b'\'' => {
                single_quoted(input, &mut word)?;
                return ends_here(input).then_some(word);
            }
            _ => word.push(byte),
        }
    }
    Some(word)
}

fn ends_here(input: &mut Input) -> bool {
    input.peek().is_none_or(|&&byte| is_space(byte))
}

fn double_quoted(input: &mut Input, word: &mut Vec<u8>) -> Option<()> {
    loop {
        match *input.next()? {
            b'"' => return Some(()),
            b'\\' => {
                let escaped = *input.next()?;
                word.push(match escaped {
                    b'x' => hex_escape(input).unwrap_or(b'x'),
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 0x08,
                    b'a' => 0x07,
                    other => other,
                });
            }
            byte => word.push(byte),
        }
    }
}

/// The two hex digits after `\x`; consumes nothing when there are not two.
fn hex_escape(input: &mut Input) -> Option<u8> {
    let mut ahead = input.clone();
    let high = (**ahead.peek()? as char).to_digit(16)?;
    ahead.next();
    let low = (**ahead.peek()? as char).to_digit(16)?;
    ahead.next();
    *input = ahead;
    Some((high * 16 + low) as u8)
}

fn single_quoted(input: &mut Input, word: &mut Vec<u8>) -> Option<()> {
    loop {
        match *input.next()? {
            b'\'' => return Some(()),
            b'\\' if input.peek() == Some(&&b'\'') => {
                input.next();
                word.push(b'\'');
            }
            byte => word.push(byte),
        }
    }
}

/// What C's `isspace` says in the C locale.
pub fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// Appends `bytes` in double quotes, with everything unprintable escaped.
pub fn push_repr(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for &byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x07 => out.extend_from_slice(b"\\a"),
            0x08 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

/// `bytes` in double quotes, with everything unprintable escaped.
pub fn repr(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() + 2);
    push_repr(&mut out, bytes);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let args = split_args(line.as_bytes())?;
        Some(args.into_iter().map(|arg| String::from_utf8(arg).unwrap()).collect())
    }

    #[test]
    fn splits_plain_and_quoted_words() {
        assert_eq!(split("  set  key 'a b' \"c\\td\" ").unwrap(), ["set", "key", "a b", "c\td"]);
        assert_eq!(split(r#"a'b' x"\x41\x4""#).unwrap(), ["ab", "xAx4"]);
        assert_eq!(split(r"'it\'s' 'a\n'").unwrap(), ["it's", r"a\n"]);
        assert_eq!(split("''").unwrap(), [""]);
        assert!(split(" \t ").unwrap().is_empty());
    }

    #[test]
    fn refuses_unbalanced_quotes() {
        for line in ["\"a", "'a", "\"a\"b", "'a'b", "\"a\\", "a 'b"] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn stops_at_nul() {
        assert_eq!(split("a b\0c d").unwrap(), ["a", "b"]);
        assert_eq!(split("\"a\0\""), None);
    }

    #[test]
    fn repr_matches_redis_text() {
        assert_eq!(repr(b"\x00a\"\\\n\r\t\x07\x08\xff"), br#""\x00a\"\\\n\r\t\a\b\xff""#);
    }

    proptest! {
        #[test]
        fn repr_round_trips(
            args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..5),
        ) {
            let mut line = Vec::new();
            for arg in &args {
                push_repr(&mut line, arg);
                line.push(b' ');
            }
            prop_assert_eq!(split_args(&line), Some(args));
        }

        #[test]
        fn split_never_panics(line in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = split_args(&line);
        }
    }
}
