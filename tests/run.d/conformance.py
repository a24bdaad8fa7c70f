"""The cases of the Autobahn test suite, run by `kosoku` against `sysconn echo`, and their summary.

The expected results are in tests/conformance/, one file for each suite. Started as a program, this file writes
their summary by category into docs/reliability.md."""

import contextlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from browser import certificate
from pipe import to_tls
from server import server
from step import Failed

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- conformance: begin -->\n", "<!-- conformance: end -->\n"
GOOD = ("OK", "INFORMATIONAL")
"""The permitted results; FAILED, NON-STRICT, WRONG CODE and the like are not permitted even as expectations."""
PARALLEL = "4"
"""The number of cases at a time. They mostly wait, for the runner or for a timer."""

CATEGORIES = {
    1: "Framing",
    2: "Pings and Pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8 handling",
    7: "Close handling",
    9: "Limits and performance",
    10: "Miscellaneous",
    12: "Compression: messages",
    13: "Compression: parameters",
}


@dataclass(frozen=True)
class Suite:
    """Cases that run against a server with the same arguments."""

    name: str
    title: str
    arguments: tuple
    chosen: tuple
    sample: tuple
    tls: bool = False

    @property
    def expected_path(self):
        return ROOT / "tests" / "conformance" / f"{self.name}.txt"

    def expected(self):
        """The expected result of each case, and of its close."""
        lines = self.expected_path.read_text(encoding="utf-8").splitlines()
        words = [line.split() for line in lines]
        if not words or any(len(line) != 3 for line in words):
            raise Failed(f"{self.expected_path} is not made of lines `CASE BEHAVIOUR CLOSE`")
        return {case: (behaviour, close) for case, behaviour, close in words}


# The cases of 9.* need this limit; the default is tested elsewhere.
ECHO = ("echo", "--max-len", "16777216", "--log", "warn")
COMPRESSION = ("-i", "12.*", "-i", "13.*")
# The shortest messages of each kind, and two kinds with ones that take many reads. Each by its full name: in
# kosoku's patterns the text after a `*` need not end the name.
SHORT = [f"12.{kind}.{size}" for kind in range(1, 6) for size in (1, 2, 3, 4)]
SHORT += [f"13.{kind}.{size}" for kind in range(1, 8) for size in (1, 2, 3, 4)]
SAMPLE = tuple(word for case in (*SHORT, "12.1.10", "13.7.10") for word in ("-i", case))

PLAIN = Suite("plain", "`sysconn echo`", ECHO, ("-x", "12.*", "-x", "13.*"), ())
TLS = Suite(
    "tls", "`sysconn echo`, over TLS", ECHO, ("-i", "1.*", "-i", "5.*", "-i", "7.*"), (), tls=True
)
DEFLATE = [
    Suite(mode, f"`--deflate {mode}`", (*ECHO, "--deflate", mode), COMPRESSION, SAMPLE)
    for mode in ("dedicated", "shared")
]


def run(step, logs, installer, suite, whole=True):
    """Runs a suite or its sample, and counts each case, which must have its expected result."""
    kosoku = installer.kosoku(step)
    reports = logs / f"{step.log_path.stem}.{suite.name}"
    shutil.rmtree(reports, ignore_errors=True)
    cases = suite.chosen if whole else suite.sample
    with listening(step, logs, suite) as port:
        address = f"ws://127.0.0.1:{port}"
        # Its status is 1 if a case failed; which one is in the report.
        step.command(kosoku, "-m", "fuzzingclient", *cases, "-p", PARALLEL, "-o", reports, address)
    seen = read_report(reports / "index.json")
    listing = reports / "seen.txt"
    listing.write_text("".join(f"{case} {' '.join(seen[case])}\n" for case in sorted(seen, key=order)))
    step.note(f"what was seen, in the form of {suite.expected_path}: {listing}")
    compare(step, suite, seen, whole)


@contextlib.contextmanager
def listening(step, logs, suite):
    """A server for the suite. Yields the port for the runner, which speaks no TLS."""
    if not suite.tls:
        with server(step, logs, *suite.arguments, name=suite.name) as port:
            yield port
        return
    with certificate(step) as (shown, key):
        tls = ("--tls-cert", str(shown), "--tls-key", str(key))
        with server(step, logs, *suite.arguments, *tls, name=suite.name) as port, to_tls(port, shown) as plain:
            yield plain


def read_report(path):
    """The result of each case, and of its close."""
    if not path.is_file():
        raise Failed("kosoku wrote no report")
    (cases,) = json.loads(path.read_text(encoding="utf-8")).values()
    return {case: (result["behavior"], result["behaviorClose"]) for case, result in cases.items()}


def compare(step, suite, seen, whole):
    expected = suite.expected()
    for case in sorted(seen.keys() | (expected.keys() if whole else set()), key=order):
        got, wanted = seen.get(case, ("not run",)), expected.get(case, ("nothing",))
        good = got == wanted and all(word in GOOD for word in got)
        step.case(good, f"{suite.name} {case}: {' '.join(got)}, expected {' '.join(wanted)}")


def order(case):
    return [int(number) for number in case.split(".")]


def summary():
    """The table for docs/reliability.md: the number of cases of each category with each result."""
    lines = ["| Cases | Against | OK | Informational | Other |", "| --- | --- | --- | --- | --- |"]
    totals = [0, 0, 0]
    for suite in (PLAIN, TLS, *DEFLATE):
        expected = suite.expected()
        for number in sorted({order(case)[0] for case in expected}):
            ends = [end for case, (end, _) in expected.items() if order(case)[0] == number]
            counts = [ends.count("OK"), ends.count("INFORMATIONAL")]
            counts.append(len(ends) - sum(counts))
            totals = [total + count for total, count in zip(totals, counts)]
            title = f"{number}.* {CATEGORIES.get(number, '')}".strip()
            lines.append(f"| {title} | {suite.title} | {' | '.join(map(str, counts))} |")
    lines.append(f"| all | | {' | '.join(map(str, totals))} |")
    return "".join(f"{line}\n" for line in lines)


def with_summary(text):
    """docs/reliability.md with the current table."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise Failed(f"docs/reliability.md has no lines {BEGIN.strip()} and {END.strip()}")
    return f"{before}{begin}\n{summary()}\n{end}{after}"


def check_summary(step):
    """Checks, as a case, that docs/reliability.md has the table that follows from the expectations."""
    text = PAGE.read_text(encoding="utf-8")
    current = with_summary(text) == text
    step.case(current, "the table in docs/reliability.md is current, or else tests/run.d/conformance.py writes it")


def main():
    PAGE.write_text(with_summary(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
