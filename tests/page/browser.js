/** Headless Chromium, and a page in it whose every complaint and request is noted. */
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const ARTIFACTS = process.env.ARTIFACTS ?? fileURLToPath(new URL("../../target/artifacts", import.meta.url));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

/** Why the tests of the page cannot run here, or undefined. */
export function missing() {
  if (existsSync(CHROMIUM)) return undefined;
  console.log(`SKIPPED: no browser at ${CHROMIUM}; set CHROMIUM`);
  return `no browser at ${CHROMIUM}`;
}

/** Starts a browser with a new, empty profile. */
export function launch() {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS });
}

/** A page, with what it logs, asks for and exchanges over its WebSockets. */
export class Visit {
  complaints = [];
  requests = [];
  sent = [];
  received = [];

  static async open(browser, url, options = {}) {
    const visit = new Visit();
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    visit.page = await context.newPage();
    visit.#listen();
    await visit.page.goto(url);
    return visit;
  }

  /** Waits for rows with prices. */
  async priced() {
    await this.page.waitForFunction(() => {
      const bids = [...document.querySelectorAll(".rows .row:not([hidden]) .bid")].slice(0, 5);
      return bids.length === 5 && bids.every((bid) => /\d/.test(bid.textContent));
    });
  }

  /** The text of a cell in each row that can be seen, from the top. */
  cells(name) {
    return this.page.evaluate((name) => {
      const list = document.getElementById("list").getBoundingClientRect();
      const isSeen = ({ y, height }) => y + height > list.top && y < list.bottom;
      const rows = [...document.querySelectorAll(".rows .row:not([hidden])")].filter((row) => isSeen(row.getBoundingClientRect()));
      rows.sort((a, b) => a.getBoundingClientRect().y - b.getBoundingClientRect().y);
      return rows.map((row) => row.querySelector(`.${name}`).textContent);
    }, name);
  }

  /** Waits until the values of a cell differ from `before` in at least `count` rows. */
  async moves(name, count = 3) {
    const before = await this.cells(name);
    await this.page.waitForFunction(
      ({ name, before, count }) => {
        const now = [...document.querySelectorAll(`.rows .row:not([hidden]) .${name}`)].map((cell) => cell.textContent);
        return now.filter((text) => !before.includes(text)).length >= count;
      },
      { name, before, count },
    );
  }

  row(symbol) {
    return this.page.locator(`.rows .row[data-symbol="${symbol}"]`);
  }

  /** Keeps a picture for people to look at; it is not compared. */
  async picture(name) {
    mkdirSync(ARTIFACTS, { recursive: true });
    await this.page.screenshot({ path: `${ARTIFACTS}/${name}.png` });
  }

  close() {
    return this.page.context().close();
  }

  #listen() {
    const { page } = this;
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
    page.on("websocket", (socket) => {
      this.requests.push(socket.url());
      socket.on("framesent", ({ payload }) => this.sent.push(JSON.parse(payload)));
      socket.on("framereceived", ({ payload }) => this.received.push(JSON.parse(payload)));
    });
  }
}
