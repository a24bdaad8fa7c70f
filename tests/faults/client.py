"""A client that speaks packets, and takes nothing for granted: what comes is compared with what has to."""

import random
import select
import socket
import struct
import time

UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
ACCEPT = b"\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
KEY = bytes((0x37, 0xFA, 0x21, 0x3D))
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
CONTINUATION = 0

PATIENCE = 20
"""Seconds after which what has not come is lost."""
NUDGE = (0.02, 0.08)
"""Seconds after which a client that nudges sends a Ping, so that the server hears of its socket again: at random
between these. If clients kept step, each call that fails could be the same client's, round after round, until the
server has waited long enough for it to take its Close."""
MONITOR = 2


class Lost(Exception):
    """The connection has ended, and not as it should have."""


class Refused(Lost):
    """The upgrade was refused with 503."""


class Wrong(Exception):
    """What came is not what had to come."""


def frame(opcode, payload, fin=True):
    """A masked frame."""
    length = len(payload)
    first = (0x80 if fin else 0) | opcode
    if length < 126:
        header = struct.pack(">BB", first, 0x80 | length)
    elif length < 65_536:
        header = struct.pack(">BBH", first, 0x80 | 126, length)
    else:
        header = struct.pack(">BBQ", first, 0x80 | 127, length)
    key = KEY * (length // 4 + 1)
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(key[:length], "big")
    return header + KEY + masked.to_bytes(length, "big")


def packet(cmd, flag, data=b""):
    """A packet to the server, without a frame."""
    return struct.pack(">HBIH", min(len(data), 65_535), 0, flag, cmd) + data


def varint(number):
    """A number as protobuf has it."""
    encoded = b""
    while number > 0x7F:
        encoded += bytes((number & 0x7F | 0x80,))
        number >>= 7
    return encoded + bytes((number,))


def text(field, value):
    """A field of a protobuf message that is a text."""
    value = value.encode()
    return varint(field << 3 | 2) + varint(len(value)) + value


def numbers(message):
    """The fields of a protobuf message that has only numbers."""
    fields, at = {}, 0
    values = []
    while at < len(message):
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        values.append(value)
    for key, value in zip(values[::2], values[1::2]):
        fields[key >> 3] = value
    return fields


class Client:
    """One connection. `address` is a port of the loopback interface, or the path of a Unix socket."""

    def __init__(self, address, nudges=False, upgrade=True):
        self.nudges = nudges
        self.nudge_payload = b"nudge"
        self.nudges_sent = set()
        self.input = b""
        self.flag = 0
        self.said_close = False
        unix = isinstance(address, str)
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.socket.settimeout(PATIENCE)
        try:
            self.socket.connect(address if unix else ("127.0.0.1", address))
            if upgrade:
                self.upgrade()
        except BaseException:
            self.socket.close()
            raise

    def upgrade(self):
        """Asks for the upgrade, and waits until it is granted."""
        self.ask_for_upgrade()
        self.await_upgrade()

    def ask_for_upgrade(self):
        """A server that is full may have refused it, and closed, before it has asked."""
        try:
            self.socket.sendall(UPGRADE)
        except ConnectionError:
            pass

    def await_upgrade(self):
        while b"\r\n\r\n" not in self.input:
            self.read()
        head, _, self.input = self.input.partition(b"\r\n\r\n")
        if head.startswith(b"HTTP/1.1 503 "):
            raise Refused(head)
        if not head.startswith(b"HTTP/1.1 101 ") or ACCEPT not in head + b"\r\n":
            raise Wrong(head)

    def send(self, data):
        """Sends all of it."""
        try:
            self.socket.sendall(data)
        except (ConnectionError, TimeoutError) as error:
            raise Lost(f"sending: {error}") from error

    def read(self):
        """Reads what comes next."""
        deadline = time.monotonic() + PATIENCE
        while True:
            wait = random.uniform(*NUDGE) if self.nudges else PATIENCE
            readable, _, _ = select.select([self.socket], [], [], wait)
            if readable:
                break
            if time.monotonic() > deadline:
                raise Wrong(f"nothing has come for {PATIENCE} s")
            self.nudge()
        try:
            more = self.socket.recv(1 << 20)
        except ConnectionError as error:
            raise Lost(f"reading: {error}") from error
        if not more:
            raise Lost("the server has ended the connection")
        self.input += more

    def nudge(self):
        """Says something, so that the server looks at its socket again. Behind the request for an upgrade it
        is the first frame. While a Pong is waited for it is the same Ping again, since a server need answer only
        the newest (RFC 6455 §5.5.3)."""
        self.nudges_sent.add(self.nudge_payload)
        self.send(frame(PING, self.nudge_payload))

    def take_frame(self):
        """The opcode and the payload of the next frame."""
        while True:
            header = 2
            if len(self.input) >= 2:
                length = self.input[1]
                if length in (126, 127):
                    header = 4 if length == 126 else 10
                    length = int.from_bytes(self.input[2:header], "big")
                if len(self.input) >= header + length:
                    break
            self.read()
        first, payload = self.input[0], self.input[header : header + length]
        self.input = self.input[header + length :]
        if not first & 0x80:
            raise Wrong("the server sends a fragment")
        return first & 0x0F, payload

    def take_message(self, expected=None):
        """The next frame but for Pings, and for Pongs that answer nudges, unless one is what is expected."""
        self.nudge_payload = expected[1] if expected and expected[0] == PONG else b"nudge"
        while True:
            found = self.take_frame()
            is_nudge = found[0] == PONG and found[1] in self.nudges_sent
            if found == expected or not (is_nudge or found[0] == PING):
                return found

    def expect(self, opcode, payload):
        """Takes a frame, which has to be this one."""
        found = self.take_message((opcode, payload))
        if found != (opcode, payload):
            raise Wrong(f"{found[0]} {found[1][:64]!r}, expected {opcode} {payload[:64]!r}")

    def ask(self, cmd, data=b""):
        """Sends a request. Returns its flag."""
        self.flag += 1
        self.send(frame(BINARY, packet(cmd, self.flag, data)))
        return self.flag

    def expect_reply(self, cmd, flag, data, error_id=0):
        """Takes a packet, which has to be this one."""
        size = min(len(data), 65_535)
        self.expect(BINARY, struct.pack(">HHBIH", error_id, size, 0, flag, cmd) + data)

    def take_reply(self, cmd, flag):
        """The Data of the next packet, which has to be the reply to that request."""
        opcode, payload = self.take_message()
        if opcode != BINARY or len(payload) < 11:
            raise Wrong(f"{opcode} {payload[:64]!r} in place of a reply")
        found = struct.unpack(">HHBIH", payload[:11])
        data = payload[11:]
        if found != (0, min(len(data), 65_535), 0, flag, cmd):
            raise Wrong(f"{found} in place of the reply to {cmd} with the flag {flag}")
        return data

    def echo(self, data):
        self.expect_reply(1101, self.ask(1101, data), data)

    def log_in(self, role_id, kind=1):
        login = text(1, f"account-{role_id}") + text(2, "faults") + varint(4 << 3) + varint(role_id)
        self.take_reply(1002, self.ask(1002, login + varint(5 << 3) + varint(kind)))

    def stats(self):
        """The server's figures, for a client that has logged in as a monitor: by the number of the field."""
        return numbers(self.take_reply(9001, self.ask(9001)))

    def expect_close(self, code):
        """Takes the Close frame, and then the end."""
        opcode, payload = self.take_message()
        if opcode != CLOSE or payload[:2] != struct.pack(">H", code):
            raise Wrong(f"{opcode} {payload[:64]!r} in place of Close {code}")
        if not self.said_close:
            # The server's end follows at once.
            self.said_close = True
            self.send(frame(CLOSE, payload[:2]))
        self.expect_end()

    def expect_end(self):
        try:
            while True:
                self.read()
        except Lost:
            if self.input:
                raise Wrong(f"{self.input[:64]!r} in place of the end") from None

    def close(self):
        """The closing handshake."""
        self.said_close = True
        self.send(frame(CLOSE, struct.pack(">H", 1000)))
        self.expect_close(1000)
        self.socket.close()
