//! Makes captures from a seed: the simulated market of [`feed::sim`], told in a venue's own format.
//!
//! The same settings give the same bytes everywhere. Books are consistent (Binance's depth events go on from one another and from
//! the REST body, Kraken's checksums hold), trade ids are contiguous, and the market's first moment is
//! 2026-01-01T00:00:00Z.

mod binance;
mod coinbase;
mod kraken;
mod listing;

use crate::venue::Venue;
use feed::sim::flow::Step;
use feed::sim::names::NAMES_MAX;
use feed::sim::random::{Random, Zipf};
use listing::Listing;
use schemas::capture::{Body, Header, Record, UnixNanos, Writer};
use std::io::{self, Write};
use std::time::Duration;

/// The market opens at the start of 2026.
const START_NS: UnixNanos = 1_767_225_600_000_000_000;
/// From an event to its frame's arrival in the recorder.
const LATENCY_NS: u64 = 5_000_000;
const SECOND_NS: u64 = 1_000_000_000;
/// The most orders a second.
pub const RATE_MAX: u64 = 1_000_000;

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// In whose format.
    pub venue: Venue,
    /// How many symbols; the first ones are the busiest.
    pub symbols: usize,
    /// Orders a second over all symbols. An order changes the book, and may trade.
    pub rate: u64,
    /// From the first order to the last.
    pub duration: Duration,
    /// Decides everything.
    pub seed: u64,
}

/// Why nothing can be generated.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// No symbol, or more than there are names for.
    #[error("symbols: expected 1 to {NAMES_MAX}, found {0}")]
    Symbols(usize),
    /// No order, or too many.
    #[error("rate: expected 1 to {RATE_MAX} a second, found {0}")]
    Rate(u64),
    /// The output failed.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Tells of a market in a venue's format.
trait Teller {
    /// The connection is made: what comes before the first order.
    fn open(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()>;

    /// An order has arrived for the symbol at `at`.
    fn step(&mut self, at: usize, listing: &Listing, step: &Step, out: &mut Output<'_>) -> io::Result<()>;

    /// How often [`Teller::pause`] is called, in nanoseconds.
    fn pause_ns(&self) -> u64;

    /// Time has passed without anything else being told.
    fn pause(&mut self, listings: &[Listing], out: &mut Output<'_>) -> io::Result<()>;
}

/// Writes a capture.
///
/// # Errors
/// [`GenerateError`].
pub fn generate(settings: &Settings, output: &mut dyn Write) -> Result<(), GenerateError> {
    let Settings { venue, symbols, rate, duration, seed } = *settings;
    if !(1..=NAMES_MAX).contains(&symbols) {
        return Err(GenerateError::Symbols(symbols));
    }
    if !(1..=RATE_MAX).contains(&rate) {
        return Err(GenerateError::Rate(rate));
    }
    let mut random = Random::new(seed);
    let mut listings: Vec<_> = (0..symbols).map(|at| Listing::new(venue, at, &mut random)).collect();
    let mut teller: Box<dyn Teller> = match venue {
        Venue::Binance => Box::new(binance::Binance::new(symbols)),
        Venue::Coinbase => Box::new(coinbase::Coinbase::new(symbols)),
        Venue::Kraken => Box::new(kraken::Kraken::new(&listings)),
    };
    let mut out = Output { writer: Writer::new(output), now: START_NS };
    out.writer.header(
        &Header::of_venue(venue.name()).with("generator", "feed-replay").with("seed", &seed.to_string()),
    )?;
    teller.open(&listings, &mut out)?;
    let popularity = Zipf::new(symbols);
    let orders = u128::from(rate) * duration.as_nanos() / u128::from(SECOND_NS);
    let mut pause_at = START_NS + teller.pause_ns();
    for n in 0..orders {
        let due = START_NS + u64::try_from(n * u128::from(SECOND_NS) / u128::from(rate)).unwrap_or(u64::MAX);
        while pause_at <= due {
            out.now = pause_at;
            teller.pause(&listings, &mut out)?;
            pause_at += teller.pause_ns();
        }
        out.now = due;
        let at = popularity.pick(&mut random);
        let step = listings[at].step(due);
        teller.step(at, &listings[at], &step, &mut out)?;
    }
    out.now = out.now.max(pause_at);
    teller.pause(&listings, &mut out)?;
    Ok(())
}

/// Where a teller writes to, and what time it is in the market.
struct Output<'a> {
    writer: Writer<&'a mut dyn Write>,
    now: UnixNanos,
}

impl Output<'_> {
    fn frame(&mut self, text: &str) -> io::Result<()> {
        self.record(Body::Frame(text))
    }

    fn record(&mut self, body: Body<'_>) -> io::Result<()> {
        self.writer.write(&Record { time: self.now + LATENCY_NS, conn: 0, body })
    }

    fn now_ms(&self) -> u64 {
        self.now / 1_000_000
    }

    fn now_text(&self) -> String {
        crate::time::rfc3339_micros(self.now)
    }
}

#[cfg(test)]
mod tests;
