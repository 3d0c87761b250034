/**
 * Live market data from a Tickcast broker, for browsers and for Node 20.19 or later. No dependencies.
 *
 *   import { Tickcast } from "http://127.0.0.1:9000/client.js";
 *   const market = new Tickcast();                       // the broker that served this file
 *   const quotes = market.subscribe("quotes", ["sim:ACME", "kraken:*"], ({ symbol, data }) => {
 *     if (data) console.log(symbol, data.bid, data.ask); // decimal strings, the venue's own digits
 *   });
 *   quotes.unsubscribe();
 *
 * It reconnects and resumes by itself, and proves every stream: sequence ranges must tile, and with `verify` the
 * checksums of books must hold. A stream that fails is reported to its handlers as a `break` and asked for again.
 *
 * @typedef {"trades"|"quotes"|"ticker"|"book10"|"book"|"status"} Channel
 *
 * @typedef {object} Frame  a frame of the protocol, or one of this client's own: `subscribed` (the broker's grant, with
 *   `resumed` after a reconnect) and `break` (with a `message`; a snapshot will follow)
 * @property {"snapshot"|"update"|"conflated"|"gap"|"state"|"tier"|"subscribed"|"break"} type
 * @property {[first: number, last: number]} [seq]  the sequence numbers that it covers
 * @property {number} [interval_ms]  of `tier`: the interval from here on; `reason` says why
 *
 * @callback Handler
 * @param {import("./topic.js").Topic} topic  what is known now; changes in place as long as somebody subscribes to it
 * @param {Frame} frame  what has just been applied to it
 *
 * @typedef {object} SubscribeOptions
 * @property {number} [intervalMs]  the shortest time between two frames of a topic; 0, the default: every update
 * @property {"conflate"|"disconnect"} [onSlow]  what the broker does when this client cannot keep up
 * @property {boolean} [adaptive]  the broker may slow down what is late again and again, and says so by `tier`
 * @property {boolean} [verify]  check the checksum of every book frame
 * @property {(error: {symbol: string, code: string, message: string, pattern?: string}) => void} [onError]  a symbol was
 *   refused; with `pattern`: a new one that this covers is left out, as are those after it, while the connection holds as much as it may
 */

import { Connection, streamUrl } from "./connection.js";
import { Topic, isTopicFrame } from "./topic.js";

export { Book, Topic, bookChecksum } from "./topic.js";
export { compareDecimals } from "./decimal.js";

const RETRY_MS = 1000; // after a retryable error, and between two demands for a snapshot of one topic
const ENTRY_BYTES_MAX = 512; // of one symbol in a request, generously

/**
 * Dispatches `state` events, whose `detail` is `{state, code?, reason?, retryInMs?}`: `connecting`, `open`, `closed`
 * (it retries in `retryInMs`, unless `close` was called) or `failed` (the broker asked not to come back).
 */
export class Tickcast extends EventTarget {
  #connection;
  #topics = new Map(); // "channel symbol" → Topic
  #wants = new Map(); // "channel name" → Want; the name is a symbol or a pattern
  #dirty = new Set(); // wants whose wish and request may differ
  #broken = new Set(); // topics that need a snapshot
  #brokenAt = new WeakMap(); // topic → when it broke last
  #held = new WeakSet(); // topics that the present connection carries
  #routes = new WeakMap(); // topic → who listens, until somebody subscribes or unsubscribes
  #flushTimer = null;

  /**
   * @param {string|URL} [url]  of the broker; default: where this file came from
   * @param {{WebSocket?: typeof WebSocket, heartbeatMs?: number}} [options]  `WebSocket` where there is no global one
   */
  constructor(url = import.meta.url, options = {}) {
    super();
    const onState = (detail) => this.#onState(detail);
    this.#connection = new Connection(streamUrl(url), options, { onState, onFrame: (frame) => this.#onFrame(frame) });
  }

  /** @returns {import("./connection.js").ConnectionState} */
  get state() {
    return this.#connection.state;
  }

