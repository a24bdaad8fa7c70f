"""Headless Chromium with two tabs of the page of `serve --dev`, while the server is killed and restarted."""

import re

from server import program
from webdriver import driven

PAGE = re.compile(r"the page of --dev is at (http://\S+)/")
ROLES = ("7001", "7002")
"""Whom the tabs log in as."""


def run(step, logs, installer, shots):
    """Leaves screenshots in the directory `shots`."""
    installer.required(step, "chromium", "chromium")
    command = installer.required(step, "chromedriver", "chromium-driver")
    with driven(step, command) as driver:
        tabs = Tabs(step, driver, shots)
        with program(step, logs, "serve", "--dev", "--dev-listen", "127.0.0.1:0") as server:
            url = PAGE.search(server.log_path.read_text())[1]
            address = f"127.0.0.1:{server.port}"
            tabs.open(url)
            tabs.log_in()
            tabs.join()
            tabs.talk("first", "before the end of the server")
            tabs.measure()
            tabs.shoot("talking")
            server.kill()
            tabs.lose()
            tabs.shoot("lost")
        # At the same addresses: the page stays open.
        again = ("serve", "--dev", "--dev-listen", url.removeprefix("http://"))
        with program(step, logs, *again, name="restarted", listen=address):
            tabs.come_back()
            tabs.talk("second", "after the restart")
            tabs.reconnect()
            tabs.talk("first", "after the button")
            tabs.leave()
            tabs.shoot("left")
            tabs.refuse()
        complaints = [line for line in driver.console() if "Content Security Policy" in line or "Uncaught" in line]
        step.case(not complaints, f"the console complains of nothing: {complaints}")


class Tabs:
    """The two tabs, `first` and `second`."""

    def __init__(self, step, driver, shots):
        self.step = step
        self.driver = driver
        self.shots = shots
        self.handles = {"first": driver.ask("GET", "/window"), "second": driver.tab()}

    def each(self):
        """Drives each tab in turn."""
        for name, handle in self.handles.items():
            self.driver.switch(handle)
            yield name

    def state(self, wanted):
        self.driver.wait_for_text("#state", wanted)

    def open(self, url):
        for _ in self.each():
            self.driver.open(url)

    def log_in(self):
        for (name, role) in zip(self.each(), ROLES):
            self.driver.fill("#login [name=account]", f"the {name} tab")
            self.driver.fill("#login [name=role]", role)
            self.driver.click("#login button")
            self.state("open")
            self.step.case(True, f"the {name} tab is logged in")

    def join(self):
        for members, name in enumerate(self.each(), 1):
            self.driver.click("#join button")
            self.driver.wait_for_text("#members", f"lobby, members: {members}")
            self.step.case(True, f"the {name} tab is in the room, with {members} members")

    def talk(self, speaker, text):
        """One tab says something, which both show once."""
        self.driver.switch(self.handles[speaker])
        self.driver.fill("#say [name=text]", text)
        self.driver.click("#say button")
        role = dict(zip(self.handles, ROLES))[speaker]
        for name in self.each():
            self.driver.wait_for_text("#said li:last-child", text)
            lines = self.driver.run("return [...document.querySelectorAll('#said li')].map((li) => li.textContent)")
            said = [line for line in lines if text in line]
            expected = [f"lobby: {role} says: {text}"]
            self.step.case(said == expected, f"the {name} tab shows {expected}: {said}")

    def measure(self):
        for name in self.each():
            self.driver.wait_for_text("#latency", " ms")
            count = "return document.querySelectorAll('#graph rect').length"
            self.driver.wait("the graph has three values", lambda: self.driver.run(count) >= 3)
            self.step.case(True, f"the {name} tab draws a graph, whose last value is {self.driver.text('#latency')}")

    def lose(self):
        for name in self.each():
            self.driver.wait("the state is no longer open", lambda: self.driver.text("#state") != "open")
            self.step.case(True, f"the {name} tab notices that the server is gone")

    def come_back(self):
        """Nobody clicks: the tabs connect, log in and join by themselves."""
        for name in self.each():
            self.state("open")
            self.step.case(True, f"the {name} tab is logged in again")
        for name in self.each():
            self.driver.wait("it has joined", lambda: self.driver.text("#events").count("joined lobby") >= 2)
            self.step.case(True, f"the {name} tab is in the room again")

    def reconnect(self):
        self.driver.switch(self.handles["first"])
        joined = self.driver.text("#events").count("joined lobby")
        self.driver.click("#reconnect")
        self.driver.wait("it has joined", lambda: self.driver.text("#events").count("joined lobby") > joined)
        self.state("open")
        self.driver.click("#wake")
        self.step.case(self.driver.text("#state") == "open", "a click reconnects the first tab")

    def leave(self):
        self.driver.switch(self.handles["first"])
        self.driver.click("#leave")
        self.state("closed")
        self.step.case(True, "a click disconnects the first tab")

    def refuse(self):
        """A newer login with the role of the second tab takes its place, and that one does not come back."""
        self.driver.switch(self.handles["first"])
        self.driver.fill("#login [name=role]", ROLES[1])
        self.driver.click("#login button")
        self.state("open")
        self.driver.switch(self.handles["second"])
        self.state("closed")
        shown = self.driver.wait("it shows why", lambda: "4007" in self.driver.text("#events"))
        self.step.case(shown, "the second tab shows that its role is played elsewhere")

    def shoot(self, what):
        for name in self.each():
            self.driver.screenshot(self.shots / f"{what}-{name}.png")
