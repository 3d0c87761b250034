//! Kraken, WebSocket v2: channels book, trade, ticker, instrument, heartbeat and status, and the replies to requests.
//! Formats: the venue's "WebSocket API v2" pages.
//!
//! Numbers are bare there, and their trailing zeros count in the book's checksum, so they are taken as text.

mod request;

pub use request::{BOOK_DEPTHS, SYMBOLS_PER_REQUEST_MAX, Subscription, ping, subscribe, unsubscribe};

use super::fields::Field;
use super::parser::Levels;
use super::{Instrument, Parser, VenueError};
use crate::model::{Level, Micros, Quote, Ticker, Trade, TradeId};
use smallvec::SmallVec;

/// The parts of a message, one for each symbol; there is nearly always just one.
pub type Parts<T> = SmallVec<[T; 1]>;

/// A message.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// `book`: a book, or changes of one.
    Book {
        /// Whether these are whole books.
        snapshot: bool,
        /// By symbol.
        books: Parts<Book<'a>>,
    },
    /// `trade`: trades.
    Trades {
        /// Whether these are the latest trades from before the subscription.
        snapshot: bool,
        /// By symbol, in the order in which they came.
        trades: Parts<Trades<'a>>,
    },
    /// `ticker`: best bid and ask, and statistics.
    Ticker {
        /// By symbol.
        tickers: Parts<SymbolTicker<'a>>,
    },
    /// `instrument`: what the venue knows of its symbols.
    Instruments {
        /// One for each symbol.
        instruments: Vec<Instrument<'a>>,
    },
    /// `heartbeat`: about one a second while nothing else comes.
    Heartbeat,
    /// `status`: the state of the venue's trading engine; the first message of a connection.
    Status {
        /// `online`, `cancel_only`, `maintenance` or `post_only`.
        system: &'a str,
        /// The connection's number.
        connection_id: Option<u64>,
    },
    /// An answer to a request.
    Reply(Reply<'a>),
    /// An answer to a [`ping`].
    Pong {
        /// The request's number.
        req_id: Option<u64>,
    },
    /// A message of another kind.
    Unknown {
        /// Its channel or method, if it has one.
        name: Option<&'a str>,
    },
}

/// Levels of a symbol's book.
#[derive(Debug, PartialEq)]
pub struct Book<'a> {
    /// The symbol, such as `BTC/USD`.
    pub symbol: &'a str,
    /// Highest price first in a snapshot; in an update, size zero deletes.
    pub bids: &'a [Level],
    /// Lowest price first in a snapshot; in an update, size zero deletes.
    pub asks: &'a [Level],
    /// The checksum of the ten best levels after this message ([`crate::checksum`]).
    pub checksum: u32,
    /// When the book changed; old snapshots do not say.
    pub time: Option<Micros>,
}

/// Trades of a symbol.
#[derive(Debug, PartialEq)]
pub struct Trades<'a> {
    /// The symbol, such as `BTC/USD`.
    pub symbol: &'a str,
    /// The trades, oldest first. Their ids are numbers that rise by one.
    pub trades: Vec<Trade>,
}

/// Best bid and ask, and statistics, of a symbol.
#[derive(Debug, PartialEq)]
pub struct SymbolTicker<'a> {
    /// The symbol, such as `BTC/USD`.
    pub symbol: &'a str,
    /// Best bid and ask.
    pub quote: Quote,
    /// The statistics of the last 24 hours.
    pub ticker: Ticker,
    /// When it changed, where the venue says so.
    pub time: Option<Micros>,
}

/// An answer to a request. A request for several symbols is answered for each of them.
#[derive(Debug, PartialEq)]
pub struct Reply<'a> {
    /// `subscribe` or `unsubscribe`; absent if the venue could not read the request.
    pub method: Option<&'a str>,
    /// The request's number.
    pub req_id: Option<u64>,
    /// The channel.
    pub channel: Option<&'a str>,
    /// The symbol.
    pub symbol: Option<&'a str>,
    /// The book's depth.
    pub depth: Option<u64>,
    /// Why the request was refused; absent if it was carried out.
    pub error: Option<&'a str>,
}

/// Parses a frame.
///
/// # Errors
/// [`VenueError`] if it is no JSON object, or if a message of a known kind lacks a field or holds a bad one.
pub fn parse<'a>(frame: &'a [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
    parser.as_text(frame, message)
}

