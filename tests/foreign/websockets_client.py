"""Python's `websockets` as a client of the program: `websockets_client.py PORT`.

Every exchange is tried in four ways of delivery. Each ends with an echo as a marker, which shows that
what was expected came, and nothing else. ws_client.js and foreign_tungstenite/ do the same.
"""

import itertools
import socket
import struct
import sys

from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import OP_BINARY, OP_CLOSE, OP_PING, OP_PONG
from websockets.protocol import State
from websockets.sync.client import connect
from websockets.uri import parse_uri

PORT = int(sys.argv[1])
URI = f"ws://127.0.0.1:{PORT}/"
TIMEOUT = 30
"""Seconds after which a silent server has failed."""
MAX_DATA = 524_288 - 9
"""The longest Data: with its header it fills the longest message."""
# Both sides of each length form of a frame, with Data alone and with the header of a packet.
SIZES = [0, 1, 116, 117, 125, 126, 65_526, 65_527, 65_535, 65_536, MAX_DATA]
FLAGS = itertools.cycle([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 0x01020304])


def request(cmd, data, flag):
    """A packet to the server."""
    return struct.pack(">HBIH", min(len(data), 65_535), 0, flag, cmd) + data


def reply(cmd, data, flag, error_id=0):
    """A packet from the server."""
    return struct.pack(">HHBIH", error_id, min(len(data), 65_535), 0, flag, cmd) + data


