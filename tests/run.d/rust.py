"""The parts that need only Cargo: formatting, lints, dependencies, tests and documentation."""

import json
import os
from pathlib import Path

from step import Failed, Skipped

LIBRARY = ("--package", "sysconn")
"""Selects the library alone; beside the gateway it is built with the features that the gateway needs."""

CORE = {"base64", "byteorder", "bytes", "httparse", "log", "mio", "sha1", "slab", "socket2"}
"""The dependencies of the library without features, as with `cargo add sysconn`."""

PACKAGED = (
    ".cargo_vcs_info.json",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-",
    "README.md",
    "examples/",
    "src/",
)
"""The prefixes of file names in the library's package."""

SHARED = {"sysconn", "ring"}
"""What the other packages name and the library may have: itself, and what rustls brings already."""

MACOS = "x86_64-apple-darwin"
"""The target for which the library is checked."""

APART = {"cluster", "compile_fail", "foreign_tungstenite", "nats"}
"""Integration tests that are parts of their own."""

DENY_WARNINGS = ("--", "-D", "warnings")


def formatting(step):
    step.must("cargo", "fmt", "--all", "--check")
    cases = sorted(map(str, (step.root / "tests" / "compile_fail").glob("*.rs")))
    step.must("rustfmt", "--check", "--edition", "2024", *cases)


def core_alone(step):
    direct = dependencies(step, "sysconn", "--depth", "1")
    if direct != CORE:
        raise Failed(f"the library depends on {listed(direct)}, and not on {listed(CORE)}")
    optional = dependencies(step, "sysconn", "--depth", "1", "--all-features")
    whole = dependencies(step, "sysconn", "--all-features")
    for package in ("sysconn-gateway", "sysconn-cluster"):
        reached = (dependencies(step, package, "--depth", "1") - optional - SHARED) & whole
        if reached:
            raise Failed(f"dependencies of {package} reach the library: {listed(reached)}")
    files = step.must("cargo", "package", "--quiet", "--locked", "--list", "--allow-dirty", *LIBRARY).splitlines()
    others = [name for name in files if not name.startswith(PACKAGED)]
    if "src/lib.rs" not in files or others:
        raise Failed(f"the package of the library has {listed(others) or 'no src/lib.rs'}")


def dependencies(step, package, *words):
    """The names of the packages that a package depends on, without its dev-dependencies."""
    tree = ("cargo", "tree", "--locked", "-e", "normal", "--prefix", "none", "--format", "{p}")
    own, *others = step.must(*tree, "--package", package, *words).splitlines()
    if not own.startswith(f"{package} ") or not others:
        raise Failed(f"cargo tree does not list {package} and its dependencies")
    return {line.split()[0] for line in others}


def listed(names):
    return ", ".join(sorted(names))


def clippy(step):
    step.must("cargo", "clippy", "--locked", "--workspace", "--all-targets", "--all-features", *DENY_WARNINGS)


def clippy_core(step):
    step.must("cargo", "clippy", "--locked", "--lib", *LIBRARY, *DENY_WARNINGS)


def macos(step):
    """Leaves TLS out: its cryptography needs a C compiler for the target."""
    libraries = step.must("rustc", "--print", "target-libdir", "--target", MACOS).strip()
    if not any(Path(libraries).glob("libstd-*")):
        raise Skipped(f"the standard library for macOS is missing; `rustup target add {MACOS}` installs it")
    (library,) = (package for package in workspace(step) if package["name"] == "sysconn")
    features = ",".join(sorted(set(library["features"]) - {"default", "tls"}))
    words = ("cargo", "clippy", "--locked", "--lib", *LIBRARY, "--features", features, "--target", MACOS)
    step.must(*words, *DENY_WARNINGS)


def workspace(step):
    """The packages of the workspace, as Cargo describes them."""
    metadata = step.must("cargo", "metadata", "--quiet", "--locked", "--no-deps", "--format-version", "1")
    return json.loads(metadata)["packages"]


def tests(step):
    targets = [target for package in workspace(step) for target in package["targets"]]
    names = {target["name"] for target in targets if "test" in target["kind"]}
    chosen = [word for name in sorted(names - APART) for word in ("--test", name)]
    whole = ("--workspace", "--all-features", "--lib", "--bins")
    step.cases("cargo", "test", "--locked", "--no-fail-fast", *whole, *chosen)


def tests_core(step):
    step.cases("cargo", "test", "--locked", "--lib", *LIBRARY)


def doc_tests(step):
    step.cases("cargo", "test", "--locked", "--workspace", "--all-features", "--doc")


def docs(step):
    flags = f"{os.environ.get('RUSTDOCFLAGS', '')} -D warnings"
    step.must("cargo", "doc", "--locked", "--no-deps", "--all-features", *LIBRARY, env={"RUSTDOCFLAGS": flags})


def compile_fail(step):
    step.cases("cargo", "test", "--locked", "--workspace", "--all-features", "--test", "compile_fail")


def tungstenite(step):
    step.cases("cargo", "test", "--locked", "--workspace", "--all-features", "--test", "foreign_tungstenite")
