//! One symbol's book as the stand-in keeps it, to make snapshots for those who come late.

use crate::json::{elements, fields, unquoted};
use schemas::checksum;
use schemas::decimal::Decimal;
use schemas::model::{Level, Side};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Both sides, with the digits that the venue last sent for each level.
#[derive(Debug, Clone, Default)]
pub struct Book {
    bids: BTreeMap<Reverse<Decimal>, Level>,
    asks: BTreeMap<Decimal, Level>,
}

impl Book {
    /// Sets a level; a size of zero deletes it.
    pub fn set(&mut self, side: Side, level: Level) {
        let Level { price, size } = level;
        match (side, size.is_zero()) {
            (Side::Buy, false) => drop(self.bids.insert(Reverse(price), level)),
            (Side::Buy, true) => drop(self.bids.remove(&Reverse(price))),
            (Side::Sell, false) => drop(self.asks.insert(price, level)),
            (Side::Sell, true) => drop(self.asks.remove(&price)),
        }
    }

    /// Sets the levels of an array of `[price, size]` or `{"price":...,"qty":...}`. None if something there is no level; what
    /// stands before it is set then.
    pub fn set_all(&mut self, side: Side, levels: &str) -> Option<()> {
        let mut all = elements(levels);
        for (_, text) in all.by_ref() {
            self.set(side, level(text)?);
        }
        (!all.is_broken()).then_some(())
    }

    /// Forgets what lies beyond the `depth` best levels of each side.
    pub fn truncate(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_last();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    /// The bids, best first.
    pub fn bids(&self) -> impl Iterator<Item = &Level> {
        self.bids.values()
    }

    /// The asks, best first.
    pub fn asks(&self) -> impl Iterator<Item = &Level> {
        self.asks.values()
    }

    /// The checksum of the ten best levels, by Kraken's rule.
    #[must_use]
    pub fn checksum(&self) -> u32 {
        checksum::of_book(self.asks(), self.bids())
    }
}

/// A level written as `["price","size",...]` or as `{"price":...,"qty":...}`.
#[must_use]
pub fn level(text: &str) -> Option<Level> {
    let number = |text: &str| Decimal::parse(unquoted(text).as_bytes()).ok();
    if text.starts_with('[') {
        let mut parts = elements(text).map(|(_, part)| number(part));
        return Some(Level { price: parts.next()??, size: parts.next()?? });
    }
    let (mut price, mut size) = (None, None);
    for field in fields(text) {
        match field.key {
            "price" => price = number(field.value),
            "qty" => size = number(field.value),
            _ => {}
        }
    }
    Some(Level { price: price?, size: size? })
}

/// Writes levels as `[["price","size"],...]`.
pub fn write_pairs<'a>(levels: impl Iterator<Item = &'a Level>, out: &mut String) {
    write_list(levels, out, |level, out| *out += &format!("[\"{}\",\"{}\"]", level.price, level.size));
}

/// Writes levels as `[{"price":1.0,"qty":2.0},...]`, with bare numbers.
pub fn write_objects<'a>(levels: impl Iterator<Item = &'a Level>, out: &mut String) {
    write_list(levels, out, |level, out| {
        *out += &format!("{{\"price\":{},\"qty\":{}}}", level.price, level.size);
    });
}

fn write_list<'a>(
    levels: impl Iterator<Item = &'a Level>,
    out: &mut String,
    write: impl Fn(&Level, &mut String),
) {
    out.push('[');
    for (n, level) in levels.enumerate() {
        if n > 0 {
            out.push(',');
        }
        write(level, out);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_ordered_kept_as_written_and_deleted_by_zero() {
        let mut book = Book::default();
        book.set_all(Side::Buy, r#"[["1.50","2"],["1.60","3.00"],["1.40","1"]]"#).unwrap();
        book.set_all(Side::Sell, r#"[{"price":1.80,"qty":0.10},{"price":1.70,"qty":5}]"#).unwrap();
        book.set_all(Side::Buy, r#"[["1.5","0.00000000"]]"#).unwrap();
        book.truncate(1);
        let (mut bids, mut asks) = (String::new(), String::new());
        write_pairs(book.bids(), &mut bids);
        write_objects(book.asks(), &mut asks);
        assert_eq!((bids.as_str(), asks.as_str()), (r#"[["1.60","3.00"]]"#, r#"[{"price":1.70,"qty":5}]"#));
    }

    #[test]
    fn what_is_no_level_is_said() {
        for wrong in [r#"[["x","1"]]"#, r#"[["1"]]"#, r#"[{"price":1}]"#, "[[", r#"["1"]"#] {
            assert_eq!(Book::default().set_all(Side::Buy, wrong), None, "{wrong}");
        }
    }
}
