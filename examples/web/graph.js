// A graph of the last minute: one value a second, and gaps where there was none.

const SVG = "http://www.w3.org/2000/svg";
const VALUES = 60;
/** The size of the graph: 300 wide, as its viewBox says. */
const [STEP, HEIGHT] = [5, 100];

export class Graph {
  constructor(svg) {
    this.svg = svg;
    this.values = [];
  }

  /** Adds a value, or undefined for a gap, and draws all. Returns the highest that is shown, at least 1. */
  add(value) {
    this.values = [...this.values, value].slice(-VALUES);
    const top = Math.max(1, ...this.values.filter((known) => known !== undefined));
    this.svg.replaceChildren(...this.bars(top));
    return top;
  }

  /** A bar for each value, the newest at the right. */
  bars(top) {
    const first = VALUES - this.values.length;
    return this.values.flatMap((value, index) => {
      if (value === undefined) return [];
      const bar = document.createElementNS(SVG, "rect");
      const height = (value / top) * HEIGHT;
      const place = { x: (first + index) * STEP, y: HEIGHT - height, width: STEP - 1, height };
      Object.entries(place).forEach(([name, number]) => bar.setAttribute(name, number));
      return [bar];
    });
  }
}
