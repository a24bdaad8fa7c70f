#!/usr/bin/env python3
"""What a cluster costs: CPU on a machine whose cluster has no subscriber elsewhere, and a publish to three nodes.

First `sysconn bench --fan-out` says texts in rooms on one `serve` in three ways: without `--cluster`, with it
and alone, and with it beside another node that has no subscriber. Runs come in rounds, in an order that
changes. It prints the CPU time of the server for each delivered push, and the median and the extremes of its
ratio to that without a cluster in the same round.

Then members of one room, a third on each of three nodes, hear texts one by one, and the same number of
members on one node without a cluster. It prints the CPU time of all servers for each delivered push, and the
time until the last member has a text; that includes the reading of this script.

It needs two idle cores, a descriptor limit of 10,000, `nats-server`, and a release build. For latency from node
to node there is `cargo bench -p sysconn-cluster`.
"""

import argparse
import contextlib
import json
import os
import random
import selectors
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
sys.path.insert(0, str(ROOT / "tests" / "run.d"))

from bus import nats  # noqa: E402
from client import frame, packet  # noqa: E402
from crowd import player  # noqa: E402

WAYS = ("without", "alone", "beside another")
JOIN, SAY, SAID = 1201, 1203, 1210
ROOM = b"plaza"


@contextlib.contextmanager
def ended(process):
    """Ends a process."""
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def serve(options, bus=None, name=None, core=None):
    """A server; its process and port. With a bus it is a node of this name."""
    command = ["taskset", "-c", str(core)] if core is not None else []
    command += [options.sysconn, "serve", "--listen", "127.0.0.1:0", "--max-connections-per-ip", "0"]
    command += ["--log-connections", "off"]
    command += ["--cluster", bus, "--node", name] if bus else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with ended(process):
        yield process, int(process.stdout.readline().rpartition(":")[2])


def cpu_us(options, way, members):
    """The CPU time of the server for each delivered push."""
    with contextlib.ExitStack() as stack:
        bus = None if way == "without" else stack.enter_context(nats())
        server, port = stack.enter_context(serve(options, bus, "a", 0))
        if way == "beside another":
            stack.enter_context(serve(options, bus, "b", 1))
            # A node that has found its name free says so at once; the others have heard it a round trip later.
            time.sleep(0.5)
        command = ["taskset", "-c", "1", options.sysconn, "bench", f"ws://127.0.0.1:{port}", "--pid", str(server.pid)]
        command += ["--connections", "300", "--fan-out", str(members), "--output", "json"]
        command += ["--duration", f"{options.slice}ms", "--warmup", f"{options.slice // 5}ms"]
        run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["server"]["used"]["cpu_us_each"]


def price(options):
    print(f"{'room':>5} {'cluster':15} {'CPU us/push':>12} {'ratio':>7} {'lowest':>7} {'highest':>7}")
    for members in options.rooms:
        rounds = []
        for _ in range(options.rounds):
            ways = random.sample(WAYS, len(WAYS))
            rounds.append({way: cpu_us(options, way, members) for way in ways})
        for way in WAYS:
            ratios = [found[way] / found["without"] for found in rounds]
            middle = statistics.median(found[way] for found in rounds)
            spread = f"{statistics.median(ratios):7.3f} {min(ratios):7.3f} {max(ratios):7.3f}"
            print(f"{members:5} {way:15} {middle:12.3f} {spread}", flush=True)


def used_seconds(process):
    """The CPU time that a process has used (proc(5))."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def text_field(number, text):
    return bytes([number << 3 | 2, len(text)]) + text


def publish(options, nodes):
    """Says texts to members on so many nodes; CPU time for each delivery, and the times of all texts, in us."""
    with contextlib.ExitStack() as stack:
        bus = stack.enter_context(nats()) if nodes > 1 else None
        servers = [stack.enter_context(serve(options, bus, f"n{number}")) for number in range(nodes)]
        # The nodes know each other.
        time.sleep(1)
        members = []
        for number in range(options.members):
            _, port = servers[number % nodes]
            member = stack.enter_context(player(port, f"account-{number}", number + 1))
            member.send(frame(packet(JOIN, text_field(1, ROOM))))
            member.receive()
            members.append(member)
        # NATS has the subscriptions.
        time.sleep(1)
        hear_all = listener(members)
        say = frame(packet(SAY, text_field(1, ROOM) + text_field(2, b"x" * 64)))
        times = []
        for number in range(options.texts + 1):
            if number == 1:
                began = sum(used_seconds(server) for server, _ in servers)
            start = time.perf_counter()
            members[number % len(members)].send(say)
            hear_all()
            times.append((time.perf_counter() - start) * 1e6)
        cpu = sum(used_seconds(server) for server, _ in servers) - began
    return cpu / (options.texts * options.members) * 1e6, times[1:]


def listener(members):
    """A function that returns once each member has been sent the next text."""
    selector = selectors.DefaultSelector()
    for member in members:
        selector.register(member.stream, selectors.EVENT_READ, member)

    def hear_all():
        waiting = len(members)
        while waiting:
            events = selector.select(30)
            if not events:
                raise SystemExit(f"{waiting} members have not heard a text within 30 s")
            for key, _ in events:
                waiting -= texts(key.data)

    return hear_all


def texts(member):
    """Reads what has come to a member; the number of texts in it."""
    found = 0
    while True:
        # A packet to a client has its command behind two bytes of ErrorID and seven others.
        found += int.from_bytes(member.receive()[9:11], "big") == SAID
        if not member.unread:
            return found


def three(options):
    print(f"\n{options.members} members, {options.texts} texts")
    print(f"{'nodes':>5} {'CPU us/push':>12} {'p50 us':>10} {'p99 us':>10}")
    for nodes in (1, 3):
        cpu, times = publish(options, nodes)
        cuts = statistics.quantiles(times, n=100)
        print(f"{nodes:5} {cpu:12.3f} {cuts[49]:10.0f} {cuts[98]:10.0f}", flush=True)


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--sysconn", default=str(TARGET / "release/sysconn"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--slice", type=int, default=2000, help="milliseconds of each run")
    parser.add_argument("--rooms", type=int, nargs="*", default=[1, 10, 300], help="members of a room")
    parser.add_argument("--members", type=int, default=3000, help="in the room on three nodes; 0: leave that out")
    parser.add_argument("--texts", type=int, default=300)
    options = parser.parse_args()
    price(options)
    if options.members:
        three(options)


if __name__ == "__main__":
    main()
