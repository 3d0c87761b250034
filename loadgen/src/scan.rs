//! What a frame is about, by a scan of its first bytes.
//!
//! Per frame only type, channel, symbol, `seq` and times are needed. A broker that writes them first, in the usual order,
//! is read without looking at the rest. Key order is no part of the protocol, so whatever looks different is parsed as
//! JSON.

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A text message.
#[derive(Debug, PartialEq, Eq)]
pub enum Scanned<'a> {
    /// About a topic.
    Topic(Header<'a>),
    /// A reply to a request.
    Reply,
    /// The greeting.
    Hello,
    /// A sign of life.
    Heartbeat,
    /// The broker asks to come back later.
    Goaway {
        /// After how many milliseconds, if it says so.
        reconnect_in_ms: Option<u64>,
    },
    /// A subscription is served in another tier.
    Tier,
    /// A type that this version does not know, which clients ignore.
    Unknown,
}

/// The kinds of frames about a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The whole state.
    Snapshot,
    /// A change, or several merged.
    Update,
    /// Live, stale, resyncing, halted.
    State,
    /// A range that newer data replaces.
    Conflated,
    /// Trades that will not come.
    Gap,
}

/// What a frame about a topic says before its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// What kind of frame.
    pub kind: Kind,
    /// The channel's name.
    pub channel: Cow<'a, str>,
    /// The symbol.
    pub symbol: Cow<'a, str>,
    /// The first and last `seq` that the frame covers.
    pub seq: (u64, u64),
    /// The venue's event time of the last update in the frame, in microseconds since the Unix epoch.
    pub ts: Option<u64>,
    /// When the broker received it, in microseconds since the Unix epoch.
    pub rx: Option<u64>,
}

/// The text is no frame of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a frame of the protocol: {0}")]
pub struct ScanError(String);

/// Reads what a text message is about.
///
/// # Errors
/// [`ScanError`] if it is not JSON, or a frame about a topic lacks its channel, symbol or `seq`.
pub fn scan(text: &[u8]) -> Result<Scanned<'_>, ScanError> {
    match usual(text) {
        Some(header) => Ok(Scanned::Topic(header)),
        None => parsed(text),
    }
}

/// Takes expected text off the front of a frame.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// A string up to its closing quote, which is skipped; `None` if it has escapes or is no UTF-8.
    fn string(&mut self) -> Option<&'a str> {
        let end = memchr::memchr2(b'"', b'\\', self.0)?;
        let (string, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(string).ok()
    }

    fn number(&mut self) -> Option<u64> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if !(1..=19).contains(&digits) {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
    }
}

/// The header of a frame whose keys come in the broker's order, without white space.
fn usual(text: &[u8]) -> Option<Header<'_>> {
    let mut cursor = Cursor(text);
    cursor.skip(b"{\"type\":\"")?;
    let kind = kind(cursor.string()?)?;
    cursor.skip(b",\"channel\":\"")?;
    let channel = Cow::Borrowed(cursor.string()?);
    cursor.skip(b",\"symbol\":\"")?;
    let symbol = Cow::Borrowed(cursor.string()?);
    cursor.skip(b",\"seq\":[")?;
    let first = cursor.number()?;
    cursor.skip(b",")?;
    let last = cursor.number()?;
    cursor.skip(b"]")?;
    let mut header = Header { kind, channel, symbol, seq: (first, last), ts: None, rx: None };
    match kind {
        Kind::Snapshot | Kind::Update => usual_times(&mut cursor, &mut header)?,
        Kind::State | Kind::Conflated | Kind::Gap => {}
    }
    Some(header)
}

/// The times, which come before the data; a snapshot's epoch and state come before them.
fn usual_times(cursor: &mut Cursor<'_>, header: &mut Header<'_>) -> Option<()> {
    while cursor.skip(b",\"").is_some() {
        match cursor.string()? {
            "ts" => {
                cursor.skip(b":")?;
                header.ts = Some(cursor.number()?);
            }
            "rx" => {
                cursor.skip(b":")?;
                header.rx = Some(cursor.number()?);
                break;
            }
            "epoch" | "state" | "reason" => {
                cursor.skip(b":\"")?;
                cursor.string()?;
            }
            _ => return None,
        }
    }
    if header.ts.is_some() || memmem::find(cursor.0, b"\"ts\":").is_none() {
        return Some(());
    }
    // There is a `ts` further back: of the last trade, or the frame's own in another place than usual.
    header.ts = Some(last_trade_ts(&header.channel, cursor.0)?);
    Some(())
}

fn last_trade_ts(channel: &str, rest: &[u8]) -> Option<u64> {
    if channel != "trades" || !rest.ends_with(b"]}") {
        return None;
    }
    let at = memmem::rfind(rest, b"\"ts\":")?;
    Cursor(&rest[at + 5..]).number()
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    channel: Option<Cow<'a, str>>,
    #[serde(borrow)]
    symbol: Option<Cow<'a, str>>,
    seq: Option<(u64, u64)>,
    ts: Option<u64>,
    rx: Option<u64>,
    reconnect_in_ms: Option<u64>,
    #[serde(default)]
    trades: Vec<TradeTime>,
}

#[derive(Deserialize)]
struct TradeTime {
    ts: Option<u64>,
}

fn parsed(text: &[u8]) -> Result<Scanned<'_>, ScanError> {
    let fields: Fields<'_> = serde_json::from_slice(text).map_err(|e| ScanError(e.to_string()))?;
    let Some(name) = fields.kind.as_deref() else {
        let no_type = || ScanError("neither `type` nor `id`".into());
        return fields.id.map(|_| Scanned::Reply).ok_or_else(no_type);
    };
    match name {
        "hello" => Ok(Scanned::Hello),
        "heartbeat" => Ok(Scanned::Heartbeat),
        "tier" => Ok(Scanned::Tier),
        "goaway" => Ok(Scanned::Goaway { reconnect_in_ms: fields.reconnect_in_ms }),
        name => match kind(name) {
            Some(kind) => topic_header(kind, fields).map(Scanned::Topic),
            None => Ok(Scanned::Unknown),
        },
    }
}

