#!/usr/bin/env python3
"""Saving and loading of two servers side by side. Prints CSV, a row per figure; ratio = reference /
ours, so that more than 1 is better.

    persist.py REFERENCE OURS [--scale 1] [--only save,aof,fsync,bgsave]

- save: CPU time and duration of SAVE of 1 M strings of 64 B, best of five, the servers in turn
- load: CPU time and time to the first PONG with that file, less those of an empty start
- aof: CPU time and duration of loading an append only file of 1 M SET, less those of an empty start;
  and of a rewrite of 1 M strings, by the child
- fsync: SET per second of redis-benchmark, and CPU time of the server per SET, under
  `appendfsync always` and `everysec`, on the disk of the temporary directory; and under `always`
  GET per second of 50 clients, and their latency, while 8 others SET
- bgsave: worst latency of a PING every 2 ms while BGSAVE runs over 5 M keys, what fork() took,
  and the memory copied meanwhile with 10,000 writes per second"""

import csv
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from common import (BENCHMARK, Server, chosen_cases, comparison_parser, paired_samples,
                    print_ratio)
from load import fill
from probe import probe

SAVE_KEYS, BGSAVE_KEYS = 1_000_000, 5_000_000
ROUNDS = 5
PROBE_RATE, WRITE_RATE = 500, 10_000
WRITE_BATCH = 100
# Clients, pipeline, requests at scale 1.
FSYNC_LOADS = ((1, 1, 3_000), (10, 1, 20_000), (50, 1, 60_000), (50, 16, 600_000))
FSYNC_ROUNDS = 5
READS = 60_000


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
        print_ratio(f"save compression {compression}", "cpu_ms", best[0][0], best[1][0])
        print_ratio(f"save compression {compression}", "wall_ms", best[0][1], best[1][1])
        sizes = [(server.dir / "dump.rdb").stat().st_size for server in servers]
        print_ratio(f"save compression {compression}", "file_bytes", *sizes)
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
        print_ratio(f"load of a file of {origin}", "cpu_ms", best[0][0], best[1][0])
        print_ratio(f"load of a file of {origin}", "wall_ms", best[0][1], best[1][1])


def start_with_aof(binary, directory):
    """As `start_with`, with the append only files of a folder or with none."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as target:
        if directory:
            shutil.copytree(directory, Path(target) / "appendonlydir")
        start = time.perf_counter()
        server = Server(binary, "--dir", target, "--appendonly", "yes")
        wall = (time.perf_counter() - start) * 1e3
        cpu = server.cpu_ns() / 1e6
        server.stop()
        return cpu, wall


def rewrite(server, connection):
    """CPU of the child and wall milliseconds of one rewrite."""
    def children():
        return sum(float(connection.info(f"used_cpu_{kind}_children")) for kind in ("user", "sys"))

    cpu, start = children(), time.perf_counter()
    connection.command("BGREWRITEAOF")
    while connection.info("aof_rewrite_in_progress") == "1":
        time.sleep(0.01)
    return (children() - cpu) * 1e3, (time.perf_counter() - start) * 1e3


def compare_aof(binaries, keys):
    with tempfile.TemporaryDirectory(prefix="bench-files-") as directory:
        files = Path(directory) / "appendonlydir"
        servers = [Server(binary, "--appendonly", "yes", "--aof-use-rdb-preamble", "no",
                          "--auto-aof-rewrite-percentage", "0") for binary in binaries]
        connections = [server.connect() for server in servers]
        for connection in connections:
            fill(connection, "strings", keys, 64)
        shutil.copytree(servers[0].dir / "appendonlydir", files)
        for preamble in ("yes", "no"):
            for connection in connections:
                connection.command("CONFIG", "SET", "aof-use-rdb-preamble", preamble)
            samples = paired_samples(ROUNDS, lambda i: rewrite(servers[i], connections[i]))
            best = [[min(values) for values in zip(*rounds)] for rounds in samples]
            kind = "RDB" if preamble == "yes" else "commands"
            print_ratio(f"aof rewrite as {kind}", "cpu_ms", best[0][0], best[1][0])
            print_ratio(f"aof rewrite as {kind}", "wall_ms", best[0][1], best[1][1])
        for server in servers:
            server.stop()

        def load(side):
            empty, full = (start_with_aof(binaries[side], d) for d in (None, files))
            return [b - a for a, b in zip(empty, full)]

        best = [[min(values) for values in zip(*rounds)] for rounds in paired_samples(ROUNDS, load)]
        print_ratio("aof load", "cpu_ms", best[0][0], best[1][0])
        print_ratio("aof load", "wall_ms", best[0][1], best[1][1])


def load_command(server, test, clients, pipeline, requests):
    command = [BENCHMARK, "-p", server.port, "-c", clients, "-P", pipeline, "-n", requests,
               "-r", 100_000, "-d", 64, "-t", test, "--csv"]
    return list(map(str, command))


def figures_of(command):
    """Throughput per second, and 50th and 99th percentile of the latency in ms."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    row = list(csv.reader(done.stdout.splitlines()))[-1]
    return float(row[1]), float(row[4]), float(row[6])


