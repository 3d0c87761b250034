/** A WebSocket whose other end is the test. */
export function fakeSockets() {
  const opened = [];
  class FakeSocket {
    constructor(url, protocol) {
      Object.assign(this, { url, protocol, sent: [], closedWith: undefined });
      opened.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close(code) {
      this.closedWith = code ?? "none";
    }

    // What the broker does.

    hello(limits) {
      this.say({ type: "hello", protocol: 1, node: "a", ping_ms: 20_000, tiers_ms: [0], limits });
    }

    say(...frames) {
      for (const frame of frames) this.onmessage?.({ data: JSON.stringify(frame) });
    }

    end(code, reason = "") {
      this.onclose?.({ code, reason });
    }

    /** Takes the requests that came since the last call. */
    requests() {
      return this.sent.splice(0);
    }

    /** Grants a subscription as the broker does, each symbol at `seq`, with `more` in each entry. */
    grant({ id, params }, seq, more = {}) {
      const subscribed = params.symbols.map((wanted) => {
        const symbol = wanted.symbol ?? wanted;
        const name = symbol.endsWith("*") ? { pattern: symbol, matched: 1 } : { symbol, epoch: "e-1", seq, state: "live" };
        return { channel: params.channel, ...name, interval_ms: params.interval_ms, ...more };
      });
      this.say({ id, result: { subscribed } });
    }
  }
  return { WebSocket: FakeSocket, opened, last: () => opened.at(-1) };
}
