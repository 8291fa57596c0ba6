//! `cmsgpack`: MessagePack (lua-cmsgpack 0.4.0).

use super::super::lua::{CallResult, Effort, Kind, MAX_OUTPUT, Raise, Stack};
use super::super::redis_api::set;
use super::to_i64;

/// Tables nested deeper are packed as nil.
const MAX_NESTING: u32 = 16;

/// Pushes the library's table.
pub fn push_module(stack: &mut Stack) {
    stack.push_table(0, 8);
    set(stack, "pack", pack);
    set(stack, "unpack", unpack);
    set(stack, "unpack_one", unpack_one);
    set(stack, "unpack_limit", unpack_limit);
    for (name, text) in [
        ("_NAME", "cmsgpack"),
        ("_VERSION", "lua-cmsgpack 0.4.0"),
        ("_COPYRIGHT", "Copyright (C) 2012, Salvatore Sanfilippo"),
        ("_DESCRIPTION", "MessagePack C implementation for Lua"),
    ] {
        stack.push_bytes(text.as_bytes());
        stack.raw_set_field(-2, name);
    }
}

/// The integer equal to a number.
fn as_integer(n: f64) -> Option<i64> {
    let int = to_i64(n);
    (n.is_finite() && int as f64 == n).then_some(int)
}

fn pack(stack: &mut Stack) -> CallResult {
    let args = stack.top();
    if args == 0 {
        return Err(stack.arg_error(0, "MessagePack pack needs input."));
    }
    if !stack.reserve(args) {
        return Err(stack.arg_error(0, "Too many arguments for MessagePack pack."));
    }
    let limit = stack.memory_limit().min(MAX_OUTPUT);
    let mut packer = Packer { out: Vec::new(), limit, effort: Effort::default() };
    for idx in 1..=args {
        stack.push_value(idx);
        packer.value(stack, 0)?;
    }
    stack.push_bytes(&packer.out);
    Ok(1)
}

/// A type byte and the big-endian number after it.
fn put(out: &mut Vec<u8>, kind: u8, number: u64, bytes: usize) {
    out.push(kind);
    out.extend_from_slice(&number.to_be_bytes()[8 - bytes..]);
}

fn put_integer(out: &mut Vec<u8>, n: i64) {
    let bits = n as u64;
    match n {
        -32..=127 => out.push(n as u8),
        128..=0xff => put(out, 0xcc, bits, 1),
        0x100..=0xffff => put(out, 0xcd, bits, 2),
        0x1_0000..=0xffff_ffff => put(out, 0xce, bits, 4),
        0x1_0000_0000.. => put(out, 0xcf, bits, 8),
        -128..=-33 => put(out, 0xd0, bits, 1),
        -0x8000..=-129 => put(out, 0xd1, bits, 2),
        -0x8000_0000..=-0x8001 => put(out, 0xd2, bits, 4),
        _ => put(out, 0xd3, bits, 8),
    }
}

fn put_string(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.len() as u64;
    match len {
        0..32 => out.push(0xa0 | len as u8),
        32..=0xff => put(out, 0xd9, len, 1),
        0x100..=0xffff => put(out, 0xda, len, 2),
        _ => put(out, 0xdb, len & 0xffff_ffff, 4),
    }
    out.extend_from_slice(bytes);
}

/// The header of an array or map: `small` with up to 15 elements, else `kind` or the next one.
fn put_aggregate(out: &mut Vec<u8>, small: u8, kind: u8, len: usize) {
    match len {
        0..16 => out.push(small | len as u8),
        16..=0xffff => put(out, kind, len as u64, 2),
        _ => put(out, kind + 1, len as u64 & 0xffff_ffff, 4),
    }
}

/// What is packed so far.
struct Packer {
    out: Vec<u8>,
    /// Bytes it may have.
    limit: usize,
    effort: Effort,
}

