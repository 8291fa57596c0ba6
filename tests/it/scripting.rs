//! Scripts over the wire: hostile ones, ones that do not end, what they may do, what is kept of
//! them over a restart.

use std::time::{Duration, Instant};

use super::common::Server;
use super::common::client::Client;

const BUSY: &str = "-BUSY Redis is busy running a script. You can only call SCRIPT KILL or \
                    SHUTDOWN NOSAVE.";

fn busy_server() -> Server {
    Server::start(&[("busy-reply-threshold", "10")])
}

/// Starts a script that does not end, and waits until the server says so.
fn start_endless(server: &Server, code: &str) -> (Client, Client) {
    let (mut runner, mut other) = (server.client(), server.client());
    runner.send(&["EVAL", code, "0"]);
    let start = Instant::now();
    while !call!(other, ["PING"]).is_error() {
        assert!(start.elapsed() < Duration::from_secs(10), "{code} is not busy");
        std::thread::sleep(Duration::from_millis(5));
    }
    (runner, other)
}

#[test]
fn endless_scripts_can_be_killed() {
    let server = busy_server();
    for code in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local function f() while true do pcall(f) end end f()",
        "local co = coroutine.wrap(function() while true do pcall(error, 'x') end end) co()",
        "while true do redis.call('ping') end",
        "while true do redis.pcall('nosuch') end",
        "while true do local f = loadstring('return 1') f() end",
        "return string.find(string.rep('a', 40), string.rep('a?', 40) .. string.rep('a', 40))",
        "return string.rep('x', 30000):find('.-.-.-b')",
        "return string.gsub(string.rep('(', 300000), '%b()', '')",
        "table.insert({}, -2147483648, 1)",
        "return string.rep('x', 2147483647)",
        "local t = {1} for i = 1, 40 do t = {t, t} end return cjson.encode(t)",
        "local t = {1} for i = 1, 15 do t = {t, t, t, t, t, t} end return cmsgpack.pack(t)",
        "local s = string.rep('ab', 200000) return s:find(s:rep(2) .. 'c', 1, true) \
         or (s:rep(20)):find(s:sub(1, -2) .. 'x', 1, true)",
        "local t = {} for i = 1, 20000 do t[i] = 'x' end t[1] = string.rep('y', 100000) \
         for i = 1, 20000 do t[i] = t[1] end return table.concat(t)",
        // The worst case of quick sort with the median of three, built by the sort itself.
        "local n, t, v, c, gas, at = 20000, {}, {}, 0, 0, 0 for i = 1, n do t[i], v[i] = i, n end \
         table.sort(t, function(a, b) if v[a] == n and v[b] == n then if a == at then v[a] = c \
         else v[b] = c end c = c + 1 end if v[a] == n then at = a elseif v[b] == n then at = b end \
         return v[a] < v[b] end) while true do local w = {} for i = 1, n do w[i] = v[i] end \
         table.sort(w) end",
        "local s = string.rep('X', 100000000) while true do s = s:lower() s = s:upper() end",
        "local co = coroutine.wrap(function() while true do coroutine.yield(1) end end) \
         while true do co() end",
        "while true do local co = coroutine.create(function() error({}) end) \
         coroutine.resume(co) end",
        "setmetatable({}, {__index = function(t, k) while true do end end}).x()",
    ] {
        let (mut runner, mut other) = start_endless(&server, code);
        assert_reply!(other, ["GET", "k"], BUSY);
        assert_reply!(other, ["SCRIPT", "KILL"], "+OK");
        let limit = Duration::from_secs(20);
        let reply = runner.try_read(limit).unwrap_or_else(|| panic!("{code} goes on"));
        assert!(reply.is_error(), "{code}: {reply}");
        assert_reply!(other, ["PING"], "+PONG");
    }
}

#[test]
fn a_script_that_wrote_can_only_be_ended_with_the_server() {
    let mut server = busy_server();
    let code = "redis.call('set', 'k', 1) while true do end";
    let (_runner, mut other) = start_endless(&server, code);
    for container in ["SCRIPT", "FUNCTION"] {
        let reply = call!(other, [container, "KILL"]).to_string();
        assert!(reply.starts_with("-UNKILLABLE Sorry the script already executed"), "{reply}");
    }
    assert_reply!(other, ["SHUTDOWN"], BUSY);
    other.send(&["SHUTDOWN", "NOSAVE"]);
    assert!(server.wait_for_exit().success());
}

#[test]
fn clients_of_the_same_turn_are_served_while_a_script_is_busy() {
    let server = busy_server();
    let mut clients: Vec<Client> = (0..20).map(|_| server.client()).collect();
    let (mut runner, mut killer) = (server.client(), server.client());
    runner.send(&["EVAL", "while true do end", "0"]);
    clients.iter_mut().for_each(|client| client.send(&["PING"]));
    for client in &mut clients {
        assert!(client.try_read(Duration::from_secs(10)).is_some(), "an answer, whatever it is");
    }
    while call!(killer, ["SCRIPT", "KILL"]).is_error() {}
    assert!(runner.read().is_error());
}

/// Digest of everything that a script can reach, with the addresses of functions.
const WORLD: &str = "local seen, all = {}, {} \
    local function walk(name, value) \
        local kind = type(value) \
        all[#all + 1] = name .. '=' .. (kind == 'function' and tostring(value) or kind) \
        if type(value) ~= 'table' or seen[value] then return end \
        seen[value] = true \
        for k, v in pairs(value) do walk(name .. '.' .. tostring(k), v) end \
    end \
    walk('_G', _G) table.sort(all) return {#all, redis.sha1hex(table.concat(all, ' '))}";

