"""Clients of the server, many at a time: a few that log in and talk, and any number that are just there."""

import contextlib
import resource
import selectors
import socket
import threading

from client import KEY, Client, frame, packet
from step import Failed

LOGIN = 1002
BLOCK = 1107
BATCH = 400
"""Connections that are opened at a time: fewer than a listener lets wait."""
PATIENCE = 60
"""Seconds."""
SPARE_DESCRIPTORS = 500
PAUSE = 0.05
"""Seconds between two rounds of talk."""
REQUEST = (
    "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
).encode()


def login(account, role, platform="", custodian=""):
    """The packet that logs in: a protobuf message whose fields are numbers and short texts."""
    texts = ((1, account), (2, platform), (6, custodian))
    fields = [bytes([number << 3 | 2, len(text.encode())]) + text.encode() for number, text in texts if text]
    fields.append(bytes([4 << 3]) + varint(role))
    if custodian:
        fields.append(bytes([7 << 3, 1]))
    return frame(packet(LOGIN, b"".join(fields)))


def varint(number):
    encoded = b""
    while number > 127:
        encoded += bytes([number & 127 | 128])
        number >>= 7
    return encoded + bytes([number])


def player(port, *identity):
    """A client that is logged in."""
    client = Client(port)
    client.send(login(*identity))
    client.receive()
    return client


def block(client, milliseconds):
    """Has the handler of 1107 block its worker; its reply comes afterwards."""
    client.send(frame(packet(BLOCK, milliseconds.to_bytes(4, "big"))))


@contextlib.contextmanager
def talking(port, count):
    """Players who send echoes for as long as the block runs."""
    with contextlib.ExitStack() as stack:
        players = [stack.enter_context(contextlib.closing(player(port, f"player {n}", 100 + n))) for n in range(count)]
        stop = threading.Event()

        def talk():
            while not stop.wait(PAUSE):
                for one in players:
                    with contextlib.suppress(OSError):
                        one.echo(b"hello")

        thread = threading.Thread(target=talk, daemon=True)
        thread.start()
        try:
            yield players
        finally:
            stop.set()
            thread.join()


@contextlib.contextmanager
def silent(port, count):
    """So many connections that say nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count + SPARE_DESCRIPTORS
    if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
        raise Failed(f"{count} connections need {wanted} descriptors, and a process may have {hard} here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    sockets = []
    try:
        for begin in range(0, count, BATCH):
            sockets += opened(port, min(BATCH, count - begin))
        yield sockets
    finally:
        for one in sockets:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def opened(port, count):
    """So many open WebSockets, which are opened at the same time."""
    sockets = []
    with selectors.DefaultSelector() as waiting:
        for _ in range(count):
            one = socket.socket()
            sockets.append(one)
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            waiting.register(one, selectors.EVENT_WRITE)
        left = count
        while left:
            ready = waiting.select(PATIENCE)
            if not ready:
                raise Failed(f"{left} of {count} connections were not opened within {PATIENCE} s")
            for key, events in ready:
                if events & selectors.EVENT_WRITE:
                    key.fileobj.send(REQUEST)
                    waiting.modify(key.fileobj, selectors.EVENT_READ)
                    continue
                head = key.fileobj.recv(4096)
                if not head.startswith(b"HTTP/1.1 101 "):
                    raise Failed(f"a connection was answered {head[:40]!r}")
                waiting.unregister(key.fileobj)
                left -= 1
    return sockets
