#!/usr/bin/env python3
"""Fills a running server over one pipelined connection; needs no script engine.

    load.py PORT KIND COUNT [VALUE_BYTES]

Key names are those of redis-benchmark (`key:` and 12 digits), so that a later
`GET key:__rand_int__` finds them."""

import sys

from common import Connection


def padded(i, size):
    return f"{i:0{size}d}"[-size:]


# Each kind: (number, size) -> one command. The small ones put ten elements in each key.
KINDS = {
    "strings": lambda i, size: ("SET", f"key:{i:012d}", padded(i, size)),
    "short": lambda i, size: ("SET", f"k:{i:08d}", f"v{i:07d}"),
    "ints": lambda i, size: ("SET", f"key:{i:012d}", i + 100_000),
    "ttl": lambda i, size: ("SET", f"key:{i:012d}", padded(i, size), "EX", 100_000),
    "hash": lambda i, size: ("HSET", "h", f"fld:{i:012d}", f"val:{i:012d}"),
    "set": lambda i, size: ("SADD", "s", f"mem:{i:012d}"),
    "intset": lambda i, size: ("SADD", "si", i * 7),
    "zset": lambda i, size: ("ZADD", "z", i * 7919 % 1_000_003, f"mem:{i:012d}"),
    "list": lambda i, size: ("RPUSH", "l", f"val:{i:012d}"),
    "stream": lambda i, size: ("XADD", "x", f"1-{i + 1}", "f", "abcdefgh"),
    "smallhash": lambda i, size: ("HSET", f"h:{i:08d}", *(
        part for j in range(10) for part in (f"f{j:03d}", f"v{j:07d}"))),
    "smallzset": lambda i, size: ("ZADD", f"z:{i:08d}", *(
        part for j in range(10) for part in (j, f"m{j:03d}"))),
    "smallset": lambda i, size: ("SADD", f"s:{i:08d}", *range(1, 11)),
}


SCRIPT_STEP = 20_000


def call_for_each(connection, count, call):
    """Fills by a script in the server, which is sooner done than sending all: `call` is the
    arguments of redis.call for number `i`, in Lua."""
    script = f"for i=ARGV[1],ARGV[2] do redis.call({call}) end"
    for start in range(0, count, SCRIPT_STEP):
        connection.command("EVAL", script, 0, start, min(start + SCRIPT_STEP, count) - 1)


def big_zset(connection, key, count):
    call_for_each(connection, count, f"'zadd','{key}',i*7919%1000003,'mem:'..i")


def fill(connection, kind, count, size=16):
    make = KINDS[kind]
    return connection.pipeline(make(i, size) for i in range(count))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5) or sys.argv[2] not in KINDS:
        sys.exit(f"{__doc__}\nKIND: {' '.join(KINDS)}")
    value_bytes = int(sys.argv[4]) if len(sys.argv) == 5 else 16
    fill(Connection(int(sys.argv[1])), sys.argv[2], int(sys.argv[3]), value_bytes)
