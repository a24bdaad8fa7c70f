"""The graphs of the page of `--admin` have each second once, whatever the phase of its end."""

import contextlib
import json
import time
import urllib.request

import crowd

CLIENTS = 3
SECONDS = 5
"""For how long the clients talk while the page looks."""
STARTS = 12
"""Attempts to start a server whose seconds end near half a second of the clock."""
NEAR_MS = range(480, 500)
ROWS = "[...graph.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))"


def run(page, servers):
    phases(page, servers)
    with contextlib.ExitStack() as stack:
        server = near_half_a_second(page, servers, stack)
        page.open(servers.url)
        page.wait("the page has looked", "document.querySelector('.graph canvas') !== null")
        sent = talk(page, servers, server)
        page.driver.wait("the last second is over", lambda: page.table("Packets", ROWS)[0][1] == "0")
        rows = page.table("Packets", ROWS)
        sums = [sum(float(row[column].replace("\u202f", "")) for row in rows) for column in (1, 2)]
        page.case(sums == [sent, sent], f"the table behind Packets sums what clients sent and got, {sent}: {sums}")
        times = [row[0] for row in rows]
        page.case(len(set(times)) == len(times), f"each second is there once: {times}")


def phases(page, servers):
    """The lines are put together from answers of servers whose seconds end at any phase, some a little late."""
    with servers.start("phases"):
        page.open(servers.url)
        wrong = page.run(MERGE)
        page.case(wrong == [], f"each second is taken once, whatever its phase and lateness: {wrong}")
        whole = page.run(WHOLE)
        page.case(whole == [True, True, False, False], f"an answer that came late, or a clock set back, is noticed: {whole}")


def near_half_a_second(page, servers, stack):
    """A server with the worst phase: of its ends, rounded to seconds, some would be of one second and some of the next."""
    early = 0
    for _ in range(STARTS):
        time.sleep((0.49 - early - time.time()) % 1)
        with contextlib.ExitStack() as attempt:
            server = attempt.enter_context(servers.start("half"))
            page.driver.wait("it has a point", lambda: history(servers)["end_s"] > 0)
            phase = int(history(servers)["end_ms"]) % 1000
            if phase in NEAR_MS:
                stack.push(attempt.pop_all())
                break
            early += (phase - 490) / 1000
            server.kill()
    else:
        server = stack.enter_context(servers.start("any"))
    page.step.note(f"the seconds of the server end at {int(history(servers)['end_ms']) % 1000} ms")
    return server


def history(servers):
    with urllib.request.urlopen(f"{servers.url}/api/history?seconds=1") as answer:
        return json.load(answer)


def talk(page, servers, server):
    """How many packets clients have sent, each of which was answered."""
    end = history(servers)["end_s"] + SECONDS
    count = CLIENTS
    with contextlib.ExitStack() as stack:
        players = [stack.enter_context(contextlib.closing(crowd.player(server.port, f"player {n}", n + 1))) for n in range(CLIENTS)]
        while history(servers)["end_s"] < end:
            count += sum(player.echo(b"hello") for player in players)
    return count


WHOLE = """
return import(new URL('dashboard/graphs.js', location)).then(({ Series }) => {
  const series = new Series();
  const merge = (end_s, ...packets_sent) => {
    const lines = { packets_received: packets_sent, packets_sent };
    return series.merge({ end_s, ...lines, clients: {}, closed: {}, request_ms: {}, by_command: {} });
  };
  merge(1_800_000_000, 1, 2, 3);
  const later = [1_800_000_001, 1_800_000_004, 1_800_000_008, 1_700_000_000];
  return later.map((end) => merge(end, 1, 2, 3));
});
"""
"""Whether answers of three seconds have all that are new."""
MERGE = """
return import(new URL('dashboard/graphs.js', location)).then(({ Series }) => {
  const wrong = [];
  const began = 1_800_000_000;
  const late = [0, 7, 3, 25, 1, 18, 700, 2];
  for (const phase of [0, 1, 250, 480, 490, 499, 500, 501, 750, 980, 999]) {
    const series = new Series();
    const points = [];
    for (let at = 1; at <= 100; at += 1) {
      points.push(at);
      // The page does not look each second.
      if (at % 7 === 0) continue;
      const end_ms = String((began + at) * 1000 + phase + late[at % late.length]);
      const seconds = points.slice(-series.missing(Number(end_ms) + 300));
      const lines = { packets_received: seconds, packets_sent: seconds };
      series.merge({ end_ms, end_s: began + at, ...lines, clients: {}, closed: {}, request_ms: {}, by_command: {} });
    }
    const shown = series.get('packets_sent').filter((value) => value !== null);
    if (shown.join() !== points.join()) wrong.push([phase, shown]);
  }
  return wrong;
});
"""
"""The phases whose seconds are not put together as they were, each with what came of them."""
