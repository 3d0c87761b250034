//! Entries as machines make them, each another one for another number.

use crate::frames::{ask, bid, level, size};
use schemas::checksum;
use schemas::model::{
    Body, BookImage, BookLevels, Channel, Event, Level, Micros, Quote, Side, State, Trade, TradeId, Update,
};
use std::sync::Arc;

/// An entry of a channel.
///
/// # Panics
/// If there is none for it here.
#[must_use]
pub fn event(channel: Channel, number: u64) -> Event {
    let update = match channel {
        Channel::Quotes => Update::Quote(quote(number)),
        Channel::Trades => Update::Trades(Box::new([trade(number)])),
        Channel::Book10 => Update::Book10(book(10, number)),
        Channel::Book => Update::Book(book(8, number)),
        Channel::Ticker | Channel::Status => panic!("no event of {channel} here"),
    };
    let (ts, rx) = (Some(Micros(1_783_465_157_897_000 + number)), Micros(1_783_465_157_898_541 + number));
    Event { ts, rx, state: State::Live, body: Body::Update(update) }
}

/// A whole book with so many levels a side, as an entry.
#[must_use]
pub fn reset(levels: u64) -> Event {
    let image = BookImage {
        ts: Some(Micros(1_783_465_157_897_000)),
        rx: Micros(1_783_465_157_898_541),
        state: State::Live,
        levels: Arc::new(book(levels, 0)),
    };
    Event { ts: image.ts, rx: image.rx, state: State::Live, body: Body::Reset(image) }
}

/// Best bid and ask.
#[must_use]
pub fn quote(number: u64) -> Quote {
    let (bid, ask) = (bid_level(number % 5, number), ask_level(number % 3, number));
    Quote { bid: Some(bid.price), bid_size: Some(bid.size), ask: Some(ask.price), ask_size: Some(ask.size) }
}

/// Levels of both sides, the best ones first.
#[must_use]
pub fn book(levels: u64, number: u64) -> BookLevels {
    let bids: Vec<_> = (0..levels).map(|rank| bid_level(rank, number)).collect();
    let asks: Vec<_> = (0..levels).map(|rank| ask_level(rank, number)).collect();
    let checksum = checksum::of_book(&asks, &bids);
    BookLevels { bids, asks, checksum }
}

fn trade(number: u64) -> Trade {
    let Level { price, size } = ask_level(number % 5, number);
    let (id, ts) = (TradeId::Number(6_486_989_273 + number), Micros(1_783_465_157_897_000 + number));
    Trade { id: Some(id), ts: Some(ts), price, size, side: Some(Side::Buy) }
}

fn bid_level(rank: u64, number: u64) -> Level {
    level(&bid(rank), &size(number + rank))
}

fn ask_level(rank: u64, number: u64) -> Level {
    level(&ask(rank), &size(number + rank))
}
