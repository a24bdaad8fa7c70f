#!/usr/bin/env python3
"""System calls of `sysconn serve` for each message, and for each connection, counted by `strace -c`.

Each load is run twice, the second time for twice as long. What the second run has more than the first is
what the load costs: what starting, accepting and ending costs is in both. Prints a table, and ends with
status 1 where a limit is passed. Needs strace, and a release build of the program.
"""

import argparse
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
KEY = bytes((0x37, 0xFA, 0x21, 0x3D))
PATIENCE = 60
"""Seconds that a run may take to start, to answer once, or to end; being traced makes it slow."""
QUIET = ("--log-connections", "off")
"""A line of the log for each connection is a write, and would be counted as one of the connection's."""

# The columns of the table. What is in none of them is named behind the others.
GROUPS = {
    "read": {"read", "readv", "recv", "recvfrom", "recvmsg"},
    "write": {"write", "writev", "send", "sendto", "sendmsg"},
    "poll": {"epoll_wait", "epoll_pwait", "epoll_pwait2"},
    "epoll_ctl": {"epoll_ctl"},
    "clock": {"clock_gettime", "gettimeofday", "time"},
    "accept": {"accept", "accept4"},
    "close": {"close"},
}
NONE = 0.01
"""Calls for each unit that count as none: a timer that comes round, memory that grows once."""
COUNTED = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.MULTILINE)


def varint(number):
    """A number as protobuf has it."""
    encoded = b""
    while number > 0x7F:
        encoded += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return encoded + bytes((number,))


def text(field, value):
    """A field of a protobuf message."""
    value = value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value


def request(cmd, data):
    """A packet to the server, in a masked frame."""
    message = struct.pack(">HBIH", min(len(data), 65_535), 0, 7, cmd) + data
    key = KEY * (len(message) // 4 + 1)
    mask = int.from_bytes(message, "big") ^ int.from_bytes(key[: len(message)], "big")
    return header(0x80, len(message)) + KEY + mask.to_bytes(len(message), "big")


def header(mask, length):
    """The beginning of a frame with a binary message."""
    if length < 126:
        return struct.pack(">BB", 0x82, mask | length)
    if length < 65_536:
        return struct.pack(">BBH", 0x82, mask | 126, length)
    return struct.pack(">BBQ", 0x82, mask | 127, length)


def reply_bytes(data_bytes):
    """The length of a reply with so much Data, and its frame."""
    return len(header(0, 11 + data_bytes)) + 11 + data_bytes


def take(client, count):
    """Reads so many bytes."""
    while count > 0:
        came = len(client.recv(min(count, 1 << 20)))
        if came == 0:
            raise EOFError("the server ended the connection")
        count -= came


def connect(port, count):
    """Clients that are connected and upgraded."""
    clients = []
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port), PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients.append(client)
    for client in clients:
        client.sendall(UPGRADE)
    for client in clients:
        response = b""
        while not response.endswith(b"\r\n\r\n"):
            came = client.recv(4096)
            if not came:
                raise EOFError("the server refuses to upgrade")
            response += came
        if not response.startswith(b"HTTP/1.1 101 "):
            raise ValueError(response)
    return clients


class Echo:
    """Each of so many clients has so many requests under way, and sends as many again when all are answered."""

    unit = "message"
    limits = {"read": 1.05, "write": 1.05, "epoll_ctl": NONE, "clock": NONE}

    def __init__(self, clients, in_flight, data_bytes):
        self.clients, self.in_flight, self.data_bytes = clients, in_flight, data_bytes
        self.name = f"{clients} clients, {data_bytes} B, {in_flight} in flight"

    def run(self, port, rounds):
        """Returns the number of messages."""
        clients = connect(port, self.clients)
        requests = request(1101, bytes(self.data_bytes)) * self.in_flight
        replies = reply_bytes(self.data_bytes) * self.in_flight
        for _ in range(rounds):
            for client in clients:
                client.sendall(requests)
            for client in clients:
                take(client, replies)
        close(clients)
        return rounds * self.clients * self.in_flight


class Push:
    """One member of a room says something so many times in a row, and waits until all have heard it."""

    unit = "delivered push"

    def __init__(self, members, said_bytes, in_a_row):
        self.members, self.said_bytes, self.in_a_row = members, said_bytes, in_a_row
        self.name = f"{said_bytes} B to {members} members of a room, {in_a_row} in a row"
        # One write takes all that was said in a row along.
        self.limits = {"read": 1.05, "write": 1.05 / in_a_row, "epoll_ctl": NONE, "clock": NONE}

    def run(self, port, rounds):
        """Returns the number of pushes that the members got."""
        clients = connect(port, self.members)
        room = text(1, "room")
        for role_id, client in enumerate(clients, 1):
            login = text(1, "account") + varint(4 << 3) + varint(role_id)
            # One by one, so that the replies take as many writes each time.
            for cmd, data in ((1002, login), (1201, room)):
                client.sendall(request(cmd, data))
                take_packet(client, cmd)
        say = request(1203, room + text(2, "x" * self.said_bytes)) * self.in_a_row
        for _ in range(rounds):
            clients[0].sendall(say)
            heard = sorted(take_packet(clients[0]) for _ in range(2 * self.in_a_row))
            if heard != [1203] * self.in_a_row + [1210] * self.in_a_row:
                raise ValueError(heard)
            for client in clients[1:]:
                for _ in range(self.in_a_row):
                    take_packet(client, 1210)
        close(clients)
        return rounds * self.members * self.in_a_row


