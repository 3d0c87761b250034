//! Kraken: books of a depth with their checksums, trades and tickers, in bare numbers.

use super::SECOND_NS;
use super::listing::{Listing, text};
use super::teller::{Output, Teller};
use crate::book::write_objects;
use feed::sim::flow::Step;
use schemas::capture::Body;
use schemas::checksum;
use schemas::decimal::Decimal;
use schemas::model::{Level, Side};
use serde_json::{Value, json};
use std::io;

pub(super) const DEPTH: usize = 10;

pub(crate) struct Kraken {
    /// The best levels of each symbol as told: bids and asks.
    told: Vec<(Vec<Level>, Vec<Level>)>,
}

impl Kraken {
    pub(crate) fn new(listings: &[Listing]) -> Self {
        Self { told: listings.iter().map(best_levels).collect() }
    }
}

impl Teller for Kraken {
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        out.record(Body::Open { url: "wss://ws.kraken.com/v2" })?;
        out.frame("{\"channel\":\"status\",\"type\":\"update\",\"data\":[{\"version\":\"2.0.10\",\"system\":\"online\",\"api_version\":\"v2\",\"connection_id\":15113583034416118705}]}")?;
        let symbols: Vec<_> = listings.iter().map(|listing| listing.symbol.as_str()).collect();
        let channels = [
            json!({"channel": "book", "depth": DEPTH, "snapshot": true}),
            json!({"channel": "trade", "snapshot": false}),
            json!({"channel": "ticker", "event_trigger": "trades", "snapshot": true}),
        ];
        for channel in &channels {
            let mut params = channel.clone();
            params["symbol"] = json!(symbols);
            out.record(Body::Sent(&json!({"method": "subscribe", "params": params}).to_string()))?;
            symbols.iter().try_for_each(|symbol| out.frame(&granted(channel, symbol, &out.now_text())))?;
        }
        for (listing, (bids, asks)) in listings.iter().zip(&self.told) {
            out.frame(&book(
                "snapshot",
                listing,
                bids,
                asks,
                checksum::of_book(asks, bids),
                &out.now_text(),
            ))?;
            out.frame(&ticker("snapshot", listing))?;
        }
        Ok(())
    }

    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()> {
        let (old_bids, old_asks) = std::mem::replace(&mut self.told[at], best_levels(listing));
        let (bids, asks) = &self.told[at];
        let standing = listing.book();
        let bid_changes = changes(&old_bids, bids, &standing.0);
        let ask_changes = changes(&old_asks, asks, &standing.1);
        if !bid_changes.is_empty() || !ask_changes.is_empty() {
            let checksum = checksum::of_book(asks, bids);
            out.frame(&book("update", listing, &bid_changes, &ask_changes, checksum, &out.now_text()))?;
        }
        if step.fills.is_empty() {
            return Ok(());
        }
        out.frame(&trades(listing, step, &out.now_text()))?;
        out.frame(&ticker("update", listing))
    }

    fn pause_ns(&self) -> u64 {
        SECOND_NS
    }

    fn pause(&mut self, _: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        out.frame("{\"channel\":\"heartbeat\"}")
    }
}

fn best_levels(listing: &Listing) -> (Vec<Level>, Vec<Level>) {
    let (mut bids, mut asks) = listing.book();
    bids.truncate(DEPTH);
    asks.truncate(DEPTH);
    (bids, asks)
}

/// What leads from the old best levels to the new ones. Levels that were pushed out of the depth are not deleted: whoever follows
/// cuts them off.
fn changes(old: &[Level], new: &[Level], standing: &[Level]) -> Vec<Level> {
    let stands = |levels: &[Level], price: Decimal| levels.iter().any(|level| level.price == price);
    let gone = old.iter().filter(|level| !stands(standing, level.price));
    let gone = gone.map(|level| Level { price: level.price, size: Decimal::new(0, level.size.scale()) });
    gone.chain(new.iter().filter(|level| !old.contains(level)).copied()).collect()
}

fn granted(channel: &Value, symbol: &str, now: &str) -> String {
    let mut result = channel.clone();
    result["symbol"] = json!(symbol);
    json!({"method": "subscribe", "result": result, "success": true, "time_in": now, "time_out": now})
        .to_string()
}

fn book(kind: &str, listing: &Listing, bids: &[Level], asks: &[Level], checksum: u32, now: &str) -> String {
    let mut out = format!(
        "{{\"channel\":\"book\",\"type\":\"{kind}\",\"data\":[{{\"symbol\":\"{}\",\"bids\":",
        listing.symbol
    );
    write_objects(bids.iter(), &mut out);
    out += ",\"asks\":";
    write_objects(asks.iter(), &mut out);
    out + &format!(",\"checksum\":{checksum},\"timestamp\":\"{now}\"}}]}}")
}

fn trades(listing: &Listing, step: &Step, now: &str) -> String {
    let side = if step.aggressor == Some(Side::Sell) { "sell" } else { "buy" };
    let trade = |(id, fill): (u64, &(i64, i64))| {
        let Level { price, size } = listing.level(*fill);
        format!(
            "{{\"symbol\":\"{}\",\"side\":\"{side}\",\"price\":{price},\"qty\":{size},\"ord_type\":\"market\",\"trade_id\":{id},\"timestamp\":\"{now}\"}}",
            listing.symbol
        )
    };
    let trades: Vec<_> = listing.ids(step).zip(&step.fills).map(trade).collect();
    format!("{{\"channel\":\"trade\",\"type\":\"update\",\"data\":[{}]}}", trades.join(","))
}

fn ticker(kind: &str, listing: &Listing) -> String {
    let ticker = listing.ticker();
    let (bid, ask) = listing.best();
    let (last, open) = (ticker.last.unwrap_or(Decimal::ZERO), ticker.open.unwrap_or(Decimal::ZERO));
    let change = Decimal::new(last.mantissa() - open.mantissa(), last.scale());
    format!(
        "{{\"channel\":\"ticker\",\"type\":\"{kind}\",\"data\":[{{\"symbol\":\"{}\",\"bid\":{},\"bid_qty\":{},\"ask\":{},\"ask_qty\":{},\"last\":{last},\"volume\":{},\"vwap\":{},\"low\":{},\"high\":{},\"change\":{change},\"change_pct\":{}}}]}}",
        listing.symbol,
        bid.price,
        bid.size,
        ask.price,
        ask.size,
        text(ticker.volume),
        text(ticker.vwap),
        text(ticker.low),
        text(ticker.high),
        text(ticker.change_pct),
    )
}
