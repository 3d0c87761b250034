//! Coinbase Exchange: level2 and its batch variants, ticker, matches, heartbeat, status, and the replies to requests.
//! Formats: the venue's "Exchange WebSocket Channels" pages.

mod request;

pub use request::{Channel, subscribe, unsubscribe};

use super::fields::Field;
use super::parser::Levels;
use super::{Instrument, Parser, VenueError};
use crate::model::{Level, Micros, Quote, Side, Ticker, Trade, TradeId};

/// A message.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// `snapshot`: a whole book.
    Snapshot(Book<'a>),
    /// `l2update`: changes of a book; size zero deletes.
    Update(Book<'a>),
    /// `match`, or `last_match`: the last one before the subscription.
    Match {
        /// The product, such as `BTC-USD`.
        product: &'a str,
        /// Whether it is from before the subscription.
        last: bool,
        /// The product's message number.
        sequence: Option<u64>,
        /// The trade's number, one more than the product's last.
        id: u64,
        /// The trade, with the same number and the aggressor's side (the venue sends the maker's).
        trade: Trade,
    },
    /// `ticker`: best bid and ask, and statistics, after a trade.
    Ticker {
        /// The product, such as `BTC-USD`.
        product: &'a str,
        /// The product's message number.
        sequence: Option<u64>,
        /// The time of the trade.
        time: Option<Micros>,
        /// Best bid and ask; the sizes are there since 2022.
        quote: Quote,
        /// The statistics of the last 24 hours.
        ticker: Ticker,
    },
    /// `heartbeat`: one a second.
    Heartbeat {
        /// The product, such as `BTC-USD`.
        product: &'a str,
        /// The product's message number.
        sequence: u64,
        /// The number of the product's last trade.
        last_trade_id: u64,
        /// When the venue sent it.
        time: Micros,
    },
    /// `status`: what the venue knows of its products.
    Status {
        /// One for each product.
        products: Vec<Instrument<'a>>,
    },
    /// `subscriptions`: all that the connection holds, after each request.
    Subscriptions {
        /// One for each channel.
        channels: Vec<Subscribed<'a>>,
    },
    /// A request was refused.
    Error {
        /// What the venue says.
        message: &'a str,
        /// More of it.
        reason: Option<&'a str>,
    },
    /// A message of another kind.
    Unknown {
        /// Its type, if it has one.
        kind: Option<&'a str>,
    },
}

/// Levels of a product's book.
#[derive(Debug, PartialEq)]
pub struct Book<'a> {
    /// The product, such as `BTC-USD`.
    pub product: &'a str,
    /// Bids, highest price first in a snapshot.
    pub bids: &'a [Level],
    /// Asks, lowest price first in a snapshot.
    pub asks: &'a [Level],
    /// When the book changed; old snapshots do not say.
    pub time: Option<Micros>,
}

/// A channel and the products that the connection holds of it.
#[derive(Debug, PartialEq)]
pub struct Subscribed<'a> {
    /// The channel's name, which need not be the one asked for (`level2_50` for `level2_batch`).
    pub channel: &'a str,
    /// The products.
    pub products: Vec<&'a str>,
}

/// Parses a frame in place: what was escaped in its strings is unescaped there, so it cannot be parsed again.
///
/// # Errors
/// [`VenueError`] if it is no JSON object, or if a message of a known kind lacks a field or holds a bad one.
pub fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
    parser.in_place(frame, message)
}

fn message<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let Some(kind) = root.find("type")?.present() else {
        return Ok(Message::Unknown { kind: None });
    };
    match kind.text()? {
        "l2update" => update(root, levels),
        "snapshot" => snapshot(root, levels),
        "match" => trade(root, false),
        "last_match" => trade(root, true),
        "ticker" => ticker(root),
        "heartbeat" => heartbeat(root),
        "status" => status(root),
        "subscriptions" => subscriptions(root),
        "error" => {
            let [message, reason] = root.pick(["message", "reason"])?;
            let reason = reason.present().map(Field::text).transpose()?;
            Ok(Message::Error { message: message.text()?, reason })
        }
        other => Ok(Message::Unknown { kind: Some(other) }),
    }
}

fn snapshot<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let [product, asks, bids, time] = root.pick(["product_id", "asks", "bids", "time"])?;
    bids.levels(&mut levels.bids)?;
    asks.levels(&mut levels.asks)?;
    Ok(Message::Snapshot(book(product, levels, time)?))
}

