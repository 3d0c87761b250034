/** How values are written on the page. A value that a feed does not have is a dash. */

import { compareDecimals } from "./decimal.js";

export const NONE = "–";

/** A percentage with its sign: `+1.20%`. @param {string|undefined} percent */
export function changeText(percent) {
  if (percent === undefined) return NONE;
  const sign = signOf(percent);
  return `${sign > 0 ? "+" : sign < 0 ? "−" : ""}${percent.replace("-", "")}%`;
}

/** -1, 0 or 1. @param {string|undefined} decimal */
export function signOf(decimal) {
  return decimal === undefined ? 0 : Math.sign(compareDecimals(decimal, "0"));
}

/** The local time of day of microseconds since the Unix epoch. */
export function timeText(micros) {
  const date = new Date(micros / 1000);
  const two = (number) => String(number).padStart(2, "0");
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${millis}`;
}

/** Digits in groups of three, for counts; prices and sizes stay as their venue wrote them. */
export function countText(count) {
  return count.toLocaleString("en-US");
}

/** Sets an element's text if it differs, and tells whether it did. */
export function setText(element, text) {
  if (element.textContent === text) return false;
  element.textContent = text;
  return true;
}

/** Sets a symbol's name, its venue apart. */
export function setSymbol(element, symbol) {
  const colon = symbol.indexOf(":") + 1;
  const venue = document.createElement("span");
  venue.className = "venue";
  venue.textContent = symbol.slice(0, colon);
  element.replaceChildren(venue, symbol.slice(colon));
}

/** Sets the word for a state, and what the style sheet needs to colour it. */
export function setState(element, state = "unknown", reason = "") {
  if (element.dataset.state !== state) element.dataset.state = state;
  setText(element, state);
  if (element.title !== reason) element.title = reason;
}
