#!/usr/bin/env python3
"""What a cluster costs: CPU on a machine whose cluster has no subscriber elsewhere, and a publish to three nodes.

First `sysconn bench --fan-out` says texts in rooms on four servers, which have a core of their own: two without
`--cluster`, one with it and alone, and one with it beside another node that has no subscriber. Short runs take
turns, in an order that changes with each round; a first round of each start is not counted. It prints the CPU
time of the server for each delivered push, and the median and the quartiles of its ratio to that of the first
server in the same round: that of the second server shows how much is chance. All start anew a few times, since
each start has its own layout of memory. Of the CPU time of a server with a cluster it also prints the share of
the cluster's own thread, which hardly varies. By default 300 members say the next text as soon as the last one
is answered, so that texts leave together and a push costs little; with `--rate` they speak one by one.

Then members of one room, a third on each of three nodes, hear texts one by one, and the same number of members
on one node without a cluster. It prints the CPU time of all servers for each delivered push, and the time until
the last member has a text. That is the kernel's receive timestamp: this script reads only afterwards.

It needs two idle cores, a descriptor limit of 10,000, `nats-server`, and a release build. With the default
options it takes four minutes; `--rooms 300 --members 0 --rounds 25` asks more often of one size of rooms in the
same time. For latency from node to node there is `cargo bench -p sysconn-cluster`.
"""

import argparse
import contextlib
import json
import os
import random
import socket
import statistics
import struct
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

JOIN, SAY, SAID = 1201, 1203, 1210
ROOM = b"plaza"
WITHOUT = "without"
SO_TIMESTAMPNS = 35
TIMESPEC = struct.Struct("@qq")


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
    """A server; its process and port. With a bus it is a node of this name. It never closes silent clients."""
    command = ["taskset", "-c", str(core)] if core is not None else []
    command += [options.sysconn, "serve", "--listen", "127.0.0.1:0", "--max-connections-per-ip", "0"]
    command += ["--log-connections", "off", "--client-check", "0", "--ping-interval", "0"]
    command += ["--cluster", bus, "--node", name] if bus else []
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with ended(process):
        yield process, int(process.stdout.readline().rpartition(":")[2])


def cpu_us(options, server, port, members):
    """The CPU time of a server for each delivered push."""
    command = ["taskset", "-c", "1", options.sysconn, "bench", f"ws://127.0.0.1:{port}", "--pid", str(server.pid)]
    command += ["--connections", "300", "--fan-out", str(members), "--output", "json"]
    command += ["--duration", f"{options.slice}ms", "--warmup", f"{options.slice // 5}ms"]
    command += ["--rate", str(options.rate)] if options.rate else []
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout)["server"]["used"]["cpu_us_each"]


@contextlib.contextmanager
def four_servers(options):
    """The servers that are compared, by what they are called."""
    with contextlib.ExitStack() as stack:
        servers = {name: stack.enter_context(serve(options, core=0)) for name in (WITHOUT, "without, again")}
        servers["alone"] = stack.enter_context(serve(options, stack.enter_context(nats(core=1)), "a", 0))
        bus = stack.enter_context(nats(core=1))
        servers["beside another"] = stack.enter_context(serve(options, bus, "a", 0))
        stack.enter_context(serve(options, bus, "b", 1))
        # A node that has found its name free says so at once; the others have heard it a round trip later.
        time.sleep(0.5)
        yield servers


def price(options):
    print(f"{'room':>5} {'cluster':15} {'CPU us/push':>12} {'ratio':>7} {'quartiles':>15} {'own thread':>11}")
    for members in options.rooms:
        rounds = []
        shares = {}
        for _ in range(options.starts):
            with four_servers(options) as servers:
                one_round(options, servers, members)
                began = {way: threads_seconds(server) for way, (server, _) in servers.items()}
                rounds += [one_round(options, servers, members) for _ in range(options.rounds)]
                for way, (server, _) in servers.items():
                    shares.setdefault(way, []).append(share(began[way], threads_seconds(server)))
        for way in servers:
            middle = statistics.median(found[way] for found in rounds)
            low, ratio, high = statistics.quantiles([found[way] / found[WITHOUT] for found in rounds], n=4)
            row = f"{members:5} {way:15} {middle:12.3f} {ratio:7.3f} {low:7.3f} {high:7.3f}"
            print(row, f"{statistics.median(shares[way]):11.1%}", flush=True)


