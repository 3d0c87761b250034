//! OKX, WebSocket v5, public channels: books, trades, tickers, the replies to requests, and the text `pong`. Formats: the
//! venue's "WebSocket API" pages.
//!
//! All numbers are strings but for a book's checksum and its sequence numbers.

mod request;

pub use request::{ARGS_BYTES_PER_CONNECTION_MAX, PING, args_bytes, subscribe, unsubscribe};

use super::fields::Field;
use super::parser::Levels;
use super::{Parser, VenueError};
use crate::model::{Level, Micros, Ticker, Trade, TradeId};

/// A channel of an instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The book to 400 levels, changes every 100 ms.
    Books,
    /// The five best levels of each side, whole.
    Books5,
    /// The best level of each side, whole at each change.
    BboTbt,
    /// The book to 400 levels, each change; for clients who are logged in.
    BooksL2Tbt,
    /// The book to 50 levels, each change; for clients who are logged in.
    Books50L2Tbt,
    /// Trades: those of one taker order at one price together.
    Trades,
    /// Statistics of the last 24 hours.
    Tickers,
}

/// A message.
#[derive(Debug, PartialEq)]
pub enum Message<'a> {
    /// A book or changes of one, of one of the five channels of books.
    Book(Book<'a>),
    /// `trades`.
    Trades {
        /// The instrument, such as `BTC-USDT`.
        instrument: &'a str,
        /// The trades, oldest first.
        fills: Vec<Fill>,
    },
    /// `tickers`: statistics of the last 24 hours.
    Ticker {
        /// The instrument, such as `BTC-USDT`.
        instrument: &'a str,
        /// When the venue made it.
        time: Micros,
        /// The statistics.
        ticker: Ticker,
    },
    /// A subscription was granted.
    Subscribed {
        /// The channel, if it is known here.
        channel: Option<Channel>,
        /// The instrument; empty for a channel without.
        instrument: &'a str,
    },
    /// A request was refused, or something else went wrong.
    Error {
        /// The venue's number for the error.
        code: &'a str,
        /// What it says.
        message: &'a str,
    },
    /// The venue gives notice, such as of a connection that it will close soon.
    Notice {
        /// The venue's number for the notice.
        code: &'a str,
        /// What it says.
        message: &'a str,
    },
    /// The end of a subscription, or how many connections there are.
    Event,
    /// The answer to a [`PING`].
    Pong,
    /// A message of another kind.
    Unknown {
        /// Its channel or event, if it has one.
        name: Option<&'a str>,
    },
}

/// A book, or changes of one.
#[derive(Debug, PartialEq)]
pub struct Book<'a> {
    /// The channel.
    pub channel: Channel,
    /// The instrument, such as `BTC-USDT`.
    pub instrument: &'a str,
    /// Whether it is the whole book, and not changes, of which size zero deletes.
    pub is_whole: bool,
    /// Highest price first in a whole book.
    pub bids: &'a [Level],
    /// Lowest price first in a whole book.
    pub asks: &'a [Level],
    /// When the book changed.
    pub time: Micros,
    /// The number of this message; recordings from before 2023 have none.
    pub seq: Option<i64>,
    /// The number of the message before; -1 in a snapshot.
    pub previous_seq: Option<i64>,
    /// [`checksum`] of the book after this message; since 2026 the venue always sends 0, which is none.
    pub checksum: Option<i32>,
}

/// A trade, or several of one taker order at one price in one.
#[derive(Debug, PartialEq)]
pub struct Fill {
    /// The number of the first trade in it.
    pub first_id: u64,
    /// The number of the last trade in it.
    pub last_id: u64,
    /// All of them as one, with the last one's number.
    pub trade: Trade,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Books,
        Self::Books5,
        Self::BboTbt,
        Self::BooksL2Tbt,
        Self::Books50L2Tbt,
        Self::Trades,
        Self::Tickers,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Books => "books",
            Self::Books5 => "books5",
            Self::BboTbt => "bbo-tbt",
            Self::BooksL2Tbt => "books-l2-tbt",
            Self::Books50L2Tbt => "books50-l2-tbt",
            Self::Trades => "trades",
            Self::Tickers => "tickers",
        }
    }

    /// The channel of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// How many levels a side a book of this channel has; none if it is no book.
    #[must_use]
    pub const fn depth(self) -> Option<u16> {
        match self {
            Self::Books | Self::BooksL2Tbt => Some(400),
            Self::Books50L2Tbt => Some(50),
            Self::Books5 => Some(5),
            Self::BboTbt => Some(1),
            Self::Trades | Self::Tickers => None,
        }
    }
}

/// The checksum of a book whose sides are given best level first, by the venue's rule: CRC-32 (IEEE), as a signed number, of
/// `price:size` of up to 25 levels a side, a bid and an ask in turn, with colons between them.
#[must_use]
pub fn checksum<'a>(
    bids: impl IntoIterator<Item = &'a Level>,
    asks: impl IntoIterator<Item = &'a Level>,
) -> i32 {
    const LEVELS: usize = 25;
    let (mut bids, mut asks) = (bids.into_iter().take(LEVELS), asks.into_iter().take(LEVELS));
    let mut text = Vec::with_capacity(2 * LEVELS * 24);
    loop {
        let turn = [bids.next(), asks.next()];
        if turn == [None, None] {
            // Behind the last number stands no colon.
            text.pop();
            return crc32fast::hash(&text).cast_signed();
        }
        for Level { price, size } in turn.into_iter().flatten() {
            for number in [price, size] {
                number.write(&mut text);
                text.push(b':');
            }
        }
    }
}

