//! Frames as a client reads them, and what they ought to say.

use super::truth::{Levels, Truth, Written};
use schemas::model::{Body, Channel, Event, Loss, StateChange, Trade, TradeId, Update};
use serde::Deserialize;

/// A data frame. A field that no frame has is an error.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Frame {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) channel: String,
    pub(super) symbol: String,
    pub(super) seq: (u64, u64),
    epoch: Option<String>,
    pub(super) state: Option<String>,
    pub(super) reason: Option<String>,
    since: Option<u64>,
    ts: Option<u64>,
    rx: Option<u64>,
    pub(super) lost: Option<u64>,
    pub(super) bids: Option<Vec<Written>>,
    pub(super) asks: Option<Vec<Written>>,
    checksum: Option<u32>,
    pub(super) trades: Option<Vec<TradeFields>>,
    bid: Option<String>,
    bid_size: Option<String>,
    ask: Option<String>,
    ask_size: Option<String>,
    last: Option<String>,
    open: Option<String>,
    high: Option<String>,
    low: Option<String>,
    volume: Option<String>,
    quote_volume: Option<String>,
    vwap: Option<String>,
    change_pct: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TradeFields {
    id: Option<String>,
    ts: Option<u64>,
    price: String,
    size: String,
    side: Option<String>,
}

/// A frame that tells of another tier.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToldTier {
    #[serde(rename = "type")]
    _kind: String,
    pub(super) channel: String,
    pub(super) symbol: String,
    pub(super) after: u64,
    pub(super) interval_ms: u32,
    pub(super) requested_interval_ms: u32,
    pub(super) reason: String,
}

/// Takes the first whole WebSocket frame out of what was read: its opcode and payload.
pub(super) fn split(read: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let (header, len) = match *read.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(read.get(2..4)?.try_into().ok()?))),
        127 => (10, u64::from_be_bytes(read.get(2..10)?.try_into().ok()?) as usize),
        len => (2, usize::from(len)),
    };
    if read.len() < header + len {
        return None;
    }
    let payload = read[header..header + len].to_vec();
    let opcode = read[0];
    read.drain(..header + len);
    Some((opcode, payload))
}

fn frame(truth: &Truth, kind: &str, seq: (u64, u64)) -> Frame {
    Frame {
        kind: kind.to_owned(),
        channel: truth.served.channel.name().to_owned(),
        symbol: truth.served.symbol.as_str().to_owned(),
        seq,
        ..Frame::default()
    }
}

/// What an update has to say that covers a range: one entry, the rest of one, or several merged.
pub(super) fn update(truth: &Truth, first: u64, last: u64) -> Frame {
    let mut frame = frame(truth, "update", (first, last));
    let entries = truth.entries(first, last);
    if let Some(end) = entries.last() {
        frame.times(end.record());
    }
    match truth.served.channel {
        Channel::Trades => frame.list_trades(&truth.trades(first, last)),
        Channel::Book => {
            let mut levels = Levels::default();
            for entry in entries {
                if let Body::Update(Update::Book(set)) = &entry.record().body {
                    levels.set(set);
                    frame.checksum = Some(set.checksum);
                }
            }
            frame.list_levels(&levels);
        }
        _ => frame.whole(truth, last),
    }
    frame
}

/// What a snapshot has to say as of `last`; of trades: with those from `first` on.
pub(super) fn snapshot(truth: &Truth, first: u64, last: u64) -> Frame {
    let mut frame = frame(truth, "snapshot", (first, last));
    frame.epoch = Some(truth.served.epoch.to_string());
    frame.state = Some(truth.state(last).name().to_owned());
    match truth.served.channel {
        Channel::Trades => {
            let is_trades = |body: &Body| matches!(body, Body::Update(_));
            let latest =
                truth.entries(first, last).iter().rev().find(|entry| is_trades(&entry.record().body));
            if let Some(latest) = latest {
                frame.times(latest.record());
            }
            frame.list_trades(&truth.trades(first, last));
        }
        Channel::Book => {
            let data = truth.data(last);
            frame.list_levels(&truth.book(last));
            frame.checksum = data.and_then(|entry| checksum(&entry.record().body));
            if let Some(data) = data {
                frame.times(data.record());
            }
        }
        channel => {
            frame.whole(truth, last);
            match truth.data(last) {
                Some(data) => frame.times(data.record()),
                None if channel == Channel::Book10 => {
                    frame.list_levels(&Levels::default());
                    frame.checksum = Some(0);
                }
                None => {}
            }
        }
    }
    frame
}

