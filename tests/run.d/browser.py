"""Headless browsers open tests/foreign/browser.html, which talks to the program and reports here."""

import contextlib
import hashlib
import json
import os
import queue
import ssl
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

from relay import closed_by_all, relay
from server import server
from step import Failed, end_group

PAGE = Path(__file__).resolve().parent.parent / "foreign" / "browser.html"
REPORTS_WITHIN = 120
"""Seconds for the browser to start and the page to finish."""
SIZES = [0, 1, 116, 117, 125, 126, 65_526, 65_527, 65_535, 65_536, 524_279]
QUIET_MS = 5000
"""How long the page sends nothing on a connection: more than twice the read timeout."""
READ_TIMEOUT = ("--read-timeout", "2s")
PINGS = ("--ping-interval", "200ms")
NO_PINGS = ("--ping-interval", "0")

EXPECTED = {
    "upgrade": "1 game no extension",
    "another path": "error 1006 false",
    "echo of several sizes": ", ".join(f"{size}: 0 0 true 1101 true" for size in SIZES),
    "echoes in order": "100",
    "a refusal": "4660 fedcba98 1103 0",
    "an unknown command": "1 fedcba98 1199 0",
    "a short packet": "4000 true",
    "Data that does not decode": "4001 true",
    "a text": "1003 true",
    "a message that is too long": "1009 true",
    "a message of 1 MB": "1009",
    "11 bad requests": "10 4002 true",
    "11 bad requests, and 1 MB more": "4002",
    # A Close without a code; the browser names that 1005 (RFC 6455 §7.1.5).
    "closed by the page": "1005 true",
    "closed by the page with 3000": "3000 true",
    # Only the Pongs of the browser can have kept it open.
    "quiet": "open, then 0 0 true 1101 true",
}
"""The expected reports of the page."""
WITHOUT_PINGS = {**EXPECTED, "quiet": "4009 true"}

FIREFOX = {
    "app.normandy.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.proxy.type": 0,
}
"""Firefox's preferences, which turn off everything that the page does not need."""


class Chromium:
    """How it is installed and started. It trusts any certificate."""

    command = package = "chromium"
    # It lets its window be limited, and is told to what.
    deflate = "permessage-deflate; client_max_window_bits=13"

    @staticmethod
    def prepare(profile, certificate_path, port):
        pass

    @staticmethod
    def words(command, profile, url):
        quiet = "background-networking component-update sync gpu quic".split()
        words = [command, "--headless", "--no-first-run", *(f"--disable-{what}" for what in quiet)]
        # The sandbox does not work for root, and the certificate is self-signed. The browser opens only this
        # page.
        words += ["--no-sandbox", "--ignore-certificate-errors", "--no-proxy-server"]
        return [*words, f"--user-data-dir={profile}", url]


class Firefox:
    """How it is installed and started. It trusts one certificate, at one port."""

    command = package = "firefox-esr"
    deflate = "permessage-deflate"

    @staticmethod
    def prepare(profile, certificate_path, port):
        preferences = "".join(
            f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in FIREFOX.items()
        )
        (profile / "user.js").write_text(preferences)
        if certificate_path:
            encoded = ssl.PEM_cert_to_DER_cert(certificate_path.read_text())
            fingerprint = ":".join(f"{byte:02X}" for byte in hashlib.sha256(encoded).digest())
            # The form of a file that Firefox keeps; the number names SHA-256.
            trusted = f"127.0.0.1:{port}:\tOID.2.16.840.1.101.3.4.2.1\t{fingerprint}\t\n"
            (profile / "cert_override.txt").write_text(trusted)

    @staticmethod
    def words(command, profile, url):
        return [command, "--headless", "--no-remote", "--profile", str(profile), url]


