/** The protocol as a client by others sees it: the npm package `ws`, JSON, and nothing of this project. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import zlib from "node:zlib";
import { Broker } from "./broker.js";
import { Stream, assertTiles } from "./stream.js";

const FEED = "sim:?symbols=20&rate=2000&seed=1";
const CHANNELS = ["trades", "quotes", "ticker", "book10", "book", "status"];

let broker;
let symbols;

before(async () => {
  broker = await Broker.start(FEED);
  const listed = await (await fetch(`${broker.url}/v1/symbols`)).json();
  symbols = listed.symbols.map(({ symbol }) => symbol);
});

after(() => broker?.stop());

async function connected(work) {
  const stream = await Stream.open(broker.stream);
  try {
    await work(stream);
  } finally {
    stream.close();
  }
}

test("hello comes first, on the subprotocol that was asked for, or on none", async () => {
  await connected(async ({ frames: [hello], protocol }) => {
    assert.equal(hello.type, "hello");
    assert.equal(hello.protocol, 1);
    assert.ok(hello.limits.subscriptions > 0 && hello.limits.requests_per_s > 0 && hello.limits.message_bytes > 0);
    assert.equal(protocol, "tickcast.v1.json");
  });
  const plain = await Stream.open(broker.stream, []);
  assert.equal(plain.frames[0].type, "hello");
  plain.close();
});

test("a reply precedes the data that it grants, and names where it begins", () =>
  connected(async (stream) => {
    const { result } = await stream.ask("subscribe", { channel: "quotes", symbols: symbols.slice(0, 5) });
    assert.equal(result.subscribed.length, 5);
    const replyAt = stream.frames.findIndex(({ id }) => id !== undefined);
    assert.ok(stream.frames.slice(0, replyAt).every(({ seq }) => seq === undefined));
    for (const { symbol, epoch, seq } of result.subscribed) {
      const [first] = await stream.until(`data of ${symbol}`, () => some(stream.of("quotes", symbol)));
      if (seq === 0) assert.equal(first.seq[0], 1);
      else assert.deepEqual([first.type, first.seq[1], first.epoch], ["snapshot", seq, epoch]);
    }
  }));

for (const channel of ["trades", "quotes", "book10", "book"]) {
  for (const interval_ms of [0, 100]) {
    test(`${channel} tiles at an interval of ${interval_ms} ms, in strings of digits`, () =>
      connected(async (stream) => {
        const { result } = await stream.ask("subscribe", { channel, symbols: symbols.slice(0, 3), interval_ms });
        for (const { symbol, seq } of result.subscribed) {
          const frames = await stream.until(`ten updates of ${symbol}`, () => atLeast(11, stream.of(channel, symbol)));
          assertTiles(frames, seq);
          for (const frame of frames) assertDigits(frame);
        }
      }));
  }
}

test("a book followed level by level has the checksum of every update", () =>
  connected(async (stream) => {
    const [symbol] = symbols;
    await stream.ask("subscribe", { channel: "book", symbols: [symbol] });
    const frames = await stream.until("a hundred updates", () => atLeast(100, stream.of("book", symbol)));
    const sides = { bids: new Map(), asks: new Map() };
    for (const frame of frames.filter(({ bids }) => bids)) {
      for (const side of ["bids", "asks"]) {
        if (frame.type === "snapshot") sides[side].clear();
        for (const [price, size] of frame[side]) size === "0" ? sides[side].delete(price) : sides[side].set(price, size);
      }
      assert.equal(checksum(sides), frame.checksum, `at ${frame.seq}`);
    }
  }));

test("a wildcard covers every symbol", () =>
  connected(async (stream) => {
    const { result } = await stream.ask("subscribe", { channel: "status", symbols: ["*"] });
    const [entry] = result.subscribed;
    assert.deepEqual([entry.pattern, entry.matched], ["*", symbols.length]);
    await stream.until("each symbol's status", () => symbols.every((symbol) => stream.of("status", symbol).length > 0));
  }));

test("each channel that a symbol lists can be subscribed to, another cannot", () =>
  connected(async (stream) => {
    for (const channel of CHANNELS) {
      const { result } = await stream.ask("subscribe", { channel, symbols: [symbols[0]] });
      assert.equal(result.subscribed[0].channel, channel);
    }
    const { error } = await stream.ask("subscribe", { channel: "candles", symbols: [symbols[0]] });
    assert.equal(error.code, "unknown_channel");
  }));

test("nothing of a topic follows the reply to its unsubscribe", () =>
  connected(async (stream) => {
    const [symbol, other] = symbols;
    await stream.ask("subscribe", { channel: "quotes", symbols: [symbol, other] });
    await stream.until("some updates", () => atLeast(5, stream.of("quotes", symbol)));
    await stream.ask("unsubscribe", { channel: "quotes", symbols: [symbol] });
    const before = stream.of("quotes", symbol).length;
    const others = stream.of("quotes", other).length;
    await stream.until("updates of the other", () => atLeast(others + 20, stream.of("quotes", other)));
    assert.equal(stream.of("quotes", symbol).length, before);
  }));

test("a resume goes on after the last frame", async () => {
  const [symbol] = symbols;
  let resume;
  await connected(async (stream) => {
    const { result } = await stream.ask("subscribe", { channel: "trades", symbols: [symbol] });
    const frames = await stream.until("trades", () => atLeast(3, stream.of("trades", symbol)));
    resume = { symbol, epoch: result.subscribed[0].epoch, after: frames.at(-1).seq[1] };
  });
  await connected(async (stream) => {
    const { result } = await stream.ask("subscribe", { channel: "trades", symbols: [resume] });
    assert.deepEqual([result.subscribed[0].resumed, result.subscribed[0].seq], [true, resume.after]);
    const frames = await stream.until("trades", () => atLeast(3, stream.of("trades", symbol)));
    assert.ok(frames.every(({ type }) => type === "update"));
    assertTiles(frames, resume.after);
  });
});

test("wrong requests have clear errors and lose nothing", () =>
  connected(async (stream) => {
    const [symbol] = symbols;
    await stream.ask("subscribe", { channel: "quotes", symbols: [symbol] });
    stream.send("{\"id\":1,\"method\":");
    const refusal = await stream.until("an error", () => stream.frames.find(({ error }) => error));
    assert.equal(refusal.error.code, "bad_request");
    const { result } = await stream.ask("subscribe", { channel: "quotes", symbols: ["sim:NONE-SUCH", symbol] });
    assert.deepEqual(result.rejected.map(({ symbol, code }) => [symbol, code]), [["sim:NONE-SUCH", "unknown_symbol"]]);
    assert.equal((await stream.ask("dance")).error.code, "unknown_method");
    const had = stream.of("quotes", symbol).length;
    const frames = await stream.until("more quotes", () => atLeast(had + 10, stream.of("quotes", symbol)));
    assertTiles(frames);
  }));

test("a ping is answered, as a request and as a WebSocket frame", () =>
  connected(async (stream) => {
    const { result } = await stream.ask("ping");
    assert.ok(Math.abs(result.ts / 1000 - Date.now()) < 60_000, `ts ${result.ts} is in microseconds`);
    stream.ping();
    await stream.until("a pong", () => stream.pongs === 1);
  }));

test("SIGTERM: goaway, then close 1001", async () => {
  const doomed = await Broker.start(FEED);
  const stream = await Stream.open(doomed.stream);
  await stream.ask("subscribe", { channel: "quotes", symbols: ["*"] });
  await doomed.stop("SIGTERM");
  await stream.until("the close", () => stream.closed);
  assert.equal(stream.closed.code, 1001);
  const farewell = stream.frames.find(({ type }) => type === "goaway");
  assert.ok(farewell?.reconnect_in_ms >= 0, JSON.stringify(farewell));
});

function some(list) {
  return list.length > 0 && list;
}

function atLeast(count, list) {
  return list.length >= count && list;
}

/** Prices and sizes are strings of digits, wherever they stand. */
function assertDigits(frame) {
  const levels = [...(frame.bids ?? []), ...(frame.asks ?? [])].flat();
  const trades = (frame.trades ?? []).flatMap(({ price, size }) => [price, size]);
  const quote = ["bid", "bid_size", "ask", "ask_size"].map((name) => frame[name]).filter((value) => value !== undefined);
  for (const number of [...levels, ...trades, ...quote]) assert.match(number, /^-?\d+(\.\d+)?$/);
}

/** Ten best asks, then ten best bids: digits of price and size without point and leading zeros. */
function checksum({ bids, asks }) {
  const best = (side, order) => [...side].sort(([a], [b]) => (Number(a) - Number(b)) * order).slice(0, 10);
  const digits = [...best(asks, 1), ...best(bids, -1)].flat().map((number) => number.replace(".", "").replace(/^0+/, ""));
  return zlib.crc32(digits.join(""));
}
