"""A WebSocket client with only the standard library that does what foreign clients do not:
it sends without reading, breaks rules, and reports how TCP ended."""

import socket
import struct

TIMEOUT = 30
"""Seconds after which a silent server has failed."""
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def packet(cmd, data=b"", flag=7):
    """A packet to the server."""
    return struct.pack(">HBIH", min(len(data), 65_535), 0, flag, cmd) + data


def frame(payload, opcode=BINARY):
    """A final frame whose mask key is 0, so its payload is in plain form."""
    size = len(payload)
    if size < 126:
        length = struct.pack(">B", 0x80 | size)
    elif size < 65_536:
        length = struct.pack(">BH", 0x80 | 126, size)
    else:
        length = struct.pack(">BQ", 0x80 | 127, size)
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class Refused(Exception):
    """The server refused the upgrade."""

    def __init__(self, status):
        super().__init__(f"refused with {status}")
        self.status = status


class Client:
    """An open connection. `source` is the address that it comes from; `tls` a context, for wss."""

    def __init__(self, port, path="/ws", source="127.0.0.1", tls=None, headers=()):
        upgrade = (
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {KEY}",
        )
        self.stream, self.unread, status = exchange(port, "GET", path, source, tls, (*upgrade, *headers))
        if status != 101:
            self.stream.close()
            raise Refused(status)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends it without a Close."""
        self.stream.close()

    def send(self, data):
        self.stream.sendall(data)

    def receive(self):
        """The next message, a Close as `(code, reason)`. Pings are answered. None at the end of TCP."""
        while True:
            head = self.take(2)
            if head is None:
                return None
            size = head[1] & 127
            if size > 125:
                size = int.from_bytes(self.must(2 if size == 126 else 8), "big")
            payload = self.must(size)
            opcode = head[0] & 15
            if opcode == CLOSE:
                return (int.from_bytes(payload[:2], "big") if payload else None, payload[2:].decode())
            if opcode == PING:
                self.send(frame(payload, PONG))
            elif opcode != PONG:
                return payload

    def echo(self, data, flag=7):
        """Whether command 1101 sends these bytes back."""
        self.send(frame(packet(1101, data, flag)))
        return self.receive() == b"\0\0" + packet(1101, data, flag)

    def ending(self):
        """How the server ends the connection: the code of its Close once it was answered and TCP has ended, or
        else the last input. The client lets the server close TCP (RFC 6455 §7.1.1)."""
        try:
            got = self.receive()
            while isinstance(got, bytes):
                got = self.receive()
        except OSError as error:
            return f"no Close, {type(error).__name__}"
        if got is None:
            return "no Close"
        code, _ = got
        try:
            self.send(frame(b"" if code is None else code.to_bytes(2, "big"), CLOSE))
            more = rest(self.stream, self.unread)
        except OSError as error:
            return f"behind the Close {code}, {type(error).__name__}"
        return f"bytes behind the Close {code}" if more else code

    def take(self, size):
        """`size` bytes; None if the stream ends before the first."""
        while len(self.unread) < size:
            more = self.stream.recv(1 << 20)
            if not more:
                if self.unread:
                    raise ConnectionError("the end of TCP within a frame")
                return None
            self.unread += more
        taken, self.unread = self.unread[:size], self.unread[size:]
        return taken

    def must(self, size):
        taken = self.take(size)
        if taken is None:
            raise ConnectionError("the end of TCP within a frame")
        return taken


def ask(port, method, path, source="127.0.0.1", tls=None, headers=()):
    """Sends a request that is not an upgrade. Returns the status, and everything after the head."""
    stream, unread, status = exchange(port, method, path, source, tls, ("Connection: close", *headers))
    with stream:
        return status, rest(stream, unread)


def exchange(port, method, path, source, tls, headers):
    """Sends a request and reads the head of the answer. Returns the stream, the bytes after the head, and the
    status."""
    stream = socket.create_connection(("127.0.0.1", port), TIMEOUT, (source, 0))
    if tls:
        stream = tls.wrap_socket(stream, server_hostname="127.0.0.1")
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]
    stream.sendall("\r\n".join(lines).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        more = stream.recv(65_536)
        if not more:
            raise ConnectionError(f"the end of TCP instead of an answer, after {head!r}")
        head += more
    head, _, unread = head.partition(b"\r\n\r\n")
    return stream, unread, int(head.split()[1])


def rest(stream, unread):
    """All bytes until the end."""
    return unread + b"".join(iter(lambda: stream.recv(65_536), b""))


# The close codes, each with the bytes that provoke it when sent at once.
PROVOKING = {
    1002: b"\xf3\x80mask",
    1003: frame(b"text", TEXT),
    1007: frame(b"\x03\xe8\xff", CLOSE),
    1009: frame(bytes(600_000)),
    1011: frame(packet(1106)),
    4000: frame(bytes(8)),
    4001: frame(packet(1103, b"x")),
    4002: frame(packet(1199)) * 11,
}
