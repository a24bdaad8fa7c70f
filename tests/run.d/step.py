"""One part of a run: the commands that it starts, its log, and the cases that it counts."""

import os
import re
import signal
import subprocess

# The closing line of a Rust test binary, and of each foreign client.
RESULT = re.compile(r"^test result: .*?(\d+) passed; (\d+) failed(?:; (\d+) ignored)?", re.MULTILINE)


class Failed(Exception):
    """The part can't go on; the message says why."""


class Skipped(Exception):
    """The part needs something that this machine lacks and does not allow to be installed; the message names
    it."""


class Step:
    """A part while it runs. Its log holds every command, its output, and every verdict."""

    def __init__(self, root, log_path):
        self.root = root
        self.log_path = log_path
        self.passed = 0
        self.failed = 0
        self.remarks = []

    def __enter__(self):
        self.log = open(self.log_path, "w", encoding="utf-8")
        return self

    def __exit__(self, *_):
        try:
            self.log.close()
        except OSError:
            pass  # The line was shown, even if it could not be written.

    def note(self, line):
        """Adds a line to the log. A full disk must not hide which part failed, and why."""
        try:
            self.log.write(f"{line}\n")
            self.log.flush()
        except OSError as error:
            self.remarks.append(f"not in the log, {error.strerror}: {line}")

    def remark(self, line):
        """Adds a line to the log that is shown even if nothing fails."""
        self.note(line)
        self.remarks.append(line)

    def case(self, passed, what):
        """Counts one case."""
        self.passed += passed
        self.failed += not passed
        self.note(f"{'passed' if passed else 'FAILED'}: {what}")

    def command(self, *words, env=None, limit=1800, folder=None):
        """Runs a command for at most `limit` seconds, at the root of the project or in a folder. Returns its exit
        status and its output."""
        words = [str(word) for word in words]
        self.note(f"$ {' '.join(words)}")
        begin = self.log_path.stat().st_size
        environment = {**os.environ, "CARGO_TERM_COLOR": "never", "RUST_BACKTRACE": "0", **(env or {})}
        try:
            process = subprocess.Popen(
                words,
                cwd=folder or self.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise Failed(f"{words[0]} can't be started: {error.strerror}") from error
        try:
            status = process.wait(limit)
        except subprocess.TimeoutExpired:
            raise Failed(f"{words[0]} took more than {limit} s") from None
        finally:
            end_group(process)
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            log.seek(begin)
            return status, log.read()

    def must(self, *words, **options):
        """Runs a command that has to succeed, and returns its output."""
        status, output = self.command(*words, **options)
        if status != 0:
            raise Failed(f"{words[0]} ended with status {status}")
        return output

    def cases(self, *words, left_out=0, **options):
        """Runs a command that reports its cases as Rust's tests do, and counts them. An ignored case counts as
        failed, except for the given number: a case that did not run proves nothing."""
        status, output = self.command(*words, **options)
        results = [[int(count or 0) for count in result] for result in RESULT.findall(output)]
        passed, failed, ignored = map(sum, zip(*results)) if results else (0, 0, 0)
        self.passed += passed
        self.failed += failed + max(0, ignored - left_out)
        if ignored > left_out:
            self.note(f"FAILED: {ignored} ignored")
        if status != 0 and failed == 0:
            raise Failed(f"{words[0]} ended with status {status}")
        if passed + failed == 0:
            raise Failed("no case was run")

    def show(self, count):
        """Prints the last lines of the log, and before them the first of the failures further up."""
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            lines = [line.rstrip() for line in log]
        earlier = [line for line in lines[:-count] if line.startswith("FAILED: ")]
        for line in earlier[:count] + lines[-count:]:
            print(f"    {line}")
        print(f"    (all of it: {self.log_path})", flush=True)


def end_group(process):
    """Ends a process and its children. The process is the leader of a group of its own, so no other process is
    affected."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
