//! A naive reading of a recording: JSON values, ordered maps, no cleverness.

use crate::captures::Recording;
use feed::settings::{Settings, Trades};
use feed::venue::Venue;
use schemas::decimal::Decimal;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// What a recording says of one symbol.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) bids: Vec<(String, String)>,
    pub(crate) asks: Vec<(String, String)>,
    pub(crate) trades: Vec<String>,
    pub(crate) quotes: Vec<String>,
    /// The venue's own checksums, where it has them, of each message that changed the kept book.
    pub(crate) checksums: Option<Vec<u64>>,
}

#[derive(Debug, Default)]
struct Symbol {
    expected: Expected,
    book: Option<[BTreeMap<Decimal, (String, String)>; 2]>,
    kept: [Vec<(String, String)>; 2],
    /// Depth events that wait for their body.
    waiting: Vec<Value>,
    last_id: u64,
}

struct Reading<'a> {
    settings: &'a Settings,
    /// Levels a side that are kept.
    depth: usize,
    /// Whether quotes are the book's top.
    from_book: bool,
    symbols: BTreeMap<String, Symbol>,
}

pub(crate) fn read(recording: &Recording, settings: &Settings) -> BTreeMap<String, Expected> {
    let quote_mark = match recording.venue {
        Venue::Binance => "@bookTicker",
        Venue::Coinbase => "\"type\":\"ticker\"",
        _ => "\"channel\":\"ticker\",\"type\"",
    };
    let granted = recording.lines().filter_map(|line| line.split_once("\"channel\":\"book\",\"depth\":"));
    let granted = granted.filter_map(|(_, rest)| rest.split(',').next()?.parse::<usize>().ok()).next();
    let mut reading = Reading {
        settings,
        depth: settings.book_depth.min(granted.unwrap_or(usize::MAX)),
        from_book: !recording.lines().any(|line| line.contains(quote_mark)),
        symbols: BTreeMap::new(),
    };
    for line in recording.lines() {
        let (_, rest) = line.split_once(' ').unwrap();
        match recording.venue {
            Venue::Binance => reading.binance(rest),
            Venue::Coinbase => reading.coinbase(&json(rest)),
            _ => reading.kraken(rest),
        }
    }
    reading.symbols.into_iter().map(|(name, symbol)| (name, symbol.finished())).collect()
}

impl Reading<'_> {
    fn symbol(&mut self, name: &str) -> &mut Symbol {
        self.symbols.entry(name.to_owned()).or_default()
    }

    fn binance(&mut self, rest: &str) {
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
            None => {
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

    fn coinbase(&mut self, value: &Value) {
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

    fn kraken(&mut self, rest: &str) {
        let message: KrakenMessage<'_> = serde_json::from_str(rest).unwrap();
        let (Some(channel), Some(data)) = (message.channel, message.data) else { return };
        let (depth, from_book) = (self.depth, self.from_book);
        match channel {
            "book" => {
                for part in serde_json::from_str::<Vec<KrakenBook<'_>>>(data.get()).unwrap() {
                    let symbol = self.symbol(part.symbol);
                    if message.kind == Some("snapshot") {
                        symbol.begin();
                    }
                    for (side, levels) in [&part.bids, &part.asks].into_iter().enumerate() {
                        levels.iter().for_each(|level| {
                            symbol.set(side, level.price.get().to_owned(), level.qty.get().to_owned());
                        });
                    }
                    symbol.cut(depth);
                    if symbol.changed(depth, from_book) {
                        symbol.expected.checksums.get_or_insert_default().push(part.checksum);
                    }
                }
            }
            "trade" => {
                for part in serde_json::from_str::<Vec<KrakenTrade<'_>>>(data.get()).unwrap() {
                    let KrakenTrade { symbol, side, price, qty, trade_id } = part;
                    let trade = format!("{trade_id} {price} {qty} {side}");
                    self.symbol(symbol).expected.trades.push(trade);
                }
            }
            _ => {}
        }
    }
}

#[derive(serde::Deserialize)]
struct KrakenMessage<'a> {
    channel: Option<&'a str>,
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct KrakenBook<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    bids: Vec<KrakenLevel<'a>>,
    #[serde(borrow)]
    asks: Vec<KrakenLevel<'a>>,
    checksum: u64,
}

#[derive(serde::Deserialize)]
struct KrakenLevel<'a> {
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
}

#[derive(serde::Deserialize)]
struct KrakenTrade<'a> {
    symbol: &'a str,
    side: &'a str,
    #[serde(borrow)]
    price: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
    trade_id: u64,
}

impl Symbol {
    fn begin(&mut self) {
        self.book = Some(Default::default());
        self.kept = Default::default();
    }

    fn binance_apply(&mut self, event: &Value, depth: usize, from_book: bool) {
        let (first, last) = (event["U"].as_u64().unwrap(), event["u"].as_u64().unwrap());
        if last <= self.last_id {
            return;
        }
        assert!(first <= self.last_id + 1, "the recording has no gap");
        self.last_id = last;
        self.set_all(&event["b"], &event["a"]);
        self.changed(depth, from_book);
    }

    fn set_all(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in [bids, asks].into_iter().enumerate() {
            for level in levels.as_array().unwrap() {
                self.set(side, text(&level[0]), text(&level[1]));
            }
        }
    }

    fn set(&mut self, side: usize, price: String, size: String) {
        let key: Decimal = price.parse().unwrap();
        let book = &mut self.book.as_mut().expect("a book has begun")[side];
        if size.parse::<Decimal>().unwrap().is_zero() {
            book.remove(&key);
        } else {
            book.insert(key, (price, size));
        }
    }

    fn cut(&mut self, depth: usize) {
        let [bids, asks] = self.book.as_mut().expect("a book has begun");
        while bids.len() > depth {
            bids.pop_first();
        }
        while asks.len() > depth {
            asks.pop_last();
        }
    }

    /// Looks at the kept levels, and whether they are others than before.
    fn changed(&mut self, depth: usize, from_book: bool) -> bool {
        let [bids, asks] = self.book.as_ref().expect("a book has begun");
        let kept = || (bids.values().rev().take(depth), asks.values().take(depth));
        if kept().0.eq(&self.kept[0]) && kept().1.eq(&self.kept[1]) {
            return false;
        }
        let kept = [kept().0.cloned().collect::<Vec<_>>(), kept().1.cloned().collect()];
        if from_book {
            let side = |side: &[(String, String)]| {
                side.first().map_or("- -".to_owned(), |(price, size)| format!("{price} {size}"))
            };
            let quote = format!("{} {}", side(&kept[0]), side(&kept[1]));
            // A book that begins anew with the same top is no new quote.
            if self.expected.quotes.last() != Some(&quote) {
                self.expected.quotes.push(quote);
            }
        }
        self.kept = kept;
        true
    }

    fn finished(self) -> Expected {
        let [bids, asks] = self.kept;
        Expected { bids, asks, ..self.expected }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect(text)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