  /**
   * Follows symbols (`"kraken:BTC/USD"`) and patterns (`"kraken:*"`, `"*"`) on a channel. Subscriptions may overlap:
   * what several share is sent once, at the shortest of their intervals.
   * @param {Channel} channel
   * @param {string|string[]} symbols
   * @param {Handler} handler
   * @param {SubscribeOptions} [options]
   * @returns {{unsubscribe: () => void}}
   */
  subscribe(channel, symbols, handler, options = {}) {
    const subscription = { channel, names: new Set([symbols].flat()), handler, options, active: true };
    for (const name of subscription.names) this.#want(channel, name).subscriptions.add(subscription);
    this.#changed(subscription);
    for (const topic of this.#topics.values()) {
      if (topic.seq !== null && this.#route(topic).subscriptions.includes(subscription)) replay(subscription, topic);
    }
    return { unsubscribe: () => this.#unsubscribe(subscription) };
  }

  /** @returns {Promise<number>} the round trip to the broker, in milliseconds */
  ping() {
    return new Promise((resolve, reject) => {
      if (this.state !== "open") throw new Error(`the connection is ${this.state}`);
      const sentAt = performance.now();
      this.#connection.request("ping", undefined, ({ error }) => {
        if (error) reject(new Error(error.message));
        else resolve(performance.now() - sentAt);
      });
    });
  }

  /** Ends the connection for good. */
  close() {
    this.#connection.close();
  }

  // What is asked of the broker follows what the subscriptions wish for: a want holds both.

