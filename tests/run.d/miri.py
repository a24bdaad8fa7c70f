"""Runs the code without sockets under Miri, which finds undefined behaviour. Miri is a component of the nightly
toolchain that few machines have; this does not install it."""

import re

from step import Skipped

ROOMS = ("frame::", "packet::", "router::", "upgrade::", "conn::")
"""The modules to run: all parsers of client input."""
LEFT_OUT = 21
"""The number of tests that only repeat much or move many bytes, and are marked to be ignored under Miri."""


def run(step, target):
    """Counts each unit test as a case."""
    status, version = step.command("cargo", "+nightly", "miri", "--version")
    if status != 0 or not re.search(r"^miri \d", version, re.MULTILINE):
        raise Skipped("there is no Miri here: `rustup +nightly component add miri` installs it")
    environment = {
        # The tests of random traffic ask for randomness and for the environment.
        "MIRIFLAGS": "-Zmiri-disable-isolation",
        "PROPTEST_CASES": "4",
        "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "true",
        "CARGO_TARGET_DIR": str(target / "miri"),
    }
    library = ("cargo", "+nightly", "miri", "test", "--locked", "--package", "sysconn", "--lib", "--")
    step.cases(*library, *ROOMS, left_out=LEFT_OUT, env=environment, limit=2400)
    # Miri has only the processor features that the program is compiled for: with these the unsafe call is
    # made.
    environment["CARGO_ENCODED_RUSTFLAGS"] = "-Ctarget-feature=+avx2"
    step.cases(*library, "frame::mask::", env=environment, limit=600)
