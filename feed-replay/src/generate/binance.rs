//! Binance: combined streams of trades, book tickers, depth every 100 ms and tickers every second; exchange information and
//! the depth over REST.

use super::listing::{Listing, text};
use super::pending::Pending;
use super::teller::{Output, Teller};
use crate::book::write_pairs;
use feed::sim::flow::Step;
use schemas::capture::Body;
use schemas::decimal::Decimal;
use schemas::model::{Level, Side};
use serde_json::{Value, json};
use std::io;

const DEPTH_NS: u64 = 100_000_000;
/// Depth intervals from one ticker to the next.
const TICKER_EVERY: u64 = 10;

pub(crate) struct Binance {
    symbols: Vec<Symbol>,
    pauses: u64,
}

/// What has been told of a symbol.
#[derive(Default)]
struct Symbol {
    /// The last update id.
    id: u64,
    /// The first id of the changes that wait for the next depth event.
    first: u64,
    pending: Pending,
    /// Whether the depth over REST has been fetched.
    is_fetched: bool,
    best: Option<(Level, Level)>,
    /// How many trades the last ticker knew.
    ticked: u64,
}

impl Binance {
    pub(crate) fn new(symbols: usize) -> Self {
        // Ids of different symbols lie far apart, as the venue's do.
        let symbol = |at: usize| Symbol { id: (at as u64 + 1) * 1_000_000_000, ..Symbol::default() };
        Self { symbols: (0..symbols).map(symbol).collect(), pauses: 0 }
    }
}

impl Teller for Binance {
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        let streams: Vec<_> = listings.iter().flat_map(streams).collect();
        let url = format!("wss://stream.binance.com:9443/stream?streams={}", streams.join("/"));
        out.record(Body::Open { url: &url })?;
        let info = json!({
            "timezone": "UTC", "serverTime": out.now_ms(), "rateLimits": [], "exchangeFilters": [],
            "symbols": Value::from_iter(listings.iter().map(symbol_info)),
        });
        out.record(Body::Http { url: "https://api.binance.com/api/v3/exchangeInfo", body: &info.to_string() })
    }

    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()> {
        for (id, fill) in listing.ids(step).zip(&step.fills) {
            let Level { price, size } = listing.level(*fill);
            let (symbol, now, is_maker) = (&listing.symbol, out.now_ms(), step.aggressor == Some(Side::Sell));
            frame(
                listing,
                "trade",
                out,
                &format!(
                    "{{\"e\":\"trade\",\"E\":{now},\"s\":\"{symbol}\",\"t\":{id},\"p\":\"{price}\",\"q\":\"{size}\",\"T\":{now},\"m\":{is_maker},\"M\":true}}"
                ),
            )?;
        }
        let told = &mut self.symbols[at];
        told.note(listing, step);
        let best = listing.best();
        if told.best.replace(best) != Some(best) {
            let (bid, ask) = best;
            frame(
                listing,
                "bookTicker",
                out,
                &format!(
                    "{{\"u\":{},\"s\":\"{}\",\"b\":\"{}\",\"B\":\"{}\",\"a\":\"{}\",\"A\":\"{}\"}}",
                    told.id, listing.symbol, bid.price, bid.size, ask.price, ask.size
                ),
            )?;
        }
        Ok(())
    }

    fn pause_ns(&self) -> u64 {
        DEPTH_NS
    }

    fn pause(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        self.pauses += 1;
        let ticks = self.pauses.is_multiple_of(TICKER_EVERY);
        for (told, listing) in self.symbols.iter_mut().zip(listings) {
            told.tell_depth(listing, out)?;
            if ticks && told.ticked != listing.trades {
                told.ticked = listing.trades;
                frame(listing, "ticker", out, &ticker(listing, out))?;
            }
        }
        Ok(())
    }
}

impl Symbol {
    /// Each changed level takes an update id.
    fn note(&mut self, listing: &Listing, step: &Step) {
        if self.pending.is_empty() {
            self.first = self.id + 1;
        }
        self.id += self.pending.note(listing, step);
    }

    /// Tells the changes since the last time, and behind the first of them the depth that was fetched meanwhile.
    fn tell_depth(&mut self, listing: &Listing, out: &mut Output<'_>) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Pending { bids, asks } = self.pending.take();
        let (symbol, now) = (&listing.symbol, out.now_ms());
        let mut event = format!(
            "{{\"e\":\"depthUpdate\",\"E\":{now},\"s\":\"{symbol}\",\"U\":{},\"u\":{},\"b\":",
            self.first, self.id
        );
        write_pairs(bids.iter(), &mut event);
        event += ",\"a\":";
        write_pairs(asks.iter(), &mut event);
        event += "}";
        frame(listing, "depth@100ms", out, &event)?;
        if !self.is_fetched {
            self.is_fetched = true;
            let url = format!("https://api.binance.com/api/v3/depth?symbol={symbol}&limit=5000");
            out.record(Body::Http { url: &url, body: &self.depth(listing) })?;
        }
        Ok(())
    }

    fn depth(&self, listing: &Listing) -> String {
        let (bids, asks) = listing.book();
        let mut body = format!("{{\"lastUpdateId\":{},\"bids\":", self.id);
        write_pairs(bids.iter(), &mut body);
        body += ",\"asks\":";
        write_pairs(asks.iter(), &mut body);
        body + "}"
    }
}

fn streams(listing: &Listing) -> [String; 4] {
    let symbol = listing.symbol.to_lowercase();
    ["trade", "bookTicker", "depth@100ms", "ticker"].map(|kind| format!("{symbol}@{kind}"))
}

fn frame(listing: &Listing, kind: &str, out: &mut Output<'_>, data: &str) -> io::Result<()> {
    let symbol = listing.symbol.to_lowercase();
    out.frame(&format!("{{\"stream\":\"{symbol}@{kind}\",\"data\":{data}}}"))
}

fn ticker(listing: &Listing, out: &Output<'_>) -> String {
    let ticker = listing.ticker();
    let (bid, ask) = listing.best();
    let (last, open) = (ticker.last.unwrap_or(Decimal::ZERO), ticker.open.unwrap_or(Decimal::ZERO));
    let change = Decimal::new(last.mantissa() - open.mantissa(), last.scale());
    let now = out.now_ms();
    json!({
        "e": "24hrTicker", "E": now, "s": listing.symbol, "p": change.to_string(), "P": text(ticker.change_pct),
        "w": text(ticker.vwap), "x": open.to_string(), "c": last.to_string(), "Q": "0.00000000",
        "b": bid.price.to_string(), "B": bid.size.to_string(), "a": ask.price.to_string(), "A": ask.size.to_string(),
        "o": open.to_string(), "h": text(ticker.high), "l": text(ticker.low), "v": text(ticker.volume), "q": text(ticker.quote_volume),
        "O": now - 86_400_000, "C": now, "F": listing.trade_id + 1 - listing.trades, "L": listing.trade_id, "n": listing.trades,
    })
    .to_string()
}

fn symbol_info(listing: &Listing) -> Value {
    let (tick, lot) = listing.increments();
    json!({
        "symbol": listing.symbol, "status": "TRADING",
        "baseAsset": listing.base, "baseAssetPrecision": 8, "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": tick.to_string(), "tickSize": tick.to_string()},
            {"filterType": "LOT_SIZE", "minQty": lot.to_string(), "stepSize": lot.to_string()},
        ],
    })
}
