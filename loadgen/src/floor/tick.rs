//! The least that can be read of a tick line.

use crate::publish::lines::{BEFORE_SYMBOL, BEFORE_TS};

/// Digits of `ts`.
pub(crate) const TS_DIGITS: usize = 16;

/// A line: the number of its symbol, and the digits of its time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tick<'a> {
    pub(super) symbol: usize,
    pub(super) ts: &'a [u8; TS_DIGITS],
}

impl<'a> Tick<'a> {
    /// Of a line that this program's publisher wrote.
    pub(super) fn of(line: &'a [u8]) -> Option<Self> {
        let rest = line.strip_prefix(BEFORE_SYMBOL)?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (symbol, rest) = rest.split_at(digits);
        let ts = rest.strip_prefix(BEFORE_TS)?.first_chunk()?;
        let symbol = symbol.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
        Some(Self { symbol, ts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::lines::Lines;

    #[test]
    fn symbol_and_time_of_what_the_publisher_writes() {
        for (symbols, symbol) in [(1, 0), (1_000, 42), (10_001, 10_000)] {
            let mut line = Vec::new();
            Lines::new(symbols).append(&mut line, symbol, 1_795_257_960_428_740, 7);
            let expected = Tick { symbol: symbol as usize, ts: b"1795257960428740" };
            assert_eq!(Tick::of(&line), Some(expected));
        }
        assert_eq!(Tick::of(br#"{"channel":"trades","symbol":"S0000","ts":1795257960428740}"#), None);
        assert_eq!(Tick::of(br#"{"channel":"quotes","symbol":"S0000","ts":17952}"#), None);
    }
}
