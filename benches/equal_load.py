#!/usr/bin/env python3
"""Latency of two servers under the same load, a share of what the reference can do. Prints CSV.

    equal_load.py REFERENCE OURS [--share 0.5] [--rounds 5] [--only get-P16] [--scale 1]

The load is open: requests are due at random moments (the same for both servers), whether earlier
ones were answered or not, and a latency counts from when its request was due. Rates come from a
closed run of redis-benchmark against the reference. Ratios = reference / ours; medians of the
rounds."""

import csv
import gc
import random
import select
import socket
import statistics
import subprocess
import time
from collections import deque

from common import (BENCHMARK, Server, chosen_cases, comparison_parser, encode, paired_samples,
                    progress)
from load import fill
from probe import PERCENTILES, percentile

KEYS = 1_000_000
VALUE = "x" * 64
CONNECTIONS, SECONDS, REQUESTS = 50, 3, 5_000
# name: (commands a request, commands in the closed run, command, bytes of the reply to one)
CASES = {
    "get-P1": (1, 200_000, ("GET",), len(f"$64\r\n{VALUE}\r\n")),
    "set-P1": (1, 200_000, ("SET", VALUE), len("+OK\r\n")),
    "get-P16": (16, 1_000_000, ("GET",), len(f"$64\r\n{VALUE}\r\n")),
    "set-P16": (16, 1_000_000, ("SET", VALUE), len("+OK\r\n")),
}


def command(words, key):
    return (words[0], f"key:{key}", *words[1:])


def capacity(server, name):
    """Requests a second when each of the connections waits for its replies."""
    batch, count, words, _ = CASES[name]
    done = subprocess.run(
        [BENCHMARK, "-p", str(server.port), "-n", str(count), "-r", str(KEYS), "-c",
         str(CONNECTIONS), "-P", str(batch), "--csv", *command(words, "__rand_int__")],
        capture_output=True, text=True, check=True)
    return float(list(csv.reader(done.stdout.splitlines()))[-1][1]) / batch


def moments(rate, seconds, rng):
    """When requests are due, in seconds from the start."""
    due, at = [], 0.0
    while at < seconds:
        at += rng.expovariate(rate)
        due.append(at)
    return due


def drive(port, requests, reply_bytes, due):
    """Sorted latencies in ms. Never sleeps: what it measures is shorter than a wake-up."""
    sockets = [socket.create_connection(("127.0.0.1", port)) for _ in range(CONNECTIONS)]
    poller, waiting, missing, by_fd = select.epoll(), {}, {}, {}
    for one in sockets:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poller.register(one, select.EPOLLIN)
        fd = one.fileno()
        by_fd[fd], waiting[fd], missing[fd] = one, deque(), reply_bytes
    latencies, sent, clock = [], 0, time.perf_counter
    start = clock()
    while len(latencies) < len(due):
        now = clock() - start
        while sent < len(due) and due[sent] <= now:
            target = sockets[sent % CONNECTIONS]
            target.sendall(requests[sent % len(requests)])
            waiting[target.fileno()].append(due[sent])
            sent += 1
        for fd, _ in poller.poll(0):
            missing[fd] -= len(by_fd[fd].recv(65536))
            while missing[fd] <= 0:
                missing[fd] += reply_bytes
                latencies.append((clock() - start - waiting[fd].popleft()) * 1e3)
    for one in sockets:
        one.close()
    return sorted(latencies)


def measure(server, name, rate, seconds):
    batch, _, words, reply_bytes = CASES[name]
    rng = random.Random(1)
    requests = [b"".join(encode(command(words, f"{rng.randrange(KEYS):012d}"))
                         for _ in range(batch)) for _ in range(REQUESTS)]
    latencies = drive(server.port, requests, batch * reply_bytes, moments(rate, seconds, rng))
    return [percentile(latencies, p) for p in PERCENTILES]


def main():
    p = comparison_parser(__doc__, CASES, rounds=5)
    p.add_argument("--share", type=float, default=0.5, help="of the reference's capacity [0.5]")
    o = p.parse_args()
    names = chosen_cases(o.only, CASES)
    servers = [Server(binary) for binary in (o.reference, o.ours)]
    for server in servers:
        fill(server.connect(), "strings", KEYS, len(VALUE))
    gc.disable()  # a pause of this program would be charged to the server
    names_of = [f"p{p:g}".replace(".", "") for p in PERCENTILES]
    print("case,requests_per_s," + ",".join(f"a_{f}_ms,b_{f}_ms" for f in names_of) + ","
          + ",".join(f"{f}_ratio" for f in names_of), flush=True)
    for number, name in enumerate(names):
        progress(number, len(names), name)
        rate = o.share * capacity(servers[0], name)
        samples = paired_samples(
            o.rounds, lambda side: measure(servers[side], name, rate, SECONDS * o.scale))
        a, b = ([statistics.median(column) for column in zip(*side)] for side in samples)
        print(f"{name},{rate:.0f}", *(f"{x:.3f},{y:.3f}" for x, y in zip(a, b)),
              *(f"{x / y:.2f}" for x, y in zip(a, b)), sep=",", flush=True)


if __name__ == "__main__":
    main()