def pattern(size):
    """Data in which every shift shows."""
    return (bytes(range(251)) * (size // 251 + 1))[:size]


class Whole:
    """Each packet as one frame, sent by the library."""

    largest = MAX_DATA

    def __init__(self):
        self.library = connect(URI, max_size=None, open_timeout=TIMEOUT, close_timeout=TIMEOUT)

    def send(self, packets):
        for packet in packets:
            self.library.send(packet)

    def receive(self):
        return self.library.recv(timeout=TIMEOUT)

    def closed(self):
        """Waits for the server's Close. Returns its code."""
        try:
            raise AssertionError(f"{brief(self.receive())} instead of a Close")
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else None

    def close(self):
        """Closes. Returns the code of the server's Close."""
        self.library.close(1000)
        return self.library.close_code


class Fragmented(Whole):
    """Each packet in fragments, an empty one and Pings among them."""

    def __init__(self):
        super().__init__()
        self.pongs = []

    def send(self, packets):
        for packet in packets:
            self.library.send(self.fragments(packet))

    def fragments(self, packet):
        cuts = [0, min(4, len(packet)), len(packet) // 2, len(packet) // 2, len(packet)]
        for begin, end in zip(cuts, cuts[1:]):
            yield packet[begin:end]
            self.pongs.append(self.library.ping())

    def close(self):
        # Asked only now: the library reads no further while messages wait to be received.
        for pong in self.pongs:
            assert pong.wait(TIMEOUT), "no Pong"
        return super().close()


class Together:
    """All packets in one write: one segment, where it can hold them. The library makes the bytes."""

    largest = MAX_DATA

    def __init__(self, read_size=65_536):
        self.protocol = ClientProtocol(parse_uri(URI), max_size=None)
        self.read_size = read_size
        self.socket = socket.socket()
        self.socket.settimeout(TIMEOUT)
        if read_size < 4096:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(("127.0.0.1", PORT))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.messages = []
        self.protocol.send_request(self.protocol.connect())
        self.flush()
        while self.protocol.state is State.CONNECTING:
            self.read()
        if self.protocol.handshake_exc:
            raise self.protocol.handshake_exc

    def send(self, packets):
        for packet in packets:
            self.protocol.send_binary(packet)
        self.flush()

    def flush(self):
        data = b"".join(self.protocol.data_to_send())
        if data:
            self.write(data)

    def write(self, data):
        self.socket.sendall(data)

    def read(self):
        """Reads once, and answers what the library answers."""
        data = self.socket.recv(self.read_size)
        if data:
            self.protocol.receive_data(data)
        else:
            self.protocol.receive_eof()
        if self.protocol.parser_exc:
            raise self.protocol.parser_exc
        for event in self.protocol.events_received():
            if getattr(event, "opcode", None) == OP_BINARY:
                assert event.fin, "the server does not fragment"
                self.messages.append(event.data)
            else:
                assert getattr(event, "opcode", OP_PONG) in (OP_PING, OP_PONG, OP_CLOSE), event
        self.flush()
        return data

    def receive(self):
        while not self.messages:
            assert self.read(), "the connection ended"
        return self.messages.pop(0)

    def closed(self):
        while self.read():
            pass
        assert not self.messages, f"{brief(self.messages[0])} instead of a Close"
        self.socket.close()
        return self.protocol.close_rcvd.code if self.protocol.close_rcvd else None

    def close(self):
        self.protocol.send_close(1000)
        self.flush()
        return self.closed()


class Dribbled(Together):
    """Every byte in a segment of its own."""

    largest = 65_536

    def write(self, data):
        for index in range(len(data)):
            self.socket.sendall(data[index : index + 1])


def brief(message):
    """The beginning of a message, for a report."""
    return f"{len(message)} bytes {message[:24].hex(' ')}"


def marker():
    flag = next(FLAGS)
    return request(1101, b"marker", flag), reply(1101, b"marker", flag)


def exchange(link, packets, replies):
    """Sends packets and a marker, expects these replies and the marker's, and closes."""
    mark, echo = marker()
    link.send([*packets, mark])
    for index, expected in enumerate([*replies, echo]):
        got = link.receive()
        assert got == expected, f"reply {index}: {brief(got)}, expected {brief(expected)}"
    code = link.close()
    assert code == 1000, f"Close {code}, expected 1000"


def answers(style, cmd, data, replies, error_id=0):
    """One packet, and the Data of each of its replies."""
    flag = next(FLAGS)
    exchange(style(), [request(cmd, data, flag)], [reply(cmd, answer, flag, error_id) for answer in replies])


def bad_size(style):
    """A DataSize that does not match is refused."""
    exchange(style(), [struct.pack(">HBIH", 5, 0, 7, 1101) + b"four"], [reply(1101, b"", 7, 2)])


def in_order(style):
    """Immediate replies wait for the deferred ones before them."""
    packets, replies = [], []
    for cmd, data, expected, error_id in [
        (1105, b"\0\0\0\x1ea", [b"a"], 0),
        (1101, b"b", [b"b"], 0),
        (1105, b"\0\0\0\0c", [b"c"], 0),
        (1104, b"\0\3", [b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\2"], 0),
        (1103, b"\0\x64", [b""], 100),
        (1105, b"\0\0\0\x05", [b""], 0),
        (1102, b"d", [], 0),
        (1101, b"", [b""], 0),
    ]:
        flag = next(FLAGS)
        packets.append(request(cmd, data, flag))
        replies += [reply(cmd, answer, flag, error_id) for answer in expected]
    exchange(style(), packets, replies)


def closes(style, packet, code):
    """A marker, a packet that closes, and a marker that is not answered any more."""
    link = style()
    first, echo = marker()
    last, _ = marker()
    try:
        link.send([first, packet, last])
    except (ConnectionClosed, ConnectionError):
        pass  # The Close may come before all is sent.
    got = link.receive()
    assert got == echo, f"{brief(got)}, expected {brief(echo)}"
    got = link.closed()
    assert got == code, f"Close {got}, expected {code}"


def text():
    """Only binary messages carry packets."""
    link = Whole()
    link.library.send("text")
    code = link.closed()
    assert code == 1003, f"Close {code}, expected 1003"


def slow_burst():
    """A client that reads 1000 bytes at a time through a small window."""
    flag = next(FLAGS)
    replies = [reply(1104, index, flag) for index in indices(60_000)]
    exchange(Together(read_size=1000), [request(1104, struct.pack(">H", 60_000), flag)], replies)


def indices(count):
    return [struct.pack(">I", index) for index in range(count)]


def cases(style):
    """The cases of one way of delivery: name, function, arguments."""
    for size in SIZES:
        if size > style.largest:
            break
        data = pattern(size)
        yield f"1101 echo, {size} bytes", answers, style, 1101, data, [data]
        yield f"1102 sink, {size} bytes", answers, style, 1102, data, []
        later = struct.pack(">I", size % 50) + data[: MAX_DATA - 4]
        yield f"1105 deferred, {len(later)} bytes", answers, style, 1105, later, [later[4:]]
        for cmd in (1103, 1104):
            yield f"{cmd} with {size} bytes: 4001", closes, style, request(cmd, data, 7), 4001
    for error_id in (1, 100, 65_535):
        yield f"1103 refuse, {error_id}", answers, style, 1103, struct.pack(">H", error_id), [b""], error_id
    for count in (0, 1, 3, 1000, 60_000):
        yield f"1104 burst, {count}", answers, style, 1104, struct.pack(">H", count), indices(count)
    for size in range(4):
        yield f"1105 with {size} bytes: 4001", closes, style, request(1105, bytes(size), 7), 4001
    yield "immediate and deferred in order", in_order, style
    for cmd in (0, 1100, 1199, 65_535):
        yield f"{cmd} unknown", answers, style, cmd, b"data", [b""], 1
    yield "wrong DataSize", bad_size, style
    yield "short packet: 4000", closes, style, bytes(8), 4000
    if style.largest == MAX_DATA:
        too_long = request(1101, pattern(MAX_DATA + 1), 7)
        yield f"1101 with {MAX_DATA + 1} bytes: 1009", closes, style, too_long, 1009


def main():
    listed = [
        (f"{style.__name__.lower()}: {name}", case, arguments)
        for style in (Whole, Fragmented, Together, Dribbled)
        for name, case, *arguments in cases(style)
    ]
    listed += [("slowly read: 1104 burst, 60000", slow_burst, []), ("text: 1003", text, [])]
    failed = 0
    for name, case, arguments in listed:
        try:
            case(*arguments)
            print(f"ok: {name}", flush=True)
        except Exception as error:
            failed += 1
            print(f"FAILED: {name}: {type(error).__name__}: {error}", flush=True)
    print(f"test result: {len(listed) - failed} passed; {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
