// The list of connections: a page of it at a time, searched and sorted by the server.

import { get, post } from "./api.js";
import { ask, button, bytes, command, duration, find, make, number, setText, visible } from "./dom.js";

const PAGE = 100;
/** The furthest that the server sorts and searches. */
const MAX_SORTED = 10_000;
/** From the last key to the search. */
const TYPING_MS = 250;

const count = (value) => number(value);
const zero = (id) => (id === "0" ? "" : id);
/** Each server of a cluster has ids of its own. */
const place = (id, { node }) => (node ? `${node} ${id}` : id);
const words = (name) => name.replaceAll("_", " ");
const platform = (name, { zone_id: zone }) => `${visible(name)} ${zone || ""}`.trim();
const custodian = (name, { custodian_role_id: id }) => `${visible(name)} ${zero(id)}`.trim();
const age = (ms, _, { now }) => duration((now - ms) / 1000);
const lastCommand = (cmd, _, { names }) => (cmd ? command(cmd, names.get(cmd)) : "");
/** Texts of clients, which may be long. */
const LONG = { className: "long" };
const NUMBER = { className: "number", isDescending: true };
/** The title of each column, the field that it shows and is sorted by, its text, and its sort. */
const COLUMNS = [
  ["Id", "id", place, {}],
  ["Address", "peer", String, {}],
  ["Kind", "kind", words, {}],
  ["Account", "account", visible, LONG],
  ["Role", "role_id", zero, {}],
  ["Platform, zone", "platform", platform, LONG],
  ["Custodian", "custodian", custodian, LONG],
  // The oldest has the smallest time.
  ["Age", "connected_ms", age, { ...NUMBER, isReversed: true }],
  ["Received", "recv_count", count, NUMBER],
  ["Sent", "send_count", count, NUMBER],
  ["In", "bytes_received", bytes, NUMBER],
  ["Out", "bytes_sent", bytes, NUMBER],
  ["Outbox", "outbox_bytes", bytes, NUMBER],
  ["Errors", "error_send", count, NUMBER],
  ["Bad", "bad_req_count", count, NUMBER],
  ["Last command", "last_cmd", lastCommand, {}],
];

export class Connections {
  #section = find("#connections");
  #form = find("form", this.#section);
  #body = find("tbody", this.#section);
  #head = find("thead", this.#section);
  #result = find(".result", this.#section);
  #rows = new Map();
  #recorded = new Set();
  #sort = "";
  #offset = 0;
  #isHeld = false;
  /** Names of commands. */
  names = new Map();

  /** `refresh`: has the page ask for the list now. `recorded`: called after a recording began or ended. */
  constructor(refresh, recorded) {
    this.refresh = refresh;
    this.recorded = recorded;
    this.#head.append(make("tr", {}, ...COLUMNS.map((column) => this.#heading(column)), make("th", { className: "actions" }, "Actions")));
    this.#fieldsOf(this.#form);
    // Whoever points at a row must find it there when they click.
    for (const event of ["pointerenter", "pointerleave", "focusin", "focusout"]) {
      this.#body.addEventListener(event, () => this.#hold());
    }
  }

  /** Whether the list is to be left as it is. */
  get isHeld() {
    return this.#isHeld && this.#rows.size > 0;
  }

  /** Whether the server is one of a cluster, all of whose connections can be listed. */
  set isInCluster(isInCluster) {
    const { everywhere } = this.#form.elements;
    everywhere.parentElement.hidden = !isInCluster && !everywhere.checked;
  }

