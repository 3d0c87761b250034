/** The connection of client.js by itself: when it ends, comes back, and is dead. The other end is a fake socket, and time a mock. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Tickcast } from "../../broker/dashboard/client.js";
import { streamUrl } from "../../broker/dashboard/connection.js";
import { fakeSockets } from "./fake_socket.js";

let sockets;
let market;
let states;

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  sockets = fakeSockets();
  market = new Tickcast("http://broker:9000/", { WebSocket: sockets.WebSocket });
  states = [];
  market.addEventListener("state", ({ detail }) => states.push(detail));
});

afterEach(() => {
  market.close();
  mock.timers.reset();
  mock.restoreAll();
});

function connect() {
  sockets.last().hello();
  mock.timers.tick(1);
  return sockets.last();
}

test("the stream's URL follows from any URL of the broker", () => {
  assert.equal(streamUrl("http://h:9000/client.js"), "ws://h:9000/v1/stream");
  assert.equal(streamUrl("https://h/market/"), "wss://h/market/v1/stream");
  assert.equal(streamUrl("wss://h/v1/stream"), "wss://h/v1/stream");
  assert.equal(streamUrl("ws://h:1"), "ws://h:1/v1/stream");
  assert.throws(() => streamUrl("file:///client.js"), /expected the URL of a broker/);
});

test("goaway says when to come back", () => {
  const socket = connect();
  socket.say({ type: "goaway", reconnect_in_ms: 1500, reason: "shutdown" });
  socket.end(1001, "shutdown");
  assert.deepEqual(states.at(-1), { state: "closed", code: 1001, reason: "shutdown", retryInMs: 1500 });
  mock.timers.tick(1499);
  assert.equal(sockets.opened.length, 1);
  mock.timers.tick(1);
  assert.equal(sockets.opened.length, 2);
});

for (const code of [1001, 1006, 1011, 1012, 1013, 4000, 4008, 4012, 4499]) {
  test(`close code ${code} is followed by a reconnect`, () => {
    connect().end(code);
    assert.equal(market.state, "closed");
    mock.timers.tick(15_001);
    assert.equal(sockets.opened.length, 2);
  });
}

for (const code of [1002, 1003, 1007, 1008, 1009, 4500, 4501, 4503, 4505, 4999]) {
  test(`close code ${code} is final`, () => {
    connect().end(code);
    assert.equal(market.state, "failed");
    mock.timers.tick(60_000);
    assert.equal(sockets.opened.length, 1);
  });
}

test("attempts that fail back off, with jitter, up to 15 s; a steady connection begins anew", () => {
  mock.method(Math, "random", () => 1);
  const waits = [];
  for (let n = 0; n < 8; n += 1) {
    sockets.last().end(1006);
    waits.push(states.at(-1).retryInMs);
    mock.timers.tick(waits.at(-1));
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
  connect();
  mock.timers.tick(10_000);
  sockets.last().end(1006);
  assert.equal(states.at(-1).retryInMs, 250);
  mock.method(Math, "random", () => 0.5);
  mock.timers.tick(250);
  sockets.last().end(1006);
  assert.equal(states.at(-1).retryInMs, 250);
});

test("three heartbeats of silence are a dead connection", () => {
  const socket = connect();
  mock.timers.tick(9_000);
  socket.say({ type: "heartbeat", ts: 1 });
  mock.timers.tick(14_000);
  assert.equal(market.state, "open");
  mock.timers.tick(10_000);
  assert.equal(socket.closedWith, "none");
  assert.ok(states.some(({ state, reason }) => state === "closed" && reason === "no heartbeat"));
});

test("ping tells the round trip, and rejects when the connection is lost", async () => {
  const socket = connect();
  const answered = market.ping();
  const [{ id, method }] = socket.requests();
  assert.equal(method, "ping");
  socket.say({ id, result: { ts: 1 } });
  assert.ok((await answered) >= 0);
  const lost = market.ping();
  socket.end(1006);
  await assert.rejects(lost, /lost/);
  await assert.rejects(market.ping(), /closed/);
});

test("close is for good", () => {
  const socket = connect();
  market.close();
  assert.equal(socket.closedWith, 1000);
  mock.timers.tick(60_000);
  assert.equal(sockets.opened.length, 1);
  assert.equal(market.state, "closed");
});
