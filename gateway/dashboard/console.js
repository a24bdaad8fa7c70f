// The console: one request to the game, and its reply.

import { get, post } from "./api.js";
import { command, find, make, milliseconds, setText, visible } from "./dom.js";

const [LOGIN, ECHO] = ["1002", "1101"];
const HEX = /^(\s*[0-9a-f]{2})*\s*$/i;

const indented = (value) => JSON.stringify(value, null, 2);

export class Console {
  #section = find("#console");
  #form = find("form", this.#section);
  #reply = find(".reply", this.#section);
  #routes = new Map();
  /** What was typed, by route and form. */
  #typed = new Map();
  #key = "";

  constructor() {
    const { route, login } = this.#form.elements;
    route.onchange = () => this.#chooseRoute();
    for (const radio of this.#form.elements.form) radio.onchange = () => this.#choose();
    login.oninput = () => (this.#form.elements["with-login"].checked = true);
    this.#form.onsubmit = () => {
      this.#send();
      return false;
    };
  }

  /** Asks for the routes, and returns the names of the commands. */
  async load() {
    const routes = await get("routes");
    this.#routes = new Map(routes.map((route) => [String(route.cmd), route]));
    const { route, login } = this.#form.elements;
    const chosen = route.value;
    const modules = [...new Set(routes.map(({ module }) => module))];
    const option = ({ cmd, module, name, access }) =>
      make("option", { value: cmd }, `${command(cmd, `${module}.${name}`)}${access === "anyone" ? "" : ` (${access})`}`);
    const group = (label) => make("optgroup", { label }, ...routes.filter(({ module }) => module === label).map(option));
    route.replaceChildren(...modules.map(group));
    route.value = [chosen, ECHO].find((cmd) => this.#routes.has(cmd)) ?? route.value;
    if (login.value === "") login.value = indented(this.#routes.get(LOGIN)?.template ?? {});
    this.#chooseRoute();
    return new Map(routes.map(({ cmd, module, name }) => [cmd, `${module}.${name}`]));
  }

  /** Data is JSON where the message is known. */
  #chooseRoute() {
    const { route, form } = this.#form.elements;
    const isKnown = Boolean(this.#routes.get(route.value)?.request);
    form[0].disabled = !isKnown;
    form.value = isKnown ? "json" : "hex";
    this.#choose();
  }

  /** Shows what belongs to the route and the form of its Data. */
  #choose() {
    const { route, form, data } = this.#form.elements;
    const chosen = this.#routes.get(route.value);
    if (chosen === undefined) return;
    if (this.#key) this.#typed.set(this.#key, data.value);
    this.#key = `${route.value} ${form.value}`;
    data.value = this.#typed.get(this.#key) ?? (form.value === "json" ? indented(chosen.template ?? {}) : "");
    data.placeholder = form.value === "hex" ? "bytes in hex, such as 68 65 6c 6c 6f; none for no Data" : "";
    const takes = chosen.request === null ? "takes bytes or no Data" : `takes ${chosen.request}`;
    const gives = chosen.reply === null ? "" : `, replies with ${chosen.reply}`;
    const asks = chosen.access === "anyone" ? "for anyone" : `needs a login (${chosen.access})`;
    setText(find(".note", this.#form), `${takes}${gives}; ${asks}`);
  }

  /** The body of the request, with JSON as it was typed: 64 bits would be rounded here. @throws what is wrong */
  #body() {
    const { route, form, data, login, "with-login": withLogin } = this.#form.elements;
    const parts = [`"cmd":${route.value}`];
    if (form.value === "json") parts.push(`"json":${checked(data.value, "Data")}`);
    else if (HEX.test(data.value)) parts.push(`"hex":"${data.value.replace(/\s/g, "")}"`);
    else throw new Error("Data: no bytes in hex");
    if (withLogin.checked) parts.push(`"login":${checked(login.value, "Login")}`);
    return `{${parts}}`;
  }

  async #send() {
    const button = find("button:not([type])", this.#form);
    button.disabled = true;
    try {
      this.#show(await post("call", this.#body()));
    } catch (error) {
      this.#say(error.message, true, "", "");
    }
    button.disabled = false;
  }

  #show({ cmd, error_id: error, meaning, json, hex, took_ms: ms }) {
    const name = this.#routes.get(String(cmd));
    const head = `${command(cmd, name && `${name.module}.${name.name}`)}, ${milliseconds(ms)}`;
    const size = `${hex.length / 2} bytes`;
    const text = error === 0 ? `${head}: ${size}` : `${head}: refused with ${error}${meaning ? `, ${meaning}` : ""}`;
    this.#say(text, error !== 0, json === null ? "" : indented(json).split("\n").map(visible).join("\n"), readable(hex));
  }

  #say(text, hasFailed, json, hex) {
    this.#reply.hidden = false;
    const result = find(".result", this.#reply);
    result.classList.toggle("failed", hasFailed);
    setText(result, text);
    for (const [name, value] of [["json", json], ["hex", hex]]) {
      const shown = find(`.${name}`, this.#reply);
      shown.hidden = value === "";
      setText(shown, value);
    }
  }
}

/** A text that is JSON. */
function checked(text, what) {
  try {
    JSON.parse(text);
    return text;
  } catch (error) {
    throw new Error(`${what}: no JSON: ${error.message}`);
  }
}

/** Hex in lines of 16 bytes, with the text beside it. */
function readable(hex) {
  const pairs = hex.match(/../g) ?? [];
  const lines = [];
  for (let at = 0; at < pairs.length; at += 16) {
    const line = pairs.slice(at, at + 16);
    const text = line.map((pair) => String.fromCharCode(Number.parseInt(pair, 16)).replace(/[^ -~]/, "."));
    lines.push(`${at.toString(16).padStart(4, "0")}  ${line.join(" ").padEnd(48)} ${text.join("")}`);
  }
  return lines.join("\n");
}
