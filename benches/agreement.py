#!/usr/bin/env python3
"""Whether `sysconn bench` and benches/peers measure the same: the same load on the same server, in pairs.

Beside each run of the load generator there are two of peers, all three in an order that changes: a pair that
is compared, and one that shows the noise. Both put `serve` on core 0 and the load on core 1. Prints medians,
the median and the quartiles of the ratio of bench to the mean of both runs of peers, and the noise: by no more
than that, half of all pairs of peers differ. Figures agree if the ratio is within 5 % of 1, or within the
noise. The exit status is 1 if some do not. Where bench says that it was the limit, latencies are printed, but
not compared: what is in flight waits at the server or in the load, and the more a load does for each request,
the fewer wait at the server. Needs two idle cores, and release builds of the program and of benches/peers.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
LOADS = {
    "small": ["--connections", "100", "--size", "32"],
    "pipelined": ["--connections", "100", "--size", "32", "--pipeline", "16"],
    "many": ["--connections", "1000", "--size", "128"],
    "medium": ["--connections", "16", "--size", "16KiB", "--pipeline", "4"],
    "large": ["--connections", "4", "--size", "256KiB"],
    # At the rate of peers: 20 % of what the bare echo reaches.
    "open20": ["--connections", "100", "--size", "64", "--rate"],
    # Visitors of peers have no Close frame.
    "churn": ["--connections", "50", "--size", "32", "--churn", "1", "--without-close"],
}
FIGURES = ("rate", "CPU ns/msg", "p50 us", "p99 us")
LATENCIES = ("p50 us", "p99 us")
# Milliseconds of a run of churn at most. Its visits have to be fewer than the ports from which one can connect
# (28,232 by default): a port is free again after a second only, and while the kernel searches for one, that is
# all that the load does, in either program.
CHURN_SLICE = 300
# What a run reaches in `large` depends on where the memory of its process lies, more than on its time. So there
# are so many times more pairs, each so much shorter.
LARGE_STARTS = 3
# The latency of a visit is that of the whole visit in peers, and of the request in bench.
WITHOUT_LATENCIES = ("churn",)
# Figures that differ by less agree.
TOLERANCE = 0.05


def slice_of(options, load):
    limits = {"churn": CHURN_SLICE, "large": options.slice // LARGE_STARTS}
    return min(options.slice, limits.get(load, options.slice))


def peers(options, load):
    """The figures of one run of peers: its columns for `serve`."""
    command = [options.peers, "--only", load, "--servers", "serve", "--rounds", "1", "--markdown"]
    command += ["--slice", str(slice_of(options, load)), "--sysconn", options.sysconn]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    heading = next(row for row in rows if row[0] == "server")
    row = next(row for row in rows if row[0].endswith("serve"))
    return [float(row[heading.index(name)]) for name in ("msg/s", "CPU ns/msg", "p50 µs", "p99 µs")]


def bench(options, load, rate):
    """The figures of one run of the load generator, and whether it was the limit."""
    serve = ["taskset", "-c", "0", options.sysconn, "serve", "--listen", "127.0.0.1:0"]
    serve += ["--max-connections-per-ip", "0", "--max-packets-per-second", "0"]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        command = ["taskset", "-c", "1", options.sysconn, "bench", f"ws://{address}", *LOADS[load]]
        command += [str(rate)] if is_open(load) else []
        command += ["--pid", str(server.pid), "--output", "json"]
        slice = slice_of(options, load)
        command += ["--warmup", f"{slice // 10}ms", "--duration", f"{slice}ms"]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    finally:
        server.kill()
        server.wait()
    figures = json.loads(run.stdout)
    latency = figures["latency_us"]
    cpu = figures["server"]["used"]["cpu_us_each"] * 1000
    return [figures["rate"], cpu, latency["p50"], latency["p99"], figures["generator"]["was_the_limit"]]


def pair(options, load, rate):
    """The figures of bench, and of both runs of peers, and the rate of the last of these.

    An open loop of bench has the rate of the run of peers before it.
    """
    runs = [bench, peers, peers]
    random.shuffle(runs)
    ours, theirs = None, []
    for run in runs:
        if run is bench:
            ours = bench(options, load, rate)
        else:
            theirs.append(peers(options, load))
            rate = theirs[-1][0]
    return (ours, *theirs), rate


def is_open(load):
    """Whether it is the load of an open loop."""
    return LOADS[load][-1] == "--rate"


def pairs_of(options, load):
    """All pairs of a load."""
    rate = peers(options, load)[0] if is_open(load) else None
    for _ in range(options.pairs * (LARGE_STARTS if load == "large" else 1)):
        figures, rate = pair(options, load, rate)
        yield figures


class Comparison:
    """One figure of all pairs: (bench, peers, peers) of each."""

    def __init__(self, pairs):
        self.bench = statistics.median(bench for bench, _, _ in pairs)
        self.peers = statistics.median((first + second) / 2 for _, first, second in pairs)
        ratios = [2 * bench / (first + second) for bench, first, second in pairs]
        self.low, self.ratio, self.high = statistics.quantiles(ratios, n=4, method="inclusive")
        self.noise = statistics.median(abs(math.log(first / second)) for _, first, second in pairs)

    def verdict(self, name, was_the_limit):
        difference = math.log(self.ratio)
        if was_the_limit and name in LATENCIES:
            return ""
        if abs(difference) <= max(math.log1p(TOLERANCE), self.noise):
            return "agrees"
        return "DIFFERS"

    def row(self, verdict):
        spread = f"{self.ratio:6.2f} {self.low:6.2f} {self.high:6.2f} {self.noise:6.1%}"
        return f"{self.peers:10.1f} {self.bench:10.1f} {spread}  {verdict}"


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--sysconn", default=str(TARGET / "release/sysconn"))
    parser.add_argument("--peers", default=str(ROOT / "benches/peers/target/release/sysconn-peers"))
    parser.add_argument("--pairs", type=int, default=7, help="how many, at least 2")
    parser.add_argument("--slice", type=int, default=1000, help="milliseconds of each run")
    parser.add_argument("loads", nargs="*", help=", ".join(LOADS))
    options = parser.parse_args()
    print(f"{'load':10} {'figure':10} {'peers':>10} {'bench':>10} {'ratio':>6} {'25 %':>6} {'75 %':>6} {'noise':>6}")
    all_agree = True
    for load in options.loads or LOADS:
        pairs = list(pairs_of(options, load))
        was_the_limit = statistics.median(figures[-1] for figures, _, _ in pairs) > 0
        for index, name in enumerate(FIGURES):
            if load in WITHOUT_LATENCIES and name in LATENCIES:
                continue
            comparison = Comparison([[figures[index] for figures in runs] for runs in pairs])
            verdict = comparison.verdict(name, was_the_limit)
            print(f"{load:10} {name:10} {comparison.row(verdict)}".rstrip(), flush=True)
            all_agree &= verdict != "DIFFERS"
    return 0 if all_agree else 1


if __name__ == "__main__":
    sys.exit(main())
