// Requests to the server, one at a time beside that for figures, as each takes one of its few connections; and
// the operator's token, which is in sessionStorage only: no other tab, site or disk has it.

import { ask, find } from "./dom.js";

/** A worker that hangs makes the server answer late. */
const PATIENCE_MS = 8000;

/** The server did not answer: it is gone, or the way to it is. */
export class Gone extends Error {}
/** The server refused a request. */
export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let last = Promise.resolve();

/** Runs after all that was asked before. */
function inTurn(act) {
  const mine = last.then(act);
  last = mine.catch(() => {});
  return mine;
}

async function request(path, options = {}) {
  const headers = { ...options.headers };
  if (token() !== null) headers.Authorization = `Bearer ${token()}`;
  let [response, text, value] = [];
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    response = await fetch(path, { ...options, headers, signal, cache: "no-store", credentials: "omit" });
    text = await response.text();
  } catch (error) {
    throw new Gone(error.name === "TimeoutError" ? `no answer within ${PATIENCE_MS / 1000} s` : "no answer");
  }
  try {
    value = JSON.parse(text);
  } catch {
    // Some refusals are one line of text.
  }
  if (!response.ok) throw new Refused(response.status, value?.error ?? (text.trim() || `status ${response.status}`));
  if (value === undefined) throw new Refused(response.status, "the answer is no JSON");
  return value;
}

/** Its figures, at once: what was asked before may take long, and says nothing about its state. */
export const getStats = () => request("api/stats");

/** What is at a path of the API. */
export function get(path, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  return inTurn(() => request(`api/${path}${query && `?${query}`}`));
}

/** Has something done, by a body of JSON, after a check. Asks for the token if there is none or a wrong one. */
export async function post(path, body, check) {
  if (token() === null && !(await askForToken("Whatever changes the server needs the token."))) {
    throw new Refused(401, "nothing was done: it needs the token");
  }
  const options = { method: "POST", headers: { "Content-Type": "application/json" }, body };
  for (;;) {
    try {
      await check?.();
      return await inTurn(() => request(`api/${path}`, options));
    } catch (error) {
      if (error.status !== 401) throw error;
      forgetToken();
      if (!(await askForToken("The server does not take this token."))) throw error;
    }
  }
}

const TOKEN = "sysconn-token";
const dialog = find("#token");
const field = find("input", dialog);
/** The question that is being asked. */
let asked = null;

export const token = () => sessionStorage.getItem(TOKEN);

/** Asks for the token, once for all who need it, and returns whether there is one. */
export function askForToken(why) {
  asked ??= open(why).finally(() => (asked = null));
  return asked;
}

async function open(why) {
  find(".why", dialog).textContent = why;
  find("[value=forget]", dialog).hidden = token() === null;
  field.value = "";
  const answer = await ask(dialog);
  const given = field.value.trim();
  field.value = "";
  if (answer === "forget") forgetToken();
  if (answer !== "set" || given === "") return false;
  sessionStorage.setItem(TOKEN, given);
  return true;
}

/** The server does not take it. */
export const forgetToken = () => sessionStorage.removeItem(TOKEN);