/// What must end with an error or a value, and leave everything as it was.
const HOSTILE: &[&str] = &[
    "local t = {} for i = 1, 200000 do t = {t} end return #t",
    "local t = {} t.err = t return t",
    "return setmetatable({}, {__index = function() error('x') end})",
    "error(setmetatable({}, {__index = function() error('x') end}))",
    "error(setmetatable({}, {__newindex = function() error('x') end}))",
    "error({})",
    "error()",
    "local function f() return f() + 1 end return f()",
    "local function f() return pcall(f) end f()",
    "local a = {} for i = 1, 7990 do a[i] = 1 end \
     return {pcall(redis.call, 'x', unpack(a)), redis.sha1hex(1, 2, 3, unpack(a))}",
    "local a = {} for i = 1, 7990 do a[i] = 1 end redis.log(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, \
     11, 12, 13, 14, 15, unpack(a))",
    "local a = {} for i = 1, 7999 do a[i] = i end return redis.call('rpush', 'l', unpack(a))",
    "return unpack({}, -2147483647, 2147483646)",
    "return loadstring('\\27Lua')",
    "local p = newproxy(true) getmetatable(p).__gc = function() while true do end end \
     p = nil collectgarbage() return 1",
    "setfenv(0, {}) return 1",
    "getmetatable('').__index = nil",
    "string.rep = nil",
    "getmetatable(_G).__index = nil",
    "local co = coroutine.create(function() coroutine.yield() end) for i = 1, 3 do \
     coroutine.resume(co) end return coroutine.status(co)",
    "local function r(n) return coroutine.wrap(function() return r(n + 1) end)() end \
     return r(1)",
    "return cjson.decode(string.rep('[', 100000))",
    "return cmsgpack.unpack(string.rep('\\145', 100000))",
    "return struct.unpack('I4', 'abcd', -5)",
    "return struct.pack('i2147483648', 1)",
    "return bit.tohex(1, -2147483648)",
    "redis.setresp(3) return redis.call('hgetall', 'nosuch')",
    "return pcall(function() return cmsgpack.unpack('\\221\\255\\255') end)",
    "_G.x = 1",
    "rawset(_G, 'x', 1)",
    "setmetatable(_G, {__index = function() return 1 end})",
    "setmetatable(redis, {}) ",
    "redis.call = nil",
    "rawset(redis, 'call', nil)",
    "rawset(string, 'rep', nil)",
    "getfenv(redis.call).redis = nil",
    "local f = loadstring('x = 1') setfenv(f, getfenv(0)) f()",
    "for k, v in pairs(_G) do if type(v) == 'table' then v.rep = 1 end end",
    "return loadstring(string.dump(function() return 1 end))",
    "load(function() return '\\27Lua' end)",
    "return #string.format('%99.99f', 1e308)",
    "return ('x'):rep(1000):gsub('x*', function() error({}) end)",
    "return string.format(string.rep('%s', 300), unpack({}, 1, 300))",
    "return cjson.decode(string.rep('{\"a\":', 100000))",
    "local t = setmetatable({}, {__len = error, __eq = error, __call = error}) \
     return t",
    "coroutine.yield(1)",
    "return coroutine.running()",
    "return newproxy(true)",
    "debug.sethook()",
    "os.exit(1)",
    "require('os')",
    "io.open('/etc/passwd')",
];

#[test]
fn hostile_scripts_neither_crash_nor_escape() {
    let server = Server::start(&[]);
    let mut client = server.client();
    call!(client, ["SCRIPT", "LOAD", WORLD]);
    let world = call!(client, ["EVAL", WORLD, "0"]).to_string();
    assert!(!world.starts_with('-') && !world.starts_with("[:1,"), "{world}");
    for code in HOSTILE {
        let reply = call!(client, ["EVAL", code, "0"]);
        drop(reply);
        assert_reply!(client, ["EVAL", "return ('x'):rep(2)", "0"], Some("xx"));
        assert_reply!(client, ["EVAL", WORLD, "0"], world.as_str());
    }
}

#[test]
fn functions_survive_a_restart() {
    let mut server = Server::start(&[("save", "3600 1")]);
    let mut client = server.client();
    let code = "#!lua name=lib\nredis.register_function('f', function(k, a) return a[1] end)";
    assert_reply!(client, ["FUNCTION", "LOAD", code], Some("lib"));
    assert_reply!(client, ["FCALL", "f", 0, "x"], Some("x"));
    assert_reply!(client, ["SAVE"], "+OK");
    server.crash();
    server.restart();
    let mut client = server.client();
    assert_reply!(client, ["FCALL", "F", 0, "y"], Some("y"));
}

#[test]
fn effects_of_a_script_are_one_unit_for_monitors_and_the_slow_log() {
    let server = Server::start(&[("slowlog-log-slower-than", "0")]);
    let (mut client, mut monitor) = (server.client(), server.client());
    assert_reply!(monitor, ["MONITOR"], "+OK");
    assert_reply!(client, ["EVAL", "return redis.call('set', KEYS[1], 1)", 1, "k"], "+OK");
    let (first, second) = (monitor.read().to_string(), monitor.read().to_string());
    assert!(first.contains("\"EVAL\"") && second.contains(" lua] \"set\" \"k\" \"1\""), "{second}");
}
