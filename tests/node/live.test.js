/** client.js in Node, with the package `ws` as its WebSocket, against a broker that is ended and started again. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Tickcast } from "../../broker/dashboard/client.js";
import { Broker, until } from "./broker.js";

let broker;
let symbols;

before(async () => {
  broker = await Broker.start("sim:?symbols=20&rate=2000&seed=1");
  const listed = await (await fetch(`${broker.url}/v1/symbols`)).json();
  symbols = listed.symbols.map(({ symbol }) => symbol);
});

after(() => broker?.stop());

/** Follows topics and counts what comes of each, by type. */
class Follower {
  states = [];
  counts = new Map();
  breaks = [];

  constructor(url) {
    this.market = new Tickcast(url, { WebSocket });
    this.market.addEventListener("state", ({ detail }) => this.states.push(detail));
  }

  follow(channel, symbols, options) {
    return this.market.subscribe(channel, symbols, (topic, frame) => this.#count(topic, frame), options);
  }

  count(channel, symbol, type) {
    return this.counts.get(`${channel} ${symbol} ${type}`) ?? 0;
  }

  /** Waits for `more` updates of each of these topics. */
  async moves(channel, symbols, more = 5) {
    const from = symbols.map((symbol) => this.count(channel, symbol, "update"));
    const moved = (symbol, n) => this.count(channel, symbol, "update") >= from[n] + more;
    await until(`${channel} moves`, () => symbols.every(moved), 20_000);
  }

  #count({ channel, symbol }, { type, message }) {
    const key = `${channel} ${symbol} ${type}`;
    this.counts.set(key, (this.counts.get(key) ?? 0) + 1);
    if (type === "break") this.breaks.push(`${channel} ${symbol}: ${message}`);
  }
}

async function following(work) {
  const follower = new Follower(broker.url);
  try {
    await work(follower);
    assert.deepEqual(follower.breaks, []);
  } finally {
    follower.market.close();
  }
}

test("every channel streams without a break, books by their checksums", () =>
  following(async (follower) => {
    for (const channel of ["trades", "quotes", "ticker", "status"]) follower.follow(channel, symbols);
    for (const channel of ["book", "book10"]) follower.follow(channel, symbols, { verify: true });
    for (const channel of ["trades", "quotes", "book10", "book"]) await follower.moves(channel, symbols);
  }));

test("a merged book holds its checksums", () =>
  following(async (follower) => {
    follower.follow("book", "sim:*", { verify: true, intervalMs: 100 });
    await follower.moves("book", symbols, 10);
  }));

test("an interval that changes, and topics that come and go, break nothing", () =>
  following(async (follower) => {
    const slow = follower.follow("book", symbols, { verify: true, intervalMs: 250 });
    await follower.moves("book", symbols, 2);
    const fast = follower.follow("book", symbols.slice(0, 5), { verify: true });
    await follower.moves("book", symbols.slice(0, 5), 20);
    slow.unsubscribe();
    follower.follow("book", symbols.slice(3, 8), { verify: true, intervalMs: 50 });
    fast.unsubscribe();
    await follower.moves("book", symbols.slice(3, 8), 5);
    const ended = follower.count("book", symbols[0], "update");
    await follower.moves("book", symbols.slice(3, 8), 5);
    assert.ok(follower.count("book", symbols[0], "update") - ended <= 20, "what is not wanted ends");
  }));

for (const [signal, code] of [["SIGKILL", 1006], ["SIGTERM", 1001]]) {
  test(`after ${signal} and a restart it reconnects and subscribes again`, () =>
    following(async (follower) => {
      const named = symbols.slice(0, 5);
      follower.follow("quotes", named);
      follower.follow("book", named, { verify: true });
      follower.follow("ticker", "*");
      await follower.moves("book", named);
      await broker.stop(signal);
      const closed = await until("it is closed", () => follower.states.find(({ state }) => state === "closed"));
      assert.equal(closed.code, code);
      await broker.start();
      const before = follower.count("book", named[0], "subscribed");
      await follower.moves("quotes", named);
      await follower.moves("book", named);
      assert.equal(follower.market.state, "open");
      assert.ok(follower.count("book", named[0], "subscribed") >= 2, `${before} before`);
    }));
}

test("a client that only lost its connection resumes", () =>
  following(async (follower) => {
    const sockets = [];
    class Tapped extends WebSocket {
      constructor(...values) {
        super(...values);
        sockets.push(this);
      }
    }
    const resumed = [];
    const market = new Tickcast(broker.url, { WebSocket: Tapped });
    market.subscribe("book", symbols, (topic, frame) => {
      if (frame.type === "subscribed") resumed.push(frame.resumed);
      if (frame.type === "break") follower.breaks.push(frame.message);
      if (frame.type === "update") follower.counts.set(topic.symbol, (follower.counts.get(topic.symbol) ?? 0) + 1);
    }, { verify: true });
    await until("books move", () => symbols.every((symbol) => follower.counts.get(symbol) > 2));
    sockets[0].terminate();
    follower.counts.clear();
    await until("books move again", () => symbols.every((symbol) => follower.counts.get(symbol) > 2));
    market.close();
    assert.equal(resumed.length, 2 * symbols.length);
    assert.ok(resumed.slice(symbols.length).every((value) => value === true), `${resumed}`);
  }));