/// What the frame of a state or a loss has to say; none if `seq` is neither.
pub(super) fn mark(truth: &Truth, seq: u64) -> Option<Frame> {
    match &truth.entry(seq)?.record().body {
        Body::State(change) => {
            let mut frame = frame(truth, "state", (seq, seq));
            frame.change(change);
            Some(frame)
        }
        Body::Loss(Loss { lost }) => Some(gap(truth, (seq, seq), *lost, "venue")),
        Body::Update(_) | Body::Reset(_) => None,
    }
}

/// What a frame has to say that stands for what is not sent.
pub(super) fn gap(truth: &Truth, seq: (u64, u64), lost: u64, reason: &str) -> Frame {
    Frame { lost: Some(lost), reason: Some(reason.to_owned()), ..frame(truth, "gap", seq) }
}

/// What a frame has to say that stands for what newer data replaces.
pub(super) fn conflated(truth: &Truth, seq: (u64, u64)) -> Frame {
    frame(truth, "conflated", seq)
}

fn checksum(body: &Body) -> Option<u32> {
    match body {
        Body::Update(Update::Book(levels)) => Some(levels.checksum),
        Body::Reset(image) => Some(image.levels.checksum),
        _ => None,
    }
}

impl Frame {
    fn times(&mut self, event: &Event) {
        self.ts = event.ts.map(|ts| ts.0);
        self.rx = Some(event.rx.0);
    }

    /// The latest data of a topic whose updates are whole.
    fn whole(&mut self, truth: &Truth, seq: u64) {
        let Some(Body::Update(update)) = truth.data(seq).map(|entry| &entry.record().body) else { return };
        let text = |value: Option<schemas::decimal::Decimal>| value.map(|value| value.to_string());
        match update {
            Update::Quote(quote) => {
                (self.bid, self.bid_size) = (text(quote.bid), text(quote.bid_size));
                (self.ask, self.ask_size) = (text(quote.ask), text(quote.ask_size));
            }
            Update::Ticker(ticker) => {
                (self.last, self.open) = (text(ticker.last), text(ticker.open));
                (self.high, self.low) = (text(ticker.high), text(ticker.low));
                (self.volume, self.quote_volume) = (text(ticker.volume), text(ticker.quote_volume));
                (self.vwap, self.change_pct) = (text(ticker.vwap), text(ticker.change_pct));
            }
            Update::Book10(levels) => {
                let mut list = Levels::default();
                list.set(levels);
                self.list_levels(&list);
                self.checksum = Some(levels.checksum);
            }
            Update::Status(change) => self.change(change),
            Update::Trades(_) | Update::Book(_) => {}
        }
    }

    fn change(&mut self, change: &StateChange) {
        self.state = Some(change.state.name().to_owned());
        self.reason = Some(change.reason.to_string());
        self.since = Some(change.since.0);
    }

    fn list_levels(&mut self, levels: &Levels) {
        let (bids, asks) = levels.lists();
        (self.bids, self.asks) = (Some(bids), Some(asks));
    }

    fn list_trades(&mut self, trades: &[&Trade]) {
        let fields = |trade: &&Trade| TradeFields {
            id: trade.id.as_ref().map(|id| match id {
                TradeId::Number(number) => number.to_string(),
                TradeId::Text(text) => text.to_string(),
            }),
            ts: trade.ts.map(|ts| ts.0),
            price: trade.price.to_string(),
            size: trade.size.to_string(),
            side: trade.side.map(|side| side.name().to_owned()),
        };
        self.trades = Some(trades.iter().map(fields).collect());
    }
}
