"""nginx, HAProxy and Caddy in front of the program, with the files of deploy/."""

import json
import ssl

import proxy as foreign
from browser import certificate
from client import PROVOKING, Client, Refused, ask, frame, packet
from proxy import directory_of_all, running, unprivileged, until
from server import program

TIMES = 10
"""How often to try a case that once failed occasionally."""
PROXY = "127.0.0.1"
"""The address from which the proxies connect."""
SERVED = "serve --auth open --path /ws --health-path /health --diagnostics --log-format json".split()
SIZES = (0, 125, 126, 65_536, 524_279)
LONG = 8_000_000

# The input that is still being sent when the server closes, and the code.
SENDING = {
    "a message of 600 KB": (PROVOKING[1009], 1009),
    "a message of 8 MB": (frame(bytes(LONG)), 1009),
    "8 MB of packets behind a text": (PROVOKING[1003] + frame(packet(1102, bytes(100_000))) * 80, 1003),
    "8 MB of packets behind 11 bad ones": (PROVOKING[4002] + frame(packet(1102, bytes(100_000))) * 80, 4002),
}
TIMERS = {"--client-check": 4003, "--account-check": 4004, "--read-timeout": 4009}


def run(step, logs, installer, built):
    """Tries all proxies with a program that is built already, since it is started many times."""
    commands = {kind: installer.required(step, kind.name, kind.package) for kind in foreign.ALL}
    with certificate(step) as pair:
        for kind, command in commands.items():
            Visit(step, logs, built, kind, command, pair).all()


