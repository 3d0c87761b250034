//! OKX: snapshots and their changes, with the venue's checksums or the numbers of the messages before.

use super::{Reading, Symbol, json, text};
use serde_json::Value;

/// Levels a side of the books in all recordings.
pub(super) const DEPTH: usize = 400;

impl Reading<'_> {
    pub(super) fn okx(&mut self, rest: &str) {
        let value = json(rest);
        if value.get("event").is_some() {
            return;
        }
        let (depth, from_book) = (self.depth, self.from_book);
        let symbol = self.symbol(value["arg"]["instId"].as_str().unwrap());
        let data = value["data"].as_array().unwrap();
        match value["arg"]["channel"].as_str().unwrap() {
            "trades" => data.iter().for_each(|trade| symbol.okx_trade(trade)),
            "books" | "books-l2-tbt" => {
                if value["action"] == "snapshot" {
                    symbol.begin();
                }
                symbol.set_all(&data[0]["bids"], &data[0]["asks"]);
                symbol.okx_check(&data[0]);
                symbol.changed(depth, from_book);
            }
            _ => {}
        }
    }
}

impl Symbol {
    /// A trade that came again, because it was subscribed to again, is none.
    fn okx_trade(&mut self, trade: &Value) {
        let [id, price, size, side] = ["tradeId", "px", "sz", "side"].map(|key| text(&trade[key]));
        let trade = format!("{id} {price} {size} {side}");
        if !self.expected.trades.contains(&trade) {
            self.expected.trades.push(trade);
        }
    }

    /// The recordings are from the time of checksums.
    fn okx_check(&self, data: &Value) {
        let [bids, asks] = self.book.as_ref().expect("a book has begun");
        let mut bids = bids.values().rev().take(25);
        let mut asks = asks.values().take(25);
        let mut parts = Vec::new();
        for _ in 0..25 {
            for (price, size) in [bids.next(), asks.next()].into_iter().flatten() {
                parts.push(format!("{price}:{size}"));
            }
        }
        let ours = crc32(parts.join(":").as_bytes()).cast_signed();
        assert_eq!(data["checksum"].as_i64(), Some(ours.into()), "{data}");
    }
}

/// Bit by bit, as the standard has it.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
