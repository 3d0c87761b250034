//! Coinbase: snapshots and their changes.

use super::{Reading, json, text};

impl Reading<'_> {
    pub(super) fn coinbase(&mut self, rest: &str) {
        let value = json(rest);
        let Some(name) = value["product_id"].as_str() else { return };
        let (depth, from_book) = (self.depth, self.from_book);
        let symbol = self.symbol(name);
        match value["type"].as_str().unwrap() {
            "snapshot" => {
                symbol.begin();
                symbol.set_all(&value["bids"], &value["asks"]);
                symbol.changed(depth, from_book);
            }
            "l2update" => {
                for change in value["changes"].as_array().unwrap() {
                    symbol.set(usize::from(change[0] == "sell"), text(&change[1]), text(&change[2]));
                }
                symbol.changed(depth, from_book);
            }
            "match" => {
                let side = if value["side"] == "buy" { "sell" } else { "buy" };
                let (price, size) = (text(&value["price"]), text(&value["size"]));
                symbol.expected.trades.push(format!("{} {price} {size} {side}", value["trade_id"]));
            }
            "ticker" => {
                let keys = ["best_bid", "best_bid_size", "best_ask", "best_ask_size"];
                let quote = keys.map(|key| value[key].as_str().unwrap_or("-").to_owned());
                symbol.expected.quotes.push(quote.join(" "));
            }
            _ => {}
        }
    }
}
