/** The table of symbols. Only the rows in view exist, and only they are subscribed to. */

import { compareDecimals } from "./decimal.js";
import { NONE, changeText, setState, setSymbol, setText, signOf } from "./text.js";
import { Watch } from "./watch.js";

const OVERSCAN_ROWS = 6;
const SETTLE_MS = 120; // rows that stay in view for this long are subscribed to
const PRICES = { bid: "bid", ask: "ask", last: "last" };
const PLAIN = { "bid-size": "bid_size", "ask-size": "ask_size", high: "high", low: "low", volume: "volume" };
const COLUMNS = ["symbol", "state", "bid-size", "bid", "ask", "ask-size", "last", "change", "high", "low", "volume"];

export class SymbolList {
  #market;
  #grid;
  #body;
  #onOpen;
  #onUpdate;
  #shown = []; // infos that pass the filter, in order
  #rows = new Map(); // symbol → Row, of those in view
  #spare = [];
  #changed = new Set();
  #active = -1;
  #selected = null;
  #frame = null;
  #settle = null;

  /**
   * @param {import("./client.js").Tickcast} market
   * @param {{grid: HTMLElement, body: HTMLElement}} elements
   * @param {{onOpen: (symbol: string) => void, onUpdate: () => void}} listener
   */
  constructor(market, { grid, body }, { onOpen, onUpdate }) {
    this.#market = market;
    this.#grid = grid;
    this.#body = body;
    this.#onOpen = onOpen;
    this.#onUpdate = onUpdate;
    grid.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(grid);
    body.addEventListener("click", ({ target }) => this.#clicked(target.closest(".row")));
  }

  /** Shows these symbols; the active row stays on its symbol if that is among them. */
  show(infos) {
    const active = this.#shown[this.#active]?.symbol;
    this.#shown = infos;
    this.#active = infos.findIndex(({ symbol }) => symbol === (active ?? this.#selected));
    this.#grid.setAttribute("aria-rowcount", infos.length + 1);
    this.#draw();
  }

  /** Paints all that is in view again. */
  refresh() {
    for (const row of this.#rows.values()) this.#changed.add(row);
    this.#draw();
  }

  /** Marks the symbol whose detail is open, or none. */
  select(symbol) {
    this.#selected = symbol;
    const index = this.#shown.findIndex((info) => info.symbol === symbol);
    if (index >= 0) this.#activate(index);
    this.#draw();
  }

  /** Moves the active row by a number of rows, and returns its symbol. */
  move(by) {
    if (this.#shown.length === 0) return undefined;
    const from = this.#active < 0 && by > 0 ? -1 : this.#active;
    this.#activate(Math.min(this.#shown.length - 1, Math.max(0, from + by)));
    this.#draw();
    return this.active;
  }

  /** The symbol of the active row; without one, the first. */
  get active() {
    return this.#shown[Math.max(0, this.#active)]?.symbol;
  }

  /** How many rows are in view. */
  get pageRows() {
    return Math.max(1, Math.floor(this.#viewHeight / this.#rowHeight) - 1);
  }

  get #rowHeight() {
    return parseFloat(getComputedStyle(this.#body).getPropertyValue("--row-height"));
  }

  get #viewHeight() {
    return this.#grid.clientHeight - this.#body.offsetTop;
  }

  #clicked(row) {
    if (!row) return;
    this.#activate(Number(row.ariaRowIndex) - 2);
    this.#onOpen(row.dataset.symbol);
  }

  #activate(index) {
    this.#active = index;
    const [top, height] = [index * this.#rowHeight, this.#viewHeight];
    if (top < this.#grid.scrollTop) this.#grid.scrollTop = top;
    else if (top + this.#rowHeight > this.#grid.scrollTop + height) this.#grid.scrollTop = top + this.#rowHeight - height;
  }

  /** Once a frame, however often it is called. */
  #draw() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      this.#drawNow();
    });
  }

  #drawNow() {
    const height = this.#rowHeight;
    const first = Math.max(0, Math.floor(this.#grid.scrollTop / height) - OVERSCAN_ROWS);
    const last = Math.ceil((this.#grid.scrollTop + this.#viewHeight) / height) + OVERSCAN_ROWS;
    this.#body.style.height = `${this.#shown.length * height}px`;
    const inView = this.#shown.slice(first, last);
    this.#release(new Set(inView.map(({ symbol }) => symbol)));
    inView.forEach((info, n) => this.#place(this.#rowOf(info), first + n, height));
    for (const row of this.#changed) row.paint();
    this.#changed.clear();
    const active = this.#rows.get(this.#shown[this.#active]?.symbol);
    this.#grid.toggleAttribute("aria-activedescendant", Boolean(active));
    if (active) this.#grid.setAttribute("aria-activedescendant", active.element.id);
  }

  #release(kept) {
    for (const [symbol, row] of this.#rows) {
      if (kept.has(symbol)) continue;
      row.unbind();
      this.#rows.delete(symbol);
      this.#spare.push(row);
    }
  }

  #rowOf(info) {
    let row = this.#rows.get(info.symbol);
    if (row) return row;
    row = this.#spare.pop() ?? new Row(this.#body);
    row.bind(info);
    this.#rows.set(info.symbol, row);
    this.#changed.add(row);
    this.#settle ??= setTimeout(() => this.#subscribe(), SETTLE_MS);
    return row;
  }

  #place({ element }, index, height) {
    element.style.transform = `translateY(${index * height}px)`;
    element.ariaRowIndex = index + 2;
    element.ariaSelected = element.dataset.symbol === this.#selected;
    element.classList.toggle("active", index === this.#active);
  }

  #subscribe() {
    this.#settle = null;
    for (const row of this.#rows.values()) {
      row.watch(this.#market, () => {
        this.#onUpdate();
        this.#changed.add(row);
        this.#draw();
      });
    }
  }
}

let rowsMade = 0;

/** One row's elements, used for one symbol after another. */
class Row {
  element = document.createElement("div");
  #cells = {};
  #values = {};
  #info;
  #watch = null;

  constructor(body) {
    this.element.className = "row";
    this.element.id = `row-${++rowsMade}`;
    this.element.role = "row";
    for (const name of COLUMNS) {
      const cell = document.createElement("span");
      cell.className = name;
      cell.role = "gridcell";
      this.#cells[name] = cell;
      this.element.append(cell);
    }
    body.append(this.element);
  }

  bind(info) {
    this.#info = info;
    this.#values = {};
    this.element.dataset.symbol = info.symbol;
    this.element.hidden = false;
    setSymbol(this.#cells.symbol, info.symbol);
  }

  unbind() {
    this.#watch?.stop();
    this.#watch = null;
    this.element.hidden = true;
  }

  watch(market, onChange) {
    this.#watch ??= new Watch(market, this.#info, onChange);
  }

  paint() {
    const summary = this.#watch?.summary() ?? { state: this.#info.state };
    for (const [name, field] of Object.entries(PRICES)) this.#paintPrice(name, summary[field]);
    for (const [name, field] of Object.entries(PLAIN)) setText(this.#cells[name], summary[field] ?? NONE);
    setText(this.#cells.change, changeText(summary.change));
    this.#cells.change.dataset.sign = signOf(summary.change);
    setState(this.#cells.state, summary.state, summary.reason);
    this.element.dataset.state = summary.state;
  }

  /** A price that moved flashes in the colour of its direction. */
  #paintPrice(name, value) {
    const cell = this.#cells[name];
    const before = this.#values[name];
    this.#values[name] = value;
    if (!setText(cell, value ?? NONE)) return;
    if (before === undefined || value === undefined) delete cell.dataset.flash;
    else flash(cell, compareDecimals(value, before) > 0 ? "up" : "down");
  }
}

/** Two animations of the same look take turns, since an animation that is set again does not start again. */
function flash(cell, direction) {
  const turn = cell.dataset.flash === `${direction}-a` ? "b" : "a";
  cell.dataset.flash = `${direction}-${turn}`;
}
