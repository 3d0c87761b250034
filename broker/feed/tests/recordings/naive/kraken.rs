//! Kraken: books cut to the depth that was granted, with the venue's own checksums. Numbers are bare, so they stay raw.

use super::Reading;
use crate::captures::Recording;
use serde_json::value::RawValue;

/// The depth that the recorder was granted.
pub(super) fn granted(recording: &Recording) -> Option<usize> {
    let depths = recording.lines().filter_map(|line| line.split_once("\"channel\":\"book\",\"depth\":"));
    depths.filter_map(|(_, rest)| rest.split(',').next()?.parse().ok()).next()
}

impl Reading<'_> {
    pub(super) fn kraken(&mut self, rest: &str) {
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
