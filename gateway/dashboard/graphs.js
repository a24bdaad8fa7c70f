// The four graphs of the last 15 minutes, and the command whose latency is shown.

import { command, find, make, milliseconds, number } from "./dom.js";
import { Graph } from "./graph.js";

/** How many seconds are shown. */
const SECONDS = 900;

/** The states of a connection, in the order of its life. */
const STATES = ["upgrading", "open", "closing"];
/** How many at least, of a server that is younger. */
const LEAST_SECONDS = 120;
const PERCENTILES = { p50: "p50", p99: "p99", p999: "p99.9" };

export class Graphs {
  #series = new Series();
  #select = make("select", { ariaLabel: "Command" }, make("option", { value: "all" }, "all commands"));
  /** The command that the last request named, and the one whose history is there. */
  #asked = null;
  #known = null;
  /** Whether that request was for all seconds. */
  #isWhole = false;
  #clients = new Graph({ title: "Clients by state", unit: "connections", text: (value) => number(value) });
  #packets = new Graph({ title: "Packets", unit: "per second", text: (value) => number(value, 1) });
  #latency = new Graph({
    title: "Latency",
    unit: "logarithmic",
    text: milliseconds,
    isLogarithmic: true,
    controls: [this.#select],
  });
  #closes = new Graph({ title: "Closes by cause", unit: "per second", text: (value) => number(value, 1) });

  /** `choose`: what is to happen once another command is chosen. */
  constructor(choose) {
    const graphs = [this.#clients, this.#packets, this.#latency, this.#closes];
    find("#graphs").replaceChildren(...graphs.map(({ element }) => element));
    this.#select.onchange = choose;
  }

  /** The parameters of the next request for the history. */
  parameters(nowMs) {
    this.#asked = this.#select.value;
    const seconds = this.#asked === this.#known ? this.#series.missing(nowMs) : SECONDS;
    this.#isWhole = seconds === SECONDS;
    return this.#asked === "all" ? { seconds } : { seconds, cmd: this.#asked };
  }

  /** Shows an answer of /api/history. */
  show(answer) {
    this.#offer(answer.commands);
    this.#known = this.#series.merge(answer) || this.#isWhole ? this.#asked : null;
    const series = this.#series;
    const begin = Math.min(series.begin(), SECONDS - LEAST_SECONDS);
    const times = series.times().slice(begin);
    const lines = (prefix, names, label = (name) => name) =>
      new Map(names.map((name) => [label(name), series.get(prefix + name).slice(begin)]));
    this.#clients.show(times, lines("clients ", [...new Set([...STATES, ...series.names("clients ")])]));
    this.#packets.show(times, lines("packets_", ["received", "sent"]));
    const prefix = `ms ${this.#select.value} `;
    this.#latency.show(times, lines(prefix, Object.keys(PERCENTILES), (name) => PERCENTILES[name]));
    this.#closes.show(times, lines("closed ", series.names("closed "), (name) => name.replaceAll("_", " ")));
  }

  /** Offers the commands that have a history, too. */
  #offer(commands) {
    const known = new Set([...this.#select.options].map(({ value }) => value));
    for (const { cmd, name } of commands) {
      if (!known.has(String(cmd))) this.#select.append(make("option", { value: cmd }, command(cmd, name)));
    }
  }
}

/** The answers of /api/history, a number a second, one laid over the other. */
export class Series {
  constructor() {
    /** The last second, since 1970; 0: none is known. */
    this.end = 0;
    /** Arrays of SECONDS numbers or nulls, by name. */
    this.values = new Map();
  }

  /** How many seconds to ask for: those that are missing, and the last ones, which may have been incomplete. */
  missing(nowMs) {
    return Math.min(SECONDS, Math.max(3, Math.ceil(nowMs / 1000 - this.end) + 3));
  }

  /** The seconds that the arrays are of. */
  times() {
    return Array.from({ length: SECONDS }, (_, index) => this.end - SECONDS + 1 + index);
  }

  /** The index of the first second that is known. */
  begin() {
    return this.get("packets_received").findIndex((value) => value !== null);
  }

  get(name) {
    return this.values.get(name) ?? new Array(SECONDS).fill(null);
  }

  /** The names that begin so, without it. */
  names(prefix) {
    return [...this.values.keys()].filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  /** Lays an answer over what is known. Returns whether none is missing between. */
  merge(answer) {
    // A server that has only just begun has no second.
    const by = (answer.end_s || this.end) - this.end;
    this.#advance(by);
    const lay = (name, values) => {
      const mine = this.get(name);
      values.forEach((value, index) => {
        if (value !== null) mine[SECONDS - values.length + index] = value;
      });
      this.values.set(name, mine);
    };
    for (const name of ["packets_received", "packets_sent"]) lay(name, answer[name]);
    // What is left out did not happen.
    const zeros = answer.packets_received.map((value) => value && 0);
    for (const group of ["clients", "closed"]) {
      const names = new Set([...this.names(`${group} `), ...Object.keys(answer[group])]);
      for (const name of names) lay(`${group} ${name}`, answer[group][name] ?? zeros);
    }
    for (const [cmd, lines] of Object.entries({ all: answer.request_ms, ...answer.by_command })) {
      for (const [name, values] of Object.entries(lines)) lay(`ms ${cmd} ${name}`, values);
    }
    return by >= 0 && by <= zeros.length;
  }

  #advance(by) {
    this.end += by;
    if (by < 0) this.values.clear();
    for (const [name, values] of this.values) {
      const kept = values.slice(by);
      this.values.set(name, kept.concat(new Array(SECONDS - kept.length).fill(null)));
    }
  }
}