/// Parses a frame in place: what was escaped in its strings is unescaped there, so it cannot be parsed again.
///
/// # Errors
/// [`VenueError`] if it is no JSON object, or if a message of a known kind lacks a field or holds a bad one.
pub fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Message<'a>, VenueError> {
    if frame.trim_ascii() == b"pong" {
        return Ok(Message::Pong);
    }
    parser.in_place(frame, message)
}

fn message<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Message<'a>, VenueError> {
    let [arg, action, data, event] = root.pick(["arg", "action", "data", "event"])?;
    if event.is_present() {
        return announcement(root, event, arg);
    }
    if !arg.is_present() {
        return Ok(Message::Unknown { name: None });
    }
    let [channel, instrument] = arg.pick(["channel", "instId"])?;
    let name = channel.text()?;
    match Channel::named(name) {
        Some(Channel::Trades) => trades(instrument, data),
        Some(Channel::Tickers) => ticker(instrument, data),
        Some(channel) => book(channel, instrument, action, data, levels),
        None => Ok(Message::Unknown { name: Some(name) }),
    }
}

fn announcement<'a>(
    root: Field<'_, 'a>,
    event: Field<'_, 'a>,
    arg: Field<'_, 'a>,
) -> Result<Message<'a>, VenueError> {
    let said = || {
        let [code, message] = root.pick(["code", "msg"])?;
        Ok((code.text()?, message.text()?))
    };
    match event.text()? {
        "subscribe" => {
            let [channel, instrument] = arg.pick(["channel", "instId"])?;
            let instrument = instrument.present().map_or(Ok(""), Field::text)?;
            Ok(Message::Subscribed { channel: Channel::named(channel.text()?), instrument })
        }
        "error" | "channel-conn-count-error" => {
            said().map(|(code, message)| Message::Error { code, message })
        }
        "notice" => said().map(|(code, message)| Message::Notice { code, message }),
        "unsubscribe" | "channel-conn-count" => Ok(Message::Event),
        other => Ok(Message::Unknown { name: Some(other) }),
    }
}

fn book<'a>(
    channel: Channel,
    instrument: Field<'_, 'a>,
    action: Field<'_, 'a>,
    data: Field<'_, 'a>,
    levels: &'a mut Levels,
) -> Result<Message<'a>, VenueError> {
    let is_whole = match action.present().map(Field::text).transpose()? {
        None | Some("snapshot") => true,
        Some("update") => false,
        Some(_) => return Err(action.wrong("snapshot or update")),
    };
    let [bids, asks, time, checksum, seq, previous_seq] =
        only(data)?.pick(["bids", "asks", "ts", "checksum", "seqId", "prevSeqId"])?;
    bids.levels(&mut levels.bids)?;
    asks.levels(&mut levels.asks)?;
    let checksum = checksum.present().map(Field::signed_32).transpose()?;
    Ok(Message::Book(Book {
        channel,
        instrument: instrument.text()?,
        is_whole,
        bids: &levels.bids,
        asks: &levels.asks,
        time: time.millis()?,
        seq: seq.present().map(Field::signed).transpose()?,
        previous_seq: previous_seq.present().map(Field::signed).transpose()?,
        checksum: checksum.filter(|checksum| *checksum != 0),
    }))
}

fn trades<'a>(instrument: Field<'_, 'a>, data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let at = |(index, element)| fill(element).map_err(|error| data.at(index, error));
    let fills = data.elements()?.enumerate().map(at).collect::<Result<_, _>>()?;
    Ok(Message::Trades { instrument: instrument.text()?, fills })
}

fn fill(element: Field<'_, '_>) -> Result<Fill, VenueError> {
    let [id, price, size, side, time, count] =
        element.pick(["tradeId", "px", "sz", "side", "ts", "count"])?;
    let last_id = id.unsigned()?;
    let count = count.present().map_or(Ok(1), Field::unsigned)?;
    let trade = Trade {
        id: Some(TradeId::Number(last_id)),
        ts: Some(time.millis()?),
        price: price.decimal()?,
        size: size.decimal()?,
        side: Some(side.side()?),
    };
    Ok(Fill { first_id: last_id.saturating_sub(count.saturating_sub(1)), last_id, trade })
}

/// Volumes of contracts that are no spot: `vol24h` counts contracts there, `volCcy24h` the base asset.
fn ticker<'a>(instrument: Field<'_, 'a>, data: Field<'_, 'a>) -> Result<Message<'a>, VenueError> {
    let [kind, last, open, high, low, volume, currency_volume, time] = only(data)?.pick([
        "instType",
        "last",
        "open24h",
        "high24h",
        "low24h",
        "vol24h",
        "volCcy24h",
        "ts",
    ])?;
    let is_spot = matches!(kind.text()?, "SPOT" | "MARGIN");
    let (volume, quote_volume) =
        if is_spot { (volume, Some(currency_volume)) } else { (currency_volume, None) };
    Ok(Message::Ticker {
        instrument: instrument.text()?,
        time: time.millis()?,
        ticker: Ticker {
            last: last.filled_decimal()?,
            open: open.filled_decimal()?,
            high: high.filled_decimal()?,
            low: low.filled_decimal()?,
            volume: volume.filled_decimal()?,
            quote_volume: quote_volume.map_or(Ok(None), Field::filled_decimal)?,
            ..Ticker::default()
        },
    })
}

/// The one element that the data of books and tickers has.
fn only<'t, 'a>(data: Field<'t, 'a>) -> Result<Field<'t, 'a>, VenueError> {
    let mut elements = data.elements()?;
    match (elements.next(), elements.next()) {
        (Some(element), None) => Ok(element),
        _ => Err(data.wrong("an array of one object")),
    }
}

#[cfg(test)]
mod tests;
