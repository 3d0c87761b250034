//! Bybit, WebSocket v5, public topics of spot and of linear contracts: books, trades, tickers, and the replies to requests.
//! Formats: the venue's "WebSocket Stream" pages.
//!
//! A topic is one text, such as `orderbook.50.BTCUSDT`. Prices and sizes are strings, times and update numbers are not.

mod request;
mod topic;

pub use request::{ARGS_BYTES_PER_CONNECTION_MAX, ARGS_PER_REQUEST_MAX, PING, subscribe, unsubscribe};
pub use topic::Topic;

use super::fields::Field;
use super::parser::Levels;
use super::{Parser, VenueError};
use crate::decimal::Decimal;
use crate::model::{Level, Micros, Side, Ticker, Trade, TradeId};

/// How a refusal begins of a topic that is subscribed to already.
const ALREADY_SUBSCRIBED: &str = "error:already subscribed";

/// A message.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// `orderbook`: a book or changes of one.
    Book(Book<'a>),
    /// `publicTrade`.
    Trades {
        /// The symbol, such as `BTCUSDT`.
        symbol: &'a str,
        /// The trades, oldest first.
        trades: Vec<Trade>,
    },
    /// `tickers`: statistics of the last 24 hours.
    Ticker {
        /// The symbol, such as `BTCUSDT`.
        symbol: &'a str,
        /// Whether all that is not there is not known; else it is as it was before.
        is_whole: bool,
        /// When the venue made it.
        time: Micros,
        /// The statistics, as far as they are there.
        ticker: Ticker,
    },
    /// The answer to a request.
    Reply(Reply<'a>),
    /// The answer to a [`PING`].
    Pong,
    /// A message of another kind.
    Unknown {
        /// Its topic or operation, if it has one.
        name: Option<&'a str>,
    },
}

/// A book, or changes of one.
#[derive(Debug, PartialEq)]
pub struct Book<'a> {
    /// Levels a side of the topic.
    pub depth: u16,
    /// The symbol, such as `BTCUSDT`.
    pub symbol: &'a str,
    /// Whether it is the whole book, and not changes, of which size zero deletes.
    pub is_whole: bool,
    /// Highest price first in a whole book.
    pub bids: &'a [Level],
    /// Lowest price first in a whole book.
    pub asks: &'a [Level],
    /// When the book changed at the matching engine, or, where that is not told, when the venue made the message.
    pub time: Micros,
    /// The number of this message among those of its topic; 1 in the first after a restart of the service.
    pub update_id: u64,
    /// The matching engine's number, which orders all that it tells of; 0 where it is not told.
    pub seq: u64,
}

/// The answer to a request to subscribe or unsubscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reply<'a> {
    /// What was requested: `subscribe` or `unsubscribe`.
    pub op: &'a str,
    /// Whether it was granted. A request with one bad topic is refused as a whole.
    pub success: bool,
    /// The id that the request had; empty if it had none.
    pub request: &'a str,
    /// What the venue says.
    pub message: &'a str,
}

impl Reply<'_> {
    /// Whether it was refused only because it had been granted before.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        !self.success && self.message.starts_with(ALREADY_SUBSCRIBED)
    }
}

/// Parses a frame in place: what was escaped in its strings is unescaped there, so it cannot be parsed again.
///
/// # Errors
/// [`VenueError`] if it is no JSON object, or if a message of a known kind lacks a field or holds a bad one.
pub fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
    parser.in_place(frame, message)
}

fn message<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let [topic, op] = root.pick(["topic", "op"])?;
    if !topic.is_present() {
        return answer(root, op);
    }
    let name = topic.text()?;
    match Topic::parse(name) {
        Some(Topic::Book { depth, symbol }) => book(root, depth, symbol, levels),
        Some(Topic::Trades { symbol }) => trades(root, symbol),
        Some(Topic::Ticker { symbol }) => ticker(root, symbol),
        None => Ok(Message::Unknown { name: Some(name) }),
    }
}

