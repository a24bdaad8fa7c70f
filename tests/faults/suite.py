"""What ordinary clients do, many at a time, while something is wrong with the system below the server."""

import itertools
import random
import threading
from dataclasses import dataclass, field

from client import BINARY, CONTINUATION, PING, PONG, Client, Lost, Refused, Wrong, frame, packet, text

SIZES = (0, 1, 114, 115, 116, 117, 1000, 20_000, 65_524, 65_525, 65_535, 70_000, 300_000)
"""Lengths of Data, around those at which the frame of request or reply has another form."""
NUDGED_BYTES = 20_000
ROLES = itertools.count(1)


@dataclass
class Outcome:
    """What became of the clients of one suite."""

    connections: int = 0
    whole: int = 0
    refused: int = 0
    lost: list = field(default_factory=list)
    wrong: list = field(default_factory=list)


def sizes(client):
    for size in SIZES:
        # Who fills the socket's buffers could not say more, and so not nudge.
        if size <= NUDGED_BYTES or not client.nudges:
            client.echo(random.randbytes(size))


def pipelined(client):
    data = [random.randbytes(random.randrange(300)) for _ in range(50)]
    flags = [client.ask(1101, each) for each in data]
    for each, flag in zip(data, flags):
        client.expect_reply(1101, flag, each)


def pings(client):
    client.echo(b"first")
    for length in (0, 1, 125):
        payload = random.randbytes(length)
        client.send(frame(PING, payload))
        client.expect(PONG, payload)


def fragments(client):
    data = random.randbytes(5000)
    client.flag += 1
    message = packet(1101, client.flag, data)
    for at in range(0, len(message), 1000):
        last = at + 1000 >= len(message)
        opcode = CONTINUATION if at else BINARY
        client.send(frame(opcode, message[at : at + 1000], fin=last))
        if not last:
            client.send(frame(PING, b"between"))
            client.expect(PONG, b"between")
    client.expect_reply(1101, client.flag, data)


def rooms(client):
    role_id = next(ROLES)
    client.log_in(role_id)
    room = text(1, f"room-{role_id}")
    client.take_reply(1201, client.ask(1201, room))
    for said in ("one", "two"):
        flag = client.ask(1203, room + text(2, said))
        client.expect_reply(1203, flag, b"")
        # Nobody else is in the room.
        data = client.take_reply(1210, 0)
        if not data.endswith(text(3, said)):
            raise Wrong(f"{data!r} was heard in place of {said}")
    client.take_reply(1202, client.ask(1202, room))
    client.expect_reply(1003, client.ask(1003), b"")


def deferred(client):
    for delay in (0, 1, 20):
        data = random.randbytes(100)
        flag = client.ask(1105, delay.to_bytes(4, "big") + data)
        behind = client.ask(1101, b"behind")
        client.expect_reply(1105, flag, data)
        client.expect_reply(1101, behind, b"behind")


def bursts(client):
    flag = client.ask(1104, (2000).to_bytes(2, "big"))
    for index in range(2000):
        client.expect_reply(1104, flag, index.to_bytes(4, "big"))
    client.take_reply(1044, client.ask(1044))
    client.expect_reply(1103, client.ask(1103, b"\x00\xc8"), b"", error_id=200)


VISITS = (sizes, pipelined, pings, fragments, rooms, deferred, bursts)
THREADS = 4


def run(addresses, nudges=False, rounds=2):
    """Has several clients at a time make every visit, so many times, and tells what became of them."""
    outcome = Outcome()
    lock = threading.Lock()

    def visit_all(number):
        for index, visit in enumerate(VISITS * rounds):
            one(outcome, lock, visit, addresses[(number + index) % len(addresses)], nudges)

    threads = [threading.Thread(target=visit_all, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcome


def one(outcome, lock, visit, address, nudges):
    """One client, from its upgrade to its Close."""
    with lock:
        outcome.connections += 1
    client = None
    try:
        client = Client(address, nudges=nudges)
        visit(client)
        client.close()
        with lock:
            outcome.whole += 1
    except Refused:
        with lock:
            outcome.refused += 1
    except Lost as error:
        with lock:
            outcome.lost.append(f"{visit.__name__}: {error}")
    except (Wrong, OSError) as error:
        with lock:
            outcome.wrong.append(f"{visit.__name__}: {type(error).__name__}: {error}")
    finally:
        if client:
            client.socket.close()
