// The recordings that the server has, and the lines of one.

import { get } from "./api.js";
import { bytes, find, make, milliseconds, moment, number, setText } from "./dom.js";

const PAGE = 1000;
/** A line about a packet. */
const PACKET = /\ba packet \d/;

export class Recordings {
  #section = find("#recordings");
  #form = find("form", this.#section);
  #scroll = find(".scroll", this.#section);
  #body = find("tbody", this.#section);
  #more = find("[name=more]", this.#section);
  #loaded = 0;

  constructor() {
    const { recording, refresh, packets } = this.#form.elements;
    this.#form.onsubmit = () => false;
    recording.onchange = () => this.#open();
    refresh.onclick = () => this.load();
    packets.onchange = () => this.#filter();
    this.#more.onclick = () => this.#read();
  }

  /** Asks which there are; the chosen one stays. */
  async load() {
    const { recording } = this.#form.elements;
    const answer = await this.#get("recordings");
    if (answer === null) return;
    const chosen = recording.value;
    const offered = answer.recordings.map(({ id, bytes: size, modified_ms: ms }) =>
      make("option", { value: id }, `${moment(ms)} · ${id} · ${bytes(size)}`),
    );
    const isNone = offered.length === 0;
    recording.replaceChildren(make("option", { value: "" }, isNone ? "none" : `choose one of ${offered.length}`), ...offered);
    recording.value = answer.recordings.some(({ id }) => id === chosen) ? chosen : "";
    recording.disabled = isNone;
    // Also if it is there no longer.
    if (chosen) await this.#open();
    if (!recording.value) this.#say(answer.is_on ? "" : "The server does not record (--record DIR).");
  }

  async #open() {
    this.#body.replaceChildren();
    this.#loaded = 0;
    const isChosen = this.#form.elements.recording.value !== "";
    this.#scroll.hidden = !isChosen;
    find("details", this.#section).hidden = !isChosen;
    this.#say(isChosen ? "reading" : "");
    if (isChosen) await this.#read();
  }

  /** Reads the next lines of the chosen recording. */
  async #read() {
    const id = this.#form.elements.recording.value;
    this.#more.disabled = true;
    const answer = await this.#get(`recordings/${encodeURIComponent(id)}`, { offset: this.#loaded, limit: PAGE });
    this.#more.disabled = false;
    if (answer === null || id !== this.#form.elements.recording.value) return;
    setText(find(".head", this.#section), answer.head.join("\n"));
    this.#body.append(...answer.lines.map(row));
    this.#loaded = answer.offset + answer.lines.length;
    this.#more.hidden = answer.lines.length === 0 || this.#loaded >= answer.total;
    this.#say(`${number(this.#loaded)} of ${number(answer.total)} lines`);
    this.#filter();
  }

  #filter() {
    const { checked } = this.#form.elements.packets;
    for (const line of this.#body.children) line.hidden = checked && !line.isPacket;
  }

  async #get(path, parameters) {
    try {
      return await get(path, parameters);
    } catch (error) {
      this.#say(error.message);
      return null;
    }
  }

  #say(text) {
    setText(find(".note", this.#form), text);
  }
}

function row({ offset, at_ms: ms, is_result: isResult, text }) {
  const time = make("td", { className: "number" }, milliseconds(ms));
  const line = make("tr", {}, time, make("td", { className: "number" }, number(offset)), make("td", { className: "code" }, text));
  line.classList.toggle("result-of", isResult);
  line.isPacket = PACKET.test(text);
  return line;
}
