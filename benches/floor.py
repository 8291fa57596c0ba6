#!/usr/bin/env python3
"""How much of a request is the kernel's: two servers beside one that does nothing. Prints CSV.

    floor.py REFERENCE OURS [--floor target/release/examples/floor] [--rounds 7] [--scale 1]

The third server (examples/floor.rs, `cargo build --release --example floor`) reads, counts requests
by their bytes and answers, and does nothing else. `floor_ratio` is the reference's CPU time per
request by that server's: what nobody gets past who reads and writes sockets one by one.
`cpu_ratio` is the reference's by ours, with a bootstrap 95 % interval."""

import statistics

from ab import CASES, interval, measure
from common import Server, chosen_cases, comparison_parser, progress

PINGS = [name for name in CASES if name.startswith("ping")]


def main():
    p = comparison_parser(__doc__, PINGS, rounds=7)
    p.add_argument("--floor", default="target/release/examples/floor")
    p.set_defaults(keys=1)
    options = p.parse_args()
    names = chosen_cases(options.only, PINGS)
    servers = [Server(binary) for binary in (options.reference, options.ours, options.floor)]
    print("case,a_cpu_us,b_cpu_us,floor_cpu_us,cpu_ratio,low,high,floor_ratio")
    for number, name in enumerate(names):
        progress(number, len(names), name)
        requests, arguments = CASES[name]
        requests = max(2000, int(requests * options.scale))
        rounds = []
        for turn in range(options.rounds + 1):
            order = servers if turn % 2 == 0 else servers[::-1]
            took = {id(server): measure(server, requests, arguments, options).cpu_us
                    for server in order}
            rounds.append([took[id(server)] for server in servers])
        rounds = rounds[1:]  # the first one warms up
        ratios = [a / b for a, b, _ in rounds]
        figures = [f"{statistics.median(side):.3f}" for side in zip(*rounds)]
        floor = statistics.median(a / f for a, _, f in rounds)
        low, high = interval(ratios)
        print(",".join([name, *figures, f"{statistics.median(ratios):.2f}", f"{low:.2f}",
                        f"{high:.2f}", f"{floor:.2f}"]), flush=True)


if __name__ == "__main__":
    main()
