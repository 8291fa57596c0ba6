#!/usr/bin/env python3
"""CPU time per call of commands that do much work, on two servers with the same data. Prints CSV.

    heavy.py REFERENCE OURS [--rounds 5] [--only sort,keys] [--scale 1]

One connection sends the command `calls` times to one server and to the other in the order A B,
B A, ...; what is counted is the server's CPU time (sum of its threads' schedstat). The calls go in
pipelines, or system calls and waking up would be most of what is counted. `ratio` above 1 means
that ours needs less. A server without the command leaves the case out."""

import statistics
import sys

from common import Server, chosen_cases, comparison_parser, paired_samples
from load import fill

# name: (calls a round, command)
CASES = {
    "keys-nomatch-1M": (2, "KEYS nomatch*"),
    "keys-all-1M": (1, "KEYS *"),
    "scan-all-1M": (1, None),
    "eval-scan-all-1M": (1, "EVAL scan_all 0"),
    "randomkey": (3000, "RANDOMKEY"),
    "mget-100": (300, "MGET " + " ".join(f"key:{i * 7919 % 1_000_000:012d}" for i in range(100))),
    "exists-100": (300, "EXISTS " + " ".join(f"key:{i * 7907 % 1_000_000:012d}" for i in range(100))),
    "mset-100": (300, "MSET " + " ".join(f"ms:{i} value{i}" for i in range(100))),
    "lrange-100": (3000, "LRANGE l 0 99"),
    "lrange-middle-100": (3000, "LRANGE l 5000 5099"),
    "lrange-all-10k": (60, "LRANGE l 0 -1"),
    "lindex-middle": (3000, "LINDEX l 5000"),
    "lpos": (300, "LPOS l 9000"),
    "hgetall-10k": (60, "HGETALL h"),
    "hmget-100": (500, "HMGET h " + " ".join(f"field{i * 97}" for i in range(100))),
    "hgetall-100": (2000, "HGETALL h100"),
    "hkeys-10k": (60, "HKEYS h"),
    "hscan-100": (2000, "HSCAN h 0 COUNT 100"),
    "hrandfield-100": (500, "HRANDFIELD h 100"),
    "smembers-10k": (60, "SMEMBERS s1"),
    "smembers-ints-10k": (60, "SMEMBERS i1"),
    "sinter-10k": (40, "SINTER s1 s2"),
    "sinter-ints-10k": (40, "SINTER i1 i2"),
    "sintercard-10k": (40, "SINTERCARD 2 s1 s2"),
    "sunion-10k": (20, "SUNION s1 s2"),
    "sunion-ints-10k": (20, "SUNION i1 i2"),
    "sunionstore-10k": (20, "SUNIONSTORE sd s1 s2"),
    "sdiff-10k": (40, "SDIFF s1 s2"),
    "sinterstore-10k": (20, "SINTERSTORE sd s1 s2"),
    "srandmember-100": (500, "SRANDMEMBER s1 100"),
    "smismember-100": (1000, "SMISMEMBER s1 " + " ".join(f"m{i}" for i in range(100))),
    "zrange-100": (2000, "ZRANGE z1 0 99 WITHSCORES"),
    "zrevrange-100": (2000, "ZREVRANGE z1 0 99"),
    "zrange-byscore-100": (2000, "ZRANGE z1 1000 +inf BYSCORE LIMIT 0 100"),
    "zrange-byscore-rev-100": (2000, "ZRANGE z1 +inf 1000 BYSCORE REV LIMIT 0 100"),
    "zrange-bylex-100": (2000, "ZRANGE zl [m5 + BYLEX LIMIT 0 100"),
    "zrange-bylex-rev-100": (2000, "ZRANGE zl [m5 - BYLEX REV LIMIT 0 100"),
    "zrange-offset": (300, "ZRANGE z1 -inf +inf BYSCORE LIMIT 5000 10"),
    "zcount": (3000, "ZCOUNT z1 100 900000"),
    "zlexcount": (3000, "ZLEXCOUNT zl [m2 [m8"),
    "zrange-all-10k": (40, "ZRANGE z1 0 -1 WITHSCORES"),
    "zunion-10k": (10, "ZUNION 2 z1 z2"),
    "zunionstore-10k": (10, "ZUNIONSTORE zd 2 z1 z2"),
    "zinterstore-10k": (10, "ZINTERSTORE zd 2 z1 z2"),
    "zdiffstore-10k": (10, "ZDIFFSTORE zd 2 z1 z2"),
    "zrangestore-5k": (20, "ZRANGESTORE zd z1 0 4999"),
    "zmscore-100": (1000, "ZMSCORE z1 " + " ".join(f"m{i}" for i in range(100))),
    "zscan-100": (2000, "ZSCAN z1 0 COUNT 100"),
    "sort-10k": (20, "SORT l"),
    "sort-alpha-10k": (10, "SORT l ALPHA"),
    "sort-limit-10k": (20, "SORT l LIMIT 0 10"),
    "sort-store-10k": (20, "SORT l STORE sortd"),
    "sort-by-get": (10, "SORT l BY w* GET v*"),
    "bitcount-1mb": (100, "BITCOUNT big"),
    "bitop-and-1mb": (30, "BITOP AND bd big big2"),
    "bitop-xor-3mb": (30, "BITOP XOR bd big big2 zeros"),
    "bitop-not-1mb": (30, "BITOP NOT bd big"),
    "bitpos-1mb": (100, "BITPOS zeros 1"),
    "bitfield": (3000, "BITFIELD big GET u8 #100 INCRBY i16 #50 1"),
    "getrange-100k": (300, "GETRANGE big 1000 101000"),
    "append": (3000, "APPEND app xxxxxxxxxx"),
    "lcs-1k": (10, "LCS lcs1 lcs2 LEN"),
    "pfcount-1": (2000, "PFCOUNT hll1"),
    "pfcount-3": (200, "PFCOUNT hll1 hll2 hll3"),
    "pfmerge-3": (100, "PFMERGE hlld hll1 hll2 hll3"),
    "geosearch-50km": (100, "GEOSEARCH geo FROMLONLAT 13.4 52.5 BYRADIUS 50 km ASC COUNT 100"),
    "geosearch-box-dist": (30, "GEOSEARCH geo FROMLONLAT 13.4 52.5 BYBOX 200 200 km WITHDIST"),
    "geosearchstore": (50, "GEOSEARCHSTORE geod geo FROMLONLAT 13.4 52.5 BYRADIUS 50 km"),
    "xrange-100": (1000, "XRANGE x - + COUNT 100"),
    "xrevrange-100": (1000, "XREVRANGE x + - COUNT 100"),
    "xrange-middle-100": (1000, "XRANGE x 1-5000 + COUNT 100"),
    "xread-100": (1000, "XREAD COUNT 100 STREAMS x 1-100"),
    "xadd": (3000, "XADD xa * field value"),
    "xadd-maxlen": (3000, "XADD xm MAXLEN ~ 1000 * field value"),
    "xreadgroup-10": (300, "XREADGROUP GROUP g consumer COUNT 10 STREAMS x >"),
    "xreadgroup-history-100": (300, "XREADGROUP GROUP g consumer COUNT 100 STREAMS x 0"),
    "xpending": (1000, "XPENDING x g - + 100"),
    "xlen-xinfo": (2000, "XINFO STREAM x"),
    "dbsize-info": (300, "INFO"),
    "command": (5, "COMMAND"),
    "config-get": (100, "CONFIG GET *"),
    "dump-10k-hash": (30, "DUMP h"),
    "object-encoding": (3000, "OBJECT ENCODING h"),
    "memory-usage": (1000, "MEMORY USAGE h"),
    "eval-return": (3000, "EVAL no_call 0"),
    "eval-one-call": (3000, "EVAL one_call 0"),
    "eval-loop-1000": (30, "EVAL for_loop 0"),
}
# Calls are sent in pipelines, this many at a time at most, but at least in so many.
PIPELINE, PIPELINES = 1000, 5
SCRIPTS = {
    "no_call": "return 1",
    "one_call": "return redis.call('get','w1')",
    "for_loop": "local s=0 for i=1,1000 do s=s+tonumber(redis.call('incr','c')) end return s",
    "scan_all": "local c='0' repeat c=redis.call('scan',c,'count',1000)[1] until c=='0'",
}


