"""Headless Chromium with the page of `--admin`, under live load with one worker and with three, with a handler that
hangs, with 10,000 connections, while the server is killed and restarted, and in a cluster."""

import re
import tempfile
from pathlib import Path

import crowd
import dashboard_cluster
import dashboard_restart
import dashboard_sums
from dashboard_cluster import OPERATOR
from dashboard_page import Page
from server import program
from webdriver import driven

ADMIN = re.compile(r"the admin server is at (http://\S+)/")
TOKEN = "the-token-of-this-test-0123456789"
TALKERS = 20
CONNECTIONS = 10_000
BLOCK_MS = 3000
WAITED_MS = 8000
"""More than a call waits for a worker."""
ECHOES = 7
PAST = 2.5
"""Seconds before the first look."""
MARKUP = "<img src=x onerror=\"document.title='taken over'\">"
"""What a client could call itself, or its room."""
PLATFORM = "\"><script>document.title='taken over'</script>"
ROLE = 9_007_199_254_740_993
"""More than a number of JavaScript holds."""
TURNED = "\u202etxet desrever\u2066\n\u3164"
"""A name that turns the text behind it, breaks the line, and ends in a letter without ink."""
SHOWN = r"\u{202e}txet desrever\u{2066}\u{a}\u{3164}"
"""The same where it is shown."""
JOIN = 1201


def run(step, logs, installer, built, shots):
    """Tries the program at `built`, and leaves screenshots in the directory `shots`."""
    installer.required(step, "chromium", "chromium")
    command = installer.required(step, "chromedriver", "chromium-driver")
    nats = installer.required(step, "nats-server", "nats-server")
    with tempfile.TemporaryDirectory() as home, driven(step, command) as driver:
        files = Path(home)
        (files / "token").write_text(f"{TOKEN}\n")
        (files / "token").chmod(0o600)
        (files / "recordings").mkdir()
        page = Page(step, driver, shots)
        servers = Servers(step, logs, built, files)
        with servers.start("one") as server, crowd.talking(server.port, TALKERS):
            under_load(step, page, servers, server)
            page.lose(server)
        with servers.again("three", "--workers", "3", "--max-connections-per-ip", "0") as server:
            page.come_back(3)
            with crowd.talking(server.port, TALKERS), crowd.silent(server.port, CONNECTIONS):
                many(step, page)
            with crowd.talking(server.port, 1):
                server.terminate()
                page.state("draining")
                page.show("header")
                page.shoot("draining")
        dashboard_restart.run(page, servers, TOKEN)
        dashboard_sums.run(page, servers)
        with servers.start("exposed", admin="0.0.0.0:0"):
            page.ask_at_once(servers.url, TOKEN)
        dashboard_cluster.run(page, servers, nats, TOKEN)
        page.check_console()


class Servers:
    """The servers, which have the token and record, and where their pages are."""

    def __init__(self, step, logs, built, files):
        self.step = step
        self.logs = logs
        self.built = built
        self.files = files

    def start(self, name, *more, admin="127.0.0.1:0", listen="127.0.0.1:0"):
        token = ("--admin", admin, "--admin-token-file", self.files / "token")
        recording = ("--record", self.files / "recordings", "--record-debugged")
        arguments = ("serve", *token, *recording, "--diagnostics", *more)
        return Started(self, program(self.step, self.logs, *arguments, name=name, listen=listen, built=self.built))

    def again(self, name, *more):
        """At the addresses of the last: its page stays open."""
        return self.start(name, *more, admin=self.url.removeprefix("http://"), listen=f"127.0.0.1:{self.port}")


class Started:
    """Runs a program, and tells where its page is."""

    def __init__(self, servers, running):
        self.servers = servers
        self.running = running

    def __enter__(self):
        server = self.running.__enter__()
        url = ADMIN.search(server.log_path.read_text())[1]
        self.servers.url = url.replace("0.0.0.0", "127.0.0.1")
        self.servers.port = server.port
        return server

    def __exit__(self, *error):
        return self.running.__exit__(*error)


def under_load(step, page, servers, server):
    """What one sees and does, with one worker."""
    hostile = crowd.player(server.port, MARKUP, ROLE, PLATFORM, MARKUP)
    for _ in range(ECHOES):
        hostile.echo(b"hello")
    page.pass_time(servers.url, PAST)
    page.open(servers.url)
    page.figures(workers=1, clients=TALKERS + 1)
    page.first_look()
    page.graphs()
    page.latency("1101")
    page.shoot("light")
    page.hostile((MARKUP, PLATFORM), ROLE, f"{ECHOES + 1}")
    turned = crowd.player(server.port, TURNED, 78, TURNED, TURNED)
    page.hidden(TURNED, SHOWN)
    turned.close()
    page.search_and_sort(TALKERS)
    page.stands_still()
    dashboard_cluster.alone(page)
    page.debug_and_record(MARKUP, TOKEN)
    hostile.echo(b"recorded")
    page.recording(MARKUP)
    page.call("68 65 6c 6c 6f", "hello")
    page.call_message(JOIN, {"room": MARKUP}, "needs a login")
    page.call_message(JOIN, {"room": MARKUP}, '"members": 1', login={"account": "caller", "role_id": "5"})
    page.call_message(crowd.LOGIN, {"account": MARKUP, "role_id": "6"}, MARKUP.replace('"', '\\"'))
    page.call_message(crowd.LOGIN, {"account": "\u202eflow", "role_id": "6"}, r"\u{202e}flow")
    page.show("#console")
    page.shoot("console")
    page.keyboard()
    page.kick(MARKUP, lambda: hostile.ending() == OPERATOR)
    page.narrow()
    page.dark()
    page.politeness(servers.url)
    blocked = crowd.player(server.port, "the one that blocks", 77)
    crowd.block(blocked, BLOCK_MS)
    page.state("stuck in command 1107 echo.block")
    page.shoot("stuck")
    page.state("serving")
    blocked.close()
    page.call_meanwhile(lambda: crowd.player(server.port, "the one that blocks", 77), WAITED_MS)
    # Its seconds without an end are missing afterwards.
    page.hang(server)


def many(step, page):
    """With 10,000 connections more."""
    page.figures(workers=3, clients=CONNECTIONS + TALKERS)
    page.long_list(CONNECTIONS + TALKERS)
    page.shoot("many")
    step.case(page.driver.text("#state") == "serving", "with 10,000 connections the page goes on")
