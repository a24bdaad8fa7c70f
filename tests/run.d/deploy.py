"""The files of deploy/, as far as a machine without systemd as init, a registry and a cluster can try them."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import tempfile
import tomllib
from pathlib import Path

import proxy as foreign
from browser import certificate
from client import Client
from proxies import SERVED, hosts
from proxy import running, until
from server import program

PROGRAM = "/usr/local/bin/sysconn"
"""Where the files have the program."""
MAX_EXPOSURE = 2.0
"""The highest figure of `systemd-analyze security` that the service may have."""
RELOADED = 20
"""How many clients are at a proxy that is reloaded."""
KEYS = "5a" * 32 + "\n"


def run(step, logs, installer, built):
    options(step, built)
    systemd(step, installer, built)
    docker(step)
    proxies(step, logs, installer, built)


def options(step, built):
    """Every option in a file is one of the program's, with a value that it takes."""
    deploy = step.root / "deploy"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        keys = folder / "token-keys"
        keys.write_text(KEYS)
        service = (deploy / "systemd" / "sysconn.service").read_text(encoding="utf-8")
        unit = re.search(rf"^ExecStart={PROGRAM} serve (.+)$", service, re.MULTILINE)
        before = re.search(rf"^ExecStartPre={PROGRAM} check-config --quiet (.+)$", service, re.MULTILINE)
        step.case(unit[1] == before[1], "systemd: what is checked is what is started")
        (folder / "sysconn.toml").write_text(f"token_keys = '{keys}'\n")
        words = unit[1].replace("/etc/sysconn", str(folder)).split()
        checks(step, built, "systemd", words, {})
        for file in ("Dockerfile", "compose.yaml"):
            text = (deploy / "docker" / file).read_text(encoding="utf-8")
            given = dict(re.findall(r"\b(SYSCONN_[A-Z_]+)(?:=|: )\"?([^\s\"]+)", text))
            given |= {"SYSCONN_TOKEN_KEYS": str(keys), "SYSCONN_DATA": str(folder)}
            given.pop("SYSCONN_CONFIG", None)
            checks(step, built, f"docker/{file}", [], given)
        kubernetes(step, built, folder)
    for file in ("nginx/http.conf", "nginx/stream.conf", "haproxy/http.cfg", "haproxy/tcp.cfg", "caddy/Caddyfile"):
        text = (deploy / file).read_text(encoding="utf-8")
        words = next(line[1:].split() for line in text.splitlines() if line.startswith("#   --"))
        checks(step, built, file, [*words, "--auth", "open"], {})


def kubernetes(step, built, folder):
    """The manifests: their configuration, and times that fit together."""
    text = (step.root / "deploy" / "kubernetes" / "sysconn.yaml").read_text(encoding="utf-8")
    block = re.search(r"sysconn\.toml: \|\n((?:    .*\n)+)", text)[1]
    settings = re.sub(r"^    ", "", block, flags=re.MULTILINE)
    parsed = tomllib.loads(settings)
    (folder / "admin-token").write_text("a-token-for-operators\n")
    (folder / "admin-token").chmod(0o600)
    (folder / "kubernetes.toml").write_text(settings.replace("/run/sysconn", str(folder)))
    checks(step, built, "kubernetes", ["--config", str(folder / "kubernetes.toml")], {})
    grace = int(re.search(r"terminationGracePeriodSeconds: (\d+)", text)[1])
    stop = int(re.search(r'command: \["sleep", "(\d+)"\]', text)[1])
    needed = stop + sum(int(parsed[key].removesuffix("s")) for key in ("drain_delay", "drain_timeout"))
    step.case(grace > needed, f"kubernetes: the grace of {grace} s is longer than the {needed} s of an end")
    probes = re.findall(r"httpGet: { path: (\S+), port: admin }", text)
    step.case(probes == ["/readyz", "/healthz"], f"kubernetes: the probes ask {probes}")
    port = re.search(r"name: admin, containerPort: (\d+)", text)[1]
    step.case(parsed["admin"].endswith(f":{port}"), f"kubernetes: the admin port is {port}")
    for file in ("kubernetes/sysconn.yaml", "docker/compose.yaml"):
        script = "import sys, yaml; print(len(list(yaml.safe_load_all(open(sys.argv[1])))))"
        status, _ = step.command("/usr/bin/python3", "-c", script, step.root / "deploy" / file)
        step.case(status == 0, f"{file} is YAML")


def checks(step, built, what, words, environment):
    status, output = step.command(built, "check-config", "--quiet", *words, env=environment)
    # Which addresses there are is not this machine's affair; warnings would be an operator's.
    step.case(status == 0 and "WARN" not in output, f"{what}: check-config accepts its options: {output.strip()}")


