"""The program under test, as a process of its own, for foreign clients."""

import contextlib
import os
import re
import signal
import subprocess
import threading

from step import Failed, end_group

READY = re.compile(r"listening on (?:127\.0\.0\.1:(\d+)|unix:.+)\n")
READY_WITHIN = 1800
"""Seconds; `cargo run` may have to build first."""
ENDS_WITHIN = 30
"""Seconds from SIGTERM; draining takes at most 5."""


class Program:
    """The program while it runs. `port` is its port on 127.0.0.1, or None if it listens on a Unix socket;
    standard error goes to `log_path`."""

    def __init__(self, process, log_path):
        self.process = process
        self.log_path = log_path
        self.is_told = False
        self.is_killed = False
        self.port = None

    def terminate(self):
        """Makes it drain, once: a second signal would end it at once."""
        if not self.is_told:
            self.process.send_signal(signal.SIGTERM)
        self.is_told = True

    def kill(self):
        """Ends it without a word to its clients."""
        self.is_killed = True
        self.process.kill()
        self.process.wait()

    def wait_until_ready(self):
        watchdog = threading.Timer(READY_WITHIN, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        match = READY.fullmatch(line)
        if not match:
            raise Failed(f"the server printed {line!r} instead of its address; {tail(self.log_path)}")
        self.port = int(match[1]) if match[1] else None

    def finish(self, step):
        """Ends it as an operator would, unless it was killed."""
        if self.is_killed:
            return
        if not self.is_told and self.process.poll() is not None:
            raise Failed(f"the server ended by itself with status {self.process.returncode}")
        self.terminate()
        try:
            more, _ = self.process.communicate(timeout=ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            raise Failed(f"the server had not ended {ENDS_WITHIN} s after SIGTERM") from None
        status = self.process.returncode
        step.case(status == 0, f"on SIGTERM the server ends with status 0: {status}")
        step.case(more == "", f"the server prints one line only: {more!r}")


@contextlib.contextmanager
def server(step, logs, *arguments, name="server"):
    """Runs the program and yields its port."""
    with program(step, logs, *arguments, name=name) as running:
        yield running.port


@contextlib.contextmanager
def program(step, logs, *arguments, name="server", listen="127.0.0.1:0", built=None, **options):
    """Runs `cargo run --release`, or the program at `built`, on a free port instead of 9001, or at the address in
    the arguments.

    The arguments are the program's, the options those of its process, and the name distinguishes the logs of a step
    that runs several servers. Afterwards the program must end with status 0 on SIGTERM, after printing only its one
    line; that is a case of the step."""
    cargo = ["cargo", "run", "--locked", "--quiet", "--release", *(["--"] if arguments else [])]
    words = [*([built] if built else cargo), *arguments]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SYSCONN_")}
    environment["SYSCONN_LISTEN"] = listen
    log_path = logs / f"{step.log_path.stem}.{name}.log"
    step.note(f"$ SYSCONN_LISTEN={listen} {' '.join(map(str, words))}  (its log: {log_path})")
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
            **options,
        )
        try:
            running = Program(process, log_path)
            running.wait_until_ready()
            yield running
            running.finish(step)
        finally:
            end_group(process)


def tail(log_path):
    """The last line of a log, for a message."""
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    return f"its log ends: {lines[-1]}" if lines else "its log is empty"
