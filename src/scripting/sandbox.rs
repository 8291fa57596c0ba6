//! The globals of scripts: which there are, and that none can be added or changed.

use super::errors;
use super::lua::{CallResult, Kind, Lua, Ref, Stack};
use super::{Version, libs, redis_api};

/// Globals of Lua's base library that scripts do not get.
const REMOVED: [&str; 3] = ["dofile", "loadfile", "print"];

/// Values that every call of a script needs, kept ready.
pub struct Kept {
    pub handler: Ref,
    pub globals: Ref,
    /// The names "KEYS" and "ARGV".
    pub keys: Ref,
    pub argv: Ref,
}

impl Kept {
    pub fn new(stack: &mut Stack, handler: Ref, globals: Ref) -> Kept {
        let mut name = |name: &[u8]| {
            stack.push_bytes(name);
            stack.make_ref()
        };
        Kept { handler, globals, keys: name(b"KEYS"), argv: name(b"ARGV") }
    }
}

/// Fills the interpreter of EVAL scripts.
pub fn prepare_eval(lua: &Lua, version: &Version) -> Kept {
    lua.with(|stack| {
        add_globals(stack, version, redis_api::add_eval_only);
        // Part of the globals since scripts could see it there.
        stack.push_function(errors::handler);
        stack.push_value(-1);
        let handler = stack.make_ref();
        stack.set_protected_global("__redis__err__handler");
        stack.push_globals();
        set_error_metatable(stack);
        protect(stack);
        let globals = stack.make_ref();
        Kept::new(stack, handler, globals)
    })
}

/// The globals of a fresh interpreter, not protected yet.
pub fn add_globals(stack: &mut Stack, version: &Version, more: fn(&mut Stack)) {
    stack.push_globals();
    for name in REMOVED {
        stack.push_nil();
        stack.raw_set_field(-2, name);
    }
    redis_api::set(stack, "pcall", redis_api::pcall);
    stack.push_table(0, 1);
    redis_api::set(stack, "clock", redis_api::os_clock);
    stack.raw_set_field(-2, "os");
    libs::open(stack);
    stack.push_table(0, 32);
    redis_api::add_common(stack, version);
    more(stack);
    stack.raw_set_field(-2, "redis");
    stack.raw_get_field(-1, "math");
    redis_api::set(stack, "random", redis_api::math_random);
    redis_api::set(stack, "randomseed", redis_api::math_randomseed);
    stack.pop(2);
    protect_strings(stack);
}

/// The metatable that all strings share: a change would reach every later script.
fn protect_strings(stack: &mut Stack) {
    stack.push_bytes(b"");
    if stack.push_metatable(-1) {
        protect(stack);
        stack.pop(1);
    }
    stack.pop(1);
}

/// Reading a field that the table on top does not have is an error from now on.
pub fn set_error_metatable(stack: &mut Stack) {
    stack.push_table(0, 1);
    redis_api::set(stack, "__index", missing_global);
    stack.set_metatable(-2);
}

fn missing_global(stack: &mut Stack) -> CallResult {
    if stack.top() != 2 {
        return Err(stack.error("Wrong number of arguments to luaProtectedTableError"));
    }
    let Some(name) = stack.text(2) else {
        return Err(
            stack.error("Second argument to luaProtectedTableError must be a string or number")
        );
    };
    let name = &name[..memchr::memchr(0, name).unwrap_or(name.len())];
    let text = [b"Script attempted to access nonexistent global variable '", name, b"'"].concat();
    Err(stack.error(text))
}

/// Makes the table on top read-only, with all tables in it and their metatables.
pub fn protect(stack: &mut Stack) {
    if stack.is_readonly(-1) || !stack.reserve(6) {
        return;
    }
    stack.set_readonly(-1, true);
    stack.push_nil();
    while stack.next(-2) {
        if stack.kind(-1) == Kind::Table {
            protect(stack);
        }
        stack.pop(1);
    }
    if stack.push_metatable(-1) {
        protect(stack);
        stack.pop(1);
    }
}
