/** One connection to a broker, again and again: reconnects, watches for silence, matches replies to requests. */

const SUBPROTOCOL = "tickcast.v1.json";
const HEARTBEAT_MS = 5000; // the broker says this often that it lives, if it has nothing else to say
const SILENT_HEARTBEATS_MAX = 3;
const BACKOFF_MS = { first: 250, most: 15_000 };
const STEADY_MS = 10_000; // a connection that held for this long starts the backoff anew
const DEFAULT_LIMITS = { requests_per_s: 50, message_bytes: 262_144 };
const FINAL_CLOSE_CODES = new Set([1002, 1003, 1007, 1008, 1009]);

/** @typedef {"connecting"|"open"|"closed"|"failed"} ConnectionState */

export class Connection {
  /** @type {ConnectionState} */
  state = "connecting";
  /** What the broker allows. */
  limits = DEFAULT_LIMITS;
  #url;
  #WebSocket;
  #heartbeatMs;
  #onState;
  #onFrame;
  #socket = null;
  #replies = new Map(); // request id → what to do with the reply
  #lastId = 0;
  #second = { began: 0, requests: 0 };
  #retryTimer = null;
  #watchdog = null;
  #heardAt = 0;
  #openedAt = Infinity;
  #failures = 0;
  #reconnectInMs = null;

  /**
   * @param {string} url
   * @param {{WebSocket?: typeof WebSocket, heartbeatMs?: number}} options
   * @param {{onState: (detail: object) => void, onFrame: (frame: object) => void}} listener
   */
  constructor(url, { WebSocket = globalThis.WebSocket, heartbeatMs = HEARTBEAT_MS }, { onState, onFrame }) {
    if (!WebSocket) throw new TypeError("there is no global WebSocket: pass one as {WebSocket}");
    this.#url = url;
    this.#WebSocket = WebSocket;
    this.#heartbeatMs = heartbeatMs;
    this.#onState = onState;
    this.#onFrame = onFrame;
    this.#connect();
  }

  /** Whether another request is well within what the broker takes: half, since its seconds begin at other times. */
  get mayRequest() {
    const now = Date.now();
    if (now - this.#second.began >= 1000) this.#second = { began: now, requests: 0 };
    return this.#second.requests < Math.max(1, this.limits.requests_per_s / 2);
  }

  /**
   * Sends a request; only when open.
   * @param {(reply: {result?: object, error?: object}) => void} onReply  called once; an error of code `lost` if the
   *   connection ended first
   * @returns {number} its id
   */
  request(method, params, onReply) {
    const id = ++this.#lastId;
    this.#replies.set(id, onReply);
    this.#second.requests += 1;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return id;
  }

  /** Ends it for good. */
  close() {
    clearTimeout(this.#retryTimer);
    this.#detach()?.close(1000);
    this.#become("closed", {});
  }

  #connect() {
    this.#become("connecting", {});
    const socket = new this.#WebSocket(this.#url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onmessage = ({ data }) => this.#receive(parsed(data));
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    socket.onerror = () => {}; // a close always follows
    this.#heardAt = Date.now();
    this.#watch();
  }

  #receive(frame) {
    this.#heardAt = Date.now();
    if (frame.type === undefined) this.#reply(frame);
    else if (frame.type === "hello") this.#hello(frame);
    else if (frame.type === "goaway") this.#reconnectInMs = frame.reconnect_in_ms;
    else this.#onFrame(frame);
  }

  #hello({ limits }) {
    this.limits = { ...DEFAULT_LIMITS, ...limits };
    this.#openedAt = Date.now();
    this.#become("open", {});
  }

  #reply({ id, result, error }) {
    const onReply = this.#replies.get(id);
    this.#replies.delete(id);
    onReply?.({ result, error });
  }

  /** A connection that says nothing, not even that it lives, is dead whatever TCP thinks; so is one that never opens. */
  #watch() {
    const leftMs = this.#heardAt + SILENT_HEARTBEATS_MAX * this.#heartbeatMs - Date.now();
    if (leftMs > 0) {
      this.#watchdog = setTimeout(() => this.#watch(), leftMs);
      return;
    }
    const socket = this.#socket;
    this.#lost(1006, "no heartbeat");
    socket.close();
  }

  #lost(code, reason) {
    this.#detach();
    if (FINAL_CLOSE_CODES.has(code) || (code >= 4500 && code <= 4999)) {
      this.#become("failed", { code, reason });
      return;
    }
    const retryInMs = this.#reconnectInMs ?? this.#backoff();
    this.#reconnectInMs = null;
    this.#retryTimer = setTimeout(() => this.#connect(), retryInMs);
    this.#become("closed", { code, reason, retryInMs });
  }

  /** Exponential with full jitter, so that the clients of a broker that died do not come back all at once. */
  #backoff() {
    if (Date.now() - this.#openedAt >= STEADY_MS) this.#failures = 0;
    this.#openedAt = Infinity;
    const most = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** this.#failures);
    this.#failures += 1;
    return Math.round(Math.random() * most);
  }

  #detach() {
    const socket = this.#socket;
    if (socket) socket.onmessage = socket.onclose = null;
    this.#socket = null;
    clearTimeout(this.#watchdog);
    const unanswered = [...this.#replies.values()];
    this.#replies.clear();
    for (const onReply of unanswered) onReply({ error: { code: "lost", message: "the connection was lost" } });
    return socket;
  }

  #become(state, detail) {
    this.state = state;
    this.#onState({ state, ...detail });
  }
}

/** What is no JSON object is an object of no known type, which is ignored. */
function parsed(data) {
  try {
    return Object(JSON.parse(data));
  } catch {
    return { type: "unreadable" };
  }
}

/**
 * The stream of the broker that has `url`, whatever page or file of it that names.
 * @param {string|URL} url
 */
export function streamUrl(url) {
  const stream = /\/v1\/stream\/?$/.test(new URL(url).pathname) ? new URL(url) : new URL("v1/stream", url);
  stream.protocol = { "http:": "ws:", "https:": "wss:" }[stream.protocol] ?? stream.protocol;
  if (!/^wss?:$/.test(stream.protocol)) throw new TypeError(`expected the URL of a broker, got ${url}`);
  return stream.href;
}
