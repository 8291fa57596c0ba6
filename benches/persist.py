#!/usr/bin/env python3
"""Saving and loading of two servers side by side. Prints CSV, a row per figure; ratio = reference /
ours, so that more than 1 is better.

    persist.py REFERENCE OURS [--scale 1]

- save: CPU time and duration of SAVE of 1 M strings of 64 B, best of five, the servers in turn
- load: CPU time and time to the first PONG with that file, less those of an empty start
- bgsave: worst latency of a PING every 2 ms while BGSAVE runs over 5 M keys, what fork() took,
  and the memory copied meanwhile with 10,000 writes per second"""

import argparse
import shutil
import tempfile
import threading
import time
from pathlib import Path

from common import Server
from load import fill
from probe import probe

SAVE_KEYS, BGSAVE_KEYS = 1_000_000, 5_000_000
ROUNDS = 5
PROBE_RATE, WRITE_RATE = 500, 10_000
WRITE_BATCH = 100


def row(case, unit, a, b):
    ratio = f"{a / b:.2f}" if b else ""
    print(f"{case},{unit},{a:.3f},{b:.3f},{ratio}", flush=True)


def timed_save(server, connection):
    """CPU and wall milliseconds of one SAVE."""
    cpu, start = server.cpu_ns(), time.perf_counter()
    connection.command("SAVE")
    return (server.cpu_ns() - cpu) / 1e6, (time.perf_counter() - start) * 1e3


def compare_saves(binaries, keys, files):
    """Leaves each server's file in `files`."""
    servers = [Server(binary) for binary in binaries]
    connections = [server.connect() for server in servers]
    for connection in connections:
        fill(connection, "strings", keys, 64)
    for compression in ("yes", "no"):
        figures = [[], []]
        for _ in range(ROUNDS):
            for idx, connection in enumerate(connections):
                connection.command("CONFIG", "SET", "rdbcompression", compression)
                figures[idx].append(timed_save(servers[idx], connection))
        best = [[min(values) for values in zip(*rounds)] for rounds in figures]
        row(f"save compression {compression}", "cpu_ms", best[0][0], best[1][0])
        row(f"save compression {compression}", "wall_ms", best[0][1], best[1][1])
        sizes = [(server.dir / "dump.rdb").stat().st_size for server in servers]
        row(f"save compression {compression}", "file_bytes", *sizes)
    for server, file in zip(servers, files):
        shutil.copy(server.dir / "dump.rdb", file)
        server.stop()


def start_with(binary, file):
    """CPU and wall milliseconds from the start to the first PONG, with a file or without."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as directory:
        if file:
            shutil.copy(file, Path(directory) / "dump.rdb")
        start = time.perf_counter()
        server = Server(binary, "--dir", directory)
        wall = (time.perf_counter() - start) * 1e3
        cpu = server.cpu_ns() / 1e6
        server.stop()
        return cpu, wall


def compare_loads(binaries, files):
    """Both load the same file, each of the two."""
    for file, origin in zip(files, ("reference", "ours")):
        figures = [[], []]
        for _ in range(ROUNDS):
            for idx, binary in enumerate(binaries):
                empty, full = start_with(binary, None), start_with(binary, file)
                figures[idx].append([b - a for a, b in zip(empty, full)])
        best = [[min(values) for values in zip(*rounds)] for rounds in figures]
        row(f"load of a file of {origin}", "cpu_ms", best[0][0], best[1][0])
        row(f"load of a file of {origin}", "wall_ms", best[0][1], best[1][1])


def write_steadily(connection, keys, stop):
    """WRITE_RATE overwrites per second of keys spread over all."""
    start, batches, key = time.perf_counter(), 0, 0
    while not stop.is_set():
        due = start + batches * WRITE_BATCH / WRITE_RATE
        time.sleep(max(0.0, due - time.perf_counter()))
        commands = []
        for _ in range(WRITE_BATCH):
            key = (key + 7_919_993) % keys
            commands.append(("SET", f"key:{key}", "y" * 64))
        connection.pipeline(commands)
        batches += 1


def bgsave(binary, keys):
    """Figures of one BGSAVE under probe and writes."""
    server = Server(binary)
    connection = server.connect()
    connection.command("DEBUG", "POPULATE", keys, "key", 64)
    stop = threading.Event()
    writer = threading.Thread(target=write_steadily, args=(server.connect(), keys, stop))
    writer.start()
    time.sleep(0.5)
    quiet = probe(server.connect(), 2, PROBE_RATE, ["PING"])
    connection.command("BGSAVE")
    start, latencies = time.perf_counter(), []
    prober = server.connect()
    # The first moments matter, so the probe begins before anybody asks for INFO.
    while True:
        latencies += probe(prober, 1, PROBE_RATE, ["PING"])
        if connection.info("rdb_bgsave_in_progress") == "0":
            break
    duration = time.perf_counter() - start
    stop.set()
    writer.join()
    latencies.sort()
    result = {
        "worst_ms": latencies[-1],
        "p999_ms": latencies[int(len(latencies) * 0.999)],
        "worst_before_ms": quiet[-1],
        "fork_ms": int(connection.info("latest_fork_usec")) / 1000,
        "cow_mb": int(connection.info("rdb_last_cow_size")) / 1e6,
        "used_mb": int(connection.info("used_memory")) / 1e6,
        "duration_s": duration,
    }
    server.stop()
    return result


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("reference")
    p.add_argument("ours")
    p.add_argument("--scale", type=float, default=1.0, help="keys, relative to the full run [1]")
    o = p.parse_args()
    binaries = (o.reference, o.ours)
    print("case,unit,reference,ours,ratio", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-files-") as directory:
        files = [Path(directory) / name for name in ("reference.rdb", "ours.rdb")]
        compare_saves(binaries, int(SAVE_KEYS * o.scale), files)
        compare_loads(binaries, files)
    figures = [bgsave(binary, int(BGSAVE_KEYS * o.scale)) for binary in binaries]
    for name in figures[0]:
        row("bgsave", name, figures[0][name], figures[1][name])


if __name__ == "__main__":
    main()
