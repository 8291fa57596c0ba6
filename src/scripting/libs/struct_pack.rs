//! `struct`: packs values into binary strings by a format, and back (Roberto Ierusalimschy's
//! struct, as Redis limits it).

use super::super::lua::{CallResult, Effort, MAX_OUTPUT, Raise, Stack};
use super::super::redis_api::set;
use super::to_i64;

/// Bytes of the largest integer.
const MAX_INT_BYTES: usize = 32;
/// The alignment of `!` without a number.
const MAX_ALIGN: usize = 8;

/// Pushes the library's table.
pub fn push_module(stack: &mut Stack) {
    stack.push_table(0, 4);
    set(stack, "pack", pack);
    set(stack, "unpack", unpack);
    set(stack, "size", size);
}

/// A walk over a format.
struct Format {
    text: Vec<u8>,
    at: usize,
    big_endian: bool,
    align: usize,
}

/// One option of a format.
struct Item {
    option: u8,
    /// Bytes it takes; 0 for options that take none, or as many as there are.
    size: usize,
}

impl Format {
    /// Of the first argument, up to its first NUL.
    fn new(stack: &mut Stack) -> Result<Format, Raise> {
        let text = stack.check_bytes(1)?;
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        let text = text[..end].to_vec();
        Ok(Format { text, at: 0, big_endian: cfg!(target_endian = "big"), align: 1 })
    }

    fn number(&mut self, stack: &mut Stack, default: usize) -> Result<usize, Raise> {
        let digit = |byte: Option<&u8>| byte.filter(|b| b.is_ascii_digit()).map(|b| b - b'0');
        let Some(mut next) = digit(self.text.get(self.at)) else { return Ok(default) };
        let mut number: i32 = 0;
        loop {
            let sum = number.checked_mul(10).and_then(|n| n.checked_add(i32::from(next)));
            number = sum.ok_or_else(|| stack.error("integral size overflow"))?;
            self.at += 1;
            match digit(self.text.get(self.at)) {
                Some(digit) => next = digit,
                None => return Ok(number.unsigned_abs() as usize),
            }
        }
    }

    fn next(&mut self, stack: &mut Stack) -> Result<Option<Item>, Raise> {
        let Some(&option) = self.text.get(self.at) else { return Ok(None) };
        self.at += 1;
        let size = match option {
            b'B' | b'b' | b'x' => 1,
            b'H' | b'h' => 2,
            b'L' | b'l' | b'T' | b'd' => 8,
            b'f' => 4,
            b'c' => self.number(stack, 1)?,
            b'i' | b'I' => {
                let size = self.number(stack, 4)?;
                if size > MAX_INT_BYTES {
                    return Err(stack.error(format!(
                        "integral size {size} is larger than limit of {MAX_INT_BYTES}"
                    )));
                }
                size
            }
            _ => 0,
        };
        Ok(Some(Item { option, size }))
    }

    /// Bytes to skip so that the item is aligned.
    fn padding(&self, at: usize, item: &Item) -> usize {
        if item.size == 0 || item.option == b'c' {
            return 0;
        }
        let size = item.size.min(self.align);
        (size - (at & (size - 1))) & (size - 1)
    }

    /// An option that takes no value.
    fn control(&mut self, stack: &mut Stack, option: u8) -> Result<(), Raise> {
        match option {
            b' ' => {}
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            b'!' => {
                let align = self.number(stack, MAX_ALIGN)?;
                if !align.is_power_of_two() {
                    return Err(stack.error(format!("alignment {align} is not a power of 2")));
                }
                self.align = align;
            }
            _ => {
                let text = [b"invalid format option '", &[option][..], b"'"].concat();
                return Err(stack.arg_error(1, text));
            }
        }
        Ok(())
    }

    /// The lowest `size` bytes of an integer, in the format's order.
    fn put_int(&self, out: &mut Vec<u8>, value: u64, size: usize) {
        let start = out.len();
        let bytes = value.to_le_bytes();
        out.extend((0..size).map(|idx| bytes.get(idx).copied().unwrap_or(0)));
        if self.big_endian {
            out[start..].reverse();
        }
    }

    fn get_int(&self, bytes: &[u8], signed: bool) -> f64 {
        let push = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = match self.big_endian {
            true => bytes.iter().fold(0, push),
            false => bytes.iter().rev().fold(0, push),
        };
        if !signed {
            return value as f64;
        }
        let mask = u64::MAX.wrapping_shl((bytes.len() as u32).wrapping_mul(8).wrapping_sub(1));
        let value = if value & mask == 0 { value } else { value | mask };
        value as i64 as f64
    }

    fn ordered<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        if self.big_endian {
            bytes.reverse();
        }
        bytes
    }
}

/// C's conversion of a double to an unsigned 64-bit integer on x86-64.
fn to_u64(n: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    if n < HALF { to_i64(n) as u64 } else { to_i64(n - HALF) as u64 ^ 1 << 63 }
}

