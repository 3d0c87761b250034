//! Coinbase's frames: one object each, told apart by `type`.

use crate::json::fields;
use crate::time::nanos_of_rfc3339;
use crate::venue::{Class, ClassKind};

/// The fields of a frame that matter here.
#[derive(Debug, Clone, Default)]
pub struct Frame<'a> {
    /// The message's type.
    pub name: &'a str,
    /// The product; empty where there is none.
    pub product: &'a str,
    /// The time as written.
    pub time: Option<&'a str>,
    /// The id of a trade, or with a heartbeat of the last one.
    pub trade_id: Option<u64>,
    /// The product's sequence number.
    pub sequence: Option<u64>,
    /// The bids of a snapshot.
    pub bids: &'a str,
    /// The asks of a snapshot.
    pub asks: &'a str,
    /// The changes of an update.
    pub changes: &'a str,
    /// A trade's price, and its size.
    pub price: &'a str,
    /// See `price`.
    pub size: &'a str,
}

impl<'a> Frame<'a> {
    /// Reads a frame; none if it is no whole object with a type.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut frame = Self::default();
        let mut all = fields(text);
        for field in all.by_ref() {
            match field.key {
                "type" => frame.name = field.text(),
                "product_id" => frame.product = field.text(),
                "time" => frame.time = Some(field.text()),
                "trade_id" | "last_trade_id" => frame.trade_id = field.integer(),
                "sequence" => frame.sequence = field.integer(),
                "bids" => frame.bids = field.value,
                "asks" => frame.asks = field.value,
                "changes" => frame.changes = field.value,
                "price" => frame.price = field.value,
                "size" => frame.size = field.value,
                _ => {}
            }
        }
        (!all.is_broken() && !frame.name.is_empty()).then_some(frame)
    }

    /// The channel that such a message belongs to; none if it is a reply or unknown.
    #[must_use]
    pub fn channel(&self) -> Option<&'static str> {
        Some(match self.name {
            "snapshot" | "l2update" => "level2",
            "match" | "last_match" => "matches",
            "ticker" => "ticker",
            "heartbeat" => "heartbeat",
            "status" => "status",
            "auction" => "auctionfeed",
            "received" | "open" | "done" | "change" | "activate" => "full",
            _ => return None,
        })
    }
}

/// What a frame is.
#[must_use]
pub fn classify(text: &str) -> Class<'_> {
    let Some(frame) = Frame::parse(text) else {
        return Class::unknown();
    };
    match frame.channel() {
        Some(channel) if !frame.product.is_empty() || channel == "status" => {
            // The last match before the subscription may be of any age.
            let time = frame.time.filter(|_| frame.name != "last_match");
            let class = Class::of(ClassKind::Data, channel, frame.product);
            Class { event_time: time.and_then(nanos_of_rfc3339), ..class }
        }
        _ if matches!(frame.name, "subscriptions" | "error") => Class::of(ClassKind::Control, "", ""),
        _ => Class::unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_belong_to_channels() {
        let update =
            r#"{"type":"l2update","product_id":"BTC-USD","changes":[],"time":"2026-07-07T22:58:17.050195Z"}"#;
        let class = classify(update);
        assert_eq!((&*class.channel, &*class.symbol), ("level2", "BTC-USD"));
        assert_eq!(class.event_time, Some(1_783_465_097_050_195_000));
        let last = r#"{"type":"last_match","product_id":"BTC-USD","time":"2026-07-07T22:58:17.050195Z"}"#;
        assert_eq!(classify(last).event_time, None);
        assert_eq!(classify(r#"{"type":"subscriptions","channels":[]}"#).kind, ClassKind::Control);
        assert_eq!(classify(r#"{"type":"l2update","product_id":"BTC-USD","cha"#).kind, ClassKind::Unknown);
    }
}
