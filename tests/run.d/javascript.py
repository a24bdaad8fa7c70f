"""Builds the JavaScript client, compares what is generated with what is checked in, and runs its tests."""

import os
import shutil

from browser import Chromium

GENERATED = ("src/messages/messages.ts", "src/messages/commands.ts")
"""Files that come from the routes and the proto file."""
BUILT = ("bundle/package.json", "bundle/sysconn-client.js")
"""Built files that are checked in, so that pages need no Node."""
CUTS_SECONDS = "60"
"""How long connections are cut at random; among the other tests it is shorter."""


def run(step, installer, target):
    """Everything but the minute of cuts."""
    node, environment, folder = prepare(step, installer, target)
    descriptors = folder / "sysconn.bin"
    generate = ("cargo", "run", "--locked", "--quiet", "--manifest-path", "proto/generate/Cargo.toml", "--")
    building = {"CARGO_TARGET_DIR": str(target / "generate")}
    step.must(*generate, "--descriptors", "proto/sysconn.proto", descriptors, env=building)
    step.must(node, folder / "generate.mjs", descriptors, folder / "routes.json", folder / "src/messages")
    compare(step, folder, GENERATED)
    sizes = step.must(node, "build.mjs", folder=folder, env=environment)
    for line in sizes.splitlines():
        if line.endswith(" compressed"):
            step.remark(line)
    compare(step, folder, BUILT)
    for tool in ("publint/src/cli.js", "@arethetypeswrong/cli/dist/index.js"):
        words = ("--strict",) if tool.startswith("publint") else ("--pack", ".", "--profile", "node16")
        step.must(node, f"node_modules/{tool}", *words, folder=folder, env=environment)
        step.case(True, f"{tool} finds nothing")
    chromium = installer.required(step, Chromium.command, Chromium.package)
    tests(step, folder, node, environment, CHROMIUM=chromium)


def cuts(step, installer, target):
    """1,000 clients whose connections are cut at random."""
    node, environment, folder = prepare(step, installer, target)
    step.must(node, "build.mjs", folder=folder, env=environment)
    tests(step, folder, node, environment, "cuts", SYSCONN_CUTS=CUTS_SECONDS)


def prepare(step, installer, target):
    """Copies the client to a folder with its packages. Returns Node, its environment, and that folder."""
    source, folder = step.root / "clients" / "js", target / "js"
    node, environment = installer.client(step, source, folder)
    for name in ("src", "test", "dist", "bundle"):
        shutil.rmtree(folder / name, ignore_errors=True)
    shutil.copytree(source, folder, dirs_exist_ok=True)
    return node, {**environment, "SYSCONN_PROGRAM": str(target / "release" / "sysconn")}, folder


def compare(step, folder, names):
    """Counts whether each file is as checked in; with SYSCONN_WRITE=1 it is checked in now."""
    source = step.root / "clients" / "js"
    for name in names:
        if os.environ.get("SYSCONN_WRITE") == "1":
            shutil.copyfile(folder / name, source / name)
        same = (source / name).read_bytes() == (folder / name).read_bytes()
        step.case(same, f"clients/js/{name} is what is made of its sources: SYSCONN_WRITE=1 tests/run js writes it")


def tests(step, folder, node, environment, *names, **more):
    """Runs the tests in files of these names, or all."""
    step.cases(node, "test/run.mjs", *names, folder=folder, env={**environment, "SYSCONN_ROOT": str(step.root), **more}, limit=600)
