"""The page of `--admin` of a server that is one of a cluster, over a NATS server of its own."""

import signal

import crowd
import dashboard_restart
from bus import nats
from dashboard_page import ROW

OPERATOR = 4010
"""The close code that says that an operator did it."""
LABEL = "document.querySelector('#connections [name=everywhere]').parentElement"
RECORD = f"[...{ROW}.querySelectorAll('button')].find((one) => one.textContent === 'Record')"


def run(page, servers, command, token):
    """Two servers: the page of one shows the connections of both, and acts on them."""
    with nats(command) as address:
        cluster = ("--cluster", address, "--node")
        with servers.start("node-a", *cluster, "a") as here:
            url = servers.url
            with servers.start("node-b", *cluster, "b") as there:
                clients = [crowd.player(here.port, "player of a", 1), crowd.player(there.port, "player of b", 2)]
                two(page, url, there, clients[1], token)
                dashboard_restart.of_another(page, there, lambda: servers.start("node-b-again", *cluster, "b"))


def alone(page):
    """A server without others offers no list of theirs."""
    page.case(page.run(f"return {LABEL}.hidden"), "a server without a cluster offers its own list only")


def two(page, url, there, client, token):
    page.open(url)
    page.wait("the list of all servers is offered", f"!{LABEL}.hidden")
    page.case(page.run(f"return {ROW} === undefined", "player of b"), "at first the list is of this server")
    page.driver.click("#connections [name=everywhere]")
    for name in "ab":
        page.wait(f"the client of {name} is listed", f"{ROW}?.cells[0].textContent.startsWith('{name} ')", f"player of {name}")
    fields = "document.querySelectorAll('#connections [name=search]:disabled, #connections th button:disabled').length"
    heads = "document.querySelectorAll('#connections th button').length"
    page.case(page.run(f"return {fields} === 1 + {heads}"), "all servers are neither searched nor sorted")
    page.case(page.run(f"return {RECORD}.hidden", "player of b"), "a client of another server cannot be recorded")
    page.shoot("cluster")
    page.act("player of b", "Debug")
    if page.run("return Object.values(sessionStorage).length") == 0:
        page.give(token)
    page.result("debug on")
    page.kick("player of b", lambda: client.ending() == OPERATOR)
    there.process.send_signal(signal.SIGSTOP)
    page.run("document.activeElement.blur()")
    page.driver.wait_for_text("#connections .note", "no answer from b")
    page.case(True, "a server that does not answer is named")
    there.process.send_signal(signal.SIGCONT)
    page.wait("it is not named any more once it answers", "document.querySelector('#connections .note').textContent === ''")
    page.driver.click("#connections [name=everywhere]")
    page.wait("the list is that of this server again", f"{ROW}?.cells[0].textContent.match(/^\\d+$/)", "player of a")
