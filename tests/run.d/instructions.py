"""Counts the instructions of the parts without I/O by callgrind, and compares them with the baseline.

The counts are those of one compiler, one valgrind and one C library, which the baseline names; the load of the
machine does not change them. Started with --write, this file counts and rewrites the baseline."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from install import Installer, target_directory
from step import Failed, Step

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "benches" / "instructions"
MANIFEST = PACKAGE / "Cargo.toml"
BASELINE = PACKAGE / "baseline.txt"
COMMAND = "python3 tests/run.d/instructions.py --write"
BENCHES = (("--bench", "instructions"), ("--bench", "costly", "--features", "compressed"))
"""The second one needs a compression library, which adds a few instructions to each packet."""
PACKETS = "whole/reactor/b32x256"
HELD_AGAINST = {
    "bytes_of": (PACKETS, 1, 3),
    "segments_of": ("hostile/segments_of/a_packet", 1, 3),
    "visits_of": ("hostile/visits_of/a_good_one", 1, 3),
    "replies_of": ("hostile/replies_of/echoes", 1, 3),
    "writes_of": ("hostile/segments_of/a_packet", 1, 3),
    "frames_of": (PACKETS, 8, 18),
    "blocks_of": ("hostile/frames_of/deflate_text", 1, 25),
}
"""The counterpart of each kind of hostile input, its number, and how many times as much the hostile input may
cost.

Inflating and compressing are counted as frames (`frames_of` as 2048 or a few more), and so compared with 2048
packets. Such a frame costs more than a packet: short packets that follow one another are handled in one
loop, and a codec has to look at each byte. It costs most if compressed bytes only describe codes
(`blocks_of`, which have as many bytes as the texts of `frames_of`). The clock, which is read after each
slice, limits the time of such work."""
TOLERANCE = 0.03
"""The permitted difference of a count, as a share of the baseline's."""


def run(step, target, installer):
    """Counts each benchmark as a case: it takes at most as many instructions as the baseline says, and
    3 % more."""
    step.must("cargo", "fmt", "--manifest-path", MANIFEST, "--check")
    check_profile()
    made_with, expected = read_baseline()
    counted = count(step, target, installer)
    compare(step, expected, counted)
    hold_against_good(step, counted)
    here = tools()
    if made_with != here:
        step.remark(f"THE BASELINE IS OF OTHER TOOLS: it is of {made_with}, and here is {here}.")
        step.remark(f"Figures that differ may mean no more than that. To rewrite it: {COMMAND}")


def hold_against_good(step, counted):
    """Checks that hostile input costs at most a few times as much as the same amount of good input."""
    for kind, (good, count, most) in HELD_AGAINST.items():
        for name in sorted(counted):
            if name.startswith(f"hostile/{kind}/") and name != good:
                times = counted[name] / (count * counted[good])
                step.case(times <= most, f"{name}: {times:.2f} times {count} {good}, at most {most}")


def compare(step, expected, counted):
    for name in sorted(expected.keys() | counted.keys()):
        before, now = expected.get(name), counted.get(name)
        if before is None:
            step.case(False, f"{name}: {now} instructions, and not in the baseline; {COMMAND} adds it")
        elif now is None:
            step.case(False, f"{name}: in the baseline with {before} instructions, and not counted")
        else:
            change = f"{name}: {now} instructions, {before} in the baseline ({(now - before) / before:+.1%})"
            step.case(now <= before * (1 + TOLERANCE), change)
            if now < before * (1 - TOLERANCE):
                step.remark(f"{change}: lower the baseline, with {COMMAND}")


def count(step, target, installer):
    """The instructions of each benchmark, by its name."""
    if not installer.apt(step, "valgrind", "valgrind"):
        raise Failed("there is no valgrind, and it can't be installed here")
    environment = {
        "CARGO_TARGET_DIR": str(target / "instructions"),
        "GUNGRAUN_RUNNER": str(installer.gungraun_runner(step)),
        # A developer's own flags must not affect the counts.
        "CARGO_ENCODED_RUSTFLAGS": "",
    }
    counts = {}
    for words in BENCHES:
        words = ("--manifest-path", MANIFEST, *words, "--", "--output-format=json")
        output = step.must("cargo", "bench", "--locked", *words, env=environment)
        counts |= dict(read_summary(line) for line in output.splitlines() if line.startswith("{"))
    if not counts:
        raise Failed("gungraun has counted nothing")
    return counts


def read_summary(line):
    """The name of a benchmark and its count, from gungraun's output."""
    summary = json.loads(line)
    (profile,) = summary["profiles"]
    name = "/".join((summary["group"], summary["function_name"], summary["id"]))
    return name, profile["data"]["total"]["metrics"]["Ir"]["values"]["new"]


def tools():
    """The versions that the counts depend on."""
    versions = (first_line("rustc", "--version"), first_line("valgrind", "--version"))
    return ", ".join((*versions, " ".join(platform.libc_ver()), platform.machine()))


def first_line(*words):
    output = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    return output.partition("\n")[0].strip()


def check_profile():
    """Checks that the counted code is built like a release of sysconn: the two tables have the same lines, except
    one that Cargo ignores for benchmarks, which always unwind."""
    ours = table(MANIFEST, "profile.bench")
    theirs = [line for line in table(ROOT / "Cargo.toml", "profile.release") if line != 'panic = "unwind"']
    if ours != theirs:
        raise Failed(f"{MANIFEST} has [profile.bench] {ours}, and sysconn [profile.release] {theirs}")


def table(path, name):
    """The lines of a table in a Cargo.toml, without comments."""
    _, _, rest = path.read_text(encoding="utf-8").partition(f"\n[{name}]\n")
    lines = rest.partition("\n[")[0].splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def read_baseline():
    """The baseline's versions, and the count of each benchmark."""
    if not BASELINE.is_file():
        raise Failed(f"there is no baseline; {COMMAND} makes one")
    made_with, *lines = BASELINE.read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines]
    if not all(len(line) == 2 and line[1].isdecimal() for line in words):
        raise Failed(f"{BASELINE} is not made of lines `NAME INSTRUCTIONS`")
    return made_with.removeprefix("# "), {name: int(count) for name, count in words}


def main():
    if sys.argv[1:] != ["--write"]:
        sys.exit(f"usage: {COMMAND}; to compare: tests/run instructions")
    target = target_directory(ROOT)
    logs = target / "test-logs"
    logs.mkdir(parents=True, exist_ok=True)
    with Step(ROOT, logs / "instructions-write.log") as step:
        try:
            counted = count(step, target, Installer(target))
        except Failed as failure:
            step.note(f"FAILED: {failure}")
            step.show(50)
            sys.exit(1)
    lines = "".join(f"{name} {counted[name]}\n" for name in sorted(counted))
    BASELINE.write_text(f"# {tools()}\n{lines}", encoding="utf-8")
    print(f"{BASELINE}: {len(counted)} benchmarks")


if __name__ == "__main__":
    main()
