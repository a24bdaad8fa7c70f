"""The program's answers to curl: the 101, and every refusal that curl can provoke."""

import contextlib
import re
import socket

from server import server
from step import Failed

LIMIT = "30"
"""Seconds after which curl gives up on an answer."""
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""The answer to that key in RFC 6455 §1.3."""
ORIGIN = "Origin: https://game.example"
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)
GOOD = (ORIGIN, *UPGRADE)
PATH = "/game"

# For `fullmatch`, with DOTALL: when the server has waited long enough for a frame it sends a Close with 4009.
CLOSED = rb"\x88.\x0f\xa9.*"
TIMED_OUT = ("--read-timeout", "300ms")

NOT_ALLOWED = b"this origin is not allowed\n"
NOT_FOUND = b"nothing is served at this path\n"
BODY = b"the request must not have a body\n"
REPEATED = b"a header that may appear once is repeated\n"
HOST = b"there must be exactly one Host, and a valid one\n"
OLD = b"HTTP/1.0, which has no upgrade: a proxy has to be told to use HTTP/1.1\n"
FULL = b"the server takes no more connections now\n"
FULL_FOR_ADDRESS = b"too many connections from this address\n"
TOO_LARGE = b"the request head is too large\n"
UPGRADE_REQUIRED = b"upgrade to websocket, version 13\n"

SPOKEN = {"connection": "close, Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
"""The headers of a 426."""


def without(name):
    return [header for header in GOOD if not header.startswith(f"{name}:")]


# The name, path, headers and further arguments for curl; and the status, its own headers and the body.
CASES = [
    ("GET without upgrade", PATH, [ORIGIN], [], 426, SPOKEN, UPGRADE_REQUIRED),
    ("no Upgrade", PATH, without("Upgrade"), [], 426, SPOKEN, UPGRADE_REQUIRED),
    ("no Connection", PATH, without("Connection"), [], 426, SPOKEN, UPGRADE_REQUIRED),
    ("version 8", PATH, [*without("Sec-WebSocket-Version"), "Sec-WebSocket-Version: 8"], [], 426, SPOKEN,
     UPGRADE_REQUIRED),
    ("no key", PATH, without("Sec-WebSocket-Key"), [], 400, {},
     b"Sec-WebSocket-Key must be the base64 of 16 bytes\n"),
    ("two keys", PATH, [*GOOD, KEY], [], 400, {}, REPEATED),
    ("HTTP/1.0", PATH, GOOD, ["--http1.0"], 400, {}, OLD),
    ("no Host", PATH, [*GOOD, "Host:"], [], 400, {}, HOST),
    ("a bad Host", PATH, [*GOOD, "Host: a b"], [], 400, {}, HOST),
    ("a body", PATH, GOOD, ["-X", "GET", "--data", "body"], 400, {}, BODY),
    ("a chunked body", PATH, [*GOOD, "Transfer-Encoding: chunked"], ["-X", "GET", "--data", "body"], 400, {},
     BODY),
    ("no origin", PATH, UPGRADE, [], 403, {}, NOT_ALLOWED),
    ("another origin", PATH, [*UPGRADE, "Origin: https://evil.example"], [], 403, {}, NOT_ALLOWED),
    ("another path", "/other", GOOD, [], 404, {}, NOT_FOUND),
    ("a longer path", f"{PATH}/x", GOOD, [], 404, {}, NOT_FOUND),
    ("POST", PATH, GOOD, ["-X", "POST"], 405, {"allow": "GET"}, b"the method must be GET\n"),
    ("OPTIONS", PATH, GOOD, ["-X", "OPTIONS"], 405, {"allow": "GET"}, b"the method must be GET\n"),
    ("a long header", PATH, [*GOOD, f"X: {'a' * 9000}"], [], 431, {}, TOO_LARGE),
    ("many headers", PATH, [*GOOD, *(f"X-{i}: a" for i in range(64))], [], 431, {}, TOO_LARGE),
    ("a long path", f"/{'a' * 9000}", GOOD, [], 431, {}, TOO_LARGE),
]  # fmt: skip


def run(step, logs, installer):
    """Each answer from a server with its options, and the 101 after all refusals."""
    curl = installer.apt(step, "curl", "curl")
    if curl is None:
        raise Failed("curl is missing and can't be installed here")
    allowed = ("--path", PATH, "--origin", "https://game.example")
    with server(step, logs, "serve", *allowed, *TIMED_OUT, name="refusals") as port:
        for name, path, headers, words, status, own, body in CASES:
            refusal(step, name, ask(step, curl, port, path, headers, *words), status, own, body)
        for path in (PATH, f"{PATH}?query"):
            accepted(step, path, ask(step, curl, port, path, GOOD))
    for option, status, body in [
        ("--max-connections", 503, FULL),
        ("--max-connections-per-ip", 429, FULL_FOR_ADDRESS),
    ]:
        with server(step, logs, "serve", option, "1", name=str(status)) as port, inside(port):
            refusal(step, f"{option} 1", ask(step, curl, port, "/", UPGRADE), status, {"retry-after": "5"}, body)


def ask(step, curl, port, path, headers, *words):
    """Curl's exit status, and the answer: status, headers by their names in lower case, body."""
    given = [word for header in headers for word in ("-H", header)]
    answer = step.log_path.with_suffix(".answer")
    answer.write_bytes(b"")
    # No environment variable may send this request to a proxy.
    ours = ("--http1.1", "-i", "-N", "-s", "-S", "--noproxy", "*", "--max-time", LIMIT, "-o", answer)
    ended, _ = step.command(curl, "-q", *ours, *given, *words, f"http://127.0.0.1:{port}{path}")
    head, _, body = answer.read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    status = re.fullmatch(r"HTTP/1\.1 (\d{3}) [A-Z].*", first)
    pairs = [line.partition(": ") for line in lines]
    named = {name.lower(): value for name, _, value in pairs}
    if len(named) != len(pairs):
        raise Failed(f"a header comes twice in {lines}")
    return ended, int(status[1]) if status else first, named, body


def refusal(step, name, answer, status, own, body):
    form = {"content-type": "text/plain", "content-length": str(len(body)), "connection": "close"}
    expected = (0, status, {**form, **own}, body)
    step.case(answer == expected, f"{name}: {answer}, expected {expected}")


def accepted(step, path, answer):
    """The 101. Curl then reads on, until the server has waited long enough for a frame."""
    ended, status, headers, body = answer
    expected = {"upgrade": "websocket", "connection": "Upgrade", "sec-websocket-accept": ACCEPT}
    good = (ended, status, headers) == (0, 101, expected) and re.fullmatch(CLOSED, body, re.DOTALL)
    step.case(bool(good), f"upgrade at {path}: {answer}, expected 101, {expected} and Close 4009")


@contextlib.contextmanager
def inside(port):
    """A client that has been let in and stays."""
    lines = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", *UPGRADE, "", ""]
    with socket.create_connection(("127.0.0.1", port), timeout=float(LIMIT)) as client:
        client.sendall("\r\n".join(lines).encode())
        if not client.recv(4096).startswith(b"HTTP/1.1 101 "):
            raise Failed("the first client was not let in")
        yield
