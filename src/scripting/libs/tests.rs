//! The libraries, called as scripts call them.

use crate::protocol::reply::Reply;
use crate::scripting::Version;
use crate::scripting::cache::ScriptCache;
use crate::scripting::host::NoHost;

const VERSION: Version = Version { text: "8.0.0", number: 0x0008_0000 };

/// The result of a script as a string, or its error.
fn eval(code: &str) -> String {
    eval_within(code, 1 << 28)
}

/// The same with a limit of memory, bytes.
fn eval_within(code: &str, limit: usize) -> String {
    let mut cache = ScriptCache::new(&VERSION, limit);
    let (script, _) = cache.add(code.as_bytes(), true).expect(code);
    let (lua, kept) = cache.interpreter();
    lua.enter(&mut NoHost(Reply::new()), |stack| {
        stack.push_ref(kept.handler);
        stack.push_ref(script.function);
        match stack.pcall(0, 1, 1) {
            Ok(()) => String::from_utf8_lossy(stack.text(-1).unwrap_or(b"(no text)")).into_owned(),
            Err(_) => {
                let message = crate::scripting::errors::info(stack).message;
                String::from_utf8_lossy(&message).into_owned()
            }
        }
    })
}

fn all(cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        assert_eq!(eval(code), *expected, "{code}");
    }
}

