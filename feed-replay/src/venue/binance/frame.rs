//! Binance's frames: raw payloads (`/ws/<stream>`) and payloads in the wrapper of combined streams (`/stream`).

use crate::json::{Field, fields};
use crate::time::nanos_of_unix;
use crate::venue::{Class, ClassKind};
use schemas::venue::binance::Product;
use std::borrow::Cow;
use std::ops::Range;

/// A frame and where in it things stand.
#[derive(Debug, Clone)]
pub struct Frame<'a> {
    /// The whole text.
    pub text: &'a str,
    /// The stream's name, where the wrapper gives it.
    pub stream: Option<&'a str>,
    /// Where the payload stands in the text.
    pub payload: Range<usize>,
    /// What the payload says.
    pub event: Event<'a>,
}

/// The fields of a payload that matter here; all are absent where it has none.
#[derive(Debug, Clone, Default)]
pub struct Event<'a> {
    /// The event's type, `e`.
    pub name: Option<&'a str>,
    /// The symbol, `s`.
    pub symbol: Option<&'a str>,
    /// The event time `E` in nanoseconds.
    pub time: Option<u64>,
    /// The transaction time `T` in nanoseconds, which futures have.
    pub transaction_time: Option<u64>,
    /// The first update id `U`.
    pub first_id: Option<u64>,
    /// The last update id `u`.
    pub last_id: Option<u64>,
    /// `pu`, the last update id of the event before, which futures name.
    pub previous_id: Option<u64>,
    /// The id of a depth snapshot.
    pub last_update_id: Option<u64>,
    /// The trade's id `t`.
    pub trade_id: Option<u64>,
    /// The aggregate trade's id, a numeric `a`.
    pub aggregate_id: Option<u64>,
    /// The first trade of an aggregate, `f`.
    pub first_trade_id: Option<u64>,
    /// The last trade of an aggregate, `l`.
    pub last_trade_id: Option<u64>,
    /// `b`: levels in depth events, a price in book tickers.
    pub bids: &'a str,
    /// `a`: levels in depth events, a price in book tickers.
    pub asks: &'a str,
    /// Whether it is a reply to a request or an error.
    pub is_reply: bool,
    /// The interval of a kline.
    pub interval: Option<&'a str>,
    /// Whether it has what only trades of spot have (`M`), or only those of futures (`X`).
    pub trade_of: Option<TradeOf>,
}

/// Whose a trade is, where that shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeOf {
    /// Spot.
    Spot,
    /// One of the futures.
    Futures,
}

impl<'a> Frame<'a> {
    /// Reads a frame; none if it is no whole JSON object (or array, which `!miniTicker@arr` sends).
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (mut stream, mut data) = (None, None);
        let mut outer = fields(text);
        let mut event = Event::default();
        for field in outer.by_ref() {
            match field.key {
                "stream" => stream = Some(field.text()),
                "data" => data = Some(field),
                _ => event.take(&field),
            }
        }
        if outer.is_broken() && !text.starts_with('[') {
            return None;
        }
        let (Some(_), Some(data)) = (stream, data) else {
            return Some(Self { text, stream: None, payload: 0..text.len(), event });
        };
        let mut event = Event::default();
        fields(data.value).for_each(|field| event.take(&field));
        Some(Self { text, stream, payload: data.range(), event })
    }

    /// The payload's text.
    #[must_use]
    pub fn payload(&self) -> &'a str {
        &self.text[self.payload.clone()]
    }

    /// The stream's name, made from the payload where the wrapper does not give it. A raw depth event does not tell its
    /// interval: its name is then `<symbol>@depth`.
    #[must_use]
    pub fn stream_name(&self) -> Option<Cow<'a, str>> {
        if let Some(stream) = self.stream {
            return Some(stream.into());
        }
        let kind = self.event.stream_kind()?;
        Some(format!("{}@{kind}", self.event.symbol?.to_ascii_lowercase()).into())
    }

    /// Whether it is a body of the REST depth that a recorder put between the frames.
    #[must_use]
    pub fn is_rest_depth(&self) -> bool {
        self.stream.is_none() && self.event.last_update_id.is_some() && self.event.name.is_none()
    }
}

