// The npm package `binance`: trades and depth events over `/stream`, and the book that REST's body and they make.
import { MainClient, WebsocketClient } from "binance";

const [address, symbol] = process.argv.slice(2);
const rest = new MainClient({ baseUrl: `http://${address}` });
// It pings, and sends pongs that nobody asked for: often here, so that a short run has some.
const sockets = new WebsocketClient({ wsUrl: `ws://${address}`, pingInterval: 200, pongTimeout: 1000 });
const trades = [];
const events = [];

sockets.on("message", (event) => {
  if (event.e === "trade") trades.push([String(event.t), event.p, event.q, event.m ? "sell" : "buy"]);
  if (event.e === "depthUpdate") events.push(event);
});
for (const trouble of ["exception", "reconnecting", "close"]) {
  sockets.on(trouble, (what) => fail(`${trouble}: ${JSON.stringify(what)}`));
}

function fail(why) {
  console.error(why);
  process.exit(1);
}

// The package leaves this to its user: Binance's rules.
function bookOf(body) {
  const sides = [new Map(body.bids), new Map(body.asks)];
  let known = body.lastUpdateId;
  for (const event of events.filter((event) => event.u > known)) {
    if (event.U > known + 1) fail(`a gap: ${event.U} after ${known}`);
    known = event.u;
    [event.b, event.a].forEach((levels, side) =>
      levels.forEach(([price, size]) =>
        Number(size) === 0 ? sides[side].delete(price) : sides[side].set(price, size),
      ),
    );
  }
  return sides.map((side) => [...side]);
}

await rest.testConnectivity();
const info = await rest.getExchangeInfo({ symbols: [symbol] });
if (info.symbols[0].symbol !== symbol) fail(`exchangeInfo: ${JSON.stringify(info)}`);
const name = symbol.toLowerCase();
await sockets.subscribe([`${name}@trade`, `${name}@depth@100ms`], "main");
const body = await rest.getOrderBook({ symbol, limit: 5000 });
process.stdin.resume().on("end", () => {
  process.stdout.write(JSON.stringify({ trades: { [symbol]: trades }, books: { [symbol]: bookOf(body) } }) + "\n", () =>
    process.exit(0),
  );
});
