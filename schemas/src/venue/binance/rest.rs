use super::refusal;
use crate::model::{Level, Micros};
use crate::venue::fields::Field;
use crate::venue::parser::Levels;
use crate::venue::{Instrument, Parser, VenueError};

/// The body of a reply to a request for depth: the book as of an update number.
#[derive(Debug, PartialEq)]
pub struct DepthBody<'a> {
    /// The symbol, which only COIN-M names.
    pub symbol: Option<&'a str>,
    /// When the venue sent it; spot does not say.
    pub event_time: Option<Micros>,
    /// The book's update number.
    pub last_update_id: u64,
    /// Highest price first.
    pub bids: &'a [Level],
    /// Lowest price first.
    pub asks: &'a [Level],
}

/// Parses the body of a reply to [`super::Product::depth_path`] in place.
///
/// # Errors
/// [`VenueError::Refused`] if it is an error of the venue's, another [`VenueError`] if it is no such body.
pub fn depth_body<'a>(body: &'a mut [u8], parser: &'a mut Parser) -> Result<DepthBody<'a>, VenueError> {
    parser.in_place(body, |root, levels| {
        refused(root)?;
        depth(root, levels)
    })
}

pub(super) fn depth<'a>(data: Field<'_, 'a>, levels: &'a mut Levels) -> Result<DepthBody<'a>, VenueError> {
    let [symbol, time, id, bids, asks] = data.pick(["symbol", "E", "lastUpdateId", "bids", "asks"])?;
    bids.levels(&mut levels.bids)?;
    asks.levels(&mut levels.asks)?;
    Ok(DepthBody {
        symbol: symbol.present().map(Field::text).transpose()?,
        event_time: time.present().map(Field::binance_time).transpose()?,
        last_update_id: id.unsigned()?,
        bids: &levels.bids,
        asks: &levels.asks,
    })
}

/// Parses the body of a reply to [`super::Product::exchange_info_paths`] in place.
///
/// # Errors
/// [`VenueError::Refused`] if it is an error of the venue's, another [`VenueError`] if it is no such body.
pub fn exchange_info<'a>(
    body: &'a mut [u8],
    parser: &'a mut Parser,
) -> Result<Vec<Instrument<'a>>, VenueError> {
    parser.in_place(body, |root, _| {
        refused(root)?;
        let [symbols] = root.pick(["symbols"])?;
        let at = |(index, symbol)| instrument(symbol).map_err(|error| symbols.at(index, error));
        symbols.elements()?.enumerate().map(at).collect()
    })
}

fn instrument<'a>(symbol: Field<'_, 'a>) -> Result<Instrument<'a>, VenueError> {
    let [name, status, contract_status, base, quote, filters] =
        symbol.pick(["symbol", "status", "contractStatus", "baseAsset", "quoteAsset", "filters"])?;
    let mut instrument = Instrument {
        symbol: name.text()?,
        base: base.text()?,
        quote: quote.text()?,
        // COIN-M's own word for it.
        status: contract_status.present().unwrap_or(status).text()?,
        tick_size: None,
        lot_size: None,
    };
    for filter in filters.elements()? {
        let [kind, tick_size, step_size] = filter.pick(["filterType", "tickSize", "stepSize"])?;
        match kind.text()? {
            "PRICE_FILTER" => instrument.tick_size = tick_size.optional_decimal()?,
            "LOT_SIZE" => instrument.lot_size = step_size.optional_decimal()?,
            _ => {}
        }
    }
    Ok(instrument)
}

fn refused(root: Field<'_, '_>) -> Result<(), VenueError> {
    let [code, message] = root.pick(["code", "msg"])?;
    if code.is_present() { Err(refusal(code, message)?) } else { Ok(()) }
}
