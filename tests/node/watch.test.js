/** What the page shows of a symbol at a glance, from topics that the test makes. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Topic } from "../../broker/dashboard/client.js";
import { Watch } from "../../broker/dashboard/watch.js";

const ALL = ["trades", "quotes", "ticker", "book", "status"];

beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
afterEach(() => mock.timers.reset());

/** A market whose topics the test fills. */
class FakeMarket {
  state = "open";
  handlers = new Map();

  subscribe(channel, symbol, handler) {
    this.handlers.set(channel, handler);
    return { unsubscribe: () => this.handlers.delete(channel) };
  }

  tell(channel, fields) {
    const topic = new Topic(channel, "x:A");
    topic.apply({ type: "snapshot", channel, symbol: "x:A", seq: [1, 1], epoch: "e", state: "live", ...fields }, false);
    this.handlers.get(channel)(topic, {});
    return topic;
  }
}

function watching(channels) {
  const market = new FakeMarket();
  return { market, watch: new Watch(market, { symbol: "x:A", channels, state: "live" }, () => {}) };
}

test("the change is the venue's own if it gives one", () => {
  const { market, watch } = watching(ALL);
  market.tell("ticker", { last: "110", open: "100", change_pct: "9.876" });
  assert.equal(watch.summary().change, "9.88");
});

test("else it follows exactly from last and open", () => {
  const { market, watch } = watching(ALL);
  market.tell("ticker", { last: "0.30000000000000004", open: "0.1" });
  assert.equal(watch.summary().change, "200.00");
});

test("without an open there is none", () => {
  const { market, watch } = watching(ALL);
  market.tell("ticker", { last: "5" });
  assert.deepEqual([watch.summary().last, watch.summary().change], ["5", undefined]);
});

test("where there is no ticker the last trade tells the last price", () => {
  const { market, watch } = watching(["trades", "quotes", "status"]);
  market.tell("trades", { trades: [{ price: "1.10" }, { price: "1.20" }] });
  assert.deepEqual([watch.summary().last, watch.summary().change], ["1.20", undefined]);
});

test("a ticker that stays silent is helped out by the trades, one that speaks is not", () => {
  const silent = watching(ALL);
  const speaking = watching(ALL);
  speaking.market.tell("ticker", { last: "1" });
  mock.timers.tick(1500);
  assert.ok(silent.market.handlers.has("trades"));
  assert.ok(!speaking.market.handlers.has("trades"));
});

test("the state is the symbol's, and never live when this page cannot know", () => {
  const { market, watch } = watching(ALL);
  market.tell("status", { state: "halted", reason: "auction" });
  const quotes = market.tell("quotes", { bid: "1", ask: "2" });
  assert.deepEqual([watch.summary().state, watch.summary().reason], ["halted", "auction"]);
  quotes.apply({ type: "update", seq: [9, 9] }, false);
  assert.equal(watch.summary().state, "resyncing");
  market.state = "connecting";
  assert.equal(watch.summary().state, "offline");
});

test("stop ends every subscription", () => {
  const { market, watch } = watching(ALL);
  watch.stop();
  mock.timers.tick(1500);
  assert.equal(market.handlers.size, 0);
});