  /** The parameters of this page. That of all servers is neither sorted nor searched. */
  #parameters() {
    const { search, everywhere } = this.#form.elements;
    const page = { offset: this.#offset, limit: PAGE };
    return everywhere.checked ? { ...page, all_nodes: true } : { ...page, sort: this.#sort, search: search.value.trim() };
  }

  /** Asks for the list, and shows it. `now` tells the time. `isAsked`: also if it stands still by now. */
  async load(now, isAsked) {
    const answer = await get("connections", this.#parameters());
    if (this.isHeld && !isAsked) return;
    this.note(answer.missing_nodes?.length ? `no answer from ${answer.missing_nodes.join(", ")}` : "");
    this.#show(answer, now());
  }

  note(text) {
    setText(find(".note", this.#form), text);
  }

  /** The server was started anew: its ids are those of other connections. */
  forget() {
    this.#body.replaceChildren();
    this.#rows.clear();
    this.#recorded.clear();
  }

  #fieldsOf(form) {
    const { search, everywhere, previous, next } = form.elements;
    let timer;
    const restart = (offset) => {
      clearTimeout(timer);
      this.#offset = Math.max(0, offset);
      this.refresh();
    };
    search.oninput = () => {
      clearTimeout(timer);
      timer = setTimeout(restart, TYPING_MS, 0);
    };
    everywhere.onchange = () => {
      for (const field of [search, ...this.#head.querySelectorAll("button")]) field.disabled = everywhere.checked;
      restart(0);
    };
    form.onsubmit = () => {
      restart(0);
      return false;
    };
    previous.onclick = () => restart(this.#offset - PAGE);
    next.onclick = () => restart(this.#offset + PAGE);
  }

  #heading([title, field, , { className = "", isDescending = false, isReversed = false }]) {
    // A third click ends it.
    const orders = isDescending !== isReversed ? [`-${field}`, field, ""] : [field, `-${field}`, ""];
    const sort = button(title, () => {
      this.#sort = orders[(orders.indexOf(this.#sort) + 1) % orders.length];
      this.#offset = 0;
      for (const other of this.#head.querySelectorAll("th")) other.ariaSort = null;
      const order = this.#sort.startsWith("-") !== isReversed ? "descending" : "ascending";
      if (this.#sort) heading.ariaSort = order;
      this.refresh();
    });
    const heading = make("th", { className }, sort);
    return heading;
  }

  #hold() {
    this.#isHeld = this.#body.matches(":hover, :focus-within");
    this.note(this.isHeld ? "stands still while you are in it" : "");
  }

  #show({ total, matching, offset, connections }, now) {
    const { previous, next } = this.#form.elements;
    const { sort, search } = this.#parameters();
    const end = offset + connections.length;
    const of = matching === total ? number(total) : `${number(matching)} found, ${number(total)} in all`;
    setText(find(".range", this.#form), connections.length ? `${number(offset + 1)}–${number(end)} of ${of}` : `0 of ${of}`);
    previous.disabled = offset === 0;
    next.disabled = end >= matching || (Boolean(sort || search) && end + PAGE > MAX_SORTED);
    if (connections.length === 0 && offset > 0) this.#offset = 0;
    const focused = document.activeElement;
    const rows = new Map();
    for (const connection of connections) {
      // Another server may have been started anew, too.
      const key = `${place(connection.id, connection)} ${connection.connected_ms}`;
      const row = this.#rows.get(key) ?? this.#makeRow(connection);
      this.#update(row, connection, now);
      rows.set(key, row);
    }
    const wanted = [...rows.values()].map(({ element }) => element);
    const isSame = wanted.length === this.#body.children.length
      && wanted.every((element, index) => this.#body.children[index] === element);
    if (!isSame) this.#body.replaceChildren(...wanted);
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
    this.#rows = rows;
  }

  #makeRow(connection) {
    const cells = COLUMNS.map(([, , , { className = "" }]) => make("td", { className }));
    const action = (text, act) => button(text, act, { ariaLabel: `${text} ${place(connection.id, connection)}` });
    const row = { cells, connection: null };
    row.debug = action("Debug", () => this.#switch(row, "debug", !row.connection.debug));
    row.record = action("Record", () => this.#switch(row, "record", !this.#recorded.has(row.connection.id)));
    row.kick = action("Kick", () => this.#kick(row));
    const actions = make("td", { className: "actions" }, row.debug, " ", row.record, " ", row.kick);
    row.element = make("tr", {}, ...cells, actions);
    return row;
  }

  #update(row, connection, now) {
    row.connection = connection;
    const context = { now, names: this.names };
    COLUMNS.forEach(([, field, text], index) => setText(row.cells[index], text(connection[field], connection, context)));
    // Each server records its own.
    row.record.hidden = Boolean(connection.node);
    row.debug.ariaPressed = connection.debug;
    row.record.ariaPressed = this.#recorded.has(connection.id);
  }

  async #switch(row, what, on) {
    const { id } = row.connection;
    await this.#do(what, row.connection, { on }, `${what} ${on ? "on" : "off"}: ${id}`, () => {
      row[what].ariaPressed = on;
      if (what === "debug") {
        row.connection.debug = on;
      } else {
        this.#recorded[on ? "add" : "delete"](id);
        this.recorded();
      }
    });
  }

  async #kick(row) {
    const { connection } = row;
    const { id, account, peer } = connection;
    const dialog = find("#kick");
    setText(find(".whom", dialog), `${place(id, connection)}, from ${peer}, ${account ? "account:" : "not logged in"}`);
    setText(find(".account", dialog), visible(account));
    if ((await ask(dialog)) !== "kick") return;
    await this.#do("kick", connection, {}, `kicked: ${id}`, () => {
      row.element.classList.add("gone");
      for (const button of [row.debug, row.record, row.kick]) button.disabled = true;
      // Where the focus is the list stands still.
      find(".scroll", this.#section).focus({ preventScroll: true });
    });
  }

  /** Acts on a connection. Other servers do not compare the time. */
  async #do(path, connection, more, done, then) {
    const { id, node, connected_ms } = connection;
    const body = JSON.stringify({ id, ...(node ? { node } : { connected_ms }), ...more });
    try {
      await post(path, body, () => node && this.#check(connection));
      then();
      this.#say(done, false);
    } catch (error) {
      this.#say(`${path} ${id}: ${error.message}`, true);
    }
    this.refresh();
  }

  /** @throws it is not in the list now, if there is one */
  async #check({ id, node, connected_ms }) {
    const page = await get("connections", this.#parameters()).catch(() => null);
    const isIt = (one) => one.id === id && one.node === node && one.connected_ms === connected_ms;
    if (page && !page.connections.some(isIt)) throw new Error("it is not in the list now");
  }

  #say(text, hasFailed) {
    this.#result.classList.toggle("failed", hasFailed);
    setText(this.#result, text);
  }
}
