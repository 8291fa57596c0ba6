#!/usr/bin/env python3
"""Works that are too big to be repeated within one server, side by side. Prints CSV, a row per
figure; ratio = reference / ours, so that more than 1 is better. Medians of the rounds.

    anchors.py REFERENCE OURS [--rounds 2] [--only start,publish] [--scale 1]

- start: from the start of an empty server to its first PONG
- publish: CPU time per delivered message, one PUBLISH to 1,000 subscribers
- delete: DEL of a sorted set of 5 M members, until the reply and in CPU time of all threads
- flush: FLUSHALL of 10 M strings, as delete
- reload: SAVE and DEBUG RELOAD of 1 M strings of 64 B, as delete

What other clients notice meanwhile is for tails.py to say."""

import statistics
import time

from common import (Server, chosen_cases, comparison_parser, open_many_files, paired_samples,
                    print_ratio, progress)
from load import big_zset

STARTS = 21
SUBSCRIBERS, MESSAGES, PUBLISH_PIPELINE = 1_000, 500, 10
BIG_ZSET, FLUSH_KEYS, RELOAD_KEYS = 5_000_000, 10_000_000, 1_000_000
SETTLE_S = 1  # for threads that free what the main thread gave them


def start(binary, _scale):
    def one():
        begin = time.perf_counter()
        server = Server(binary)
        seconds = time.perf_counter() - begin
        cpu = server.cpu_ns()
        server.stop()
        return seconds * 1e3, cpu / 1e6

    wall, cpu = map(statistics.median, zip(*(one() for _ in range(STARTS))))
    return {"wall_ms": wall, "cpu_ms": cpu}


def subscribe(server, count):
    """Connections that listen to the channel."""
    found = [server.connect() for _ in range(count)]
    for one in found:
        one.command("SUBSCRIBE", "channel")
    return found


def publish(binary, scale):
    server = Server(binary)
    subscribers, publisher = subscribe(server, SUBSCRIBERS), server.connect()
    message = ("PUBLISH", "channel", "x" * 16)
    messages = int(MESSAGES * scale)
    spent = {}
    for name, pipeline in (("one by one", 1), ("pipelined", PUBLISH_PIPELINE)):
        before = server.cpu_ns()
        for _ in range(messages // pipeline):
            publisher.pipeline([message] * pipeline)
            for one in subscribers:
                for _ in range(pipeline):
                    one.read()
        delivered = messages // pipeline * pipeline * SUBSCRIBERS
        spent[f"{name}, cpu_ns_per_delivery"] = (server.cpu_ns() - before) / delivered
    server.stop()
    return spent


def timed(server, connection, *command, settle=SETTLE_S):
    """Milliseconds until the reply, and of CPU until the threads had time to end."""
    cpu, begin = server.cpu_ns(), time.perf_counter()
    connection.command(*command)
    wall = time.perf_counter() - begin
    time.sleep(settle)
    return {"wall_ms": wall * 1e3, "cpu_ms": (server.cpu_ns() - cpu) / 1e6}


def timed_after(fill, binary, *command, settle=SETTLE_S):
    """`timed` on a server of its own, which `fill` gives its data through a connection."""
    server = Server(binary)
    connection = server.connect()
    fill(connection)
    figures = timed(server, connection, *command, settle=settle)
    server.stop()
    return figures


def delete(binary, scale):
    return timed_after(lambda to: big_zset(to, "z", int(BIG_ZSET * scale)), binary, "DEL", "z")


def flush(binary, scale):
    keys = int(FLUSH_KEYS * scale)
    return timed_after(lambda to: to.command("DEBUG", "POPULATE", keys, "key", 64),
                       binary, "FLUSHALL", settle=3 * SETTLE_S)


def reload(binary, scale):
    server = Server(binary)
    connection = server.connect()
    connection.command("DEBUG", "POPULATE", int(RELOAD_KEYS * scale), "key", 64)
    figures = {}
    for name, command in (("SAVE", ["SAVE"]), ("DEBUG RELOAD", ["DEBUG", "RELOAD", "NOSAVE"])):
        spent = timed(server, connection, *command, settle=0)
        figures |= {f"{name}, {unit}": value for unit, value in spent.items()}
    server.stop()
    return figures


PARTS = {"start": start, "publish": publish, "delete": delete, "flush": flush, "reload": reload}


def main():
    o = comparison_parser(__doc__, PARTS, rounds=2).parse_args()
    names, binaries = chosen_cases(o.only, PARTS), (o.reference, o.ours)
    open_many_files()
    print("case,unit,reference,ours,ratio", flush=True)
    for number, name in enumerate(names):
        progress(number, len(names), name)
        samples = paired_samples(o.rounds, lambda side: PARTS[name](binaries[side], o.scale))
        for unit in samples[0][0]:
            medians = [statistics.median(sample[unit] for sample in side) for side in samples]
            detail, _, unit = unit.rpartition(", ")
            print_ratio(f"{name} {detail}".strip(), unit, *medians)


if __name__ == "__main__":
    main()
