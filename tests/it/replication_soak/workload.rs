//! What the clients of the soak do: random commands of every type, with TTLs, in MULTI, in scripts
//! and functions, blocking ones; and the ledger, whose entries are counted.
//!
//! Invariant: nothing random touches the keys of the ledger (`ledger:<writer>` in database 0).

use fastrand::Rng;

pub type Command = Vec<Vec<u8>>;

macro_rules! cmd {
    ($($arg:expr),+ $(,)?) => { vec![$($crate::common::ToArg::to_arg(&$arg)),+] };
}

/// Keys of each type.
const KEYS: usize = 24;
/// Of large values.
const LARGE_BYTES: usize = 40_000;

/// A library with functions that write.
pub fn library(version: u32) -> Command {
    let code = format!(
        "#!lua name=soak\n\
         redis.register_function('put', function(keys, args) \
           redis.call('RPUSH', keys[1], args[1]); \
           redis.call('INCR', 'calls'); return {version} end)\n\
         redis.register_function('mix', function(keys, args) \
           redis.call('HINCRBY', keys[1], args[1], {version}); \
           if tonumber(args[2]) % 3 == 0 then redis.call('PEXPIRE', keys[1], 50) end; \
           return redis.call('HGETALL', keys[1]) end)"
    );
    cmd!["FUNCTION", "LOAD", "REPLACE", code]
}

/// Ways to write entry `n` of a ledger; all but the last command's replies are of no interest.
pub fn ledger_entry(writer: usize, n: u64) -> Vec<Command> {
    let key = format!("ledger:{writer}");
    let push = cmd!["RPUSH", key, n];
    match n % 5 {
        0 => vec![cmd!["MULTI"], push, cmd!["INCR", "calls"], cmd!["EXEC"]],
        1 => {
            let script = "redis.call('SET', KEYS[2], ARGV[1], 'PX', 100); \
                          return redis.call('RPUSH', KEYS[1], ARGV[1])";
            vec![cmd!["EVAL", script, 2, key, format!("last:{writer}"), n]]
        }
        2 => vec![cmd!["FCALL", "put", 1, key, n]],
        _ => vec![push],
    }
}

fn key(rng: &mut Rng, kind: &str) -> String {
    // Now and then a key of another type, for the errors.
    let kinds = ["str", "list", "set", "zset", "hash", "stream", "hll", "bits"];
    let kind = if rng.u8(..40) == 0 { kinds[rng.usize(..kinds.len())] } else { kind };
    format!("{kind}:{}", rng.usize(..KEYS))
}

fn value(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.u32(..400) {
        0 => LARGE_BYTES,
        1..30 => rng.usize(60..400),
        _ => rng.usize(..12),
    };
    (0..len).map(|_| rng.alphanumeric() as u8).collect()
}

fn member(rng: &mut Rng) -> String {
    format!("m{}", rng.usize(..60))
}

fn string(rng: &mut Rng) -> Command {
    let (k, v, n) = (key(rng, "str"), value(rng), rng.i64(-50..50));
    match rng.u8(..18) {
        0 => cmd!["SET", k, v, "PX", rng.u32(5..3000)],
        1 => cmd!["SET", k, v, "KEEPTTL"],
        2 => cmd!["SET", k, n, "NX", "EX", 2],
        3 => cmd!["APPEND", k, v],
        4 => cmd!["SETRANGE", k, rng.u16(..300), v],
        5 => cmd!["INCRBY", k, n],
        6 => cmd!["INCRBYFLOAT", k, format!("{:.3}", f64::from(rng.i16(..)) / 7.0)],
        7 => cmd!["GETDEL", k],
        8 => cmd!["GETEX", k, "PX", rng.u32(5..2000)],
        9 => cmd!["GETEX", k, "PERSIST"],
        10 => cmd!["MSET", k, v, key(rng, "str"), n],
        11 => cmd!["PSETEX", k, rng.u32(1..400), v],
        12 => cmd!["SETBIT", key(rng, "bits"), rng.u32(..20_000), rng.u8(..2)],
        13 => cmd!["BITFIELD", key(rng, "bits"), "INCRBY", "u7", rng.u16(..900), n],
        14 => cmd!["BITOP", "XOR", key(rng, "bits"), key(rng, "bits"), k],
        15 => cmd!["PFADD", key(rng, "hll"), member(rng), v],
        16 => cmd!["PFMERGE", key(rng, "hll"), key(rng, "hll"), key(rng, "hll")],
        _ => cmd!["SET", k, n],
    }
}

