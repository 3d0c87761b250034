//! Compares values with what serde_json reads in the same frame.

use schemas::decimal::Decimal;
use schemas::model::{Level, Micros};
use serde_json::Value;

/// The number is written like the string, or both are absent.
pub(crate) fn same_digits(number: Option<Decimal>, expected: &Value) {
    same_text(number, expected.as_str());
}

/// The number is written like the text, or both are absent. Of exponents only the value is kept.
pub(crate) fn same_text(number: Option<Decimal>, expected: Option<&str>) {
    match expected {
        Some(text) if text.contains(['e', 'E']) => assert_eq!(number, text.parse().ok()),
        text => assert_eq!(number.map(|n| n.to_string()).as_deref(), text),
    }
}

/// A whole number, also from a string.
pub(crate) fn unsigned(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The levels are those of an array of `["price","size"]`.
pub(crate) fn same_levels(levels: &[Level], expected: &Value) {
    let expected = expected.as_array().expect("an array");
    assert_eq!(levels.len(), expected.len());
    for (level, expected) in levels.iter().zip(expected) {
        same_digits(Some(level.price), &expected[0]);
        same_digits(Some(level.size), &expected[1]);
    }
}

/// The time is that of an RFC 3339 string, or both are absent.
pub(crate) fn same_time(time: Option<Micros>, expected: &Value) {
    let expected = expected.as_str().map(|text| {
        let time: jiff::Timestamp = text.parse().expect("a time");
        Micros(u64::try_from(time.as_microsecond()).expect("a time since 1970"))
    });
    assert_eq!(time, expected);
}
