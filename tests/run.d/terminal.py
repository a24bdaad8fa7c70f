"""`sysconn top` under tmux, with a real server under load: what the screen shows, and what keys do."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from bus import nats
from client import Client, frame, packet
from server import program
from step import Failed

ADMIN = re.compile(r"the admin server is at (http://\S+)/")
WITHIN = 30
"""Seconds until the screen has to show what is expected."""
TOKEN = "only-for-this-test-0123456789abcdef"
HOSTILE = "\x1b[2J\x1b]0;x\x07\u202edrowssap"
"""An account that would clear the screen and turn the text around."""
SHOWN = r"\u{1b}[2J"
PACKETS = 20_000
HANGS_MS = 3000
"""How long a handler blocks its worker, in ms."""
OPERATOR = 4010
"""The close code of a client that an operator ended."""


def run(step, logs, installer):
    tmux = installer.required(step, "tmux", "tmux")
    nats_server = installer.required(step, "nats-server", "nats-server")
    step.must("cargo", "build", "--locked", "--quiet", "--release")
    with tempfile.TemporaryDirectory() as folder:
        token = Path(folder) / "token"
        token.write_text(f"{TOKEN}\n")
        token.chmod(0o600)
        for workers in (1, 3):
            with Terminal(step, tmux, Path(folder) / f"tmux{workers}") as terminal:
                look(step, logs, terminal, token, workers)
        with Terminal(step, tmux, Path(folder) / "tmux-cluster") as terminal, nats(nats_server) as address:
            look_at_all(step, logs, terminal, token, address)


def look(step, logs, terminal, token, workers):
    """One server from its start to its end and its return, on one screen."""
    words = ("serve", "--diagnostics", "--workers", str(workers), "--admin-token-file", token)
    with program(step, logs, *words, "--admin", "127.0.0.1:0", name=f"server{workers}") as server:
        url = ADMIN.search(server.log_path.read_text())[1]
        terminal.type(top(step, url, token))
        terminal.shows("serving  clients 0", f"a server of {workers} workers is serving")
        with Client(server.port) as named, Client(server.port) as loud:
            log_in(named, HOSTILE)
            load(loud)
            compare(step, terminal, url)
            act(step, terminal, url, named, loud)
            hang(terminal, loud)
        resize(terminal)
        address = url.removeprefix("http://")
        server.kill()
    terminal.shows("NO FIGURES: no connection", "a server that is gone is told of")
    with program(step, logs, *words, "--admin", address, name=f"again{workers}"):
        terminal.shows("serving  clients 0", "it comes back by itself")
        terminal.keys("q")
        terminal.shows("ended 0", "q ends it")
        step.case(not terminal.is_alternate(), "and shows the first screen again")


def top(step, url, token):
    return f"{step.root / 'target/release/sysconn'} top {url} --token-file {token}; echo ended $?"


def look_at_all(step, logs, terminal, token, address):
    """Two servers of a cluster: the screen of one shows the connections of both, and acts on them."""
    words = ("serve", "--admin-token-file", token, "--admin", "127.0.0.1:0", "--cluster", address, "--node")
    with (
        program(step, logs, *words, "a", name="node-a") as here,
        program(step, logs, *words, "b", name="node-b") as there,
        Client(here.port) as own,
        Client(there.port) as other,
    ):
        log_in(own, "player of a", 7)
        log_in(other, "player of b", 8)
        terminal.resize(120, 40)
        terminal.type(top(step, ADMIN.search(here.log_path.read_text())[1], token))
        terminal.shows("node a of 2", "a server of two in a cluster")
        terminal.keys("4")
        terminal.shows("connections: 1,", "at first its own connections")
        terminal.keys("a")
        terminal.shows("connections of all servers: 2,", "then those of all")
        for name in "ab":
            terminal.shows(rf"^{name} .*player of {name}", f"the client of {name}", pattern=True)
        terminal.keys("End", "d", "y")
        terminal.shows("debug is on for", "debug is on at the other server")
        terminal.shows(r"^b .* on$", "which the list shows", pattern=True)
        there.process.send_signal(signal.SIGSTOP)
        terminal.shows("connections of all servers: 1, no answer from b", "a server that does not answer is named")
        there.process.send_signal(signal.SIGCONT)
        terminal.shows("connections of all servers: 2,", "and is there again once it answers")
        terminal.keys("End", "k", "y")
        terminal.shows("kicked ", "the kick is done")
        ending = other.ending()
        step.case(ending == OPERATOR, f"it ends the connection at the other server: {ending}")
        terminal.shows("connections of all servers: 1,", "one client is left")
        terminal.keys("a")
        terminal.shows("connections: 1,", "its own connections again")
        terminal.keys("q")
        terminal.shows("ended 0", "q ends it")
        step.case(own.echo(b"still here"), "the own client is served")


def load(client):
    """Some hundred packets at a time, until all are answered."""
    burst = 500
    for _ in range(PACKETS // burst):
        client.send(frame(packet(1101, b"load")) * burst)
        for _ in range(burst):
            client.must(2 + 2 + 9 + 4)


def log_in(client, account, role=7):
    """Command 1002, m_1002_tos with account and role."""
    name = account.encode()
    client.send(frame(packet(1002, bytes([0x0A, len(name)]) + name + bytes([0x20, role]))))
    client.receive()


def compare(step, terminal, url):
    """At rest the screen says what the API says, to the packet."""
    stats = api(url, "stats")
    totals = stats["totals"]
    step.case(totals["packets_received"] == PACKETS + 1, f"the server has counted each packet: {totals}")
    head = f"received {totals['packets_received']}  sent {totals['packets_sent']}  accepted {totals['accepted']}"
    terminal.shows(head, "the screen has the figures of the API")
    terminal.shows(r"clients 2(/\d+)?  ", "the clients", pattern=True)
    count = next(command["count"] for command in stats["commands"] if command["cmd"] == 1101)
    step.case(count == PACKETS, f"command 1101 was called {PACKETS} times: {count}")
    terminal.keys("3")
    terminal.shows(rf"1101 echo\.echo", "the busiest command", pattern=True)
    for name in ("packets_received", "packets_sent", "accepted", "closed", "logins"):
        label = name.removeprefix("packets_")
        terminal.shows(rf"{label} +{totals[name]}$", f"{label}: {totals[name]}", pattern=True)
    terminal.keys("2")
    terminal.shows("Latency of all", "the graphs")
    terminal.shows(r"p99 .*[▁▂▃▄▅▆▇█]", "bars of latencies", pattern=True)
    terminal.keys("c")
    terminal.shows("Latency of 1002", "the latencies of the first command")
    terminal.keys("C", "4")
    terminal.shows(rf"\b{PACKETS} +{PACKETS} ", "the packets of the client", pattern=True)
    terminal.shows(SHOWN, "a hostile name is text")


def act(step, terminal, url, named, loud):
    """Sorting, searching, debug, and a kick that ends the connection."""
    terminal.keys("Right")
    terminal.shows("↓sent", "sorted by the next column")
    terminal.keys("r")
    terminal.shows("↑sent", "the other way around")
    terminal.keys("/", "drow", "Enter")
    terminal.shows('connections with "drow": 1 of 2', "a search finds the client")
    terminal.keys("d")
    terminal.shows("Turn debug on for this client?", "a question before debug")
    terminal.keys("y")
    terminal.shows("debug is on for", "debug is on")
    terminal.shows(r"1002 on$", "which the list shows", pattern=True)
    step.case(api(url, "connections?search=drow")["connections"][0]["debug"], "and the API says")
    terminal.keys("k", "n")
    step.case(api(url, "connections")["total"] == 2, "no kick without a yes")
    terminal.keys("k", "y")
    terminal.shows("kicked ", "the kick is done")
    ending = named.ending()
    step.case(ending == OPERATOR, f"it ends the connection: {ending}")
    terminal.keys("Escape", "1")
    terminal.shows(r"clients 1(/\d+)?  ", "one client is left", pattern=True)
    step.case(loud.echo(b"still here"), "the other one is served")


def hang(terminal, client):
    """A handler that blocks its worker."""
    client.send(frame(packet(1107, HANGS_MS.to_bytes(4, "big"))))
    terminal.shows("stuck in command 1107 (echo.block)", "a handler that hangs is named")
    client.receive()
    terminal.shows("serving  clients 1", "and no longer than it hangs")


def resize(terminal):
    terminal.resize(160, 50)
    terminal.shows(r"in 60 s .*closed by cause", "a larger screen shows more", pattern=True)
    terminal.resize(40, 12)
    terminal.shows("q quit  ? help  Tab view", "a small one less")
    terminal.keys("?")
    terminal.shows("q, Ctrl-C: quit", "with a help of its own")
    terminal.keys("Escape")
    terminal.resize(100, 30)


def api(url, path):
    request = urllib.request.Request(f"{url}/api/{path}", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=WITHIN) as answer:
        return json.load(answer)


class Terminal:
    """A shell in a tmux of its own, 80 columns by 24 lines."""

    def __init__(self, step, tmux, socket):
        self.step = step
        self.words = [tmux, "-S", str(socket), "-f", os.devnull]

    def __enter__(self):
        # UTF-8, whatever the system's language is.
        self.tmux("-u", "new-session", "-d", "-x", "80", "-y", "24", "env", "LC_ALL=C.UTF-8", "PS1=$ ", "sh")
        return self

    def __exit__(self, *_):
        subprocess.run([*self.words, "kill-server"], check=False, capture_output=True)

    def tmux(self, *words):
        options = {"check": False, "capture_output": True, "timeout": WITHIN}
        done = subprocess.run([*self.words, *words], env={**os.environ, "LC_ALL": "C.UTF-8"}, **options)
        if done.returncode:
            raise Failed(f"tmux {words[0]}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout.decode()

    def type(self, line):
        self.tmux("send-keys", "-l", line)
        self.keys("Enter")

    def keys(self, *names):
        for name in names:
            self.tmux("send-keys", name)

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self):
        return self.tmux("capture-pane", "-p")

    def is_alternate(self):
        return self.tmux("display-message", "-p", "#{alternate_on}").strip() == "1"

    def shows(self, expected, what, pattern=False):
        """Waits until the screen has a text."""
        wanted = re.compile(expected if pattern else re.escape(expected), re.MULTILINE)
        end = time.monotonic() + WITHIN
        while not wanted.search(screen := self.screen()):
            if time.monotonic() > end:
                self.step.note(screen)
                raise Failed(f"{what}: the screen does not show {expected!r}")
            time.sleep(0.05)
        self.step.case(True, what)
