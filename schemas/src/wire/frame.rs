//! Data frames: what a topic tells its subscribers, and the notices that fill the holes in what one of them gets.
//!
//! All functions append JSON text to a buffer. Key order is fixed (type, channel, symbol, seq, then the rest), though
//! clients must not rely on it. Symbols hold nothing that JSON escapes.

use super::SeqRange;
use crate::decimal::Decimal;
use crate::model::{
    Body, BookImage, BookLevels, Channel, Event, Level, Micros, Quote, State, StateChange, Symbol, Ticker,
    Trade, TradeId, Update,
};

/// Which topic a frame is of.
#[derive(Debug, Clone, Copy)]
pub struct Topic<'a> {
    /// The channel.
    pub channel: Channel,
    /// The symbol.
    pub symbol: &'a Symbol,
    /// The name of the topic's present life.
    pub epoch: &'a str,
}

/// The head of a snapshot: as of when, and how far it can be trusted.
#[derive(Debug, Clone, Copy)]
pub struct AsOf {
    /// The venue's event time of the latest data, where it gives one.
    pub ts: Option<Micros>,
    /// When the latest data was received; absent when there is none yet.
    pub rx: Option<Micros>,
    /// The topic's state.
    pub state: State,
}

/// The tier that a subscription has come to be served in.
#[derive(Debug, Clone, Copy)]
pub struct Tier<'a> {
    /// Its interval in milliseconds; 0: each update.
    pub interval_ms: u32,
    /// That of the tier that the client asked for.
    pub requested_interval_ms: u32,
    /// `slow_consumer` or `keeps_up`.
    pub reason: &'a str,
}

/// The frame of a log entry that covers `seq`.
pub fn entry(out: &mut Vec<u8>, topic: Topic<'_>, seq: SeqRange, event: &Event) {
    match &event.body {
        Body::Update(data) => update(out, topic, seq, event.ts, event.rx, data),
        Body::Reset(image) => snapshot_book(out, topic, seq, image),
        Body::State(change) => state(out, topic, seq, change),
        Body::Loss(loss) => gap(out, topic, seq, loss.lost, "venue"),
    }
}

/// An update that covers `seq`: one entry's, or several merged into one.
pub fn update(
    out: &mut Vec<u8>,
    topic: Topic<'_>,
    seq: SeqRange,
    ts: Option<Micros>,
    rx: Micros,
    data: &Update,
) {
    open(out, "update", topic, seq);
    times(out, ts, Some(rx));
    fields(out, data);
    out.push(b'}');
}

/// A snapshot of a book.
pub fn snapshot_book(out: &mut Vec<u8>, topic: Topic<'_>, seq: SeqRange, image: &BookImage) {
    let as_of = AsOf { ts: image.ts, rx: Some(image.rx), state: image.state };
    open_snapshot(out, topic, seq, as_of);
    book_fields(out, &image.levels);
    out.push(b'}');
}

/// A snapshot of a topic whose updates are whole; without data yet it has none of the fields.
pub fn snapshot_whole(
    out: &mut Vec<u8>,
    topic: Topic<'_>,
    seq: SeqRange,
    as_of: AsOf,
    data: Option<&Update>,
) {
    open_snapshot(out, topic, seq, as_of);
    if let Some(data) = data {
        fields(out, data);
    }
    out.push(b'}');
}

/// A snapshot of `trades`: the latest ones, oldest first.
pub fn snapshot_trades<'a>(
    out: &mut Vec<u8>,
    topic: Topic<'_>,
    seq: SeqRange,
    as_of: AsOf,
    trades: impl Iterator<Item = &'a Trade>,
) {
    open_snapshot(out, topic, seq, as_of);
    trade_fields(out, trades);
    out.push(b'}');
}

/// The topic's state from `seq` on.
pub fn state(out: &mut Vec<u8>, topic: Topic<'_>, seq: SeqRange, change: &StateChange) {
    open(out, "state", topic, seq);
    state_fields(out, change);
    out.push(b'}');
}

/// `seq` was skipped on purpose: newer data replaces it.
pub fn conflated(out: &mut Vec<u8>, topic: Topic<'_>, seq: SeqRange) {
    open(out, "conflated", topic, seq);
    out.push(b'}');
}

