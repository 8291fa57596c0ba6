#!/usr/bin/env python3
"""Paired comparison of two servers, made for a noisy machine. Prints CSV.

    ab.py REFERENCE OURS [--rounds 7] [--only get-P16,set-P16] [--keys 1000000] [--scale 1]

Both servers live side by side with the same data. Per case redis-benchmark runs against one and the
other in the order A B, B A, A B, ... so that a drift of the machine hits both. The figure to trust
is the server's CPU time per request (sum of its threads' schedstat); throughput depends on the
client too. `cpu_ratio` is the median over the pairs of neighbouring runs, which a drift of the
machine hits alike; above 1 means that ours needs less. A claim needs its bootstrap 95 % interval
(`low`, `high`) clear of 1. REDIS_BENCHMARK names the client binary."""

import random
import re
import shlex
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass

from common import (BENCHMARK, Server, chosen_cases, comparison_parser, paired_samples,
                    progress)
from load import fill

VALUE = "x" * 64
RANDOM_KEY = "key:__rand_int__"
GET_SCRIPT = "'return redis.call(\"get\",KEYS[1])'"
# name: (requests, arguments of redis-benchmark)
CASES = {
    "ping-P1": (250_000, "-c 50 PING"),
    "get-P1": (250_000, f"-c 50 GET {RANDOM_KEY}"),
    "set-P1": (250_000, f"-c 50 SET {RANDOM_KEY} {VALUE}"),
    "ping-P16": (600_000, "-c 50 -P 16 PING"),
    "get-P16": (400_000, f"-c 50 -P 16 GET {RANDOM_KEY}"),
    "set-P16": (400_000, f"-c 50 -P 16 SET {RANDOM_KEY} {VALUE}"),
    "get-P100": (1_000_000, f"-c 50 -P 100 GET {RANDOM_KEY}"),
    "set-P100": (1_000_000, f"-c 50 -P 100 SET {RANDOM_KEY} {VALUE}"),
    "mget10-P1": (100_000, "-c 50 MGET" + f" {RANDOM_KEY}" * 10),
    "incr-P16": (400_000, "-c 50 -P 16 INCR ctr:__rand_int__"),
    "hset-P16": (400_000, "-c 50 -P 16 HSET h f:__rand_int__ v"),
    "zadd-P16": (300_000, "-c 50 -P 16 ZADD z __rand_int__ m:__rand_int__"),
    "hmget10-P1": (100_000, "-c 50 HMGET h" + " f:__rand_int__" * 10),
    "zrank-P16": (300_000, "-c 50 -P 16 ZRANK z m:__rand_int__"),
    "lpush-P16": (400_000, "-c 50 -P 16 LPUSH l xxxxxxxx"),
    "lrange100-P1": (100_000, "-c 50 LRANGE l 0 99"),
    "sadd-P16": (400_000, "-c 50 -P 16 SADD s m:__rand_int__"),
    "xadd-P16": (300_000, "-c 50 -P 16 XADD st * f v"),
    "eval-P16": (100_000, f"-c 50 -P 16 EVAL {GET_SCRIPT} 1 key:000000000001"),
    "get4k-P1": (200_000, "-c 50 GET big4k"),
    "get64k-P1": (30_000, "-c 20 GET big64k"),
    "set4k-P1": (200_000, f"-c 50 SET big4k {'y' * 4096}"),
    # Few keys: with the million of the other cases every request would take fresh pages from the
    # kernel (and its host), whose price differs up to 20-fold from one run to the next.
    "set64k-P1": (30_000, "-c 20 -r 1000 -d 65536 -t set"),
}
FIELDS = ("case,a_rps,b_rps,rps_ratio,a_cpu_us,b_cpu_us,cpu_ratio,low,high,"
          "a_p50_ms,b_p50_ms,a_p99_ms,b_p99_ms,a_p999_ms,b_p999_ms")


@dataclass
class Sample:
    rps: float
    cpu_us: float
    p50: float
    p99: float
    p999: float


def prepare(binary, options):
    server = Server(binary, *shlex.split(options.extra))
    connection = server.connect()
    fill(connection, "strings", options.keys, 64)
    for name, size in (("big4k", 4096), ("big64k", 65536)):
        connection.command("SET", name, "y" * size)
    return server


class Missing(Exception):
    """A server does not have the command of a case."""


def measure(server, requests, arguments, options):
    command = [BENCHMARK, "-p", str(server.port), "-n", str(requests), "-r", str(options.keys),
               "--precision", "3", *shlex.split(arguments)]
    cpu = server.cpu_ns()
    done = subprocess.run(command, capture_output=True, text=True)
    cpu = server.cpu_ns() - cpu
    rps = re.search(r"throughput summary: ([\d.]+)", done.stdout)
    if "unknown command" in done.stderr + done.stdout:
        raise Missing(done.stderr.strip())
    if done.returncode or not rps:
        raise SystemExit(f"{shlex.join(command[:9])} failed: {done.stderr or done.stdout}"[:500])
    found = re.findall(r"([\d.]+)% <= ([\d.]+) milliseconds", done.stdout)
    steps = [(float(share), float(ms)) for share, ms in found]

    def percentile(p):
        return next((ms for share, ms in steps if share >= p), float("nan"))

    return Sample(float(rps.group(1)), cpu / 1e3 / requests, *map(percentile, (50, 99, 99.9)))


def interval(ratios, draws=2000):
    """Bootstrap 95 % interval of the median."""
    medians = sorted(statistics.median(random.choices(ratios, k=len(ratios)))
                     for _ in range(draws))
    return medians[int(draws * 0.025)], medians[int(draws * 0.975)]


def compare(name, servers, options):
    requests, arguments = CASES[name]
    requests = max(2000, int(requests * options.scale))
    for server in servers:  # warm up: the keys of this case exist, the tables have their size
        measure(server, requests // 5 + 1000, arguments, options)
    def take(side):
        return measure(servers[side], requests, arguments, options)

    samples = paired_samples(options.rounds, take)

    def both(attribute):
        return [statistics.median(getattr(s, attribute) for s in side) for side in samples]

    (a_rps, b_rps), (a_cpu, b_cpu) = both("rps"), both("cpu_us")
    ratios = [a.cpu_us / b.cpu_us for a, b in zip(*samples)]
    low, high = interval(ratios)
    tail = [f"{value:.3f}" for p in ("p50", "p99", "p999") for value in both(p)]
    return ",".join([name, f"{a_rps:.0f}", f"{b_rps:.0f}", f"{b_rps / a_rps:.2f}", f"{a_cpu:.3f}",
                     f"{b_cpu:.3f}", f"{statistics.median(ratios):.2f}", f"{low:.2f}", f"{high:.2f}", *tail])


def main():
    p = comparison_parser(__doc__, CASES, rounds=7)
    p.add_argument("--keys", type=int, default=1_000_000)
    p.add_argument("--extra", default="", help="more server options, e.g. '--io-threads 2'")
    options = p.parse_args()
    names = chosen_cases(options.only, CASES)
    servers = [prepare(binary, options) for binary in (options.reference, options.ours)]
    time.sleep(2)  # rehashing and lazy work after loading end here
    print(FIELDS, flush=True)
    for number, name in enumerate(names):
        progress(number, len(names), name)
        try:
            print(compare(name, servers, options), flush=True)
        except Missing as error:
            print(f"left out {name}: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
