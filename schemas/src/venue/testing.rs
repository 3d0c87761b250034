//! What the tests of all venues share.

use crate::decimal::Decimal;
use crate::model::Level;

pub(super) fn decimal(text: &str) -> Decimal {
    text.parse().expect(text)
}

pub(super) fn level(price: &str, size: &str) -> Level {
    Level { price: decimal(price), size: decimal(size) }
}
