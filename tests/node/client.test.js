/** client.js by itself: the other end is a fake socket, and time a mock. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Tickcast } from "../../broker/dashboard/client.js";
import { fakeSockets } from "./fake_socket.js";

let sockets;
let market;
let seen;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  sockets = fakeSockets();
  market = new Tickcast("http://broker:9000/", { WebSocket: sockets.WebSocket });
  seen = [];
});

afterEach(() => {
  market.close();
  mock.timers.reset();
  mock.restoreAll();
});

const handler = (topic, frame) => seen.push([topic.symbol, frame.type]);
const types = () => seen.splice(0).map(([, type]) => type);

function connect(limits) {
  sockets.last().hello(limits);
  mock.timers.tick(1);
  return sockets.last();
}

function reconnect() {
  mock.timers.tick(15_001);
  return connect();
}

/** Subscribes to one symbol, has it granted at `seq`, and returns the socket. */
function following(channel, seq, options) {
  market.subscribe(channel, "sim:A", handler, options);
  const socket = connect();
  const [request] = socket.requests();
  socket.grant(request, seq);
  return socket;
}

/** What was asked, in short: method, interval, symbols. */
function asked(socket) {
  return socket.requests().map(({ method, params }) => [method, params.interval_ms, ...params.symbols.map((s) => s.symbol ?? s)]);
}

const quote = (type, seq, bid) => ({ type, channel: "quotes", symbol: "sim:A", seq, epoch: "e-1", bid, ask: "9" });
const book = (type, seq, bids, asks, more) => ({ type, channel: "book", symbol: "sim:A", seq, bids, asks, ...more });
const trade = (id) => ({ id: String(id), ts: id, price: "1.0", size: "2", side: "buy" });

test("many subscriptions become one request for each set of options", () => {
  market.subscribe("quotes", ["sim:A", "sim:B"], handler, { intervalMs: 250 });
  market.subscribe("quotes", "sim:C", handler, { intervalMs: 250 });
  market.subscribe("trades", "sim:*", handler, { onSlow: "disconnect" });
  const socket = connect();
  const params = socket.requests().map(({ method, params }) => [method, params]);
  assert.deepEqual(params, [
    ["subscribe", { channel: "quotes", interval_ms: 250, on_slow: "conflate", symbols: ["sim:A", "sim:B", "sim:C"] }],
    ["subscribe", { channel: "trades", interval_ms: 0, on_slow: "disconnect", symbols: ["sim:*"] }],
  ]);
  assert.equal(socket.protocol, "tickcast.v1.json");
});

test("a request stays within the broker's message size, requests within its rate", () => {
  market.subscribe("quotes", Array.from({ length: 7 }, (_, n) => `sim:S${n}`), handler);
  const socket = connect({ message_bytes: 1024, requests_per_s: 6 });
  assert.deepEqual(socket.requests().map(({ params }) => params.symbols.length), [2, 2, 2]);
  mock.timers.tick(999);
  assert.equal(socket.requests().length, 0);
  mock.timers.tick(1);
  assert.deepEqual(socket.requests().map(({ params }) => params.symbols), [["sim:S6"]]);
});

test("values stay the venue's own digits", () => {
  const values = [];
  market.subscribe("quotes", "sim:A", ({ data }) => data && values.push(data.bid));
  const socket = connect();
  socket.grant(socket.requests()[0], 7);
  socket.say(quote("snapshot", [7, 7], "63501.60"), quote("update", [8, 8], "63501.70"));
  assert.deepEqual(values, ["63501.60", "63501.70"]);
});

test("a hole in the sequence is a break: named, and a snapshot asked for", () => {
  const socket = following("quotes", 7);
  socket.say(quote("snapshot", [7, 7], "1"), quote("update", [9, 9], "3"), quote("update", [10, 10], "4"));
  assert.deepEqual(types(), ["subscribed", "snapshot", "break"]);
  mock.timers.tick(1);
  const [{ params }] = socket.requests();
  assert.deepEqual([params.symbols, params.snapshot], [["sim:A"], true]);
  socket.say(quote("snapshot", [12, 12], "6"), quote("update", [13, 13], "7"));
  assert.deepEqual(types(), ["snapshot", "update"]);
});

