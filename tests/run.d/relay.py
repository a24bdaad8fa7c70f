"""Passes connections on to the program and keeps the bytes of their clients."""

import contextlib
import socket
import threading

from client import CLOSE


class Relay:
    """Listens on `port`. The bytes of each client are in `sent`, in the order of the connections."""

    def __init__(self, to):
        self.to = to
        self.sent = []
        self.threads = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def accept(self):
        """Takes connections until the listener is closed."""
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.to))
                self.sent.append(bytearray())
                for ends in ((client, server, self.sent[-1]), (server, client, bytearray())):
                    self.threads.append(threading.Thread(target=passes, args=ends, daemon=True))
                    self.threads[-1].start()

    def last_opcodes(self):
        """The opcode of the last frame of each client that was upgraded and has left; None if there is no whole
        frame."""
        for thread in self.threads:
            thread.join()
        bodies = [bytes(sent).partition(b"\r\n\r\n")[2] for sent in self.sent]
        return [last_opcode(body) for body in bodies if body]


@contextlib.contextmanager
def relay(to):
    """Runs one in front of a port."""
    passing = Relay(to)
    thread = threading.Thread(target=passing.accept, daemon=True)
    thread.start()
    try:
        yield passing
    finally:
        # Closing alone would leave the thread in its accept.
        passing.listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        passing.listener.close()


def passes(source, sink, seen):
    """Passes on bytes and their end, each direction separately."""
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            seen += data
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def last_opcode(frames):
    """The opcode of the last of these masked frames."""
    opcode = None
    while len(frames) >= 2:
        size = frames[1] & 127
        longer = {126: 2, 127: 8}.get(size, 0)
        if longer:
            size = int.from_bytes(frames[2 : 2 + longer], "big")
        if len(frames) < 6 + longer + size:
            return None
        opcode = frames[0] & 15
        frames = frames[6 + longer + size :]
    return opcode


def closed_by_all(passing):
    """The number of clients whose last frame was a Close, and the number of all clients."""
    last = passing.last_opcodes()
    return last.count(CLOSE), len(last)
