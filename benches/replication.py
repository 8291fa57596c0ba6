#!/usr/bin/env python3
"""Replication of two servers side by side. Prints CSV, a row per figure; ratio = reference / ours,
so that more than 1 is better.

    replication.py REFERENCE OURS [--scale 1] [--only apply,master,full]

- apply: CPU time a replica spends per command of the stream; both are replicas of one master (the
  reference) at the same time, pipelined writes of several kinds
- full sync: wall time from REPLICAOF to the end of the synchronization, and CPU time of both ends,
  for 1 GB on loopback; both ends ours against both ends reference; to disk and diskless
- master: CPU time a master spends per pipelined SET with 0, 1 and 4 replicas of its own kind"""

import time

from common import Server, chosen_cases, comparison_parser, print_ratio, progress

COMMANDS, ROUNDS = 400_000, 3
FULL_KEYS, FULL_VALUE_BYTES = 1_000_000, 1_000
KEYS = 100_000
SETTINGS = ("--save", "", "--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb",
            "--client-output-buffer-limit", "replica 0 0 0")
VALUE = "x" * 64

KINDS = {
    "SET": lambda i: ("SET", f"key:{i * 7919 % KEYS}", VALUE),
    "INCR": lambda i: ("INCR", f"n:{i * 7919 % KEYS}"),
    "HSET": lambda i: ("HSET", f"h:{i * 7919 % 10_000}", f"f{i % 20}", VALUE),
    "ZINCRBY": lambda i: ("ZINCRBY", f"z:{i * 7919 % 1_000}", i % 100 + 1, f"m{i * 31 % 300}"),
    "LPUSH": lambda i: ("LPUSH", f"l:{i * 7919 % 10_000}", VALUE),
}


def follow(replica, master):
    connection = replica.connect()
    connection.command("REPLICAOF", "127.0.0.1", master.port)
    while connection.info("master_link_status") != "up":
        time.sleep(0.005)


def acknowledged(connection, replicas):
    while connection.command("WAIT", replicas, 1000) < replicas:
        pass


def apply(reference, ours, count):
    master = Server(reference, *SETTINGS)
    replicas = [Server(binary, *SETTINGS) for binary in (reference, ours)]
    for replica in replicas:
        follow(replica, master)
    connection = master.connect()
    for step, (kind, command) in enumerate(KINDS.items()):
        progress(step, len(KINDS), f"apply {kind}")
        best = [float("inf")] * 2
        for _ in range(ROUNDS):
            before = [replica.cpu_ns() for replica in replicas]
            connection.pipeline((command(i) for i in range(count)), 200)
            acknowledged(connection, 2)
            spent = [r.cpu_ns() - b for r, b in zip(replicas, before)]
            best = [min(a, s / count) for a, s in zip(best, spent)]
        print_ratio(f"apply {kind}", "cpu_ns_per_command", *best)
    for server in (*replicas, master):
        server.stop()


def full_sync(binary, keys, diskless):
    """Wall seconds, and CPU seconds of master (with its child) and replica."""
    more = (*SETTINGS, "--rdbcompression", "no")
    master = Server(binary, *more, "--repl-diskless-sync", "yes" if diskless else "no")
    replica = Server(binary, *more, "--repl-diskless-load", "on-empty-db" if diskless else "disabled")
    connection = master.connect()
    connection.command("DEBUG", "POPULATE", keys, "key", FULL_VALUE_BYTES)
    before = [server.cpu_ns() for server in (master, replica)]
    start = time.perf_counter()
    follow(replica, master)
    wall = time.perf_counter() - start
    cpu = [(s.cpu_ns() - b) / 1e9 for s, b in zip((master, replica), before)]
    loaded = replica.connect().command("DBSIZE")
    assert loaded == keys, loaded
    for server in (replica, master):
        server.stop()
    return wall, *cpu


def compare_full_syncs(binaries, keys):
    for diskless in (False, True):
        name = "full sync 1 GB " + ("diskless" if diskless else "by disk")
        best = []
        for binary in binaries:
            rounds = []
            for step in range(ROUNDS):
                progress(step, ROUNDS, f"{name} {binary}")
                rounds.append(full_sync(binary, keys, diskless))
            best.append([min(values) for values in zip(*rounds)])
        units = ("wall_s", "master_cpu_s", "replica_cpu_s")
        for unit, a, b in zip(units, *best):
            print_ratio(name, unit, a, b)


def master_cpu(binary, replicas, count):
    """CPU nanoseconds of a master per SET."""
    master = Server(binary, *SETTINGS)
    others = [Server(binary, *SETTINGS) for _ in range(replicas)]
    for other in others:
        follow(other, master)
    connection = master.connect()
    best = float("inf")
    for _ in range(ROUNDS):
        before = master.cpu_ns()
        connection.pipeline((KINDS["SET"](i) for i in range(count)), 200)
        if replicas:
            acknowledged(connection, replicas)
        best = min(best, (master.cpu_ns() - before) / count)
    for server in (*others, master):
        server.stop()
    return best


def compare_masters(binaries, count):
    for step, replicas in enumerate((0, 1, 4)):
        progress(step, 3, f"master with {replicas} replicas")
        figures = [master_cpu(binary, replicas, count) for binary in binaries]
        print_ratio(f"master with {replicas} replicas", "cpu_ns_per_set", *figures)


PARTS = {
    "apply": lambda binaries, scale: apply(*binaries, int(COMMANDS * scale)),
    "master": lambda binaries, scale: compare_masters(binaries, int(COMMANDS * scale)),
    "full": lambda binaries, scale: compare_full_syncs(binaries, int(FULL_KEYS * scale)),
}


def main():
    o = comparison_parser(__doc__, PARTS).parse_args()
    print("case,unit,reference,ours,ratio", flush=True)
    for part in chosen_cases(o.only, PARTS):
        PARTS[part]((o.reference, o.ours), o.scale)


if __name__ == "__main__":
    main()
