// The page: it asks the server each second while somebody looks, and shows its state and figures.

import { Gone, askForToken, forgetToken, get, getStats, token } from "./api.js";
import { Connections } from "./connections.js";
import { Console } from "./console.js";
import { bytes, clock, command, duration, find, make, milliseconds, number, setText } from "./dom.js";
import { Graphs } from "./graphs.js";
import { Recordings } from "./recordings.js";

/** Between two looks. */
const PERIOD_MS = 1000;
/** Between two looks at the list of connections, which costs the server more. */
const LIST_MS = 2000;

/** The states of which the server does not speak. */
const WORDS = { gone: "no answer", locked: "needs the token" };

let timer;
/** The last answer about figures. */
let stats;
/** Of which start the page shows connections, and names and recordings. */
let [started, loaded] = [null, null];
let answeredAt = null;
let listedAt = -Infinity;
let [isLooking, isUpdating] = [false, false];
/** What was wrong with the last update. */
let trouble = "";
/** Whether the list is wanted before its time. */
let isWanted = false;
/** Whether it wants a token that nobody gives. */
let isLocked = false;

const graphs = new Graphs(look);
const recordings = new Recordings();
const connections = new Connections(
  () => {
    isWanted = true;
    look();
  },
  () => recordings.load(),
);
const operatorConsole = new Console();

/** Looks now, unless a look is under way; then again each second. */
async function look() {
  clearTimeout(timer);
  if (isLooking || isLocked) return;
  isLooking = true;
  try {
    await lookOnce();
    update();
  } catch (error) {
    await fail(error);
  }
  isLooking = false;
  if (!document.hidden) timer = setTimeout(look, PERIOD_MS);
}

async function lookOnce() {
  // The figures are old by then.
  const late = setTimeout(fail, 2 * PERIOD_MS, new Gone());
  stats = await getStats().finally(() => clearTimeout(late));
  answeredAt = Date.now();
  find("main").classList.remove("stale");
  notice(trouble);
  showState(stats);
  showFigures(stats);
  connections.isInCluster = stats.node !== null;
  if (started !== stats.started_ms) {
    started = stats.started_ms;
    find("#kick").close("cancel");
    connections.forget();
    listedAt = -Infinity;
  }
}

/** Asks for what may have to wait, for an act or a worker that hangs. Looks go on meanwhile. */
async function update() {
  if (isUpdating) return;
  isUpdating = true;
  try {
    graphs.show(await get("history", graphs.parameters(stats.now_ms)));
    if (loaded !== started) {
      const begun = started;
      connections.names = await operatorConsole.load();
      await recordings.load();
      loaded = begun;
    }
    if (performance.now() - listedAt >= LIST_MS && !connections.isHeld) await list();
    while (isWanted) await list();
    trouble = "";
  } catch (error) {
    if (error.status === 401) await fail(error);
    else trouble = told(error);
  }
  isUpdating = false;
}

async function list() {
  const isAsked = isWanted;
  isWanted = false;
  if (stats.state === "stuck") return connections.note("a worker hangs: the list is old");
  try {
    await connections.load(() => stats.now_ms, isAsked);
  } catch (error) {
    if (error.status === 401) throw error;
    connections.note(`the list is old: ${error.message}`);
  }
  listedAt = performance.now();
}

/** The server is gone, or wants the token, or said something else. */
async function fail(error) {
  find("main").classList.add("stale");
  if (error instanceof Gone) {
    showState({ state: "gone" });
    const since = answeredAt === null ? "" : ` since ${clock(answeredAt)}`;
    notice(`The server has not answered${since}. This page goes on asking, and comes back by itself.`);
  } else if (error.status === 401) {
    const isWrong = token() !== null;
    forgetToken();
    showState({ state: "locked" });
    const why = isWrong ? "The server does not take this token." : "This server shows its figures with the token only.";
    isLocked = !(await askForToken(why));
    if (isLocked) notice("The server wants the token: press “Token…” above.");
  } else {
    notice(told(error));
  }
}

function told(error) {
  if (error instanceof Gone) return `The graphs are old: ${error.message}.`;
  if (error.status === undefined) console.error(error);
  return `The server says: ${error.message}`;
}

/** "serving", "draining", or in which command which worker hangs. */
function stateText({ state, stuck = [] }) {
  if (state !== "stuck") return WORDS[state] ?? state;
  const [first, ...others] = stuck;
  if (first === undefined) return "stuck";
  const where = first.cmd === null ? `the ${first.work}` : `command ${command(first.cmd, first.name)}`;
  const more = others.length ? `, and ${others.length} more` : "";
  return `stuck in ${where}: worker ${first.worker}, ${milliseconds(first.for_ms)}${more}`;
}

/** Shows the state, and in the title of the page that something is wrong. */
function showState(stats) {
  const element = find("#state");
  element.dataset.state = stats.state;
  setText(element, stateText(stats));
  document.title = stats.state === "serving" ? "sysconn" : `${WORDS[stats.state] ?? stats.state} · sysconn`;
}

function showFigures(stats) {
  const { clients, request_ms: latency } = stats;
  // There are none in the first second.
  const rates = stats.rates ?? {};
  const workers = `${stats.workers} ${stats.workers === 1 ? "worker" : "workers"}`;
  setText(find("#about"), `${stats.version}, ${workers}, up ${duration(stats.uptime_s)}`);
  const limit = clients.limit === null ? "" : ` / ${number(clients.limit)}`;
  figure("clients", number(clients.total), limit);
  figure("received", number(rates.packets_received));
  figure("sent", number(rates.packets_sent));
  figure("p99", milliseconds(latency.p99));
  figure("turn", milliseconds(stats.turn_max_ms));
  figure("cpu", rates.cpu === undefined ? "–" : `${number(rates.cpu * 100)} %`);
  figure("memory", bytes(stats.memory_bytes));
}

function figure(name, text, more = "") {
  const element = find(`#figure-${name}`);
  if (element.textContent === text + more) return;
  element.replaceChildren(text, make("small", {}, more));
}

function notice(text) {
  const element = find("#notice");
  element.hidden = text === "";
  setText(element, text);
}

find("#token-button").onclick = async () => {
  await askForToken("With it this page can close, record and call, and see a server that is not on loopback.");
  isLocked = false;
  look();
};
document.onvisibilitychange = () => (document.hidden ? clearTimeout(timer) : look());
look();
