//! Feed URLs, read into [`FeedSpec`]s.

mod selection;
mod venue;

use super::query::{Query, wrong};
use super::{FeedSpec, FileFeed, SimulatedFeed, Source, Speed, TickLines, TickLink};
use crate::sim::names::NAMES_MAX;
use crate::sim::{RATE_MAX, SimSettings};
use crate::venue::Venue;
use schemas::model::Symbol;
use selection::selection;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use venue::{trades, venue_feed};

/// Why a text is no feed URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("feed URL `{url}`: {message}")]
pub struct FeedUrlError {
    /// The URL, without a password.
    url: String,
    /// What is wrong with it.
    message: String,
}

impl FeedUrlError {
    /// What is wrong with `url`, which is shown without a password.
    #[must_use]
    pub fn new(url: &str, message: String) -> Self {
        Self { url: without_secrets(url), message }
    }
}

/// The schemes that there are, for people.
fn schemes() -> String {
    let venues: Vec<_> = dialled().map(|venue| format!("{venue}+wss://")).collect();
    format!("sim:, file:, ticks+tcp://, ticks+listen://, {} (or ws://)", venues.join(", "))
}

/// The venues that are dialled.
fn dialled() -> impl Iterator<Item = Venue> {
    Venue::ALL.into_iter().filter(|venue| venue.is_dialled())
}

impl FeedSpec {
    /// Reads a feed URL.
    ///
    /// # Errors
    /// [`FeedUrlError`]: an unknown scheme or parameter, a value that is none, no symbols where there must be some.
    pub fn parse(text: &str) -> Result<Self, FeedUrlError> {
        parse(text).map_err(|message| FeedUrlError::new(text, message))
    }
}

fn parse(text: &str) -> Result<FeedSpec, String> {
    let (scheme, rest) = text.split_once(':').ok_or_else(|| format!("no scheme: expected {}", schemes()))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut query = Query::parse(query)?;
    let (venue, source) = match scheme.split_once('+') {
        None if scheme == "sim" => simulated(place, &mut query)?,
        None if scheme == "file" => file(place, &mut query)?,
        Some(("ticks", "tcp")) => tick_lines(TickLink::Dial, place, &mut query)?,
        Some(("ticks", "listen")) => tick_lines(TickLink::Listen, place, &mut query)?,
        Some((venue, transport @ ("ws" | "wss"))) => venue_feed(venue, transport, place, &mut query)?,
        _ => return Err(unknown_scheme(scheme)),
    };
    let selection = selection(venue.as_deref(), &source, &mut query)?;
    query.finish()?;
    Ok(FeedSpec { url: text.to_owned(), venue, source, selection })
}

type Named = (Option<String>, Source);

fn simulated(place: &str, query: &mut Query) -> Result<Named, String> {
    if !place.is_empty() {
        return Err(format!("expected sim:?PARAMETERS, found `{place}` in front of them"));
    }
    let SimSettings { symbols, rate, seed } = SimSettings::default();
    let symbols = number(query, "symbols", symbols, 1..=NAMES_MAX)?;
    let rate = number(query, "rate", rate, 1..=RATE_MAX)?;
    let seed = number(query, "seed", seed, 0..=u64::MAX)?;
    Ok((Some(venue_name(query, "sim")?), Source::Simulated(SimulatedFeed { symbols, rate, seed })))
}

fn number<T: FromStr + PartialOrd + Display + Copy>(
    query: &mut Query,
    name: &'static str,
    default: T,
    range: RangeInclusive<T>,
) -> Result<T, String> {
    let expected = format!("a whole number from {} to {}", range.start(), range.end());
    match query.value(name, &expected)? {
        Some(value) if !range.contains(&value) => Err(wrong(name, expected, &value.to_string())),
        value => Ok(value.unwrap_or(default)),
    }
}

fn file(place: &str, query: &mut Query) -> Result<Named, String> {
    // file:///a, file:/a, file:a and file:../a; an escaped question mark stays one.
    let encoded = place.strip_prefix("//").unwrap_or(place).replace('+', "%2B").replace(['&', ';'], "%26");
    let path = url::form_urlencoded::parse(format!("path={encoded}").as_bytes())
        .next()
        .map(|(_, path)| PathBuf::from(path.into_owned()))
        .filter(|path| !path.as_os_str().is_empty())
        .ok_or("expected file:PATH")?;
    let venue = query.text("venue");
    let named = venue.as_deref().map(str::parse::<Venue>).transpose().map_err(|e| format!("venue: {e}"))?;
    let speed = speed(query)?;
    let trades = trades(named, query)?;
    let file = FileFeed { path, speed, looped: query.flag("loop")?, digest: query.flag("digest")?, trades };
    Ok((venue, Source::File(file)))
}

fn speed(query: &mut Query) -> Result<Speed, String> {
    let Some(text) = query.text("speed") else { return Ok(Speed::Times(1.0)) };
    match text.parse::<f64>() {
        _ if text == "max" => Ok(Speed::Max),
        Ok(times) if times > 0.0 && times.is_finite() => Ok(Speed::Times(times)),
        _ => Err(wrong("speed", "a number above 0, or max", &text)),
    }
}