impl Packer {
    /// Packs the value on top of the stack and pops it.
    fn value(&mut self, stack: &mut Stack, level: u32) -> Result<(), Raise> {
        let before = self.out.len();
        if before > self.limit {
            return Err(stack.no_memory());
        }
        let out = &mut self.out;
        match stack.kind(-1) {
            Kind::String => put_string(out, stack.bytes(-1).expect("a string")),
            Kind::Boolean => out.push(if stack.boolean(-1) { 0xc3 } else { 0xc2 }),
            Kind::Number => {
                let number = stack.number(-1).expect("a number");
                match as_integer(number) {
                    Some(int) => put_integer(out, int),
                    None if f64::from(number as f32) == number => {
                        put(out, 0xca, u64::from((number as f32).to_bits()), 4);
                    }
                    None => put(out, 0xcb, number.to_bits(), 8),
                }
            }
            Kind::Table if level < MAX_NESTING => self.table(stack, level)?,
            _ => out.push(0xc0),
        }
        stack.pop(1);
        stack.spend(&mut self.effort, 1 + (self.out.len() - before) / 64)
    }

    fn table(&mut self, stack: &mut Stack, level: u32) -> Result<(), Raise> {
        if !stack.reserve(5) {
            return Err(stack.error("stack overflow (in function mp_encode_lua_table)"));
        }
        let (is_array, len) = self.survey(stack)?;
        if is_array {
            put_aggregate(&mut self.out, 0x90, 0xdc, len);
            for idx in 1..=len {
                stack.raw_get_index(-1, idx as i32);
                self.value(stack, level + 1)?;
            }
            return Ok(());
        }
        put_aggregate(&mut self.out, 0x80, 0xde, len);
        stack.push_nil();
        while stack.next(-2) {
            stack.push_value(-2);
            self.value(stack, level + 1)?;
            self.value(stack, level + 1)?;
        }
        Ok(())
    }

    /// Whether the keys of the table on top are 1 to their number, and that number.
    fn survey(&mut self, stack: &mut Stack) -> Result<(bool, usize), Raise> {
        let (mut is_array, mut max, mut len) = (true, 0, 0);
        stack.push_nil();
        while stack.next(-2) {
            stack.pop(1);
            len += 1;
            let key = match stack.kind(-1) {
                Kind::Number => stack.number(-1).and_then(as_integer),
                _ => None,
            };
            match key.and_then(|key| i32::try_from(key).ok()).filter(|key| *key > 0) {
                Some(key) => max = max.max(key),
                None => is_array = false,
            }
            stack.spend(&mut self.effort, 1)?;
        }
        Ok((is_array && max as usize == len, len))
    }
}

fn unpack(stack: &mut Stack) -> CallResult {
    unpack_full(stack, 0, 0)
}

fn optional_integer(stack: &mut Stack, idx: i32) -> Result<i64, Raise> {
    match stack.kind(idx) {
        Kind::None | Kind::Nil => Ok(0),
        _ => stack.check_integer(idx),
    }
}

fn unpack_one(stack: &mut Stack) -> CallResult {
    let offset = optional_integer(stack, 2)?;
    stack.set_top(1);
    unpack_full(stack, 1, offset)
}

fn unpack_limit(stack: &mut Stack) -> CallResult {
    let limit = stack.check_integer(2)?;
    let offset = optional_integer(stack, 3)?;
    stack.set_top(1);
    unpack_full(stack, limit, offset)
}

fn unpack_full(stack: &mut Stack, limit: i64, offset: i64) -> CallResult {
    let all = limit == 0 && offset == 0;
    let data = stack.check_bytes(1)?.to_vec();
    let len = data.len();
    if offset < 0 || limit < 0 {
        return Err(stack.error(format!(
            "Invalid request to unpack with offset of {} and limit of {}.",
            offset as i32, len as i32
        )));
    }
    if offset as u64 > len as u64 {
        return Err(stack.error(format!(
            "Start offset {} greater than input length {}.",
            offset as i32, len as i32
        )));
    }
    let limit = if all { i64::from(i32::MAX) } else { limit };
    let rest = &data[offset as usize..];
    let mut cursor = Cursor { rest, effort: Effort::default() };
    let mut results = 0;
    while !cursor.rest.is_empty() && i64::from(results) < limit {
        if let Err(problem) = cursor.push_value(stack) {
            return Err(stack.error(match problem {
                Problem::Raised(raise) => return Err(raise),
                Problem::Key => {
                    stack.push_bytes(b"table index is nil");
                    return Err(Raise);
                }
                Problem::End => "Missing bytes in input.",
                Problem::Format => "Bad data format in input.",
                Problem::Room => {
                    "stack overflow (too many return values at once; use unpack_one or \
                     unpack_limit instead.)"
                }
            }));
        }
        results += 1;
    }
    if !all {
        if !stack.reserve(1) {
            return Err(stack.error("stack overflow (in function mp_unpack_full)"));
        }
        let done = len - cursor.rest.len();
        stack.push_number(if cursor.rest.is_empty() { -1.0 } else { done as f64 });
        stack.insert(2);
        results += 1;
    }
    Ok(results)
}

