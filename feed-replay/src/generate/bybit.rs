//! Bybit, linear contracts: books of 200 levels every 100 ms numbered one by one, best bid and ask at each change and after three
//! quiet seconds, trades with UUIDs, and tickers that tell what has changed.

use super::listing::{Listing, text};
use super::pending::Pending;
use super::teller::{Output, Teller};
use feed::sim::flow::Step;
use schemas::capture::{Body, UnixNanos};
use schemas::decimal::Decimal;
use schemas::model::{Level, Side};
use serde_json::json;
use std::io;

const BOOKS_NS: u64 = 100_000_000;
/// After so long without a change the best bid and ask come again.
const QUIET_NS: u64 = 3_000_000_000;
/// Topics of a symbol.
const TOPICS: [&str; 4] = ["orderbook.200", "orderbook.1", "publicTrade", "tickers"];
/// Fields of a ticker.
const FIELDS: usize = 13;

pub(crate) struct Bybit {
    instruments: Vec<Instrument>,
    /// Orders over all symbols: the venue numbers across its topics.
    seq: u64,
}

/// What has been told of an instrument.
#[derive(Default)]
struct Instrument {
    /// The number of the last message of the book, and of the best bid and ask.
    update_id: u64,
    best_id: u64,
    pending: Pending,
    best: Option<(Level, Level)>,
    best_at: UnixNanos,
    last_price: Option<Decimal>,
    tick: &'static str,
    /// The fields of the ticker as they were last told.
    ticker: Option<[(&'static str, String); FIELDS]>,
}

impl Bybit {
    pub(crate) fn new(listings: &[Listing]) -> Self {
        let instrument = |at: usize| {
            let id = (at as u64 + 1) * 1_000_000;
            Instrument { update_id: id, best_id: 2 * id, tick: "ZeroPlusTick", ..Instrument::default() }
        };
        Self { instruments: (0..listings.len()).map(instrument).collect(), seq: 10_000_000_000 }
    }
}

impl Teller for Bybit {
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        out.record(Body::Open { url: "wss://stream.bybit.com/v5/public/linear" })?;
        for (n, listing) in listings.iter().enumerate() {
            let args = TOPICS.map(|topic| format!("{topic}.{}", listing.symbol));
            let request = json!({"req_id": n.to_string(), "op": "subscribe", "args": args});
            out.record(Body::Sent(&request.to_string()))?;
        }
        for (told, listing) in self.instruments.iter_mut().zip(listings) {
            let (bids, asks) = listing.book();
            out.frame(&book("snapshot", 200, listing, (&bids, &asks), (told.update_id, self.seq), out))?;
            told.tell_best(listing, self.seq, out)?;
            told.tell_ticker(listing, self.seq, out)?;
        }
        for n in 0..listings.len() {
            out.frame(&format!(
                "{{\"success\":true,\"ret_msg\":\"\",\"conn_id\":\"0000000a\",\"req_id\":\"{n}\",\"op\":\"subscribe\"}}"
            ))?;
        }
        Ok(())
    }

    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()> {
        self.seq += 1;
        let told = &mut self.instruments[at];
        told.pending.note(listing, step);
        if !step.fills.is_empty() {
            let trades = told.trades(listing, step, self.seq, out);
            let (symbol, now) = (&listing.symbol, out.now_ms());
            out.frame(&format!(
                "{{\"topic\":\"publicTrade.{symbol}\",\"type\":\"snapshot\",\"ts\":{now},\"data\":[{trades}]}}"
            ))?;
        }
        told.tell_best(listing, self.seq, out)
    }

    fn pause_ns(&self) -> u64 {
        BOOKS_NS
    }

    fn pause(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        for (told, listing) in self.instruments.iter_mut().zip(listings) {
            told.tell_book(listing, self.seq, out)?;
            told.tell_ticker(listing, self.seq, out)?;
            told.tell_best(listing, self.seq, out)?;
        }
        Ok(())
    }
}

impl Instrument {
    fn tell_book(&mut self, listing: &Listing, seq: u64, out: &mut Output<'_>) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.update_id += 1;
        let Pending { bids, asks } = self.pending.take();
        out.frame(&book("delta", 200, listing, (&bids, &asks), (self.update_id, seq), out))
    }

    fn tell_best(&mut self, listing: &Listing, seq: u64, out: &mut Output<'_>) -> io::Result<()> {
        let best = listing.best();
        if self.best.replace(best) != Some(best) {
            self.best_id += 1;
        } else if out.now < self.best_at + QUIET_NS {
            return Ok(());
        }
        self.best_at = out.now;
        let ids = (self.best_id, seq);
        out.frame(&book("snapshot", 1, listing, (&[best.0], &[best.1]), ids, out))
    }

