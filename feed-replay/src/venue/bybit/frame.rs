//! Bybit's frames: `{"topic":...,"type":...,"ts":...,"data":...,"cts":...}` in any order, and replies with an `op`.

use crate::edit::Edits;
use crate::ids::IdRange;
use crate::json::{Field, elements, fields};
use crate::stand_in::Moment;
use crate::time::nanos_of_unix;
use crate::venue::{Class, ClassKind};
use schemas::venue::bybit::Topic;

/// The parts of a frame.
#[derive(Debug, Clone, Default)]
pub struct Frame<'a> {
    /// The topic; empty in replies.
    pub topic: &'a str,
    /// `snapshot` or `delta`.
    pub kind: Option<Field<'a>>,
    /// When it was made, in milliseconds.
    pub time: Option<Field<'a>>,
    /// When what it tells happened, in milliseconds.
    pub matched: Option<Field<'a>>,
    /// An object, or the list of trades.
    pub data: Option<Field<'a>>,
    /// What is answered; empty in data.
    op: &'a str,
    /// Whether it is worded like an answer of this venue.
    is_answer: bool,
}

impl<'a> Frame<'a> {
    /// Reads a frame; none if it is no whole object with a topic and data, and no reply.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut frame = Self::default();
        let mut all = fields(text);
        for part in all.by_ref() {
            match part.key {
                "topic" => frame.topic = part.text(),
                "type" => frame.kind = Some(part),
                "ts" => frame.time = Some(part),
                "cts" => frame.matched = Some(part),
                "data" => frame.data = Some(part),
                "op" => frame.op = part.text(),
                "success" | "conn_id" | "args" => frame.is_answer = true,
                _ => {}
            }
        }
        let is_data = frame.topic.contains('.') && frame.data.is_some();
        (!all.is_broken() && (is_data || frame.is_control())).then_some(frame)
    }

    /// Whether it is a message of the connection and not of the market.
    #[must_use]
    pub fn is_control(&self) -> bool {
        !self.op.is_empty() && self.is_answer
    }

    /// The symbol: what stands behind the topic's kind.
    #[must_use]
    pub fn symbol(&self) -> &'a str {
        let last = || self.topic.rsplit('.').next().unwrap_or_default();
        Topic::parse(self.topic).map_or_else(last, Topic::symbol)
    }

    /// The topic without the symbol, such as `orderbook.50`.
    #[must_use]
    pub fn channel(&self) -> &'a str {
        self.topic.strip_suffix(self.symbol()).map_or(self.topic, |kind| kind.trim_end_matches('.'))
    }

    /// Whether it is whole, and not what has changed.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.kind.is_some_and(|kind| kind.text() == "snapshot")
    }

    /// The fields of its data, with where each begins in the frame's text.
    pub fn content(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let data = self.data;
        let within = move |field: Field<'a>| data.map(|data| Field { at: data.at + field.at, ..field });
        data.into_iter().flat_map(|data| fields(data.value)).filter_map(within)
    }

    /// Those of the trades' ids that are numbers.
    pub fn trade_ids(&self) -> impl Iterator<Item = u64> + use<'a> {
        let ids = self.trades().filter(|field| field.key == "i");
        ids.filter_map(|id| id.text().parse().ok())
    }

    /// The fields of all trades, with where each begins in the frame's text.
    fn trades(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let data = self.data.filter(|_| self.channel() == "publicTrade");
        data.into_iter().flat_map(|data| {
            elements(data.value).flat_map(move |(offset, trade)| {
                fields(trade).map(move |field| Field { at: data.at + offset + field.at, ..field })
            })
        })
    }

    /// The text with its times and, in later turns, those of its trades' ids that are numbers changed.
    #[must_use]
    pub fn rewrite(&self, text: &str, moment: &Moment, ids: IdRange) -> String {
        let mut edits = Edits::default();
        let shift = ids.shift(moment.turn);
        let times = self.trades().filter(|field| field.key == "T");
        for time in self.time.into_iter().chain(self.matched).chain(times) {
            if let Some(ms) = time.integer() {
                let new = moment.event_time(ms.saturating_mul(1_000_000)) / 1_000_000;
                edits.replace(time.range(), new.to_string());
            }
        }
        for id in self.trades().filter(|field| field.key == "i") {
            if let Ok(number) = id.text().parse::<u64>() {
                edits.replace(id.range(), format!("\"{}\"", number.saturating_add(shift)));
            }
        }
        edits.apply(text)
    }
}

/// What a frame is.
#[must_use]
pub fn classify(text: &str) -> Class<'_> {
    match Frame::parse(text) {
        None => Class::unknown(),
        Some(frame) if frame.is_control() => Class::of(ClassKind::Control, "", ""),
        Some(frame) => {
            let time = frame.time.and_then(|time| time.integer()).and_then(nanos_of_unix);
            let class = Class::of(ClassKind::Data, frame.channel(), frame.symbol());
            Class { event_time: time, ..class }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_and_control_are_told_apart() {
        let book = r#"{"topic":"orderbook.50.BTCUSDT","ts":1687940967466,"type":"delta","data":{"s":"BTCUSDT","b":[["30247.20","30.028"]],"a":[],"u":7},"cts":1687940967464}"#;
        let class = classify(book);
        assert_eq!(
            (class.kind, &*class.channel, &*class.symbol),
            (ClassKind::Data, "orderbook.50", "BTCUSDT")
        );
        assert_eq!(class.event_time, Some(1_687_940_967_466_000_000));
        let frame = Frame::parse(book).unwrap();
        assert!(!frame.is_whole());
        let bids = frame.content().find(|field| field.key == "b").unwrap();
        assert_eq!(&book[bids.range()], r#"[["30247.20","30.028"]]"#);
        let other = classify(r#"{"topic":"kline.5.BTCUSDT","type":"snapshot","ts":1,"data":[]}"#);
        assert_eq!((&*other.channel, &*other.symbol), ("kline.5", "BTCUSDT"));
        for control in [
            r#"{"success":true,"ret_msg":"","conn_id":"a","req_id":"","op":"subscribe"}"#,
            r#"{"args":["1672916271846"],"op":"pong"}"#,
        ] {
            assert_eq!(classify(control).kind, ClassKind::Control);
        }
        for unknown in [&book[..90], r#"{"op":"hello"}"#, r#"{"topic":"x","data":{}}"#, "pong", "{}"] {
            assert_eq!(classify(unknown).kind, ClassKind::Unknown, "{unknown}");
        }
    }
}