impl<'a> Event<'a> {
    fn take(&mut self, field: &Field<'a>) {
        match field.key {
            "e" => self.name = Some(field.text()),
            // COIN-M names the symbol of a depth body.
            "s" | "symbol" => self.symbol = Some(field.text()),
            "E" => self.time = field.integer().and_then(nanos_of_unix),
            "T" => self.transaction_time = field.integer().and_then(nanos_of_unix),
            "pu" => self.previous_id = field.integer(),
            "M" => self.trade_of = Some(TradeOf::Spot),
            "X" => self.trade_of = Some(TradeOf::Futures),
            "U" => self.first_id = field.integer(),
            "u" => self.last_id = field.integer(),
            "t" => self.trade_id = field.integer(),
            "f" => self.first_trade_id = field.integer(),
            "l" => self.last_trade_id = field.integer(),
            "lastUpdateId" => self.last_update_id = field.integer(),
            "b" | "bids" => self.bids = field.value,
            "a" | "asks" => {
                self.asks = field.value;
                self.aggregate_id = field.integer();
            }
            "k" => self.interval = crate::json::field(field.value, "i").map(|interval| interval.text()),
            "result" | "error" | "code" => self.is_reply = true,
            _ => {}
        }
    }

    /// Whether it is a change of the book.
    #[must_use]
    pub fn is_depth_update(&self) -> bool {
        self.name == Some("depthUpdate")
    }

    /// Whether a book at `last_id` goes on with this depth event, which is the first one after its snapshot or not: on spot it
    /// begins at or before the next id; a future's names the event before it, which the snapshot may be newer than.
    #[must_use]
    pub fn follows(&self, last_id: u64, is_first: bool) -> bool {
        match (self.previous_id, self.first_id) {
            (Some(previous), _) if is_first => previous <= last_id,
            (Some(previous), _) => previous == last_id,
            (None, Some(first)) => first <= last_id.saturating_add(1),
            (None, None) => false,
        }
    }

    /// The product that it is of, where it shows that: by the contract in the symbol, or by fields that the others lack.
    fn product(&self) -> Option<Product> {
        let is_coin_margined = |symbol: &str| symbol.contains("USD_");
        let is_future = self.previous_id.is_some()
            || self.trade_of == Some(TradeOf::Futures)
            || self.name == Some("bookTicker")
            || (self.last_update_id.is_some() && self.time.is_some());
        let is_spot = self.trade_of == Some(TradeOf::Spot)
            || self.last_update_id.is_some()
            || self.is_depth_update()
            || self.is_book_ticker();
        match self.symbol {
            Some(symbol) if is_coin_margined(symbol) => Some(Product::CoinM),
            Some(symbol) if is_future || symbol.contains('_') => Some(Product::UsdM),
            _ if is_future => Some(Product::UsdM),
            _ => is_spot.then_some(Product::Spot),
        }
    }

    /// Whether it is a best bid and offer, the one event of spot that names no type.
    #[must_use]
    pub fn is_book_ticker(&self) -> bool {
        self.name == Some("bookTicker")
            || (self.name.is_none()
                && self.last_id.is_some()
                && self.symbol.is_some()
                && !self.bids.is_empty())
    }

    fn stream_kind(&self) -> Option<Cow<'static, str>> {
        Some(match self.name {
            Some("depthUpdate") => "depth".into(),
            Some("24hrTicker") => "ticker".into(),
            Some("24hrMiniTicker") => "miniTicker".into(),
            Some("kline") => format!("kline_{}", self.interval?).into(),
            Some(known @ ("trade" | "aggTrade" | "avgPrice" | "referencePrice" | "blockTrade")) => {
                known.to_owned().into()
            }
            _ if self.is_book_ticker() => "bookTicker".into(),
            _ => return None,
        })
    }
}

