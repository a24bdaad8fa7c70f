"""Does each step of docs/tutorial.md as it stands there, and clicks on its page in headless Chromium.

A block of `sh` runs, one of `console` runs on in a terminal of its own. Any other block is a file, whose name is
the last one in the line above it. Ports are replaced by free ones."""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import zlib
from pathlib import Path

from step import Failed, end_group
from webdriver import PATIENCE, driven

BLOCK = re.compile(r"^(?P<before>[^\n]*)\n\n```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"`([\w./]+)`:$")
PORTS = ("9001", "8000")
"""The ports of the page: the server's, and that of its files."""
MOST_STEPS = 10
NPM = {"npm_config_audit": "false", "npm_config_fund": "false", "npm_config_prefer_offline": "true"}
"""Npm asks for nothing that it does not need."""
TYPES = """import { Client } from "./dist/esm/index.js";
import { dice } from "./dist/esm/messages/index.js";
const client = new Client("");
export const rolled: Promise<{ value: number; rolls: bigint }> = client.call(dice.roll, { sides: 6 });
// @ts-expect-error
client.call(dice.roll, { sides: "six" });
"""
"""What compiles, but for the line below the directive, which must not."""


def run(step, installer, target):
    installer.required(step, "chromium", "chromium")
    command = installer.required(step, "chromedriver", "chromium-driver")
    node, environment = installer.client(step, step.root / "clients" / "js", target / "js")
    path = os.pathsep.join((str(Path(node).parent), environment.get("PATH", os.environ["PATH"])))
    page = (step.root / "docs" / "tutorial.md").read_text(encoding="utf-8")
    steps = len(re.findall(r"^## \d+\. ", page, re.MULTILINE))
    step.case(0 < steps <= MOST_STEPS, f"the tutorial has {steps} steps, and may have {MOST_STEPS}")
    with outside(step.root) as folder:
        # The dependencies are shared with the part `messages`.
        variables = {**environment, "PATH": path, "CARGO_TARGET_DIR": str(target / "generate"), **NPM}
        reader = Reader(step, folder, variables)
        with contextlib.ExitStack() as terminals:
            terminals.callback(reader.close)
            for block in BLOCK.finditer(page):
                reader.follow(**block.groupdict())
            reader.check_types()
            with driven(step, command) as driver:
                click(step, driver, reader)


@contextlib.contextmanager
def outside(root):
    """An empty folder outside of the project, whose workspace would take the new package in. It is removed
    afterwards. Its place is always the same, so that Cargo knows what it has built before."""
    folder = Path(tempfile.gettempdir()) / f"sysconn-tutorial-{zlib.crc32(str(root).encode())}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Reader:
    """Somebody who follows the page."""

    def __init__(self, step, folder, variables):
        self.step = step
        self.folder = folder
        self.variables = {**os.environ, **variables}
        self.terminals = []
        self.ports = {port: free_port() for port in PORTS}
        (folder / "sysconn").symlink_to(step.root)

    @property
    def project(self):
        return self.folder / "dice"

    def follow(self, before, language, text):
        for port, free in self.ports.items():
            text = text.replace(port, free)
        name = NAMED.search(before)
        if language == "sh":
            self.run(text)
        elif language == "console":
            self.open_terminal(text)
        elif name:
            (self.project / name[1]).write_text(text, encoding="utf-8")
        elif language != "text":
            raise Failed(f"a block of {language} has no file name above it: {before}")

    def run(self, text):
        status = self.script(text)
        self.step.case(status == 0, f"the commands succeed: {text.splitlines()}")
        if status:
            raise Failed("the steps after this one can't be done")
        lock = self.project / "Cargo.lock"
        if not lock.exists():
            # The versions that all else is tested with.
            shutil.copyfile(self.step.root / "Cargo.lock", lock)

    def script(self, text):
        """The exit status of commands, which begin in the project if there is one."""
        where = self.project if self.project.exists() else self.folder
        self.step.note(f"$ {text}")
        process = subprocess.run(
            ["bash", "-e", "-c", text], cwd=where, env=self.variables, stdin=subprocess.DEVNULL,
            stdout=self.step.log, stderr=subprocess.STDOUT, timeout=600, check=False,
        )
        return process.returncode

    def open_terminal(self, text):
        """Starts a command, and waits until something listens at the port that belongs to it."""
        self.step.note(f"$ {text} &")
        self.terminals.append(
            subprocess.Popen(
                ["bash", "-c", f"exec {text}"], cwd=self.project, env=self.variables, stdin=subprocess.DEVNULL,
                stdout=self.step.log, stderr=subprocess.STDOUT, start_new_session=True,
            )
        )
        port = self.ports[PORTS[1] if "http.server" in text else PORTS[0]]
        end = time.monotonic() + PATIENCE
        while True:
            with contextlib.suppress(OSError):
                return socket.create_connection(("127.0.0.1", int(port)), timeout=1).close()
            if time.monotonic() > end:
                raise Failed(f"nothing listens at {port}")
            time.sleep(0.05)

    def check_types(self):
        """The page says that a wrong type does not compile."""
        (self.project / "client" / "types.ts").write_text(TYPES)
        options = "--strict --noEmit --target es2020 --module nodenext --moduleResolution nodenext"
        status = self.script(f"cd client; npx tsc {options} types.ts")
        self.step.case(status == 0, "a number of sides compiles, and a text in its place does not")

    def close(self):
        for process in self.terminals:
            end_group(process)


def click(step, driver, reader):
    """What the page says that a click shows, also while the server is away."""
    driver.open(f"http://127.0.0.1:{reader.ports['8000']}/")

    def roll(sides):
        driver.fill("[name=sides]", sides)
        driver.click("button")

    roll("6")
    driver.wait_for_text("#result", "roll number 1")
    shown = driver.text("#result")
    step.case(re.fullmatch(r"[1-6], roll number 1", shown) is not None, f"a click shows a roll: {shown}")
    roll("1")
    driver.wait_for_text("#result", "There is no such die.")
    step.case(True, "a die with 1 side is refused")
    server = reader.terminals[0]
    end_group(server)
    roll("2")
    reader.open_terminal("cargo run\n")
    driver.wait_for_text("#result", "roll number 1")
    shown = driver.text("#result")
    step.case(re.fullmatch(r"[12], roll number 1", shown) is not None, f"a call has waited for the server: {shown}")


def free_port():
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])
