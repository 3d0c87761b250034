/** What the page knows of one symbol at a glance: quotes, 24-hour statistics, state. */

import { percentChange, roundDecimal } from "./decimal.js";

const INTERVAL_MS = 250;
const TICKER_WAIT_MS = 1500; // a ticker that told no last price by then is helped out by the trades

export class Watch {
  #market;
  #info;
  #onChange;
  #topics = {};
  #subscriptions = [];
  #timer = null;

  /**
   * @param {import("./client.js").Tickcast} market
   * @param {{symbol: string, channels: string[], state: string}} info
   * @param {() => void} onChange
   */
  constructor(market, info, onChange) {
    this.#market = market;
    this.#info = info;
    this.#onChange = onChange;
    for (const channel of ["quotes", "ticker", "status"]) this.#follow(channel);
    if (info.channels.includes("ticker")) this.#timer = setTimeout(() => this.#helpOut(), TICKER_WAIT_MS);
    else this.#follow("trades");
  }

  stop() {
    clearTimeout(this.#timer);
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
  }

  /** Values are decimal strings, or undefined where the feed has none. */
  summary() {
    const { quotes, ticker, trades } = this.#topics;
    const statistics = ticker?.data ?? {};
    const last = statistics.last ?? trades?.data?.trades.at(-1)?.price;
    return { ...quotes?.data, ...statistics, last, change: change(statistics, last), ...this.#state() };
  }

  #follow(channel) {
    if (!this.#info.channels.includes(channel)) return;
    const handler = (topic) => {
      this.#topics[channel] = topic;
      this.#onChange();
    };
    this.#subscriptions.push(this.#market.subscribe(channel, this.#info.symbol, handler, { intervalMs: INTERVAL_MS }));
  }

  #helpOut() {
    if (this.#topics.ticker?.data?.last === undefined) this.#follow("trades");
  }

  /** The state over all topics is what `status` says; a stream that broke on its way to this page is resyncing too. */
  #state() {
    if (this.#market.state !== "open") return { state: "offline", reason: "no connection to the broker" };
    const topics = Object.values(this.#topics);
    const broken = topics.some((topic) => topic.seq === null && topic.data);
    if (broken) return { state: "resyncing", reason: "the stream broke; a snapshot was asked for" };
    const { status, quotes } = this.#topics;
    const source = status?.data ?? quotes ?? topics[0] ?? this.#info;
    return { state: source.state ?? this.#info.state, reason: source.reason };
  }
}

/** In percent, two digits after the point: as the feed says, or what follows exactly from its open and last. */
function change({ change_pct, open }, last) {
  if (change_pct !== undefined) return roundDecimal(change_pct, 2);
  return open === undefined || last === undefined ? undefined : percentChange(open, last);
}
