#!/usr/bin/env python3
"""Reads the newest records and shows them: tables of ratios (Markdown; on standard output and as
README.md beside the records), the chosen ones of the project's README, and two drawings,
<date>_ratios.svg and <date>_latency.svg.

    report.py [DIRECTORY of records]

A ratio is reference / ours, so that more than 1 is better for every figure. Standard library only."""

import csv
import html
import math
import sys
from pathlib import Path

RECORDS = Path(__file__).resolve().parent / "record"
README = RECORDS.parent.parent / "README.md"
BEGIN, END = "<!-- ratios: written by benches/report.py -->", "<!-- end of ratios -->"
OURS, THEIRS, TEXT, GRID = "#1b7f5c", "#9aa3ad", "#24292f", "#d7dce1"
ROW, LEFT, WIDTH, RIGHT = 20, 210, 560, 130


def newest(directory, what):
    """Rows of the newest record of that name, and its file; ([], None) without one."""
    files = sorted(directory.glob(f"????-??-??_{what}.csv"))
    if not files:
        return [], None
    with files[-1].open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#"))), files[-1]


def paired_cpu_rows(what):
    """Reader of records of ab.py: (case, reference, ours, ratio, low, high), us of CPU a request."""
    def read(directory):
        rows, file = newest(directory, what)
        return [(r["case"], float(r["a_cpu_us"]), float(r["b_cpu_us"]), float(r["cpu_ratio"]),
                 float(r["low"]), float(r["high"])) for r in rows], file

    return read


def wall_rows(directory):
    """Time a request at the throughput that the client reached."""
    rows, file = newest(directory, "ab")
    times = [(r["case"], 1e6 / float(r["a_rps"]), 1e6 / float(r["b_rps"])) for r in rows]
    return [(case, a, b, a / b) for case, a, b in times], file


def floor_rows(directory):
    """The two servers, and what does nothing in the place of ours."""
    rows, file = newest(directory, "floor")
    found = []
    for r in rows:
        a, b, floor = (float(r[f"{side}_cpu_us"]) for side in ("a", "b", "floor"))
        found.append((r["case"], a, b, float(r["cpu_ratio"])))
        found.append((f"{r['case']}, a server that does nothing", a, floor,
                      float(r["floor_ratio"])))
    return found, file


def plain_rows(directory, what, case, reference, ours):
    rows, file = newest(directory, what)
    found = []
    for r in rows:
        a, b = float(r[reference]), float(r[ours])
        if b > 0:
            found.append((r[case], a, b, a / b))
    return found, file


def paired_rows(rows, case, figure):
    """Records that have a line per server become pairs."""
    sides = {}
    for r in rows:
        sides.setdefault(r[case], {})[r["server"]] = float(r[figure])
    return [(name, both["reference"], both["ours"], both["reference"] / both["ours"])
            for name, both in sides.items() if both.get("ours") and "reference" in both]


def instruction_rows(directory):
    reference, _ = newest(directory, "insn_reference")
    ours, file = newest(directory, "insn_ours")
    return paired_rows(reference + ours, "case", "instructions_per_request"), file


def memory_rows(directory):
    rows, file = newest(directory, "mem")
    return paired_rows(rows, "case", "used_bytes_per_item"), file


def unit_rows(what):
    """Reader of records whose rows name their unit."""
    def read(directory):
        rows, file = newest(directory, what)
        return [(f"{r['case']}, {r['unit']}", float(r["reference"]), float(r["ours"]),
                 float(r["ratio"])) for r in rows if r["ratio"]], file

    return read


def heavy_rows(directory):
    return plain_rows(directory, "heavy", "case", "reference_us", "candidate_us")


def percentile_rows(what, figures):
    """Reader of records with a pair of columns per percentile."""
    def read(directory):
        found, file = [], None
        for figure in figures:
            rows, file = plain_rows(directory, what, "case", f"a_{figure}_ms", f"b_{figure}_ms")
            found += [(f"{name}, {figure}", *values) for name, *values in rows]
        return sorted(found, key=lambda row: row[0].split(",")[0]), file

    return read


