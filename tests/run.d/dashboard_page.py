"""What is on the page of `--admin`, and what one does there, through WebDriver."""

import json
import signal

import crowd
from dashboard_look import ENTER, ESCAPE, RIGHT, TAB, WIDE, Look

ROW = "[...document.querySelectorAll('#connections tbody tr')].find((row) => row.textContent.includes(arguments[0]))"
COLUMN = "[...document.querySelectorAll('#connections th')].findIndex((th) => th.textContent === arguments[0])"
WATCH = """
window.states = [];
const button = document.querySelector('#console button:not([type])');
const state = document.querySelector('#state');
const note = () => button.disabled && window.states.push(state.textContent);
new MutationObserver(note).observe(state, { childList: true, characterData: true, subtree: true });
"""
"""Notes each state that the page shows while a call waits."""
ALL_SECONDS = """(() => {
  const details = document.querySelectorAll('.graph details')[1];
  details.open = true;
  details.querySelector('button').click();
  const seconds = [...details.querySelectorAll('tbody tr')].map((row) => Date.parse(`1970-01-01T${row.cells[0].textContent}Z`));
  const [newest, oldest] = [seconds[0], seconds.at(-1)];
  return seconds.length > 5 && (newest - oldest + 86400000) % 86400000 === (seconds.length - 1) * 1000;
})()"""
"""Whether the table behind the second graph has each second from the oldest to the newest."""
GRAPHS = ("Clients by state", "Packets", "Latency", "Closes by cause")
WRONG = "a-wrong-token"


