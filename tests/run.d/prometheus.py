"""Prometheus, with the configuration and the rules of deploy/grafana, on a free port of loopback."""

import contextlib
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from proxy import free_ports
from step import Failed, end_group

FASTER = 30
"""The rules are for a scrape every 15 s. Here there is one every 500 ms, and all durations are shorter by that."""
WITHIN = 60
"""Seconds after which Prometheus must have seen what has happened."""
LOOK_EVERY = 0.1
"""Seconds between two questions to Prometheus, which has no other way to await something."""

DURATION = re.compile(r"(for: |interval: |offset |\[)(\d+)([smh])\b")
UNITS = {"s": 1000, "m": 60_000, "h": 3_600_000}


def faster(text):
    """A configuration, rules or a query with shorter durations."""
    return DURATION.sub(lambda found: f"{found[1]}{int(found[2]) * UNITS[found[3]] // FASTER}ms", text)


def replace(text, old, new):
    """The text with the only `old` replaced."""
    if text.count(old) != 1:
        raise Failed(f"deploy/grafana/prometheus.yml has {old!r} {text.count(old)} times")
    return text.replace(old, new)


class Prometheus:
    """A Prometheus that runs."""

    def __init__(self, process, port):
        self.process = process
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path, **parameters):
        """The data in an answer of its API. An error says what Prometheus makes of a query."""
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=WITHIN) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise Failed(f"Prometheus about {parameters or path}: {error.read().decode()}") from error

    def query(self, query, *labels):
        """The values of a query that are not 0, by the values of these labels."""
        found = self.get("query", query=query)["result"]
        values = {tuple(one["metric"].get(label, "") for label in labels): float(one["value"][1]) for one in found}
        return {key: value for key, value in values.items() if value}

    def firing(self):
        """The alerts that fire now: their labels."""
        alerts = self.get("alerts")["alerts"]
        return [alert["labels"] for alert in alerts if alert["state"] == "firing"]

    def until(self, look, is_so):
        """Looks until the condition holds for what it sees, and returns that; what it saw last if it never
        does."""
        end = time.monotonic() + WITHIN
        while True:
            seen = look()
            if is_so(seen) or time.monotonic() > end:
                return seen
            if self.process.poll() is not None:
                raise Failed(f"Prometheus ended with status {self.process.returncode}")
            time.sleep(LOOK_EVERY)

    def is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=WITHIN) as answer:
                return answer.status == 200
        except OSError:
            return False


@contextlib.contextmanager
def prometheus(step, command, targets, token):
    """Runs Prometheus on these targets, each an address, with the token in a file."""
    folder = step.root / "deploy" / "grafana"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        directory = Path(directory)
        configuration = (folder / "prometheus.yml").read_text(encoding="utf-8")
        configuration = replace(configuration, '["127.0.0.1:9091"]', json.dumps(targets))
        configuration = replace(configuration, "/etc/prometheus/sysconn-token", str(token))
        (directory / "prometheus.yml").write_text(faster(configuration))
        (directory / "alerts.yml").write_text(faster((folder / "alerts.yml").read_text(encoding="utf-8")))
        step.must("promtool", "check", "config", directory / "prometheus.yml")
        (port,) = free_ports(1)
        words = [
            command,
            f"--config.file={directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        step.note(f"$ {' '.join(words)}")
        process = subprocess.Popen(
            words,
            cwd=directory,
            env={**os.environ, "GOMAXPROCS": "1"},
            stdin=subprocess.DEVNULL,
            stdout=step.log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            running = Prometheus(process, port)
            if not running.until(running.is_ready, bool):
                raise Failed("Prometheus does not become ready")
            yield running
        finally:
            end_group(process)