fn answer<'a>(root: Field<'_, 'a>, op: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let Some(op) = op.present() else { return Ok(Message::Unknown { name: None }) };
    match op.text()? {
        "ping" | "pong" => Ok(Message::Pong),
        op @ ("subscribe" | "unsubscribe") => {
            let [success, message, request] = root.pick(["success", "ret_msg", "req_id"])?;
            let or_empty = |field: Field<'_, 'a>| field.present().map_or(Ok(""), Field::text);
            let (request, message) = (or_empty(request)?, or_empty(message)?);
            Ok(Message::Reply(Reply { op, success: success.boolean()?, request, message }))
        }
        other => Ok(Message::Unknown { name: Some(other) }),
    }
}

/// Whether a message is whole, and not what has changed since the one before.
fn is_whole(kind: Field<'_, '_>) -> Result<bool, VenueError> {
    match kind.text()? {
        "snapshot" => Ok(true),
        "delta" => Ok(false),
        _ => Err(kind.wrong("snapshot or delta")),
    }
}

fn book<'a>(
    root: Field<'_, 'a>,
    depth: u16,
    symbol: &'a str,
    levels: &'a mut Levels,
) -> Result<Message<'a>, VenueError> {
    let [kind, sent, data, matched] = root.pick(["type", "ts", "data", "cts"])?;
    let [bids, asks, update_id, seq] = data.pick(["b", "a", "u", "seq"])?;
    bids.levels(&mut levels.bids)?;
    asks.levels(&mut levels.asks)?;
    Ok(Message::Book(Book {
        depth,
        symbol,
        is_whole: is_whole(kind)?,
        bids: &levels.bids,
        asks: &levels.asks,
        time: matched.present().unwrap_or(sent).millis()?,
        update_id: update_id.unsigned()?,
        seq: seq.present().map_or(Ok(0), Field::unsigned)?,
    }))
}

fn trades<'a>(root: Field<'_, 'a>, symbol: &'a str) -> Result<Message<'a>, VenueError> {
    let [data] = root.pick(["data"])?;
    let at = |(index, element)| trade(element).map_err(|error| data.at(index, error));
    let trades = data.elements()?.enumerate().map(at).collect::<Result<_, _>>()?;
    Ok(Message::Trades { symbol, trades })
}

fn trade(element: Field<'_, '_>) -> Result<Trade, VenueError> {
    let [time, side, size, price, id] = element.pick(["T", "S", "v", "p", "i"])?;
    Ok(Trade {
        id: Some(trade_id(id.text()?)),
        ts: Some(time.millis()?),
        price: price.decimal()?,
        size: size.decimal()?,
        side: Some(taker(side)?),
    })
}

/// A number on spot, a UUID on linear. A number that would be written otherwise is a text, too.
fn trade_id(text: &str) -> TradeId {
    let number = text.parse().ok().filter(|number: &u64| number.to_string() == text);
    number.map_or_else(|| TradeId::Text(text.into()), TradeId::Number)
}

fn taker(side: Field<'_, '_>) -> Result<Side, VenueError> {
    match side.text()? {
        "Buy" => Ok(Side::Buy),
        "Sell" => Ok(Side::Sell),
        _ => Err(side.wrong("Buy or Sell")),
    }
}

fn ticker<'a>(root: Field<'_, 'a>, symbol: &'a str) -> Result<Message<'a>, VenueError> {
    let [kind, data, time] = root.pick(["type", "data", "ts"])?;
    let [last, high, low, open, volume, turnover, change] = data.pick([
        "lastPrice",
        "highPrice24h",
        "lowPrice24h",
        "prevPrice24h",
        "volume24h",
        "turnover24h",
        "price24hPcnt",
    ])?;
    Ok(Message::Ticker {
        symbol,
        is_whole: is_whole(kind)?,
        time: time.millis()?,
        ticker: Ticker {
            last: last.filled_decimal()?,
            open: open.filled_decimal()?,
            high: high.filled_decimal()?,
            low: low.filled_decimal()?,
            volume: volume.filled_decimal()?,
            quote_volume: turnover.filled_decimal()?,
            change_pct: change.filled_decimal()?.and_then(percent),
            ..Ticker::default()
        },
    })
}

/// A fraction, such as 0.0171, in percent: 1.71. None if it has too many digits for that.
fn percent(fraction: Decimal) -> Option<Decimal> {
    Decimal::parse(format!("{fraction}e2").as_bytes()).ok()
}

#[cfg(test)]
mod tests;
