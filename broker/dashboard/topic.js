/** What a client knows of one topic, and the proof that it is whole. No I/O. */

import { compareDecimals, isZero } from "./decimal.js";

const TRADES_KEPT = 50;
const CHECKSUM_LEVELS = 10;
const DATA_TYPES = new Set(["snapshot", "update", "conflated", "gap", "state"]);

/** Whether a frame is one that a topic is made of; a client ignores types that it does not know. */
export function isTopicFrame(frame) {
  return (DATA_TYPES.has(frame.type) && Array.isArray(frame.seq)) || (frame.type === "tier" && frame.after !== undefined);
}

/** One channel of one symbol. Its fields are for reading. */
export class Topic {
  /** @type {string} */
  channel;
  /** @type {string} */
  symbol;
  /** The name of the topic's present life. @type {string|undefined} */
  epoch;
  /** The last sequence number applied; 0: no data yet; null: not whole, until the next snapshot. @type {number|null} */
  seq = 0;
  /** `live`, `stale`, `resyncing` or `halted`, and why, and since when. @type {string|undefined} */
  state;
  /** @type {string|undefined} */
  reason;
  /** In microseconds since the Unix epoch. @type {number|undefined} */
  since;
  /** The interval at which it comes, by what the broker last said; 0: every update. @type {number|undefined} */
  intervalMs;
  /**
   * The present value, or null: a frame's own fields for `quotes`, `ticker`, `book10` and `status`; `{trades}`, the last
   * 50, oldest first; for `book` a {@link Book}.
   */
  data = null;
  #skipped = false;

  constructor(channel, symbol) {
    this.channel = channel;
    this.symbol = symbol;
  }

  /** Where a new connection goes on, or undefined if it has to begin anew. */
  resumption() {
    if (!this.epoch || !this.seq) return undefined;
    return { symbol: this.symbol, epoch: this.epoch, after: this.seq };
  }

  /** Nothing is known any more: neither data nor a state. */
  forget() {
    Object.assign(this, { epoch: undefined, seq: 0, state: undefined, reason: undefined, since: undefined, data: null });
    this.#skipped = false;
  }

  /** The broker has subscribed us. Without a resume, a snapshot follows; for trades, where the log begins. */
  grant({ epoch, seq, state, resumed }) {
    this.state = state ?? this.state;
    if (resumed) return;
    const goesOn = this.channel === "trades" && resumed === false && epoch === this.epoch;
    if (!goesOn) {
      this.data = null;
      this.seq = seq === 0 || this.channel === "trades" ? 0 : null;
    }
    this.epoch = epoch;
    this.#skipped = false;
  }

  /**
   * Applies a frame.
   * @returns {"applied" | "ignored" | {message: string}} the last if the stream is broken: a snapshot is needed
   */
  apply(frame, verify) {
    if (frame.type === "tier") return this.#move(frame);
    const [first, last] = frame.seq;
    if (frame.type !== "snapshot") {
      if (this.seq === null) return "ignored";
      if (first !== this.seq + 1) return this.#break(`expected seq ${this.seq + 1}, got ${first}`);
      if (frame.type === "update" && this.#skipped) return this.#break("an update after a hole in the book");
    }
    this.seq = last;
    this.#take(frame);
    if (verify && frame.checksum !== undefined && bookChecksum(this.data) !== frame.checksum) {
      return this.#break(`the book's checksum is ${bookChecksum(this.data)}, not ${frame.checksum}`);
    }
    return "applied";
  }

  /** What is known, as a frame for a handler that comes later. */
  replay() {
    const { channel, symbol, epoch, state, seq } = this;
    if (seq === 0) return { type: "subscribed", channel, symbol, epoch, state, seq };
    return { ...this.data, type: "snapshot", channel, symbol, epoch, state, seq: [seq, seq] };
  }

  #take(frame) {
    this.epoch = frame.epoch ?? this.epoch;
    if (frame.state !== undefined) ({ state: this.state, reason: this.reason, since: this.since } = frame);
    if (frame.type === "snapshot") this.#skipped = false;
    if (frame.type === "snapshot" || frame.type === "update") this.#takeData(frame);
    // The other channels are whole in each update, and a hole in trades is only that.
    else if (frame.type !== "state") this.#skipped = this.channel === "book";
  }

  #takeData(frame) {
    const anew = frame.type === "snapshot" || this.data === null;
    if (this.channel === "book") {
      if (anew) this.data = new Book();
      this.data.set(frame.bids ?? [], frame.asks ?? []);
    } else if (this.channel === "trades") {
      const trades = [...(anew ? [] : this.data.trades), ...(frame.trades ?? [])];
      this.data = { trades: trades.slice(-TRADES_KEPT) };
    } else {
      this.data = frame;
    }
  }

  /** From here on it comes at another rate, which has its place among the frames too. */
  #move({ after, interval_ms }) {
    this.intervalMs = interval_ms;
    if (this.seq !== null && after !== this.seq) return this.#break(`expected a tier after seq ${this.seq}, got ${after}`);
    return "applied";
  }

  #break(message) {
    this.seq = null;
    return { message };
  }
}

/** A book as sorted levels, `[price, size]`, best first. */
export class Book {
  /** @type {[string, string][]} */
  bids = [];
  /** @type {[string, string][]} */
  asks = [];

  /** Sets levels; a size of zero deletes. */
  set(bids, asks) {
    for (const level of bids) setLevel(this.bids, level, -1);
    for (const level of asks) setLevel(this.asks, level, 1);
  }
}

/**
 * CRC-32 of the ten best asks, then the ten best bids: of each level the digits of price and size without point and
 * leading zeros.
 * @param {{bids: [string, string][], asks: [string, string][]}} book best level first
 */
export function bookChecksum({ bids, asks }) {
  const levels = [...asks.slice(0, CHECKSUM_LEVELS), ...bids.slice(0, CHECKSUM_LEVELS)];
  const digits = levels.flat().map((number) => number.replace(/^-/, "").replace(".", "").replace(/^0+/, ""));
  return crc32(digits.join(""));
}

/** @param {number} order 1: best is lowest; -1: best is highest */
function setLevel(levels, level, order) {
  const [price, size] = level;
  let [low, high] = [0, levels.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareDecimals(levels[middle][0], price) * order < 0) low = middle + 1;
    else high = middle;
  }
  const found = low < levels.length && compareDecimals(levels[low][0], price) === 0;
  if (!isZero(size)) levels.splice(low, found ? 1 : 0, level);
  else if (found) levels.splice(low, 1);
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  for (let bit = 0; bit < 8; bit += 1) byte = byte & 1 ? (byte >>> 1) ^ 0xedb88320 : byte >>> 1;
  return byte;
});

/** CRC-32 (IEEE 802.3) of ASCII text. */
function crc32(text) {
  let crc = 0xffffffff;
  for (let i = 0; i < text.length; i += 1) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ text.charCodeAt(i)) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}
