#!/usr/bin/env python3
"""Open-loop latency probe: one request every 1/RATE seconds, whatever the server does.

    probe.py PORT SECONDS [--rate 500] [COMMAND ...]

Latency counts from the time at which a request was due, so that a stall is charged to every request
it delayed (no coordinated omission). Run it beside a load, a BGSAVE, or a resize. Prints CSV."""

import argparse
import time

from common import Connection, encode

LIMITS_MS = (1, 5, 20)
PERCENTILES = (50, 99, 99.9)


def percentile(latencies, p):
    """Of sorted latencies, the one that `p` percent do not exceed."""
    return latencies[min(len(latencies) - 1, int(len(latencies) * p / 100))]


def probe(connection, seconds, rate, command):
    """Sorted latencies in milliseconds."""
    request, latencies = encode(command), []
    start = time.perf_counter()
    for number in range(int(seconds * rate)):
        due = start + number / rate
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        connection.socket.sendall(request)
        connection.read()
        latencies.append((time.perf_counter() - due) * 1e3)
    return sorted(latencies)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("port", type=int)
    p.add_argument("seconds", type=float)
    p.add_argument("--rate", type=float, default=500.0, help="requests per second [500]")
    p.add_argument("command", nargs="*", default=["PING"])
    o = p.parse_args()
    latencies = probe(Connection(o.port), o.seconds, o.rate, o.command)
    if not latencies:
        raise SystemExit("no request fits into that time")

    over = [sum(ms > limit for ms in latencies) for limit in LIMITS_MS]
    print("requests,p50_ms,p99_ms,p999_ms,max_ms," + ",".join(f"over_{l}ms" for l in LIMITS_MS))
    print(len(latencies), *(f"{percentile(latencies, p):.3f}" for p in PERCENTILES),
          f"{latencies[-1]:.3f}", *over, sep=",")


if __name__ == "__main__":
    main()
