"""Clients that count what they send and get, for comparison with what the server counts."""

import struct
from collections import Counter

from client import BINARY, CLOSE, Client, frame, packet

LOGIN, JOIN, SAY, SAID = 1002, 1201, 1203, 1210
ECHO, SINK, REFUSE, PANIC, BLOCK, UNKNOWN = 1101, 1102, 1103, 1106, 1107, 1199
ROUTES = {LOGIN, JOIN, SAY, ECHO, SINK, REFUSE}
"""The commands with a label of their own, of those that are counted here."""


def text(number, value):
    """A field of a protobuf message."""
    data, size = value.encode(), b""
    left = len(data)
    while left > 127:
        size += bytes([left & 127 | 128])
        left >>= 7
    return bytes([number << 3 | 2]) + size + bytes([left]) + data


def login(role):
    """A login as a player, with a role below 128."""
    return text(1, f"player{role}") + text(2, "test") + bytes([0x18, 1, 0x20, role, 0x28, 1])


class Counts:
    """What the clients of one server have counted."""

    def __init__(self):
        self.accepted = 0
        self.received = Counter()
        self.sent = Counter()
        self.closed = Counter()


class CountingClient:
    """A client that counts the packets that it sends and gets."""

    def __init__(self, counts, port, tls=None):
        self.counts, self.tls = counts, tls
        self.client = Client(port, tls=tls)
        counts.accepted += 1

    def ask(self, cmd, data=b"", answers=1):
        """Sends a request, and reads as many packets as it is answered with."""
        self.counts.received[label(cmd)] += 1
        self.client.send(frame(packet(cmd, data)))
        for _ in range(answers):
            self.read()

    def read(self):
        """Reads one packet."""
        message = self.client.receive()
        error, _, _, _, cmd = struct.unpack(">HHBIH", message[:11])
        kind = "refusal" if error else "push" if cmd == SAID else "reply"
        self.counts.sent[label(cmd), kind] += 1

    def end(self, cause):
        """Ends the connection so that the server names this cause."""
        # Over TLS an end without close_notify is none that can be trusted.
        self.counts.closed["reset" if self.tls and cause == "peer_gone" else cause] += 1
        if cause == "peer_closed":
            self.client.send(frame(struct.pack(">H", 1000), CLOSE))
            self.client.ending()
        elif cause == "short_packet":
            self.counts.received["unknown"] += 1
            self.client.send(frame(bytes(8), BINARY))
            self.client.ending()
        elif cause == "undecodable":
            self.ask(REFUSE, b"x", 0)
            self.client.ending()
        self.client.close()


def label(cmd):
    """The label of a command."""
    return str(cmd) if cmd in ROUTES else "unknown"


ENDS = ("peer_closed", "peer_gone", "short_packet", "undecodable", "peer_closed")


def play(counts, port, tls, count=9):
    """Has some clients do something of everything, and five of them leave. Returns the others."""
    clients = [CountingClient(counts, port, tls) for _ in range(count)]
    for role, client in enumerate(clients, 1):
        client.ask(LOGIN, login(role))
        client.ask(JOIN, text(1, "hall"))
        for _ in range(40):
            client.ask(ECHO, b"echo")
        for _ in range(10):
            client.ask(SINK, b"sink", 0)
        for _ in range(3):
            client.ask(REFUSE, b"\0\6")
        for _ in range(2):
            client.ask(UNKNOWN)
    for _ in range(20):
        clients[0].ask(SAY, text(1, "hall") + text(2, "hello"), 2)
        for client in clients[1:]:
            client.read()
    for client, cause in zip(clients, ENDS):
        client.end(cause)
    return [client.client for client in clients[len(ENDS):]]
