//! Binance, spot and futures: combined streams of trades, book tickers, depth every 100 ms and tickers every second; exchange
//! information and the depth over REST.

use super::listing::{Listing, text};
use super::pending::Pending;
use super::teller::{Output, Teller};
use crate::book::write_pairs;
use feed::sim::flow::Step;
use schemas::capture::Body;
use schemas::decimal::Decimal;
use schemas::model::{Level, Side};
use schemas::venue::binance::Product;
use serde_json::{Value, json};
use std::io;

/// The first update id of futures.
const FUTURES_ID: u64 = 1_000_000_000;
const DEPTH_NS: u64 = 100_000_000;
/// Depth intervals from one ticker to the next.
const TICKER_EVERY: u64 = 10;

/// The connection of USD-M that carries what is summed up.
const MARKET_CONNECTION: u32 = 1;

pub(crate) struct Binance {
    product: Product,
    symbols: Vec<Symbol>,
    /// The last update id of futures, which number the updates of all symbols together.
    id: u64,
    pauses: u64,
}

/// What has been told of a symbol.
#[derive(Default)]
struct Symbol {
    /// The last update id.
    id: u64,
    /// The first id of the changes that wait for the next depth event.
    first: u64,
    /// The last id of the depth event before.
    previous: u64,
    pending: Pending,
    /// Whether the depth over REST has been fetched.
    is_fetched: bool,
    best: Option<(Level, Level)>,
    /// How many trades the last ticker knew.
    ticked: u64,
}

impl Binance {
    pub(crate) fn new(product: Product, symbols: usize) -> Self {
        // Ids of different symbols of spot lie far apart, as the venue's do.
        let symbol = |at: usize| {
            let id = if product.is_future() { FUTURES_ID } else { (at as u64 + 1) * 1_000_000_000 };
            Symbol { id, previous: id, ..Symbol::default() }
        };
        Self { product, symbols: (0..symbols).map(symbol).collect(), id: FUTURES_ID, pauses: 0 }
    }
}

impl Teller for Binance {
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        let product = self.product;
        let host = host(product);
        for (connection, kinds) in connections(product).iter().enumerate() {
            let streams: Vec<_> =
                listings.iter().flat_map(|listing| streams(listing, kinds.streams)).collect();
            let url = format!("wss://{host}{}/stream?streams={}", kinds.route, streams.join("/"));
            out.record_on(u32::try_from(connection).unwrap_or(0), Body::Open { url: &url })?;
        }
        let info = json!({
            "timezone": "UTC", "serverTime": out.now_ms(), "rateLimits": [], "exchangeFilters": [],
            "symbols": Value::from_iter(listings.iter().map(|listing| symbol_info(product, listing))),
        });
        let url = format!("{}/exchangeInfo", rest(product));
        out.record(Body::Http { url: &url, body: &info.to_string() })
    }

    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()> {
        let (product, symbol, now) = (self.product, &listing.symbol, out.now_ms());
        for (id, fill) in listing.ids(step).zip(&step.fills) {
            let Level { price, size } = written(product, listing.level(*fill));
            let is_maker = step.aggressor == Some(Side::Sell);
            let (before, behind) = if product.is_future() {
                (format!("\"E\":{now},\"T\":{now}"), format!("\"X\":\"MARKET\",\"m\":{is_maker}"))
            } else {
                (format!("\"E\":{now}"), format!("\"T\":{now},\"m\":{is_maker},\"M\":true"))
            };
            let trade = format!(
                "{{\"e\":\"trade\",{before},\"s\":\"{symbol}\",\"t\":{id},\"p\":\"{price}\",\"q\":\"{size}\",{behind}}}"
            );
            frame(listing, "trade", out, &trade)?;
        }
        let told = &mut self.symbols[at];
        if product.is_future() {
            told.skip_to(self.id);
        }
        told.note(listing, step);
        self.id = self.id.max(told.id);
        let best = listing.best();
        if told.best.replace(best) != Some(best) {
            let (bid, ask) = (written(product, best.0), written(product, best.1));
            let quote = format!(
                "\"b\":\"{}\",\"B\":\"{}\",\"a\":\"{}\",\"A\":\"{}\"",
                bid.price, bid.size, ask.price, ask.size
            );
            let (id, pair) = (told.id, pair(product, symbol));
            let ticker = if product.is_future() {
                format!(
                    "{{\"e\":\"bookTicker\",\"u\":{id},\"s\":\"{symbol}\",{pair}{quote},\"T\":{now},\"E\":{now}}}"
                )
            } else {
                format!("{{\"u\":{id},\"s\":\"{symbol}\",{quote}}}")
            };
            frame(listing, "bookTicker", out, &ticker)?;
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
            told.tell_depth(self.product, listing, out)?;
            if ticks && told.ticked != listing.trades {
                told.ticked = listing.trades;
                let connection = if self.product == Product::UsdM { MARKET_CONNECTION } else { 0 };
                frame_on(connection, listing, "ticker", out, &ticker(self.product, listing, out))?;
            }
        }
        Ok(())
    }
}