/// `lost` trades will not come; `reason` is `venue` or `slow_consumer`.
pub fn gap(out: &mut Vec<u8>, topic: Topic<'_>, seq: SeqRange, lost: u64, reason: &str) {
    open(out, "gap", topic, seq);
    number_field(out, b",\"lost\":", lost);
    text_field(out, b",\"reason\":", reason);
    out.push(b'}');
}

/// From behind `after` on the topic comes in another tier than before, and why.
pub fn tier(out: &mut Vec<u8>, topic: Topic<'_>, after: u64, tier: &Tier<'_>) {
    open_topic(out, "tier", topic);
    number_field(out, b"\",\"after\":", after);
    number_field(out, b",\"interval_ms\":", u64::from(tier.interval_ms));
    number_field(out, b",\"requested_interval_ms\":", u64::from(tier.requested_interval_ms));
    text_field(out, b",\"reason\":", tier.reason);
    out.push(b'}');
}

fn open_topic(out: &mut Vec<u8>, kind: &str, topic: Topic<'_>) {
    out.extend_from_slice(b"{\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"channel\":\"");
    out.extend_from_slice(topic.channel.name().as_bytes());
    out.extend_from_slice(b"\",\"symbol\":\"");
    out.extend_from_slice(topic.symbol.as_str().as_bytes());
}

fn open(out: &mut Vec<u8>, kind: &str, topic: Topic<'_>, seq: SeqRange) {
    open_topic(out, kind, topic);
    number_field(out, b"\",\"seq\":[", seq.first);
    number_field(out, b",", seq.last);
    out.push(b']');
}

fn open_snapshot(out: &mut Vec<u8>, topic: Topic<'_>, seq: SeqRange, as_of: AsOf) {
    open(out, "snapshot", topic, seq);
    text_field(out, b",\"epoch\":", topic.epoch);
    // A status says its state among its data.
    if topic.channel != Channel::Status {
        text_field(out, b",\"state\":", as_of.state.name());
    }
    times(out, as_of.ts, as_of.rx);
}

fn times(out: &mut Vec<u8>, ts: Option<Micros>, rx: Option<Micros>) {
    if let Some(ts) = ts {
        number_field(out, b",\"ts\":", ts.0);
    }
    if let Some(rx) = rx {
        number_field(out, b",\"rx\":", rx.0);
    }
}

fn fields(out: &mut Vec<u8>, data: &Update) {
    match data {
        Update::Trades(trades) => trade_fields(out, trades.iter()),
        Update::Quote(quote) => quote_fields(out, quote),
        Update::Ticker(ticker) => ticker_fields(out, ticker),
        Update::Book10(levels) | Update::Book(levels) => book_fields(out, levels),
        Update::Status(change) => state_fields(out, change),
    }
}

fn quote_fields(out: &mut Vec<u8>, quote: &Quote) {
    decimal_field(out, b",\"bid\":\"", quote.bid);
    decimal_field(out, b",\"bid_size\":\"", quote.bid_size);
    decimal_field(out, b",\"ask\":\"", quote.ask);
    decimal_field(out, b",\"ask_size\":\"", quote.ask_size);
}

fn ticker_fields(out: &mut Vec<u8>, ticker: &Ticker) {
    decimal_field(out, b",\"last\":\"", ticker.last);
    decimal_field(out, b",\"open\":\"", ticker.open);
    decimal_field(out, b",\"high\":\"", ticker.high);
    decimal_field(out, b",\"low\":\"", ticker.low);
    decimal_field(out, b",\"volume\":\"", ticker.volume);
    decimal_field(out, b",\"quote_volume\":\"", ticker.quote_volume);
    decimal_field(out, b",\"vwap\":\"", ticker.vwap);
    decimal_field(out, b",\"change_pct\":\"", ticker.change_pct);
}

fn book_fields(out: &mut Vec<u8>, levels: &BookLevels) {
    side(out, b",\"bids\":[", &levels.bids);
    side(out, b",\"asks\":[", &levels.asks);
    number_field(out, b",\"checksum\":", u64::from(levels.checksum));
}

fn side(out: &mut Vec<u8>, key: &[u8], levels: &[Level]) {
    out.extend_from_slice(key);
    for (i, level) in levels.iter().enumerate() {
        out.extend_from_slice(if i == 0 { b"[\"" } else { b",[\"" });
        level.price.write(out);
        out.extend_from_slice(b"\",\"");
        // A deleted level is always "0", however many zeros the venue writes.
        if level.size.is_zero() {
            out.push(b'0');
        } else {
            level.size.write(out);
        }
        out.extend_from_slice(b"\"]");
    }
    out.push(b']');
}

