//! A naive reading of a recording: JSON values, ordered maps, no cleverness.

mod binance;
mod bybit;
mod coinbase;
mod kraken;
mod okx;

use crate::captures::Recording;
use feed::settings::Settings;
use feed::venue::Venue;
use schemas::decimal::Decimal;
use serde_json::Value;
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
    /// Whether an event has followed the depth body.
    is_joined: bool,
}

struct Reading<'a> {
    settings: &'a Settings,
    /// Levels a side that are kept.
    depth: usize,
    /// Whether quotes are the book's top.
    from_book: bool,
    symbols: BTreeMap<String, Symbol>,
}

/// Reads the rest of one line, behind its time.
type ReadLine<'s> = fn(&mut Reading<'s>, &str);

pub(crate) fn read(recording: &Recording, settings: &Settings) -> BTreeMap<String, Expected> {
    let (quote_mark, read_line): (&str, ReadLine<'_>) = match recording.venue {
        Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => ("@bookTicker", Reading::binance),
        Venue::Bybit => ("{\"topic\":\"orderbook.1.", Reading::bybit),
        Venue::Coinbase => ("\"type\":\"ticker\"", Reading::coinbase),
        Venue::Kraken => ("\"channel\":\"ticker\",\"type\"", Reading::kraken),
        Venue::Okx => ("{\"arg\":{\"channel\":\"bbo-tbt\"", Reading::okx),
        Venue::Ticks => panic!("there is no recording of tick lines"),
    };
    let granted = match recording.venue {
        Venue::Bybit => bybit::deepest(recording),
        Venue::Kraken => kraken::granted(recording),
        Venue::Okx => Some(okx::DEPTH),
        _ => None,
    };
    let mut reading = Reading {
        settings,
        depth: settings.book_depth.min(granted.unwrap_or(usize::MAX)),
        from_book: !recording.lines().any(|line| line.contains(quote_mark)),
        symbols: BTreeMap::new(),
    };
    for line in recording.lines() {
        read_line(&mut reading, line.split_once(' ').unwrap().1);
    }
    reading.symbols.into_iter().map(|(name, symbol)| (name, symbol.finished())).collect()
}

impl Reading<'_> {
    fn symbol(&mut self, name: &str) -> &mut Symbol {
        self.symbols.entry(name.to_owned()).or_default()
    }
}

impl Symbol {
    fn begin(&mut self) {
        self.book = Some(Default::default());
        self.kept = Default::default();
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