enum Problem {
    /// The input ends within a value.
    End,
    /// A byte that begins no value.
    Format,
    /// A key that no table can have.
    Key,
    /// The stack is full.
    Room,
    /// The script is to end.
    Raised(Raise),
}

struct Cursor<'a> {
    rest: &'a [u8],
    effort: Effort,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Problem> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(Problem::End)?;
        self.rest = tail;
        Ok(head)
    }

    /// A big-endian number.
    fn number(&mut self, bytes: usize) -> Result<u64, Problem> {
        let number = self.take(bytes)?.iter().fold(0, |n, byte| n << 8 | u64::from(*byte));
        Ok(number)
    }

    fn push_value(&mut self, stack: &mut Stack) -> Result<(), Problem> {
        if !stack.reserve(4) {
            return Err(Problem::Room);
        }
        stack.spend(&mut self.effort, 1).map_err(Problem::Raised)?;
        let kind = self.take(1)?[0];
        match kind {
            0x00..=0x7f => stack.push_number(f64::from(kind)),
            0xe0..=0xff => stack.push_number(f64::from(kind as i8)),
            0xa0..=0xbf => self.push_string(stack, usize::from(kind & 0x1f))?,
            0x90..=0x9f => self.push_array(stack, u64::from(kind & 15))?,
            0x80..=0x8f => self.push_map(stack, u64::from(kind & 15))?,
            0xc0 => stack.push_nil(),
            0xc2 | 0xc3 => stack.push_boolean(kind == 0xc3),
            0xca => {
                let bits = self.number(4)? as u32;
                stack.push_number(f64::from(f32::from_bits(bits)));
            }
            0xcb => stack.push_number(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => stack.push_number(self.number(1 << (kind - 0xcc))? as i64 as f64),
            0xd0 => stack.push_number(f64::from(self.number(1)? as i8)),
            0xd1 => stack.push_number(f64::from(self.number(2)? as i16)),
            0xd2 => stack.push_number(f64::from(self.number(4)? as i32)),
            0xd3 => stack.push_number(self.number(8)? as i64 as f64),
            0xd9..=0xdb => {
                let len = self.number(1 << (kind - 0xd9))?;
                self.push_string(stack, len as usize)?;
            }
            0xdc | 0xdd => {
                let len = self.number(if kind == 0xdc { 2 } else { 4 })?;
                self.push_array(stack, len)?;
            }
            0xde | 0xdf => {
                let len = self.number(if kind == 0xde { 2 } else { 4 })?;
                self.push_map(stack, len)?;
            }
            _ => return Err(Problem::Format),
        }
        Ok(())
    }

    fn push_string(&mut self, stack: &mut Stack, len: usize) -> Result<(), Problem> {
        stack.push_bytes(self.take(len)?);
        Ok(())
    }

    fn push_array(&mut self, stack: &mut Stack, len: u64) -> Result<(), Problem> {
        stack.push_table(len.min(self.rest.len() as u64) as usize, 0);
        for idx in 1..=len {
            self.push_value(stack)?;
            stack.raw_set_index(-2, idx as i32);
        }
        Ok(())
    }

    fn push_map(&mut self, stack: &mut Stack, len: u64) -> Result<(), Problem> {
        stack.push_table(0, len.min(self.rest.len() as u64 / 2) as usize);
        for _ in 0..len {
            self.push_value(stack)?;
            self.push_value(stack)?;
            if !stack.raw_set(-3) {
                return Err(Problem::Key);
            }
        }
        Ok(())
    }
}
