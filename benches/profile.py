#!/usr/bin/env python3
"""Where the CPU of sysconn goes under loads of benches/peers, beside the bare server of each load.

Runs each load with both servers, samples both with perf, and prints a table: nanoseconds of CPU for each
message, by what takes them; and below it the functions of the program with the highest shares. The sampling
itself takes some CPU, so compare only figures of one run. Needs perf, and the right to see the system's
symbols. A system without interrupts for performance counters samples by a timer: what runs with interrupts
off then counts where they are on again.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

PEERS = Path(__file__).resolve().parent / "peers" / "Cargo.toml"

# What takes the system's part of the CPU: the first group with a function in the chain of calls.
GROUPS = {
    "waking the receiver": re.compile(r"sock_def_readable$"),
    "copies by the system": re.compile(r"(rep_movs_\w+|_?copy_(to|from)_iter|skb_copy_datagram_iter)$"),
    "delivery to the receiver, within the write": re.compile(r"(__local_bh_enable_ip|__?do_softirq)$"),
    "the rest of the write": re.compile(r"__(x64|arm64)_sys_(sendto|sendmsg|write|writev)$|do_writev$"),
    "the rest of the read": re.compile(r"__(x64|arm64)_sys_(recvfrom|recvmsg|read|readv)$|do_readv$"),
    "the poll": re.compile(r"__(x64|arm64)_sys_epoll_p?wait2?$"),
}
OTHER, PROGRAM = "other calls, and interruptions", "the program"
FRAME = re.compile(r"^\s+[0-9a-f]+ (.+) \((.+)\)$")


def children(process):
    """The servers that a process has started: those of its children that still run, by id."""
    found = []
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        found += [int(child) for child in tasks.read_text().split()]
    return found


def is_sysconn(process):
    """Whether a server is sysconn, and not the bare one, which is a process of benches/peers itself."""
    return not Path(f"/proc/{process}/exe").resolve().name.startswith("sysconn-peers")


def sample(load, mode, sysconn, seconds):
    """Runs a load: its table, samples by group for each server, and by function of the program."""
    words = ["cargo", "run", "-q", "--release", "--manifest-path", PEERS, "--", "--only", load]
    words += ["--servers", mode, "--slice", "500", "--rounds", str(2 * seconds)]
    words += ["--sysconn", sysconn] if sysconn else []
    pipe = subprocess.PIPE
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(words, stdout=pipe, text=True) as peers:
        while len(servers := children(peers.pid)) < 2 or not any(map(is_sysconn, servers)):
            if peers.poll() is not None:
                sys.exit(f"{load}: the servers do not run")
            time.sleep(0.1)
        names = {process: mode if is_sysconn(process) else "bare" for process in servers}
        # The clients connect first.
        time.sleep(2)
        data = Path(folder) / "perf.data"
        record = ["perf", "record", "-q", "-g", "-F", "2999", "-o", data, "-p", ",".join(map(str, servers))]
        subprocess.run([*record, "--", "sleep", str(seconds)], check=True)
        table = peers.stdout.read()
        script = ["perf", "script", "-i", data, "-F", "pid,ip,sym,dso"]
        text = subprocess.run(script, check=True, capture_output=True, text=True).stdout
    return table, *classify(text, names, mode)


def classify(text, names, mode):
    """Counts the samples that perf prints: by group for each server, and by function of the program."""
    groups, functions = {name: Counter() for name in names.values()}, Counter()
    for block in text.split("\n\n"):
        head, *lines = block.strip("\n").split("\n")
        frames = [frame.groups() for frame in map(FRAME.match, lines) if frame]
        if not frames:
            continue
        name = names[int(head.split()[0])]
        symbols = [symbol for symbol, _ in frames]
        group = next((group for group, is_in in GROUPS.items() if any(map(is_in.match, symbols))), None)
        is_system = any("kernel" in binary for _, binary in frames)
        groups[name][group or (OTHER if is_system else PROGRAM)] += 1
        if name == mode and not is_system:
            functions[symbols[0]] += 1
    return groups, functions


def main():
    as_it_is = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=as_it_is)
    parser.add_argument("loads", nargs="+", help="loads of benches/peers that have a bare server and a rate")
    parser.add_argument("--sysconn", help="this program instead of a build")
    parser.add_argument("--seconds", type=int, default=5, help="how long to sample")
    parser.add_argument("--functions", type=int, default=8, help="how many functions of the program to name")
    options = parser.parse_args()
    for load in options.loads:
        # `serve` has no loads with TLS.
        mode = "echo" if load.startswith("tls-") else "serve"
        table, groups, functions = sample(load, mode, options.sysconn, options.seconds)
        # A row begins with the server, its rate, the ratio and its quartiles, and the CPU in ns per message.
        rows = [line.split() for line in table.splitlines() if re.match(r"\S+[^:\s] +\d", line)]
        costs = {mode if row[0] == mode else "bare": float(row[4]) for row in rows}
        print(f"| {load}: CPU of a message, ns | `{mode}` | bare |\n| --- | --- | --- |")
        ordered = [(name, groups[name]) for name in (mode, "bare")]
        for group in [*GROUPS, OTHER, PROGRAM]:
            parts = [costs[name] * counts[group] / max(counts.total(), 1) for name, counts in ordered]
            print(f"| {group} | {' | '.join(f'{part:.0f}' for part in parts)} |")
        print(f"| together | {costs[mode]:.0f} | {costs['bare']:.0f} |\n")
        total = groups[mode].total()
        for function, count in functions.most_common(options.functions):
            print(f"    {100 * count / total:5.1f} %  {function}")
        print(flush=True)


if __name__ == "__main__":
    main()
