//! `cjson.encode`: Lua values as JSON text.

use super::super::lua::{Effort, Kind, MAX_OUTPUT, Raise, Stack};
use super::cjson::Options;
use super::json_number;

struct Encoder<'a> {
    stack: &'a mut Stack,
    options: Options,
    out: Vec<u8>,
    /// Bytes the text may have.
    limit: usize,
    effort: Effort,
}

/// The JSON text of the value on top of the stack.
pub fn encode(stack: &mut Stack, options: Options) -> Result<Vec<u8>, Raise> {
    let limit = stack.memory_limit().min(MAX_OUTPUT);
    let effort = Effort::default();
    let mut encoder = Encoder { stack, options, out: Vec::new(), limit, effort };
    encoder.value(0)?;
    Ok(encoder.out)
}

/// What is written for a byte within a string, if not the byte itself.
fn escape(byte: u8) -> Option<&'static [u8]> {
    Some(match byte {
        b'"' => b"\\\"",
        b'\\' => b"\\\\",
        b'/' => b"\\/",
        8 => b"\\b",
        9 => b"\\t",
        10 => b"\\n",
        12 => b"\\f",
        13 => b"\\r",
        _ => return None,
    })
}

impl Encoder<'_> {
    fn fail(&mut self, idx: i32, reason: &str) -> Raise {
        let kind = self.stack.kind(idx).name();
        self.stack.error(format!("Cannot serialise {kind}: {reason}"))
    }

    /// The value on top; it stays there.
    fn value(&mut self, depth: i64) -> Result<(), Raise> {
        if self.out.len() > self.limit {
            return Err(self.stack.no_memory());
        }
        self.stack.spend(&mut self.effort, 1)?;
        match self.stack.kind(-1) {
            Kind::String => self.string(-1)?,
            Kind::Number => self.number(-1)?,
            Kind::Boolean => {
                let text: &[u8] = if self.stack.boolean(-1) { b"true" } else { b"false" };
                self.out.extend_from_slice(text);
            }
            Kind::Table => self.table(depth + 1)?,
            Kind::Nil => self.out.extend_from_slice(b"null"),
            Kind::LightUserdata if self.stack.is_null_pointer(-1) => {
                self.out.extend_from_slice(b"null");
            }
            _ => return Err(self.fail(-1, "type not supported")),
        }
        Ok(())
    }

    fn string(&mut self, idx: i32) -> Result<(), Raise> {
        let text = self.stack.bytes(idx).expect("a string");
        self.out.reserve(text.len() + 2);
        self.out.push(b'"');
        for &byte in text {
            match escape(byte) {
                Some(escaped) => self.out.extend_from_slice(escaped),
                None if byte < 0x20 || byte == 0x7f => {
                    self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes());
                }
                None => self.out.push(byte),
            }
        }
        self.out.push(b'"');
        let steps = text.len() / 16;
        self.stack.spend(&mut self.effort, steps)
    }

    fn number(&mut self, idx: i32) -> Result<(), Raise> {
        let number = self.stack.number(idx).expect("a number");
        match self.options.encode_invalid_numbers {
            0 if !number.is_finite() => return Err(self.fail(idx, "must not be NaN or Inf")),
            1 if number.is_nan() => self.out.extend_from_slice(b"nan"),
            2 if !number.is_finite() => self.out.extend_from_slice(b"null"),
            _ => json_number::append(&mut self.out, number, self.options.precision),
        }
        Ok(())
    }

    fn table(&mut self, depth: i64) -> Result<(), Raise> {
        if depth > self.options.encode_max_depth || !self.stack.reserve(6) {
            return Err(self.stack.error(format!("Cannot serialise, excessive nesting ({depth})")));
        }
        match self.array_len()? {
            len @ 1.. => self.array(depth, len),
            _ => self.object(depth),
        }
    }

    /// Elements of the table on top if it is an array: its keys are integers from 1 up; holes are
    /// allowed within limits. Negative: it is none.
    fn array_len(&mut self) -> Result<i32, Raise> {
        let (mut max, mut items) = (0i32, 0i32);
        self.stack.push_nil();
        while self.stack.next(-2) {
            let key = match self.stack.kind(-2) {
                Kind::Number => self.stack.number(-2).expect("a number"),
                _ => 0.0,
            };
            self.stack.pop(1);
            self.stack.spend(&mut self.effort, 1)?;
            if key.floor() != key || key < 1.0 {
                self.stack.pop(1);
                return Ok(-1);
            }
            if key > f64::from(max) {
                // As C converts what is too large.
                max = if key <= f64::from(i32::MAX) { key as i32 } else { i32::MIN };
            }
            items = items.wrapping_add(1);
        }
        let ratio = self.options.sparse_ratio;
        let sparse = ratio > 0
            && i64::from(max) > i64::from(items).saturating_mul(ratio)
            && i64::from(max) > self.options.sparse_safe;
        if sparse && !self.options.sparse_convert {
            return Err(self.fail(-1, "excessively sparse array"));
        }
        Ok(if sparse { -1 } else { max })
    }

    fn array(&mut self, depth: i64, len: i32) -> Result<(), Raise> {
        self.out.push(b'[');
        for idx in 1..=len {
            if idx > 1 {
                self.out.push(b',');
            }
            self.stack.raw_get_index(-1, idx);
            self.value(depth)?;
            self.stack.pop(1);
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, depth: i64) -> Result<(), Raise> {
        self.out.push(b'{');
        let mut first = true;
        self.stack.push_nil();
        while self.stack.next(-2) {
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            match self.stack.kind(-2) {
                Kind::Number => {
                    self.out.push(b'"');
                    self.number(-2)?;
                    self.out.extend_from_slice(b"\":");
                }
                Kind::String => {
                    self.string(-2)?;
                    self.out.push(b':');
                }
                _ => return Err(self.fail(-2, "table key must be a number or string")),
            }
            self.value(depth)?;
            self.stack.pop(1);
        }
        self.out.push(b'}');
        Ok(())
    }
}
