#!/usr/bin/env python3
"""The release program while the system below it fails: system calls that fail, descriptors that run out, a process
that stands still, a log that nobody takes, and a process that is killed. Needs Linux and strace.

Prints a line for each case, and ends with status 1 if one fails. Names choose the cases that contain one of them.
"""

import argparse
import os
import sys
import time
import traceback
from pathlib import Path

sys.dont_write_bytecode = True

import injected  # noqa: E402
import logs  # noqa: E402
import recordings  # noqa: E402
import situations  # noqa: E402
import store  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=TARGET / "release" / "sysconn", help="the program")
    parser.add_argument("names", nargs="*", metavar="NAME", help="run the cases that have this in their name")
    options = parser.parse_args()
    modules = (injected, situations, recordings, store, logs)
    cases = [case for module in modules for case in module.cases(options.program)]
    chosen = [case for case in cases if not options.names or any(name in case[0] for name in options.names)]
    reason = injected.can_trace()
    if reason:
        print(f"FAILED: strace can't be used here: {reason}")
        print("test result: FAILED. 0 passed; 1 failed")
        return 1
    failed = faults = 0
    for name, case in chosen:
        began = time.monotonic()
        try:
            wrong, count = case()
        except Exception:  # One case that breaks must not hide the others.
            wrong, count = [traceback.format_exc()], 0
        failed += bool(wrong)
        faults += count
        seconds = time.monotonic() - began
        print(f"{'FAILED' if wrong else 'passed'}: {name} ({count} faults, {seconds:.1f} s)", flush=True)
        for line in wrong:
            print(f"    {line}", flush=True)
    print(f"{faults} system calls failed")
    print(f"test result: {'FAILED' if failed else 'ok'}. {len(chosen) - failed} passed; {failed} failed")
    return 1 if failed or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
