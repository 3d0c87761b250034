/** A client that only follows the protocol, on the npm package `ws`; it shares nothing with client.js. */
import assert from "node:assert/strict";
import WebSocket from "ws";
import { until } from "./broker.js";

export class Stream {
  frames = [];
  closed = null;
  pongs = 0;
  #socket;
  #lastId = 0;

  /** Connects, and waits for `hello`. */
  static async open(url, protocols = ["tickcast.v1.json"]) {
    const stream = new Stream();
    const socket = new WebSocket(url, protocols);
    stream.#socket = socket;
    socket.on("message", (data, isBinary) => {
      assert.equal(isBinary, false);
      stream.frames.push(JSON.parse(data.toString()));
    });
    socket.on("close", (code, reason) => (stream.closed = { code, reason: reason.toString() }));
    socket.on("pong", () => (stream.pongs += 1));
    socket.on("error", () => {}); // a close follows
    await stream.until("hello", () => stream.frames.length > 0);
    return stream;
  }

  get protocol() {
    return this.#socket.protocol;
  }

  /** Sends a request and returns its reply. */
  async ask(method, params) {
    const id = ++this.#lastId;
    this.send(JSON.stringify({ id, method, params }));
    return this.until(`a reply to ${method}`, () => this.frames.find((frame) => frame.id === id));
  }

  send(text) {
    this.#socket.send(text);
  }

  ping() {
    this.#socket.ping();
  }

  close() {
    this.#socket.close();
  }

  /** The frames of one topic so far. */
  of(channel, symbol) {
    return this.frames.filter((frame) => frame.channel === channel && frame.symbol === symbol);
  }

  until(what, condition, timeoutMs) {
    return until(what, condition, timeoutMs);
  }
}

/** Every frame begins where the one before it ended, or is a snapshot; `after` is where the first one goes on. */
export function assertTiles(frames, after) {
  let last = after;
  for (const { type, seq, symbol, channel } of frames) {
    assert.ok(seq[0] <= seq[1] || type === "snapshot", `${channel} ${symbol}: ${type} ${seq}`);
    if (type !== "snapshot") assert.equal(seq[0], last + 1, `${channel} ${symbol}: ${type} ${seq} after ${last}`);
    last = seq[1];
  }
}
