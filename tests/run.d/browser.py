"""Headless Chromium opens tests/foreign/browser.html, which talks to the program and reports here."""

import contextlib
import json
import os
import queue
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

from server import server
from step import Failed, Skipped, end_group

PAGE = Path(__file__).resolve().parent.parent / "foreign" / "browser.html"
REPORTS_WITHIN = 120
"""Seconds for the browser to start and the page to do all it does."""
SIZES = [0, 1, 116, 117, 125, 126, 65_526, 65_527, 65_535, 65_536, 524_279]
QUIET_MS = 5000
"""How long the page says nothing on a connection: more than twice the read timeout."""
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
    # A Close without a code; the browser names that 1005 (RFC 6455 §7.1.5).
    "closed by the page": "1005 true",
    "closed by the page with 3000": "3000 true",
    # Nothing but the Pongs of the browser can have kept it open.
    "quiet": "open, then 0 0 true 1101 true",
}
"""What the page should see."""
WITHOUT_PINGS = {**EXPECTED, "quiet": "4009 true"}
DEFLATED = {**WITHOUT_PINGS, "upgrade": "1 game permessage-deflate"}


def run(step, logs, installer):
    chromium = installer.apt(step, "chromium", "chromium")
    if chromium is None:
        reason = "there is no chromium, and this machine did not let us install it"
        raise (Failed if os.environ.get("CI") == "true" or os.geteuid() == 0 else Skipped)(reason)
    visit(step, logs, chromium, "ws", PINGS, EXPECTED)
    visit(step, logs, chromium, "ws-deflate", (*NO_PINGS, "--deflate", "dedicated"), DEFLATED)
    options = step.must("cargo", "run", "--locked", "--quiet", "--release", "--", "serve", "--help")
    if "--tls-cert" in options:
        with certificate(step) as (certificate_path, key_path):
            tls = ("--tls-cert", str(certificate_path), "--tls-key", str(key_path))
            visit(step, logs, chromium, "wss", (*PINGS, *tls), EXPECTED, scheme="wss")


def visit(step, logs, chromium, name, arguments, expected, scheme="ws"):
    """Opens the page against a server with these arguments, and counts all that it should see. Only
    pages of our own origin may upgrade, so the browser's Origin is part of it."""
    with page() as (origin, reports):
        given = ("--path", "/game", "--subprotocol", "game", "--origin", origin, *READ_TIMEOUT, *arguments)
        with server(step, logs, "serve", *given, name=name) as port:
            query = urlencode({"url": f"{scheme}://127.0.0.1:{port}/game", "quiet": QUIET_MS})
            with browser(step, chromium, f"{origin}/?{query}"):
                try:
                    seen = reports.get(timeout=REPORTS_WITHIN)
                except queue.Empty:
                    raise Failed(f"{name}: the page reported nothing within {REPORTS_WITHIN} s") from None
    for look in sorted(expected.keys() | seen.keys()):
        got, wanted = seen.get(look), expected.get(look)
        step.case(got == wanted, f"{name}: {look}: {got!r}, expected {wanted!r}")


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
def browser(step, chromium, url):
    """Runs Chromium with a profile of its own, and ends it."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        quiet = "background-networking component-update sync gpu quic".split()
        words = [chromium, "--headless", "--no-first-run", *(f"--disable-{what}" for what in quiet)]
        # Root can't have the sandbox; and our certificate is signed by nobody. It sees our page only.
        words += ["--no-sandbox", "--ignore-certificate-errors", "--no-proxy-server"]
        words += [f"--user-data-dir={profile}", url]
        step.note(f"$ {' '.join(words)}")
        output = {"stdin": subprocess.DEVNULL, "stdout": step.log, "stderr": subprocess.STDOUT}
        process = subprocess.Popen(words, **output, start_new_session=True)
        try:
            yield
        finally:
            end_group(process)


@contextlib.contextmanager
def certificate(step):
    """A certificate for 127.0.0.1 that nobody but itself has signed, and its key."""
    with tempfile.TemporaryDirectory() as directory:
        paths = [Path(directory) / name for name in ("certificate.pem", "key.pem")]
        kind = ("-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
        names = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
        step.must("openssl", "req", *kind, *names, "-out", paths[0], "-keyout", paths[1])
        yield paths
