"""A NATS server for tests and benchmarks of a cluster."""

import contextlib
import json
import subprocess
import tempfile
import time
from pathlib import Path

from step import Failed, end_group

WITHIN = 30
"""Seconds until it has to listen."""


@contextlib.contextmanager
def nats(command="nats-server", core=None):
    """Runs a server on a free port of loopback, and yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["taskset", "-c", str(core)] if core is not None else []
        words += [command, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", folder]
        silent = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(words, start_new_session=True, **silent)
        try:
            yield address(Path(folder) / f"nats-server_{process.pid}.ports")
        finally:
            end_group(process)


def address(ports):
    """The address in the file that a server writes once it listens."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        # It is not written in one step.
        if ports.exists() and (text := ports.read_text(encoding="utf-8")).endswith("}"):
            return json.loads(text)["nats"][0]
        time.sleep(0.01)
    raise Failed("nats-server does not listen")