test("a topic that keeps breaking is asked for once a second, not as fast as it can", () => {
  const socket = following("book", 1, { verify: true });
  const wrong = book("snapshot", [1, 1], [["1", "1"]], [], { checksum: 1 });
  socket.say(wrong);
  mock.timers.tick(1);
  assert.equal(socket.requests().length, 1);
  socket.say(wrong);
  mock.timers.tick(998);
  assert.equal(socket.requests().length, 0);
  mock.timers.tick(2);
  assert.equal(socket.requests().length, 1);
});

test("conflated, gap and state frames tile as data does", () => {
  const socket = following("quotes", 1);
  const notice = (type, seq, more) => ({ type, channel: "quotes", symbol: "sim:A", seq, ...more });
  socket.say(
    quote("snapshot", [1, 1], "1"),
    notice("conflated", [2, 5]),
    notice("state", [6, 6], { state: "stale", reason: "silence", since: 5 }),
    quote("update", [7, 9], "2"),
  );
  assert.deepEqual(types(), ["subscribed", "snapshot", "conflated", "state", "update"]);
});

test("adaptive is asked for where all subscriptions want it, and another tier is told in its place", () => {
  market.subscribe("quotes", "sim:A", handler, { adaptive: true });
  market.subscribe("trades", "sim:A", handler, { adaptive: true });
  market.subscribe("trades", "sim:A", handler);
  const socket = connect();
  const requests = socket.requests();
  assert.deepEqual(requests.map(({ params }) => [params.channel, params.adaptive]), [["quotes", true], ["trades", undefined]]);
  const paces = [];
  market.subscribe("quotes", "sim:A", (topic, frame) => paces.push([frame.type, topic.intervalMs]), { adaptive: true });
  socket.grant(requests[0], 1);
  const tier = (after, interval_ms, reason) => ({
    ...{ type: "tier", channel: "quotes", symbol: "sim:A", after },
    ...{ interval_ms, requested_interval_ms: 0, reason },
  });
  socket.say(quote("snapshot", [1, 1], "1"), tier(1, 50, "slow_consumer"), quote("update", [2, 9], "2"));
  socket.say(tier(9, 0, "keeps_up"), quote("update", [10, 10], "3"));
  const told = [["snapshot", 0], ["tier", 50], ["update", 50], ["tier", 0], ["update", 0]];
  assert.deepEqual(paces.filter(([type]) => type !== "subscribed"), told);
  socket.say(tier(12, 50, "slow_consumer"));
  assert.equal(paces.at(-1)[0], "break", "what was sent before it is missing");
});

test("frames and fields of unknown kinds are ignored", () => {
  const socket = following("quotes", 1);
  socket.say({ type: "advert", channel: "quotes", symbol: "sim:A", text: "x" }, { type: "heartbeat", ts: 1 });
  for (const data of ["", "{", "null", "7", "[]", "{\"type\":\"update\"}"]) socket.onmessage({ data });
  socket.say({ ...quote("snapshot", [1, 1], "1"), colour: "red" });
  assert.deepEqual(types(), ["subscribed", "snapshot"]);
});

test("a topic without data begins at 1 without a snapshot", () => {
  const socket = following("book", 0);
  socket.say(book("update", [1, 1], [["1", "5"]], []));
  assert.deepEqual(types(), ["subscribed", "update"]);
});

test("a book merges levels, orders them by value and deletes with zero", () => {
  let levels;
  market.subscribe("book", "sim:A", ({ data }) => (levels = data && structuredClone({ ...data })));
  const socket = connect();
  socket.grant(socket.requests()[0], 3);
  socket.say(
    book("snapshot", [3, 3], [["100.0", "1"], ["99.5", "2"]], [["100.5", "3"]]),
    book("update", [4, 6], [["99.50", "0"], ["99.75", "4"], ["9.9", "5"], ["77", "0"]], [["100.25", "6"], ["1000", "7"]]),
  );
  assert.deepEqual(levels, {
    bids: [["100.0", "1"], ["99.75", "4"], ["9.9", "5"]],
    asks: [["100.25", "6"], ["100.5", "3"], ["1000", "7"]],
  });
});

test("a book whose checksum fails is asked for anew", () => {
  const socket = following("book", 1, { verify: true });
  // The CRC-32 of "500550050105005000500", which Kraken's rule makes of these levels.
  const asks = [["0.05005", "0.00000500"], ["0.05010", "0.00000500"]];
  socket.say(book("snapshot", [1, 1], [["0.05000", "0.00000500"]], asks, { checksum: 1_725_113_685 }));
  assert.deepEqual(types(), ["subscribed", "snapshot"]);
  socket.say(book("update", [2, 2], [["0.05000", "0.00000600"]], [], { checksum: 1_725_113_685 }));
  assert.deepEqual(types(), ["break"]);
  mock.timers.tick(1);
  assert.equal(socket.requests()[0].params.snapshot, true);
});

