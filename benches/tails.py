#!/usr/bin/env python3
"""Worst moments of two servers side by side: latency of a PING every 2 ms while something heavy
goes on. Prints CSV, a row per case; ratios = reference / ours, so that more than 1 is better.

    tails.py REFERENCE OURS [--rounds 2] [--only grow,bgsave] [--scale 1]

The probe is open-loop and a process of its own (see probe.py). Each round of a case has a fresh
server, the two in turn; a figure is the median of the rounds. `floor` is an idle server and
`overwrite` a loaded one that does not grow: what the machine itself adds."""

import multiprocessing
import socket
import statistics
import subprocess
import time

from common import (BENCHMARK, Connection, Server, chosen_cases, comparison_parser,
                    open_many_files, paired_samples, progress)
from load import big_zset, call_for_each
from probe import PERCENTILES, percentile, probe

RATE = 500
VALUE = "x" * 64
GROW_KEYS, BIG_KEYS, FLUSH_KEYS = 16_000_000, 5_000_000, 10_000_000
BIG_ZSET, EXPIRING = 5_000_000, 1_000_000
OVERWRITES, LOGGED = 4_000_000, 30_000
CONNECTIONS = 10_000


class Prober:
    """A process that probes a server until `end`, which gives the sorted latencies in ms."""

    def __init__(self, port):
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self.run, args=(port, theirs))
        self.process.start()
        self.ours.recv()  # connected
        time.sleep(0.2)

    @staticmethod
    def run(port, pipe):
        connection, latencies = Connection(port), []
        pipe.send("ready")
        while not pipe.poll():
            latencies += probe(connection, 0.2, RATE, ["PING"])
        pipe.send(sorted(latencies))

    def end(self):
        self.ours.send("end")
        latencies = self.ours.recv()
        self.process.join()
        return latencies


def write_load(server, requests, keys, clients=4, pipeline=16):
    subprocess.run([BENCHMARK, "-p", str(server.port), "-n", str(requests), "-r", str(keys), "-c",
                    str(clients), "-P", str(pipeline), "-q", "SET", "key:__rand_int__", VALUE],
                   stdout=subprocess.DEVNULL, check=True)


def wait_for(condition, limit_s=120):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise SystemExit("a case does not come to its end")
        time.sleep(0.05)


# A case: what is done before the probe begins, and what happens under it. Both get the server, a
# connection and the scale.


def nothing(_server, _connection, _scale):
    time.sleep(2)


def no_data(_server, _connection, _scale):
    pass


def populate(keys):
    def prepare(_server, connection, scale):
        connection.command("DEBUG", "POPULATE", int(keys * scale), "key", 64)

    return prepare


def overwrite(server, _connection, scale):
    write_load(server, int(OVERWRITES * scale), 1000)


def grow(server, _connection, scale):
    write_load(server, int(GROW_KEYS * scale), 1_000_000_000)


def save_in_background(_server, connection, _scale):
    connection.command("BGSAVE")
    wait_for(lambda: connection.info("rdb_bgsave_in_progress") == "0")


def with_log(fsync):
    def prepare(_server, connection, _scale):
        connection.command("CONFIG", "SET", "appendfsync", fsync, "appendonly", "yes")
        wait_for(lambda: connection.info("aof_rewrite_in_progress") == "0")

    return prepare


def log_writes(server, _connection, scale):
    write_load(server, int(LOGGED * scale), 1_000_000, clients=50, pipeline=1)


def prepare_zset(_server, connection, scale):
    big_zset(connection, "z", int(BIG_ZSET * scale))


def delete_zset(_server, connection, _scale):
    connection.command("DEL", "z")
    time.sleep(0.5)


def flush(_server, connection, _scale):
    connection.command("FLUSHALL", "SYNC")
    time.sleep(0.5)


def expiring(_server, connection, scale):
    """All keys end at one moment, soon after they are written."""
    count = int(EXPIRING * scale)
    when = int(time.time() * 1000 + 2000 + count / 100)  # a script sets more than 100 keys a ms
    call_for_each(connection, count, f"'set','key:'..i,'{VALUE}','pxat',{when}")
    wait_for(lambda: time.time() * 1000 > when - 100)


def expire_all(_server, connection, _scale):
    wait_for(lambda: connection.command("DBSIZE") == 0)


def at_the_limit(server, connection, scale):
    populate(EXPIRING)(server, connection, scale)
    limit = int(connection.info("used_memory"))
    connection.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", limit)


def evict(server, _connection, scale):
    write_load(server, int(1_000_000 * scale), 1_000_000_000)


def connect_many(server, _connection, scale):
    sockets = []
    for _ in range(int(CONNECTIONS * scale)):
        sockets.append(socket.create_connection(("127.0.0.1", server.port)))
        sockets[-1].sendall(b"PING\r\n")
    for one in sockets:
        one.recv(16)
        one.close()


CASES = {
    "floor": (no_data, nothing),
    "overwrite": (no_data, overwrite),
    "grow": (no_data, grow),
    "bgsave": (populate(BIG_KEYS), save_in_background),
    "aof-everysec": (with_log("everysec"), log_writes),
    "aof-always": (with_log("always"), log_writes),
    "del-zset": (prepare_zset, delete_zset),
    "flushall-sync": (populate(FLUSH_KEYS), flush),
    "expire-at-once": (expiring, expire_all),
    "evict": (at_the_limit, evict),
    "connect": (no_data, connect_many),
}


def measure(binary, name, scale):
    """Latencies at PERCENTILES and the worst, in ms."""
    prepare, action = CASES[name]
    server = Server(binary, "--maxclients", str(CONNECTIONS + 1000))
    connection = server.connect()
    prepare(server, connection, scale)
    prober = Prober(server.port)
    action(server, connection, scale)
    latencies = prober.end()
    server.stop()
    return [percentile(latencies, p) for p in PERCENTILES] + [latencies[-1]]


def main():
    o = comparison_parser(__doc__, CASES, rounds=2).parse_args()
    names, binaries = chosen_cases(o.only, CASES), (o.reference, o.ours)
    open_many_files()
    figures = [f"p{p:g}".replace(".", "") for p in PERCENTILES] + ["max"]
    print("case," + ",".join(f"a_{f}_ms,b_{f}_ms" for f in figures) + ",p999_ratio,max_ratio",
          flush=True)
    for number, name in enumerate(names):
        progress(number, len(names), name)
        samples = paired_samples(o.rounds, lambda side: measure(binaries[side], name, o.scale))
        a, b = ([statistics.median(column) for column in zip(*side)] for side in samples)
        values = ",".join(f"{x:.3f},{y:.3f}" for x, y in zip(a, b))
        print(f"{name},{values},{a[-2] / b[-2]:.2f},{a[-1] / b[-1]:.2f}", flush=True)


if __name__ == "__main__":
    main()
