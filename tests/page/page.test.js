/** The page, as somebody sees it who opens it in a browser. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { compareDecimals } from "../../broker/dashboard/decimal.js";
import { Broker, until } from "../node/broker.js";
import { Visit, launch, missing } from "./browser.js";

const skip = missing();
const PHONE = { viewport: { width: 375, height: 812 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };

let broker;
let browser;
let symbols;

before(async () => {
  if (skip) return;
  broker = await Broker.start("sim:?symbols=120&rate=6000&seed=1");
  browser = await launch();
  const listed = await (await fetch(`${broker.url}/v1/symbols`)).json();
  symbols = listed.symbols.map(({ symbol }) => symbol);
});

after(async () => {
  await browser?.close();
  await broker?.stop();
});

/** A test with a page of its own, which must not complain and must not ask anybody but the broker. */
function visiting(name, work, { options, mayComplain = false } = {}) {
  test(name, { skip, timeout: 120_000 }, async () => {
    const visit = await Visit.open(browser, `${broker.url}/`, options);
    try {
      await work(visit);
      const strangers = visit.requests.filter((url) => !/^data:/.test(url) && new URL(url).host !== new URL(broker.url).host);
      assert.deepEqual(strangers, []);
      if (!mayComplain) assert.deepEqual(visit.complaints, []);
    } finally {
      await visit.close();
    }
  });
}

visiting("symbols with moving prices", async (visit) => {
  await visit.priced();
  assert.equal(await visit.page.textContent("#count"), `${symbols.length} symbols`);
  for (const cell of ["bid", "ask", "last"]) await visit.moves(cell);
  for (const state of await visit.cells("state")) assert.match(state, /^(live|stale|resyncing|halted)$/);
  for (const change of await visit.cells("change")) assert.match(change, /^([+−]?\d+\.\d\d%|–)$/);
  await visit.picture("list");
});

visiting("what is shown is what the broker sent, digit by digit", async (visit) => {
  await visit.priced();
  const shown = await visit.page.evaluate(() =>
    [...document.querySelectorAll(".rows .row:not([hidden])")].map((row) => ({
      symbol: row.querySelector(".symbol").textContent,
      ...Object.fromEntries(["bid", "ask", "last"].map((name) => [name, row.querySelector(`.${name}`).textContent])),
    })),
  );
  const wanted = shown.flatMap(({ symbol, ...values }) => Object.entries(values).map(([name, value]) => `${symbol} ${name} ${value}`));
  // Without a ticker the last price is the last trade's.
  await until("all that is shown was sent", () => {
    const sent = new Set(visit.received.flatMap(pricesOf));
    return wanted.every((value) => value.endsWith(" –") || sent.has(value));
  });
});

visiting("the search box filters, and says so when nothing is left", async (visit) => {
  await visit.priced();
  const wanted = symbols[Math.floor(symbols.length / 2)];
  const matching = symbols.filter((symbol) => symbol.includes(wanted));
  await visit.page.fill("#search", wanted.toLowerCase());
  await until("only what matches is left", async () => (await visit.cells("symbol")).length === matching.length);
  assert.equal(await visit.page.textContent("#count"), `${matching.length} of ${symbols.length} symbols`);
  await visit.row(wanted).locator(".bid", { hasText: /\d/ }).waitFor();
  await visit.page.fill("#search", "no such thing");
  await visit.page.getByText("No symbol matches “no such thing”").waitFor();
  await visit.page.press("#search", "Escape");
  await until("all are back", async () => (await visit.cells("symbol")).length > 5);
});

visiting("a click opens the book and the trades of a symbol", async (visit) => {
  await visit.priced();
  const [symbol] = await visit.cells("symbol");
  await visit.row(symbol).click();
  await visit.page.locator("#detail").waitFor();
  assert.equal(await visit.page.textContent("#detail-symbol"), symbol);
  await visit.page.locator("#tape .trade .price", { hasText: /\d/ }).first().waitFor();
  await visit.page.locator("#proof", { hasText: "checksum holds" }).waitFor();
  const { bids, asks } = await bookOf(visit);
  assert.ok(bids.length >= 5 && asks.length >= 5, `${bids.length} bids, ${asks.length} asks`);
  const isSorted = (prices, order) => prices.every((price, n) => n === 0 || compareDecimals(prices[n - 1], price) * order < 0);
  assert.ok(isSorted(asks, 1) && isSorted(bids, -1) && compareDecimals(bids[0], asks[0]) < 0);
  const before = JSON.stringify([bids, asks]);
  await until("the book moves", async () => JSON.stringify(Object.values(await bookOf(visit))) !== before);
  const trade = await visit.page.textContent("#tape");
  await until("the trades move", async () => (await visit.page.textContent("#tape")) !== trade);
  await visit.picture("detail");
  assert.equal(new URL(visit.page.url()).hash, `#${encodeURIComponent(symbol)}`);
  await visit.page.goBack();
  await visit.page.locator("#detail").waitFor({ state: "hidden" });
});

visiting("the keyboard is enough", async (visit) => {
  await visit.priced();
  const { keyboard } = visit.page;
  const [first, second] = await visit.cells("symbol");
  const isOpen = (symbol) => visit.page.locator("#detail-symbol", { hasText: symbol }).waitFor();
  await keyboard.press("/");
  await keyboard.type(second);
  await keyboard.press("Enter");
  await isOpen(second);
  await keyboard.press("Escape"); // empties the search
  await keyboard.press("Escape"); // leaves it
  await keyboard.press("Home");
  await isOpen(first);
  await keyboard.press("ArrowDown");
  await isOpen(second);
  await keyboard.press("Escape");
  await visit.page.locator("#detail").waitFor({ state: "hidden" });
});

