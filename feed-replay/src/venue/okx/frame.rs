//! OKX's frames: `{"arg":{"channel":...,"instId":...},"action":...,"data":[...]}`, announcements with an `event`, and `pong`.

use crate::json::{elements, field, fields};
use crate::time::nanos_of_unix;
use crate::venue::{Class, ClassKind};
use std::ops::Range;

/// The parts of a frame.
#[derive(Debug, Clone, Default)]
pub struct Frame<'a> {
    /// The channel.
    pub channel: &'a str,
    /// Where the channel's name stands in the text, with its quotes.
    pub channel_at: Range<usize>,
    /// The instrument; empty where there is none.
    pub instrument: &'a str,
    /// `snapshot` or `update`; empty where there is none.
    pub action: &'a str,
    /// The array of items.
    pub data: &'a str,
    /// Where the array begins in the text.
    pub data_at: usize,
    /// What is announced; empty in data.
    pub event: &'a str,
    /// The number of what is announced; empty where it has none.
    pub code: &'a str,
}

/// One element of a frame's data.
#[derive(Debug, Clone, Default)]
pub struct Item<'a> {
    /// The levels of the bid side.
    pub bids: &'a str,
    /// The levels of the ask side.
    pub asks: &'a str,
    /// The checksum as written.
    pub checksum: Option<&'a str>,
    /// The number of the message as written.
    pub seq: Option<&'a str>,
    /// The time in milliseconds.
    pub time: Option<u64>,
    /// The number of the last trade in it.
    pub trade_id: Option<u64>,
    /// How many trades it stands for.
    pub count: Option<u64>,
}

impl<'a> Frame<'a> {
    /// Reads a frame; none if it is no whole object with a channel or an event.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut frame = Self::default();
        let mut all = fields(text);
        for part in all.by_ref() {
            match part.key {
                "arg" => {
                    for arg in fields(part.value) {
                        match arg.key {
                            "channel" => {
                                frame.channel = arg.text();
                                frame.channel_at = part.at + arg.at..part.at + arg.at + arg.value.len();
                            }
                            "instId" => frame.instrument = arg.text(),
                            _ => {}
                        }
                    }
                }
                "action" => frame.action = part.text(),
                "data" => (frame.data, frame.data_at) = (part.value, part.at),
                "event" => frame.event = part.text(),
                "code" => frame.code = part.text(),
                _ => {}
            }
        }
        let is_data = !frame.channel.is_empty() && !frame.data.is_empty();
        (!all.is_broken() && (is_data || !frame.event.is_empty())).then_some(frame)
    }

    /// The elements of its data, with where each begins in the frame's text.
    pub fn items(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        let at = self.data_at;
        elements(self.data).map(move |(offset, item)| (at + offset, item))
    }

    /// The first element.
    #[must_use]
    pub fn first_item(&self) -> Item<'a> {
        self.items().next().map(|(_, item)| Item::parse(item)).unwrap_or_default()
    }

    /// Whether it is a message of the connection and not of the market.
    #[must_use]
    pub fn is_control(&self) -> bool {
        !self.event.is_empty()
    }
}

impl<'a> Item<'a> {
    /// Reads an element.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let mut item = Self::default();
        for field in fields(text) {
            let number = || field.text().parse().ok();
            match field.key {
                "bids" => item.bids = field.value,
                "asks" => item.asks = field.value,
                "checksum" => item.checksum = Some(field.value),
                "seqId" => item.seq = Some(field.value),
                "ts" => item.time = number(),
                "tradeId" => item.trade_id = number(),
                "count" => item.count = number(),
                _ => {}
            }
        }
        item
    }
}

/// What a frame is.
#[must_use]
pub fn classify(text: &str) -> Class<'_> {
    if text == "pong" {
        return Class::of(ClassKind::Control, "", "");
    }
    match Frame::parse(text) {
        None => Class::unknown(),
        // Other venues have events, too, but none that say for what or why.
        Some(frame) if frame.is_control() => {
            let is_ours = ["arg", "code", "connCount"].iter().any(|key| field(text, key).is_some());
            if is_ours { Class::of(ClassKind::Control, "", "") } else { Class::unknown() }
        }
        Some(frame) => {
            // The first trades that a subscriber gets are of any age.
            let time = frame.first_item().time.filter(|_| frame.channel != "trades");
            let class = Class::of(ClassKind::Data, frame.channel, frame.instrument);
            Class { event_time: time.and_then(nanos_of_unix), ..class }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_control_are_told_apart() {
        let book = r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.98","415","0","13"]],"bids":[],"ts":"1597026383085","checksum":-855196043,"seqId":5,"prevSeqId":4}]}"#;
        let class = classify(book);
        assert_eq!((class.kind, &*class.channel, &*class.symbol), (ClassKind::Data, "books", "BTC-USDT"));
        assert_eq!(class.event_time, Some(1_597_026_383_085_000_000));
        let frame = Frame::parse(book).unwrap();
        assert_eq!(&book[frame.channel_at.clone()], "\"books\"");
        let item = frame.first_item();
        assert_eq!((item.checksum, item.seq, item.bids), (Some("-855196043"), Some("5"), "[]"));
        let trade =
            r#"{"arg":{"channel":"trades","instId":"X"},"data":[{"tradeId":"7","count":"2","ts":"5"}]}"#;
        let item = Frame::parse(trade).unwrap().first_item();
        assert_eq!((classify(trade).event_time, item.trade_id, item.count), (None, Some(7), Some(2)));
        let acknowledged = r#"{"event":"subscribe","arg":{"channel":"trades","instId":"X"}}"#;
        assert_eq!(classify(acknowledged).kind, ClassKind::Control);
        assert_eq!(classify("pong").kind, ClassKind::Control);
        assert_eq!(classify(r#"{"event":"info","version":2}"#).kind, ClassKind::Unknown);
        assert_eq!(classify(&book[..90]).kind, ClassKind::Unknown);
    }
}