def run(step, logs, installer, browser):
    """Opens the page in a browser, against the program with and without Pings, compression, and TLS."""
    command = installer.required(step, browser.command, browser.package)
    deflated = {**WITHOUT_PINGS, "upgrade": f"1 game {browser.deflate}"}
    with certificate(step) as (certificate_path, key_path):
        tls = ("--tls-cert", str(certificate_path), "--tls-key", str(key_path))
        for visit in (
            Visit("ws", PINGS, EXPECTED),
            Visit("ws-deflate", (*NO_PINGS, "--deflate", "dedicated"), deflated),
            Visit("wss", (*PINGS, *tls), EXPECTED, "wss", certificate_path),
        ):
            looks = visit.looks(step, logs, browser, command)
            if not all(passed for passed, _ in looks.values()):
                # A browser that gets no processor for 2 s does not answer a Close in time; real faults
                # repeat.
                step.note(f"{visit.name}: again, since not all was as expected: {looks}")
                again = visit.looks(step, logs, browser, command)
                looks = {name: max(seen, again.get(name, seen)) for name, seen in looks.items()}
            for passed, what in looks.values():
                step.case(passed, f"{visit.name}: {what}")


class Visit:
    """The page, opened against a server with these arguments, and its expected reports. Only pages of our own
    origin may upgrade, so the browser's Origin is part of it."""

    def __init__(self, name, arguments, expected, scheme="ws", certificate_path=None):
        self.name = name
        self.arguments = arguments
        self.expected = expected
        self.scheme = scheme
        self.certificate_path = certificate_path

    def looks(self, step, logs, browser, command):
        """The page's reports, by name: whether each is as expected, and a description."""
        with page() as (origin, reports):
            given = ("--path", "/game", "--subprotocol", "game", "--origin", origin, *READ_TIMEOUT, *self.arguments)
            with server(step, logs, "serve", *given, name=self.name) as port, relay(port) as passing:
                query = urlencode({"url": f"{self.scheme}://127.0.0.1:{passing.port}/game", "quiet": QUIET_MS})
                with opened(step, browser, command, f"{origin}/?{query}", self.certificate_path, passing.port):
                    try:
                        seen = reports.get(timeout=REPORTS_WITHIN)
                    except queue.Empty:
                        raise Failed(f"{self.name}: the page reported nothing within {REPORTS_WITHIN} s") from None
        looks = {}
        for look in sorted(self.expected.keys() | seen.keys()):
            got, wanted = seen.get(look), self.expected.get(look)
            looks[look] = (got == wanted, f"{look}: {got!r}, expected {wanted!r}")
        if self.scheme == "ws":
            closed, in_all = closed_by_all(passing)
            looks["Closes"] = (
                closed == in_all > 0,
                f"{closed} of {in_all} connections end with a Close of the browser's",
            )
        return looks


@contextlib.contextmanager
def page():
    """Serves the page on a free port. Yields its origin, and where its reports arrive."""
    reports = queue.Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            found = self.path.startswith("/?")
            self.answer(200 if found else 404, PAGE.read_bytes() if found else b"")

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(200, b"")
            reports.put(json.loads(body))

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{http.server_port}", reports
        finally:
            http.shutdown()


@contextlib.contextmanager
def opened(step, browser, command, url, certificate_path, port):
    """Runs a browser with a profile of its own, and ends it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser.prepare(Path(profile), certificate_path, port)
        words = browser.words(command, profile, url)
        step.note(f"$ {' '.join(words)}")
        output = {"stdin": subprocess.DEVNULL, "stdout": step.log, "stderr": subprocess.STDOUT}
        environment = {**os.environ, "HOME": profile}
        process = subprocess.Popen(words, env=environment, **output, start_new_session=True)
        try:
            yield
        finally:
            end_group(process)


@contextlib.contextmanager
def certificate(step):
    """A self-signed certificate for 127.0.0.1, and its key."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / name for name in ("certificate.pem", "key.pem")]
        kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
        step.must("openssl", "req", *kind, *names, "-out", paths[0], "-keyout", paths[1])
        yield paths
