// What the page does: one client, its room, and the latency of an echo each second.

import { Graph } from "/graph.js";

const { Client, messages: { account, echo, room } } = globalThis.sysconn;

const MAX_LINES = 200;
const element = (id) => document.getElementById(id);
const field = (form, name) => element(form).elements.namedItem(name);

/** Adds a line to a list, and drops the oldest of too many. */
function show(list, text) {
  const line = document.createElement("li");
  line.textContent = text;
  element(list).append(line);
  while (element(list).childElementCount > MAX_LINES) element(list).firstElementChild.remove();
  element(list).scrollTop = element(list).scrollHeight;
}

const note = (text) => show("events", `${new Date().toLocaleTimeString()} ${text}`);

const server = await (await fetch("/server.json")).json();
const graph = new Graph(element("graph"));
let client;
/** The room that it is in. */
let joined;

async function enter(name) {
  const { members } = await client.call(room.join, { room: name });
  joined = name;
  element("members").textContent = `${name}, members: ${members}`;
  note(`joined ${name}`);
  showState(client.state);
}

function login() {
  const [name, role, token] = ["account", "role", "token"].map((key) => field("login", key).value);
  // 1: a player.
  return { command: account.login, message: { account: name, roleId: BigInt(role), kind: 1, token } };
}

function showState(state) {
  element("state").textContent = state;
  element("state").dataset.state = state;
  const isOpen = state === "open";
  element("join").querySelector("button").disabled = !isOpen;
  element("say").querySelector("button").disabled = !isOpen || joined === undefined;
  for (const button of ["reconnect", "wake", "leave"]) element(button).disabled = client === undefined;
}

/** The server forgets rooms with the connection. */
function enterAgain() {
  if (joined !== undefined) attempt(() => enter(joined));
}

/** Connects in place of any earlier connection. */
async function connect() {
  client?.close();
  const mine = new Client(server.url, { login, protocols: server.protocols, log: note });
  client = mine;
  mine.on("state", (state) => {
    if (mine !== client) return;
    showState(state);
    if (state === "open") enterAgain();
  });
  mine.on(room.said, ({ room: name, roleId, text }) => show("said", `${name}: ${roleId} says: ${text}`));
  showState(mine.state);
  await mine.connect();
}

/** Does something, and shows why it failed. */
async function attempt(act) {
  try {
    await act();
  } catch (error) {
    note(`${error.name}: ${error.message}`);
  }
}

/** An echo a second: what it takes, or a gap. */
async function measure() {
  let took;
  if (client?.state === "open") {
    const began = performance.now();
    try {
      await client.call(echo.echo, new Uint8Array(8), { timeoutMs: 5000, offline: "reject" });
      took = performance.now() - began;
    } catch {
      // The list of what happens has the reason.
    }
  }
  const top = graph.add(took);
  element("latency").textContent =
    took === undefined ? "–" : `${took.toFixed(1)} ms, the graph's top is ${top.toFixed(1)} ms`;
  setTimeout(measure, 1000);
}

function onSubmit(form, act) {
  element(form).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(act);
  });
}

onSubmit("login", connect);
onSubmit("join", async () => {
  const next = field("join", "room").value;
  if (joined !== undefined && joined !== next) await client.call(room.leave, { room: joined });
  await enter(next);
});
onSubmit("say", async () => {
  await client.call(room.say, { room: joined, text: field("say", "text").value });
  field("say", "text").value = "";
});
element("reconnect").addEventListener("click", () => attempt(connect));
element("wake").addEventListener("click", () => client.wake());
element("leave").addEventListener("click", () => client.close());

const role = 1 + Math.floor(Math.random() * 1e9);
field("login", "account").value = `player ${role}`;
field("login", "role").value = role;
element("url").textContent = server.url;
measure();
