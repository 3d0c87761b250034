//! The URL of a venue's WebSocket: its address and what there is to choose from.

use super::super::query::{Query, wrong};
use super::super::{Source, VenueFeed};
use super::{Named, alternatives, dialled, number, unknown_scheme, venue_name};
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
