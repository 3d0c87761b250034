//! What of a feed its URL asks for: symbols, channels, levels, and how much silence is too much.

use super::super::query::{Query, alternatives, wrong};
use super::super::{Selection, Source, VenueFeed};
use crate::settings::RECONNECT_AFTER_MS;
use crate::venue::Depths;
use schemas::model::{Channel, Symbol};
use std::collections::HashSet;

/// A limit of silence below which the pauses between messages would count.
const STALE_AFTER_MS_MIN: u64 = 100;
/// A day.
const STALE_AFTER_MS_MAX: u64 = 86_400_000;

pub(super) fn selection(
    venue: Option<&str>,
    source: &Source,
    query: &mut Query,
) -> Result<Selection, String> {
    let on_demand = matches!(source, Source::Venue(_)) && query.is("symbols", "*");
    let symbols = match source {
        Source::Venue(feed) if on_demand => {
            query.text("symbols");
            can_be_on_demand(feed)?;
            Vec::new()
        }
        // A simulated market names its symbols itself.
        Source::Simulated(_) => Vec::new(),
        _ => symbols(venue.unwrap_or("x"), query)?,
    };
    if symbols.is_empty() && !on_demand && matches!(source, Source::Venue(_)) {
        return Err(
            "symbols: missing, expected names such as symbols=A,B, or * for those that are subscribed to"
                .to_owned(),
        );
    }
    let channels = query.text("channels").unwrap_or_default();
    let channels = list(&channels).map(channel).collect::<Result<Vec<_>, _>>()?;
    if let Source::Venue(feed) = source
        && on_demand
        && feed.venue.has_rest_depth()
        && !channels.is_empty()
        && !channels.contains(&Channel::Book)
    {
        let venue = feed.venue;
        return Err(format!(
            "symbols: `*` needs the book among the channels, which tells what {venue} does not have"
        ));
    }
    let (depth, stale_after_ms) = (depth(source, query)?, stale_after_ms(source, query)?);
    Ok(Selection { symbols, on_demand, channels, depth, stale_after_ms })
}

/// A simulated market is never silent, and a venue is dialled anew when it has been for [`RECONNECT_AFTER_MS`].
fn stale_after_ms(source: &Source, query: &mut Query) -> Result<Option<u64>, String> {
    let most = match source {
        Source::Simulated(_) => return Ok(None),
        Source::Venue(_) => RECONNECT_AFTER_MS - 1,
        Source::File(_) | Source::TickLines(_) => STALE_AFTER_MS_MAX,
    };
    let expected = format!("{STALE_AFTER_MS_MIN} to {most} milliseconds");
    match query.value("stale_after_ms", &expected)? {
        Some(ms) if !(STALE_AFTER_MS_MIN..=most).contains(&ms) => {
            Err(wrong("stale_after_ms", expected, &ms.to_string()))
        }
        ms => Ok(ms),
    }
}

fn can_be_on_demand(feed: &VenueFeed) -> Result<(), String> {
    match feed {
        VenueFeed { venue, .. } if venue.has_entry_points() => {
            Err(format!("symbols: expected names, since {venue} has several entry points"))
        }
        VenueFeed { name: Some(_), .. } => {
            Err("symbols: expected names, since the feed has lines".to_owned())
        }
        _ => Ok(()),
    }
}

fn symbols(venue: &str, query: &mut Query) -> Result<Vec<String>, String> {
    let text = query.text("symbols").unwrap_or_default();
    let symbols = list(&text).map(|name| symbol(venue, name)).collect::<Result<Vec<_>, _>>()?;
    let mut seen = HashSet::new();
    match symbols.iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(format!("symbols: `{name}` stands there twice")),
        None => Ok(symbols),
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').filter(|item| !item.is_empty())
}

fn symbol(venue: &str, name: &str) -> Result<String, String> {
    Symbol::new(venue, name).map(|symbol| symbol.name().to_owned()).map_err(|e| format!("symbols: {e}"))
}

/// `book10` comes of the book, and `status` of everything.
fn channel(name: &str) -> Result<Channel, String> {
    match name.parse() {
        Ok(channel @ (Channel::Trades | Channel::Quotes | Channel::Ticker | Channel::Book)) => Ok(channel),
        _ => Err(wrong("channels", "some of trades,quotes,ticker,book", name)),
    }
}

