//! Coinbase: level2 with a snapshot, matches, ticker and heartbeat.

use super::SECOND_NS;
use super::listing::{Listing, text};
use super::teller::{Output, Teller};
use crate::book::write_pairs;
use feed::sim::flow::Step;
use schemas::capture::Body;
use schemas::model::{Level, Side};
use serde_json::json;
use std::io;

const CHANNELS: [&str; 4] = ["level2", "matches", "ticker", "heartbeat"];

pub(crate) struct Coinbase {
    /// The sequence number of each product.
    sequences: Vec<u64>,
    orders: u64,
}

impl Coinbase {
    pub(crate) fn new(symbols: usize) -> Self {
        Self { sequences: (1..=symbols as u64).map(|n| n * 1_000_000).collect(), orders: 0 }
    }

    /// Tells a trade and the ticker that it makes.
    fn tell_trade(
        &mut self,
        at: usize,
        listing: &Listing,
        (id, level): (u64, Level),
        taker: Side,
        out: &mut Output<'_>,
    ) -> io::Result<()> {
        let (product, now) = (&listing.symbol, out.now_text());
        self.orders += 2;
        let (maker_order, taker_order) = (order_id(self.orders), order_id(self.orders + 1));
        let Level { price, size } = level;
        self.sequences[at] += 1;
        let sequence = self.sequences[at];
        let maker = side(taker.opposite());
        out.frame(&format!(
            "{{\"type\":\"match\",\"trade_id\":{id},\"maker_order_id\":\"{maker_order}\",\"taker_order_id\":\"{taker_order}\",\"side\":\"{maker}\",\"size\":\"{size}\",\"price\":\"{price}\",\"product_id\":\"{product}\",\"sequence\":{sequence},\"time\":\"{now}\"}}"
        ))?;
        let ticker = listing.ticker();
        let (bid, ask) = listing.best();
        out.frame(&format!(
            "{{\"type\":\"ticker\",\"sequence\":{sequence},\"product_id\":\"{product}\",\"price\":\"{price}\",\"open_24h\":\"{}\",\"volume_24h\":\"{volume}\",\"low_24h\":\"{}\",\"high_24h\":\"{}\",\"volume_30d\":\"{volume}\",\"best_bid\":\"{}\",\"best_bid_size\":\"{}\",\"best_ask\":\"{}\",\"best_ask_size\":\"{}\",\"side\":\"{}\",\"time\":\"{now}\",\"trade_id\":{id},\"last_size\":\"{size}\"}}",
            text(ticker.open), text(ticker.low), text(ticker.high), bid.price, bid.size, ask.price, ask.size, side(taker),
            volume = text(ticker.volume),
        ))
    }
}

impl Teller for Coinbase {
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        out.record(Body::Open { url: "wss://ws-feed.exchange.coinbase.com" })?;
        let products: Vec<_> = listings.iter().map(|listing| listing.symbol.as_str()).collect();
        let request = json!({"type": "subscribe", "product_ids": products, "channels": CHANNELS});
        out.record(Body::Sent(&request.to_string()))?;
        let channel = |name| json!({"name": name, "product_ids": products, "account_ids": null});
        let reply = json!({"type": "subscriptions", "channels": CHANNELS.map(channel)});
        out.frame(&reply.to_string())?;
        listings.iter().try_for_each(|listing| out.frame(&snapshot(listing, &out.now_text())))
    }

    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()> {
        let taker = step.aggressor.unwrap_or(Side::Buy);
        for (id, fill) in listing.ids(step).zip(&step.fills) {
            self.tell_trade(at, listing, (id, listing.level(*fill)), taker, out)?;
        }
        let changes = [("buy", listing.levels(&step.bids)), ("sell", listing.levels(&step.asks))];
        let changes: Vec<_> = changes
            .iter()
            .flat_map(|(side, levels)| levels.iter().map(|level| change(side, level)))
            .collect();
        if changes.is_empty() {
            return Ok(());
        }
        self.sequences[at] += 1;
        let (product, changes, now) = (&listing.symbol, changes.join(","), out.now_text());
        out.frame(&format!(
            "{{\"type\":\"l2update\",\"product_id\":\"{product}\",\"changes\":[{changes}],\"time\":\"{now}\"}}"
        ))
    }

    fn pause_ns(&self) -> u64 {
        SECOND_NS
    }

    fn pause(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()> {
        for (sequence, listing) in self.sequences.iter().zip(listings) {
            let (id, product, now) = (listing.trade_id, &listing.symbol, out.now_text());
            out.frame(&format!(
                "{{\"type\":\"heartbeat\",\"last_trade_id\":{id},\"product_id\":\"{product}\",\"sequence\":{sequence},\"time\":\"{now}\"}}"
            ))?;
        }
        Ok(())
    }
}

fn snapshot(listing: &Listing, now: &str) -> String {
    let (bids, asks) = listing.book();
    let mut out = format!("{{\"type\":\"snapshot\",\"product_id\":\"{}\",\"asks\":", listing.symbol);
    write_pairs(asks.iter(), &mut out);
    out += ",\"bids\":";
    write_pairs(bids.iter(), &mut out);
    out + &format!(",\"time\":\"{now}\"}}")
}

fn change(side: &str, level: &Level) -> String {
    format!("[\"{side}\",\"{}\",\"{}\"]", level.price, level.size)
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    }
}

/// An id in the form of a UUID.
fn order_id(n: u64) -> String {
    format!("00000000-0000-4000-8000-{n:012x}")
}