class Visit:
    """All cases of one proxy."""

    def __init__(self, step, logs, built, kind, command, pair):
        self.step = step
        self.logs = logs
        self.built = built
        self.kind = kind
        self.command = command
        self.pair = pair
        self.tls = ssl.create_default_context(cafile=pair[0])

    def all(self):
        self.exchanges()
        self.timers()
        self.addresses()
        self.one_of_each()
        self.healthy()
        self.unix()

    def case(self, passed, what):
        self.step.case(passed, f"{self.kind.name}: {what}")

    def same(self, what, got, expected):
        """A case: both are equal."""
        self.case(got == expected, f"{what}: {got!r}, expected {expected!r}")

    def server(self, name, *arguments, trusted=PROXY, **options):
        words = (*SERVED, *(("--forwarded-for", trusted) if trusted else ()), *arguments)
        return program(self.step, self.logs, *words, name=f"{self.kind.name}-{name}", built=self.built, **options)

    def proxy(self, game, removes=True):
        return running(self.step, self.kind, self.command, game, self.pair, removes)

    def exchanges(self):
        """Echoes, and each close code, with and without TLS at the proxy; and how a drain ends it all."""
        with self.server("exchanges") as server, self.proxy(server.port) as front:
            for scheme, port, tls in (("ws", front.http, None), ("wss", front.https, self.tls)):
                with Client(port, tls=tls) as client:
                    for size in SIZES:
                        self.case(
                            client.echo(bytes(range(256)) * (size // 256) + bytes(size % 256)),
                            f"{scheme}: echo, {size} bytes",
                        )
                for code, bytes_sent in PROVOKING.items():
                    self.same(f"{scheme}: {code}", endings(port, tls, bytes_sent, 1), {code: 1})
                for what, (bytes_sent, code) in SENDING.items():
                    self.same(f"{scheme}: {what}", endings(port, tls, bytes_sent, TIMES), {code: TIMES})
            clients = [
                Client(port, tls=tls) for port, tls in ((front.http, None), (front.https, self.tls)) for _ in range(5)
            ]
            server.terminate()
            self.same("at SIGTERM", [client.ending() for client in clients], [1001] * len(clients))

    def timers(self):
        for option, code in TIMERS.items():
            with self.server(str(code), option, "300ms") as server, self.proxy(server.port) as front:
                self.same(option, endings(front.http, None, b"", 1), {code: 1})

    def addresses(self):
        """The clients' addresses, whatever the clients claim."""
        listed, named, bad = "X-Forwarded-For: 192.0.2.7", "Forwarded: for=192.0.2.8", "X-Forwarded-For: 192.0.2.300"
        with self.server("addresses") as server, self.proxy(server.port) as front:
            for port, source, headers in [
                (front.http, "127.0.0.2", ()),
                (front.http, "127.0.0.3", (listed,)),
                (front.http, "127.0.0.4", (named,)),
                (server.port, "127.0.0.5", (listed,)),
                (server.port, PROXY, (listed,)),
            ]:
                Client(port, source=source, headers=headers).close()
            for headers in ((listed, named), (bad,)):
                self.same(f"a proxy that sends {headers}", refusal(server.port, source=PROXY, headers=headers), 400)
        expected = {"127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "192.0.2.7"}
        self.same("the clients that the log names", hosts(server, "connection ended"), expected)
        with self.server("believed") as server, self.proxy(server.port, removes=False) as front:
            status = refusal(front.http, source="127.0.0.2", headers=(named,))
            self.same("a proxy that lets the client's Forwarded pass", status, 400)

    def one_of_each(self):
        """A limit of one client from each address counts the clients or, if the proxy is not trusted, the
        proxy."""
        trusts = {PROXY: [101, 101, 429]}
        if self.kind is foreign.NGINX:
            trusts[None] = [101, 429, 429]  # The checks of the others come from the same address.
        for trusted, expected in trusts.items():
            with self.server(f"limit-{trusted}", "--max-connections-per-ip", "1", trusted=trusted) as server:
                with self.proxy(server.port) as front, Holder() as holder:
                    got = [holder.open(front.http, source) for source in ("127.0.0.2", "127.0.0.3", "127.0.0.2")]
                    self.same(f"one client of each address, --forwarded-for {trusted}", got, expected)

    def healthy(self):
        """The results of health checks, and that a server which is about to end gets no new clients."""
        with self.server("health", "--drain-delay", "3s") as server, self.proxy(server.port) as front:
            for path, status in (("/health", 200), ("/ws", 426)):
                expected = [(status, True), (405 if status == 426 else status, False)]
                answers = [ask(front.http, method, path) for method in ("GET", "HEAD")]
                self.same(f"GET and HEAD {path}", [(status, bool(body)) for status, body in answers], expected)
            if self.kind is foreign.HAPROXY:
                until(lambda: front.server_state() == ("UP", "200"), "HAProxy has not marked the server up")
            with Client(front.http) as client:
                server.terminate()
                if self.kind is foreign.HAPROXY:
                    until(lambda: front.server_state() == ("DOWN", "503"), "HAProxy has not marked the server down")
                until(lambda: ask(front.http, "GET", "/health")[0] == 503, "the server's health is not 503")
                if self.kind is not foreign.NGINX:
                    until(lambda: refusal(front.http) == 503, f"{self.kind.name} still sends new clients")
                self.case(client.echo(b"still there"), "who is there is served until the delay is over")
                self.same("and then told to go", client.ending(), 1001)

    def unix(self):
        """A Unix socket that the proxy, another user, may write to or not, by its mode."""
        who = unprivileged()
        options = {"group": who.pw_gid} if who else {}
        for mode, expected in (("660", [101]), ("600", [502, 503])):
            if who is None and mode == "600":
                self.step.remark(f"{self.kind.name}: what the mode keeps out was not tried: there is no other user")
                continue
            with directory_of_all() as directory, Holder() as holder:
                path = directory / "game"
                told = ("--socket-mode", mode)
                with self.server(mode, *told, trusted="unix", listen=f"unix:{path}", **options) as server:
                    with self.proxy(path) as front:
                        got = holder.open(front.http, "127.0.0.2")
                self.case(got in expected, f"--socket-mode {mode}: {got}, expected one of {expected}")
                if got == 101:
                    self.same("the client behind a Unix socket", hosts(server, "connection ended"), {"127.0.0.2"})


class Holder:
    """Clients that stay until the end of the test."""

    def __init__(self):
        self.clients = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.stream.close()

    def open(self, port, source):
        """The status in the answer to the next client."""
        try:
            self.clients.append(Client(port, source=source))
        except Refused as refused:
            return refused.status
        return 101


def endings(port, tls, bytes_sent, times):
    """How connections end if the client sends that much before it reads, and how many end in each way."""
    seen = {}
    for _ in range(times):
        with Client(port, tls=tls) as client:
            try:
                client.send(bytes_sent)
            except OSError:
                pass  # The check shows whether the Close was lost with it.
            how = client.ending()
        seen[how] = seen.get(how, 0) + 1
    return seen


def refusal(port, **options):
    """The status of a refused upgrade."""
    try:
        Client(port, **options).close()
    except Refused as refused:
        return refused.status
    return 101


def hosts(server, message):
    """The addresses of all clients in such lines of the log."""
    lines = map(json.loads, server.log_path.read_text(encoding="utf-8").splitlines())
    return {line["peer"].rpartition(":")[0] or line["peer"] for line in lines if line["message"] == message}
