//! OKX: books every 100 ms numbered one after the other, best bid and ask, trades, and tickers every second.

use super::listing::{Listing, text};
use super::pending::Pending;
use super::teller::{Output, Teller};
use feed::sim::flow::Step;
use schemas::capture::Body;
use schemas::model::{Level, Side};
use serde_json::json;
use std::io;

const BOOKS_NS: u64 = 100_000_000;
/// Intervals of books from one ticker to the next.
const TICKER_EVERY: u64 = 10;
const CHANNELS: [&str; 4] = ["books", "bbo-tbt", "trades", "tickers"];

pub(crate) struct Okx {
    instruments: Vec<Instrument>,
    pauses: u64,
}

/// What has been told of an instrument.
#[derive(Default)]
struct Instrument {
    /// The number of the last message of the book, and the newest change's.
    told_seq: u64,
    seq: u64,
    pending: Pending,
    best: Option<(Level, Level)>,
    /// How many trades the last ticker knew.
    ticked: u64,
}

impl Okx {
    pub(crate) fn new(listings: &[Listing]) -> Self {
        let instrument = |at: usize| {
            let seq = (at as u64 + 1) * 1_000_000_000;
            Instrument { told_seq: seq, seq, ..Instrument::default() }
        };
        Self { instruments: (0..listings.len()).map(instrument).collect(), pauses: 0 }
    }
}

impl Teller for Okx {
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        out.record(Body::Open { url: "wss://ws.okx.com:8443/ws/v5/public" })?;
        let of_listing = |listing: &Listing| {
            CHANNELS.map(|channel| json!({"channel": channel, "instId": listing.symbol})).to_vec()
        };
        let args: Vec<_> = listings.iter().flat_map(of_listing).collect();
        out.record(Body::Sent(&json!({"op": "subscribe", "args": args}).to_string()))?;
        for arg in args {
            out.frame(&json!({"event": "subscribe", "arg": arg, "connId": "0000000a"}).to_string())?;
        }
        for (told, listing) in self.instruments.iter_mut().zip(listings) {
            let (bids, asks) = listing.book();
            let numbers = format!("\"checksum\":0,\"seqId\":{},\"prevSeqId\":-1", told.seq);
            let item = book(&bids, &asks, out, &numbers);
            out.frame(&message("books", listing, "\"action\":\"snapshot\",", &item))?;
            told.tell_best(listing, out)?;
            out.frame(&message("tickers", listing, "", &ticker(listing, out)))?;
        }
        Ok(())
    }

    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()> {
        let told = &mut self.instruments[at];
        told.seq += told.pending.note(listing, step);
        for trade in trades(listing, step, told.seq, out) {
            out.frame(&message("trades", listing, "", &trade))?;
        }
        told.tell_best(listing, out)
    }

    fn pause_ns(&self) -> u64 {
        BOOKS_NS
    }

    fn pause(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        self.pauses += 1;
        let ticks = self.pauses.is_multiple_of(TICKER_EVERY);
        for (told, listing) in self.instruments.iter_mut().zip(listings) {
            told.tell_book(listing, out)?;
            if ticks && told.ticked != listing.trades {
                told.ticked = listing.trades;
                out.frame(&message("tickers", listing, "", &ticker(listing, out)))?;
            }
        }
        Ok(())
    }
}

impl Instrument {
    fn tell_book(&mut self, listing: &Listing, out: &mut Output<'_>) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let Pending { bids, asks } = self.pending.take();
        let before = std::mem::replace(&mut self.told_seq, self.seq);
        let numbers = format!("\"checksum\":0,\"seqId\":{},\"prevSeqId\":{before}", self.seq);
        let item = book(&bids, &asks, out, &numbers);
        out.frame(&message("books", listing, "\"action\":\"update\",", &item))
    }

    fn tell_best(&mut self, listing: &Listing, out: &mut Output<'_>) -> io::Result<()> {
        let best = listing.best();
        if self.best.replace(best) == Some(best) {
            return Ok(());
        }
        let item = book(&[best.0], &[best.1], out, &format!("\"seqId\":{}", self.seq));
        out.frame(&message("bbo-tbt", listing, "", &item))
    }
}

fn message(channel: &str, listing: &Listing, action: &str, item: &str) -> String {
    let instrument = &listing.symbol;
    format!("{{\"arg\":{{\"channel\":\"{channel}\",\"instId\":\"{instrument}\"}},{action}\"data\":[{item}]}}")
}

fn book(bids: &[Level], asks: &[Level], out: &Output<'_>, numbers: &str) -> String {
    let level = |level: &Level| {
        let (price, size) = (level.price, level.size);
        let orders = u8::from(!size.is_zero());
        let size = if size.is_zero() { "0".to_owned() } else { size.to_string() };
        format!("[\"{price}\",\"{size}\",\"0\",\"{orders}\"]")
    };
    let side = |levels: &[Level]| levels.iter().map(level).collect::<Vec<_>>().join(",");
    let (asks, bids, now) = (side(asks), side(bids), out.now_ms());
    format!("{{\"asks\":[{asks}],\"bids\":[{bids}],\"ts\":\"{now}\",{numbers}}}")
}

/// The trades of a step; those at one price are one.
fn trades(listing: &Listing, step: &Step, seq: u64, out: &Output<'_>) -> Vec<String> {
    let side = if step.aggressor == Some(Side::Sell) { "sell" } else { "buy" };
    let (instrument, now) = (&listing.symbol, out.now_ms());
    let mut id = *listing.ids(step).start();
    let of_price = |fills: &[(i64, i64)]| {
        let lots = fills.iter().map(|(_, lots)| lots).sum();
        let Level { price, size } = listing.level((fills[0].0, lots));
        let count = fills.len();
        id += count as u64;
        format!(
            "{{\"instId\":\"{instrument}\",\"tradeId\":\"{}\",\"px\":\"{price}\",\"sz\":\"{size}\",\"side\":\"{side}\",\"ts\":\"{now}\",\"count\":\"{count}\",\"source\":\"0\",\"seqId\":{seq}}}",
            id - 1
        )
    };
    step.fills.chunk_by(|a, b| a.0 == b.0).map(of_price).collect()
}

fn ticker(listing: &Listing, out: &Output<'_>) -> String {
    let ticker = listing.ticker();
    let (bid, ask) = listing.best();
    json!({
        "instType": "SPOT", "instId": listing.symbol, "last": text(ticker.last), "lastSz": "1",
        "askPx": ask.price.to_string(), "askSz": ask.size.to_string(),
        "bidPx": bid.price.to_string(), "bidSz": bid.size.to_string(),
        "open24h": text(ticker.open), "high24h": text(ticker.high), "low24h": text(ticker.low),
        "volCcy24h": text(ticker.quote_volume), "vol24h": text(ticker.volume),
        "sodUtc0": text(ticker.open), "sodUtc8": text(ticker.open), "ts": out.now_ms().to_string(),
    })
    .to_string()
}
