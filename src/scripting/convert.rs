//! Replies of commands as Lua values, and results of scripts as replies.

use super::errors;
use super::host::Host;
use super::lua::{Kind, Stack};
use crate::protocol::number;
use crate::protocol::reply::{Aggregate, Reply};

/// Deepest nesting of a reply. Commands nest far less; DEBUG and modules could not do more.
const MAX_DEPTH: usize = 64;

/// Reads RESP and pushes what it says. Replies are our own, so they are well-formed: what is not
/// becomes nil.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Pushes the value of a command's reply.
pub fn push_reply(stack: &mut Stack, reply: &[u8]) {
    let mut reader = Reader { bytes: reply, at: 0 };
    if reader.push(stack, 0).is_none() {
        stack.push_nil();
    }
}

impl<'a> Reader<'a> {
    /// The rest of a line, after its type.
    #[inline]
    fn line(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let len = rest.iter().position(|byte| *byte == b'\r')?;
        self.at += len + 2;
        Some(&rest[..len])
    }

    #[inline]
    fn int(&mut self) -> Option<i64> {
        let line = self.line()?;
        if let [digit @ b'0'..=b'9'] = line {
            return Some(i64::from(digit - b'0'));
        }
        number::parse_i64(line)
    }

    fn len(&mut self) -> Option<usize> {
        usize::try_from(self.int()?).ok()
    }

    /// The bytes of a string of known length.
    fn blob(&mut self, len: usize) -> Option<&'a [u8]> {
        let blob = self.bytes.get(self.at..self.at.checked_add(len)?)?;
        self.at += len + 2;
        Some(blob)
    }

    /// Pushes one value. `None`, and nothing is pushed, at the end of the bytes.
    fn push(&mut self, stack: &mut Stack, depth: usize) -> Option<()> {
        let kind = *self.bytes.get(self.at)?;
        self.at += 1;
        if depth > MAX_DEPTH || !stack.reserve(6) {
            return None;
        }
        match kind {
            b'$' => match self.int()? {
                -1 => stack.push_boolean(false),
                len => stack.push_bytes(self.blob(usize::try_from(len).ok()?)?),
            },
            b':' => stack.push_number(self.int()? as f64),
            b'+' => {
                let text = self.line()?;
                push_single(stack, "ok", |stack| stack.push_bytes(text));
            }
            b'-' => {
                let text = [b"-", self.line()?].concat();
                errors::push_error(stack, &text);
                errors::mark_counted(stack);
            }
            b'*' | b'>' => self.push_array(stack, depth)?,
            b'_' => {
                self.line()?;
                stack.push_nil();
            }
            b'#' => stack.push_boolean(self.line()? == b"t"),
            b',' => {
                let value = double(self.line()?);
                push_single(stack, "double", |stack| stack.push_number(value));
            }
            b'(' => {
                let digits = self.line()?;
                push_single(stack, "big_number", |stack| stack.push_bytes(digits));
            }
            b'=' => self.push_verbatim(stack)?,
            b'%' | b'~' => self.push_map_or_set(stack, kind == b'%', depth)?,
            b'|' => {
                for _ in 0..self.len()? * 2 {
                    self.push(stack, depth + 1)?;
                    stack.pop(1);
                }
                self.push(stack, depth)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn push_array(&mut self, stack: &mut Stack, depth: usize) -> Option<()> {
        let len = match self.int()? {
            -1 => {
                stack.push_boolean(false);
                return Some(());
            }
            len => i32::try_from(len).ok()?,
        };
        stack.push_table(len.unsigned_abs() as usize, 0);
        for idx in 1..=len {
            if self.push(stack, depth + 1).is_none() {
                break;
            }
            stack.raw_set_index(-2, idx);
        }
        Some(())
    }

    fn push_verbatim(&mut self, stack: &mut Stack) -> Option<()> {
        let len = self.len()?;
        let (format, text) = self.blob(len)?.split_at_checked(4)?;
        push_single(stack, "verbatim_string", |stack| {
            stack.push_table(0, 2);
            stack.push_bytes(text);
            stack.raw_set_field(-2, "string");
            stack.push_bytes(&format[..3]);
            stack.raw_set_field(-2, "format");
        });
        Some(())
    }

    /// `{map = {key = value}}` or `{set = {member = true}}`.
    fn push_map_or_set(&mut self, stack: &mut Stack, map: bool, depth: usize) -> Option<()> {
        let len = self.len()?;
        stack.push_table(0, 1);
        stack.push_table(0, len);
        for _ in 0..len {
            if self.push(stack, depth + 1).is_none() {
                break;
            }
            if map {
                if self.push(stack, depth + 1).is_none() {
                    stack.pop(1);
                    break;
                }
            } else {
                stack.push_boolean(true);
            }
            // A null key is lost: no table can have it.
            stack.raw_set(-3);
        }
        stack.raw_set_field(-2, if map { "map" } else { "set" });
        Some(())
    }
}

fn double(text: &[u8]) -> f64 {
    match text {
        b"inf" => f64::INFINITY,
        b"-inf" => f64::NEG_INFINITY,
        text => number::parse_f64_prefix(text).0,
    }
}

/// A table of one field, whose value `push` pushes.
fn push_single(stack: &mut Stack, field: &str, push: impl FnOnce(&mut Stack)) {
    stack.push_table(0, 1);
    push(stack);
    stack.raw_set_field(-2, field);
}

/// Replies with the value on top of the stack and pops it.
pub fn reply_with_result(stack: &mut Stack, host: &mut dyn Host) {
    let resp3 = host.is_resp3();
    write_value(stack, host, resp3);
}

fn write_value(stack: &mut Stack, host: &mut dyn Host, resp3: bool) {
    if !stack.reserve(6) {
        host.reply_error(b"ERR reached lua stack limit".to_vec(), false);
        stack.pop(1);
        return;
    }
    match stack.kind(-1) {
        Kind::String => host.reply().bulk(stack.bytes(-1).expect("a string")),
        Kind::Boolean => {
            let (on, reply) = (stack.boolean(-1), host.reply());
            match (resp3, on) {
                (true, _) => reply.bool(on),
                (false, true) => reply.int(1),
                (false, false) => reply.null(),
            }
        }
        Kind::Number => host.reply().int(to_i64(stack.number(-1).expect("a number"))),
        Kind::Table => write_table(stack, host, resp3),
        _ => host.reply().null(),
    }
    stack.pop(1);
}

/// As the reference's machine converts: what does not fit becomes the lowest integer.
fn to_i64(n: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&n) { n as i64 } else { i64::MIN }
}

/// Line breaks would end the line of a simple reply.
fn one_line(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }).collect()
}

