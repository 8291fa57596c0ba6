#!/usr/bin/env python3
"""Bytes per item of each type and size, by used_memory and by RSS. Prints CSV.

    mem.py BINARY [--name NAME] [--scale 1]"""

import argparse
import sys
import time

from common import Server
from load import fill

# what, kind of load.py, items, bytes of the value
CASES = (
    ("string: key 10 B value 8 B", "short", 1_000_000, 8),
    ("string: key 16 B value 16 B", "strings", 1_000_000, 16),
    ("string: key 16 B value int", "ints", 1_000_000, 0),
    ("string: key 16 B value 64 B", "strings", 1_000_000, 64),
    ("string: key 16 B value 100 B", "strings", 1_000_000, 100),
    ("string: key 16 B value 512 B", "strings", 500_000, 512),
    ("string: key 16 B value 16 B with TTL", "ttl", 1_000_000, 16),
    ("hash of many fields 16 B/16 B", "hash", 1_000_000, 0),
    ("set of many members 16 B", "set", 1_000_000, 0),
    ("set of many integers", "intset", 1_000_000, 0),
    ("sorted set of many members 16 B", "zset", 1_000_000, 0),
    ("list of many elements 16 B", "list", 1_000_000, 0),
    ("stream of many entries with 1 field", "stream", 500_000, 0),
    ("hashes of 10 fields", "smallhash", 100_000, 0),
    ("sorted sets of 10 members", "smallzset", 100_000, 0),
    ("sets of 10 integers", "smallset", 100_000, 0),
)
SETTLE_LIMIT_S = 15


def settle(connection):
    """Waits for the end of rehashing: two tables are no fair figure."""
    deadline = time.monotonic() + SETTLE_LIMIT_S
    while time.monotonic() < deadline:
        try:
            if b"rehashing target" not in connection.command("DEBUG", "HTSTATS", "0"):
                break
        except RuntimeError:  # a server without DEBUG HTSTATS
            break
        time.sleep(0.2)
    time.sleep(0.3)


def measure(binary, kind, count, size):
    """A new server per case: what an earlier one left fragmented is not this one's cost."""
    server = Server(binary)
    connection = server.connect()
    used, rss = int(connection.info("used_memory")), server.rss_bytes()
    fill(connection, kind, count, size)
    settle(connection)
    used = int(connection.info("used_memory")) - used
    rss = server.rss_bytes() - rss
    server.stop()
    return used / count, rss / count


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("binary")
    p.add_argument("--name", default=None, help="what to call the binary in the output")
    p.add_argument("--scale", type=float, default=1.0, help="multiplies the number of items")
    options = p.parse_args()
    print("server,case,items,used_bytes_per_item,rss_bytes_per_item", flush=True)
    for what, kind, count, size in CASES:
        count = max(1000, int(count * options.scale))
        name = options.name or options.binary
        try:
            used, rss = measure(options.binary, kind, count, size)
        except RuntimeError as error:
            if "unknown command" not in str(error):
                raise
            print(f"{name}: left out {what}: {error}", file=sys.stderr)
            continue
        print(f"{name},{what},{count},{used:.1f},{rss:.1f}", flush=True)


if __name__ == "__main__":
    main()
