#!/usr/bin/env python3
"""Whether `sysconn bench` and benches/peers measure the same: the same load on the same server, in pairs.

Each pair is a run of peers and one of the load generator, one after the other, in an order that changes.
Both put `serve` on core 0 and the load on core 1. Prints the medians of both, and the median and the extremes
of the ratio within a pair. Needs two idle cores, and release builds of the program and of benches/peers.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
LOADS = {
    "small": ["--connections", "100", "--size", "32"],
    "pipelined": ["--connections", "100", "--size", "32", "--pipeline", "16"],
    "many": ["--connections", "1000", "--size", "128"],
    "medium": ["--connections", "16", "--size", "16KiB", "--pipeline", "4"],
    "large": ["--connections", "4", "--size", "256KiB"],
    "churn": ["--connections", "50", "--size", "32", "--churn", "1"],
}
FIGURES = ("rate", "CPU ns/msg", "p50 us", "p99 us")


def peers(options, load):
    """The figures of one run of peers: its columns for `serve`."""
    command = [options.peers, "--only", load, "--servers", "serve", "--rounds", "1", "--markdown"]
    command += ["--slice", str(options.slice), "--sysconn", options.sysconn]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    heading = next(row for row in rows if row[0] == "server")
    row = next(row for row in rows if row[0].endswith("serve"))
    return [float(row[heading.index(name)]) for name in ("msg/s", "CPU ns/msg", "p50 µs", "p99 µs")]


def bench(options, load):
    """The figures of one run of the load generator."""
    serve = ["taskset", "-c", "0", options.sysconn, "serve", "--listen", "127.0.0.1:0"]
    serve += ["--max-connections-per-ip", "0", "--log-connections", "off"]
    server = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = server.stdout.readline().split()[-1]
        command = ["taskset", "-c", "1", options.sysconn, "bench", f"ws://{address}", *LOADS[load]]
        command += ["--pid", str(server.pid), "--output", "json"]
        command += ["--warmup", f"{options.slice // 10}ms", "--duration", f"{options.slice}ms"]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    finally:
        server.kill()
        server.wait()
    figures = json.loads(run.stdout)
    latency = figures["latency_us"]
    return [figures["rate"], figures["server"]["used"]["cpu_us_each"] * 1000, latency["p50"], latency["p99"]]


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--sysconn", default=str(TARGET / "release/sysconn"))
    parser.add_argument("--peers", default=str(ROOT / "benches/peers/target/release/sysconn-peers"))
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--slice", type=int, default=1000, help="milliseconds of each run")
    parser.add_argument("loads", nargs="*", help=", ".join(LOADS))
    options = parser.parse_args()
    print(f"{'load':10} {'figure':10} {'peers':>10} {'bench':>10} {'ratio':>6} {'lowest':>7} {'highest':>7}")
    for load in options.loads or LOADS:
        pairs = []
        for _ in range(options.pairs):
            runs = [peers, bench]
            random.shuffle(runs)
            results = {run: run(options, load) for run in runs}
            pairs.append((results[peers], results[bench]))
        for index, name in enumerate(FIGURES):
            ratios = [ours[index] / theirs[index] for theirs, ours in pairs if theirs[index] > 0]
            theirs = statistics.median(pair[0][index] for pair in pairs)
            ours = statistics.median(pair[1][index] for pair in pairs)
            spread = f"{statistics.median(ratios):6.2f} {min(ratios):7.2f} {max(ratios):7.2f}"
            print(f"{load:10} {name:10} {theirs:10.1f} {ours:10.1f} {spread}", flush=True)


if __name__ == "__main__":
    main()
