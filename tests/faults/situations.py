"""What can happen to a process as a whole: no descriptor is left, it stands still, it is killed, and it is told to
end in the midst of that."""

import contextlib
import os
import resource
import select
import signal
import struct
import time

import suite
from client import BINARY, PING, UPGRADE, Client, Lost, Refused, Wrong, frame, packet
from inject import Faults, await_first
from program import Program, eventually, faults_after

TIMER = 3
"""Seconds of the timers that a stopped program would judge its clients by."""
STOPPED = 4.5
TIMERS = [
    word
    for name in ("--read-timeout", "--client-check", "--handshake-timeout")
    for word in (name, f"{TIMER}s")
]
WORKERS = ("1", "2")


def cases(executable):
    """Each case: its name, and a function that returns what is wrong, and how many system calls were made to fail."""
    for workers in WORKERS:
        of = f"{workers} worker{'s' if workers != '1' else ''}"
        options = ("--workers", workers)
        yield f"no descriptor is left, {of}", lambda options=options: exhausted(executable, *options)
        yield f"stopped for longer than the timers, {of}", lambda options=options: stopped(executable, *options)
        yield f"killed and started again, {of}", lambda options=options: killed(executable, *options)
    for name, trouble in TROUBLES.items():
        yield f"SIGTERM: {name}", lambda trouble=trouble: told_to_end(executable, trouble)


def exhausted(executable, *options):
    """The limit falls to what is open, and a few more. Who is inside loses nothing; who comes is let in or told. With
    several workers a newcomer may have to wait, as one can take the descriptor that another has given up: then it
    is let in at last."""
    with Program(executable, *options) as program:
        program.serves()
        descriptors = program.descriptors()
        inside = [Client(address) for address in program.addresses * 10]
        with few_descriptors(program, more=5):
            newcomers = []
            for number in range(30):
                newcomers.append(Client(program.addresses[number % 2], upgrade=False))
                newcomers[-1].ask_for_upgrade()
                for client in inside:
                    client.echo(b"inside")
            answered = select.select([client.socket for client in newcomers], [], [], 0)[0]
            told = [client for client in newcomers if client.socket in answered]
            let_in, refused = sort(told)
        waited, refused_late = sort(client for client in newcomers if client not in told)
        wrong = [] if refused and let_in else [f"{refused} of {len(newcomers)} were refused"]
        if "1" in options and len(let_in) + refused < len(newcomers) - 1:
            wrong.append(f"{len(waited) + refused_late} had to wait")
        newcomers = let_in + waited
        for client in inside + newcomers:
            client.echo(b"still inside")
        outcome = suite.run(program.addresses, rounds=1)
        if outcome.whole != outcome.connections:
            wrong.append(f"afterwards: {outcome}")
        for client in inside + newcomers:
            client.close()
        return wrong + faults_after(program, descriptors), 0


def sort(clients):
    """Those who are let in, and how many are refused."""
    let_in, refused = [], 0
    for client in clients:
        try:
            client.await_upgrade()
            let_in.append(client)
        except Refused:
            refused += 1
            client.socket.close()
    return let_in, refused


@contextlib.contextmanager
def few_descriptors(program, more):
    """Lets the program open so many descriptors more than it has."""
    before = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
    highest = max(int(number) for number in os.listdir(f"/proc/{program.pid}/fd"))
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (highest + 1 + more, before[1]))
    try:
        yield
    finally:
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, before)


def stopped(executable, *options):
    """The process stands still for longer than its timers. Whoever has said something meanwhile is heard first, and judged
    then; only who has not is closed."""
    with Program(executable, *TIMERS, "--ping-interval", "0", *options) as program:
        program.serves()
        descriptors = program.descriptors()
        message = packet(1101, 1, b"in two halves" * 100)
        whole = frame(BINARY, message)
        talkers = [Client(address) for address in program.addresses * 10]
        halves = [Client(address) for address in program.addresses * 3]
        heads = [Client(address, upgrade=False) for address in program.addresses * 3]
        silent = [Client(address) for address in program.addresses * 2]
        for client in talkers:
            client.echo(b"before")
        for client in halves:
            client.send(whole[:500])
        for client in heads:
            client.send(UPGRADE[:60])
        with standing_still(program):
            flags = [client.ask(1101, b"meanwhile") for client in talkers]
            for client in halves:
                client.send(whole[500:])
            for client in heads:
                client.send(UPGRADE[60:])
            newcomers = [Client(address, upgrade=False) for address in program.addresses * 10]
            for client in newcomers:
                client.send(UPGRADE)
            time.sleep(STOPPED)
        for client, flag in zip(talkers, flags):
            client.expect_reply(1101, flag, b"meanwhile")
        for client in halves:
            client.expect_reply(1101, 1, message[9:])
        for client in heads + newcomers:
            client.await_upgrade()
        everyone = talkers + halves + heads + newcomers
        for client in everyone:
            client.echo(b"afterwards")
            client.close()
        # Without these the timers might have been off.
        codes = {close_code(client) for client in silent}
        wrong = [] if codes <= {4003, 4009} else [f"who was silent was closed with {codes}"]
        return wrong + faults_after(program, descriptors), 0


