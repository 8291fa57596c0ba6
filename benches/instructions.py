#!/usr/bin/env python3
"""Gate: user-space instructions per request of hot commands, counted by callgrind.

    instructions.py BINARY            fails if a case needs 3 % more than instructions.tsv says
    instructions.py BINARY --lower    keeps what became better
    instructions.py BINARY --record   keeps all counts: for a change that is worth its price

One connection sends a fixed sequence of commands in pipelines, so that the server's turns are the
same in each run; what server_cron costs, which depends on the time a run takes, is left out. Tables
differ with the random hash seed (up to 5 % for sets): what is kept is the highest of some servers.
Counts depend on the compiler: with another one than the file names nothing is compared. Needs
valgrind; says so and succeeds without it."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

from common import Connection, free_port

RECORD = pathlib.Path(__file__).with_name("instructions.tsv")
ALLOWED = 1.03
SERVERS_FOR_RECORD = 5
KEYS = 2000
VALUE = b"x" * 64
SCRIPT = b"return redis.call('get',KEYS[1])"

# name: (pipeline, requests, the i-th command)
CASES = {
    "ping-P1": (1, 4000, lambda i: [b"PING"]),
    "get-P1": (1, 4000, lambda i: [b"GET", key(i)]),
    "set-P1": (1, 4000, lambda i: [b"SET", key(i), VALUE]),
    "ping-P16": (16, 16000, lambda i: [b"PING"]),
    "get-P16": (16, 16000, lambda i: [b"GET", key(i)]),
    "set-P16": (16, 16000, lambda i: [b"SET", key(i), VALUE]),
    "incr-P16": (16, 16000, lambda i: [b"INCR", b"ctr:%012d" % (i % KEYS)]),
    "lpush-P16": (16, 16000, lambda i: [b"LPUSH", b"l", b"xxxxxxxx"]),
    "sadd-P16": (16, 16000, lambda i: [b"SADD", b"s", b"m:%012d" % spread(i)]),
    "hset-P16": (16, 16000, lambda i: [b"HSET", b"h", b"f:%012d" % spread(i), b"v"]),
    "zadd-P16": (16, 16000, lambda i: [b"ZADD", b"z", b"%d" % spread(i), b"m:%012d" % spread(i)]),
    "xadd-P16": (16, 16000, lambda i: [b"XADD", b"x", b"*", b"field", b"xxxxxxxx"]),
    "eval-P16": (16, 8000, lambda i: [b"EVAL", SCRIPT, b"1", key(i)]),
}


def key(i):
    return b"key:%012d" % (i % KEYS)


def spread(i):
    """Each of 0..2048 in an order that jumps about."""
    return i * 1103 % 2048


class Server:
    """The binary under callgrind."""

    def __init__(self, binary, folder):
        self.folder, port = pathlib.Path(folder), free_port()
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "--instr-atstart=no",
             f"--callgrind-out-file={folder}/out", str(binary), "--port", str(port), "--save", "",
             "--appendonly", "no", "--bind", "127.0.0.1", "--dir", folder, "--hz", "1",
             "--logfile", f"{folder}/log"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.connection = Connection(port)
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None:
                    raise SystemExit("the server did not start under valgrind")
                time.sleep(0.1)
        raise SystemExit("the server does not answer")

    def control(self, *arguments):
        subprocess.run(["callgrind_control", *arguments, str(self.process.pid)], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def measure(self, pipeline, requests, command):
        warm_up = requests // 4
        self.connection.pipeline(map(command, range(warm_up)), pipeline)
        for old in self.folder.glob("out.*"):
            old.unlink()
        self.control("-z")
        self.control("-i", "on")
        self.connection.pipeline(map(command, range(warm_up, warm_up + requests)), pipeline)
        self.control("-d")
        self.control("-i", "off")
        for _ in range(100):
            dumps = sorted(self.folder.glob("out.*"))
            if dumps and "totals:" in dumps[0].read_text():
                return instructions(dumps[0].read_text()) / requests
            time.sleep(0.1)
        raise SystemExit("callgrind wrote no counts")

    def close(self):
        self.process.kill()
        self.process.wait()


def instructions(dump):
    """All of a dump of callgrind but what server_cron and what it calls needed."""
    total = cron = 0
    inclusive = in_cron = False
    names = {}
    for line in dump.splitlines():
        if line.startswith("cfn="):
            number, name = re.match(r"cfn=\((\d+)\)(?: (.*))?", line).groups()
            in_cron = "server_cron" in names.setdefault(number, name or "")
        elif line.startswith("fn="):
            number, name = re.match(r"fn=\((\d+)\)(?: (.*))?", line).groups()
            names.setdefault(number, name or "")
        elif line.startswith("calls="):
            inclusive = True
        elif line[:1] in "0123456789+-*" and " " in line:
            count = int(line.split()[1])
            if not inclusive:
                total += count
            elif in_cron:
                cron += count
            inclusive = False
    return total - cron


def count(binary, record):
    """Counts by case, of one server."""
    counts = {}
    with tempfile.TemporaryDirectory() as folder:
        server = Server(pathlib.Path(binary).resolve(), folder)
        try:
            server.connection.pipeline([b"SET", key(i), VALUE] for i in range(KEYS))
            for name, (pipeline, requests, command) in CASES.items():
                counts[name] = round(server.measure(pipeline, requests, command))
                print(f"{name}\t{counts[name]}\trecorded {record.get(name)}", flush=True)
        finally:
            server.close()
    return counts


def compiler():
    return subprocess.run(["rustc", "-V"], capture_output=True, text=True).stdout.strip()


def read_record():
    if not RECORD.exists():
        return "", {}
    lines = RECORD.read_text().splitlines()
    rows = (line.split("\t") for line in lines if not line.startswith("#"))
    head = next((line for line in lines if line.startswith("# compiler: ")), "")
    return head.removeprefix("# compiler: "), {name: int(count) for name, count in rows}


def write_record(counts):
    text = "# Instructions per request, see instructions.py.\n" + f"# compiler: {compiler()}\n"
    RECORD.write_text(text + "".join(f"{name}\t{counts[name]}\n" for name in CASES))


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("binary")
    p.add_argument("--lower", action="store_true", help="keep what became better")
    p.add_argument("--record", action="store_true", help="keep all counts")
    options = p.parse_args()
    if not shutil.which("valgrind") or not shutil.which("callgrind_control"):
        return print("instructions are not counted: there is no valgrind")
    made_by, record = read_record()
    servers = SERVERS_FOR_RECORD if options.record or options.lower else 1
    runs = [count(options.binary, record) for _ in range(servers)]
    counts = {name: max(run[name] for run in runs) for name in CASES}
    if options.record:
        return write_record(counts)
    if options.lower:
        return write_record({name: min(n, record.get(name, n)) for name, n in counts.items()})
    if made_by != compiler():
        return print(f"nothing is compared: the record was made with {made_by}")
    failed = [name for name in CASES if counts[name] > record.get(name, counts[name]) * ALLOWED]
    if failed:
        sys.exit(f"more than {ALLOWED - 1:.0%} above benches/instructions.tsv: {' '.join(failed)}")


if __name__ == "__main__":
    main()
