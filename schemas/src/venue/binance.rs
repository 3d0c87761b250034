//! Binance, spot and futures ([`Product`]): the frames of raw (`/ws/...`) and combined (`/stream?streams=...`)
//! connections, replies to requests, and the bodies of REST `depth` and `exchangeInfo`. Formats: the venue's "WebSocket
//! Streams" and "REST API" pages.
//!
//! Times are milliseconds, or microseconds where the connection asked for `timeUnit=MICROSECOND`; they are told
//! apart by size.

mod product;
mod request;
mod rest;

pub use product::Product;
pub use request::{
    Route, SIGN_OF_LIFE, STREAMS_PER_CONNECTION_MAX, STREAMS_PER_REQUEST_MAX, Stream, subscribe, unsubscribe,
};
pub use rest::{DepthBody, depth_body, exchange_info};

use super::error::clipped;
use super::fields::Field;
use super::parser::Levels;
use super::{Parser, VenueError};
use crate::model::{Level, Micros, Quote, Side, Ticker, Trade, TradeId};

/// What a frame holds.
#[derive(Debug, PartialEq)]
pub struct Frame<'a> {
    /// The name of the stream, on a combined connection.
    pub stream: Option<&'a str>,
    /// The message.
    pub message: Message<'a>,
}

/// A message.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// `trade`: one trade.
    Trade {
        /// The symbol, in capitals.
        symbol: &'a str,
        /// When the venue sent it.
        event_time: Micros,
        /// The trade's number, one more than the symbol's last.
        id: u64,
        /// The trade, with the same number and the aggressor's side.
        trade: Trade,
    },
    /// `aggTrade`: trades of one order at one price.
    AggTrade {
        /// The symbol, in capitals.
        symbol: &'a str,
        /// When the venue sent it.
        event_time: Micros,
        /// The aggregate's number, one more than the symbol's last.
        id: u64,
        /// The numbers of the first and the last trade in it.
        trade_ids: (u64, u64),
        /// The aggregate as a trade, with the aggregate's number and the aggressor's side.
        trade: Trade,
    },
    /// `bookTicker`: best bid and ask.
    BookTicker {
        /// The symbol, in capitals.
        symbol: &'a str,
        /// The book's update number.
        update_id: u64,
        /// When the venue sent it; spot does not say.
        event_time: Option<Micros>,
        /// The quote. A side without orders has price and size zero.
        quote: Quote,
    },
    /// `depthUpdate`: changes of the book.
    Depth(Depth<'a>),
    /// `<symbol>@depth5`, `10` or `20`: the best levels, whole. Its symbol is in the stream's name only.
    PartialDepth {
        /// The book's update number.
        last_update_id: u64,
        /// Highest price first.
        bids: &'a [Level],
        /// Lowest price first.
        asks: &'a [Level],
    },
    /// `24hrTicker`: statistics of the last 24 hours.
    Ticker24h {
        /// The symbol, in capitals.
        symbol: &'a str,
        /// When the venue sent it.
        event_time: Micros,
        /// The statistics.
        ticker: Ticker,
    },
    /// A request was carried out.
    Reply {
        /// The request's id.
        id: Id<'a>,
    },
    /// A request was refused.
    Error {
        /// The request's id, if the venue could read it.
        id: Id<'a>,
        /// The venue's number for the error.
        code: i64,
        /// The venue's words.
        message: &'a str,
    },
    /// The connection will be closed soon.
    ServerShutdown {
        /// When the venue said so.
        event_time: Micros,
    },
    /// A message of a kind that is known, and of no use here.
    Unused,
    /// A message of another kind.
    Unknown {
        /// Its event type, if it has one.
        event: Option<&'a str>,
    },
}

/// `depthUpdate`: changes of the book, numbered from `first_id` to `last_id`.
#[derive(Debug, PartialEq)]
pub struct Depth<'a> {
    /// The symbol, in capitals.
    pub symbol: &'a str,
    /// When the venue sent it.
    pub event_time: Micros,
    /// `U`: on spot one more than the `u` of the message before.
    pub first_id: u64,
    /// `u`.
    pub last_id: u64,
    /// `pu`, which only futures have: the `u` of the message before.
    pub previous_id: Option<u64>,
    /// Levels that are set; size zero deletes.
    pub bids: &'a [Level],
    /// Levels that are set; size zero deletes.
    pub asks: &'a [Level],
}

/// What a request was numbered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Id<'a> {
    /// A number.
    Number(i64),
    /// A string.
    Text(&'a str),
    /// None, or the venue could not read it.
    Absent,
}

/// Parses a frame in place: what was escaped in its strings is unescaped there, so it cannot be parsed again.
///
/// # Errors
/// [`VenueError`] if it is no JSON object, or if a message of a known kind lacks a field or holds a bad one.
pub fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Frame<'a>, VenueError> {
    parser.in_place(frame, |root, levels| {
        let [stream, data] = root.pick(["stream", "data"])?;
        match stream.present() {
            Some(stream) if data.exists() => {
                Ok(Frame { stream: Some(stream.text()?), message: message(data, levels)? })
            }
            _ => Ok(Frame { stream: None, message: message(root, levels)? }),
        }
    })
}

fn message<'a>(data: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let Some(event) = data.find("e")?.present() else {
        return match () {
            () if data.find("u")?.exists() => book_ticker(data),
            () if data.find("lastUpdateId")?.exists() => partial_depth(data, levels),
            () => control(data),
        };
    };
    match event.text()? {
        "trade" => trade(data),
        "aggTrade" => aggregate(data),
        "depthUpdate" => depth(data, levels),
        "bookTicker" => book_ticker(data),
        "24hrTicker" => ticker(data),
        "serverShutdown" => {
            let [time] = data.pick(["E"])?;
            Ok(Message::ServerShutdown { event_time: time.binance_time()? })
        }
        "kline" | "continuous_kline" | "24hrMiniTicker" | "avgPrice" | "referencePrice" | "blockTrade"
        | "markPriceUpdate" | "indexPriceUpdate" | "forceOrder" | "contractInfo" | "compositeIndex"
        | "assetIndexUpdate" => Ok(Message::Unused),
        other => Ok(Message::Unknown { event: Some(other) }),
    }
}

