//! The interpreter against hostile code: nothing crashes, nothing leaks from one run to the next.

use super::*;
use crate::protocol::reply::Reply;
use crate::scripting::errors;
use crate::scripting::host::NoHost;

fn eval(lua: &Lua, code: &str) -> Result<String, String> {
    lua.enter(&mut NoHost(Reply::new()), |stack| {
        let compiled = stack.load(code.as_bytes(), c"@test");
        let outcome = compiled.and_then(|()| stack.pcall(0, 1, 0));
        let text = match outcome {
            Ok(()) => stack.text(-1).map(<[u8]>::to_vec).unwrap_or_default(),
            Err(_) => errors::info(stack).message,
        };
        let text = String::from_utf8_lossy(&text).into_owned();
        if outcome.is_ok() { Ok(text) } else { Err(text) }
    })
}

#[test]
fn memory_is_counted_and_given_back() {
    let lua = Lua::new(1 << 20);
    let before = lua.used_bytes();
    assert_eq!(eval(&lua, "local s = string.rep('x', 100000) return #s"), Ok("100000".into()));
    lua.collect_all();
    // The interpreter's own tables and stack stay as large as they became.
    assert!(lua.used_bytes() < before + 50_000, "{} {}", before, lua.used_bytes());
}

#[test]
fn bombs_end_at_the_limit() {
    let lua = Lua::new(4 << 20);
    for code in [
        "return string.rep('x', 2^31 - 1)",
        "local t = {} for i = 1, 1e9 do t[i] = {i} end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} for i = 1, 1e9 do t['k' .. i] = true end",
        "return table.concat({string.rep('x', 3e6), string.rep('y', 3e6)})",
    ] {
        let error = eval(&lua, code).unwrap_err();
        assert_eq!(error, "ERR not enough memory", "{code}");
        lua.collect_all();
        assert_eq!(eval(&lua, "return 'alive'"), Ok("alive".into()));
    }
}

#[test]
fn deep_recursion_is_an_error() {
    let lua = Lua::new(1 << 28);
    for (code, part) in [
        ("local function f() return 1 + f() end return f()", "stack overflow"),
        ("local function f() return pcall(f) end return tostring(f())", ""),
        ("return loadstring(string.rep('(', 300) .. '1' .. string.rep(')', 300))()", ""),
        ("return string.rep('a', 300000):match(string.rep('a?', 300000))", "pattern too complex"),
        ("return unpack({}, 1, 1e8)", "too many results to unpack"),
        ("return unpack({}, -2147483647, 2147483646)", "too many results to unpack"),
        ("return select('#', string.byte(string.rep('x', 1e6), 1, -1))", "string slice too long"),
        (
            "local t = setmetatable({}, {}) getmetatable(t).__index = t return t.x",
            "loop in gettable",
        ),
    ] {
        match eval(&lua, code) {
            Err(error) => assert!(error.contains(part), "{code}: {error}"),
            Ok(_) => assert_eq!(part, "", "{code}"),
        }
    }
}

#[test]
fn bytecode_is_not_loaded() {
    let lua = Lua::new(1 << 28);
    let code = "local f = loadstring(string.dump(function() return 1 end)) return tostring(f)";
    assert_eq!(eval(&lua, code), Ok("nil".into()));
    let code = "return tostring(load(function() return '\\27Lua' end))";
    assert_eq!(eval(&lua, code), Ok("nil".into()));
}

#[test]
fn the_name_of_a_chunk_survives_collections() {
    let lua = Lua::new(1 << 28);
    let code = "collectgarbage('setpause', 0) collectgarbage('setstepmul', 100000) \
                for i = 1, 200 do \
                  local f = assert(loadstring('local x = ' .. string.rep('{', 50) .. i .. \
                    string.rep('}', 50) .. ' error()', '=' .. string.rep('name', 20) .. i)) \
                  pcall(f) collectgarbage() end return 'ok'";
    assert_eq!(eval(&lua, code), Ok("ok".into()));
}

#[test]
fn userdata_of_scripts_has_no_finalizer() {
    let lua = Lua::new(1 << 28);
    let code = "local p = newproxy(true) getmetatable(p).__gc = function() error('late') end \
                p = nil collectgarbage() collectgarbage() return 'ok'";
    assert_eq!(eval(&lua, code), Ok("ok".into()));
}

#[test]
fn random_numbers_are_those_of_lrand48() {
    let lua = Lua::new(1 << 20);
    lua.with(|stack| {
        let random = stack.random();
        random.seed(0);
        assert_eq!((random.next(), random.next()), (366_850_414, 1_610_402_240));
    });
}
