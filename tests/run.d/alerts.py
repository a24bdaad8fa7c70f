"""The shipped alerts and the dashboard, with Debian's Prometheus and the program under load."""

import contextlib
import re
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import grafana
import trouble
from client import TIMEOUT
from counting import BLOCK, Counts, play
from prometheus import prometheus
from server import program
from step import Failed

ALERT = re.compile(r"^      - alert: (\w+)$", re.MULTILINE)
FIRES = re.compile(r"alertname: (\w+)\n +exp_alerts: *\S*\n? *[-\[]")
ADMIN = re.compile(r"the admin server is at http://(\S+?)/")

OLD = 5
"""Days for which the certificate is valid: SysconnCertificateOld fires, SysconnCertificateEnds does not."""
FULL = 4
"""The most clients of the server that is full."""
SERVE = "serve --diagnostics --stall-warning 1s --admin".split()
LOOPBACK = "127.0.0.1:0"
# By the rules of the admin server this is not loopback, so it asks for the token.
ELSEWHERE = "[::ffff:127.0.0.1]:0"

# What each server's clients make fire; of the other alerts only the unit tests show that they do.
FIRING = {
    "one": {"SysconnCertificateOld", "SysconnOutboxesFull", "SysconnPanics", "SysconnReactorStuck", "SysconnStalls"},
    "three": {"SysconnOutboxesFull", "SysconnReactorStuck", "SysconnStalls"},
    "full": {
        "SysconnClientsNearLimit",
        "SysconnClientsRefused",
        "SysconnDescriptorsLow",
        "SysconnRequestsRefused",
        "SysconnTurnsSlow",
    },
    "draining": {"SysconnDrainsLong"},
}


class Server:
    """A server, its port, its admin address, and how its clients speak TLS."""

    def __init__(self, step, running, tls=None):
        self.running, self.port, self.tls = running, running.port, tls
        self.counts = Counts()
        found = ADMIN.search(running.log_path.read_text(encoding="utf-8"))
        if found is None:
            raise Failed(f"{running.log_path} does not name the admin server")
        self.admin = found[1]


def run(step, logs, installer, built):
    command = installer.prometheus(step)
    check_files(step)
    grafana.check_file(step, installer)
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        token = directory / "token"
        token.write_text("token-of-the-test-0123456789\n")
        token.chmod(0o600)
        servers = start(step, logs, built, stack, directory, token)
        targets = [server.admin for server in servers.values()]
        watcher = stack.enter_context(prometheus(step, command, targets, token))
        Watch(step, watcher, servers).all()


def check_files(step):
    """The rules and their unit tests, that each alert has one and a section in the documentation."""
    folder = step.root / "deploy" / "grafana"
    step.must("promtool", "check", "rules", folder / "alerts.yml")
    step.must("promtool", "test", "rules", folder / "alerts.test.yml")
    rules = (folder / "alerts.yml").read_text(encoding="utf-8")
    tests = (folder / "alerts.test.yml").read_text(encoding="utf-8")
    page = (step.root / "docs" / "alerts.md").read_text(encoding="utf-8")
    alerts = ALERT.findall(rules)
    step.case(set(FIRES.findall(tests)) == set(alerts), f"each alert has a unit test in which it fires: {alerts}")
    sections = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    step.case(sections == alerts, f"docs/alerts.md has a section for each alert, in the same order: {sections}")
    rows = [re.search(rf"^\| \[{name}\]\(#{name.lower()}\) \| (\w+) \|", page, re.MULTILINE) for name in alerts]
    said = [row and row[1] for row in rows]
    severities = re.findall(r"^          severity: (\w+)$", rules, re.MULTILINE)
    step.case(said == severities, f"docs/alerts.md has the severity of each alert: {said}, {severities}")
    runbooks = re.findall(r"^          runbook: (\S+)$", rules, re.MULTILINE)
    expected = [f"docs/alerts.md#{name.lower()}" for name in alerts]
    step.case(runbooks == expected, f"each alert leads to its section: {runbooks}")


def start(step, logs, built, stack, directory, token):
    """Starts the servers of the test."""

    def serve(name, admin, *arguments, tls=None):
        words = (*SERVE, admin, *map(str, arguments))
        return Server(step, stack.enter_context(program(step, logs, *words, name=name, built=built)), tls)

    certificate, key = directory / "certificate.pem", directory / "key.pem"
    kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", OLD)
    names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    step.must("openssl", "req", *kind, *names, "-out", certificate, "-keyout", key)
    tls = ssl.create_default_context(cafile=certificate)
    data = ("--data", directory / "data")
    return {
        "one": serve("one", LOOPBACK, "--workers", 1, "--tls-cert", certificate, "--tls-key", key, *data, tls=tls),
        "three": serve("three", LOOPBACK, "--workers", 3, "--overflow", "drop"),
        "full": serve("full", ELSEWHERE, "--max-connections", FULL, "--admin-token-file", token),
        "draining": serve("draining", LOOPBACK, "--drain-delay", "10m"),
    }


