//! Makes captures from a seed: the simulated market of [`feed::sim`], told in a venue's own format.
//!
//! The same settings give the same bytes everywhere. Books are consistent (Binance's depth events go on from one another and from
//! the REST body, Kraken's checksums hold), trade ids are contiguous, and the market's first moment is
//! 2026-01-01T00:00:00Z.

pub(crate) mod binance;
pub(crate) mod bybit;
pub(crate) mod coinbase;
pub(crate) mod kraken;
pub(crate) mod listing;
pub(crate) mod okx;
mod pending;
pub(crate) mod teller;

use crate::venue::Venue;
use feed::sim::names::NAMES_MAX;
use feed::sim::random::{Random, Zipf};
use listing::Listing;
use schemas::capture::{Header, UnixNanos, Writer};
use std::io::{self, Write};
use std::time::Duration;
use teller::Output;

/// The market opens at the start of 2026.
const START_NS: UnixNanos = 1_767_225_600_000_000_000;
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
    let (notation, teller) = (venue.profile().notation, venue.profile().teller);
    let mut listings: Vec<_> = (0..symbols).map(|at| Listing::new(notation, at, &mut random)).collect();
    let mut teller = teller(&listings);
    let mut out = Output::new(Writer::new(output), START_NS);
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

#[cfg(test)]
mod tests;