test("a book with a hole is void until its snapshot", () => {
  const socket = following("book", 1);
  const conflated = { type: "conflated", channel: "book", symbol: "sim:A", seq: [2, 4] };
  socket.say(book("snapshot", [1, 1], [["1", "1"]], []), conflated, book("snapshot", [9, 9], [["2", "1"]], []));
  assert.deepEqual(types(), ["subscribed", "snapshot", "conflated", "snapshot"]);
  socket.say({ ...conflated, seq: [10, 11] }, book("update", [12, 12], [["3", "1"]], []));
  assert.deepEqual(types(), ["conflated", "break"]);
});

test("a reconnect resumes where the stream stopped", () => {
  following("quotes", 7).say(quote("snapshot", [7, 7], "1"), quote("update", [8, 8], "2"));
  types();
  sockets.last().end(1006);
  const socket = reconnect();
  const [request] = socket.requests();
  assert.deepEqual(request.params.symbols, [{ symbol: "sim:A", epoch: "e-1", after: 8 }]);
  socket.grant(request, 8, { resumed: true });
  socket.say(quote("update", [9, 9], "3"));
  assert.deepEqual(types(), ["subscribed", "update"]);
});

test("a resume that fails begins with a snapshot", () => {
  following("quotes", 7).say(quote("snapshot", [7, 7], "1"));
  types();
  sockets.last().end(1006);
  const socket = reconnect();
  socket.grant(socket.requests()[0], 400, { resumed: false, epoch: "e-2" });
  socket.say(quote("snapshot", [400, 400], "5"), quote("update", [401, 401], "6"));
  assert.deepEqual(types(), ["subscribed", "snapshot", "update"]);
});

test("trades that a resume lost are counted, and the log follows", () => {
  const trades = (type, seq, list) => ({ type, channel: "trades", symbol: "sim:A", seq, trades: list });
  following("trades", 50).say(trades("snapshot", [50, 50], [trade(50)]));
  types();
  sockets.last().end(1006);
  const socket = reconnect();
  const gap = { type: "gap", channel: "trades", symbol: "sim:A", seq: [51, 90], lost: 40, reason: "slow_consumer" };
  socket.grant(socket.requests()[0], 90, { resumed: false });
  socket.say(gap, trades("update", [91, 92], [trade(91), trade(92)]));
  assert.deepEqual(types(), ["subscribed", "gap", "update"]);
});

test("of trades the last fifty are kept", () => {
  let kept;
  market.subscribe("trades", "sim:A", ({ data }) => (kept = data?.trades.map(({ id }) => Number(id))));
  const socket = connect();
  socket.grant(socket.requests()[0], 0);
  const frame = (n) => ({ type: "update", channel: "trades", symbol: "sim:A", seq: [n, n], trades: [trade(n)] });
  socket.say(...Array.from({ length: 60 }, (_, n) => frame(n + 1)));
  assert.deepEqual([kept.length, kept[0], kept.at(-1)], [50, 11, 60]);
});

test("a pattern's topics are announced by their first frame", () => {
  market.subscribe("quotes", "sim:*", handler);
  const socket = connect();
  socket.grant(socket.requests()[0]);
  socket.say(quote("snapshot", [7, 7], "1"), { ...quote("update", [1, 1], "2"), symbol: "sim:B" });
  assert.deepEqual(seen, [["sim:A", "subscribed"], ["sim:A", "snapshot"], ["sim:B", "subscribed"], ["sim:B", "update"]]);
});

test("after a reconnect a pattern's topics are known again when the broker tells of them", () => {
  const told = [];
  market.subscribe("quotes", "sim:*", ({ symbol, state, data }, { type }) => told.push([symbol, type, state, data?.bid]));
  const first = connect();
  first.grant(first.requests()[0]);
  const live = (symbol, bid) => ({ ...quote("snapshot", [7, 7], bid), symbol, state: "live" });
  first.say(live("sim:A", "1"), live("sim:B", "2"));
  told.length = 0;
  first.end(1001);
  const second = reconnect();
  const [request] = second.requests();
  assert.deepEqual(request.params.symbols, ["sim:*"]);
  second.grant(request);
  // Of sim:B the broker that is there now has no data.
  second.say(live("sim:A", "3"));
  assert.deepEqual(told, [
    ["sim:A", "subscribed", undefined, undefined],
    ["sim:B", "subscribed", undefined, undefined],
    ["sim:A", "snapshot", "live", "3"],
  ]);
  second.say({ ...quote("update", [1, 1], "4"), symbol: "sim:B" });
  assert.deepEqual(told.at(-1), ["sim:B", "update", undefined, "4"]);
});

