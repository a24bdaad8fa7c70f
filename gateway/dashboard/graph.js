// One graph with its legend and the table behind it. The arrow keys move the cursor; the legend shows the values there.

import { button, clock, make, setText } from "./dom.js";

const HEIGHT = 200;
const COLOURS = 7;
/** Neighbours differ in their dashes too, so that one is seen through the other. */
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3]];

/** A colour of the style sheet, which has one for light and one for dark. */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const { uPlot } = globalThis;

export class Graph {
  #plot = null;
  #names = [];
  #data = [[]];
  #hidden = new Set();
  #legend = make("ul", { className: "legend" });
  #at = make("p", { className: "at" });
  #items = [];

  /** `unit`: of the values. `text`: makes text of one. `controls`: elements beside the title. */
  constructor({ title, unit, text, isLogarithmic = false, controls = [] }) {
    Object.assign(this, { title, unit, text, isLogarithmic });
    this.box = make("div", { className: "plot", tabIndex: 0, role: "img" });
    const head = make("div", { className: "bar" }, make("h2", {}, title), ...controls, this.#at);
    const parts = [head, this.box, this.#legend, this.#makeTable()];
    this.element = make("section", { className: "graph", ariaLabel: title }, ...parts);
    this.box.onkeydown = (event) => this.#move(event);
    this.box.onblur = () => this.#plot?.setCursor({ left: -10, top: -10 }, true, true);
    new ResizeObserver(() => this.#plot?.setSize(this.#size())).observe(this.box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#build());
  }

  /** `times`: seconds since 1970. `values`: as many numbers or nulls, by name. */
  show(times, values) {
    const names = [...values.keys()];
    this.#data = [times, ...values.values()];
    if (this.#plot === null || names.join("\n") !== this.#names.join("\n")) {
      this.#names = names;
      this.#build();
    } else {
      this.#plot.setData(this.#data);
    }
    this.#showValues();
    const last = names.map((name, index) => `${name} ${this.text(this.#data[index + 1].at(-1))}`).join(", ");
    this.box.ariaLabel = `${this.title}, now: ${last || "nothing"}. The arrow keys move the cursor.`;
  }

  #size() {
    return { width: Math.max(200, this.box.clientWidth), height: HEIGHT };
  }

  #build() {
    this.#plot?.destroy();
    const [ink, grid] = [colour("faint"), colour("line")];
    const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
    const isMarked = (tick) => Number.isInteger(this.isLogarithmic ? Math.log10(tick) : tick);
    const filter = (_, ticks) => ticks.map((tick) => (isMarked(tick) ? tick : null));
    const marks = { filter, grid: { ...axis.grid, filter }, ticks: { ...axis.ticks, filter } };
    const series = this.#names.map((name, index) => ({
      label: name,
      show: !this.#hidden.has(name),
      stroke: colour(`series-${index % COLOURS}`),
      dash: dash(index),
      width: 1.75,
      points: { show: true, size: 4, filter: lonely },
    }));
    const y = this.isLogarithmic ? { distr: 3, range: decades } : { range: fromZero };
    const options = {
      ...this.#size(),
      scales: { x: { time: true }, y },
      series: [{}, ...series],
      axes: [
        { ...axis, size: 34, space: 75, values: hours, incrs: [10, 30, 60, 120, 180, 300] },
        { ...axis, ...marks, size: 62, values: (_, ticks) => ticks.map((tick) => (isMarked(tick) ? this.text(tick) : "")) },
      ],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, sync: { key: "time" } },
      hooks: { setCursor: [() => this.#showValues()] },
    };
    this.#plot = new uPlot(options, this.#data, this.box);
    this.#buildLegend();
  }

  #buildLegend() {
    this.#items = this.#names.map((name, index) => {
      const value = make("output", {});
      const toggle = button(name, () => {
        const isShown = this.#hidden.delete(name);
        if (!isShown) this.#hidden.add(name);
        toggle.ariaPressed = isShown;
        this.#plot.setSeries(index + 1, { show: isShown });
      }, { title: "show or hide", ariaPressed: !this.#hidden.has(name) });
      toggle.prepend(swatch(index));
      return { element: make("li", {}, toggle, " ", value), value };
    });
    const items = this.#items.map(({ element }) => element);
    this.#legend.replaceChildren(...(items.length ? items : [make("li", { className: "small" }, "nothing yet")]));
  }

  /** The values under the cursor, or else the last ones. */
  #showValues() {
    const index = this.#plot?.cursor.idx ?? null;
    const times = this.#data[0];
    const at = index ?? times.length - 1;
    this.#items.forEach(({ value }, line) => setText(value, this.text(this.#data[line + 1]?.[at] ?? null)));
    setText(this.#at, index === null || times.length === 0 ? this.unit : `${this.unit}, ${clock(times[at] * 1000)}`);
  }

  #move(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -60, PageDown: 60, Home: -Infinity, End: Infinity }[event.key];
    if (steps === undefined || this.#plot === null) return;
    event.preventDefault();
    const last = this.#data[0].length - 1;
    const index = Math.min(last, Math.max(0, (this.#plot.cursor.idx ?? last) + steps));
    this.#plot.setCursor({ left: this.#plot.valToPos(this.#data[0][index], "x"), top: 9 }, true, true);
  }

  /** The values as they were when the table was opened: one that moves cannot be read. */
  #makeTable() {
    const [head, body] = [make("thead"), make("tbody")];
    const label = { className: "scroll", tabIndex: 0, role: "region", ariaLabel: `${this.title}, as a table` };
    const fill = () => {
      const cells = (tag, texts) => make("tr", {}, ...texts.map((text) => make(tag, {}, text)));
      head.replaceChildren(cells("th", ["Time", ...this.#names]));
      const [times, ...values] = this.#data;
      const rows = times.map((time, index) => {
        const isKnown = values.some((line) => line[index] !== null);
        return isKnown && cells("td", [clock(time * 1000), ...values.map((line) => this.text(line[index]))]);
      });
      body.replaceChildren(...rows.filter(Boolean).reverse());
    };
    const scroll = make("div", label, make("table", {}, head, body));
    const details = make("details", {}, make("summary", {}, "Table"), button("Refresh", fill), scroll);
    details.ontoggle = () => (details.open ? fill() : body.replaceChildren());
    return details;
  }
}

const dash = (index) => DASHES[index % DASHES.length];
const hours = (_, ticks, __, ___, step) => ticks.map((tick) => clock(tick * 1000).slice(0, step < 60 ? 8 : 5));

/** The points that no line leads to. */
function lonely(plot, line) {
  const values = plot.data[line];
  const isKnown = (index) => (values[index] ?? null) !== null;
  return [...values.keys()].filter((index) => isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1));
}

/** A short line as it is in the graph. */
function swatch(index) {
  const [svg, line] = ["svg", "line"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  const set = (element, values) => Object.entries(values).forEach((pair) => element.setAttribute(...pair));
  set(svg, { viewBox: "0 0 24 6", width: 24, height: 6 });
  set(line, { x1: 0, y1: 3, x2: 24, y2: 3, "stroke-dasharray": dash(index).join(" ") });
  line.style.stroke = `var(--series-${index % COLOURS})`;
  svg.append(line);
  return svg;
}

/** An axis from 0. */
const fromZero = (_, __, max) => [0, Math.max(4, max * 1.1)];

/** A logarithmic axis over whole powers of ten. */
function decades(_, min, max) {
  if (!(min > 0)) return [0.1, 100];
  const [low, high] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  return [10 ** low, 10 ** Math.max(high, low + 1)];
}
