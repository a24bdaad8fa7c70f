"""Checks the dependencies against deny.toml: each package must have licences that are listed there, and come from
a listed registry or this repository."""

import json
import re
from pathlib import Path

from step import Failed

ROOT = Path(__file__).resolve().parent.parent.parent
MANIFESTS = sorted(
    path
    for path in (*ROOT.glob("Cargo.toml"), *ROOT.glob("*/Cargo.toml"), *ROOT.glob("*/*/Cargo.toml"))
    if path.with_name("Cargo.lock").is_file()
)
"""The workspaces, each with a lock file of its own."""

TOKEN = re.compile(r"\(|\)|/|[^\s()/]+")
"""A licence, an operator or a parenthesis of an SPDX expression. Older packages write `/` for OR."""


def run(step):
    """Counts each package as a case."""
    rules = Rules((ROOT / "deny.toml").read_text(encoding="utf-8"))
    check_expressions()
    for manifest in MANIFESTS:
        step.note(f"what {manifest.relative_to(ROOT)} depends on")
        words = ("--locked", "--format-version", "1", "--all-features", "--manifest-path", manifest)
        packages = json.loads(step.must("cargo", "metadata", "--quiet", *words))["packages"]
        if not any(package["source"] for package in packages):
            raise Failed(f"{manifest} depends on nothing, which can't be")
        for package in packages:
            complaint = rules.complaint(package)
            step.case(not complaint, f"{package['name']} {package['version']}: {complaint or package['license']}")


class Rules:
    """The lists of deny.toml. Python reads TOML from 3.11 on only; these lists are strings, one after the
    other."""

    def __init__(self, text):
        self.licences = strings(text, r"^allow = \[(.*?)\]")
        self.registries = strings(text, r"^allow-registry = \[(.*?)\]")
        exceptions = re.findall(r'\{ crate = "([^"]+)", allow = \[(.*?)\] \}', text)
        self.exceptions = {name: set(re.findall(r'"([^"]+)"', allowed)) for name, allowed in exceptions}

    def complaint(self, package):
        """The fault of a package, or None."""
        source = package["source"]
        if source is None:
            is_ours = Path(package["manifest_path"]).is_relative_to(ROOT)
            return None if is_ours else f"it comes from {package['manifest_path']}"
        if source.removeprefix("registry+") not in self.registries:
            return f"it comes from {source}"
        if not package["license"]:
            return "it names no licence"
        allowed = self.licences | self.exceptions.get(package["name"], set())
        return None if satisfied(package["license"], allowed) else f"its licence is {package['license']}"


def strings(text, pattern):
    """The strings of the only list that matches the pattern."""
    found = re.findall(pattern, text, re.MULTILINE | re.DOTALL)
    if len(found) != 1 or not (listed := set(re.findall(r'"([^"]+)"', found[0]))):
        raise Failed(f"deny.toml has no list {pattern}, or more than one")
    return listed


def satisfied(expression, allowed):
    """Whether the allowed licences satisfy an SPDX expression. AND binds tighter than OR, and a WITH exception
    only relaxes a licence."""
    tokens = TOKEN.findall(expression)

    def either():
        result = both()
        while tokens and tokens[0].upper() in ("OR", "/"):
            tokens.pop(0)
            result = both() or result
        return result

    def both():
        result = one()
        while tokens and tokens[0].upper() == "AND":
            tokens.pop(0)
            result = one() and result
        return result

    def one():
        token = tokens.pop(0) if tokens else ")"
        if token == "(":
            result = either()
            if not tokens or tokens.pop(0) != ")":
                raise Failed(f"{expression!r} is no licence expression")
            return result
        if token in (")", "/") or token.upper() in ("AND", "OR", "WITH"):
            raise Failed(f"{expression!r} is no licence expression")
        if tokens and tokens[0].upper() == "WITH":
            del tokens[:2]
        return token in allowed

    result = either()
    if tokens:
        raise Failed(f"{expression!r} is no licence expression")
    return result


def check_expressions():
    """Tests the parser of expressions before its results are used."""
    allowed = {"MIT", "Zlib"}
    for expression, expected in {
        "MIT": True,
        "GPL-3.0": False,
        "GPL-3.0 OR MIT": True,
        "GPL-3.0/MIT": True,
        "MIT AND GPL-3.0": False,
        "GPL-3.0 OR MIT AND Zlib": True,
        "(GPL-3.0 OR MIT) AND Unicode-3.0": False,
        "(GPL-3.0 OR MIT) AND Zlib": True,
        "MIT WITH Some-exception AND Zlib": True,
        "GPL-3.0 WITH Some-exception": False,
    }.items():
        if satisfied(expression, allowed) != expected:
            raise Failed(f"{expression!r} is not understood")
