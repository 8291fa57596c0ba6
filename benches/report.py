#!/usr/bin/env python3
"""Reads the newest records and shows them: tables of ratios (Markdown; on standard output and as
README.md beside the records) and two drawings, <date>_ratios.svg and <date>_latency.svg.

    report.py [DIRECTORY of records]

A ratio is reference / ours, so that more than 1 is better for every figure. Standard library only."""

import csv
import html
import math
import sys
from pathlib import Path

RECORDS = Path(__file__).resolve().parent / "record"
OURS, THEIRS, TEXT, GRID = "#1b7f5c", "#9aa3ad", "#24292f", "#d7dce1"
ROW, LEFT, WIDTH, RIGHT = 20, 210, 560, 130


def newest(directory, what):
    """Rows of the newest record of that name, and its file; ([], None) without one."""
    files = sorted(directory.glob(f"????-??-??_{what}.csv"))
    if not files:
        return [], None
    with files[-1].open() as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#"))), files[-1]


def cpu_rows(directory):
    """(case, reference, ours, ratio, low, high) of ab.py: us of CPU a request."""
    rows, file = newest(directory, "ab")
    return [(r["case"], float(r["a_cpu_us"]), float(r["b_cpu_us"]), float(r["cpu_ratio"]),
             float(r["low"]), float(r["high"])) for r in rows], file


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


def table(title, unit, rows, file):
    """Lines of Markdown; none without rows."""
    if not rows:
        return []
    extra = " 95 % |" if len(rows[0]) > 4 else ""
    lines = ["", f"## {title}", ""]
    lines += [line[2:] for line in file.read_text().splitlines() if line.startswith("# command:")]
    lines += [f"([{file.name}]({file.name}))", "",
              f"| case | reference, {unit} | ours, {unit} | ratio |{extra}",
              "|---|---|---|---|" + ("---|" if extra else "")]
    for name, a, b, ratio, *interval in rows:
        tail = f" {interval[0]:.2f}–{interval[1]:.2f} |" if interval else ""
        lines.append(f"| {name} | {a:.4g} | {b:.4g} | {ratio:.2f} |{tail}")
    return lines


def unit_rows(directory, what):
    """Records whose rows name their unit."""
    rows, file = newest(directory, what)
    return [(f"{r['case']}, {r['unit']}", float(r["reference"]), float(r["ours"]),
             float(r["ratio"])) for r in rows if r["ratio"]], file


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


def tables(directory, ratios, latency):
    lines = ["# Ratios", "", "Made by `benches/report.py` from the newest records here; more than 1 "
             "is better for us.", "", f"![CPU per request]({ratios})", f"![Latency]({latency})"]
    lines += table("CPU time a request", "us", *cpu_rows(directory))
    lines += table("Heavy commands", "us", *plain_rows(directory, "heavy", "case", "reference_us",
                                                       "candidate_us"))
    lines += table("Instructions a request", "instructions", *instruction_rows(directory))
    lines += table("Memory an item", "bytes", *memory_rows(directory))
    lines += table("Saving and loading", "as named", *unit_rows(directory, "persist"))
    lines += table("Replication", "as named", *unit_rows(directory, "replication"))
    lines += table("Worst moments", "ms at worst", *plain_rows(directory, "tails", "case",
                                                               "a_max_ms", "b_max_ms"))
    return "\n".join(lines) + "\n"


def main():
    directory = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    cpu, file = cpu_rows(directory)
    stem = file.name.split("_")[0] if cpu else ""
    ratios, latency = f"{stem}_ratios.svg", f"{stem}_latency.svg"
    if cpu:
        draw_ratios(cpu, directory / ratios)
        draw_latency(newest(directory, "ab")[0], directory / latency)
    text = tables(directory, ratios, latency)
    (directory / "README.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
