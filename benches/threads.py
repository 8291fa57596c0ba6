#!/usr/bin/env python3
"""What the main thread and the I/O threads of two servers spend on a request. Prints CSV.

    threads.py REFERENCE OURS [--threads 1,2] [--rounds 3] [--only get-P1] [--scale 1]

How far I/O threads carry follows from it: a request costs the main thread `main_us`, and the cores
can do no more than 1 / main_us of them a second. `user_us` is the part of all threads outside the
kernel: running commands, parsing and formatting. `cpu_ratio` is the reference's time of all threads
by ours. Medians of the rounds."""

import os
import statistics
import subprocess
import time
from pathlib import Path

from common import (BENCHMARK, Server, chosen_cases, comparison_parser, paired_samples,
                    progress)
from load import fill

KEYS, REQUESTS = 1_000_000, 300_000
FIGURES = ("main_us", "others_us", "user_us", "rps")
VALUE = "x" * 64
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
# name: arguments of redis-benchmark
CASES = {
    "get-P1": "-c 100 GET key:__rand_int__",
    "set-P1": f"-c 100 SET key:__rand_int__ {VALUE}",
    "get-P16": "-c 100 -P 16 GET key:__rand_int__",
    "set-P16": f"-c 100 -P 16 SET key:__rand_int__ {VALUE}",
}


def thread_times(pid):
    """CPU time of the main thread, of all others, and of all outside the kernel, in us."""
    main = others = user = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        path = Path(f"/proc/{pid}/task/{task}")
        spent = int((path / "schedstat").read_text().split()[0]) / 1e3
        user += int((path / "stat").read_text().rsplit(")", 1)[1].split()[11]) * 1e6 / TICKS_PER_S
        if int(task) == pid:
            main += spent
        else:
            others += spent
    return main, others, user


def measure(server, arguments, requests):
    before, start = thread_times(server.pid), time.monotonic()
    command = [BENCHMARK, "-p", str(server.port), "-n", str(requests), "-r", str(KEYS), "-q"]
    subprocess.run([*command, *arguments.split()], check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - start
    after = thread_times(server.pid)
    return [(b - a) / requests for a, b in zip(before, after)] + [requests / seconds]


def main():
    p = comparison_parser(__doc__, CASES, rounds=3)
    p.add_argument("--threads", default="1,2", help="comma list of io-threads [1,2]")
    o = p.parse_args()
    names, requests = chosen_cases(o.only, CASES), int(REQUESTS * o.scale)
    counts = [int(n) for n in o.threads.split(",")]
    print("case,io_threads," + ",".join(f"a_{f},b_{f}" for f in FIGURES) + ",cpu_ratio", flush=True)
    for turn, count in enumerate(counts):
        servers = [Server(binary, "--io-threads", str(count)) for binary in (o.reference, o.ours)]
        for server in servers:
            fill(server.connect(), "strings", KEYS, len(VALUE))
        for number, name in enumerate(names):
            progress(turn * len(names) + number, len(counts) * len(names), f"{name}, {count}")

            def take(side):
                return measure(servers[side], CASES[name], requests)

            samples = paired_samples(o.rounds, take)
            a, b = (dict(zip(FIGURES, map(statistics.median, zip(*side)))) for side in samples)
            pairs = ",".join(f"{a[f]:.3f},{b[f]:.3f}" for f in FIGURES)
            ratio = (a["main_us"] + a["others_us"]) / (b["main_us"] + b["others_us"])
            print(f"{name},{count},{pairs},{ratio:.2f}", flush=True)
        for server in servers:
            server.stop()


if __name__ == "__main__":
    main()
