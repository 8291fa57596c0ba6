#!/usr/bin/env python3
"""What the main thread and the I/O threads of a server spend on a request. Prints CSV.

    threads.py SERVER [--threads 1,2] [--rounds 5] [--only get-P1] [--requests 300000]

How far I/O threads carry follows from it: a request costs the main thread `main_us`, and the cores
can do no more than 1 / main_us of them a second. `user_us` is the part of all threads outside the
kernel: running commands, parsing and formatting. Medians of the rounds."""

import argparse
import os
import statistics
import subprocess
import time
from pathlib import Path

from common import BENCHMARK, Server, chosen_cases, progress
from load import fill

KEYS = 1_000_000
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
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("server")
    p.add_argument("--threads", default="1,2", help="comma list of io-threads [1,2]")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--requests", type=int, default=300_000)
    p.add_argument("--only", default="", help="comma list of: " + " ".join(CASES))
    options = p.parse_args()
    print("case,io_threads,main_us,others_us,user_us,rps", flush=True)
    counts = [int(n) for n in options.threads.split(",")]
    names = chosen_cases(options.only, CASES)
    for turn, count in enumerate(counts):
        server = Server(options.server, "--io-threads", str(count))
        fill(server.connect(), "strings", KEYS, 64)
        for number, name in enumerate(names):
            progress(turn * len(names) + number, len(counts) * len(names), f"{name}, {count}")
            measure(server, CASES[name], options.requests // 5)
            rounds = [measure(server, CASES[name], options.requests) for _ in range(options.rounds)]
            main_us, others_us, user_us, rps = map(statistics.median, zip(*rounds))
            print(f"{name},{count},{main_us:.3f},{others_us:.3f},{user_us:.3f},{rps:.0f}",
                  flush=True)
        server.stop()


if __name__ == "__main__":
    main()
