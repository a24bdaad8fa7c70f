"""strace, which makes system calls of the program fail without their being carried out."""

import os
import re
import signal
import subprocess
import tempfile
import time

from client import PATIENCE

CALM = 0.05
"""Seconds without a call after which strace lets go."""
INJECTED = re.compile(r"^(?:\d+ +)?(\w+)\(.*\(INJECTED\)$", re.MULTILINE)


def words(syscalls, error, when, log):
    """The words of strace for one fault: the syscalls with a comma between them, what they fail with, and
    when, as strace says it."""
    return ["strace", "-o", log, "-e", f"trace={syscalls}", "-e", f"inject={syscalls}:error={error}:when={when}"]


class Faults:
    """While the block runs, system calls of one thread fail now and then: all of a kind, or only those on a
    file. Afterwards `count` says how many did."""

    def __init__(self, thread, syscalls, error, when, path=None):
        self.thread, self.fault = thread, (syscalls, error, when)
        self.only = ("-P", str(path)) if path else ()
        self.count = 0

    def __enter__(self):
        descriptor, self.log = tempfile.mkstemp(prefix="sysconn-strace-")
        os.close(descriptor)
        command = [*words(*self.fault, self.log), *self.only, "-p", str(self.thread)]
        self.strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
        line = self.strace.stderr.readline()
        if line.startswith("strace: Requested path "):
            # It tells that the path leads elsewhere.
            line = self.strace.stderr.readline()
        if not line.startswith("strace: Process ") or not line.endswith(" attached\n"):
            self.strace.kill()
            raise OSError(f"strace cannot be attached: {line!r}")
        return self

    def await_calm(self):
        """Waits until the thread makes no calls for a moment: one that strace leaves half-way fails with an error
        of strace's own."""
        deadline = time.monotonic() + PATIENCE
        size = None
        while size != (size := os.path.getsize(self.log)) and time.monotonic() < deadline:
            time.sleep(CALM)

    def __exit__(self, *_):
        self.await_calm()
        # This detaches it; the program goes on.
        self.strace.send_signal(signal.SIGINT)
        self.strace.communicate(timeout=PATIENCE)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            self.count = len(INJECTED.findall(log.read()))
        os.unlink(self.log)


def so_far(faults):
    """Faults of which strace has told until now."""
    with open(faults.log, encoding="utf-8", errors="replace") as log:
        return len(INJECTED.findall(log.read()))


def await_first(faults):
    """Waits until one call has failed."""
    deadline = time.monotonic() + PATIENCE
    while so_far(faults) == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
