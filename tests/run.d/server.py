"""The program under test, as a process of its own, for the clients that are not ours."""

import contextlib
import os
import re
import signal
import subprocess
import threading

from step import Failed, end_group

READY = re.compile(r"listening on 127\.0\.0\.1:(\d+)\n")
READY_WITHIN = 1800
"""Seconds; `cargo run` may have to build first."""
ENDS_WITHIN = 30
"""Seconds from SIGTERM; draining takes at most 5."""


@contextlib.contextmanager
def server(step, logs, *arguments, name="server"):
    """Runs `cargo run --release`, on a free port instead of 9001, and yields that port. The arguments
    are the program's, and the name tells apart the logs of a step that runs several servers.

    Afterwards the program has to end with status 0 on SIGTERM, having printed nothing but its one
    line; that is a case of the step.
    """
    words = ["cargo", "run", "--locked", "--quiet", "--release", *(["--", *arguments] if arguments else [])]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SYSCONN_")}
    environment["SYSCONN_LISTEN"] = "127.0.0.1:0"
    log_path = logs / f"{step.log_path.stem}.{name}.log"
    step.note(f"$ SYSCONN_LISTEN=127.0.0.1:0 {' '.join(words)}  (its log: {log_path})")
    with open(log_path, "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            words,
            cwd=step.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield ready(process, log_path)
            finish(step, process)
        finally:
            end_group(process)


def ready(process, log_path):
    """The port, once the program says that it listens."""
    watchdog = threading.Timer(READY_WITHIN, process.kill)
    watchdog.start()
    line = process.stdout.readline()
    watchdog.cancel()
    match = READY.fullmatch(line)
    if not match:
        raise Failed(f"the server printed {line!r} instead of its address; {tail(log_path)}")
    return int(match[1])


def finish(step, process):
    """Ends the program as an operator would."""
    if process.poll() is not None:
        raise Failed(f"the server ended by itself with status {process.returncode}")
    process.send_signal(signal.SIGTERM)
    try:
        more, _ = process.communicate(timeout=ENDS_WITHIN)
    except subprocess.TimeoutExpired:
        raise Failed(f"the server had not ended {ENDS_WITHIN} s after SIGTERM") from None
    step.case(process.returncode == 0, f"on SIGTERM the server ends with status 0: {process.returncode}")
    step.case(more == "", f"the server prints one line only: {more!r}")


def tail(log_path):
    """The last line of a log, for a message."""
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    return f"its log ends: {lines[-1]}" if lines else "its log is empty"