fn trade<'a>(data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [event_time, symbol, id, price, size, time, maker] =
        data.pick(["E", "s", "t", "p", "q", "T", "m"])?;
    let id = id.unsigned()?;
    Ok(Message::Trade {
        symbol: symbol.text()?,
        event_time: event_time.binance_time()?,
        id,
        trade: taken(id, time, price, size, maker)?,
    })
}

fn aggregate<'a>(data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [event_time, symbol, id, price, size, first, last, time, maker] =
        data.pick(["E", "s", "a", "p", "q", "f", "l", "T", "m"])?;
    let id = id.unsigned()?;
    Ok(Message::AggTrade {
        symbol: symbol.text()?,
        event_time: event_time.binance_time()?,
        id,
        trade_ids: (first.unsigned()?, last.unsigned()?),
        trade: taken(id, time, price, size, maker)?,
    })
}

/// `maker` says whether the buyer was the maker; then the seller was the aggressor.
fn taken(
    id: u64,
    time: Field<'_, '_>,
    price: Field<'_, '_>,
    size: Field<'_, '_>,
    maker: Field<'_, '_>,
) -> Result<Trade, VenueError> {
    Ok(Trade {
        id: Some(TradeId::Number(id)),
        ts: Some(time.binance_time()?),
        price: price.decimal()?,
        size: size.decimal()?,
        side: Some(if maker.boolean()? { Side::Sell } else { Side::Buy }),
    })
}

fn book_ticker<'a>(data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [update_id, symbol, bid, bid_size, ask, ask_size, event_time] =
        data.pick(["u", "s", "b", "B", "a", "A", "E"])?;
    Ok(Message::BookTicker {
        symbol: symbol.text()?,
        update_id: update_id.unsigned()?,
        event_time: event_time.present().map(Field::binance_time).transpose()?,
        quote: Quote {
            bid: Some(bid.decimal()?),
            bid_size: Some(bid_size.decimal()?),
            ask: Some(ask.decimal()?),
            ask_size: Some(ask_size.decimal()?),
        },
    })
}

fn depth<'a>(data: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let [event_time, symbol, first, last, previous, bids, asks] =
        data.pick(["E", "s", "U", "u", "pu", "b", "a"])?;
    bids.levels(&mut levels.bids)?;
    asks.levels(&mut levels.asks)?;
    Ok(Message::Depth(Depth {
        symbol: symbol.text()?,
        event_time: event_time.binance_time()?,
        first_id: first.unsigned()?,
        last_id: last.unsigned()?,
        previous_id: previous.present().map(Field::unsigned).transpose()?,
        bids: &levels.bids,
        asks: &levels.asks,
    }))
}

fn partial_depth<'a>(data: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let DepthBody { last_update_id, bids, asks, .. } = rest::depth(data, levels)?;
    Ok(Message::PartialDepth { last_update_id, bids, asks })
}

fn ticker<'a>(data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [event_time, symbol, change_pct, vwap, last, open, high, low, volume, quote_volume] =
        data.pick(["E", "s", "P", "w", "c", "o", "h", "l", "v", "q"])?;
    Ok(Message::Ticker24h {
        symbol: symbol.text()?,
        event_time: event_time.binance_time()?,
        ticker: Ticker {
            last: last.optional_decimal()?,
            open: open.optional_decimal()?,
            high: high.optional_decimal()?,
            low: low.optional_decimal()?,
            volume: volume.optional_decimal()?,
            quote_volume: quote_volume.optional_decimal()?,
            vwap: vwap.optional_decimal()?,
            change_pct: change_pct.optional_decimal()?,
        },
    })
}

/// A reply. Errors stand at the top level, or (the form of the venue's newer gateways) in an object `error`.
fn control<'a>(data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [result, id, code, message, error] = data.pick(["result", "id", "code", "msg", "error"])?;
    let id = if id.exists() { id.request_id()? } else { Id::Absent };
    if error.is_present() {
        let [code, message] = error.pick(["code", "msg"])?;
        return Ok(Message::Error { id, code: code.signed()?, message: message.text()? });
    }
    if code.is_present() {
        return Ok(Message::Error { id, code: code.signed()?, message: message.text()? });
    }
    Ok(if result.exists() { Message::Reply { id } } else { Message::Unknown { event: None } })
}

impl<'a> Field<'_, 'a> {
    /// A time in milliseconds, or in microseconds if it is later than the year 33000 as milliseconds.
    fn binance_time(self) -> Result<Micros, VenueError> {
        const MICROSECONDS_MIN: u64 = 1_000_000_000_000_000;
        let time = self.unsigned()?;
        Ok(if time < MICROSECONDS_MIN { Micros::from_millis(time) } else { Micros(time) })
    }

    fn request_id(self) -> Result<Id<'a>, VenueError> {
        if !self.is_present() {
            return Ok(Id::Absent);
        }
        self.text()
            .map(Id::Text)
            .or_else(|_| self.signed().map(Id::Number))
            .map_err(|_| self.wrong("a request's id"))
    }
}

/// The venue's refusal as an error, where data was expected.
fn refusal(code: Field<'_, '_>, message: Field<'_, '_>) -> Result<VenueError, VenueError> {
    Ok(VenueError::Refused { code: code.signed()?, message: clipped(message.text()?) })
}

#[cfg(test)]
mod tests;
