//! `bit`: operations on 32-bit integers (Lua BitOp 1.0.2).

use super::super::lua::{CallResult, Raise, Stack};
use super::super::redis_api::set;

/// Pushes the library's table.
pub fn push_module(stack: &mut Stack) {
    stack.push_table(0, 16);
    set(stack, "tobit", |stack| unary(stack, |b| b));
    set(stack, "bnot", |stack| unary(stack, |b| !b));
    set(stack, "bswap", |stack| unary(stack, u32::swap_bytes));
    set(stack, "band", |stack| fold(stack, |a, b| a & b));
    set(stack, "bor", |stack| fold(stack, |a, b| a | b));
    set(stack, "bxor", |stack| fold(stack, |a, b| a ^ b));
    set(stack, "lshift", |stack| shift(stack, |b, n| b << n));
    set(stack, "rshift", |stack| shift(stack, |b, n| b >> n));
    set(stack, "arshift", |stack| shift(stack, |b, n| ((b as i32) >> n) as u32));
    set(stack, "rol", |stack| shift(stack, u32::rotate_left));
    set(stack, "ror", |stack| shift(stack, u32::rotate_right));
    set(stack, "tohex", to_hex);
}

/// An argument modulo 2^32, rounded to the nearest integer.
fn arg(stack: &mut Stack, idx: i32) -> Result<u32, Raise> {
    /// Added to a double, it moves the integer part into the low bits.
    const MOVER: f64 = 6_755_399_441_055_744.0;
    let number = stack.check_number(idx)?;
    Ok((number + MOVER).to_bits() as u32)
}

fn give(stack: &mut Stack, bits: u32) -> CallResult {
    stack.push_number(f64::from(bits as i32));
    Ok(1)
}

fn unary(stack: &mut Stack, f: impl Fn(u32) -> u32) -> CallResult {
    let bits = arg(stack, 1)?;
    give(stack, f(bits))
}

fn fold(stack: &mut Stack, f: impl Fn(u32, u32) -> u32) -> CallResult {
    let mut bits = arg(stack, 1)?;
    for idx in (2..=stack.top()).rev() {
        bits = f(bits, arg(stack, idx)?);
    }
    give(stack, bits)
}

fn shift(stack: &mut Stack, f: impl Fn(u32, u32) -> u32) -> CallResult {
    let (bits, by) = (arg(stack, 1)?, arg(stack, 2)? & 31);
    give(stack, f(bits, by))
}

/// Hexadecimal digits, the lowest `n` of eight; upper case for a negative `n`.
fn to_hex(stack: &mut Stack) -> CallResult {
    let bits = arg(stack, 1)?;
    let n = if stack.top() < 2 { 8 } else { arg(stack, 2)? as i32 };
    let digits = if n < 0 { format!("{bits:08X}") } else { format!("{bits:08x}") };
    let shown = n.unsigned_abs().min(8) as usize;
    stack.push_bytes(&digits.as_bytes()[8 - shown..]);
    Ok(1)
}