#[test]
fn json_texts() {
    all(&[
        ("return cjson.encode({1,2,3,'x\\n/',true,false})", r#"[1,2,3,"x\n\/",true,false]"#),
        ("return cjson.encode({})", "{}"),
        ("return cjson.encode({[1]=1,[3]=3})", "[1,null,3]"),
        ("return cjson.encode({a={b={}}})", r#"{"a":{"b":{}}}"#),
        ("return cjson.encode({[5.5]=1})", r#"{"5.5":1}"#),
        ("return cjson.encode(cjson.null)", "null"),
        ("return cjson.encode('\\1\\127')", r#""\u0001\u007f""#),
        (
            "return cjson.encode({[100]=1})",
            "ERR user_script:1: Cannot serialise table: excessively sparse array",
        ),
        (
            "return cjson.encode({f=print == nil})",
            "ERR user_script:1: Script attempted to access nonexistent global variable 'print'",
        ),
        (
            "return cjson.encode(1/0)",
            "ERR user_script:1: Cannot serialise number: must not be NaN or Inf",
        ),
        (
            "local t = {} t.t = t return cjson.encode(t)",
            "ERR user_script:1: Cannot serialise, excessive nesting (1001)",
        ),
        (
            "return cjson.encode(1, 2)",
            "ERR user_script:1: bad argument #1 to 'encode' (expected 1 argument)",
        ),
        ("return cjson.decode('{\"a\":[1,2,{\"b\":\"\\\\u00e9\"}]}').a[3].b", "é"),
        ("return cjson.decode('\"\\\\ud83d\\\\ude00\"')", "😀"),
        ("return tostring(cjson.decode('[1,null]')[2] == cjson.null)", "true"),
        ("return cjson.decode(' 0x10 ')", "16"),
        (
            "return cjson.decode('[1')",
            "ERR user_script:1: Expected comma or array end but found T_END at character 3",
        ),
        (
            "return cjson.decode('x')",
            "ERR user_script:1: Expected value but found invalid token at character 1",
        ),
        (
            "return cjson.decode(string.rep('[', 1001))",
            "ERR user_script:1: Found too many nested data structures (1001) at character 1001",
        ),
    ]);
}

#[test]
fn json_options_belong_to_a_module() {
    all(&[
        ("local c = cjson.new() c.encode_number_precision(3) return c.encode(2/3)", "0.667"),
        (
            "local c = cjson.new() c.encode_number_precision(3) return cjson.encode(2/3)",
            "0.66666666666667",
        ),
        (
            "local c = cjson.new() c.encode_sparse_array(true) return c.encode({[100]=1})",
            r#"{"100":1}"#,
        ),
        ("local c = cjson.new() c.encode_invalid_numbers('null') return c.encode({1/0})", "[null]"),
        (
            "cjson.encode_max_depth(0)",
            "ERR user_script:1: bad argument #1 to 'encode_max_depth' (expected integer between 1 \
             and 2147483647)",
        ),
        (
            "cjson.encode_invalid_numbers('x')",
            "ERR user_script:1: bad argument #1 to 'encode_invalid_numbers' (invalid option 'x')",
        ),
    ]);
}

#[test]
fn msgpack_round_trips() {
    all(&[
        (
            "local s = cmsgpack.pack(1, -1, 200, -200, 70000, 1.5, 0.1, 'x', true, {1, 2}) \
             local r = '' for i = 1, #s do r = r .. string.format('%02x', s:byte(i)) end return r",
            "01ffccc8d1ff38ce00011170ca3fc00000cb3fb999999999999aa178c3920102",
        ),
        ("return cmsgpack.unpack(cmsgpack.pack({a = {1, 2, 'three'}})).a[3]", "three"),
        ("return select('#', cmsgpack.unpack(cmsgpack.pack(1, 2, 3)))", "3"),
        ("return cmsgpack.unpack_one(cmsgpack.pack(1, 2, 3))", "1"),
        ("return (select(2, cmsgpack.unpack_limit(cmsgpack.pack(5, 6, 7), 2, 1)))", "6"),
        ("return cmsgpack.unpack('\\204\\255')", "255"),
        ("return cmsgpack.unpack('\\217')", "ERR user_script:1: Missing bytes in input."),
        ("return cmsgpack.unpack('\\193')", "ERR user_script:1: Bad data format in input."),
        (
            "return cmsgpack.pack()",
            "ERR user_script:1: bad argument #0 to 'pack' (MessagePack pack needs input.)",
        ),
        ("local t = {} t[1] = t return #cmsgpack.pack(t)", "17"),
        ("return tostring(pcall(cmsgpack.unpack, string.rep('\\145', 1e6)))", "false"),
    ]);
}

#[test]
fn structs_and_bits() {
    all(&[
        ("return #struct.pack('>I2c3s', 258, 'abc', 'xy')", "8"),
        ("return struct.unpack('>I2', struct.pack('>I2', 258))", "258"),
        ("return struct.unpack('<i4', struct.pack('<i4', -5))", "-5"),
        ("return struct.size('!8bd')", "16"),
        ("return (select(2, struct.unpack('Bc0', '\\3abcd')))", "5"),
        ("return struct.unpack('Bc0', '\\3abcd')", "abc"),
        ("return struct.unpack('d', struct.pack('d', 1.25))", "1.25"),
        (
            "return struct.unpack('I4', 'abc')",
            "ERR user_script:1: bad argument #2 to 'unpack' (data string too short)",
        ),
        (
            "return struct.pack('i99', 1)",
            "ERR user_script:1: integral size 99 is larger than limit of 32",
        ),
        (
            "return struct.pack('q', 1)",
            "ERR user_script:1: bad argument #1 to 'pack' (invalid format option 'q')",
        ),
        ("return struct.unpack('s', 'abc')", "ERR user_script:1: unfinished string in data"),
        (
            "return struct.unpack('I4', 'abcd', -1)",
            "ERR user_script:1: bad argument #2 to 'unpack' (data string too short)",
        ),
        ("return bit.tohex(bit.band(0xff00ff, 0x0ff0))", "000000f0"),
        ("return bit.tohex(255, -4)", "00FF"),
        ("return bit.tohex(65535, -2147483648)", "0000FFFF"),
        ("return bit.bnot(0)", "-1"),
        ("return bit.rol(0x80000000, 1)", "1"),
        ("return bit.arshift(-8, 1)", "-4"),
        ("return bit.bswap(1)", "16777216"),
        ("return bit.bor(1, 2, 4, 2^40)", "7"),
        (
            "return bit.band('x')",
            "ERR user_script:1: bad argument #1 to 'band' (number expected, got string)",
        ),
    ]);
}

#[test]
fn memory_bombs_are_errors() {
    for code in [
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = string.rep('x', 1000000) .. #t end",
        "local t = {} while true do t[{}] = {} end",
        "return string.rep('x', 2147483647)",
        "local t = {1} for i = 1, 40 do t = {t, t} end return cjson.encode(t)",
        "local t = {1} for i = 1, 15 do t = {t, t, t, t, t, t} end return cmsgpack.pack(t)",
        "return cjson.decode('[' .. string.rep('{},', 500000) .. '{}]')",
        "return cmsgpack.unpack('\\221\\255\\255\\255\\255' .. string.rep('\\128', 500000))",
        "local s = string.rep('x', 1000000) local t = {} for i = 1, 50 do t[i] = s end \
         return table.concat(t)",
    ] {
        let error = eval_within(code, 1 << 24);
        assert!(error.contains("not enough memory"), "{code}: {}", &error[..error.len().min(99)]);
    }
}
