#!/usr/bin/env python3
"""Memory over cycles of filling and deleting: what stays behind, and how scattered it is.

    cycles.py REFERENCE OURS [--cycles 10] [--scale 1]

Each cycle writes keys of all types with values of many sizes, then deletes all of them but every
hundredth. Prints CSV: used_memory, RSS and allocator_frag_ratio of each server, full and emptied.
Exits with 1 if ours grew by more than a tenth from the second cycle on, or its fragmentation when
full exceeds 1.1."""

import random
import sys
import time

from common import Server, comparison_parser

GROWTH_LIMIT, FRAGMENTATION_LIMIT = 1.1, 1.1
KEYS = 200_000
SIZES = (8, 16, 40, 64, 100, 250, 600, 1500)


def commands(cycle, keys):
    """The same kinds and sizes in each cycle, at other keys."""
    rng = random.Random(cycle)
    for i in range(keys):
        size, key = rng.choice(SIZES), f"{cycle}:{i}"
        match i % 10:
            case 0:
                yield "HSET", f"h:{key}", *(p for j in range(8) for p in (f"f{j}", "v" * (size % 90)))
            case 1:
                yield "ZADD", f"z:{key}", *(p for j in range(8) for p in (j * size, f"m{j}"))
            case 2:
                yield "RPUSH", f"l:{key}", *("e" * size for _ in range(4))
            case 3:
                yield "SADD", f"s:{key}", *(j * size for j in range(8))
            case 4:
                # A few big ones of each type that has a table.
                yield "HSET", f"H:{cycle}:{i % 7}", f"field{i}", "v" * size
            case 5:
                yield "ZADD", f"Z:{cycle}:{i % 7}", i, f"member{i}"
            case _:
                yield "SET", f"k:{key}", "v" * size


def names(cycle, keys):
    """The keys to delete: all but every hundredth."""
    kinds = "hzlsHZkkkk"
    for i in range(keys):
        kind = kinds[i % 10]
        if kind in "HZ":
            if i < 100:
                yield f"{kind}:{cycle}:{i % 7}"
        elif i // 10 % 100:
            yield f"{kind}:{cycle}:{i}"


def figures(server, connection):
    time.sleep(1)  # lazy frees, rehashing, decay
    return [int(connection.info("used_memory")), server.rss_bytes(),
            float(connection.info("allocator_frag_ratio"))]


def run(name, binary, cycles, keys):
    server = Server(binary)
    connection = server.connect()
    rows = []
    for cycle in range(cycles):
        connection.pipeline(commands(cycle, keys))
        full = figures(server, connection)
        connection.pipeline(("DEL", key) for key in names(cycle, keys))
        rows.append((full, figures(server, connection)))
        print(name, cycle + 1, *rows[-1][0], *rows[-1][1], sep=",", flush=True)
    server.stop()
    return rows


def main():
    p = comparison_parser(__doc__)
    p.add_argument("--cycles", type=int, default=10)
    o = p.parse_args()
    keys = int(KEYS * o.scale)
    print("server,cycle,used_full,rss_full,frag_full,used_empty,rss_empty,frag_empty", flush=True)
    run("reference", o.reference, o.cycles, keys)
    rows = run("ours", o.ours, o.cycles, keys)
    (_, early, _), (_, late, frag) = rows[min(1, len(rows) - 1)][0], rows[-1][0]
    # Every cycle leaves a hundredth behind.
    allowed = GROWTH_LIMIT + 0.01 * o.cycles
    if late > early * allowed or frag > FRAGMENTATION_LIMIT:
        sys.exit(f"RSS {early} -> {late}, fragmentation {frag}")


if __name__ == "__main__":
    main()
