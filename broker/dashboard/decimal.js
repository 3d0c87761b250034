/**
 * Exact arithmetic on decimal strings, the form in which all prices and sizes travel. Nothing here goes through a
 * floating point number, so a price keeps the digits that its venue sent.
 */

/**
 * Orders two decimals by value: `1.0` equals `1.00`.
 * @param {string} a
 * @param {string} b
 * @returns {number} negative, zero or positive
 */
export function compareDecimals(a, b) {
  if (a === b) return 0;
  const negative = a[0] === "-";
  if (negative !== (b[0] === "-")) return isZero(a) && isZero(b) ? 0 : negative ? -1 : 1;
  return negative ? compareMagnitudes(b.slice(1), a.slice(1)) : compareMagnitudes(a, b);
}

/** @param {string} decimal */
export function isZero(decimal) {
  return !/[1-9]/.test(decimal);
}

/**
 * The change from `from` to `to` in percent of `from`, rounded half away from zero; undefined where that has no
 * meaning (`from` is zero, or one of them is no decimal).
 * @param {string} from
 * @param {string} to
 * @param {number} [places] digits after the point
 * @returns {string|undefined}
 */
export function percentChange(from, to, places = 2) {
  const scale = Math.max(scaleOf(from), scaleOf(to));
  const [start, end] = [mantissa(from, scale), mantissa(to, scale)];
  if (start === undefined || end === undefined || start === 0n) return undefined;
  const magnitude = start < 0n ? -start : start;
  return write(divideRounded((end - start) * 100n * 10n ** BigInt(places), magnitude), places);
}

/**
 * `decimal` with exactly `places` digits after the point, rounded half away from zero.
 * @param {string} decimal
 * @param {number} places
 * @returns {string|undefined} undefined if it is no decimal
 */
export function roundDecimal(decimal, places) {
  const scale = Math.max(scaleOf(decimal), places);
  const value = mantissa(decimal, scale);
  return value === undefined ? undefined : write(divideRounded(value, 10n ** BigInt(scale - places)), places);
}

/**
 * The exact difference `a - b`, with as many digits after the point as the finer of the two.
 * @param {string} a
 * @param {string} b
 * @returns {string|undefined}
 */
export function subtractDecimals(a, b) {
  const scale = Math.max(scaleOf(a), scaleOf(b));
  const [x, y] = [mantissa(a, scale), mantissa(b, scale)];
  return x === undefined || y === undefined ? undefined : write(x - y, scale);
}

function compareMagnitudes(a, b) {
  const [aInteger, aFraction] = parts(a);
  const [bInteger, bFraction] = parts(b);
  if (aInteger.length !== bInteger.length) return aInteger.length - bInteger.length;
  if (aInteger !== bInteger) return aInteger < bInteger ? -1 : 1;
  const scale = Math.max(aFraction.length, bFraction.length);
  const [x, y] = [aFraction.padEnd(scale, "0"), bFraction.padEnd(scale, "0")];
  return x === y ? 0 : x < y ? -1 : 1;
}

/** The digits before the point without leading zeros, and those after it. */
function parts(magnitude) {
  const point = magnitude.indexOf(".");
  const end = point < 0 ? magnitude.length : point;
  let start = 0;
  while (start < end && magnitude[start] === "0") start += 1;
  return [magnitude.slice(start, end), point < 0 ? "" : magnitude.slice(point + 1)];
}

function scaleOf(decimal) {
  const point = decimal.indexOf(".");
  return point < 0 ? 0 : decimal.length - point - 1;
}

function mantissa(decimal, scale) {
  if (!/^-?\d+(\.\d*)?$/.test(decimal)) return undefined;
  const [integer, fraction = ""] = decimal.split(".");
  return BigInt(integer + fraction.padEnd(scale, "0"));
}

function divideRounded(dividend, divisor) {
  const half = dividend < 0n ? -divisor : divisor;
  return (2n * dividend + half) / (2n * divisor);
}

function write(value, scale) {
  const digits = (value < 0n ? -value : value).toString().padStart(scale + 1, "0");
  const point = digits.length - scale;
  return (value < 0n ? "-" : "") + digits.slice(0, point) + (scale > 0 ? `.${digits.slice(point)}` : "");
}
