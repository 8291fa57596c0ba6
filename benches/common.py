"""What the measuring scripts share: server processes, their CPU time, RESP, and records.

Python standard library only, Linux only (/proc). Every server started here listens on 127.0.0.1,
works in a temporary directory and is ended by its own pid."""

import argparse
import atexit
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLI = os.environ.get("REDIS_CLI", "redis-cli")
BENCHMARK = os.environ.get("REDIS_BENCHMARK", "redis-benchmark")
START_LIMIT_S = 60  # generous: valgrind starts slowly
START_POLL_S = 0.001  # what a measured start is off by


def encode(command):
    """One command, of bytes or anything with a `str`, as a RESP request."""
    args = [a if isinstance(a, bytes) else str(a).encode() for a in command]
    return b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in args)


class Connection:
    """A RESP2 connection: enough to load data and to ask for INFO."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = self.socket.makefile("rb")

    def send(self, *commands):
        self.socket.sendall(b"".join(map(encode, commands)))

    def read(self):
        line = self.stream.readline()
        if not line:
            raise EOFError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.stream.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return rest

    def command(self, *args):
        self.send(args)
        return self.read()

    def pipeline(self, commands, batch=500):
        """Sends many commands, `batch` at a time, and drops their replies; returns how many."""
        count, waiting = 0, []

        def flush():
            self.send(*waiting)
            for _ in waiting:
                self.read()
            waiting.clear()

        for command in commands:
            waiting.append(command)
            count += 1
            if len(waiting) == batch:
                flush()
        if waiting:
            flush()
        return count

    def info(self, field):
        text = self.command("INFO", "everything").decode()
        return next(l.split(":", 1)[1] for l in text.splitlines() if l.startswith(field + ":"))


class Server:
    """A server process without persistence. `prefix` is a command that runs it, as valgrind does."""

    def __init__(self, binary, *extra, prefix=()):
        self.port = free_port()
        self.dir = Path(tempfile.mkdtemp(prefix="bench-"))
        command = [*prefix, os.path.realpath(binary), "--port", str(self.port), "--bind",
                   "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self.dir),
                   "--enable-debug-command", "yes", "--logfile", str(self.dir / "log"), *extra]
        self.process = subprocess.Popen(command, cwd=self.dir, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.pid = self.process.pid
        atexit.register(self.stop)
        deadline = time.monotonic() + START_LIMIT_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{binary} does not start; see {self.keep_log()}")
            time.sleep(START_POLL_S)

    def answers(self):
        try:
            return self.connect().command("PING") == b"PONG"
        except (OSError, EOFError, RuntimeError):
            return False

    def connect(self):
        return Connection(self.port)

    def cpu_ns(self):
        """CPU time of all threads, in nanoseconds (field 1 of schedstat)."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                total += int(Path(f"/proc/{self.pid}/task/{task}/schedstat").read_text().split()[0])
            except FileNotFoundError:
                pass  # a thread that ended meanwhile
        return total

    def rss_bytes(self):
        status = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(l.split()[1]) * 1024 for l in status if l.startswith("VmRSS"))

    def keep_log(self):
        target = Path(tempfile.gettempdir()) / f"bench-failed-{self.pid}.log"
        if (self.dir / "log").exists():
            shutil.copy(self.dir / "log", target)
        return target

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)


def comparison_parser(doc, cases=(), rounds=None):
    """The options that every comparison of two servers takes, as far as it has cases and rounds."""
    p = argparse.ArgumentParser(description=doc.split("\n\n")[0])
    p.add_argument("reference")
    p.add_argument("ours")
    if rounds:
        p.add_argument("--rounds", type=int, default=rounds, help=f"[{rounds}]")
    if cases:
        p.add_argument("--only", default="", help="comma list of: " + " ".join(cases))
    p.add_argument("--scale", type=float, default=1.0, help="how much, of the full run [1]")
    return p


def chosen_cases(only, cases):
    """The names in a comma list, or all; ends the program if one is unknown."""
    names = only.split(",") if only else list(cases)
    unknown = [name for name in names if name not in cases]
    if unknown:
        sys.exit(f"unknown case {unknown[0]}; there are: {' '.join(cases)}")
    return names


def paired_samples(rounds, take):
    """`take(side)` for both sides in the order A B, B A, A B, ...: a drift hits both."""
    samples = [[], []]
    for turn in range(rounds):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            samples[side].append(take(side))
    return samples


def print_ratio(case, unit, reference, ours):
    """A row of a comparison of costs: its ratio is above 1 if ours is less."""
    ratio = f"{reference / ours:.2f}" if ours else ""
    print(f"{case},{unit},{reference:.3f},{ours:.3f},{ratio}", flush=True)


def open_many_files():
    """Lets this process have as many connections as the system allows."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def progress(done, total, what):
    """A line for who waits; the figures go to standard output."""
    print(f"[{done + 1}/{total}] {what}", file=sys.stderr, flush=True)


def machine():
    """One line that says on what a figure was measured."""
    model = "unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":", 1)[1].strip()
            break
    load = Path("/proc/loadavg").read_text().split()[0]
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, load {load}"
