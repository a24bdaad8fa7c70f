"""The program, as a process of its own, and what the system says of it."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from client import PATIENCE, Client

LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+), unix:(.+)\n")
IDLE_SECONDS = 0.3
IDLE_SHARE = 0.05
"""Part of that time for which a program that has nothing to do may run. One that spins takes all it gets."""
MAX_LOG_BYTES = 64 * 1024


class Program:
    """Listens on a free port and on a Unix socket. Killed, if need be, when the block ends that it is for."""

    def __init__(self, executable, *options, log=None, wrapper=(), port=0, folder=None, start=True):
        self.executable = executable
        self.folder = folder or Path(tempfile.mkdtemp(prefix="sysconn-faults-"))
        self.unix = str(self.folder / "socket")
        self.log_path = self.folder / "log"
        listen = ("--listen", f"127.0.0.1:{port}", "--listen", f"unix:{self.unix}")
        self.words = [*wrapper, executable, "serve", *listen, *options]
        self.log = log
        self.process = None
        if start:
            self.start()

    def spawn(self):
        environment = {key: value for key, value in os.environ.items() if not key.startswith("SYSCONN_")}
        own_log = open(self.log_path, "ab") if self.log is None else None
        try:
            self.process = subprocess.Popen(
                [str(word) for word in self.words],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=own_log or self.log,
                text=True,
                start_new_session=True,
            )
        finally:
            if own_log:
                own_log.close()
        self.pid = self.process.pid

    def start(self):
        self.spawn()
        line = self.process.stdout.readline()
        match = LISTENING.fullmatch(line)
        if not match:
            raise AssertionError(f"the program printed {line!r}; its log: {self.log_text()}")
        self.port = int(match[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self):
        """Ends it at once, with all that it was started through."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        if self.process:
            self.process.wait()
            self.process.stdout.close()

    @property
    def addresses(self):
        return (self.port, self.unix)

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def task(self, name):
        """The thread of that name, which it gives itself once it runs."""
        found = []

        def look():
            for task in Path(f"/proc/{self.pid}/task").iterdir():
                if (task / "comm").read_text().strip() == name:
                    found.append(int(task.name))
            return found

        if not eventually(look):
            raise AssertionError(f"there is no thread {name}")
        return found[0]

    def is_stopped(self):
        """Whether all its threads stand still."""
        tasks = Path(f"/proc/{self.pid}/task").iterdir()
        return all((task / "stat").read_text().rpartition(") ")[2].startswith("T") for task in tasks)

    def ran(self):
        """Seconds for which all its threads have run."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            total += int(Path(f"/proc/{self.pid}/task/{task}/schedstat").read_text().split()[0])
        return total / 1e9

    def idles(self):
        """The part of a moment for which it runs though it has nothing to do."""
        before, began = self.ran(), time.monotonic()
        time.sleep(IDLE_SECONDS)
        return (self.ran() - before) / (time.monotonic() - began)

    def finish(self):
        """Ends it as an operator would: its exit status, and what else it printed."""
        self.process.send_signal(signal.SIGTERM)
        more, _ = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, more

    def serves(self):
        """A new client is served at each address."""
        for address in self.addresses:
            client = Client(address)
            client.echo(b"served")
            client.close()


def eventually(what):
    """Whether that comes true within a while."""
    deadline = time.monotonic() + PATIENCE
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def faults_after(program, descriptors, max_log_bytes=MAX_LOG_BYTES):
    """What is wrong with a program whose clients have gone: it has as many descriptors as before, serves, is idle, and
    has not filled its log; and it ends with status 0."""
    faults = []
    if program.process.poll() is not None:
        return [f"the program has ended with status {program.process.returncode}: {program.log_text()[-500:]}"]
    program.serves()
    if not eventually(lambda: program.descriptors() <= descriptors):
        faults.append(f"{program.descriptors()} descriptors, {descriptors} before")
    if (share := program.idles()) > IDLE_SHARE:
        faults.append(f"it runs for {share:.0%} of the time and has nothing to do")
    status, printed = program.finish()
    if (status, printed) != (0, ""):
        faults.append(f"on SIGTERM it ended with status {status} and printed {printed!r}")
    log = program.log_text()
    if len(log) > max_log_bytes:
        faults.append(f"{len(log)} bytes of log")
    if "panic" in log:
        faults.append(f"it panicked: {log[-500:]}")
    if os.path.exists(program.unix):
        faults.append("its Unix socket is still there")
    return faults