def benchmark(server, clients, pipeline, requests):
    """SET per second, and the server's CPU time per SET in us."""
    cpu = server.cpu_ns()
    per_second, *_ = figures_of(load_command(server, "set", clients, pipeline, requests))
    return per_second, (server.cpu_ns() - cpu) / requests / 1e3


def readers_beside_writers(server, requests):
    """Figures of 50 clients that GET while 8 others SET."""
    writers = subprocess.Popen(load_command(server, "set", 8, 1, 10**9),
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        return figures_of(load_command(server, "get", 50, 1, requests))
    finally:
        writers.kill()
        writers.wait()


def compare_readers(servers, requests):
    samples = paired_samples(
        FSYNC_ROUNDS, lambda i: readers_beside_writers(servers[i], requests))
    (rate_a, *times_a), (rate_b, *times_b) = [
        [statistics.median(v) for v in zip(*rounds)] for rounds in samples]
    case = "appendfsync always GET c50 beside SET c8"
    print(f"{case},get_per_s,{rate_a:.0f},{rate_b:.0f},{rate_b / rate_a:.2f}", flush=True)
    for what, a, b in zip(("p50_ms", "p99_ms"), times_a, times_b):
        print_ratio(case, what, a, b)


def compare_fsync(binaries, scale):
    """Medians; `ratio` of SET per second is ours / reference."""
    for policy in ("always", "everysec"):
        servers = [Server(binary, "--appendonly", "yes", "--appendfsync", policy,
                          "--auto-aof-rewrite-percentage", "0") for binary in binaries]
        for clients, pipeline, requests in FSYNC_LOADS:
            requests = max(clients * pipeline * 10, int(requests * scale))
            samples = paired_samples(
                FSYNC_ROUNDS, lambda i: benchmark(servers[i], clients, pipeline, requests))
            medians = [[statistics.median(v) for v in zip(*rounds)] for rounds in samples]
            case = f"appendfsync {policy} c{clients} P{pipeline}"
            (rate_a, cpu_a), (rate_b, cpu_b) = medians
            print(f"{case},set_per_s,{rate_a:.0f},{rate_b:.0f},{rate_b / rate_a:.2f}", flush=True)
            print_ratio(case, "cpu_us_per_set", cpu_a, cpu_b)
        if policy == "always":
            compare_readers(servers, max(1000, int(READS * scale)))
        for server in servers:
            server.stop()


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


def save_and_load(binaries, scale):
    with tempfile.TemporaryDirectory(prefix="bench-files-") as directory:
        files = [Path(directory) / name for name in ("reference.rdb", "ours.rdb")]
        compare_saves(binaries, int(SAVE_KEYS * scale), files)
        compare_loads(binaries, files)


def compare_bgsaves(binaries, scale):
    figures = [bgsave(binary, int(BGSAVE_KEYS * scale)) for binary in binaries]
    for name in figures[0]:
        print_ratio("bgsave", name, figures[0][name], figures[1][name])


PARTS = {
    "save": save_and_load,
    "aof": lambda binaries, scale: compare_aof(binaries, int(SAVE_KEYS * scale)),
    "fsync": compare_fsync,
    "bgsave": compare_bgsaves,
}


def main():
    o = comparison_parser(__doc__, PARTS).parse_args()
    print("case,unit,reference,ours,ratio", flush=True)
    for part in chosen_cases(o.only, PARTS):
        PARTS[part]((o.reference, o.ours), o.scale)


if __name__ == "__main__":
    main()
