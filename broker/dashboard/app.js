/** The page: puts list, detail, search, keyboard, address and connection together. */

import { Tickcast } from "./client.js";
import { Detail } from "./detail.js";
import { SymbolList } from "./list.js";
import { countText, setText } from "./text.js";

const SYMBOLS_AGAIN_MS = 15_000; // feeds may bring new symbols
const VITALS_MS = 1000;
const TRIP_MS = 5000;
const FOLLOW_MS = 150; // the detail follows the arrow keys once they rest

const elements = Object.fromEntries([...document.querySelectorAll("[id]")].map((element) => [element.id, element]));
const narrow = matchMedia("(max-width: 760px)");
const market = new Tickcast();
const list = new SymbolList(market, { grid: elements.list, body: elements.rows }, { onOpen: open, onUpdate: countUpdate });
const detail = new Detail(market, elements, countUpdate);

let symbols = [];
let opened = null;
let updates = 0;
let retryAt = null;
let wasOpen = false;
let followTimer = null;

market.addEventListener("state", ({ detail: state }) => showConnection(state));
addEventListener("hashchange", followAddress);
addEventListener("keydown", onKey);
elements.search.addEventListener("input", search);
elements.close.addEventListener("click", close);
narrow.addEventListener("change", coverList);
setInterval(showVitals, VITALS_MS);
setInterval(showTrip, TRIP_MS);
setInterval(() => market.state === "open" && !document.hidden && loadSymbols(), SYMBOLS_AGAIN_MS);

// Symbols.

async function loadSymbols() {
  try {
    const response = await fetch("v1/symbols");
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    setSymbols((await response.json()).symbols);
  } catch (error) {
    // The connection shows what is wrong with the broker; the list is asked for again.
    if (symbols.length === 0) setText(elements.empty, `The list of symbols did not load: ${error.message}`);
  }
}

function setSymbols(loaded) {
  const known = new Set(symbols.map(({ symbol }) => symbol));
  if (loaded.length === known.size && loaded.every(({ symbol }) => known.has(symbol))) return;
  const order = new Intl.Collator("en", { numeric: true });
  symbols = loaded.sort((a, b) => order.compare(a.symbol, b.symbol));
  filter();
  followAddress();
}

function search() {
  elements.list.scrollTop = 0;
  filter();
}

/** Each word has to occur in the symbol, in any order. */
function filter() {
  const words = elements.search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = symbols.filter(({ symbol }) => words.every((word) => symbol.toLowerCase().includes(word)));
  list.show(shown);
  elements.empty.hidden = shown.length > 0;
  setText(elements.empty, symbols.length > 0 ? `No symbol matches “${elements.search.value.trim()}”` : "No symbols yet");
  const all = `${countText(symbols.length)} ${symbols.length === 1 ? "symbol" : "symbols"}`;
  setText(elements.count, shown.length < symbols.length ? `${countText(shown.length)} of ${all}` : all);
}

// The detail: the address says which symbol is open.

function open(symbol) {
  if (symbol === opened) return;
  // A step in the history for the first only, so that "back" closes the detail.
  const address = `#${encodeURIComponent(symbol)}`;
  if (opened) history.replaceState(null, "", address);
  else history.pushState({ isOurs: true }, "", address);
  followAddress();
}

function close() {
  if (!opened) return;
  if (history.state?.isOurs) history.back();
  else {
    history.replaceState(null, "", location.pathname + location.search);
    followAddress();
  }
}

function followAddress() {
  const wanted = decodeAddress(location.hash.slice(1));
  const info = symbols.find(({ symbol }) => symbol === wanted);
  if ((info?.symbol ?? null) === opened) return;
  opened = info?.symbol ?? null;
  if (info) detail.open(info);
  else detail.close();
  elements.detail.hidden = !info;
  elements.desk.classList.toggle("split", Boolean(info));
  document.title = info ? `${info.symbol} · Tickcast` : "Tickcast";
  list.select(opened);
  coverList();
}

function decodeAddress(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** On a phone the detail covers the list, which must not be reached then. */
function coverList() {
  const isCovered = narrow.matches && opened !== null;
  elements.market.inert = isCovered;
  if (isCovered) elements.close.focus();
  else if (!opened && document.activeElement === document.body) elements.list.focus({ preventScroll: true });
}

// The keyboard.

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target === elements.search;
  const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: list.pageRows, PageUp: -list.pageRows };
  const jumps = { Home: -Infinity, End: Infinity };
  const by = moves[event.key] ?? (isTyping ? undefined : jumps[event.key]);
  if (event.key === "/" && !isTyping) elements.search.select();
  else if (event.key === "Escape") escape(isTyping);
  else if (event.key === "Enter" && (isTyping || event.target === elements.list)) openActive();
  else if (by !== undefined && (isTyping || !event.target.closest(".tape"))) moveBy(by);
  else return;
  event.preventDefault();
}

function escape(isTyping) {
  if (isTyping && elements.search.value) {
    elements.search.value = "";
    search();
  } else if (isTyping) elements.list.focus({ preventScroll: true });
  else close();
}

function openActive() {
  if (list.active) open(list.active);
}

function moveBy(by) {
  list.move(by);
  clearTimeout(followTimer);
  if (opened) followTimer = setTimeout(openActive, FOLLOW_MS);
}

// The connection.

function showConnection({ state, code, reason, retryInMs }) {
  retryAt = retryInMs === undefined ? null : Date.now() + retryInMs;
  wasOpen ||= state === "open";
  // An attempt to come back does not mean that we are back.
  const shown = state === "connecting" && wasOpen ? "closed" : state;
  const words = { connecting: "Connecting", open: "Connected", closed: "Disconnected", failed: "Refused" };
  elements.connection.dataset.state = shown;
  document.body.dataset.connection = shown;
  setText(elements["connection-text"], words[shown]);
  if (state !== "connecting") elements.connection.title = code ? `closed with ${code}${reason ? `: ${reason}` : ""}` : "";
  if (state === "open") {
    loadSymbols();
    showTrip();
  } else setText(elements.trip, "");
  showRetry();
  list.refresh();
  detail.refresh();
}

function showRetry() {
  const leftS = retryAt && market.state === "closed" ? Math.ceil((retryAt - Date.now()) / 1000) : 0;
  const isTrying = market.state === "connecting" && wasOpen;
  setText(elements["connection-retry"], leftS > 1 ? ` · again in ${leftS} s` : isTrying || leftS > 0 ? " · reconnecting" : "");
}

function showVitals() {
  setText(elements.rate, market.state === "open" ? `${countText(updates)} updates/s` : "");
  updates = 0;
  showRetry();
}

function countUpdate() {
  updates += 1;
}

async function showTrip() {
  try {
    const millis = await market.ping();
    setText(elements.trip, `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`);
  } catch {
    setText(elements.trip, ""); // the connection was lost meanwhile, which is shown
  }
}