class Visit:
    """So many clients at a time connect, upgrade, get one echo, and are gone."""

    unit = "connection"
    # The head, the packet, the end; the 101 and the reply. An accept that finds nobody ends each rush.
    limits = {"accept": 2.05, "epoll_ctl": 1.05, "read": 3.05, "write": 2.05, "close": 1.05} | dict.fromkeys(
        ("clock", "other"), NONE
    )

    def __init__(self, at_a_time):
        self.at_a_time = at_a_time
        self.name = f"connect, upgrade, one echo, end, {at_a_time} at a time"

    def run(self, port, rounds):
        """Returns the number of connections."""
        packet = request(1101, bytes(32))
        for _ in range(rounds):
            clients = connect(port, self.at_a_time)
            for client in clients:
                client.sendall(packet)
            for client in clients:
                take(client, reply_bytes(32))
            close(clients)
        return rounds * self.at_a_time


def take_packet(client, cmd=None):
    """Reads one packet of at most 65535 bytes with its frame. Returns its Cmd, which is `cmd` if that is said."""
    _, length = exactly(client, 2)
    if length == 126:
        (length,) = struct.unpack(">H", exactly(client, 2))
    packet = exactly(client, length)
    error_id, found = struct.unpack(">H7xH", packet[:11])
    if error_id != 0 or cmd not in (None, found):
        raise ValueError(f"ErrorID {error_id}, Cmd {found} where {cmd} was expected")
    return found


def exactly(client, count):
    """So many bytes."""
    came = client.recv(count, socket.MSG_WAITALL)
    if len(came) != count:
        raise EOFError("the server ended the connection")
    return came


def close(clients):
    """Ends the connections, in order. The server has closed them then: it would write a Close frame to those that
    are open when it is told to end."""
    for client in clients:
        client.shutdown(socket.SHUT_WR)
    for client in clients:
        if client.recv(1):
            raise ValueError("the server sends more than was asked for")
        client.close()


def count_calls(program, load, rounds):
    """Runs a load against a server under strace: the calls by name, and the number of units."""
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary"
        # The shell says its process id, and becomes the program.
        shell = ["sh", "-c", 'echo $$; exec "$0" "$@"', program, "serve", "--listen", "127.0.0.1:0", *QUIET]
        words = ["strace", "-c", "-f", "-o", summary, "--", *shell]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SYSCONN_")}
        with open(Path(folder) / "log", "w+", encoding="utf-8") as log:
            traced = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, start_new_session=True
            )
            watchdog = threading.Timer(PATIENCE, end_group, (traced,))
            watchdog.start()
            try:
                process = int(traced.stdout.readline() or 0)
                listening = traced.stdout.readline()
                if not listening.startswith("listening on "):
                    log.seek(0)
                    sys.exit(f"the server does not run under strace: {log.read()}")
                units = load.run(int(listening.rpartition(":")[2]), rounds)
                os.kill(process, signal.SIGTERM)
                traced.wait()
            finally:
                watchdog.cancel()
                end_group(traced)
        return {name: int(calls) for calls, name in COUNTED.findall(summary.read_text())}, units


def end_group(process):
    """Ends what is left of a process and of what it has started: the group that it leads."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def per_unit(program, load, rounds):
    """Calls for each unit of a load: by group, and those of no group by name."""
    fewer, few_units = count_calls(program, load, rounds)
    more, many_units = count_calls(program, load, 2 * rounds)
    units = many_units - few_units
    grouped, other = dict.fromkeys(GROUPS, 0.0), {}
    for name in sorted(fewer.keys() | more.keys()):
        calls = (more.get(name, 0) - fewer.get(name, 0)) / units
        group = next((group for group, names in GROUPS.items() if name in names), None)
        if group:
            grouped[group] += calls
        elif name != "total" and abs(calls) > NONE:
            other[name] = calls
    return grouped, other


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=TARGET / "release" / "sysconn", help="the program to be measured")
    parser.add_argument("--short", action="store_true", help="a tenth of the load")
    options = parser.parse_args()
    # Rounds, so that each load takes about as long.
    loads = [
        (Echo(50, 1, 32), 200),
        (Echo(50, 16, 32), 100),
        (Echo(10, 1, 16_384), 300),
        (Echo(10, 16, 16_384), 50),
        (Push(50, 64, 1), 200),
        (Push(200, 64, 16), 20),
        (Visit(50), 200),
    ]
    print(f"{'calls for each':48}{''.join(f'{group:>11}' for group in GROUPS)}  other")
    failed = 0
    for load, rounds in loads:
        calls, other = per_unit(options.program, load, rounds // 10 if options.short else rounds)
        named = ", ".join(f"{name} {count:.2f}" for name, count in other.items())
        print(f"{load.name:48}{''.join(f'{count:11.3f}' for count in calls.values())}  {named}", flush=True)
        calls["other"] = sum(other.values())
        passed = True
        for group, limit in load.limits.items():
            if calls[group] > limit:
                print(f"FAILED: {load.name}: {calls[group]:.3f} {group} for each {load.unit}, not at most {limit}")
                passed = False
        failed += not passed
    print(f"test result: {'FAILED' if failed else 'ok'}. {len(loads) - failed} passed; {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
