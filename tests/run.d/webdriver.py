"""A browser that is driven by the WebDriver protocol (W3C), through Debian's chromedriver."""

import base64
import contextlib
import errno
import http.client
import json
import os
import random
import re
import socket
import subprocess
import tempfile
import threading
import time

from step import Failed, end_group

STARTED = re.compile(r"started successfully on port (\d+)")
PATIENCE = 60
"""Seconds for whatever is waited for."""
STARTS = 20
"""Attempts to start chromedriver."""
PORTS = range(20_000, 60_000)
"""The ports that it may have."""
TRIES = 200
"""Ports of which one is looked for that is free."""
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""The name of an element's id in the protocol."""
ARGUMENTS = """--headless=new --no-first-run --no-sandbox --no-proxy-server --disable-gpu --disable-quic --disable-sync
--disable-background-networking --disable-component-update --window-size=1000,1000""".split()
"""The sandbox does not work for root. The browser opens only our own pages."""


class Driver:
    """A session with one browser, and its tab that is driven now."""

    def __init__(self, port):
        self.port = port
        self.base = ""
        options = {"args": ARGUMENTS}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.base = f"/session/{session['sessionId']}"

    def ask(self, method, path, body=None):
        """The value of a command's answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            text = json.dumps(body if body is not None else {}) if method == "POST" else None
            connection.request(method, self.base + path, text, {"Content-Type": "application/json"})
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
        if response.status != 200:
            raise Failed(f"{method} {path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def tab(self):
        """Opens a tab, and returns its handle."""
        return self.ask("POST", "/window/new", {"type": "tab"})["handle"]

    def switch(self, handle):
        self.ask("POST", "/window", {"handle": handle})

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def element(self, selector):
        found = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        return f"/element/{found[ELEMENT]}"

    def click(self, selector):
        self.ask("POST", f"{self.element(selector)}/click")

    def fill(self, selector, text):
        """Types into a field, in place of what is there."""
        field = self.element(selector)
        self.ask("POST", f"{field}/clear")
        self.ask("POST", f"{field}/value", {"text": text})

    def run(self, script, *arguments):
        """What a script in the page returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def wait(self, what, holds):
        """Waits until something holds, and returns it."""
        end = time.monotonic() + PATIENCE
        while not (seen := holds()):
            if time.monotonic() > end:
                raise Failed(f"{what}: not within {PATIENCE} s")
            time.sleep(0.02)
        return seen

    def wait_for_text(self, selector, part):
        """Waits until an element's text has a part."""
        return self.wait(f"{selector} shows {part!r}", lambda: part in self.text(selector))

    def screenshot(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def console(self):
        """The lines of the console since the last call, of all tabs."""
        return [line["message"] for line in self.ask("POST", "/se/log", {"type": "browser"})]


@contextlib.contextmanager
def driven(step, command):
    """Runs chromedriver, with a browser whose profile is its own, and ends both."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        process, port = start(step, command, home)
        try:
            # Nobody reads on, and it must not wait for that.
            threading.Thread(target=process.stdout.read, daemon=True).start()
            driver = Driver(port)
            yield driver
            driver.ask("DELETE", "")
        finally:
            end_group(process)


def start(step, command, home):
    """The process of chromedriver, and its port."""
    output = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": step.log, "text": True}
    environment = {**os.environ, "HOME": home, "TMPDIR": home}
    for _ in range(STARTS):
        words = [command, f"--port={free_port()}"]
        step.note(f"$ {' '.join(words)}")
        process = subprocess.Popen(words, env=environment, start_new_session=True, **output)
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()
        matches = (STARTED.search(line) for line in process.stdout)
        match = next((match for match in matches if match), None)
        watchdog.cancel()
        if match:
            return process, int(match[1])
        end_group(process)
    raise Failed(f"chromedriver did not start in {STARTS} attempts")


def free_port():
    """A port that is free for IPv4 and for IPv6, or 0. chromedriver binds both; left to choose by itself, it takes
    one that is free for the first, and ends if a closed connection still has it for the second."""
    for _ in range(TRIES):
        port = random.choice(PORTS)
        try:
            for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                with socket.socket(family) as listener:
                    listener.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return 0
            continue
        return port
    return 0
