//! The URL of a venue's WebSocket: its address and what there is to choose from.

use super::super::query::{Query, alternatives, wrong};
use super::super::{Source, VenueFeed};
use super::{Named, dialled, number, unknown_scheme, venue_name};
use crate::settings::Trades;
use crate::venue::Venue;
use url::Url;

/// A day.
const DATA_SILENCE_MS_MAX: u64 = 86_400_000;

pub(super) fn venue_feed(
    name: &str,
    transport: &str,
    place: &str,
    query: &mut Query,
) -> Result<Named, String> {
    let venue = dialled().find(|venue| venue.name() == name);
    let venue = venue.ok_or_else(|| unknown_scheme(&format!("{name}+{transport}")))?;
    let stream = url_with_host("address", &format!("{transport}:{place}"), &["ws", "wss"])?;
    if venue.has_entry_points() && stream.path().len() > 1 {
        let expected = format!("{transport}://HOST without a path, since {venue} has several");
        return Err(wrong("address", expected, stream.as_str()));
    }
    let rest = match query.text("rest") {
        Some(text) => url_with_host("rest", &text, &["http", "https"])?,
        None => default_rest(venue, &stream)?,
    };
    let (trades, depth_ms) = (trades(Some(venue), query)?, depth_ms(venue, query)?);
    let data_silence_ms = number(query, "data_silence_ms", venue.data_silence_ms(), 0..=DATA_SILENCE_MS_MAX)?;
    let name = query.text("name");
    if let Some(empty) = name.as_ref().filter(|name| name.is_empty()) {
        return Err(wrong("name", "a name that all lines of the feed have", empty));
    }
    let venue_name = venue_name(query, venue.name())?;
    let feed = VenueFeed { venue, stream, rest, trades, depth_ms, data_silence_ms, name };
    Ok((Some(venue_name), Source::Venue(feed)))
}

fn url_with_host(what: &str, text: &str, schemes: &[&str]) -> Result<Url, String> {
    let expected = || wrong(what, format!("{}://HOST", schemes.join(":// or ")), text);
    let url = Url::parse(text).map_err(|_| expected())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{what}: a user or a password has no place in it"));
    }
    let fits = schemes.contains(&url.scheme()) && url.host_str().is_some_and(|host| !host.is_empty());
    if fits { Ok(url) } else { Err(expected()) }
}

/// Some venues serve HTTP under other names than streams; anyone else, and a stand-in, under the same.
fn default_rest(venue: Venue, stream: &Url) -> Result<Url, String> {
    let scheme = if stream.scheme() == "wss" { "https" } else { "http" };
    let same = &stream[url::Position::BeforeHost..url::Position::AfterPort];
    let authority = venue.rest_host(stream.host_str().unwrap_or_default()).unwrap_or(same);
    Url::parse(&format!("{scheme}://{authority}")).map_err(|e| format!("rest: {e}"))
}

pub(super) fn trades(venue: Option<Venue>, query: &mut Query) -> Result<Trades, String> {
    if !venue.is_some_and(Venue::has_aggregates) {
        return Ok(Trades::Each);
    }
    match query.text("trades").as_deref() {
        None | Some("each") => Ok(Trades::Each),
        Some("aggregate") => Ok(Trades::Aggregate),
        Some(other) => Err(wrong("trades", "each or aggregate", other)),
    }
}