def systemd(step, installer, built):
    """What systemd says about the units, for those with Type=notify and with notify-reload."""
    command = installer.required(step, "systemd-analyze", "systemd")
    source = step.root / "deploy" / "systemd"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for unit in ("sysconn.service", "sysconn.socket"):
            text = (source / unit).read_text(encoding="utf-8").replace(PROGRAM, str(built.resolve()))
            (folder / unit).write_text(text)
        units = [folder / unit for unit in ("sysconn.service", "sysconn.socket")]
        status, output = step.command(command, "verify", *units)
        ours = [line for line in output.splitlines() if "sysconn" in line]
        step.case(status == 0 and not ours, f"systemd-analyze verify finds nothing: {ours}")
        _, output = step.command(command, "security", "--offline=yes", "--no-pager", units[0])
        level = re.search(r"Overall exposure level for sysconn\.service: ([\d.]+)", output)
        step.case(level and float(level[1]) <= MAX_EXPOSURE, f"systemd-analyze security: {level and level[1]}")
        # The variant is for systemd 253: an older one knows all of it but the type.
        variant = (source / "sysconn.service.d" / "notify-reload.conf").read_text(encoding="utf-8")
        (folder / "sysconn.service.d").mkdir()
        (folder / "sysconn.service.d" / "notify-reload.conf").write_text(variant)
        status, version = step.command(command, "--version")
        is_new = int(re.search(r"systemd (\d+)", version)[1]) >= 253
        status, output = step.command(command, "verify", *units)
        ours = [line for line in output.splitlines() if "sysconn" in line]
        unknown = [line for line in ours if "notify-reload" in line or "ReloadSignal" in line]
        step.case(
            status == 0 and (not ours if is_new else ours == unknown),
            f"systemd-analyze verify, with notify-reload: {ours}",
        )


def docker(step):
    """The build gets all files that the program is made of."""
    ignored = (step.root / "deploy" / "docker" / "Dockerfile.dockerignore").read_text(encoding="utf-8")
    kept = [line[1:] for line in ignored.splitlines() if line.startswith("!")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        skip = shutil.ignore_patterns("target", "node_modules")
        for path in kept:
            source, copy = step.root / path, folder / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(source, copy, ignore=skip) if source.is_dir() else shutil.copyfile(source, copy)
        status, _ = step.command("cargo", "metadata", "--locked", "--no-deps", "--format-version", "1", folder=folder)
        step.case(status == 0, "docker: Cargo finds the packages in what .dockerignore keeps")
        included = re.compile(r'include_(?:str|bytes)!\("([^"]+)"\)')
        missing = []
        for file in [*(folder / "src").rglob("*.rs"), *(folder / "gateway" / "src").rglob("*.rs")]:
            text = file.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
            if "tests" not in file.name and "tests" not in file.parts:
                missing += [path for path in included.findall(text) if not (file.parent / path).exists()]
        step.case(not missing, f"docker: the build has the files that are included: {missing}")


def proxies(step, logs, installer, built):
    kinds = {kind: installer.required(step, kind.name, kind.package) for kind in (foreign.NGINX, foreign.HAPROXY)}
    modules = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
    if not modules.exists():
        installer.install(step, foreign.NGINX_STREAM.package)
    kinds |= {foreign.NGINX_STREAM: kinds[foreign.NGINX], foreign.HAPROXY_TCP: kinds[foreign.HAPROXY]}
    with certificate(step) as pair:
        for kind, command in kinds.items():
            visit(step, logs, built, kind, command, pair)


def visit(step, logs, built, kind, command, pair):
    """Client addresses, a reload under clients, and a drain, behind one proxy."""
    is_http = "http" in kind.ports
    tls = ssl.create_default_context(cafile=pair[0])
    trusted = ("--forwarded-for" if is_http else "--proxy-protocol", "127.0.0.1")
    # Only HAProxy checks whether the server drains.
    delay = "1s" if kind.name == "haproxy" else "0"
    arguments = (*SERVED, *trusted, "--drain-delay", delay)
    with program(step, logs, *arguments, name=kind.file.replace("/", "-"), built=built) as server:
        with running(step, kind, command, server.port, pair) as front, contextlib.ExitStack() as stack:
            doors = [(front.https, tls)] + ([(front.http, None)] if is_http else [])
            opened = [
                stack.enter_context(Client(port, source=f"127.0.0.{2 + number}", tls=context))
                for number in range(RELOADED)
                for port, context in doors
            ]
            step.case(all(client.echo(b"before") for client in opened), f"{kind.file}: echoes")
            front.reload()
            step.case(all(client.echo(b"while it reloads") for client in opened), f"{kind.file}: nobody is cut")
            news = []
            for port, context in doors:
                until(lambda: connects(port), f"{kind.file}: no new client after a reload")
                news.append(stack.enter_context(Client(port, source="127.0.0.99", tls=context)))
            step.case(all(client.echo(b"after") for client in news), f"{kind.file}: new clients after a reload")
            step.case(all(client.echo(b"after") for client in opened), f"{kind.file}: the old ones are still there")
            if kind.name == "haproxy":
                until(lambda: front.server_state()[0] == "UP", f"{kind.file}: the server is not up")
            server.terminate()
            if kind.name == "haproxy":
                until(lambda: front.server_state() == ("DOWN", "503"), f"{kind.file}: the server is not down")
            ends = [client.ending() for client in [*opened, *news]]
            step.case(ends == [1001] * len(ends), f"{kind.file}: all are told to go: {set(ends)}")
    expected = {f"127.0.0.{2 + number}" for number in range(RELOADED)} | {"127.0.0.99"}
    seen = hosts(server, "connection ended")
    step.case(seen == expected, f"{kind.file}: the log names the clients: {sorted(seen ^ expected)}")


def connects(port):
    with socket.socket() as stream:
        return stream.connect_ex(("127.0.0.1", port)) == 0
