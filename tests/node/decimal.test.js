/** Decimal strings, against arithmetic on big integers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareDecimals, percentChange, roundDecimal, subtractDecimals } from "../../broker/dashboard/decimal.js";
import { changeText } from "../../broker/dashboard/text.js";

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);

/** A generator of numbers below `limit`, the same for the same seed (mulberry32). */
function generator(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

function randomDecimal(next) {
  const scale = next(9);
  const digits = String(next(1_000_000)).padStart(scale + 1, "0");
  const fraction = scale > 0 ? `.${digits.slice(digits.length - scale)}` : "";
  return `${next(4) === 0 ? "-" : ""}${digits.slice(0, digits.length - scale)}${fraction}`;
}

/** The value times 10^10. */
function scaled(decimal) {
  const [integer, fraction = ""] = decimal.split(".");
  return BigInt(integer + fraction.padEnd(10, "0"));
}

test("order and difference are exact", (context) => {
  context.diagnostic(`SEED=${SEED}`);
  const next = generator(SEED);
  for (let n = 0; n < 5000; n += 1) {
    const [a, b] = [randomDecimal(next), randomDecimal(next)];
    const difference = scaled(a) - scaled(b);
    const order = difference < 0n ? -1 : difference > 0n ? 1 : 0;
    assert.equal(Math.sign(compareDecimals(a, b)), order, `${a} and ${b}`);
    assert.equal(scaled(subtractDecimals(a, b)), difference, `${a} - ${b}`);
  }
});

test("values compare, not digits", () => {
  for (const [a, b] of [["1.0", "1.00"], ["0", "-0.00"], ["007", "7"], ["1", "1.000"]]) assert.equal(compareDecimals(a, b), 0);
  assert.ok(compareDecimals("9.9", "10") < 0);
  assert.ok(compareDecimals("-9.9", "-10") > 0);
  assert.ok(compareDecimals("100000000000000000000.1", "100000000000000000000.2") < 0);
});

test("a change is rounded half away from zero, never through a float", () => {
  assert.equal(percentChange("100", "101.005"), "1.01");
  assert.equal(percentChange("100", "98.995"), "-1.01");
  assert.equal(percentChange("63501.60", "63501.60"), "0.00");
  assert.equal(percentChange("3", "4"), "33.33");
  assert.equal(percentChange("-2", "-1"), "50.00");
  assert.equal(percentChange("0.00", "1"), undefined);
  assert.equal(percentChange("1", "n/a"), undefined);
});

test("rounding keeps the sign and the places", () => {
  assert.equal(roundDecimal("-1.005", 2), "-1.01");
  assert.equal(roundDecimal("2", 2), "2.00");
  assert.equal(roundDecimal("-0.001", 2), "0.00");
  assert.equal(roundDecimal("1.2345", 0), "1");
});

test("a change says its sign, and nothing is made up", () => {
  assert.equal(changeText("1.20"), "+1.20%");
  assert.equal(changeText("-1.20"), "−1.20%");
  assert.equal(changeText("0.00"), "0.00%");
  assert.equal(changeText(undefined), "–");
});
