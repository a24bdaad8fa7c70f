"""A log that cannot be written, in every way: the program serves on, and its counters keep the truth."""

import contextlib
import fcntl
import os
import subprocess
import tempfile
from pathlib import Path

import suite
from client import MONITOR, Client
from inject import Faults
from program import Program, eventually, faults_after

UNMASKED = b"\x82\x04data"


def cases(executable):
    """Each case: its name, and a function that returns what is wrong, and how many system calls were made to fail."""
    for name, log in LOGS.items():
        yield f"log: {name}", lambda log=log: logged(executable, log)


@contextlib.contextmanager
def log_at_dev_full():
    with open("/dev/full", "wb") as full:
        yield full, None


@contextlib.contextmanager
def log_closed():
    yield "closed", None


@contextlib.contextmanager
def log_without_reader():
    read, write = os.pipe()
    os.close(read)
    try:
        yield write, None
    finally:
        os.close(write)


@contextlib.contextmanager
def log_unread():
    """A pipe with one page of room, which nobody reads before the end."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    try:
        yield write, read
    finally:
        os.close(write)
        os.close(read)


@contextlib.contextmanager
def log_on_full_disk():
    """A file system of two pages. Where none can be mounted a file stands in, whose writes strace lets fail."""
    with tempfile.TemporaryDirectory(prefix="sysconn-disk-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8k", "sysconn-faults", folder], capture_output=True, check=False
        )
        path = Path(folder) / "log"
        try:
            with open(path, "ab") as log:
                yield log, None if mounted.returncode == 0 else path
        finally:
            if mounted.returncode == 0:
                subprocess.run(["umount", folder], check=True)


LOGS = {
    "/dev/full": log_at_dev_full,
    "on a full disk": log_on_full_disk,
    "closed": log_closed,
    "a pipe without a reader": log_without_reader,
    "a pipe that nobody reads": log_unread,
}


def logged(executable, log):
    """What the log can't take does not keep the program: it serves, and its counters keep the truth."""
    with log() as (stderr, extra):
        closed = stderr == "closed"
        wrapper = ("sh", "-c", 'exec 2>&-; exec "$0" "$@"') if closed else ()
        log_to = subprocess.DEVNULL if closed else stderr
        with Program(executable, "--log", "debug", log=log_to, wrapper=wrapper) as program:
            full = Faults(program.pid, "write", "ENOSPC", "1+", extra) if isinstance(extra, Path) else None
            with full or contextlib.nullcontext():
                wrong = truth_is_kept(program)
            if full and not full.count:
                wrong.append("no write to the log failed")
            if isinstance(extra, int):
                wrong += what_was_left_out(program, extra)
            return wrong + faults_after(program, program.descriptors()), full.count if full else 0


def truth_is_kept(program):
    """Makes the program log a lot, and holds its counters against what was done."""
    monitor = Client(program.port)
    monitor.log_in(1 << 40, MONITOR)
    before = monitor.stats()
    hostile = 300
    for number in range(hostile):
        client = Client(program.addresses[number % 2])
        for _ in range(3):
            flag = client.ask(2000)
            client.expect_reply(2000, flag, b"", error_id=1)
        client.send(UNMASKED)
        client.expect_close(1002) if number % 3 else client.socket.close()
    outcome = suite.run(program.addresses, rounds=1)
    wrong = [] if outcome.whole == outcome.connections else [f"{outcome}"]
    connections = hostile + outcome.connections
    eventually(lambda: monitor.stats()[1] == 1)
    after = monitor.stats()
    accepted, bad = after[2] - before.get(2, 0), after[7] - before.get(7, 0)
    if (accepted, bad) != (connections, 3 * hostile):
        wrong.append(f"{accepted} accepted of {connections}, {bad} bad requests of {3 * hostile}")
    monitor.close()
    return wrong


def what_was_left_out(program, pipe):
    """Somebody reads the log at last. The next line says how many are missing."""
    os.read(pipe, 1 << 20)
    Client(program.port).close()
    lines = []
    eventually(lambda: lines.append(os.read(pipe, 1 << 20)) or b"could not be written" in b"".join(lines))
    return [] if b"log lines could not be written" in b"".join(lines) else [f"the log goes on with {lines}"]