impl Symbol {
    /// Other symbols have taken the ids up to this one.
    fn skip_to(&mut self, id: u64) {
        self.id = id;
    }

    /// Each changed level takes an update id.
    fn note(&mut self, listing: &Listing, step: &Step) {
        if self.pending.is_empty() {
            self.first = self.id + 1;
        }
        self.id += self.pending.note(listing, step);
    }

    /// Tells the changes since the last time, and behind the first of them the depth that was fetched meanwhile.
    fn tell_depth(&mut self, product: Product, listing: &Listing, out: &mut Output<'_>) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Pending { bids, asks } = self.pending.take();
        let (symbol, now, first, last) = (&listing.symbol, out.now_ms(), self.first, self.id);
        let mut event = if product.is_future() {
            let (pair, previous) = (pair(product, symbol), self.previous);
            format!(
                "{{\"e\":\"depthUpdate\",\"E\":{now},\"T\":{now},\"s\":\"{symbol}\",{pair}\"U\":{first},\"u\":{last},\"pu\":{previous},\"b\":"
            )
        } else {
            format!(
                "{{\"e\":\"depthUpdate\",\"E\":{now},\"s\":\"{symbol}\",\"U\":{first},\"u\":{last},\"b\":"
            )
        };
        self.previous = last;
        write_levels(product, &bids, &mut event);
        event += ",\"a\":";
        write_levels(product, &asks, &mut event);
        event += "}";
        frame(listing, "depth@100ms", out, &event)?;
        if !self.is_fetched {
            self.is_fetched = true;
            let (rest, limit) = (rest(product), product.depth_max());
            let url = format!("{rest}/depth?symbol={symbol}&limit={limit}");
            let body = self.depth(product, listing, now);
            out.record(Body::Http { url: &url, body: &body })?;
        }
        Ok(())
    }

    fn depth(&self, product: Product, listing: &Listing, now: u64) -> String {
        let (bids, asks) = listing.book();
        let mut body = format!("{{\"lastUpdateId\":{}", self.id);
        if product.is_future() {
            body += &format!(",\"E\":{now},\"T\":{now}");
        }
        if product == Product::CoinM {
            let symbol = &listing.symbol;
            body += &format!(",\"symbol\":\"{symbol}\",\"pair\":\"{}\"", pair_of(symbol));
        }
        body += ",\"bids\":";
        write_levels(product, &bids, &mut body);
        body += ",\"asks\":";
        write_levels(product, &asks, &mut body);
        body + "}"
    }
}

/// An entry point, and the streams that are taken from it.
struct Connection {
    route: &'static str,
    streams: &'static [&'static str],
}

const fn connections(product: Product) -> &'static [Connection] {
    match product {
        Product::UsdM => &[
            Connection { route: "/public", streams: &["trade", "bookTicker", "depth@100ms"] },
            Connection { route: "/market", streams: &["ticker"] },
        ],
        Product::Spot | Product::CoinM => {
            &[Connection { route: "", streams: &["trade", "bookTicker", "depth@100ms", "ticker"] }]
        }
    }
}

const fn host(product: Product) -> &'static str {
    match product {
        Product::Spot => "stream.binance.com:9443",
        Product::UsdM => "fstream.binance.com",
        Product::CoinM => "dstream.binance.com",
    }
}

const fn rest(product: Product) -> &'static str {
    match product {
        Product::Spot => "https://api.binance.com/api/v3",
        Product::UsdM => "https://fapi.binance.com/fapi/v1",
        Product::CoinM => "https://dapi.binance.com/dapi/v1",
    }
}

/// A level as the product writes it: lots are whole contracts with COIN-M.
fn written(product: Product, level: Level) -> Level {
    match product {
        Product::CoinM => Level { size: Decimal::new(level.size.mantissa(), 0), ..level },
        Product::Spot | Product::UsdM => level,
    }
}

fn write_levels(product: Product, levels: &[Level], out: &mut String) {
    let levels: Vec<_> = levels.iter().map(|level| written(product, *level)).collect();
    write_pairs(levels.iter(), out);
}