fn message<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let [channel, kind, data, method, success, error] =
        root.pick(["channel", "type", "data", "method", "success", "error"])?;
    let Some(channel) = channel.present() else {
        return answer(root, method, success, error);
    };
    match channel.text()? {
        "book" => Ok(Message::Book { snapshot: is_snapshot(kind)?, books: books(data, levels)? }),
        "trade" => Ok(Message::Trades { snapshot: is_snapshot(kind)?, trades: trades(data)? }),
        "ticker" => Ok(Message::Ticker { tickers: parts(data, ticker)? }),
        "instrument" => Ok(Message::Instruments { instruments: instruments(data)? }),
        "heartbeat" => Ok(Message::Heartbeat),
        "status" => status(data),
        other => Ok(Message::Unknown { name: Some(other) }),
    }
}

fn is_snapshot(kind: Field<'_, '_>) -> Result<bool, VenueError> {
    match kind.text()? {
        "snapshot" => Ok(true),
        "update" => Ok(false),
        _ => Err(kind.wrong("snapshot or update")),
    }
}

fn parts<'t, 'a, T>(
    data: Field<'t, 'a>,
    mut read: impl FnMut(Field<'t, 'a>) -> Result<T, VenueError>,
) -> Result<Parts<T>, VenueError> {
    let at = |(index, part)| read(part).map_err(|error| data.at(index, error));
    data.elements()?.enumerate().map(at).collect()
}

/// All levels go into the same two lists, which are shared out when they are complete.
fn books<'a>(data: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Parts<Book<'a>>, VenueError> {
    let lengths = parts(data, |part| {
        let (bids, asks) = (levels.bids.len(), levels.asks.len());
        let book = book(part, levels)?;
        Ok((book, levels.bids.len() - bids, levels.asks.len() - asks))
    })?;
    let (mut all_bids, mut all_asks) = (&levels.bids[..], &levels.asks[..]);
    let share = |(book, bids, asks)| {
        let (bids, asks): (usize, usize) = (bids, asks);
        let book = Book { bids: &all_bids[..bids], asks: &all_asks[..asks], ..book };
        (all_bids, all_asks) = (&all_bids[bids..], &all_asks[asks..]);
        book
    };
    Ok(lengths.into_iter().map(share).collect())
}

/// Appends the levels of a book to `levels`; it is returned without them.
fn book<'a>(part: Field<'_, 'a>, levels: &mut Levels) -> Result<Book<'a>, VenueError> {
    let [symbol, bids, asks, checksum, time] =
        part.pick(["symbol", "bids", "asks", "checksum", "timestamp"])?;
    named_levels(bids, &mut levels.bids)?;
    named_levels(asks, &mut levels.asks)?;
    Ok(Book {
        symbol: symbol.text()?,
        bids: &[],
        asks: &[],
        checksum: u32::try_from(checksum.unsigned()?)
            .map_err(|_| checksum.wrong("a whole number from 0 to 2^32 - 1"))?,
        time: time.present().map(Field::rfc3339).transpose()?,
    })
}

/// Appends levels `{"price":1,"qty":2}`.
fn named_levels(side: Field<'_, '_>, levels: &mut Vec<Level>) -> Result<(), VenueError> {
    for (index, element) in side.elements()?.enumerate() {
        let level = element
            .pick(["price", "qty"])
            .and_then(|[price, size]| Ok(Level { price: price.decimal()?, size: size.decimal()? }));
        levels.push(level.map_err(|error| side.at(index, error))?);
    }
    Ok(())
}

fn trades<'a>(data: Field<'_, 'a>) -> Result<Parts<Trades<'a>>, VenueError> {
    let mut runs: Parts<Trades<'a>> = SmallVec::new();
    for (symbol, trade) in parts(data, trade)? {
        match runs.last_mut().filter(|run| run.symbol == symbol) {
            Some(run) => run.trades.push(trade),
            None => runs.push(Trades { symbol, trades: vec![trade] }),
        }
    }
    Ok(runs)
}

fn trade<'a>(part: Field<'_, 'a>) -> Result<(&'a str, Trade), VenueError> {
    let [symbol, side, price, size, id, time] =
        part.pick(["symbol", "side", "price", "qty", "trade_id", "timestamp"])?;
    let trade = Trade {
        id: Some(TradeId::Number(id.unsigned()?)),
        ts: Some(time.rfc3339()?),
        price: price.decimal()?,
        size: size.decimal()?,
        side: Some(side.side()?),
    };
    Ok((symbol.text()?, trade))
}