@contextlib.contextmanager
def standing_still(program):
    os.kill(program.pid, signal.SIGSTOP)
    try:
        eventually(program.is_stopped)
        yield
    finally:
        os.kill(program.pid, signal.SIGCONT)


def close_code(client):
    """The code of the Close frame that comes next."""
    opcode, payload = client.take_frame()
    while opcode == PING:
        # Who was not heard while the program stood still is asked first.
        opcode, payload = client.take_frame()
    client.socket.close()
    return struct.unpack(">H", payload[:2])[0]


def killed(executable, *options):
    """kill -9 in the midst of requests. The next process has port and path at once, and serves those who come back."""
    with Program(executable, *options) as first:
        first.serves()
        clients = [Client(address) for address in first.addresses * 5]
        for client in clients:
            client.ask(1101, b"unanswered" * 1000)
        first.kill()
        if not os.path.exists(first.unix):
            return ["the Unix socket is gone, so that nothing was taken over"], 0
        with Program(executable, *options, port=first.port, folder=first.folder) as second:
            wrong = [] if (second.port, second.unix) == (first.port, first.unix) else [f"{second.addresses}"]
            wrong += [f"{client} has no end" for client in clients if not has_ended(client)]
            descriptors = second.descriptors()
            outcome = suite.run(second.addresses, rounds=1)
            if outcome.whole != outcome.connections:
                wrong.append(f"those who come back: {outcome}")
            return wrong + faults_after(second, descriptors), 0


def has_ended(client):
    """Whether the client is told that the server is gone. It may have its reply before."""
    try:
        while True:
            client.read()
    except Lost:
        return True
    except Wrong:
        return False
    finally:
        client.socket.close()


@contextlib.contextmanager
def no_descriptor(program):
    with few_descriptors(program, more=0):
        clients = [Client(address, upgrade=False) for address in program.addresses * 5]
        yield
        for client in clients:
            client.socket.close()


@contextlib.contextmanager
def no_accept(program):
    with Faults(program.pid, "accept4", "ENOBUFS", "1+") as faults:
        clients = [Client(address, upgrade=False) for address in program.addresses]
        await_first(faults)
        yield
        for client in clients:
            client.socket.close()


@contextlib.contextmanager
def no_progress(program):
    """The process stands still when the signal comes, and goes on a moment later."""
    with standing_still(program):
        yield
        time.sleep(0.2)


@contextlib.contextmanager
def interrupted(program):
    with Faults(program.pid, "epoll_wait,recvfrom,sendto", "EINTR", "2+2"):
        yield


@contextlib.contextmanager
def in_the_midst(program):
    """Half a request, half a message, and a reply that nobody reads."""
    clients = [Client(address, upgrade=False) for address in program.addresses]
    for client in clients:
        client.send(UPGRADE[:50])
    greedy = Client(program.port)
    greedy.ask(1104, (60_000).to_bytes(2, "big"))
    greedy.send(frame(BINARY, packet(1101, 9, bytes(1000)))[:100])
    yield
    greedy.expect_reply(1104, 1, bytes(4))


TROUBLES = {
    "no descriptor is left": no_descriptor,
    "no client can be accepted": no_accept,
    "the process is stopped": no_progress,
    "every other call is interrupted": interrupted,
    "halves of requests, and replies that nobody reads": in_the_midst,
}


def told_to_end(executable, trouble):
    """SIGTERM in the midst of it: who is inside gets a Close frame with 1001, and the program ends with status 0."""
    with Program(executable, "--drain-timeout", "3s") as program:
        inside = [Client(address) for address in program.addresses * 3]
        for client in inside:
            client.echo(b"inside")
        with trouble(program):
            program.process.send_signal(signal.SIGTERM)
            if trouble is no_progress:
                # Nothing can be expected of it before it goes on.
                codes = None
            else:
                codes = {close_code(client) for client in inside}
        codes = codes or {close_code(client) for client in inside}
        status = program.process.wait(30)
        wrong = [] if codes == {1001} else [f"the clients were told {codes}"]
        if status != 0:
            wrong.append(f"it ended with status {status}")
        if os.path.exists(program.unix):
            wrong.append("its Unix socket is still there")
        if "panic" in program.log_text():
            wrong.append(f"it panicked: {program.log_text()[-300:]}")
        return wrong, 0
