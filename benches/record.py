#!/usr/bin/env python3
"""Runs a measuring script and keeps what it printed, with the machine and the command line.

    record.py WHAT COMMAND ...      writes benches/record/<date>_<WHAT>.csv"""

import datetime
import shlex
import subprocess
import sys
from pathlib import Path

from common import machine

RECORDS = Path(__file__).resolve().parent / "record"


def commit():
    """The commit of the working tree, with a mark when it has changes."""
    done = subprocess.run(["git", "describe", "--always", "--dirty", "--abbrev=10"],
                          cwd=RECORDS.parent, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def name_only(argument):
    """Paths of one machine mean nothing on another: a record shows the last two parts."""
    path = Path(argument)
    return "/".join(path.parts[-2:]) if path.is_absolute() else argument


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    what, command = sys.argv[1], sys.argv[2:]
    RECORDS.mkdir(exist_ok=True)
    target = RECORDS / f"{datetime.date.today():%Y-%m-%d}_{what}.csv"
    head = [f"# machine: {machine()}", f"# commit: {commit()}",
            f"# command: {shlex.join(map(name_only, command))}"]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode:
        sys.exit(process.returncode)  # half a record is none
    target.write_text("\n".join(head) + "\n" + "".join(lines))
    print(f"recorded in {target}", file=sys.stderr)


if __name__ == "__main__":
    main()