def metrics(server):
    """What the server itself says."""
    with urllib.request.urlopen(f"http://{server.admin}/metrics", timeout=TIMEOUT) as answer:
        return answer.read().decode()


def status_without_token(server):
    """The status with which the server answers who has no token."""
    try:
        metrics(server)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


class Watch:
    """All cases that need servers."""

    def __init__(self, step, watcher, servers):
        self.step, self.watcher, self.servers = step, watcher, servers
        self.names = {server.admin: name for name, server in servers.items()}

    def all(self):
        self.all_scraped()
        self.servers["draining"].running.terminate()
        kept = [client for name in ("one", "three") for client in self.counts(self.servers[name])]
        false = [alert for alert in self.firing() if alert != ("SysconnCertificateOld", "one")]
        self.step.case(not false, f"while nothing is wrong no alert fires: {false}")
        with self.troubles() as clients:
            self.alerts()
            grafana.check_queries(self.step, self.watcher, metrics(self.servers["one"]))
        self.recovery()
        self.end()
        for client in (*kept, *clients):
            client.close()

    def same(self, what, query, labels, expected):
        """A case: Prometheus comes to have these values for a query, by labels."""
        expected = {key: value for key, value in expected.items() if value}
        seen = self.watcher.until(lambda: self.watcher.query(query, *labels), lambda seen: seen == expected)
        self.step.case(seen == expected, f"{what}: {seen}, expected {expected}")

    def all_scraped(self):
        """All servers answer, one of them on the word of a token."""
        ups = {(server.admin,): 1.0 for server in self.servers.values()}
        self.same("Prometheus scrapes all servers", "up", ["instance"], ups)
        status = status_without_token(self.servers["full"])
        self.step.case(status == 401, f"without the token that one answers {status}")

    def counts(self, server):
        """Has clients play, and compares the metrics with what they have counted. Returns those that stay."""
        kept = play(server.counts, server.port, server.tls)
        counts, of = server.counts, f'{{instance="{server.admin}"}}'
        name = self.names[server.admin]
        by_cause = {(cause,): count for cause, count in counts.closed.items()}
        for what, query, labels, expected in (
            ("received", "sysconn_packets_received_total", ["cmd"], {(c,): n for c, n in counts.received.items()}),
            ("sent", "sysconn_packets_sent_total", ["cmd", "kind"], dict(counts.sent)),
            ("accepted", "sum(sysconn_accepted_total%s)", [], {(): counts.accepted}),
            ("closed", "sysconn_closed_total", ["cause"], by_cause),
            ("connected", "sum(sysconn_connections%s)", [], {(): len(kept)}),
            ("not closed", "sum(sysconn_accepted_total%s) - sum(sysconn_closed_total%s)", [], {(): len(kept)}),
        ):
            query = query.replace("%s", of) if "%s" in query else query + of
            self.same(f"{name}: {what}", query, labels, expected)
        return kept

    @contextlib.contextmanager
    def troubles(self):
        """All troubles begin; those that last end behind it. Yields clients, to be closed at the end."""
        one, three, last, draining = self.servers.values()
        with trouble.full(last.port, FULL), trouble.going_on(lambda: trouble.come_and_go(draining.port)):
            clients = []
            for server in (one, three):
                clients += trouble.overflow(server.port, server.tls, 100)
            trouble.panic(one.port, one.tls)
            clients += [trouble.hang(server.port, server.tls) for server in (one, three)]
            full = f"process_open_fds and on (instance) sum by (instance) (sysconn_connections) == {FULL}"
            key = (last.admin,)
            opened = self.watcher.until(lambda: self.watcher.query(full, "instance"), lambda seen: key in seen)
            trouble.few_descriptors(last.running.process, opened[key])
            yield clients

    def firing(self):
        return {(alert["alertname"], self.names[alert["instance"]]) for alert in self.watcher.firing()}

    def alerts(self):
        """All alerts fire that should."""
        missing = {(alert, name) for name, alerts in FIRING.items() for alert in alerts}
        expected = set(missing)

        def look():
            missing.difference_update(self.firing())
            return missing

        self.watcher.until(look, lambda missing: not missing)
        for alert, name in sorted(expected):
            self.step.case((alert, name) not in missing, f"{name}: {alert} fires")
        named = self.watcher.query(f'sysconn_stalls_total{{cmd="{BLOCK}"}}', "instance")
        hung = {(self.servers[name].admin,) for name in ("one", "three")}
        self.step.case(hung <= named.keys(), f"the command that hangs has a name: {named}")

    def recovery(self):
        """What hung goes on, and its alert ends."""
        stuck = self.watcher.until(
            lambda: [alert for alert in self.firing() if alert[0] == "SysconnReactorStuck"], lambda stuck: not stuck
        )
        self.step.case(not stuck, f"SysconnReactorStuck ends with what hung: {stuck}")

    def end(self):
        """A server that is gone is missed."""
        for name in ("draining", "full"):
            self.servers[name].running.kill()
        down = {("SysconnDown", name) for name in ("draining", "full")}
        seen = self.watcher.until(self.firing, down.issubset)
        self.step.case(down <= seen, f"SysconnDown fires for servers that are gone: {seen}")