fn ticker<'a>(part: Field<'_, 'a>) -> Result<SymbolTicker<'a>, VenueError> {
    let [symbol, bid, bid_size, ask, ask_size, last, volume, vwap, low, high, change_pct, time] =
        part.pick([
            "symbol",
            "bid",
            "bid_qty",
            "ask",
            "ask_qty",
            "last",
            "volume",
            "vwap",
            "low",
            "high",
            "change_pct",
            "timestamp",
        ])?;
    Ok(SymbolTicker {
        symbol: symbol.text()?,
        quote: Quote {
            bid: bid.optional_decimal()?,
            bid_size: bid_size.optional_decimal()?,
            ask: ask.optional_decimal()?,
            ask_size: ask_size.optional_decimal()?,
        },
        ticker: Ticker {
            last: last.optional_decimal()?,
            open: None,
            high: high.optional_decimal()?,
            low: low.optional_decimal()?,
            volume: volume.optional_decimal()?,
            quote_volume: None,
            vwap: vwap.optional_decimal()?,
            change_pct: change_pct.optional_decimal()?,
        },
        time: time.present().map(Field::rfc3339).transpose()?,
    })
}

fn instruments<'a>(data: Field<'_, 'a>) -> Result<Vec<Instrument<'a>>, VenueError> {
    let [pairs] = data.pick(["pairs"])?;
    let at = |(index, pair)| instrument(pair).map_err(|error| pairs.at(index, error));
    pairs.elements()?.enumerate().map(at).collect()
}

fn instrument<'a>(pair: Field<'_, 'a>) -> Result<Instrument<'a>, VenueError> {
    let [symbol, base, quote, status, tick_size, lot_size] =
        pair.pick(["symbol", "base", "quote", "status", "price_increment", "qty_increment"])?;
    Ok(Instrument {
        symbol: symbol.text()?,
        base: base.text()?,
        quote: quote.text()?,
        status: status.text()?,
        tick_size: tick_size.optional_decimal()?,
        lot_size: lot_size.optional_decimal()?,
    })
}

fn status<'a>(data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let Some(part) = data.elements()?.next() else {
        return Err(data.wrong("an array of one object"));
    };
    let [system, connection_id] = part.pick(["system", "connection_id"])?;
    Ok(Message::Status {
        system: system.text()?,
        connection_id: connection_id.present().map(Field::unsigned).transpose()?,
    })
}

fn answer<'a>(
    root: Field<'_, 'a>,
    method: Field<'_, 'a>,
    success: Field<'_, 'a>,
    error: Field<'_, 'a>,
) -> Result<Message<'a>, VenueError> {
    let method = method.present().map(Field::text).transpose()?;
    let [req_id, result, symbol] = root.pick(["req_id", "result", "symbol"])?;
    let req_id = req_id.present().map(Field::unsigned).transpose()?;
    if method == Some("pong") {
        return Ok(Message::Pong { req_id });
    }
    if !success.is_present() && !error.is_present() {
        return Ok(Message::Unknown { name: method });
    }
    let mut reply = Reply {
        method,
        req_id,
        channel: None,
        symbol: symbol.present().map(Field::text).transpose()?,
        depth: None,
        error: refusal(success, error)?,
    };
    if result.is_present() {
        let [channel, symbol, depth] = result.pick(["channel", "symbol", "depth"])?;
        reply.channel = channel.present().map(Field::text).transpose()?;
        reply.symbol = symbol.present().map(Field::text).transpose()?.or(reply.symbol);
        reply.depth = depth.present().map(Field::unsigned).transpose()?;
    }
    Ok(Message::Reply(reply))
}

fn refusal<'a>(success: Field<'_, 'a>, error: Field<'_, 'a>) -> Result<Option<&'a str>, VenueError> {
    let succeeded = success.present().map(Field::boolean).transpose()?;
    match error.present().map(Field::text).transpose()? {
        Some(error) => Ok(Some(error)),
        None => Ok((succeeded == Some(false)).then_some("no reason given")),
    }
}

#[cfg(test)]
mod tests;