/// Levels a side, where the venue offers a choice. A capture's venue may be known from the capture only.
fn depth(source: &Source, query: &mut Query) -> Result<Option<usize>, String> {
    const OF_CAPTURES: Depths = Depths::UpTo(5_000);
    let depths = match source {
        Source::Venue(feed) => feed.venue.depths(),
        Source::File(_) => OF_CAPTURES,
        _ => Depths::One,
    };
    let (expected, fits): (String, Box<dyn Fn(usize) -> bool>) = match depths {
        Depths::One => return Ok(None),
        Depths::UpTo(max) => (format!("1 to {max} levels"), Box::new(move |n| (1..=max.into()).contains(&n))),
        Depths::Among(some) => (
            format!("{} levels", alternatives(some)),
            Box::new(|n| some.iter().any(|d| n == usize::from(*d))),
        ),
    };
    match query.value("depth", &expected)? {
        Some(depth) if !fits(depth) => Err(wrong("depth", expected, &depth.to_string())),
        depth => Ok(depth),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_refused, parsed};
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn channels_and_depth_are_chosen_among_those_that_there_are() {
        let spec =
            parsed("kraken+wss://ws.kraken.com/v2?symbols=BTC/USD,ETH/USD&channels=book,trades&depth=100");
        assert_eq!(spec.selection.channels, [Channel::Book, Channel::Trades]);
        assert_eq!((spec.selection.depth, spec.selection.symbols.len()), (Some(100), 2));
    }

    #[test]
    fn all_symbols_of_a_venue_are_taken_on_demand() {
        let selection = parsed("okx+wss://h?symbols=*").selection;
        assert!(selection.on_demand && selection.symbols.is_empty());
    }

    #[test]
    fn when_silence_is_stale_is_the_settings_own_unless_it_is_chosen() {
        let usual = || Settings::new("okx", "e");
        let chosen = parsed("okx+wss://h?symbols=A&stale_after_ms=1500").settings(usual());
        assert_eq!(chosen.stale_after_ms, Some(1_500));
        let spec = parsed("okx+wss://h?symbols=A");
        assert_eq!(spec.selection.stale_after_ms, None);
        assert_eq!(spec.settings(usual()).stale_after_ms, usual().stale_after_ms);
        let ticks = parsed("ticks+tcp://h:1?stale_after_ms=60000").settings(Settings::of_ticks("acme", "e"));
        assert_eq!(ticks.stale_after_ms, Some(60_000));
    }

    #[test]
    fn what_cannot_be_selected_is_said_with_what_was_expected() {
        assert_refused(&[
            ("binance-usdm+wss://h?symbols=*", "symbols: expected names, since binance-usdm has several"),
            ("okx+wss://h?symbols=*&name=a", "symbols: expected names, since the feed has lines"),
            ("okx+wss://h?symbols=A,*", "symbols: '*' cannot stand in a symbol"),
            ("binance+wss://h?symbols=*&channels=trades", "symbols: `*` needs the book among the channels"),
            ("binance+wss://h", "symbols: missing, expected names"),
            ("binance+wss://h?symbols=A,A", "symbols: `A` stands there twice"),
            ("binance+wss://h?symbols=A B", "symbols: ' ' cannot stand in a symbol"),
            ("binance-coinm+wss://h?symbols=A&depth=5000", "depth: expected 1 to 1000 levels, found `5000`"),
            (
                "kraken+wss://h?symbols=A&depth=11",
                "depth: expected 10, 25, 100, 500 or 1000 levels, found `11`",
            ),
            ("coinbase+wss://h?symbols=A&depth=10", "unknown parameter `depth`"),
            ("bybit+wss://h?symbols=A&depth=25", "depth: expected 1, 50, 200 or 1000 levels, found `25`"),
            (
                "okx+wss://h?symbols=A&stale_after_ms=30000",
                "stale_after_ms: expected 100 to 29999 milliseconds, found `30000`",
            ),
            ("ticks+tcp://h:1?stale_after_ms=5", "stale_after_ms: expected 100 to 86400000 milliseconds"),
            ("sim:?stale_after_ms=5000", "unknown parameter `stale_after_ms`"),
            ("okx+wss://h?symbols=A&depth=50", "depth: expected 1, 5 or 400 levels, found `50`"),
            (
                "kraken+wss://h?symbols=A&channels=book10",
                "channels: expected some of trades,quotes,ticker,book",
            ),
        ]);
    }
}