fn depth_ms(venue: Venue, query: &mut Query) -> Result<Option<u32>, String> {
    let Some(usual) = venue.depth_ms().first() else { return Ok(None) };
    let expected = alternatives(venue.depth_ms());
    match query.value("depth_ms", &expected)? {
        Some(ms) if !venue.depth_ms().contains(&ms) => Err(wrong("depth_ms", expected, &ms.to_string())),
        ms => Ok(Some(ms.unwrap_or(*usual))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{assert_refused, parsed};
    use super::*;

    fn venue(text: &str) -> VenueFeed {
        match parsed(text).source {
            Source::Venue(venue) => venue,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_address_is_that_of_the_stream() {
        let feed = venue("binance+wss://stream.binance.com:9443/stream?symbols=BTCUSDT");
        assert_eq!(feed.stream.as_str(), "wss://stream.binance.com:9443/stream");
    }

    #[test]
    fn requests_go_where_the_venue_serves_them() {
        let rest = |url| venue(url).rest.to_string();
        assert_eq!(
            rest("binance+wss://stream.binance.com:9443/stream?symbols=A"),
            "https://api.binance.com/"
        );
        assert_eq!(rest("binance-usdm+wss://fstream.binance.com?symbols=A"), "https://fapi.binance.com/");
        assert_eq!(rest("binance-coinm+wss://dstream.binance.com?symbols=A"), "https://dapi.binance.com/");
    }

    #[test]
    fn requests_to_a_stand_in_go_where_its_stream_is() {
        assert_eq!(venue("kraken+ws://127.0.0.1:99?symbols=BTC/USD").rest.as_str(), "http://127.0.0.1:99/");
    }

    #[test]
    fn requests_go_where_they_are_told_to() {
        let feed = venue("binance+wss://stream.binance.com?symbols=A&rest=http%3A%2F%2Fhere:1");
        assert_eq!(feed.rest.as_str(), "http://here:1/");
    }

    #[test]
    fn trades_come_each_or_in_aggregates() {
        assert_eq!(venue("binance+wss://h?symbols=A").trades, Trades::Each);
        assert_eq!(venue("binance+wss://h?symbols=A&trades=aggregate").trades, Trades::Aggregate);
    }

    #[test]
    fn depth_comes_at_the_pace_that_is_chosen_or_the_venues_usual_one() {
        let chosen = |url| venue(url).depth_ms;
        assert_eq!(chosen("binance+wss://h?symbols=A&depth_ms=1000"), Some(1_000));
        assert_eq!(chosen("binance-usdm+wss://h?symbols=A&depth_ms=250"), Some(250));
        assert_eq!(chosen("binance-coinm+wss://h?symbols=A"), Some(100));
    }

    #[test]
    fn how_long_data_may_be_silent_is_the_venues_own_unless_it_is_chosen() {
        let silence = |url| venue(url).data_silence_ms;
        assert_eq!(silence("binance+wss://h?symbols=A"), 60_000);
        assert_eq!(silence("kraken+wss://h?symbols=A"), 120_000);
        assert_eq!(silence("kraken+wss://h?symbols=A&data_silence_ms=0"), 0);
    }

    #[test]
    fn lines_of_one_feed_share_a_name() {
        assert_eq!(venue("okx+wss://h?symbols=A&name=a%20b").name.as_deref(), Some("a b"));
    }

    #[test]
    fn what_a_venue_does_not_have_is_said_with_what_was_expected() {
        assert_refused(&[
            ("binance+wss://?symbols=A", "address: expected ws:// or wss://HOST"),
            ("binance+wss://h?symbols=A&trades=all", "trades: expected each or aggregate, found `all`"),
            ("binance+wss://h?symbols=A&depth_ms=50", "depth_ms: expected 100 or 1000, found `50`"),
            ("binance+wss://h?symbols=A&rest=ws://x", "rest: expected http:// or https://HOST"),
            (
                "binance-usdm+wss://h?symbols=A&depth_ms=1000",
                "depth_ms: expected 100, 250 or 500, found `1000`",
            ),
            (
                "binance-usdm+wss://h/stream?symbols=A",
                "address: expected wss://HOST without a path, since binance-usdm has several, found `wss://h/stream`",
            ),
            ("kraken+wss://h?symbols=A&trades=each", "unknown parameter `trades`"),
            (
                "okx+wss://h?symbols=A&name=",
                "name: expected a name that all lines of the feed have, found ``",
            ),
            (
                "okx+wss://h?symbols=A&data_silence_ms=-1",
                "data_silence_ms: expected a whole number from 0 to 86400000, found `-1`",
            ),
        ]);
    }
}