def data(scale):
    """Commands that make the values of the cases."""
    n = 10_000
    for i in range(n):
        yield "ZADD", "z1", i * 7919 % 1_000_003, f"m{i}"
        yield "ZADD", "z2", i * 7907 % 1_000_003, f"m{i + n // 2}"
        yield "ZADD", "zl", 0, f"m{i}"
        yield "RPUSH", "l", i * 7919 % n
        yield "HSET", "h", f"field{i}", f"value{i}"
        yield "SADD", "s1", f"m{i}"
        yield "SADD", "s2", f"m{i + n // 2}"
        yield "SADD", "i1", i * 3
        yield "SADD", "i2", i * 2
        yield "PFADD", "hll1", f"a{i}"
        yield "PFADD", "hll2", f"b{i}"
        yield "PFADD", "hll3", f"c{i}"
        yield "XADD", "x", f"1-{i + 1}", "field", f"value{i}"
        yield "GEOADD", "geo", 10 + i * 7 % 1000 / 150, 50 + i * 13 % 1000 / 200, f"place{i}"
        yield "SET", f"w{i}", i * 31 % n
        yield "SET", f"v{i}", f"value{i}"
    yield "XGROUP", "CREATE", "x", "g", "0"
    for i in range(100):
        yield "HSET", "h100", f"field{i}", f"value{i}"
    big = bytes(i * 31 % 251 for i in range(1 << 20))
    yield "SET", "big", big
    yield "SET", "big2", big[::-1]
    yield "SET", "zeros", bytes(1 << 20)
    yield "SET", "lcs1", bytes(97 + i * i * 31 % 26 for i in range(1000))
    yield "SET", "lcs2", bytes(97 + i * i * 17 % 26 for i in range(1000))