fn trade_fields<'a>(out: &mut Vec<u8>, trades: impl Iterator<Item = &'a Trade>) {
    out.extend_from_slice(b",\"trades\":[");
    for (i, trade) in trades.enumerate() {
        out.extend_from_slice(if i == 0 { b"{" } else { b",{" });
        let mut separator: &[u8] = b"\"";
        if let Some(id) = &trade.id {
            trade_id(out, id);
            separator = b",\"";
        }
        if let Some(ts) = trade.ts {
            out.extend_from_slice(separator);
            number_field(out, b"ts\":", ts.0);
            separator = b",\"";
        }
        out.extend_from_slice(separator);
        out.extend_from_slice(b"price\":\"");
        trade.price.write(out);
        out.extend_from_slice(b"\",\"size\":\"");
        trade.size.write(out);
        out.push(b'"');
        if let Some(side) = trade.side {
            text_field(out, b",\"side\":", side.name());
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn trade_id(out: &mut Vec<u8>, id: &TradeId) {
    match id {
        TradeId::Number(number) => {
            number_field(out, b"\"id\":\"", *number);
            out.push(b'"');
        }
        TradeId::Text(text) => text_field(out, b"\"id\":", text),
    }
}

fn state_fields(out: &mut Vec<u8>, change: &StateChange) {
    text_field(out, b",\"state\":", change.state.name());
    text_field(out, b",\"reason\":", &change.reason);
    number_field(out, b",\"since\":", change.since.0);
}

fn decimal_field(out: &mut Vec<u8>, key: &[u8], value: Option<Decimal>) {
    if let Some(value) = value {
        out.extend_from_slice(key);
        value.write(out);
        out.push(b'"');
    }
}

fn number_field(out: &mut Vec<u8>, key: &[u8], value: u64) {
    out.extend_from_slice(key);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// A string field. Nearly no text here needs escaping: venues' trade ids and reasons might.
fn text_field(out: &mut Vec<u8>, key: &[u8], text: &str) {
    out.extend_from_slice(key);
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if text.bytes().all(plain) {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        // Writing a string into a vector does not fail.
        let _ = serde_json::to_writer(out, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Loss, Side};
    use std::sync::Arc;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn level(price: &str, size: &str) -> Level {
        Level { price: decimal(price), size: decimal(size) }
    }

    fn written(channel: Channel, write: impl Fn(&mut Vec<u8>, Topic<'_>)) -> String {
        let symbol = Symbol::new("kraken", "BTC/USD").unwrap();
        let mut out = Vec::new();
        write(&mut out, Topic { channel, symbol: &symbol, epoch: "6745c1a2-1" });
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).expect(&text);
        text
    }

    fn event(body: Body) -> Event {
        Event { ts: Some(Micros(5)), rx: Micros(7), state: State::Live, body }
    }

    #[test]
    fn a_book_update_deletes_with_a_bare_zero() {
        let levels = BookLevels {
            bids: vec![level("1877.29", "0.00000000")],
            asks: vec![level("1877.30", "0.50")],
            checksum: 3_310_070_434,
        };
        let update = event(Body::Update(Update::Book(levels)));
        insta::assert_snapshot!(
            written(Channel::Book, |out, topic| entry(out, topic, SeqRange::new(3, 3), &update)),
            @r#"{"type":"update","channel":"book","symbol":"kraken:BTC/USD","seq":[3,3],"ts":5,"rx":7,"bids":[["1877.29","0"]],"asks":[["1877.30","0.50"]],"checksum":3310070434}"#
        );
    }

    #[test]
    fn a_reset_is_a_snapshot_of_the_book() {
        let image = BookImage {
            ts: None,
            rx: Micros(9),
            state: State::Resyncing,
            levels: Arc::new(BookLevels { bids: vec![level("1", "2")], asks: vec![], checksum: 1 }),
        };
        let reset = event(Body::Reset(image));
        insta::assert_snapshot!(
            written(Channel::Book, |out, topic| entry(out, topic, SeqRange::new(4, 4), &reset)),
            @r#"{"type":"snapshot","channel":"book","symbol":"kraken:BTC/USD","seq":[4,4],"epoch":"6745c1a2-1","state":"resyncing","rx":9,"bids":[["1","2"]],"asks":[],"checksum":1}"#
        );
    }

    #[test]
    fn trades_leave_out_what_the_venue_did() {
        let full = Trade {
            id: Some(TradeId::Number(9911)),
            ts: Some(Micros(4)),
            price: decimal("63501.60"),
            size: decimal("0.1"),
            side: Some(Side::Buy),
        };
        let bare = Trade { id: None, ts: None, side: None, ..full.clone() };
        let odd = Trade { id: Some(TradeId::Text("a\"b".into())), ts: None, side: None, ..full.clone() };
        let update = event(Body::Update(Update::Trades(Box::new([full, bare, odd]))));
        insta::assert_snapshot!(
            written(Channel::Trades, |out, topic| entry(out, topic, SeqRange::new(1, 3), &update)),
            @r#"{"type":"update","channel":"trades","symbol":"kraken:BTC/USD","seq":[1,3],"ts":5,"rx":7,"trades":[{"id":"9911","ts":4,"price":"63501.60","size":"0.1","side":"buy"},{"price":"63501.60","size":"0.1"},{"id":"a\"b","price":"63501.60","size":"0.1"}]}"#
        );
    }

    #[test]
    fn a_quote_without_sizes_has_none() {
        let quote = Quote { bid: Some(decimal("1.10")), ask: Some(decimal("1.2")), ..Quote::default() };
        let as_of = AsOf { ts: None, rx: Some(Micros(7)), state: State::Stale };
        insta::assert_snapshot!(
            written(Channel::Quotes, |out, topic| {
                snapshot_whole(out, topic, SeqRange::new(8, 8), as_of, Some(&Update::Quote(quote)));
            }),
            @r#"{"type":"snapshot","channel":"quotes","symbol":"kraken:BTC/USD","seq":[8,8],"epoch":"6745c1a2-1","state":"stale","rx":7,"bid":"1.10","ask":"1.2"}"#
        );
    }

    #[test]
    fn holes_states_and_losses_have_frames_of_their_own() {
        let change = StateChange {
            state: State::Stale,
            reason: "no data for 2000 ms".into(),
            since: Micros(3),
            last: None,
        };
        insta::assert_snapshot!(
            written(Channel::Book, |out, topic| entry(out, topic, SeqRange::new(2, 2), &event(Body::State(change.clone())))),
            @r#"{"type":"state","channel":"book","symbol":"kraken:BTC/USD","seq":[2,2],"state":"stale","reason":"no data for 2000 ms","since":3}"#
        );
        insta::assert_snapshot!(
            written(Channel::Trades, |out, topic| entry(out, topic, SeqRange::new(774, 774), &event(Body::Loss(Loss { lost: 3 })))),
            @r#"{"type":"gap","channel":"trades","symbol":"kraken:BTC/USD","seq":[774,774],"lost":3,"reason":"venue"}"#
        );
        insta::assert_snapshot!(
            written(Channel::Quotes, |out, topic| conflated(out, topic, SeqRange::new(18, 340))),
            @r#"{"type":"conflated","channel":"quotes","symbol":"kraken:BTC/USD","seq":[18,340]}"#
        );
    }

    #[test]
    fn another_tier_is_told_without_a_range() {
        let told = Tier { interval_ms: 100, requested_interval_ms: 0, reason: "slow_consumer" };
        insta::assert_snapshot!(
            written(Channel::Quotes, |out, topic| tier(out, topic, 340, &told)),
            @r#"{"type":"tier","channel":"quotes","symbol":"kraken:BTC/USD","after":340,"interval_ms":100,"requested_interval_ms":0,"reason":"slow_consumer"}"#
        );
    }

    #[test]
    fn a_status_names_its_state_once() {
        let change = StateChange { state: State::Live, reason: "".into(), since: Micros(3), last: None };
        let as_of = AsOf { ts: None, rx: Some(Micros(3)), state: State::Live };
        insta::assert_snapshot!(
            written(Channel::Status, |out, topic| {
                snapshot_whole(out, topic, SeqRange::new(1, 1), as_of, Some(&Update::Status(change.clone())));
            }),
            @r#"{"type":"snapshot","channel":"status","symbol":"kraken:BTC/USD","seq":[1,1],"epoch":"6745c1a2-1","rx":3,"state":"live","reason":"","since":3}"#
        );
    }
}
