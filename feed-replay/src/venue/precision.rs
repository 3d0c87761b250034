//! How fine the prices and sizes of a capture are: what a venue's REST interface tells of a symbol.

use crate::json::unquoted;
use schemas::decimal::Decimal;

/// The most digits behind the point.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Precision {
    pub(crate) price: u32,
    pub(crate) size: u32,
}

impl Precision {
    pub(crate) fn see_price(&mut self, digits: u32) {
        self.price = self.price.max(digits);
    }

    pub(crate) fn see_size(&mut self, digits: u32) {
        self.size = self.size.max(digits);
    }
}

/// How many digits behind the point a number has, quoted or bare, with the zeros at its end.
pub(crate) fn digits_as_written(number: &str) -> u32 {
    let text = unquoted(number);
    let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
    if Decimal::parse(text.as_bytes()).is_ok() { u32::try_from(fraction.len()).unwrap_or(0) } else { 0 }
}

/// How many of them it needs, without the zeros at its end.
pub(crate) fn digits_needed(number: &str) -> u32 {
    let text = unquoted(number);
    digits_as_written(if text.contains('.') { text.trim_end_matches('0') } else { text })
}

/// The smallest step with so many digits behind the point.
pub(crate) fn step(digits: u32) -> String {
    Decimal::new(1, digits).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_at_the_end_are_written_and_not_needed() {
        let cases = [
            ("\"0.02000000\"", 8, 2),
            ("63501.60", 2, 1),
            ("100", 0, 0),
            ("\"5.\"", 0, 0),
            ("\"x.y\"", 0, 0),
            ("7.0", 1, 0),
        ];
        for (number, written, needed) in cases {
            assert_eq!((digits_as_written(number), digits_needed(number)), (written, needed), "{number}");
        }
        assert_eq!((step(2), step(0)), ("0.01".to_owned(), "1".to_owned()));
    }
}
