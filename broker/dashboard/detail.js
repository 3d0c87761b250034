/** One symbol in full: statistics, the order book's best levels, the latest trades. */

import { subtractDecimals } from "./decimal.js";
import { NONE, changeText, countText, setState, setSymbol, setText, signOf, timeText } from "./text.js";
import { Watch } from "./watch.js";

const INTERVAL_MS = 100;
const LEVELS = 15;
const TRADES = 50;
const FACTS = [["Bid", "bid"], ["Ask", "ask"], ["Spread", "spread"], ["Open", "open"], ["High", "high"], ["Low", "low"],
  ["Volume", "volume"], ["VWAP", "vwap"]];

export class Detail {
  #market;
  #elements;
  #onUpdate;
  #bids;
  #asks;
  #facts;
  #watch = null;
  #subscriptions = [];
  #book = null;
  #fault = null;
  #tape = []; // what the tape does not show yet: trades and gaps
  #isNewTape = true;
  #frame = null;

  /**
   * @param {import("./client.js").Tickcast} market
   * @param {Record<string, HTMLElement>} elements by id
   * @param {() => void} onUpdate
   */
  constructor(market, elements, onUpdate) {
    this.#market = market;
    this.#elements = elements;
    this.#onUpdate = onUpdate;
    this.#bids = makeLevels(elements.bids, ["size", "price"]);
    this.#asks = makeLevels(elements.asks, ["price", "size"]);
    this.#facts = makeFacts(elements.facts);
  }

  /** @param {{symbol: string, channels: string[], state: string}} info */
  open(info) {
    this.close();
    setSymbol(this.#elements["detail-symbol"], info.symbol);
    this.#elements.tape.replaceChildren();
    this.#watch = new Watch(this.#market, info, () => this.#updated());
    const follow = (channel, handler, options) => {
      if (!info.channels.includes(channel)) return;
      const all = { intervalMs: INTERVAL_MS, ...options };
      this.#subscriptions.push(this.#market.subscribe(channel, info.symbol, handler, all));
    };
    follow("book", (topic, frame) => this.#takeBook(topic, frame), { verify: true });
    follow("trades", (topic, frame) => this.#takeTrades(topic, frame));
    this.refresh();
  }

  /** Paints what is open again. */
  refresh() {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = null;
      if (this.#watch) this.#draw();
    });
  }

  close() {
    this.#watch?.stop();
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    [this.#watch, this.#subscriptions, this.#book, this.#fault, this.#tape] = [null, [], null, null, []];
  }

  #takeBook(topic, frame) {
    this.#book = topic;
    this.#fault = frame.type === "break" ? frame.message : topic.seq === null ? this.#fault : null;
    this.#updated();
  }

  #takeTrades(topic, frame) {
    if (frame.type === "snapshot") [this.#tape, this.#isNewTape] = [[], true];
    if (frame.type === "gap") this.#tape.push(frame);
    for (const trade of frame.trades ?? []) this.#tape.push({ ts: frame.rx, ...trade });
    this.#tape = this.#tape.slice(-TRADES);
    this.#updated();
  }

  #updated() {
    this.#onUpdate();
    this.refresh();
  }

  #draw() {
    const summary = this.#watch.summary();
    this.#drawSummary(summary);
    this.#drawNotice(summary);
    this.#drawBook(this.#book?.data ?? { bids: [], asks: [] });
    this.#drawTape();
  }

  #drawSummary(summary) {
    const { bid, ask, last, change, state, reason } = summary;
    const spread = bid !== undefined && ask !== undefined ? subtractDecimals(ask, bid) : undefined;
    setText(this.#elements["detail-last"], last ?? NONE);
    setText(this.#elements["detail-change"], changeText(change));
    this.#elements["detail-change"].dataset.sign = signOf(change);
    setState(this.#elements["detail-state"], state, reason);
    this.#elements.detail.dataset.state = state;
    for (const [field, element] of this.#facts) setText(element, { ...summary, spread }[field] ?? NONE);
  }

  /** Whatever is not live is said in words, with its reason. */
  #drawNotice({ state, reason }) {
    const { notice, proof } = this.#elements;
    const bookState = this.#book?.state ?? state;
    const worst = this.#fault ? "resyncing" : state !== "live" ? state : bookState;
    const why = this.#fault ?? (reason || this.#book?.reason);
    notice.hidden = worst === "live" || worst === undefined;
    notice.dataset.state = worst;
    setText(notice, why ? `${worst}: ${why}` : `${worst}`);
    const isProven = this.#book?.seq && !this.#fault && state !== "offline";
    setText(proof, isProven ? `seq ${countText(this.#book.seq)} · checksum holds` : "");
  }

  #drawBook({ bids, asks }) {
    const [bestBids, bestAsks] = [bids.slice(0, LEVELS), asks.slice(0, LEVELS)];
    // For the width of the bars a floating point number will do.
    const deepest = Math.max(depthOf(bestBids), depthOf(bestAsks));
    drawSide(this.#bids, bestBids, deepest);
    drawSide(this.#asks, bestAsks, deepest);
  }

  #drawTape() {
    const { tape } = this.#elements;
    const rows = this.#tape.map(tapeRow).reverse();
    if (this.#isNewTape) tape.replaceChildren(...rows);
    else tape.prepend(...rows);
    for (const row of rows) row.classList.toggle("fresh", !this.#isNewTape);
    while (tape.childElementCount > TRADES) tape.lastElementChild.remove();
    [this.#tape, this.#isNewTape] = [[], false];
  }
}

function makeLevels(side, names) {
  return Array.from({ length: LEVELS }, () => {
    const row = element("div", "level", "row");
    const cells = Object.fromEntries(names.map((name) => [name, element("span", name, "cell")]));
    row.append(...Object.values(cells));
    side.append(row);
    return { row, ...cells };
  });
}

function makeFacts(list) {
  return FACTS.map(([label, field]) => {
    const [fact, term, value] = [element("div"), element("dt"), element("dd")];
    term.textContent = label;
    fact.append(term, value);
    list.append(fact);
    return [field, value];
  });
}

function depthOf(levels) {
  return levels.reduce((sum, [, size]) => sum + Number(size), 0);
}

function drawSide(rows, levels, deepest) {
  let depth = 0;
  rows.forEach(({ row, price, size }, n) => {
    const level = levels[n];
    setText(price, level?.[0] ?? "");
    setText(size, level?.[1] ?? "");
    depth += level ? Number(level[1]) : 0;
    row.style.setProperty("--depth", level && deepest > 0 ? `${((depth / deepest) * 100).toFixed(1)}%` : "0%");
  });
}

function tapeRow(entry) {
  return entry.type === "gap" ? gapRow(entry) : tradeRow(entry);
}

function tradeRow({ ts, price, size, side }) {
  const row = element("div", `trade ${side ?? ""}`, "row");
  const [time, at, amount] = ["time", "price", "size"].map((name) => element("span", name, "cell"));
  time.textContent = ts === undefined ? NONE : timeText(ts);
  if (ts !== undefined) time.title = new Date(ts / 1000).toISOString();
  at.textContent = price;
  if (side) at.ariaLabel = `${side} ${price}`;
  amount.textContent = size;
  row.append(time, at, amount);
  return row;
}

function gapRow({ lost, reason }) {
  const row = element("div", "trade gap", "row");
  const cell = element("span", "lost", "cell");
  cell.textContent = `${countText(lost)} ${lost === 1 ? "trade" : "trades"} lost (${reason.replace("_", " ")})`;
  row.append(cell);
  return row;
}

function element(tag, className, role) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (role) made.role = role;
  return made;
}
