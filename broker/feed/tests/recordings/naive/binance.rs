//! Binance: events joined to the depth body by their numbers.

use super::{Reading, Symbol, json, text};
use feed::settings::Trades;
use serde_json::Value;

impl Reading<'_> {
    pub(super) fn binance(&mut self, rest: &str) {
        if let Some(http) = rest.strip_prefix("@http ") {
            let (url, body) = http.split_once(' ').unwrap();
            let name = url.split(['?', '&']).find_map(|part| part.strip_prefix("symbol=")).unwrap();
            return self.binance_body(name, &json(body));
        }
        let value = json(rest);
        if value.get("lastUpdateId").is_some() {
            let names: Vec<_> = self.symbols.keys().cloned().collect();
            assert_eq!(names.len(), 1);
            return self.binance_body(&names[0], &value);
        }
        let data = value.get("data").unwrap_or(&value);
        let name = data["s"].as_str().unwrap();
        let aggregate = self.settings.trades == Trades::Aggregate;
        match data["e"].as_str() {
            None | Some("bookTicker") => {
                let quote = ["b", "B", "a", "A"].map(|key| text(&data[key])).join(" ");
                self.symbol(name).expected.quotes.push(quote);
            }
            Some("trade") if !aggregate => self.binance_trade(name, data, "t"),
            Some("aggTrade") if aggregate => self.binance_trade(name, data, "a"),
            Some("depthUpdate") => {
                let (depth, from_book) = (self.depth, self.from_book);
                let symbol = self.symbol(name);
                if symbol.book.is_none() {
                    symbol.waiting.push(data.clone());
                } else {
                    symbol.binance_apply(data, depth, from_book);
                }
            }
            Some(_) => {}
        }
    }

    fn binance_trade(&mut self, name: &str, data: &Value, id: &str) {
        let side = if data["m"].as_bool().unwrap() { "sell" } else { "buy" };
        let trade = format!("{} {} {} {side}", data[id], text(&data["p"]), text(&data["q"]));
        self.symbol(name).expected.trades.push(trade);
    }

    fn binance_body(&mut self, name: &str, body: &Value) {
        let (depth, from_book) = (self.depth, self.from_book);
        let symbol = self.symbol(name);
        symbol.begin();
        symbol.set_all(&body["bids"], &body["asks"]);
        symbol.changed(depth, from_book);
        symbol.last_id = body["lastUpdateId"].as_u64().unwrap();
        for event in std::mem::take(&mut symbol.waiting) {
            symbol.binance_apply(&event, depth, from_book);
        }
    }
}

impl Symbol {
    fn binance_apply(&mut self, event: &Value, depth: usize, from_book: bool) {
        let (first, last) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
        if last <= self.last_id {
            return;
        }
        match event["pu"].as_u64() {
            // Behind its snapshot, which may lie within an event, each one names the one before it.
            Some(previous) if self.is_joined => {
                assert_eq!(previous, self.last_id, "the recording has no gap")
            }
            Some(previous) => assert!(previous <= self.last_id, "the snapshot joins"),
            None => assert!(first <= self.last_id + 1, "the recording has no gap"),
        }
        self.is_joined = true;
        self.last_id = last;
        self.set_all(&event["b"], &event["a"]);
        self.changed(depth, from_book);
    }
}