test("a pattern's grant leaves what was resumed by its name", () => {
  const told = [];
  market.subscribe("quotes", "sim:A", handler);
  const first = connect();
  first.grant(first.requests()[0], 7);
  first.say(quote("snapshot", [7, 7], "1"));
  market.subscribe("quotes", "sim:*", (topic, { type }) => told.push([type, topic.data?.bid]), { intervalMs: 50 });
  mock.timers.tick(1);
  first.requests().forEach((request) => first.grant(request, 7));
  first.end(1006);
  const second = reconnect();
  second.requests().forEach((request) => second.grant(request, 7, { resumed: true }));
  told.length = 0;
  second.say(quote("update", [8, 8], "2"));
  assert.deepEqual(told, [["update", "2"]]);
});

test("what the broker no longer has is not live any more", () => {
  let topic;
  const errors = [];
  market.subscribe("quotes", "sim:A", (told) => (topic = told), { onError: ({ code }) => errors.push(code) });
  const first = connect();
  first.grant(first.requests()[0], 7);
  first.say({ ...quote("snapshot", [7, 7], "1"), state: "live" });
  assert.equal(topic.state, "live");
  first.end(1001);
  const second = reconnect();
  const rejected = [{ symbol: "sim:A", code: "unknown_symbol", message: "no symbol `sim:A`" }];
  second.say({ id: second.requests()[0].id, result: { subscribed: [], rejected } });
  assert.deepEqual([topic.state, topic.data, errors], [undefined, null, ["unknown_symbol"]]);
});

test("a second subscription to a topic starts from what is known and asks nothing", async () => {
  const socket = following("quotes", 7);
  socket.say(quote("snapshot", [7, 7], "1.50"));
  const late = [];
  const second = market.subscribe("quotes", "sim:A", ({ data }, { type }) => late.push([type, data.bid]));
  mock.timers.tick(1);
  await Promise.resolve();
  assert.deepEqual(late, [["snapshot", "1.50"]]);
  second.unsubscribe();
  mock.timers.tick(1);
  assert.deepEqual(socket.requests(), []);
});

test("the shortest interval of a topic's subscriptions is asked for, without a resume of what is held", () => {
  const socket = following("quotes", 7, { intervalMs: 250 });
  socket.say(quote("snapshot", [7, 7], "1"));
  const fast = market.subscribe("quotes", "sim:A", handler, { intervalMs: 50 });
  mock.timers.tick(1);
  assert.deepEqual(asked(socket), [["subscribe", 50, "sim:A"]]);
  fast.unsubscribe();
  mock.timers.tick(1);
  const [{ params }] = socket.requests();
  assert.deepEqual([params.interval_ms, params.symbols], [250, ["sim:A"]]);
});

test("what a pattern covers too is asked for after it, at the shortest interval of both", () => {
  market.subscribe("quotes", "sim:A", handler, { intervalMs: 50 });
  const socket = connect();
  assert.deepEqual(asked(socket), [["subscribe", 50, "sim:A"]]);
  const pattern = market.subscribe("quotes", "sim:*", handler, { intervalMs: 250 });
  mock.timers.tick(1);
  mock.timers.tick(1);
  assert.deepEqual(asked(socket), [["subscribe", 250, "sim:*"], ["subscribe", 50, "sim:A"]]);
  pattern.unsubscribe();
  market.subscribe("quotes", "*", handler);
  mock.timers.tick(1);
  mock.timers.tick(1);
  assert.deepEqual(asked(socket), [
    ["unsubscribe", undefined, "sim:*"],
    ["subscribe", 0, "sim:A", "*"],
    ["subscribe", 0, "sim:A"],
  ]);
});