def thread_rows(directory):
    rows, file = newest(directory, "threads")
    found = []
    for r in rows:
        a, b = (float(r[f"{side}_main_us"]) + float(r[f"{side}_others_us"]) for side in "ab")
        found.append((f"{r['case']}, {r['io_threads']} threads", a, b, a / b))
    return found, file


def cycle_rows(directory):
    """How RSS grew from the second cycle to the last, and how scattered memory was then."""
    rows, file = newest(directory, "cycles")
    sides = {}
    for r in rows:
        sides.setdefault(r["server"], []).append(r)
    if sides.keys() < {"reference", "ours"}:
        return [], file
    a, b = sides["reference"], sides["ours"]
    figures = (
        ("RSS when full, last cycle by second", [float(s[-1]["rss_full"]) / float(s[1]["rss_full"])
                                                 for s in (a, b)]),
        ("fragmentation when full, last cycle", [float(s[-1]["frag_full"]) for s in (a, b)]),
        ("RSS when full, MB", [float(s[-1]["rss_full"]) / 1e6 for s in (a, b)]),
    )
    return [(name, x, y, x / y) for name, (x, y) in figures], file


# Title, unit, reader, and what of it the README of the project shows (empty: nothing).
SECTIONS = (
    ("CPU time a request", "us", paired_cpu_rows("ab"),
     ("get-P1", "set-P1", "get-P16", "set-P16", "get-P100", "set-P100", "mget10-P1", "incr-P16",
      "hset-P16", "lpush-P16", "sadd-P16", "zadd-P16", "zrank-P16", "xadd-P16", "eval-P16")),
    ("Wall time a request at full throughput (the client takes its share)", "us", wall_rows,
     ("ping-P1", "get-P1", "set-P1", "get-P16", "set-P16", "mget10-P1")),
    ("CPU time a request, 5 M keys", "us", paired_cpu_rows("ab_5m"),
     ("get-P16", "set-P16", "get-P100", "set-P100")),
    ("CPU time a request beside Valkey", "us", paired_cpu_rows("ab_valkey"),
     ("get-P1", "set-P1", "get-P16", "set-P16", "get-P100", "set-P100", "hset-P16", "zadd-P16")),
    ("What the kernel alone takes of a request", "us", floor_rows,
     ("ping-P1", "ping-P1, a server that does nothing", "ping-P16",
      "ping-P16, a server that does nothing")),
    ("Instructions a request", "instructions", instruction_rows,
     ("ping-P16", "get-P16", "set-P16", "get-P1", "zadd-P16", "eval-P16")),
    ("Heavy commands", "us", heavy_rows,
     ("lrange-100", "hgetall-10k", "smembers-10k", "sinter-10k", "sunion-10k", "sdiff-10k",
      "zrange-100", "zrange-byscore-100", "zrange-bylex-100", "zunionstore-10k", "sort-10k",
      "keys-all-1M", "scan-all-1M", "mget-100", "mset-100", "bitop-and-1mb", "bitcount-1mb",
      "geosearch-50km", "xread-100")),
    ("Works that happen once", "as named", unit_rows("anchors"),
     ("start, wall_ms", "publish one by one, cpu_ns_per_delivery", "delete, wall_ms",
      "flush, wall_ms")),
    ("Latency at equal load", "ms", percentile_rows("equal_load", ("p50", "p99", "p999")),
     ("get-P1, p50", "get-P1, p99", "get-P1, p999", "set-P16, p50", "set-P16, p99",
      "set-P16, p999")),
    ("Worst moments: a PING every 2 ms", "ms", percentile_rows("tails", ("p999", "max")),
     ("grow, max", "bgsave, max", "aof-always, max", "del-zset, max", "flushall-sync, max",
      "expire-at-once, max", "evict, max", "connect, max")),
    ("Memory an item", "bytes", memory_rows,
     ("string: key 16 B value 16 B", "string: key 16 B value 16 B with TTL",
      "string: key 16 B value int", "string: key 16 B value 100 B",
      "hash of many fields 16 B/16 B", "set of many integers",
      "sorted set of many members 16 B", "hashes of 10 fields", "sets of 10 integers")),
    ("Memory over cycles of filling and deleting", "as named", cycle_rows,
     ("RSS when full, last cycle by second", "fragmentation when full, last cycle")),
    ("Saving and loading", "as named", unit_rows("persist"),
     ("save compression no, cpu_ms", "load of a file of reference, cpu_ms", "aof load, cpu_ms",
      "aof rewrite as RDB, wall_ms", "appendfsync always c50 P1, set_per_s", "bgsave, worst_ms",
      "bgsave, cow_mb")),
    ("Replication", "as named", unit_rows("replication"),
     ("apply SET, cpu_ns_per_command", "full sync 1 GB by disk, wall_s",
      "full sync 1 GB diskless, wall_s")),
    ("I/O threads: CPU time of all threads a request", "us", thread_rows,
     ("get-P1, 1 threads", "get-P1, 2 threads", "get-P16, 2 threads")),
)


