//! `/v1/snapshot`: the state of a topic as of its head, in the words of a snapshot frame.

use super::reply::{Failure, Reply, with_type};
use feed::market::Market;
use feed::topic::{Image, TopicHandle};
use hyper::StatusCode;
use schemas::decimal::Decimal;
use schemas::model::{Body, BookImage, BookLevels, Channel, Level, Micros, State, UnknownChannel, Update};
use schemas::wire::frame::{self, AsOf};
use schemas::wire::{SeqRange, websocket};
use std::cmp::Ordering;
use std::sync::Arc;

/// Answers `channel=...&symbol=...`.
///
/// # Errors
/// 400 if one is missing or there is no such channel, 404 if the symbol does not exist or has no such channel.
pub(super) fn reply(market: &Market, query: &str) -> Result<Reply, Failure> {
    let (channel, symbol) = parameters(query)?;
    let registry = market.registry();
    let unknown = |what: String| Failure::new(StatusCode::NOT_FOUND, "unknown_symbol", what);
    let entry =
        registry.symbol(&symbol).ok_or_else(|| unknown(format!("no such symbol: `{}`", clipped(&symbol))))?;
    let topic = entry.topic(channel).ok_or_else(|| unknown(format!("{symbol} has no {channel}")))?;
    Ok(with_type(StatusCode::OK, "application/json", of(topic)))
}

fn parameters(query: &str) -> Result<(Channel, String), Failure> {
    let (mut channel, mut symbol) = (None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "channel" => channel = Some(value.into_owned()),
            "symbol" => symbol = Some(value.into_owned()),
            other => {
                let message = format!("unknown parameter `{}`: expected channel and symbol", clipped(other));
                return Err(Failure::bad_request(message));
            }
        }
    }
    let missing =
        |name| Failure::bad_request(format!("{name}: missing, expected ?channel=CHANNEL&symbol=VENUE:NAME"));
    let channel = channel.ok_or_else(|| missing("channel"))?;
    let unknown = |e: UnknownChannel| Failure::new(StatusCode::BAD_REQUEST, "unknown_channel", e.to_string());
    let channel = channel.parse().map_err(unknown)?;
    Ok((channel, symbol.ok_or_else(|| missing("symbol"))?))
}

/// The JSON text of a topic's state.
fn of(topic: &TopicHandle) -> Vec<u8> {
    let book = if topic.channel == Channel::Book { book(topic) } else { None };
    if let Some((image, seq)) = book {
        let mut text = Vec::with_capacity(4_096);
        frame::snapshot_book(&mut text, topic.wire(), SeqRange::new(seq, seq), &image);
        return text;
    }
    match topic.snapshot(None, topic.topic.head()) {
        Some(snapshot) => websocket::payload(&snapshot.frame).to_vec(),
        None => nothing_yet(topic),
    }
}

/// A topic without entries has a state all the same, no trades and no levels.
fn nothing_yet(topic: &TopicHandle) -> Vec<u8> {
    let (as_of, seq) = (AsOf { ts: None, rx: None, state: State::default() }, SeqRange::new(0, 0));
    let empty = match topic.channel {
        Channel::Trades => Some(Update::Trades(Box::default())),
        Channel::Book | Channel::Book10 => Some(Update::Book(BookLevels::default())),
        Channel::Quotes | Channel::Ticker | Channel::Status => None,
    };
    let mut text = Vec::new();
    frame::snapshot_whole(&mut text, topic.wire(), seq, as_of, empty.as_ref());
    text
}

/// The image of a book and the log after it, up to the head. None before the first image.
fn book(topic: &TopicHandle) -> Option<(BookImage, u64)> {
    loop {
        let image = topic.topic.image()?;
        // None: the log went round meanwhile, so there is a later image.
        if let Some(book) = after(&image, topic) {
            return Some(book);
        }
    }
}

fn after(image: &Arc<Image>, topic: &TopicHandle) -> Option<(BookImage, u64)> {
    let mut book = image.body().clone();
    let (mut seq, head) = (image.position().seq, topic.topic.head());
    for index in image.position().index + 1..=head.index {
        let entry = topic.topic.read(index)?;
        let event = entry.record();
        match &event.body {
            Body::Update(Update::Book(levels)) => apply(&mut book, levels, (event.ts, event.rx)),
            Body::Reset(reset) => book = reset.clone(),
            Body::Update(_) | Body::State(_) | Body::Loss(_) => {}
        }
        book.state = event.state;
        seq = entry.last();
    }
    Some((book, seq))
}

fn apply(book: &mut BookImage, change: &BookLevels, (ts, rx): (Option<Micros>, Micros)) {
    let levels = Arc::make_mut(&mut book.levels);
    for level in &change.bids {
        set(&mut levels.bids, *level, |kept, new| new.cmp(kept));
    }
    for level in &change.asks {
        set(&mut levels.asks, *level, Decimal::cmp);
    }
    levels.checksum = change.checksum;
    (book.ts, book.rx) = (ts, rx);
}

/// Sets a level where it belongs; a size of zero takes it away.
fn set(side: &mut Vec<Level>, level: Level, order: impl Fn(&Decimal, &Decimal) -> Ordering) {
    match side.binary_search_by(|kept| order(&kept.price, &level.price)) {
        Ok(at) if level.size.is_zero() => drop(side.remove(at)),
        Ok(at) => side[at] = level,
        Err(_) if level.size.is_zero() => {}
        Err(at) => side.insert(at, level),
    }
}

fn clipped(text: &str) -> String {
    text.chars().take(96).collect()
}