/// The pair that a contract is of, which COIN-M names beside the symbol.
fn pair(product: Product, symbol: &str) -> String {
    if product == Product::CoinM { format!("\"ps\":\"{}\",", pair_of(symbol)) } else { String::new() }
}

fn pair_of(symbol: &str) -> &str {
    symbol.split('_').next().unwrap_or_default()
}

fn streams(listing: &Listing, kinds: &[&str]) -> Vec<String> {
    let symbol = listing.symbol.to_lowercase();
    kinds.iter().map(|kind| format!("{symbol}@{kind}")).collect()
}

fn frame(listing: &Listing, kind: &str, out: &mut Output<'_>, data: &str) -> io::Result<()> {
    frame_on(0, listing, kind, out, data)
}

fn frame_on(
    connection: u32,
    listing: &Listing,
    kind: &str,
    out: &mut Output<'_>,
    data: &str,
) -> io::Result<()> {
    let symbol = listing.symbol.to_lowercase();
    let text = format!("{{\"stream\":\"{symbol}@{kind}\",\"data\":{data}}}");
    out.record_on(connection, Body::Frame(&text))
}

fn ticker(product: Product, listing: &Listing, out: &Output<'_>) -> String {
    let ticker = listing.ticker();
    let (bid, ask) = listing.best();
    let (last, open) = (ticker.last.unwrap_or(Decimal::ZERO), ticker.open.unwrap_or(Decimal::ZERO));
    let change = Decimal::new(last.mantissa() - open.mantissa(), last.scale());
    let now = out.now_ms();
    let mut event = json!({
        "e": "24hrTicker", "E": now, "s": listing.symbol, "p": change.to_string(), "P": text(ticker.change_pct),
        "w": text(ticker.vwap), "x": open.to_string(), "c": last.to_string(), "Q": "0.00000000",
        "b": bid.price.to_string(), "B": bid.size.to_string(), "a": ask.price.to_string(), "A": ask.size.to_string(),
        "o": open.to_string(), "h": text(ticker.high), "l": text(ticker.low), "v": text(ticker.volume), "q": text(ticker.quote_volume),
        "O": now - 86_400_000, "C": now, "F": listing.trade_id + 1 - listing.trades, "L": listing.trade_id, "n": listing.trades,
    });
    if let Value::Object(fields) = &mut event
        && product.is_future()
    {
        ["x", "b", "B", "a", "A"].iter().for_each(|spots| _ = fields.shift_remove(*spots));
    }
    if product == Product::CoinM {
        // Contracts of ten dollars each, and what they are worth in the base asset.
        let contracts = ticker.volume.map_or(0, |volume| volume.mantissa());
        let base = contracts * 10 * 10_i128.pow(8 + last.scale()) / last.mantissa().max(1);
        event["v"] = json!(contracts.to_string());
        event["q"] = json!(Decimal::new(base, 8).to_string());
        event["ps"] = json!(pair_of(&listing.symbol));
    }
    event.to_string()
}

fn symbol_info(product: Product, listing: &Listing) -> Value {
    let Listing { symbol, base, .. } = listing;
    let (tick, lot) = listing.increments();
    let lot = if product == Product::CoinM { Decimal::new(1, 0) } else { lot };
    let filters = json!([
        {"filterType": "PRICE_FILTER", "minPrice": tick.to_string(), "tickSize": tick.to_string()},
        {"filterType": "LOT_SIZE", "minQty": lot.to_string(), "stepSize": lot.to_string()},
    ]);
    let (price, size) = (tick.scale(), lot.scale());
    match product {
        Product::Spot => json!({
            "symbol": symbol, "status": "TRADING",
            "baseAsset": base, "baseAssetPrecision": 8, "quoteAsset": "USDT", "quotePrecision": 8, "quoteAssetPrecision": 8,
            "filters": filters,
        }),
        Product::UsdM => json!({
            "symbol": symbol, "pair": symbol, "contractType": "PERPETUAL", "status": "TRADING",
            "baseAsset": base, "quoteAsset": "USDT", "marginAsset": "USDT",
            "pricePrecision": price, "quantityPrecision": size, "baseAssetPrecision": 8, "quotePrecision": 8,
            "filters": filters,
        }),
        Product::CoinM => json!({
            "symbol": symbol, "pair": pair_of(symbol), "contractType": "PERPETUAL", "contractStatus": "TRADING",
            "contractSize": 10, "baseAsset": base, "quoteAsset": "USD", "marginAsset": base,
            "pricePrecision": price, "quantityPrecision": size, "baseAssetPrecision": 8, "quotePrecision": 8,
            "filters": filters,
        }),
    }
}