fn pack(stack: &mut Stack) -> CallResult {
    let mut format = Format::new(stack)?;
    let mut out = Vec::new();
    let mut total = 0;
    let mut arg = 1;
    let mut effort = Effort::default();
    while let Some(mut item) = format.next(stack)? {
        stack.spend(&mut effort, 1 + item.size / 64)?;
        let padding = format.padding(total, &item);
        out.resize(out.len() + padding, 0);
        total += padding;
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                arg += 1;
                let number = stack.check_number(arg)?;
                let value = if number < 0.0 { to_i64(number) as u64 } else { to_u64(number) };
                format.put_int(&mut out, value, item.size);
            }
            b'x' => out.push(0),
            b'f' => {
                arg += 1;
                let value = stack.check_number(arg)? as f32;
                out.extend_from_slice(&format.ordered(value.to_le_bytes()));
            }
            b'd' => {
                arg += 1;
                let value = stack.check_number(arg)?;
                out.extend_from_slice(&format.ordered(value.to_le_bytes()));
            }
            b'c' | b's' => {
                arg += 1;
                let text = stack.check_bytes(arg)?;
                let size = if item.size == 0 { text.len() } else { item.size };
                if size > text.len() {
                    return Err(stack.arg_error(arg + 1, "string too short"));
                }
                if size > MAX_OUTPUT - out.len().min(MAX_OUTPUT) {
                    return Err(stack.no_memory());
                }
                out.extend_from_slice(&text[..size]);
                item.size = size;
                if item.option == b's' {
                    out.push(0);
                    item.size += 1;
                }
            }
            option => format.control(stack, option)?,
        }
        total += item.size;
    }
    stack.push_bytes(&out);
    Ok(1)
}

fn unpack(stack: &mut Stack) -> CallResult {
    let mut format = Format::new(stack)?;
    let data = stack.check_bytes(2)?.to_vec();
    let start = match stack.kind(3) {
        super::super::lua::Kind::None | super::super::lua::Kind::Nil => 1,
        _ => stack.check_integer(3)?,
    };
    if start == 0 {
        return Err(stack.arg_error(3, "offset must be 1 or greater"));
    }
    let mut at = (start as usize).wrapping_sub(1);
    let (mut results, mut effort) = (0, Effort::default());
    while let Some(mut item) = format.next(stack)? {
        stack.spend(&mut effort, 1)?;
        at = at.wrapping_add(format.padding(at, &item));
        let fits = |size: usize| size <= data.len() && at <= data.len() - size;
        if !fits(item.size) {
            return Err(stack.arg_error(2, "data string too short"));
        }
        if !stack.reserve(2) {
            return Err(stack.error("stack overflow (too many results)"));
        }
        let bytes = &data[at..at + item.size];
        match item.option {
            b'b' | b'B' | b'h' | b'H' | b'l' | b'L' | b'T' | b'i' | b'I' => {
                stack.push_number(format.get_int(bytes, item.option.is_ascii_lowercase()));
                results += 1;
            }
            b'x' => {}
            b'f' => {
                let bytes = bytes.try_into().expect("four bytes");
                stack.push_number(f64::from(f32::from_le_bytes(format.ordered(bytes))));
                results += 1;
            }
            b'd' => {
                let bytes = bytes.try_into().expect("eight bytes");
                stack.push_number(f64::from_le_bytes(format.ordered(bytes)));
                results += 1;
            }
            b'c' => {
                if item.size == 0 {
                    let number = if results == 0 { None } else { stack.number(-1) };
                    let Some(number) = number else {
                        return Err(stack.error("format 'c0' needs a previous size"));
                    };
                    item.size = to_u64(number) as usize;
                    stack.pop(1);
                    results -= 1;
                    if !fits(item.size) {
                        return Err(stack.arg_error(2, "data string too short"));
                    }
                }
                stack.push_bytes(&data[at..at + item.size]);
                results += 1;
            }
            b's' => {
                let Some(len) = memchr::memchr(0, &data[at..]) else {
                    return Err(stack.error("unfinished string in data"));
                };
                stack.push_bytes(&data[at..at + len]);
                item.size = len + 1;
                results += 1;
            }
            option => format.control(stack, option)?,
        }
        at += item.size;
    }
    stack.push_number(at.wrapping_add(1) as i64 as f64);
    Ok(results + 1)
}

fn size(stack: &mut Stack) -> CallResult {
    let mut format = Format::new(stack)?;
    let mut total: usize = 0;
    while let Some(item) = format.next(stack)? {
        total = total.wrapping_add(format.padding(total, &item));
        match (item.option, item.size) {
            (b's', _) => return Err(stack.arg_error(1, "option 's' has no fixed size")),
            (b'c', 0) => return Err(stack.arg_error(1, "option 'c0' has no fixed size")),
            (option, _) if !option.is_ascii_alphanumeric() => format.control(stack, option)?,
            _ => {}
        }
        total = total.wrapping_add(item.size);
    }
    stack.push_number(total as i64 as f64);
    Ok(1)
}
