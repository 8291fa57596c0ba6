//! `cjson`: the library's table and its options (lua-cjson 2.1.0). Encoding and decoding are in
//! files of their own.

use super::super::lua::{CallResult, Kind, Raise, Stack};
use super::super::redis_api::set;
use super::{json_decode, json_encode};

/// Options, in the words that every function of a module shares.
pub const WORDS: usize = 9;
const SPARSE_CONVERT: usize = 0;
const SPARSE_RATIO: usize = 1;
const SPARSE_SAFE: usize = 2;
const ENCODE_MAX_DEPTH: usize = 3;
const DECODE_MAX_DEPTH: usize = 4;
const ENCODE_INVALID_NUMBERS: usize = 5;
const DECODE_INVALID_NUMBERS: usize = 6;
const KEEP_BUFFER: usize = 7;
const PRECISION: usize = 8;

const DEFAULTS: [i64; WORDS] = [0, 2, 10, 1000, 1000, 0, 1, 1, 14];

/// The options of one module.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub sparse_convert: bool,
    pub sparse_ratio: i64,
    pub sparse_safe: i64,
    pub encode_max_depth: i64,
    pub decode_max_depth: i64,
    /// 0 = an error, 1 = as C prints them, 2 = null.
    pub encode_invalid_numbers: i64,
    pub decode_invalid_numbers: bool,
    pub precision: usize,
}

impl Options {
    /// Those of the function that runs.
    fn of(stack: &Stack) -> Options {
        let words = stack.upvalue_words::<WORDS>().unwrap_or(DEFAULTS);
        Options {
            sparse_convert: words[SPARSE_CONVERT] != 0,
            sparse_ratio: words[SPARSE_RATIO],
            sparse_safe: words[SPARSE_SAFE],
            encode_max_depth: words[ENCODE_MAX_DEPTH],
            decode_max_depth: words[DECODE_MAX_DEPTH],
            encode_invalid_numbers: words[ENCODE_INVALID_NUMBERS],
            decode_invalid_numbers: words[DECODE_INVALID_NUMBERS] != 0,
            precision: words[PRECISION] as usize,
        }
    }
}

/// Pushes a module with options of its own.
pub fn push_module(stack: &mut Stack) {
    stack.push_table(0, 16);
    stack.push_words(&DEFAULTS);
    sharing(stack, "encode", encode);
    sharing(stack, "decode", decode);
    sharing(stack, "encode_sparse_array", encode_sparse_array);
    sharing(stack, "encode_max_depth", |stack| depth(stack, ENCODE_MAX_DEPTH));
    sharing(stack, "decode_max_depth", |stack| depth(stack, DECODE_MAX_DEPTH));
    sharing(stack, "encode_number_precision", |stack| {
        prepare(stack, 1)?;
        integer_option(stack, 1, PRECISION, 1, 14)?;
        Ok(1)
    });
    sharing(stack, "encode_keep_buffer", |stack| {
        prepare(stack, 1)?;
        enum_option(stack, 1, KEEP_BUFFER, &["off", "on"])?;
        Ok(1)
    });
    sharing(stack, "encode_invalid_numbers", |stack| {
        prepare(stack, 1)?;
        enum_option(stack, 1, ENCODE_INVALID_NUMBERS, &["off", "on", "null"])?;
        Ok(1)
    });
    sharing(stack, "decode_invalid_numbers", |stack| {
        prepare(stack, 1)?;
        enum_option(stack, 1, DECODE_INVALID_NUMBERS, &["off", "on"])?;
        Ok(1)
    });
    stack.pop(1);
    set(stack, "new", |stack| {
        push_module(stack);
        Ok(1)
    });
    stack.push_null_pointer();
    stack.raw_set_field(-2, "null");
    stack.push_bytes(b"cjson");
    stack.raw_set_field(-2, "_NAME");
    stack.push_bytes(b"2.1.0");
    stack.raw_set_field(-2, "_VERSION");
}

/// Sets a function that shares the options on top of the stack, in the table below.
fn sharing<F>(stack: &mut Stack, name: &str, function: F)
where
    F: Fn(&mut Stack) -> CallResult + Copy + 'static,
{
    stack.push_value(-1);
    stack.push_closure(function);
    stack.raw_set_field(-3, name);
}

fn one_argument(stack: &mut Stack) -> Result<(), Raise> {
    if stack.top() != 1 {
        return Err(stack.arg_error(1, "expected 1 argument"));
    }
    Ok(())
}

fn encode(stack: &mut Stack) -> CallResult {
    one_argument(stack)?;
    let options = Options::of(stack);
    let text = json_encode::encode(stack, options)?;
    stack.push_bytes(&text);
    Ok(1)
}

fn decode(stack: &mut Stack) -> CallResult {
    one_argument(stack)?;
    let options = Options::of(stack);
    let text = stack.check_bytes(1)?.to_vec();
    json_decode::decode(stack, &text, options)?;
    Ok(1)
}

/// Fills up with nil, so that arguments are there or nil.
fn prepare(stack: &mut Stack, args: i32) -> Result<(), Raise> {
    if stack.top() > args {
        return Err(stack.arg_error(args + 1, "found too many arguments"));
    }
    stack.set_top(args);
    Ok(())
}

fn word(stack: &Stack, word: usize) -> i64 {
    stack.upvalue_words::<WORDS>().unwrap_or(DEFAULTS)[word]
}

/// Sets an option if the argument is given, and pushes its value.
fn integer_option(
    stack: &mut Stack,
    idx: i32,
    option: usize,
    min: i32,
    max: i32,
) -> Result<(), Raise> {
    if stack.kind(idx) != Kind::Nil {
        let value = stack.check_integer(idx)? as i32;
        if !(min..=max).contains(&value) {
            let text = format!("expected integer between {min} and {max}");
            return Err(stack.arg_error(1, text));
        }
        stack.set_upvalue_word(option, i64::from(value));
    }
    let value = word(stack, option);
    stack.push_number(value as f64);
    Ok(())
}

fn enum_option(stack: &mut Stack, idx: i32, option: usize, names: &[&str]) -> Result<(), Raise> {
    match stack.kind(idx) {
        Kind::Nil => {}
        Kind::Boolean => stack.set_upvalue_word(option, i64::from(stack.boolean(idx))),
        _ => {
            let given = stack.check_bytes(idx)?.to_vec();
            let Some(value) = names.iter().position(|name| name.as_bytes() == given) else {
                let text = [b"invalid option '", &given[..], b"'"].concat();
                return Err(stack.arg_error(idx, text));
            };
            stack.set_upvalue_word(option, value as i64);
        }
    }
    match word(stack, option) {
        value @ 0..=1 => stack.push_boolean(value == 1),
        value => stack.push_bytes(names[value as usize].as_bytes()),
    }
    Ok(())
}

fn depth(stack: &mut Stack, option: usize) -> CallResult {
    prepare(stack, 1)?;
    integer_option(stack, 1, option, 1, i32::MAX)?;
    Ok(1)
}

fn encode_sparse_array(stack: &mut Stack) -> CallResult {
    prepare(stack, 3)?;
    enum_option(stack, 1, SPARSE_CONVERT, &["off", "on"])?;
    integer_option(stack, 2, SPARSE_RATIO, 0, i32::MAX)?;
    integer_option(stack, 3, SPARSE_SAFE, 0, i32::MAX)?;
    Ok(3)
}
