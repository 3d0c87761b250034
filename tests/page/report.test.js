/** The page of a load generator's report, as somebody sees it who opens the file. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { Broker } from "../node/broker.js";
import { Visit, launch, missing } from "./browser.js";

const skip = missing();
const BINARIES = process.env.TICKCAST_BIN_DIR ?? fileURLToPath(new URL("../../target/release", import.meta.url));
const LOAD = ["--connections", "20", "--symbols-per-connection", "3", "--interval-ms", "100", "--tiered", "50%"];
const TIMES = ["--warmup", "0s", "--duration", "3s", "--seed", "1"];

let broker;
let browser;
let directory;

before(async () => {
  if (skip) return;
  broker = await Broker.start("sim:?symbols=10&rate=1000&seed=1");
  browser = await launch();
  directory = mkdtempSync(join(tmpdir(), "tickcast-report-"));
});

after(async () => {
  await browser?.close();
  await broker?.stop();
  if (directory) rmSync(directory, { recursive: true });
});

/** What somebody sees of each plot: how much of it its longest line crosses, and how many lines it has. */
function plots(visit) {
  return visit.page.evaluate(() =>
    Object.fromEntries(
      [...document.querySelectorAll("figure")].map((figure) => {
        const svg = figure.querySelector("svg").getBoundingClientRect();
        const curves = [...figure.querySelectorAll("polyline")].filter((line) => line.getAttribute("fill") === "none");
        const names = [...figure.querySelectorAll("figcaption span")].map((name) => name.textContent);
        const colours = [...figure.querySelectorAll("figcaption i")].map((mark) => getComputedStyle(mark).backgroundColor);
        const shown = (line) => colours.includes(getComputedStyle(line).stroke) && line.checkVisibility();
        const boxes = curves.filter(shown).map((line) => line.getBoundingClientRect());
        const inside = boxes.every((box) => box.left >= svg.left && box.right <= svg.right && box.top >= svg.top && box.bottom <= svg.bottom);
        return [figure.id, { names, lines: boxes.length, inside, width: Math.max(...boxes.map((box) => box.width)) / svg.width }];
      }),
    ),
  );
}

test("a run's page shows its plots and asks nobody for anything", { skip, timeout: 60_000 }, async () => {
  const run = ["run", "--url", broker.stream, ...LOAD, ...TIMES, "--out", directory, "--json"];
  const { stdout } = await promisify(execFile)(`${BINARIES}/loadgen`, run, { maxBuffer: 1 << 24 });
  const report = JSON.parse(stdout);
  const address = pathToFileURL(join(directory, "report.html")).href;
  const visit = await Visit.open(browser, address);
  try {
    assert.match(await visit.page.textContent("h1"), /^20 connections, quotes: [\d,]+ deliveries\/s$/);
    const shown = await plots(visit);
    const ids = ["percentiles", "latency-over-time", "deliveries-over-time", "client-over-time"];
    assert.deepEqual(Object.keys(shown).filter((id) => id !== "lost-over-time"), ids);
    for (const [id, { names, lines, inside, width }] of Object.entries(shown)) {
      assert.equal(lines, names.length, `${id}: ${names}`);
      assert.ok(inside && width > 0.3, `${id}: inside ${inside}, width ${width}`);
    }
    // Each of the two classes from the intended times and from the broker's.
    assert.equal(shown.percentiles.lines, 4);
    const p99 = await visit.page.textContent("#latency tbody tr:first-child td:nth-child(4)");
    assert.equal(Number(p99), report.latency_us.corrected.p99 / 1000);
    assert.deepEqual([visit.requests, visit.complaints], [[address], []]);
    await visit.picture("report");
  } finally {
    await visit.close();
  }
});

test("a page that compares runs has a curve for each", { skip, timeout: 60_000 }, async () => {
  // The run above, twice.
  const both = join(directory, "both");
  await promisify(execFile)(`${BINARIES}/loadgen`, ["report", directory, `${directory}/.`, "--out", both]);
  const address = pathToFileURL(join(both, "report.html")).href;
  const visit = await Visit.open(browser, address);
  try {
    const shown = await plots(visit);
    assert.deepEqual(Object.keys(shown), ["percentiles", "latency-over-time"]);
    for (const { names, lines, inside, width } of Object.values(shown)) {
      assert.deepEqual([names, lines, inside], [[directory, `${directory}/.`], 2, true]);
      assert.ok(width > 0.3, `width ${width}`);
    }
    assert.deepEqual([visit.requests, visit.complaints], [[address], []]);
    await visit.picture("comparison");
  } finally {
    await visit.close();
  }
});