test("a pattern's end leaves the symbols that are wanted by name, and they go on", () => {
  const pattern = market.subscribe("quotes", "sim:*", handler);
  market.subscribe("quotes", "sim:A", handler);
  const socket = connect();
  mock.timers.tick(1);
  for (const request of socket.requests()) socket.grant(request, 7);
  socket.say(quote("snapshot", [7, 7], "1"));
  pattern.unsubscribe();
  mock.timers.tick(1);
  socket.say(quote("update", [8, 8], "2"));
  mock.timers.tick(1);
  const [end, again] = socket.requests();
  assert.equal(end.method, "unsubscribe");
  assert.deepEqual([again.method, again.params.symbols], ["subscribe", ["sim:A"]]);
  socket.grant(again, 8);
  socket.say(quote("update", [9, 9], "3"));
  assert.deepEqual(types(), ["subscribed", "subscribed", "snapshot", "snapshot", "update", "update"]);
});

test("a symbol's end leaves it to the pattern that covers it", () => {
  const pattern = market.subscribe("quotes", "sim:*", handler, { intervalMs: 250 });
  const named = market.subscribe("quotes", "sim:A", handler, { intervalMs: 50 });
  const socket = connect();
  mock.timers.tick(1);
  for (const request of socket.requests()) socket.grant(request, 7);
  socket.say(quote("snapshot", [7, 7], "1"));
  named.unsubscribe();
  mock.timers.tick(1);
  assert.deepEqual(asked(socket), [["subscribe", 250, "sim:A"]]);
  types();
  socket.say(quote("update", [8, 8], "2"));
  assert.deepEqual(types(), ["update"]);
  pattern.unsubscribe();
  mock.timers.tick(1);
  assert.deepEqual(asked(socket), [["unsubscribe", undefined, "sim:*", "sim:A"]], "the broker holds its name still");
});

test("the last unsubscribe ends the topic, and what still arrives of it is dropped", () => {
  const held = market.subscribe("quotes", "sim:A", handler);
  const socket = connect();
  socket.grant(socket.requests()[0], 7);
  socket.say(quote("snapshot", [7, 7], "1"));
  held.unsubscribe();
  mock.timers.tick(1);
  const [{ method, params }] = socket.requests();
  assert.deepEqual([method, params], ["unsubscribe", { channel: "quotes", symbols: ["sim:A"] }]);
  types();
  market.subscribe("quotes", "sim:A", handler);
  mock.timers.tick(1);
  socket.say(quote("update", [8, 8], "2"));
  assert.deepEqual(types(), []);
  socket.grant(socket.requests()[0], 9);
  socket.say(quote("snapshot", [9, 9], "2"));
  assert.deepEqual(types(), ["subscribed", "snapshot"]);
});

test("a refused symbol is told to its subscription, the others go on", () => {
  const errors = [];
  market.subscribe("quotes", ["sim:A", "sim:NO"], handler, { onError: ({ symbol, code }) => errors.push([symbol, code]) });
  const socket = connect();
  const [{ id }] = socket.requests();
  const subscribed = [{ channel: "quotes", symbol: "sim:A", epoch: "e-1", seq: 0, interval_ms: 0, state: "live" }];
  socket.say({ id, result: { subscribed, rejected: [{ symbol: "sim:NO", code: "unknown_symbol", message: "no" }] } });
  assert.deepEqual(errors, [["sim:NO", "unknown_symbol"]]);
  assert.deepEqual(types(), ["subscribed"]);
});

test("what a pattern leaves out is told to its subscriptions, the others go on", () => {
  const [told, other] = [[], []];
  market.subscribe("quotes", "sim:*", handler, { onError: (error) => told.push(error) });
  market.subscribe("quotes", "kraken:*", handler, { onError: (error) => other.push(error) });
  const socket = connect();
  socket.requests();
  const left = { symbol: "sim:NEW", pattern: "sim:*", code: "limit_exceeded", message: "at most 2 subscriptions" };
  socket.say({ type: "rejected", channel: "quotes", ...left });
  socket.say({ type: "rejected", channel: "trades", ...left });
  assert.deepEqual([told, other, types()], [[left], [], []]);
});

test("a request that may succeed later is sent again", () => {
  market.subscribe("quotes", "sim:A", handler);
  const socket = connect();
  const [{ id }] = socket.requests();
  socket.say({ id, error: { code: "rate_limited", message: "slower", retryable: true } });
  mock.timers.tick(999);
  assert.equal(socket.requests().length, 0);
  mock.timers.tick(1);
  assert.deepEqual(socket.requests()[0].params.symbols, ["sim:A"]);
});