def one_round(options, servers, members):
    """What a run on each server, in random order, has found."""
    ways = random.sample(list(servers), len(servers))
    return {way: cpu_us(options, *servers[way], members) for way in ways}


def share(began, ended):
    """What the cluster's thread has used of the CPU time between two looks."""
    used = {name: ended[name] - began.get(name, 0) for name in ended}
    return used.get("sysconn-cluster", 0) / sum(used.values())


def threads_seconds(process):
    """The CPU time that the threads of a process have used, by their names (proc(5))."""
    threads = {}
    for thread in Path(f"/proc/{process.pid}/task").iterdir():
        name = (thread / "comm").read_text().strip()
        seconds = int((thread / "schedstat").read_text().split()[0]) / 1e9
        threads[name] = threads.get(name, 0) + seconds
    return threads


def used_seconds(process):
    """The CPU time that all threads of a process have used."""
    return sum(threads_seconds(process).values())


def text_field(number, text):
    return bytes([number << 3 | 2, len(text)]) + text


def publish(options, nodes):
    """Says texts to members on so many nodes; CPU time for each delivery, and the times of all texts, in ms."""
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
            member.stream.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            members.append(member)
        # NATS has the subscriptions.
        time.sleep(1)
        say = frame(packet(SAY, text_field(1, ROOM) + text_field(2, b"x" * 64)))
        times = []
        began = 0
        for number in range(options.texts + 1):
            if number == 1:
                began = sum(used_seconds(server) for server, _ in servers)
            start = time.time_ns()
            members[number % len(members)].send(say)
            # Whoever reads meanwhile takes the cores from the servers.
            time.sleep(options.pause / 1000)
            times.append((max(heard(member) for member in members) - start) / 1e6)
        cpu = sum(used_seconds(server) for server, _ in servers) - began
    return cpu / (options.texts * options.members) * 1e6, times[1:]


def heard(member):
    """Waits for the next text of a member; when its last byte came, in ns since 1970."""
    while True:
        data, ancillary, _, _ = member.stream.recvmsg(4096, socket.CMSG_SPACE(TIMESPEC.size))
        if not data:
            raise SystemExit("a server has closed a connection")
        stamps = [TIMESPEC.unpack(stamp) for _, kind, stamp in ancillary if kind == SO_TIMESTAMPNS]
        member.unread += data
        if took_text(member):
            (seconds, nanos), *_ = stamps
            return seconds * 1_000_000_000 + nanos


def took_text(member):
    """Takes the whole frames that a member has been sent, all of less than 126 bytes. Whether one is a text."""
    has_text = False
    while len(member.unread) > 1 and len(member.unread) >= (end := 2 + member.unread[1]):
        # A packet to a client has its command behind two bytes of ErrorID and seven others.
        has_text |= int.from_bytes(member.unread[11:13], "big") == SAID
        member.unread = member.unread[end:]
    return has_text


def three(options):
    print(f"\n{options.members} members, {options.texts} texts")
    print(f"{'nodes':>5} {'CPU us/push':>12} {'p50 ms':>9} {'p90 ms':>9} {'highest':>9}")
    for nodes in (1, 3):
        cpu, times = publish(options, nodes)
        cuts = statistics.quantiles(times, n=10)
        print(f"{nodes:5} {cpu:12.3f} {cuts[4]:9.1f} {cuts[8]:9.1f} {max(times):9.1f}", flush=True)


def main():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--sysconn", default=str(TARGET / "release/sysconn"))
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5, help="after each start")
    parser.add_argument("--slice", type=int, default=300, help="milliseconds of each run")
    parser.add_argument("--rooms", type=int, nargs="*", default=[1, 10, 300], help="members of a room")
    parser.add_argument("--rate", type=float, default=0, help="texts a second; 0: the next after the last")
    parser.add_argument("--members", type=int, default=3000, help="in the room on three nodes; 0: leave that out")
    parser.add_argument("--texts", type=int, default=100)
    parser.add_argument("--pause", type=int, default=100, help="milliseconds from a text until it is read")
    options = parser.parse_args()
    price(options)
    if options.members:
        three(options)


if __name__ == "__main__":
    main()