fn tick_lines(link: TickLink, place: &str, query: &mut Query) -> Result<Named, String> {
    let address = place.strip_prefix("//").unwrap_or(place).trim_end_matches('/').to_owned();
    if !has_port(&address) {
        return Err(format!("expected HOST:PORT, found `{address}`"));
    }
    Ok((Some(venue_name(query, "ticks")?), Source::TickLines(TickLines { link, address })))
}

/// Whether it is `HOST:PORT`.
#[must_use]
pub fn has_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn venue_name(query: &mut Query, default: &str) -> Result<String, String> {
    let name = query.text("venue").unwrap_or_else(|| default.to_owned());
    match Symbol::new(&name, "X") {
        Ok(symbol) if symbol.venue() == name => Ok(name),
        _ => Err(wrong("venue", "a name such as acme", &name)),
    }
}

fn unknown_scheme(scheme: &str) -> String {
    format!("unknown scheme `{scheme}`: expected {}", schemes())
}

/// So that a password is not shown even where it does not belong.
fn without_secrets(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{}", &rest[end..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Trades;

    pub(super) fn parsed(text: &str) -> FeedSpec {
        FeedSpec::parse(text).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Each URL is refused with a message that begins so.
    pub(super) fn assert_refused(cases: &[(&str, &str)]) {
        for (url, message) in cases {
            let error = FeedSpec::parse(url).expect_err(url).to_string();
            assert!(error.starts_with(&format!("feed URL `{url}`: {message}")), "{error}");
        }
    }

    #[test]
    fn a_simulated_market_has_a_number_of_symbols() {
        let spec = parsed("sim:?symbols=500&rate=20000&seed=7");
        let wanted = SimulatedFeed { symbols: 500, rate: 20_000, seed: 7 };
        assert_eq!((spec.source, spec.venue.as_deref()), (Source::Simulated(wanted), Some("sim")));
        assert_eq!(parsed("sim:").source, parsed("sim:?symbols=500&rate=20000&seed=1").source);
    }

    #[test]
    fn a_capture_has_a_path_and_a_pace() {
        let spec = parsed("file:../a b%3Fc+d.gz?venue=binance&speed=10&loop=true&digest&trades=aggregate");
        let path = PathBuf::from("../a b?c+d.gz");
        let wanted = FileFeed {
            path,
            speed: Speed::Times(10.0),
            looped: true,
            digest: true,
            trades: Trades::Aggregate,
        };
        assert_eq!((spec.source, spec.venue.as_deref()), (Source::File(wanted), Some("binance")));
        let Source::File(file) = parsed("file:///data/x.zst?speed=max").source else { panic!() };
        assert_eq!((file.path, file.speed, file.looped), (PathBuf::from("/data/x.zst"), Speed::Max, false));
    }

    #[test]
    fn tick_lines_are_dialled_or_awaited() {
        let spec = parsed("ticks+listen://127.0.0.1:0?venue=acme&symbols=A");
        let wanted = TickLines { link: TickLink::Listen, address: "127.0.0.1:0".into() };
        assert_eq!((spec.source, spec.venue.as_deref()), (Source::TickLines(wanted), Some("acme")));
        let Source::TickLines(lines) = parsed("ticks+tcp://host:77/").source else { panic!() };
        assert_eq!(lines, TickLines { link: TickLink::Dial, address: "host:77".into() });
    }

    #[test]
    fn what_is_wrong_is_said_with_what_was_expected() {
        assert_refused(&[
            ("sim", "no scheme: expected sim:,"),
            ("udp:x", "unknown scheme `udp`: expected sim:, file:"),
            ("nyse+wss://h?symbols=A", "unknown scheme `nyse+wss`"),
            ("sim:?rat=1", "unknown parameter `rat`: expected symbols, rate, seed, venue, channels"),
            ("sim:?rate=fast", "rate: expected a whole number from 1 to 10000000, found `fast`"),
            ("sim:?rate=0", "rate: expected a whole number from 1 to 10000000, found `0`"),
            ("sim:?symbols=A,B", "symbols: expected a whole number from 1 to"),
            ("sim:?seed=-1", "seed: expected a whole number from 0 to 18446744073709551615, found `-1`"),
            ("sim:?seed=1&seed=2", "parameter `seed` stands there twice"),
            ("sim:x", "expected sim:?PARAMETERS"),
            ("file:?venue=binance", "expected file:PATH"),
            ("file:x?venue=nyse", "venue: unknown venue `nyse`: expected binance, "),
            ("file:x?speed=0", "speed: expected a number above 0, or max, found `0`"),
            ("file:x?loop=yes", "loop: expected true or false, found `yes`"),
            ("ticks+tcp://host", "expected HOST:PORT, found `host`"),
            ("ticks+tcp://h:1?venue=a:b", "venue: expected a name such as acme, found `a:b`"),
            ("ticks+tcp://h:1?name=a", "unknown parameter `name`"),
            ("ticks+wss://h?symbols=A", "unknown scheme `ticks+wss`"),
        ]);
    }

    #[test]
    fn a_password_is_refused_and_not_repeated() {
        let error = FeedSpec::parse("kraken+wss://me:hush@h/v2?symbols=A").unwrap_err().to_string();
        assert!(error.contains("***@h/v2") && !error.contains("hush"), "{error}");
    }
}
