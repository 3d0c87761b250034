//! Kraken's frames: `{"channel":...,"type":...,"data":[...]}`, and replies with a `method`.

use crate::json::{elements, fields};
use crate::time::nanos_of_rfc3339;
use crate::venue::{Class, ClassKind};

/// The parts of a frame.
#[derive(Debug, Clone, Default)]
pub struct Frame<'a> {
    /// The channel; empty in replies.
    pub channel: &'a str,
    /// `snapshot` or `update`; empty where there is none.
    pub kind: &'a str,
    /// The array of items.
    pub data: &'a str,
    /// Where the array begins in the text.
    pub data_at: usize,
    /// The method that a reply answers.
    pub method: &'a str,
    /// What a reply grants.
    pub result: &'a str,
}

/// One element of a frame's data.
#[derive(Debug, Clone, Copy, Default)]
pub struct Item<'a> {
    /// The symbol; empty where there is none.
    pub symbol: &'a str,
    /// The levels of the bid side, or a ticker's best bid.
    pub bids: &'a str,
    /// The levels of the ask side.
    pub asks: &'a str,
    /// The checksum of a book.
    pub checksum: Option<u32>,
    /// The time as written.
    pub timestamp: Option<&'a str>,
    /// A trade's id.
    pub trade_id: Option<u64>,
    /// A trade's price, and its size.
    pub price: &'a str,
    /// See `price`.
    pub qty: &'a str,
}

impl<'a> Frame<'a> {
    /// Reads a frame; none if it is no whole object with a channel or a method.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut frame = Self::default();
        let mut all = fields(text);
        for field in all.by_ref() {
            match field.key {
                "channel" => frame.channel = field.text(),
                "type" => frame.kind = field.text(),
                "data" => (frame.data, frame.data_at) = (field.value, field.at),
                "method" => frame.method = field.text(),
                "result" => frame.result = field.value,
                _ => {}
            }
        }
        let is_named = !frame.channel.is_empty() || !frame.method.is_empty();
        (is_named && !all.is_broken()).then_some(frame)
    }

    /// The elements of its data, with where each begins in the frame's text.
    pub fn items(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let at = self.data_at;
        elements(self.data).map(move |(offset, item)| (at + offset, item))
    }

    /// The first element.
    #[must_use]
    pub fn first_item(&self) -> Option<Item<'a>> {
        self.items().next().map(|(_, item)| Item::parse(item))
    }

    /// The symbol and the depth of a book that this reply grants.
    #[must_use]
    pub fn granted_depth(&self) -> Option<(&'a str, u64)> {
        let (mut channel, mut symbol, mut depth) = ("", "", None);
        for field in fields(self.result) {
            match field.key {
                "channel" => channel = field.text(),
                "symbol" => symbol = field.text(),
                "depth" => depth = field.integer(),
                _ => {}
            }
        }
        let is_grant = self.method == "subscribe" && channel == "book" && !symbol.is_empty();
        depth.filter(|_| is_grant).map(|depth| (symbol, depth))
    }

    /// Whether it is a message of the connection and not of the market.
    #[must_use]
    pub fn is_control(&self) -> bool {
        !self.method.is_empty() || matches!(self.channel, "status" | "heartbeat")
    }
}

impl<'a> Item<'a> {
    /// Reads an element.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut item = Self::default();
        for field in fields(text) {
            match field.key {
                "symbol" => item.symbol = field.text(),
                "bids" => item.bids = field.value,
                "asks" => item.asks = field.value,
                "checksum" => item.checksum = field.value.parse().ok(),
                "timestamp" => item.timestamp = Some(field.text()),
                "trade_id" => item.trade_id = field.integer(),
                "price" => item.price = field.value,
                "qty" => item.qty = field.value,
                _ => {}
            }
        }
        item
    }
}

/// What a frame is.
#[must_use]
pub fn classify(text: &str) -> Class<'_> {
    let Some(frame) = Frame::parse(text) else {
        return Class::unknown();
    };
    if frame.is_control() {
        return Class { event_time: time_of_reply(text), ..Class::of(ClassKind::Control, frame.channel, "") };
    }
    if !matches!(frame.kind, "snapshot" | "update") {
        return Class::unknown();
    }
    let item = frame.first_item().unwrap_or_default();
    // A snapshot of trades tells of the past.
    let is_past = frame.channel == "trade" && frame.kind == "snapshot";
    let time = item.timestamp.filter(|_| !is_past).and_then(nanos_of_rfc3339);
    Class { event_time: time, ..Class::of(ClassKind::Data, frame.channel, item.symbol) }
}

fn time_of_reply(text: &str) -> Option<u64> {
    nanos_of_rfc3339(crate::json::field(text, "time_out")?.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_control_are_told_apart() {
        let book = r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[],"asks":[{"price":63005.40,"qty":0.5}],"checksum":7,"timestamp":"2026-08-01T02:54:52.603667Z"}]}"#;
        let class = classify(book);
        assert_eq!((class.kind, &*class.channel, &*class.symbol), (ClassKind::Data, "book", "BTC/USD"));
        let item = Frame::parse(book).unwrap().first_item().unwrap();
        assert_eq!((item.asks, item.checksum), (r#"[{"price":63005.40,"qty":0.5}]"#, Some(7)));
        assert_eq!(classify(r#"{"channel":"heartbeat"}"#).kind, ClassKind::Control);
        assert_eq!(classify(r#"{"method":"pong","req_id":1}"#).kind, ClassKind::Control);
        assert_eq!(classify(r#"{"channel":"book","type":"update","data":[{"sym"#).kind, ClassKind::Unknown);
    }
}