class Page(Look):
    """The tab with the page, and what is in it."""

    def open(self, url):
        self.size(*WIDE)
        self.driver.open(f"{url}/")
        self.run("window.sameTab = true; document.title = 'sysconn'")
        self.state("serving")

    def figures(self, workers, clients):
        self.driver.wait_for_text("#about", f"{workers} worker")
        number = f"{clients:,}".replace(",", "\u202f")
        shown = "document.querySelector('#figure-clients').firstChild.data"
        self.wait(f"it shows {clients} clients", f"{shown} === arguments[0]", number)
        for name in ("received", "sent"):
            figure = f"document.querySelector('#figure-{name}').textContent"
            self.wait(f"it shows packets {name}", f"!['–', '0'].includes({figure})")
        for name, unit in (("p99", "s"), ("turn", "s"), ("cpu", "%"), ("memory", "B")):
            self.wait(f"it shows {name}", f"document.querySelector('#figure-{name}').textContent.endsWith('{unit}')")

    def first_look(self):
        """The first answer has what was before the page."""
        times = self.table("Packets", "graph.querySelectorAll('tbody tr').length")
        self.case(times > 1, f"the first look shows the past: {times} seconds")

    def table(self, title, script):
        """What a script says of the table behind a graph, which the keyboard opens and closes."""
        graph = f"[...document.querySelectorAll('.graph')].find((one) => one.ariaLabel === {title!r})"
        self.run(f"{graph}.querySelector('summary').focus()")
        self.keys(ENTER)
        self.driver.wait("the table is open", lambda: self.run(f"return {graph}.querySelector('tbody tr') !== null"))
        found = self.run(f"const graph = {graph}; return {script}")
        self.keys(ENTER)
        return found

    def graphs(self):
        for title in GRAPHS[:3]:
            head = self.table(title, "[...graph.querySelectorAll('th')].map((th) => th.textContent)")
            self.case(head[0] == "Time" and len(head) > 1, f"the table behind {title} has columns: {head}")
        drawn = "document.querySelectorAll('.graph canvas').length"
        self.case(self.run(f"return {drawn}") == len(GRAPHS), "four graphs are drawn")
        self.run("document.querySelector('.plot').focus()")
        self.keys(RIGHT)
        at = self.run("return [...document.querySelectorAll('.graph .at')].map((one) => one.textContent)")
        self.case(all(text.count(":") == 2 for text in at), f"an arrow key moves the cursor of all graphs: {at}")

    def latency(self, cmd):
        option = "[...document.querySelectorAll('.graph option')].find((one) => one.value === arguments[0])"
        self.wait(f"command {cmd} can be chosen", f"{option} !== undefined", cmd)
        choose = "const select = document.querySelector('.graph select'); select.value = arguments[0];"
        self.run(f"{choose} select.dispatchEvent(new Event('change'))", cmd)
        values = "[...document.querySelectorAll('.graph')][2].querySelectorAll('output')"
        self.wait(f"the latency of {cmd} is shown", f"[...{values}].some((one) => one.textContent.endsWith('s'))")

    def hostile(self, texts, role, received):
        """Names with markup are texts, and numbers are whole."""
        self.wait("the client with markup is in the list", f"{ROW} !== undefined", texts[0])
        row = self.run(f"return {ROW}.textContent", texts[0])
        self.case(all(text in row for text in texts), "names with markup show as text")
        self.case(str(role) in row, "a role above 2^53 keeps its digits")
        cells = f"[...{ROW}.children].map((cell) => cell.textContent)"
        index = self.run(f"return {COLUMN}", "Received")
        self.driver.wait("packets are counted", lambda: self.run(f"return {cells}", texts[0])[index] == received)
        self.case(True, f"the list counts the client's {received} packets")
        self.clean()

    def hidden(self, name, shown):
        """Of a name that would turn or break the words beside it each such character is written out."""
        self.wait("the client with controls in its name is in the list", f"{ROW} !== undefined", shown)
        cells = self.run(f"return [...{ROW}.cells].map((cell) => cell.textContent)", shown)
        self.case(cells.count(shown) >= 2, f"a name with controls is written out, wherever it stands: {cells}")
        self.act(shown, "Kick")
        self.wait("it asks", "document.querySelector('#kick').open")
        words = [self.driver.text(f"#kick {part}") for part in (".whom", ".account")]
        is_apart = words[1] == shown and "desrever" not in words[0]
        self.case(is_apart, f"the question has the name apart from its words: {words}")
        self.keys(ESCAPE)
        text = self.run("return document.documentElement.textContent")
        self.case(not any(one in text for one in name if ord(one) > 127), "no control is on the page")

    def clean(self):
        made = "return document.querySelectorAll('td *:not(button), td img, pre *, dialog img').length"
        title = self.run("return document.title")
        self.case(self.run(made) == 0 and "taken" not in title, "no markup of a client's became an element")

    def search_and_sort(self, talkers):
        self.driver.fill("#connections [name=search]", "PLAYER ")
        self.driver.wait_for_text(".range", f"{talkers} found")
        self.case(True, "a search finds the players")
        sort = "[...document.querySelectorAll('#connections th button')].find((one) => one.textContent === 'Account')"
        first = "document.querySelector('#connections tbody td:nth-child(4)')?.textContent"
        for order, account in (("ascending", "player 0"), ("descending", "player 9")):
            self.run(f"{sort}.focus()")
            self.keys(ENTER)
            self.wait(f"the list is sorted, {order}", f"{first} === arguments[0]", account)
            self.case(self.run(f"return {sort}.parentElement.ariaSort") == order, f"it says so: {order}")
        self.run("document.querySelector('#connections [name=search]').value = ''")
        self.run(f"{sort}.click()")
        self.wait("the whole list is back", "!document.querySelector('.range').textContent.includes('found')")

    def stands_still(self):
        """While the focus is in the list, its rows stay where they are."""
        self.run("document.querySelector('#connections tbody button').focus()")
        self.driver.wait_for_text("#connections .note", "stands still")
        self.run("document.activeElement.blur()")
        self.wait("the list goes on", "document.querySelector('#connections .note').textContent === ''")

    def act(self, whom, action):
        """Presses a button of a client's row by the keyboard."""
        self.wait(f"{action}: the row is there", f"{ROW} !== undefined", whom)
        button = f"[...{ROW}.querySelectorAll('button')].find((one) => one.textContent === arguments[1])"
        self.run(f"{button}.focus()", whom, action)
        self.keys(ENTER)

    def give(self, token):
        self.driver.wait("it asks for the token", lambda: self.run("return document.querySelector('#token').open"))
        self.driver.fill("#token input", token)
        self.keys(ENTER)

    def result(self, text):
        self.driver.wait_for_text("#connections .result", text)
        self.case(True, f"it says {text!r}")

    def debug_and_record(self, whom, token):
        """The first POST asks for the token, and a wrong one is asked for again."""
        self.act(whom, "Debug")
        self.give(WRONG)
        self.driver.wait_for_text("#token .why", "does not take")
        self.case(True, "a wrong token is asked for again")
        self.give(token)
        self.result("debug on")
        self.act(whom, "Debug")
        self.result("debug off")
        self.act(whom, "Record")
        self.result("record on")
        kept = self.run("return [Object.values(sessionStorage), localStorage.length, document.cookie, location.href]")
        is_here_only = kept[0] == [token] and kept[1:3] == [0, ""] and token not in kept[3]
        self.case(is_here_only, "the token is in sessionStorage, and nowhere else")

    def recording(self, whom):
        """Ends a recording, and reads it."""
        self.act(whom, "Record")
        self.result("record off")
        self.driver.wait("a recording shows the packet", self.has_recorded_packet)
        self.case(True, "a recording's packets are listed")
        self.show("#recordings")
        self.shoot("recording")

    def has_recorded_packet(self):
        """Looks into each recording that is there by now; its file is written after a second or so."""
        self.driver.click("#recordings [name=refresh]")
        choose = """const select = document.querySelector('#recordings select');
            select.selectedIndex = arguments[0]; select.dispatchEvent(new Event('change'));"""
        rows = "[...document.querySelectorAll('#recordings tbody tr:not([hidden])')].map((row) => row.textContent)"
        for index in range(1, self.run("return document.querySelector('#recordings select').options.length")):
            self.run(choose, index)
            self.driver.wait_for_text("#recordings .note", " lines")
            if any("a packet 1101 of 8 bytes" in row for row in self.run(f"return {rows}")):
                return True
        return False

    def call(self, data, reply):
        self.driver.fill("#console [name=data]", data)
        self.keys(TAB, TAB)
        self.driver.click("#console button:not([type])")
        self.driver.wait_for_text("#console .hex", reply)
        self.case(data.replace(" ", "") in self.driver.text("#console .hex").replace(" ", ""), "the console echoes hex")

    def call_message(self, cmd, message, reply, login=None):
        """Calls a command that takes a message, after a login if there is one."""
        self.run(
            """const { route, data, login, 'with-login': check } = document.querySelector('#console form').elements;
            route.value = arguments[0]; route.dispatchEvent(new Event('change'));
            window.template = data.value; data.value = arguments[1];
            check.checked = arguments[2] !== null; login.value = arguments[2] ?? login.value;""",
            str(cmd),
            json.dumps(message),
            login and json.dumps(login),
        )
        template = json.loads(self.run("return window.template"))
        self.case(template.keys() >= message.keys(), f"the console offers the message's fields: {template}")
        self.driver.click("#console button:not([type])")
        self.driver.wait_for_text("#console .reply", reply)
        self.case(True, f"the reply has {reply!r}")
        self.clean()

    def kick(self, whom, kicked):
        self.act(whom, "Kick")
        self.driver.wait("it asks", lambda: self.run("return document.querySelector('#kick').open"))
        self.case(whom in self.driver.text("#kick .account"), "it asks about whom, as text")
        self.shoot("kick")
        self.keys(ESCAPE)
        self.case(self.run(f"return {ROW} !== undefined", whom), "Escape kicks nobody")
        self.act(whom, "Kick")
        self.run("document.querySelector('#kick [value=kick]').focus()")
        self.keys(ENTER)
        self.result("kicked")
        self.case(kicked(), "the client is told that an operator did it")
        self.wait("the kicked client is gone", f"{ROW} === undefined", whom)

    def hang(self, server):
        """A server that stands still is told from one that serves."""
        server.process.send_signal(signal.SIGSTOP)
        self.state("no answer")
        self.wait("the figures are marked as old", "document.querySelector('main').matches('.stale')")
        server.process.send_signal(signal.SIGCONT)
        self.state("serving")

    def call_meanwhile(self, player, milliseconds):
        """While a call waits for a worker that hangs, the state goes on; and then the graphs have all seconds."""
        client = player()
        crowd.block(client, milliseconds)
        self.state("stuck in command 1107 echo.block")
        self.run(WATCH)
        self.driver.click("#console button:not([type])")
        self.wait("the call waits", "document.querySelector('#console button:not([type])').disabled")
        self.wait("the call ends", "!document.querySelector('#console button:not([type])').disabled")
        seen = self.run("return window.states")
        stuck = sum("stuck" in state for state in seen)
        self.case(stuck == len(seen) > 2, f"while the call waits, the state goes on: {seen}")
        self.state("serving")
        client.close()
        self.wait("all seconds are shown", ALL_SECONDS)

    def lose(self, server):
        self.run("window.sameTab = true")
        server.kill()
        self.state("no answer")
        self.driver.wait_for_text("#notice", "comes back by itself")
        self.shoot("gone")

    def come_back(self, workers):
        self.state("serving")
        self.driver.wait_for_text("#about", f"{workers} workers")
        self.wait("nobody reloaded it", "window.sameTab && document.querySelector('#notice').hidden")

    def long_list(self, count):
        shown = f"of {count:,}".replace(",", "\u202f")
        self.driver.wait_for_text(".range", shown)
        rows = "document.querySelectorAll('#connections tbody tr').length"
        self.wait("a page of the list is shown", f"{rows} === 100")
        self.driver.click("#connections [name=next]")
        self.driver.wait_for_text(".range", "101–200")
        self.case(True, "the next page is shown")
        self.driver.fill("#connections [name=search]", "player 7")
        self.wait("a search among all finds one", f"{rows} === 1")
        self.run("document.querySelector('#connections [name=search]').value = ''")
        self.run("document.querySelector('#connections form').requestSubmit()")
        heads = "[...document.querySelectorAll('#connections th button')]"
        self.run(f"{heads}.find((one) => one.textContent === 'Received').click()")
        first = "document.querySelector('#connections tbody td:nth-child(4)')?.textContent"
        self.wait("the busiest of all come first", f"{first}?.startsWith('player ') && {rows} === 100")
        self.show("#connections")

    def ask_at_once(self, url, token):
        """Off loopback nothing is shown without the token."""
        self.driver.open(f"{url}/")
        self.give(WRONG)
        self.driver.wait_for_text("#token .why", "does not take")
        self.case(self.driver.text("#figure-clients") == "–", "without the token it shows nothing")
        self.shoot("token")
        self.give(token)
        self.state("serving")

    def check_console(self):
        complaints = [line for line in self.driver.console() if "Content Security Policy" in line or "Uncaught" in line]
        self.case(not complaints, f"the console complains of nothing: {complaints}")