fn list(rng: &mut Rng) -> Command {
    let (k, v, n) = (key(rng, "list"), value(rng), rng.i64(-6..6));
    match rng.u8(..12) {
        0 | 1 => cmd!["RPUSH", k, v, n, member(rng)],
        2 => cmd!["LPUSH", k, n, v],
        3 => cmd!["LPOP", k, rng.u8(1..5)],
        4 => cmd!["RPOP", k],
        5 => cmd!["LINSERT", k, "BEFORE", n, v],
        6 => cmd!["LREM", k, n, n],
        7 => cmd!["LTRIM", k, 0, 40],
        8 => cmd!["LSET", k, n, v],
        9 => cmd!["LMOVE", k, key(rng, "list"), "LEFT", "RIGHT"],
        10 => cmd!["LMPOP", 2, k, key(rng, "list"), "RIGHT", "COUNT", 3],
        _ => cmd!["SORT", k, "ALPHA", "STORE", key(rng, "list")],
    }
}

fn set(rng: &mut Rng) -> Command {
    let (k, m) = (key(rng, "set"), member(rng));
    match rng.u8(..9) {
        0..3 => cmd!["SADD", k, m, rng.u16(..300), rng.u16(..300)],
        3 => cmd!["SPOP", k],
        4 => cmd!["SPOP", k, rng.u8(1..20)],
        5 => cmd!["SREM", k, m],
        6 => cmd!["SMOVE", k, key(rng, "set"), m],
        7 => cmd!["SUNIONSTORE", key(rng, "set"), k, key(rng, "set")],
        _ => cmd!["SDIFFSTORE", key(rng, "set"), k, key(rng, "set")],
    }
}

fn zset(rng: &mut Rng) -> Command {
    let (k, m, score) = (key(rng, "zset"), member(rng), f64::from(rng.i16(..)) / 16.0);
    match rng.u8(..12) {
        0..3 => cmd!["ZADD", k, score, m, rng.i64(-9..9), member(rng)],
        3 => cmd!["ZADD", k, "GT", "CH", score, m],
        4 => cmd!["ZINCRBY", k, score, m],
        5 => cmd!["ZPOPMIN", k, 2],
        6 => cmd!["ZPOPMAX", k],
        7 => cmd!["ZREM", k, m],
        8 => cmd!["ZREMRANGEBYRANK", k, 30, -1],
        9 => cmd!["ZUNIONSTORE", key(rng, "zset"), 2, k, key(rng, "set"), "WEIGHTS", 1, 2],
        10 => cmd!["ZRANGESTORE", key(rng, "zset"), k, 0, 9],
        _ => cmd!["GEOADD", key(rng, "zset"), score / 20.0, score / 40.0, m],
    }
}

fn hash(rng: &mut Rng) -> Command {
    let (k, f, v) = (key(rng, "hash"), member(rng), value(rng));
    match rng.u8(..14) {
        0..3 => cmd!["HSET", k, f, v, member(rng), rng.i64(..)],
        3 => cmd!["HDEL", k, f, member(rng)],
        4 => cmd!["HINCRBY", k, f, rng.i64(-9..9)],
        5 => cmd!["HINCRBYFLOAT", k, f, "0.25"],
        6 => cmd!["HSETNX", k, f, v],
        7 | 8 => cmd!["HPEXPIRE", k, rng.u32(1..1500), "FIELDS", 2, f, member(rng)],
        9 => cmd!["HEXPIRE", k, 1, "NX", "FIELDS", 1, f],
        10 => cmd!["HPERSIST", k, "FIELDS", 1, f],
        11 => cmd!["HGETDEL", k, "FIELDS", 1, f],
        12 => cmd!["HGETEX", k, "PX", rng.u32(1..900), "FIELDS", 1, f],
        _ => cmd!["HSETEX", k, "PX", rng.u32(1..900), "FIELDS", 1, f, v],
    }
}

fn stream(rng: &mut Rng) -> Command {
    let (k, f, v) = (key(rng, "stream"), member(rng), value(rng));
    match rng.u8(..12) {
        0..4 => cmd!["XADD", k, "*", f, v, "n", rng.u8(..)],
        4 => cmd!["XADD", k, "MAXLEN", "~", 40, "*", f, v],
        5 => cmd!["XTRIM", k, "MAXLEN", 30],
        6 => cmd!["XGROUP", "CREATE", k, "g", 0, "MKSTREAM"],
        7 => cmd!["XREADGROUP", "GROUP", "g", f, "COUNT", 3, "STREAMS", k, ">"],
        8 => cmd!["XAUTOCLAIM", k, "g", f, 0, "0-0", "COUNT", 4],
        9 => cmd!["XGROUP", "SETID", k, "g", "$"],
        10 => cmd!["XGROUP", "DELCONSUMER", k, "g", f],
        _ => cmd!["XREADGROUP", "GROUP", "g", f, "NOACK", "STREAMS", k, ">"],
    }
}

