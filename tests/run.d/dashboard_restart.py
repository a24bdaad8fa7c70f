"""The page of `--admin` while its server is started anew, and gives the ids of its connections to others."""

import contextlib

import crowd
from dashboard_page import ROW

HIDE = """Object.defineProperty(document, 'hidden', { value: arguments[0], configurable: true });
document.dispatchEvent(new Event('visibilitychange'));"""
"""Has the page ask nothing, as if nobody saw it, or go on."""
PRESS = f"[...{ROW}.querySelectorAll('button')].find((one) => one.textContent === arguments[1]).click()"
MARKED = f"return [...{ROW}.querySelectorAll('[aria-pressed=true]')].map((one) => one.textContent)"
KICK = "document.querySelector('#kick [value=kick]').click()"
OPEN = "document.querySelector('#kick').open"
GONE = f"{ROW} === undefined"


def run(page, servers, token):
    """What the page shows of a connection never meets another one with its id."""
    with servers.start("before") as server, contextlib.closing(crowd.player(server.port, "alice", 1)):
        page.open(servers.url)
        page.act("alice", "Record")
        if page.run("return Object.values(sessionStorage).length") == 0:
            page.give(token)
        page.result("record on")
        page.wait("her recording is marked", f"{MARKED[7:]}.includes('Record')", "alice")
        page.act("alice", "Kick")
        page.wait("it asks about alice", OPEN)
        server.kill()
        page.state("no answer")
    with servers.again("after") as server, contextlib.closing(crowd.player(server.port, "bob", 2)) as bob:
        page.state("serving")
        page.wait("the question about alice is withdrawn", f"!{OPEN}")
        page.wait("her row is gone, though the focus was in it", GONE, "alice")
        page.wait("the row of bob is there", f"{ROW} !== undefined", "bob")
        page.case(page.run(MARKED, "bob") == [], "the recording of alice is not one of bob")
        page.case(bob.echo(b"bob"), "bob is still connected")
        at_once(page, servers, server)


def at_once(page, servers, server):
    """The page has not seen yet that the server was started anew."""
    page.run(HIDE, True)
    server.kill()
    with servers.again("at-once") as server, contextlib.closing(crowd.player(server.port, "carol", 3)) as carol:
        meets_nobody(page, "bob", "Kick", "no connection has this id")
        page.case(carol.echo(b"carol"), "carol, who has his id, is still connected")
        page.run(HIDE, False)
        page.wait("the list goes on", f"{ROW} !== undefined", "carol")
        page.case(page.run(MARKED, "carol") == [], "she is neither logged nor recorded")


def of_another(page, there, start):
    """The same for a connection of another server of a cluster."""
    with contextlib.closing(crowd.player(there.port, "dave", 4)):
        page.driver.click("#connections [name=everywhere]")
        page.wait("the row of dave is there", f"{ROW} !== undefined", "dave")
        page.run(HIDE, True)
        there.kill()
    with start() as again, contextlib.closing(crowd.player(again.port, "erin", 5)) as erin:
        meets_nobody(page, "dave", "Debug", "it is not in the list now")
        page.case(erin.echo(b"erin"), "erin, who came instead, is still connected")
        page.run(HIDE, False)
        page.wait("the list goes on", f"{ROW} !== undefined", "erin")
        page.case(page.run(MARKED, "erin") == [], "her packets are not logged")


def meets_nobody(page, whom, action, why):
    page.run(PRESS, whom, action)
    if action == "Kick":
        page.run(KICK)
    page.result(f"{action.lower()} ")
    said = page.driver.text("#connections .result")
    page.case(said.endswith(why), f"{action} of {whom} meets nobody: {said}")