/// The table on top of the stack; it stays there.
fn write_table(stack: &mut Stack, host: &mut dyn Host, resp3: bool) {
    if field_is(stack, "err", Kind::String) {
        stack.pop(1);
        let info = errors::info(stack);
        return host.reply_error(info.message, info.counted);
    }
    if field_is(stack, "ok", Kind::String) {
        let text = stack.bytes(-1).expect("a string");
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        host.reply().status(&one_line(&text[..end]));
        return stack.pop(1);
    }
    if field_is(stack, "double", Kind::Number) {
        host.reply().double(stack.number(-1).expect("a number"));
        return stack.pop(1);
    }
    if field_is(stack, "big_number", Kind::String) {
        host.reply().big_number(&one_line(stack.bytes(-1).expect("a string")));
        return stack.pop(1);
    }
    if field_is(stack, "verbatim_string", Kind::Table) {
        let written = write_verbatim(stack, host.reply());
        stack.pop(1);
        if written {
            return;
        }
    }
    for (name, kind) in [("map", Aggregate::Map), ("set", Aggregate::Set)] {
        if field_is(stack, name, Kind::Table) {
            write_pairs(stack, host, resp3, kind);
            return stack.pop(1);
        }
    }
    let at = host.reply().deferred();
    let mut len = 0;
    loop {
        stack.raw_get_index(-1, len + 1);
        if stack.kind(-1) == Kind::Nil || len == i32::MAX - 1 {
            stack.pop(1);
            break;
        }
        write_value(stack, host, resp3);
        len += 1;
    }
    host.reply().close_deferred(at, Aggregate::Array, len as usize);
}

/// Pushes a field of the table on top if it is of that kind.
fn field_is(stack: &mut Stack, name: &str, kind: Kind) -> bool {
    stack.raw_get_field(-1, name);
    let found = stack.kind(-1) == kind;
    if !found {
        stack.pop(1);
    }
    found
}

fn write_verbatim(stack: &mut Stack, reply: &mut Reply) -> bool {
    stack.raw_get_field(-1, "format");
    stack.raw_get_field(-2, "string");
    let written = match (stack.bytes(-2), stack.bytes(-1)) {
        (Some(format), Some(text)) => {
            // Three letters, whatever the script gave.
            let mut letters = *b"txt";
            for (letter, given) in letters.iter_mut().zip(format) {
                *letter = if given.is_ascii_graphic() { *given } else { b' ' };
            }
            reply.verbatim(text, std::str::from_utf8(&letters).expect("ASCII"));
            true
        }
        _ => false,
    };
    stack.pop(2);
    written
}

/// The table on top: its pairs as a map, or its keys as a set.
fn write_pairs(stack: &mut Stack, host: &mut dyn Host, resp3: bool, kind: Aggregate) {
    let at = host.reply().deferred();
    let mut len = 0;
    stack.push_nil();
    while stack.next(-2) {
        if kind == Aggregate::Set {
            stack.pop(1);
            stack.push_value(-1);
        } else {
            stack.push_value(-2);
            write_value(stack, host, resp3);
        }
        write_value(stack, host, resp3);
        len += 1;
    }
    host.reply().close_deferred(at, kind, len);
}