fn any_key(rng: &mut Rng) -> String {
    let kinds = ["str", "list", "set", "zset", "hash", "stream", "hll", "bits"];
    let kind = kinds[rng.usize(..kinds.len())];
    key(rng, kind)
}

fn keyspace(rng: &mut Rng) -> Command {
    let k = any_key(rng);
    match rng.u8(..16) {
        0 | 1 => cmd!["DEL", k],
        2 => cmd!["UNLINK", k, any_key(rng)],
        3 | 4 => cmd!["PEXPIRE", k, rng.u32(1..2500)],
        5 => cmd!["EXPIRE", k, 1, "XX"],
        6 => cmd!["PERSIST", k],
        7 => cmd!["RENAME", k, any_key(rng)],
        8 => cmd!["COPY", k, any_key(rng), "REPLACE"],
        9 => cmd!["MOVE", k, rng.u8(1..4)],
        10 => cmd!["EXPIREAT", k, 1],
        11 => cmd!["COPY", k, k, "DB", rng.u8(1..4)],
        12 => cmd!["SWAPDB", 2, 3],
        13 if rng.u8(..8) == 0 => cmd!["SELECT", 0],
        14 => cmd!["RENAMENX", k, any_key(rng)],
        _ => cmd!["TOUCH", k],
    }
}

fn script(rng: &mut Rng) -> Command {
    let (k, m) = (key(rng, "set"), member(rng));
    match rng.u8(..5) {
        0 => {
            let code = "for i = 1, 5 do redis.call('SADD', KEYS[1], ARGV[1] .. i) end \
                        redis.call('PEXPIRE', KEYS[1], 1500) \
                        return redis.call('SPOP', KEYS[1])";
            cmd!["EVAL", code, 1, k, m]
        }
        1 => {
            let code = "local t = redis.call('TIME') \
                        redis.call('HSET', KEYS[1], 't', t[1] .. t[2]) \
                        redis.call('INCRBYFLOAT', KEYS[2], 0.1) \
                        return redis.pcall('LPUSH', KEYS[1], 'x')";
            cmd!["EVAL", code, 2, key(rng, "hash"), key(rng, "str")]
        }
        2 => {
            let code = "redis.call('SELECT', ARGV[1]) \
                        redis.call('XADD', KEYS[1], '*', 'a', 'b') \
                        redis.call('ZADD', KEYS[2], math.random(999), 'r') return 1";
            cmd!["EVAL", code, 2, key(rng, "stream"), key(rng, "zset"), rng.u8(..4)]
        }
        3 => library(rng.u32(..100)),
        _ => cmd!["FCALL", "mix", 1, key(rng, "hash"), m, rng.u8(..)],
    }
}

/// One command; now and then a whole transaction.
pub fn commands(rng: &mut Rng) -> Vec<Command> {
    let one = |rng: &mut Rng| match rng.u8(..20) {
        0..4 => string(rng),
        4..7 => list(rng),
        7..9 => set(rng),
        9..12 => zset(rng),
        12..15 => hash(rng),
        15..17 => stream(rng),
        17 | 18 => keyspace(rng),
        _ => script(rng),
    };
    match rng.u16(..200) {
        0..14 => {
            let mut all = vec![cmd!["MULTI"]];
            all.extend((0..rng.usize(..6)).map(|_| one(rng)));
            all.push(cmd![if rng.u8(..5) == 0 { "DISCARD" } else { "EXEC" }]);
            all
        }
        14..30 => vec![cmd!["SELECT", rng.u8(..4)]],
        30 => vec![cmd!["SELECT", 3], cmd!["FLUSHDB"], cmd!["SELECT", 0]],
        31 => vec![cmd!["WATCH", any_key(rng)], cmd!["MULTI"], one(rng), cmd!["EXEC"]],
        _ => vec![one(rng)],
    }
}

/// A command that may wait.
pub fn blocking(rng: &mut Rng) -> Command {
    let seconds = "0.2";
    let (l, z, s) = (key(rng, "list"), key(rng, "zset"), key(rng, "stream"));
    match rng.u8(..9) {
        0 => cmd!["BLPOP", l, key(rng, "list"), seconds],
        1 => cmd!["BRPOP", l, seconds],
        2 => cmd!["BLMOVE", l, key(rng, "list"), "LEFT", "LEFT", seconds],
        3 => cmd!["BLMPOP", seconds, 1, l, "LEFT", "COUNT", 2],
        4 => cmd!["BZPOPMIN", z, key(rng, "zset"), seconds],
        5 => cmd!["BZMPOP", seconds, 1, z, "MAX"],
        6 => cmd!["XREAD", "BLOCK", 200, "STREAMS", s, "$"],
        7 => cmd!["XREADGROUP", "GROUP", "g", "blocked", "BLOCK", 200, "STREAMS", s, ">"],
        _ => cmd!["WAIT", 2, 100],
    }
}
