//! Tick lines: how feeds that are no venue speak to the broker. One JSON object a line, in the words of the wire
//! protocol:
//!
//! ```text
//! {"channel":"quotes","symbol":"ACME","ts":1785644622707507,"bid":"9.99","bid_size":"5","ask":"10.01","ask_size":"7"}
//! {"channel":"trades","symbol":"ACME","ts":1785644622707507,"price":"10.00","size":"3","side":"buy","id":"1"}
//! {"channel":"book","type":"snapshot","symbol":"ACME","bids":[["9.99","5"]],"asks":[["10.01","7"]]}
//! {"channel":"ticker","symbol":"ACME","last":"10.00","volume":"1200"}
//! ```
//!
//! Numbers may be bare or strings; both keep their digits. `ts` (microseconds since the Unix epoch) and `seq` (one
//! more than the symbol's last of this channel) are optional everywhere, `id` and `side` in trades, all statistics in
//! a ticker. The four fields of a quote must be there; null says that the side is empty. Unknown fields are ignored.

mod usual;

use super::fields::Field;
use super::parser::Levels;
use super::{Parser, VenueError};
use crate::model::{Level, Micros, Quote, Ticker, Trade, TradeId};

/// A line.
#[derive(Debug, PartialEq)]
pub struct Tick<'a> {
    /// The symbol, without the venue.
    pub symbol: &'a str,
    /// When it happened.
    pub ts: Option<Micros>,
    /// The line's number within its channel and symbol.
    pub seq: Option<u64>,
    /// What happened.
    pub data: Data<'a>,
}

/// What happened.
#[derive(Debug, PartialEq)]
pub enum Data<'a> {
    /// `quotes`: best bid and ask.
    Quote(Quote),
    /// `trades`: one trade, with the line's `ts`.
    Trade(Trade),
    /// `ticker`: statistics.
    Ticker(Ticker),
    /// `book`: a book, or changes of one.
    Book {
        /// Whether it is the whole book.
        snapshot: bool,
        /// Bids; in an update, size zero deletes.
        bids: &'a [Level],
        /// Asks; in an update, size zero deletes.
        asks: &'a [Level],
    },
}

/// Parses a line, with or without its end.
///
/// # Errors
/// [`VenueError`] if it is no JSON object, or if a field is missing or bad.
pub fn parse<'a>(line: &'a [u8], parser: &'a mut Parser) -> Result<Tick<'a>, VenueError> {
    match usual::quote(line) {
        Some(tick) => Ok(tick),
        None => any(line, parser),
    }
}

/// Parses a line in whatever form.
fn any<'a>(line: &'a [u8], parser: &'a mut Parser) -> Result<Tick<'a>, VenueError> {
    parser.as_text(line, tick)
}

fn tick<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Tick<'a>, VenueError> {
    let [channel, symbol, ts, seq] = root.pick(["channel", "symbol", "ts", "seq"])?;
    let ts = ts.present().map(Field::unsigned).transpose()?.map(Micros);
    let data = match channel.text()? {
        "quotes" => Data::Quote(quote(root)?),
        "trades" => Data::Trade(trade(root, ts)?),
        "ticker" => Data::Ticker(ticker(root)?),
        "book" => book(root, levels)?,
        _ => return Err(channel.wrong("quotes, trades, ticker or book")),
    };
    let symbol = match symbol.text()? {
        "" => return Err(symbol.wrong("a name")),
        name => name,
    };
    Ok(Tick { symbol, ts, seq: seq.present().map(Field::unsigned).transpose()?, data })
}

fn quote(root: Field<'_, '_>) -> Result<Quote, VenueError> {
    let [bid, bid_size, ask, ask_size] = root.pick(["bid", "bid_size", "ask", "ask_size"])?;
    Ok(Quote {
        bid: bid.decimal_or_null()?,
        bid_size: bid_size.decimal_or_null()?,
        ask: ask.decimal_or_null()?,
        ask_size: ask_size.decimal_or_null()?,
    })
}

fn trade(root: Field<'_, '_>, ts: Option<Micros>) -> Result<Trade, VenueError> {
    let [price, size, side, id] = root.pick(["price", "size", "side", "id"])?;
    Ok(Trade {
        id: id.present().map(Field::trade_id).transpose()?,
        ts,
        price: price.decimal()?,
        size: size.decimal()?,
        side: side.present().map(Field::side).transpose()?,
    })
}

fn ticker(root: Field<'_, '_>) -> Result<Ticker, VenueError> {
    let [last, open, high, low, volume, quote_volume, vwap, change_pct] =
        root.pick(["last", "open", "high", "low", "volume", "quote_volume", "vwap", "change_pct"])?;
    Ok(Ticker {
        last: last.optional_decimal()?,
        open: open.optional_decimal()?,
        high: high.optional_decimal()?,
        low: low.optional_decimal()?,
        volume: volume.optional_decimal()?,
        quote_volume: quote_volume.optional_decimal()?,
        vwap: vwap.optional_decimal()?,
        change_pct: change_pct.optional_decimal()?,
    })
}

fn book<'a>(root: Field<'_, 'a>, levels: &'a mut Levels) -> Result<Data<'a>, VenueError> {
    let [kind, bids, asks] = root.pick(["type", "bids", "asks"])?;
    let snapshot = match kind.text()? {
        "snapshot" => true,
        "update" => false,
        _ => return Err(kind.wrong("snapshot or update")),
    };
    bids.levels(&mut levels.bids)?;
    asks.levels(&mut levels.asks)?;
    Ok(Data::Book { snapshot, bids: &levels.bids, asks: &levels.asks })
}

impl Field<'_, '_> {
    /// A number that must be there, or null.
    fn decimal_or_null(self) -> Result<Option<crate::decimal::Decimal>, VenueError> {
        if self.exists() { self.optional_decimal() } else { Err(self.wrong("a number or null")) }
    }

    /// A number where the digits are those that the number would be written with, else a text.
    fn trade_id(self) -> Result<TradeId, VenueError> {
        let text = self.text()?;
        match text.parse::<u64>() {
            Ok(number) if number.to_string() == text => Ok(TradeId::Number(number)),
            _ => Ok(TradeId::Text(text.into())),
        }
    }
}

#[cfg(test)]
mod tests;