def prepare(binary, options):
    server = Server(binary)
    connection = server.connect()
    fill(connection, "strings", int(1_000_000 * options.scale), 64)
    for command in data(options.scale):
        try:
            connection.send(command)
            connection.read()
        except RuntimeError:
            pass  # a server without that type: its cases are left out
    return server, connection


def scan_all(connection):
    cursor = b"0"
    while True:
        cursor, _ = connection.command("SCAN", cursor, "COUNT", 1000)
        if cursor == b"0":
            return


def measure(server, connection, name):
    """us of CPU per call; None if the server lacks the command."""
    calls, text = CASES[name]
    batch = min(PIPELINE, max(1, calls // PIPELINES))
    before = server.cpu_ns()
    for _ in range(calls // batch):
        if text is None:
            scan_all(connection)
            continue
        command = [SCRIPTS.get(word, word) for word in text.split(" ")]
        try:
            connection.send(*[command] * batch)
            for _ in range(batch):
                connection.read()
        except RuntimeError as error:
            if "unknown command" in str(error) or "not supported" in str(error):
                return None
            raise
    return (server.cpu_ns() - before) / 1000 / (calls // batch * batch)


def main():
    options = comparison_parser(__doc__, CASES, rounds=5).parse_args()
    names = chosen_cases(options.only, CASES)
    sides = [prepare(binary, options) for binary in (options.reference, options.ours)]
    print("case,reference_us,candidate_us,ratio,worst_ratio", flush=True)
    for name in names:
        samples = paired_samples(options.rounds, lambda side: measure(*sides[side], name))
        if None in samples[0] + samples[1]:
            print(f"left out {name}", file=sys.stderr)
            continue
        a, b = map(statistics.median, samples)
        worst = min(x / y for x, y in zip(*samples))
        print(f"{name},{a:.2f},{b:.2f},{a / b:.2f},{worst:.2f}", flush=True)


if __name__ == "__main__":
    main()
