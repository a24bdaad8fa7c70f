"""How the page of `--admin` looks and behaves in any window: keyboard, narrow and dark, and how often it asks."""

import json
import urllib.request

ENTER, TAB, RIGHT, ESCAPE = "\ue007", "\ue004", "\ue014", "\ue00c"
"""Keys, as WebDriver writes them."""
WIDE, NARROW, LIMIT = (1280, 1000), (390, 844), 700
LOOKS = 2.5
"""Seconds of the server in which the page would have asked it more than once."""


class Look:
    """The tab with the page. What happened becomes a case of the step."""

    def __init__(self, step, driver, shots):
        self.step = step
        self.driver = driver
        self.shots = shots

    def case(self, passed, what):
        self.step.case(bool(passed), what)

    def run(self, script, *arguments):
        return self.driver.run(script, *arguments)

    def wait(self, what, script, *arguments):
        """Waits until a script returns something true."""
        self.driver.wait(what, lambda: self.run(f"return {script}", *arguments))
        self.case(True, what)

    def keys(self, *keys):
        """Presses keys, one after the other, wherever the focus is."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.driver.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def devtools(self, command, **parameters):
        return self.driver.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def size(self, width, height):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.devtools("Emulation.setDeviceMetricsOverride", **metrics)

    def shoot(self, name):
        self.driver.screenshot(self.shots / f"dashboard-{name}.png")

    def show(self, selector):
        self.run("document.querySelector(arguments[0]).scrollIntoView()", selector)

    def state(self, text):
        self.driver.wait_for_text("#state", text)
        self.case(True, f"the state is {text!r}")

    def keyboard(self):
        """Tab reaches all that can be used, in order, and nothing keeps the focus."""
        self.run("document.activeElement.blur(); scrollTo(0, 0)")
        self.driver.open(self.run("return location.href"))
        self.state("serving")
        self.wait("the list is there", "document.querySelector('#connections tbody tr') !== null")
        name = "(one.name || one.textContent.trim() || one.className).slice(0, 30)"
        focus = f"const one = document.activeElement; return {name}"
        wanted = ["Skip to the connections", "Token…", "plot", "Table", "search", "Debug", "Record", "Kick"]
        seen = []
        for _ in range(60):
            self.keys(TAB)
            seen.append(self.run(focus))
            if seen[-1] == wanted[len([one for one in wanted if one in seen]) - 1] == wanted[-1]:
                break
        places = [seen.index(one) if one in seen else None for one in wanted]
        self.case(None not in places and places == sorted(places), f"Tab reaches {wanted}: {seen}")
        outline = self.run("return getComputedStyle(document.activeElement).outlineStyle")
        self.case(outline == "solid", f"what has the focus is outlined: {outline}")

    def columns(self):
        style = "getComputedStyle(document.querySelector('#graphs'))"
        return self.run(f"return {style}.gridTemplateColumns.split(' ').length")

    def narrow(self):
        counts = []
        for width in (LIMIT, LIMIT - 1):
            self.size(width, NARROW[1])
            counts.append(self.columns())
        self.case(counts == [2, 1], f"below {LIMIT} px there is one column: {counts}")
        self.size(*NARROW)
        self.run("scrollTo(0, 0)")
        widths = self.run("return [document.documentElement.scrollWidth, innerWidth]")
        self.case(widths[0] <= widths[1], f"nothing is wider than a narrow window: {widths}")
        self.shoot("narrow")
        self.show("#connections")
        self.shoot("narrow-connections")

    def dark(self):
        """Light and dark; all texts are told from their ground in both."""
        self.size(*WIDE)
        self.run("scrollTo(0, 0)")
        grounds = []
        for scheme in ("light", "dark"):
            self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
            grounds.append(self.run("return getComputedStyle(document.body).backgroundColor"))
            worst = self.run(CONTRAST)
            self.case(worst[0] >= 4.5, f"{scheme}: the least contrast of a text is {worst}")
        self.case(grounds[0] != grounds[1], f"light and dark differ: {grounds}")
        self.shoot("dark")
        self.devtools("Emulation.setEmulatedMedia", features=[])

    def politeness(self, url):
        """Beside the figures one request at a time, and none while nobody looks."""
        script = """const asked = performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/'));
            return asked.map((one) => [one.startTime, one.responseEnd, one.name]);"""
        for what in ("figures", "others"):
            asked = sorted(one for one in self.run(script) if one[2].endswith("/api/stats") == (what == "figures"))
            overlaps = [pair for pair in zip(asked, asked[1:]) if pair[0][1] > pair[1][0]]
            self.case(len(asked) > 2 and not overlaps, f"{what}: {len(asked)} requests, one at a time: {overlaps}")
        hide = "Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });"
        self.run(f"{hide} document.dispatchEvent(new Event('visibilitychange'))", True)
        self.pass_time(url, 1)
        self.run("performance.clearResourceTimings()")
        self.pass_time(url, LOOKS)
        self.case(self.run(script) == [], "a page that nobody sees asks nothing")
        self.run(f"{hide} document.dispatchEvent(new Event('visibilitychange'))", False)
        self.driver.wait("it asks again", lambda: self.run(script))

    def pass_time(self, url, seconds):
        """Waits until the server has served for so much longer."""
        def up():
            with urllib.request.urlopen(f"{url}/api/stats") as answer:
                return json.load(answer)["uptime_s"]
        end = up() + seconds
        self.driver.wait(f"{seconds} s of the server have passed", lambda: up() >= end)


CONTRAST = """
const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
const light = (rgb) => {
  const [r, g, b] = rgb.map((value) => (value /= 255) <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const ground = (element) => {
  for (; element; element = element.parentElement) {
    const colour = numbers(getComputedStyle(element).backgroundColor);
    if (colour.length === 3 || colour[3] > 0.5) return colour.slice(0, 3);
  }
  return [255, 255, 255];
};
let worst = [99, ""];
for (const element of document.querySelectorAll("body *")) {
  const isText = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
  if (!isText || element.disabled || element.offsetParent === null) continue;
  const pair = [light(numbers(getComputedStyle(element).color).slice(0, 3)), light(ground(element))];
  const contrast = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
  if (contrast < worst[0]) worst = [contrast, element.textContent.trim().slice(0, 40)];
}
return worst;
"""
"""The least contrast of a text with its ground (WCAG 2, 1.4.3), and that text."""