    /// A whole ticker at first, then the fields that are others than before.
    fn tell_ticker(&mut self, listing: &Listing, seq: u64, out: &mut Output<'_>) -> io::Result<()> {
        let fields = self.ticker_fields(listing);
        let before = self.ticker.replace(fields);
        let changed = |(field, at): &(&(&str, String), usize)| {
            // The symbol stands in all of them.
            *at == 0 || before.as_ref().is_none_or(|before| before[*at].1 != field.1)
        };
        let told = self.ticker.iter().flatten().zip(0..).filter(changed);
        let told: Vec<_> = told.map(|((key, value), _)| format!("\"{key}\":\"{value}\"")).collect();
        if told.len() < 2 {
            return Ok(());
        }
        let kind = if before.is_none() { "snapshot" } else { "delta" };
        let (symbol, now, fields) = (&listing.symbol, out.now_ms(), told.join(","));
        out.frame(&format!(
            "{{\"topic\":\"tickers.{symbol}\",\"type\":\"{kind}\",\"data\":{{{fields}}},\"cs\":{seq},\"ts\":{now}}}"
        ))
    }

    fn ticker_fields(&self, listing: &Listing) -> [(&'static str, String); FIELDS] {
        let ticker = listing.ticker();
        let (bid, ask) = listing.best();
        let change =
            ticker.change_pct.and_then(|percent| Decimal::parse(format!("{percent}e-2").as_bytes()).ok());
        [
            ("symbol", listing.symbol.clone()),
            ("tickDirection", self.tick.to_owned()),
            ("price24hPcnt", text(change)),
            ("lastPrice", text(ticker.last)),
            ("prevPrice24h", text(ticker.open)),
            ("highPrice24h", text(ticker.high)),
            ("lowPrice24h", text(ticker.low)),
            ("turnover24h", text(ticker.quote_volume)),
            ("volume24h", text(ticker.volume)),
            ("bid1Price", bid.price.to_string()),
            ("bid1Size", bid.size.to_string()),
            ("ask1Price", ask.price.to_string()),
            ("ask1Size", ask.size.to_string()),
        ]
    }

    fn trades(&mut self, listing: &Listing, step: &Step, seq: u64, out: &Output<'_>) -> String {
        let side = if step.aggressor == Some(Side::Sell) { "Sell" } else { "Buy" };
        let (symbol, now) = (&listing.symbol, out.now_ms());
        let mut trade = |(fill, id): (&(i64, i64), u64)| {
            let Level { price, size } = listing.level(*fill);
            self.tick = tick(self.last_price.replace(price), price, self.tick);
            let (tick, id) = (self.tick, uuid(symbol, id));
            format!(
                "{{\"T\":{now},\"s\":\"{symbol}\",\"S\":\"{side}\",\"v\":\"{size}\",\"p\":\"{price}\",\"L\":\"{tick}\",\"i\":\"{id}\",\"BT\":false,\"RPI\":false,\"seq\":{seq}}}"
            )
        };
        step.fills.iter().zip(listing.ids(step)).map(&mut trade).collect::<Vec<_>>().join(",")
    }
}

/// The venue's word for where a price has gone.
fn tick(last: Option<Decimal>, price: Decimal, before: &'static str) -> &'static str {
    let was_up = matches!(before, "PlusTick" | "ZeroPlusTick");
    match last.map(|last| price.cmp(&last)) {
        Some(std::cmp::Ordering::Greater) => "PlusTick",
        Some(std::cmp::Ordering::Less) => "MinusTick",
        _ if was_up => "ZeroPlusTick",
        _ => "ZeroMinusTick",
    }
}

/// A UUID made of the symbol and a number, another one for each.
fn uuid(symbol: &str, id: u64) -> String {
    let symbol = symbol.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let [high, low] = [id >> 48, id & 0xffff_ffff_ffff];
    format!("{symbol:08x}-{high:04x}-5000-8000-{low:012x}")
}

fn book(
    kind: &str,
    depth: u16,
    listing: &Listing,
    (bids, asks): (&[Level], &[Level]),
    (update_id, seq): (u64, u64),
    out: &Output<'_>,
) -> String {
    let level = |level: &Level| {
        let Level { price, size } = level;
        let size = if size.is_zero() { "0".to_owned() } else { size.to_string() };
        format!("[\"{price}\",\"{size}\"]")
    };
    let side = |levels: &[Level]| levels.iter().map(level).collect::<Vec<_>>().join(",");
    let (symbol, bids, asks) = (&listing.symbol, side(bids), side(asks));
    let now = out.now_ms();
    format!(
        "{{\"topic\":\"orderbook.{depth}.{symbol}\",\"type\":\"{kind}\",\"ts\":{now},\"data\":{{\"s\":\"{symbol}\",\"b\":[{bids}],\"a\":[{asks}],\"u\":{update_id},\"seq\":{seq}}},\"cts\":{now}}}"
    )
}
