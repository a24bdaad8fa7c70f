"""Runs each fuzz target for a while, from its seeds, if a nightly toolchain is installed."""

import json
import platform
import re
import shutil
from pathlib import Path

from step import Failed, Skipped

FUZZ = Path(__file__).resolve().parent.parent.parent / "fuzz"
MANIFEST = FUZZ / "Cargo.toml"
SECONDS = 10
"""Seconds for each target by default."""
HANG_SECONDS = 20
"""The time limit of one input. The machine may be busy with other work."""
EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
FINDING = re.compile(r"panicked at .*\n.*|^Base64: .*", re.MULTILINE)
"""The failure, and the input if it is short, for a log from a machine that no longer exists."""


def run(step, target, installer, minutes=None):
    """Counts each target as a case, which passes if no input fails within its time. `minutes` are for all targets
    together; the inputs found are kept for the next run."""
    step.must("cargo", "fmt", "--manifest-path", MANIFEST, "--check")
    metadata = ("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1", "--manifest-path", MANIFEST)
    (package,) = json.loads(step.must(*metadata))["packages"]
    names = sorted(one["name"] for one in package["targets"] if "bin" in one["kind"])
    if not has_nightly(step):
        check(step, target)
        reason = "there is no nightly toolchain, so the fuzz targets were compiled, and not run"
        raise (Failed if minutes else Skipped)(reason)
    directory = build(step, target, installer)
    seconds = max(1, int(minutes * 60 / len(names))) if minutes else SECONDS
    for name in names:
        fuzz(step, target, directory / name, seconds, keep=bool(minutes))


def has_nightly(step):
    """Whether rustup, if there is one, has a nightly toolchain."""
    if not shutil.which("rustup"):
        return False
    return any(line.startswith("nightly") for line in step.must("rustup", "toolchain", "list").splitlines())


def check(step, target):
    """Without a nightly toolchain: checks that the targets compile."""
    environment = {"CARGO_TARGET_DIR": str(target / "fuzz")}
    step.must("cargo", "check", "--locked", "--manifest-path", MANIFEST, env=environment)
    step.case(True, "the targets fit the library")


def build(step, target, installer):
    """Builds all targets at once. Returns where they are."""
    into = target / "fuzz-nightly"
    environment = {"CARGO_TARGET_DIR": str(into), "PATH": installer.cargo_fuzz_path(step)}
    # All but one call is safe code: a sanitizer would have little to find, and takes most of the time. So does noting
    # each comparison, of which an inflater and a checksum make several for each byte.
    options = ("--sanitizer", "none", "--no-trace-compares")
    step.must("cargo", "+nightly", "fuzz", "build", *options, env=environment)
    return into / f"{platform.machine()}-unknown-linux-gnu" / "release"


def fuzz(step, target, program, seconds, keep):
    name = program.name
    found, corpus = target / "fuzz-found", target / "fuzz-corpus" / name
    if not keep:
        shutil.rmtree(corpus, ignore_errors=True)
    for directory in (found, corpus):
        directory.mkdir(parents=True, exist_ok=True)
    dictionary = FUZZ / "dictionaries" / f"{name}.dict"
    options = [
        f"-max_total_time={seconds}",
        f"-timeout={HANG_SECONDS}",
        f"-artifact_prefix={found}/{name}-",
        "-print_final_stats=1",
        *([f"-dict={dictionary}"] if dictionary.is_file() else []),
    ]
    seeds = FUZZ / "corpus" / name
    status, output = step.command(program, corpus, seeds, *options, limit=seconds + 600)
    executed = EXECUTED.search(output)
    count = int(executed[1]) if executed else 0
    enough = count > sum(1 for _ in seeds.iterdir())
    finding = "; ".join(FINDING.findall(output)).replace("\n", " ")
    failed = f"ended with status {status}; {finding}; the input is in {found}"
    problem = failed if status else "did not get beyond its seeds"
    step.case(status == 0 and enough, f"{name}: {count} inputs" + ("" if status == 0 and enough else f", {problem}"))
    if keep:
        step.remark(f"{name}: {count} inputs in {seconds} s")