def command_of(file):
    lines = file.read_text().splitlines()
    return next((l.removeprefix("# command: ") for l in lines if l.startswith("# command:")), "")


def digits(x):
    return f"{x:.4g}" if x < 10_000 else f"{x:,.0f}"


def table(heading, unit, rows, file, folder=""):
    """Lines of Markdown, with links to records in `folder`; none without rows."""
    if not rows:
        return []
    extra = " 95 % |" if len(rows[0]) > 4 else ""
    lines = ["", heading, "", f"`{command_of(file)}` ([record]({folder}{file.name}))", "",
             f"| case | reference, {unit} | ours, {unit} | ratio |{extra}",
             "|---|---|---|---|" + ("---|" if extra else "")]
    for name, a, b, ratio, *interval in rows:
        tail = f" {interval[0]:.2f}–{interval[1]:.2f} |" if interval else ""
        lines.append(f"| {name} | {digits(a)} | {digits(b)} | {ratio:.2f} |{tail}")
    return lines


class Drawing:
    """An SVG of one row per case over a logarithmic axis."""

    def __init__(self, title, rows, low, high, unit):
        self.low, self.span = math.log(low), math.log(high) - math.log(low)
        self.height = 70 + ROW * rows
        self.parts = [self.text(12, 22, title, size=15)]
        for mark in (m * 10.0 ** e for e in range(-3, 5) for m in (1, 2, 5)):
            if low <= mark <= high:
                x = self.x(mark)
                self.line(x, 40, x, self.height - 24, TEXT if mark == 1 else GRID)
                self.parts.append(self.text(x, self.height - 8, f"{mark:g}{unit}", "middle"))

    def x(self, value):
        share = (math.log(value) - self.low) / self.span
        return LEFT + WIDTH * min(1.0, max(0.0, share))

    @staticmethod
    def y(row):
        return 44 + ROW * row

    @staticmethod
    def text(x, y, what, anchor="start", size=11):
        return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{TEXT}" '
                f'text-anchor="{anchor}">{html.escape(what)}</text>')

    def line(self, x1, y1, x2, y2, colour, width=1):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
                          f'stroke="{colour}" stroke-width="{width}"/>')

    def bar(self, row, value, colour):
        start, end = sorted((self.x(1), self.x(value)))
        self.parts.append(f'<rect x="{start:.1f}" y="{self.y(row):.1f}" width="{end - start:.1f}" '
                          f'height="{ROW - 6}" fill="{colour}" fill-opacity="0.8"/>')

    def dot(self, row, value, colour, radius):
        self.parts.append(f'<circle cx="{self.x(value):.1f}" cy="{self.y(row) + 7:.1f}" '
                          f'r="{radius}" fill="{colour}"/>')

    def label(self, row, name, figure):
        self.parts.append(self.text(LEFT - 8, self.y(row) + 11, name, "end"))
        self.parts.append(self.text(LEFT + WIDTH + 8, self.y(row) + 11, figure))

    def save(self, path):
        width = LEFT + WIDTH + RIGHT
        path.write_text(
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{self.height}" '
            f'viewBox="0 0 {width} {self.height}" font-family="sans-serif">\n'
            '<rect width="100%" height="100%" fill="white"/>\n'
            + "\n".join(self.parts) + "\n</svg>\n")
        print(f"drawn: {path}", file=sys.stderr)