visiting("an address with a symbol opens it", async (visit) => {
  const [, second] = symbols;
  await visit.page.goto(`${broker.url}/#${encodeURIComponent(second)}`);
  await visit.page.reload();
  await visit.page.locator("#detail-symbol", { hasText: second }).waitFor();
  assert.equal(await visit.page.title(), `${second} · Tickcast`);
});

visiting("only what is in view is subscribed to", async (visit) => {
  await visit.priced();
  const rows = await visit.page.locator(".rows .row").count();
  assert.ok(rows < 60, `${rows} rows for ${symbols.length} symbols`);
  await visit.page.evaluate(() => (document.getElementById("list").scrollTop = 100_000));
  await until("the last symbol is in view", async () => (await visit.cells("symbol")).length > 5);
  await visit.moves("bid");
  const held = new Set();
  for (const { method, params } of visit.sent) {
    for (const symbol of params?.symbols ?? []) {
      const topic = `${params.channel} ${symbol.symbol ?? symbol}`;
      if (method === "subscribe") held.add(topic);
      else held.delete(topic);
    }
  }
  assert.ok(held.size <= rows * 4, `${held.size} topics are held for ${rows} rows`);
});

visiting(
  "on a phone's width all is there and nothing scrolls sideways",
  async (visit) => {
    await visit.priced();
    await assertFits(visit);
    for (const name of ["symbol", "state", "bid", "ask", "last", "change"]) {
      const box = await visit.page.locator(`.rows .row:not([hidden]) .${name}`).first().boundingBox();
      assert.ok(box.width > 20 && box.x >= 0 && box.x + box.width <= 375, `${name}: ${JSON.stringify(box)}`);
    }
    await visit.picture("phone-list");
    await visit.page.locator(".rows .row:not([hidden])").first().tap();
    await visit.page.locator("#tape .trade .price", { hasText: /\d/ }).first().waitFor();
    await visit.page.locator("#asks .price", { hasText: /\d/ }).nth(4).waitFor();
    await assertFits(visit);
    await visit.picture("phone-detail");
    await visit.page.locator("#close").tap();
    await visit.page.locator("#detail").waitFor({ state: "hidden" });
    await visit.moves("bid");
  },
  { options: PHONE },
);

visiting(
  "in light, without motion",
  async (visit) => {
    await visit.priced();
    await visit.page.locator("[data-flash]").first().waitFor();
    const style = await visit.page.evaluate(() => {
      const moving = document.querySelector("[data-flash]");
      return [getComputedStyle(document.body).backgroundColor, moving && getComputedStyle(moving).animationName];
    });
    assert.deepEqual(style, ["rgb(255, 255, 255)", "none"]);
    await visit.picture("light");
  },
  { options: { colorScheme: "light", reducedMotion: "reduce" } },
);

test("any page may import client.js, and knows its broker by that", { skip }, () =>
  elsewhere(async (page) => {
    const quote = await page.evaluate(async ([client, symbol]) => {
      const { Tickcast } = await import(client);
      const market = new Tickcast();
      return new Promise((resolve) => {
        market.subscribe("quotes", symbol, ({ data }) => data && resolve([data.symbol, data.bid, data.ask]));
      }).finally(() => market.close());
    }, [`${broker.url}/client.js`, symbols[0]]);
    assert.equal(quote[0], symbols[0]);
    assert.ok(compareDecimals(quote[1], quote[2]) < 0, `${quote}`);
  }));

// A browser reports by itself each connection that is refused while the broker is away.
visiting(
  "a broker that goes is shown as gone, and the page recovers when it is back",
  async (visit) => {
    const connection = visit.page.locator("#connection");
    await visit.priced();
    await connection.getByText("Connected", { exact: true }).waitFor();
    await visit.row((await visit.cells("symbol"))[0]).click();
    await visit.page.locator("#proof", { hasText: "checksum holds" }).waitFor();
    await broker.stop("SIGKILL");
    await connection.getByText("Disconnected").waitFor();
    await until("no state is live", async () => (await visit.cells("state")).every((state) => state === "offline"));
    await visit.page.locator("#notice", { hasText: "no connection to the broker" }).waitFor();
    await visit.picture("disconnected");
    await broker.start();
    await connection.getByText("Connected", { exact: true }).waitFor();
    await visit.moves("bid");
    await visit.page.locator("#proof", { hasText: "checksum holds" }).waitFor();
    const book = JSON.stringify(await bookOf(visit));
    await until("the book moves again", async () => JSON.stringify(await bookOf(visit)) !== book);
  },
  { mayComplain: true },
);

/** The prices in a frame, as `symbol name digits`. */
function pricesOf({ symbol, bid, ask, last, trades = [] }) {
  const lasts = [last, ...trades.map(({ price }) => price)];
  return [`${symbol} bid ${bid}`, `${symbol} ask ${ask}`, ...lasts.map((price) => `${symbol} last ${price}`)];
}

/** Serves an empty page, as some other site would. */
async function elsewhere(work) {
  const server = createServer((_, response) => response.setHeader("content-type", "text/html").end("<!doctype html>"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const page = await browser.newPage();
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await work(page);
  } finally {
    await page.close();
    server.close();
  }
}

function bookOf({ page }) {
  return page.evaluate(() => {
    const prices = (id) => [...document.querySelectorAll(`#${id} .price`)].map((cell) => cell.textContent).filter(Boolean);
    return { bids: prices("bids"), asks: prices("asks") };
  });
}

async function assertFits({ page }) {
  const [needed, given] = await page.evaluate(() => [document.scrollingElement.scrollWidth, innerWidth]);
  assert.deepEqual([needed, given], [375, 375]);
}