fn topic_header(kind: Kind, fields: Fields<'_>) -> Result<Header<'_>, ScanError> {
    let missing = |name: &str| ScanError(format!("a frame about a topic without `{name}`"));
    Ok(Header {
        kind,
        channel: fields.channel.ok_or_else(|| missing("channel"))?,
        symbol: fields.symbol.ok_or_else(|| missing("symbol"))?,
        seq: fields.seq.ok_or_else(|| missing("seq"))?,
        ts: fields.ts.or_else(|| fields.trades.last().and_then(|trade| trade.ts)),
        rx: fields.rx,
    })
}

fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "update" => Kind::Update,
        "snapshot" => Kind::Snapshot,
        "state" => Kind::State,
        "conflated" => Kind::Conflated,
        "gap" => Kind::Gap,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(text: &str) -> (Option<u64>, Option<u64>) {
        match scan(text.as_bytes()) {
            Ok(Scanned::Topic(header)) => (header.ts, header.rx),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_usual_order_and_any_other_give_the_same() {
        let usual_order = r#"{"type":"update","channel":"book","symbol":"kraken:BTC/USD","seq":[5,9],"ts":11,"rx":12,"bids":[],"asks":[]}"#;
        let other_order = r#"{ "asks":[["1","2"]], "rx":12, "seq":[5, 9],"symbol":"kraken:BTC\/USD","ts":11,"channel":"book","type":"update"}"#;
        assert!(usual(usual_order.as_bytes()).is_some() && usual(other_order.as_bytes()).is_none());
        assert_eq!(scan(usual_order.as_bytes()), scan(other_order.as_bytes()));
        let expected = Header {
            kind: Kind::Update,
            channel: "book".into(),
            symbol: "kraken:BTC/USD".into(),
            seq: (5, 9),
            ts: Some(11),
            rx: Some(12),
        };
        assert_eq!(scan(usual_order.as_bytes()), Ok(Scanned::Topic(expected)));
    }

    #[test]
    fn times_are_found_wherever_they_stand() {
        let start = r#"{"type":"update","channel":"quotes","symbol":"a:b","seq":[1,1]"#;
        assert_eq!(times(&format!(r#"{start},"rx":2,"bid":"1"}}"#)), (None, Some(2)));
        assert_eq!(times(&format!(r#"{start},"rx":2,"bid":"1","ts":1}}"#)), (Some(1), Some(2)));
        assert_eq!(times(&format!(r#"{start},"bid":"1","rx":2,"ts":1}}"#)), (Some(1), Some(2)));
        assert_eq!(times(&format!(r"{start}}}")), (None, None));
    }

    #[test]
    fn trades_have_the_time_of_the_last_one() {
        let start = r#"{"type":"update","channel":"trades","symbol":"a:b","seq":[1,2]"#;
        let trades = r#""trades":[{"id":"1","ts":5,"price":"1"},{"id":"\"ts\":77","ts":6,"price":"1"}]"#;
        assert_eq!(times(&format!(r#"{start},"rx":9,{trades}}}"#)), (Some(6), Some(9)));
        assert_eq!(times(&format!(r#"{start},"ts":7,"rx":9,{trades}}}"#)), (Some(7), Some(9)));
        assert_eq!(times(&format!(r#"{start},"rx":9,{trades},"ts":8}}"#)), (Some(8), Some(9)));
        assert_eq!(times(&format!(r#"{start},{trades},"rx":9}}"#)), (Some(6), Some(9)));
    }

    #[test]
    fn a_snapshot_names_epoch_and_state_before_its_times() {
        let text = r#"{"type":"snapshot","channel":"book","symbol":"a:b","seq":[4,4],"epoch":"e-1","state":"live","ts":1,"rx":2,"bids":[]}"#;
        assert!(usual(text.as_bytes()).is_some());
        assert_eq!(times(text), (Some(1), Some(2)));
    }

    #[test]
    fn what_is_no_topic() {
        assert_eq!(scan(br#"{"id":1,"result":{}}"#), Ok(Scanned::Reply));
        assert_eq!(scan(br#"{"type":"hello","protocol":1}"#), Ok(Scanned::Hello));
        assert_eq!(scan(br#"{"type":"heartbeat","ts":3}"#), Ok(Scanned::Heartbeat));
        let tier = br#"{"type":"tier","channel":"quotes","symbol":"a:b","after":3,"interval_ms":100,"requested_interval_ms":0,"reason":"slow_consumer"}"#;
        assert_eq!(scan(tier), Ok(Scanned::Tier));
        assert_eq!(scan(br#"{"type":"novelty","x":[1]}"#), Ok(Scanned::Unknown));
        let goaway = br#"{"type":"goaway","reconnect_in_ms":1500,"reason":"shutdown"}"#;
        assert_eq!(scan(goaway), Ok(Scanned::Goaway { reconnect_in_ms: Some(1500) }));
    }

    #[test]
    fn what_is_no_frame() {
        for wrong in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"type":"update","channel":"book","symbol":"a:b"}"#,
            r#"{"type":"update","channel":"book","symbol":"a:b","seq":[1]}"#,
            r#"{"type":"update","channel":"book","symbol":"a:b","seq":[1,-1]}"#,
        ] {
            assert!(scan(wrong.as_bytes()).is_err(), "{wrong}");
        }
        assert!(scan(b"{\"type\":\"upd\xff\"}").is_err());
    }
}