def draw_ratios(rows, path):
    """Bars of the CPU ratios with their intervals."""
    top = max(high for *_, high in rows)
    drawing = Drawing("CPU per request, reference / ours (more than 1: ours needs less; 95 %)",
                      len(rows), 0.5, max(2.0, top * 1.1), "×")
    for row, (name, _, _, ratio, low, high) in enumerate(rows):
        drawing.bar(row, ratio, OURS if low > 1 else THEIRS)
        y = drawing.y(row) + (ROW - 6) / 2
        drawing.line(drawing.x(low), y, drawing.x(high), y, TEXT, 1.5)
        drawing.label(row, name, f"{ratio:.2f}  ({low:.2f}–{high:.2f})")
    drawing.save(path)


def draw_latency(rows, path):
    """Three dots a server and case, p50, p99 and p99.9 growing in size."""
    names = ("p50", "p99", "p999")
    values = [float(r[f"{side}_{p}_ms"]) for r in rows for side in "ab" for p in names]
    values = [v for v in values if v > 0]
    drawing = Drawing("Latency of redis-benchmark: p50, p99, p99.9 (grey: reference, green: ours)",
                      len(rows), min(values) / 1.2, max(values) * 1.2, " ms")
    for row, r in enumerate(rows):
        for side, colour in (("a", THEIRS), ("b", OURS)):
            for radius, p in zip((2.5, 4, 5.5), names):
                value = float(r[f"{side}_{p}_ms"])
                if value > 0:
                    drawing.dot(row, value, colour, radius)
        drawing.label(row, r["case"], f"p99 {r['a_p99_ms']} / {r['b_p99_ms']}")
    drawing.save(path)


def all_tables(directory, ratios, latency):
    lines = ["# Ratios", "", "Made by `benches/report.py` from the newest records here. A ratio of "
             "more than 1 is better for us.", "", f"![CPU per request]({ratios})",
             f"![Latency]({latency})"]
    for title, unit, read, _ in SECTIONS:
        lines += table(f"## {title}", unit, *read(directory))
    return "\n".join(lines) + "\n"


def summary(directory):
    """Tables of what SECTIONS chooses."""
    lines, folder = [], "benches/record/"
    for title, unit, read, chosen in SECTIONS:
        rows, file = read(directory)
        rows = [row for name in chosen for row in rows if row[0] == name]
        lines += table(f"**{title}**", unit, rows, file, folder)
    return "\n".join(lines) + "\n\n"


def put_into_readme(text):
    """Replaces what stands between the marks."""
    before, _, rest = README.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        sys.exit(f"no marks in {README}")
    README.write_text(before + BEGIN + "\n" + text + END + after)


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    cpu, file = paired_cpu_rows("ab")(directory)
    stem = file.name.split("_")[0] if cpu else ""
    ratios, latency = f"{stem}_ratios.svg", f"{stem}_latency.svg"
    if cpu:
        draw_ratios(cpu, directory / ratios)
        draw_latency(newest(directory, "ab")[0], directory / latency)
    text = all_tables(directory, ratios, latency)
    (directory / "README.md").write_text(text)
    if directory == RECORDS:
        put_into_readme(summary(directory))
    print(text)


if __name__ == "__main__":
    main()
