"""What makes the shipped alerts fire: servers with troubles, all at the same time."""

import contextlib
import resource
import socket
import struct
import threading

from client import TIMEOUT, Client, Refused, frame, packet
from counting import BLOCK, JOIN, LOGIN, PANIC, REFUSE, SAY, login, text

HANG = 6000
"""Milliseconds for which a handler hangs: three times the window of SysconnReactorStuck."""
SLOW = 100
"""Milliseconds of a turn that is slow."""
LOUD = 400_000
"""Bytes of something that is said to clients that do not read."""
SAYS = 40
"""So much is more than an outbox and the buffers of the system take."""


def ask(client, cmd, data=b""):
    """Sends a request and reads until it is answered."""
    client.send(frame(packet(cmd, data)))
    while int.from_bytes(client.receive()[9:11], "big") != cmd:
        pass


def overflow(port, tls, first):
    """Says more to some clients than they read. They log in with the roles from `first` on."""
    loud, *slow = (Client(port, tls=tls) for _ in range(4))
    for role, client in enumerate((loud, *slow), first):
        ask(client, LOGIN, login(role))
        ask(client, JOIN, text(1, "loud"))
    for client in slow:
        client.stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(SAYS):
        ask(loud, SAY, text(1, "loud") + text(2, "x" * LOUD))
    return loud, *slow


def panic(port, tls):
    """Makes a handler panic."""
    with Client(port, tls=tls) as client:
        client.send(frame(packet(PANIC)))
        client.ending()


def hang(port, tls):
    """Makes a handler hang. Returns the client that waits for its answer."""
    client = Client(port, tls=tls)
    client.send(frame(packet(BLOCK, struct.pack(">I", HANG))))
    return client


@contextlib.contextmanager
def going_on(*acts):
    """Does each of these again and again, on a thread of its own."""
    stop = threading.Event()

    def repeat(act):
        while not stop.wait(0.05):
            act()

    threads = [threading.Thread(target=repeat, args=(act,), daemon=True) for act in acts]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(TIMEOUT)


@contextlib.contextmanager
def full(port, limit):
    """Makes a server that takes `limit` clients full, slow and unwilling."""
    with contextlib.ExitStack() as stack:
        slow, refused, *_ = [stack.enter_context(Client(port)) for _ in range(limit)]

        def knock():
            with contextlib.suppress(Refused):
                Client(port).close()

        stack.enter_context(
            going_on(
                lambda: ask(slow, BLOCK, struct.pack(">I", SLOW)),
                lambda: ask(refused, REFUSE, b"\0\6"),
                knock,
            )
        )
        yield


def come_and_go(port, tls=None):
    """Connects, and leaves."""
    Client(port, tls=tls).close()


def few_descriptors(process, opened):
    """Lowers the limit of a process that has so many descriptors open, so that few are left."""
    limit = int(opened / 0.85)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (limit, limit))
