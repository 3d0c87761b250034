//! Tick lines of fixed width.

use crate::ascii;
use std::ops::Range;

/// Symbols have numbers of at least this many digits.
const NAME_DIGITS_MIN: usize = 4;
/// Microseconds since the Unix epoch have 16 digits until the year 2286.
const TS_DIGITS: usize = 16;
/// Prices go from 1000.00 to 8999.99, so that they keep their width and no quote is the last one again.
const PRICE_CENTS_MIN: u64 = 100_000;
const PRICE_CENTS_SPAN: u64 = 800_000;
/// Sizes go from 100 to 999.
const SIZE_MIN: u64 = 100;
const SIZE_SPAN: u64 = 900;

/// The name of the symbol with this number among so many: `S0000`, `S0001`, all of one width.
#[must_use]
pub fn name(symbol: u32, symbols: u32) -> String {
    format!("S{symbol:0width$}", width = name_digits(symbols))
}

/// The bytes of a line in front of the digits of its symbol.
pub const BEFORE_SYMBOL: &[u8] = b"{\"channel\":\"quotes\",\"symbol\":\"S";
/// The bytes between the digits of the symbol and those of `ts`.
pub const BEFORE_TS: &[u8] = b"\",\"ts\":";

fn name_digits(symbols: u32) -> usize {
    let last = symbols.saturating_sub(1);
    let digits = last.checked_ilog10().map_or(1, |tens| tens as usize + 1);
    digits.max(NAME_DIGITS_MIN)
}

/// Writes lines: a template in which digits are replaced.
#[derive(Debug)]
pub struct Lines {
    template: Vec<u8>,
    symbol: Range<usize>,
    ts: Range<usize>,
    bid: Range<usize>,
    bid_size: Range<usize>,
    ask: Range<usize>,
    ask_size: Range<usize>,
}

impl Lines {
    /// For this many symbols.
    #[must_use]
    pub fn new(symbols: u32) -> Self {
        let mut template = Vec::new();
        let mut field = |before: &[u8], digits: &[u8]| {
            template.extend_from_slice(before);
            template.extend_from_slice(digits);
            template.len() - digits.len()..template.len()
        };
        let symbol = field(BEFORE_SYMBOL, &name(0, symbols).as_bytes()[1..]);
        let ts = field(BEFORE_TS, &[b'0'; TS_DIGITS]);
        let bid = field(b",\"bid\":\"", b"1000.00");
        let bid_size = field(b"\",\"bid_size\":\"", b"100");
        let ask = field(b"\",\"ask\":\"", b"1000.00");
        let ask_size = field(b"\",\"ask_size\":\"", b"100");
        template.extend_from_slice(b"\"}\n");
        Self { template, symbol, ts, bid, bid_size, ask, ask_size }
    }

    /// Appends the line of a symbol's update; the numbers of consecutive updates give different quotes.
    pub fn append(&mut self, out: &mut Vec<u8>, symbol: u32, ts_us: u64, number: u64) {
        ascii::put(&mut self.template[self.symbol.clone()], u64::from(symbol));
        ascii::put(&mut self.template[self.ts.clone()], ts_us);
        let bid_cents = PRICE_CENTS_MIN + number % (PRICE_CENTS_SPAN - 1);
        put_price(&mut self.template[self.bid.clone()], bid_cents);
        put_price(&mut self.template[self.ask.clone()], bid_cents + 1);
        ascii::put(&mut self.template[self.bid_size.clone()], SIZE_MIN + number % SIZE_SPAN);
        ascii::put(&mut self.template[self.ask_size.clone()], SIZE_MIN + number / 7 % SIZE_SPAN);
        out.extend_from_slice(&self.template);
    }

    /// Bytes of a line, its end included.
    #[must_use]
    pub fn width(&self) -> usize {
        self.template.len()
    }
}

fn put_price(field: &mut [u8], cents: u64) {
    let (whole, fraction) = field.split_at_mut(4);
    ascii::put(whole, cents / 100);
    ascii::put(&mut fraction[1..], cents % 100);
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemas::venue::Parser;
    use schemas::venue::ticks::{self, Data};

    #[test]
    fn every_line_is_one_that_a_broker_reads_and_all_are_of_one_width() {
        let mut parser = Parser::default();
        for symbols in [1, 7, 10_000, 10_001] {
            let (mut lines, mut last) = (Lines::new(symbols), None);
            for number in [0, 1, 99, 100, 799_998, 799_999, u64::MAX] {
                let (symbol, ts_us) = (symbols - 1, 1_795_257_960_428_740 + number % 1_000);
                let mut out = Vec::new();
                lines.append(&mut out, symbol, ts_us, number);
                assert_eq!((out.len(), out.pop()), (lines.width(), Some(b'\n')));
                let tick = ticks::parse(&out, &mut parser).unwrap();
                assert_eq!((tick.symbol, tick.ts.unwrap().0), (name(symbol, symbols).as_str(), ts_us));
                let Data::Quote(quote) = tick.data else { panic!("{tick:?}") };
                assert!(quote.bid < quote.ask && Some(quote) != last);
                last = Some(quote);
            }
        }
    }

    #[test]
    fn names_of_one_run_have_one_width() {
        assert_eq!((name(0, 1), name(42, 10_000)), ("S0000".to_owned(), "S0042".to_owned()));
        assert_eq!((name(0, 10_001), name(10_000, 10_001)), ("S00000".to_owned(), "S10000".to_owned()));
    }
}
