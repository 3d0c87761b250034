//! Bybit: whole books of one level, which are the quotes, and deeper ones with numbered changes.

use super::{Reading, Symbol, json, text};
use crate::captures::Recording;
use serde_json::Value;

/// Levels a side of the deepest books of a recording.
pub(super) fn deepest(recording: &Recording) -> Option<usize> {
    let depth = |line: &str| line.split_once("\"orderbook.")?.1.split_once('.')?.0.parse().ok();
    recording.lines().filter_map(depth).max()
}

impl Reading<'_> {
    pub(super) fn bybit(&mut self, rest: &str) {
        let value = json(rest);
        let Some((kind, name)) = value["topic"].as_str().and_then(|topic| topic.rsplit_once('.')) else {
            return;
        };
        let (depth, from_book) = (self.depth, self.from_book);
        let symbol = self.symbol(name);
        let data = &value["data"];
        match kind {
            "publicTrade" => data.as_array().unwrap().iter().for_each(|trade| symbol.bybit_trade(trade)),
            "orderbook.1" => symbol.bybit_quote(data),
            _ => {}
        }
        if kind == format!("orderbook.{depth}") {
            if value["type"] == "snapshot" {
                symbol.begin();
            }
            symbol.set_all(&data["b"], &data["a"]);
            symbol.changed(depth, from_book);
        }
    }
}

impl Symbol {
    fn bybit_trade(&mut self, trade: &Value) {
        let [id, price, size, side] = ["i", "p", "v", "S"].map(|key| text(&trade[key]));
        self.expected.trades.push(format!("{id} {price} {size} {}", side.to_lowercase()));
    }

    /// What comes again under the same number is not told again.
    fn bybit_quote(&mut self, data: &Value) {
        let side = |key: &str| {
            data[key]
                .get(0)
                .map_or("- -".to_owned(), |level| format!("{} {}", text(&level[0]), text(&level[1])))
        };
        let quote = format!("{} {}", side("b"), side("a"));
        let id = data["u"].as_u64().unwrap();
        if id != self.last_id || self.expected.quotes.last() != Some(&quote) {
            self.expected.quotes.push(quote);
        }
        self.last_id = id;
    }
}