/// What a frame is to a product: unknown if it is another one's.
#[must_use]
pub fn classify(product: Product, text: &str) -> Class<'_> {
    let Some(frame) = Frame::parse(text) else {
        return Class::unknown();
    };
    if frame.event.product().is_some_and(|shown| shown != product) {
        return Class::unknown();
    }
    if frame.is_rest_depth() {
        return Class::of(ClassKind::RestDepth, "depth", frame.event.symbol.unwrap_or(""));
    }
    if let Some(stream) = frame.stream_name() {
        let channel = stream.split_once('@').map_or(&*stream, |(_, channel)| channel).to_owned();
        let symbol = match (frame.event.symbol, stream.split_once('@')) {
            (Some(symbol), _) => symbol.to_owned(),
            (None, Some((symbol, _))) => symbol.to_ascii_uppercase(),
            (None, None) => String::new(),
        };
        let class = Class::of(ClassKind::Data, channel, symbol);
        return Class { event_time: frame.event.time, ..class };
    }
    let control = frame.event.is_reply || frame.event.name == Some("serverShutdown");
    if control { Class::of(ClassKind::Control, "", "") } else { Class::unknown() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_and_combined_frames_name_their_stream() {
        let cases = [
            (
                r#"{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1,"s":"BTCUSDT"}}"#,
                "btcusdt@depth@100ms",
            ),
            (r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}"#, "btcusdt@depth"),
            (r#"{"u":5,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}"#, "btcusdt@bookTicker"),
            (r#"{"e":"24hrTicker","E":1,"s":"BTCUSDT","b":"1","a":"3"}"#, "btcusdt@ticker"),
            (r#"{"e":"kline","E":1,"s":"BTCUSDT","k":{"t":1,"i":"1m"}}"#, "btcusdt@kline_1m"),
            (r#"{"stream":"!miniTicker@arr","data":[{"e":"24hrMiniTicker"}]}"#, "!miniTicker@arr"),
        ];
        for (text, stream) in cases {
            assert_eq!(Frame::parse(text).unwrap().stream_name().unwrap(), stream);
            assert_eq!(classify(Product::Spot, text).kind, ClassKind::Data);
        }
    }

    #[test]
    fn what_is_no_data_is_told_apart() {
        assert_eq!(
            classify(Product::Spot, r#"{"lastUpdateId":5,"bids":[],"asks":[]}"#).kind,
            ClassKind::RestDepth
        );
        assert_eq!(classify(Product::Spot, r#"{"result":null,"id":1}"#).kind, ClassKind::Control);
        assert_eq!(
            classify(Product::Spot, r#"{"stream":"btcusdt@trade","data":{"e":"tra"#).kind,
            ClassKind::Unknown
        );
        assert_eq!(
            classify(Product::Spot, r#"{"type":"ticker","product_id":"BTC-USD"}"#).kind,
            ClassKind::Unknown
        );
        assert_eq!(classify(Product::Spot, r#"{"channel":"heartbeat"}"#).kind, ClassKind::Unknown);
    }

    #[test]
    fn frames_show_whose_they_are_or_could_be_anybodys() {
        let all = [Product::Spot, Product::UsdM, Product::CoinM];
        let cases = [
            (r#"{"e":"depthUpdate","E":1,"s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}"#, "Spot"),
            (r#"{"e":"depthUpdate","E":1,"T":1,"s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[],"a":[]}"#, "UsdM"),
            (r#"{"e":"depthUpdate","E":1,"s":"BTCUSD_PERP","ps":"BTCUSD","U":1,"u":2,"pu":0}"#, "CoinM"),
            (r#"{"u":5,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}"#, "Spot"),
            (r#"{"e":"bookTicker","u":5,"s":"BTCUSDT","b":"1","B":"2","a":"3","A":"4"}"#, "UsdM"),
            (
                r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"1","T":1,"X":"MARKET","m":true}"#,
                "UsdM",
            ),
            (r#"{"e":"trade","E":1,"s":"BTCUSDT","t":1,"p":"1","q":"1","T":1,"m":true,"M":true}"#, "Spot"),
            (r#"{"e":"aggTrade","E":1,"s":"BTCUSDT_260925","a":1,"p":"1","q":"1"}"#, "UsdM"),
            (r#"{"lastUpdateId":5,"bids":[],"asks":[]}"#, "Spot"),
            (r#"{"lastUpdateId":5,"E":1,"T":1,"bids":[],"asks":[]}"#, "UsdM"),
            (r#"{"lastUpdateId":5,"E":1,"T":1,"symbol":"BTCUSD_260925","bids":[],"asks":[]}"#, "CoinM"),
            (r#"{"e":"aggTrade","E":1,"s":"BTCUSDT","a":1,"p":"1","q":"1"}"#, "Spot UsdM CoinM"),
            (r#"{"result":null,"id":1}"#, "Spot UsdM CoinM"),
        ];
        for (text, expected) in cases {
            let fits = |product: &Product| classify(*product, text).kind != ClassKind::Unknown;
            let names: Vec<_> = all.into_iter().filter(fits).map(|product| format!("{product:?}")).collect();
            assert_eq!(names.join(" "), expected, "{text}");
        }
    }
}
