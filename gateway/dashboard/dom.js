// Elements, and figures as text. Text from the server becomes text nodes and attributes only, never markup.

/** An element with properties, and with elements or texts in it. */
export function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** A button that does something. */
export const button = (text, onclick, properties) => make("button", { type: "button", onclick, ...properties }, text);

/** The element that a selector finds. */
export const find = (selector, within = document) => within.querySelector(selector);

/** Sets a text, unless it is there already: a screen reader would say it again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A text of a client's, with what is not seen, or turns or breaks what is beside it, written out as in the log. */
export const visible = (text) =>
  text.replace(/(?! )[\p{C}\p{Z}\p{DI}]/gu, (one) => `\\u{${one.codePointAt().toString(16)}}`);

/** A dialog's answer: the value of the button that closed it. */
export function ask(dialog) {
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => (dialog.onclose = () => resolve(dialog.returnValue)));
}

const NONE = "–";
const isNone = (value) => value === null || value === undefined;

/** A number with groups of thousands, at most this many digits behind the point. */
export function number(value, digits = 0) {
  return isNone(value)
    ? NONE
    : Number(value).toLocaleString("en", { maximumFractionDigits: digits }).replaceAll(",", "\u202f");
}

/** Three significant digits. */
const short = (value) => Number(value.toPrecision(3));

/** Milliseconds. */
export function milliseconds(value) {
  if (isNone(value)) return NONE;
  if (value >= 1000) return `${short(value / 1000)} s`;
  return value >= 1 || value === 0 ? `${short(value)} ms` : `${short(value * 1000)} µs`;
}

export function bytes(value) {
  if (isNone(value)) return NONE;
  let [size, unit] = [Number(value), 0];
  while (size >= 1024 && unit < 4) [size, unit] = [size / 1024, unit + 1];
  return `${short(size)} ${["B", "KiB", "MiB", "GiB", "TiB"][unit]}`;
}

/** Seconds as days, hours, minutes and seconds: the two largest of them. */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = parts.findIndex(([size]) => whole >= size);
  if (first < 0) return "0 s";
  const [[large, largeUnit], small] = [parts[first], parts[first + 1]];
  const rest = small ? Math.floor((whole % large) / small[0]) : 0;
  return `${Math.floor(whole / large)} ${largeUnit}${rest ? ` ${rest} ${small[1]}` : ""}`;
}

/** The time of day, of milliseconds since 1970, as Swedes write it. */
export const clock = (ms) => new Date(Number(ms)).toLocaleTimeString("sv");

/** Day and time of day. */
export const moment = (ms) => new Date(Number(ms)).toLocaleString("sv");

/** A command as people say it. */
export const command = (cmd, name) => (name ? `${cmd} ${name}` : String(cmd));