fn update<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let [product, changes, time] = root.pick(["product_id", "changes", "time"])?;
    for (index, change) in changes.elements()?.enumerate() {
        let (side, level) = change.change().map_err(|error| changes.at(index, error))?;
        match side {
            Side::Buy => levels.bids.push(level),
            Side::Sell => levels.asks.push(level),
        }
    }
    Ok(Message::Update(book(product, levels, time)?))
}

fn book<'a>(product: Field<'_, 'a>, levels: &'a Levels, time: Field<'_, 'a>) -> Result<Book<'a>, VenueError> {
    Ok(Book {
        product: product.text()?,
        bids: &levels.bids,
        asks: &levels.asks,
        time: time.present().map(Field::rfc3339).transpose()?,
    })
}

fn trade<'a>(root: Field<'_, 'a>, last: bool) -> Result<Message<'a>, VenueError> {
    let [id, side, size, price, product, sequence, time] =
        root.pick(["trade_id", "side", "size", "price", "product_id", "sequence", "time"])?;
    let id = id.unsigned()?;
    Ok(Message::Match {
        product: product.text()?,
        last,
        sequence: sequence.present().map(Field::unsigned).transpose()?,
        id,
        trade: Trade {
            id: Some(TradeId::Number(id)),
            ts: Some(time.rfc3339()?),
            price: price.decimal()?,
            size: size.decimal()?,
            side: Some(side.side()?.opposite()),
        },
    })
}

fn ticker<'a>(root: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [sequence, product, price, open, volume, low, high, bid, bid_size, ask, ask_size, time] =
        root.pick([
            "sequence",
            "product_id",
            "price",
            "open_24h",
            "volume_24h",
            "low_24h",
            "high_24h",
            "best_bid",
            "best_bid_size",
            "best_ask",
            "best_ask_size",
            "time",
        ])?;
    Ok(Message::Ticker {
        product: product.text()?,
        sequence: sequence.present().map(Field::unsigned).transpose()?,
        time: time.present().map(Field::rfc3339).transpose()?,
        quote: Quote {
            bid: bid.optional_decimal()?,
            bid_size: bid_size.optional_decimal()?,
            ask: ask.optional_decimal()?,
            ask_size: ask_size.optional_decimal()?,
        },
        ticker: Ticker {
            last: price.optional_decimal()?,
            open: open.optional_decimal()?,
            high: high.optional_decimal()?,
            low: low.optional_decimal()?,
            volume: volume.optional_decimal()?,
            ..Ticker::default()
        },
    })
}

fn heartbeat<'a>(root: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [last_trade_id, product, sequence, time] =
        root.pick(["last_trade_id", "product_id", "sequence", "time"])?;
    Ok(Message::Heartbeat {
        product: product.text()?,
        sequence: sequence.unsigned()?,
        last_trade_id: last_trade_id.unsigned()?,
        time: time.rfc3339()?,
    })
}

fn status<'a>(root: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [products] = root.pick(["products"])?;
    let at = |(index, element)| product(element).map_err(|error| products.at(index, error));
    Ok(Message::Status { products: products.elements()?.enumerate().map(at).collect::<Result<_, _>>()? })
}

fn product<'a>(element: Field<'_, 'a>) -> Result<Instrument<'a>, VenueError> {
    let [id, base, quote, lot_size, tick_size, status] = element.pick([
        "id",
        "base_currency",
        "quote_currency",
        "base_increment",
        "quote_increment",
        "status",
    ])?;
    Ok(Instrument {
        symbol: id.text()?,
        base: base.text()?,
        quote: quote.text()?,
        status: status.text()?,
        tick_size: tick_size.optional_decimal()?,
        lot_size: lot_size.optional_decimal()?,
    })
}

fn subscriptions<'a>(root: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [channels] = root.pick(["channels"])?;
    let at = |(index, element)| subscribed(element).map_err(|error| channels.at(index, error));
    Ok(Message::Subscriptions {
        channels: channels.elements()?.enumerate().map(at).collect::<Result<_, _>>()?,
    })
}

fn subscribed<'a>(element: Field<'_, 'a>) -> Result<Subscribed<'a>, VenueError> {
    let [name, products] = element.pick(["name", "product_ids"])?;
    let products = match products.present() {
        Some(products) => products.elements()?.map(Field::text).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    Ok(Subscribed { channel: name.text()?, products })
}

#[cfg(test)]
mod tests;
