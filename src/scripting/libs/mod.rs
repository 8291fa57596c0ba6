//! The libraries that scripts have besides Lua's own: `cjson`, `cmsgpack`, `struct`, `bit`, with
//! the formats, options and error texts of the C libraries that Redis uses.

mod bit;
mod cjson;
mod cmsgpack;
mod json_decode;
mod json_encode;
mod json_number;
mod struct_pack;
#[cfg(test)]
mod tests;

use super::lua::Stack;

/// Sets the libraries in the globals, which are on top of the stack.
pub fn open(stack: &mut Stack) {
    cjson::push_module(stack);
    stack.raw_set_field(-2, "cjson");
    cmsgpack::push_module(stack);
    stack.raw_set_field(-2, "cmsgpack");
    struct_pack::push_module(stack);
    stack.raw_set_field(-2, "struct");
    bit::push_module(stack);
    stack.raw_set_field(-2, "bit");
}

/// C's conversion of a double to a 64-bit integer on x86-64: the lowest one for what does not fit.
fn to_i64(n: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&n) { n as i64 } else { i64::MIN }
}