  #want(channel, name) {
    const key = `${channel} ${name}`;
    if (!this.#wants.has(key)) {
      this.#wants.set(key, { key, channel, name, subscriptions: new Set(), asked: null, granted: false });
    }
    return this.#wants.get(key);
  }

  #unsubscribe(subscription) {
    if (!subscription.active) return;
    subscription.active = false;
    for (const name of subscription.names) this.#want(subscription.channel, name).subscriptions.delete(subscription);
    this.#changed(subscription);
  }

  #changed({ channel, names }) {
    this.#routes = new WeakMap();
    for (const name of names) {
      this.#dirty.add(this.#want(channel, name));
      for (const want of this.#coveredBy(channel, name)) this.#dirty.add(want);
    }
    this.#flushIn(0);
  }

  /** Requests leave at the end of the present task, so that many subscriptions become one request. */
  #flushIn(delayMs) {
    this.#flushTimer ??= setTimeout(() => {
      this.#flushTimer = null;
      this.#flush();
    }, delayMs);
  }

  /** Sends what is due, as far as the broker's limits go; the rest stays due. */
  #flush() {
    if (this.state !== "open") return;
    const most = Math.max(1, Math.floor(this.#connection.limits.message_bytes / ENTRY_BYTES_MAX));
    for (const { method, params, items } of this.#due()) {
      for (let from = 0; from < items.length; from += most) {
        if (!this.#connection.mayRequest) return this.#flushIn(RETRY_MS);
        this.#ask(method, params, items.slice(from, from + most));
      }
    }
  }

  /** What has to be asked, grouped by all that a request says besides its symbols. */
  #due() {
    const groups = new Map();
    const add = (method, params, item) => {
      const key = method + JSON.stringify(params);
      if (!groups.has(key)) groups.set(key, { method, params, items: [] });
      groups.get(key).items.push(item);
    };
    for (const want of this.#dirty) {
      const isOwn = want.subscriptions.size > 0;
      const params = isOwn || !isPattern(want.name) ? this.#wish(want.channel, want.name) : undefined;
      if (!params && want.asked !== null) add("unsubscribe", { channel: want.channel }, { want, entry: want.name });
      else if (JSON.stringify(params) === want.asked || !(isOwn || want.asked !== null)) this.#settle(want);
      else add("subscribe", params, { want, entry: this.#entryOf(want) });
    }
    for (const topic of this.#broken) {
      const params = this.#wish(topic.channel, topic.symbol);
      if (params) add("subscribe", { ...params, snapshot: true }, { topic, entry: topic.symbol });
    }
    return groups.values();
  }

  /** Only what the connection does not carry yet can be resumed: of the rest, newer frames may be on their way. */
  #entryOf(want) {
    const topic = this.#topics.get(want.key);
    const isNew = want.asked === null && !this.#held.has(topic);
    return (isNew && topic?.resumption()) || want.name;
  }

  #ask(method, params, items) {
    const symbols = items.map(({ entry }) => entry);
    const wants = items.map(({ want }) => want).filter(Boolean);
    const topics = items.map(({ topic }) => topic).filter(Boolean);
    const grantees = new Map(); // those that this request brings, not those whose options it changes
    for (const want of wants) {
      if (want.asked === null) grantees.set(want.name, want);
      want.asked = method === "subscribe" ? JSON.stringify(params) : null;
      this.#settle(want);
      this.#overrule(want);
    }
    for (const topic of topics) this.#broken.delete(topic);
    this.#connection.request(method, { ...params, symbols }, ({ result, error }) => {
      if (error) this.#refused(error, wants, topics);
      for (const entry of result?.subscribed ?? []) {
        this.#granted(entry, grantees);
        this.#paced(entry);
      }
      for (const entry of result?.rejected ?? []) this.#rejected(entry, grantees);
    });
  }

  /** To the broker a pattern's request is one for each topic it covers: what else was asked of these has to be again. */
  #overrule({ channel, name, asked }) {
    if (!isPattern(name)) return;
    const overruled = this.#coveredBy(channel, name);
    if (asked === null) overruled.push(...this.#covering(channel, name));
    for (const want of overruled) {
      want.asked &&= "";
      this.#dirty.add(want);
      this.#flushIn(0);
    }
  }

  /** The other wants that a pattern covers. */
  #coveredBy(channel, name) {
    if (!isPattern(name)) return [];
    const covers = (want) => want.channel === channel && want.name !== name && want.name.startsWith(name.slice(0, -1));
    return [...this.#wants.values()].filter(covers);
  }

  /** The wants of a symbol or pattern itself and of the patterns that cover it, as far as somebody subscribes to them. */
  #covering(channel, name) {
    const stem = isPattern(name) ? name.slice(0, -1) : name;
    const patterns = Array.from({ length: stem.length + 1 }, (_, end) => `${stem.slice(0, end)}*`);
    const wants = [...new Set([name, ...patterns])].map((covering) => this.#wants.get(`${channel} ${covering}`));
    return wants.filter((want) => want?.subscriptions.size > 0);
  }

  /** What all subscriptions to a name ask for together, its own and those to patterns that cover it. */
  #wish(channel, name) {
    const all = this.#covering(channel, name).flatMap((want) => [...want.subscriptions].map(({ options }) => options));
    if (all.length === 0) return undefined;
    const disconnect = all.every(({ onSlow }) => onSlow === "disconnect");
    const intervalMs = Math.min(...all.map(({ intervalMs = 0 }) => intervalMs));
    const wish = { channel, interval_ms: intervalMs, on_slow: disconnect ? "disconnect" : "conflate" };
    return all.every(({ adaptive }) => adaptive) ? { ...wish, adaptive: true } : wish;
  }

  /**
   * Nothing more to ask for it. Without subscriptions it goes, unless the broker holds its name still, for the sake of a
   * pattern; and the topics go that only it brought.
   */
  #settle(want) {
    this.#dirty.delete(want);
    if (want.subscriptions.size > 0) return;
    if (want.asked === null) this.#wants.delete(want.key);
    for (const [key, topic] of this.#topics) {
      if (topic.channel === want.channel && this.#route(topic).wants.length === 0) this.#topics.delete(key);
    }
  }

  // What the broker says.

  #onState(detail) {
    if (detail.state === "open") {
      for (const want of this.#wants.values()) this.#dirty.add(want);
      this.#flushIn(0);
    } else {
      this.#held = new WeakSet();
      this.#broken.clear();
      for (const want of this.#wants.values()) Object.assign(want, { asked: null, granted: false });
    }
    this.dispatchEvent(new CustomEvent("state", { detail }));
  }

  #granted(entry, grantees) {
    const want = grantees.get(entry.symbol ?? entry.pattern);
    if (!want || this.#wants.get(want.key) !== want) return; // no longer wanted
    want.granted = true;
    if (entry.symbol) this.#begin(this.#topic(entry), entry);
    else this.#beginAnew(want);
  }

  /**
   * Of what a pattern brought to another connection nothing is known any more: what the broker has, its first frame tells,
   * and what it has no data of would look live for good.
   */
  #beginAnew(pattern) {
    for (const topic of this.#topics.values()) {
      const { channel, symbol } = topic;
      const isNamed = this.#wants.get(`${channel} ${symbol}`)?.asked;
      if (isNamed || this.#held.has(topic) || !this.#route(topic).wants.includes(pattern)) continue;
      topic.forget();
      this.#begin(topic, { channel, symbol, seq: 0 });
    }
  }

  /** The broker says at which interval a symbol is served, or all that a pattern covers. */
  #paced({ channel, symbol, pattern, interval_ms }) {
    const covers = (topic) => topic.channel === channel && topic.symbol.startsWith(pattern.slice(0, -1));
    const named = () => [this.#topics.get(`${channel} ${symbol}`)].filter(Boolean);
    const meant = pattern ? [...this.#topics.values()].filter(covers) : named();
    for (const topic of meant) topic.intervalMs = interval_ms;
  }

  #begin(topic, grant) {
    if (this.#held.has(topic)) return; // a pattern brought it already
    this.#held.add(topic);
    topic.grant(grant);
    this.#tell(topic, { ...grant, type: "subscribed" });
  }

  #rejected(entry, grantees) {
    const want = grantees.get(entry.symbol);
    if (want) want.asked = null; // not asked again before the next connection
    const topic = this.#topics.get(want?.key);
    if (topic && !this.#held.has(topic)) topic.forget(); // what an earlier connection told of it
    for (const { options } of want?.subscriptions ?? []) call(options.onError, entry);
  }

  /** A pattern of ours leaves out a new symbol, and those that follow, since this connection holds as much as it may. */
  #leftOut({ channel, pattern, symbol, code, message }) {
    const subscriptions = this.#wants.get(`${channel} ${pattern}`)?.subscriptions ?? [];
    for (const { options } of subscriptions) call(options.onError, { symbol, pattern, code, message });
  }

  #refused(error, wants, topics) {
    if (error.code === "lost") return;
    for (const want of wants) {
      if (error.retryable) this.#dirty.add(Object.assign(want, { asked: want.granted ? "" : null }));
      else this.#rejected({ symbol: want.name, ...error }, new Map([[want.name, want]]));
    }
    if (!error.retryable) return;
    for (const topic of topics) this.#broken.add(topic);
    this.#flushIn(RETRY_MS);
  }

  #onFrame(frame) {
    if (frame.type === "rejected") this.#leftOut(frame);
    if (!isTopicFrame(frame)) return;
    const topic = this.#topics.get(`${frame.channel} ${frame.symbol}`) ?? new Topic(frame.channel, frame.symbol);
    const { wants, verify } = this.#route(topic);
    if (!wants.some(({ granted }) => granted)) return; // the tail of what was unsubscribed
    // Of what a pattern matches, each topic is announced by its first frame.
    if (!this.#held.has(topic)) this.#begin(this.#topic(frame), { seq: 0 });
    this.#apply(this.#topic(frame), frame, verify);
  }

  #apply(topic, frame, verify) {
    const outcome = topic.apply(frame, verify);
    if (outcome === "applied") this.#tell(topic, frame);
    if (typeof outcome === "string") return;
    this.#tell(topic, { type: "break", ...outcome });
    const now = Date.now();
    const isRepeated = now - (this.#brokenAt.get(topic) ?? -Infinity) < RETRY_MS;
    this.#brokenAt.set(topic, now);
    this.#broken.add(topic);
    this.#flushIn(isRepeated ? RETRY_MS : 0);
  }

  #topic({ channel, symbol }) {
    const key = `${channel} ${symbol}`;
    if (!this.#topics.has(key)) this.#topics.set(key, new Topic(channel, symbol));
    return this.#topics.get(key);
  }

  /** The wants that a topic fulfils (of its own symbol, and of patterns), and their subscriptions. */
  #route(topic) {
    let route = this.#routes.get(topic);
    if (!route) {
      const wants = this.#covering(topic.channel, topic.symbol);
      const subscriptions = [...new Set(wants.flatMap((want) => [...want.subscriptions]))];
      route = { wants, subscriptions, verify: subscriptions.some(({ options }) => options.verify) };
      this.#routes.set(topic, route);
    }
    return route;
  }

  #tell(topic, frame) {
    for (const { active, handler } of this.#route(topic).subscriptions) if (active) call(handler, topic, frame);
  }
}

function isPattern(name) {
  return name.endsWith("*");
}

/** A subscription to what others follow already begins with what is known. */
function replay(subscription, topic) {
  queueMicrotask(() => subscription.active && call(subscription.handler, topic, topic.replay()));
}

/** A handler that throws is the page's own fault and must not stop the others. */
function call(handler, ...values) {
  try {
    handler?.(...values);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
