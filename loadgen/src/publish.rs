//! Feeds a broker with tick lines, so that one program measures the whole way of an update.
//!
//! Every update is a line of `quotes`, of the same width as all others. Its `ts` is the intended time of the update, so
//! that a late publisher shows up as latency and is not hidden.

pub mod ahead;
pub mod lines;
pub mod link;
pub mod rate;
pub mod schedule;
pub mod voice;

pub use rate::Published;

use crate::cli::RunArgs;
use crate::http::{self, HttpError};
use crate::plan::{self, PlanError, Target};
use crate::symbols;
use lines::Lines;
use link::Link;
use schedule::Order;
use schemas::model::Channel;
use serde::Serialize;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long a broker may take to list the symbols that were published.
const ANNOUNCE_TIME_MAX: Duration = Duration::from_secs(10);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What is published, and where.
#[derive(Debug, Clone, Copy)]
pub struct Publishing {
    /// Where tick lines are listened for.
    pub address: SocketAddr,
    /// How many symbols there are.
    pub symbols: u32,
    /// When updates are due.
    pub pace: Pace,
}

impl Publishing {
    /// What the arguments want to be published.
    ///
    /// # Errors
    /// [`PlanError`] if it is of no use, or has no address.
    pub fn of(args: &RunArgs) -> Result<Option<Self>, PlanError> {
        let publish = &args.publishing;
        let Some((address, rate)) = publish.publish.as_ref().zip(publish.rate) else { return Ok(None) };
        if args.channel.single() != Some(Channel::Quotes) {
            let names: Vec<_> = args.channel.items().map(Channel::name).collect();
            return Err(PlanError::PublishedChannel(names.join(",")));
        }
        Ok(Some(Self {
            address: plan::publish_address(address)?,
            symbols: publish.published.publish_symbols,
            pace: Pace::Rate { per_s: rate as u64, order: publish.published.publish_order },
        }))
    }
}

/// When updates are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// By a schedule, whether subscribers keep up or not.
    Rate {
        /// Updates a second, over all symbols.
        per_s: u64,
        /// Which symbol is next.
        order: Order,
    },
    /// As subscribers take them: at most so many updates ahead of the mean subscriber, of one symbol.
    Ahead(u32),
}

impl Pace {
    /// For people.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Rate { per_s, .. } => format!("{per_s} updates/s"),
            Self::Ahead(ahead) => format!("at most {ahead} updates ahead of the mean subscriber"),
        }
    }
}

/// Why the broker's names of the published symbols are not known.
#[derive(Debug, thiserror::Error)]
pub enum AnnounceError {
    /// It cannot be asked.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// It lists too few.
    #[error(
        "the broker lists {listed} of the {published} published symbols after {} s \
         (is --publish the address of a feed such as ticks+listen://ADDR?venue=acme of this broker?)",
        ANNOUNCE_TIME_MAX.as_secs()
    )]
    Missing {
        /// How many it lists.
        listed: usize,
        /// How many were published.
        published: u32,
    },
    /// Two venues have a symbol of that name.
    #[error("the broker has `{0}` and `{1}`: which of them is published cannot be told")]
    Ambiguous(String, String),
}

/// Publishes each symbol once, and waits until the broker at `target` offers them all; its names for them, in order.
///
/// # Errors
/// When the link fails, or the broker does not list them all within ten seconds.
pub async fn announce(link: &mut Link, symbols: u32, target: &Target) -> anyhow::Result<Vec<String>> {
    let (mut lines, mut bytes) = (Lines::new(symbols), Vec::new());
    (0..symbols).for_each(|symbol| lines.append(&mut bytes, symbol, crate::worker::now_us(), 0));
    link.send(&bytes, || false)?;
    let until = Instant::now() + ANNOUNCE_TIME_MAX;
    loop {
        let answer = http::get(target, "/v1/symbols").await.map_err(AnnounceError::from)?;
        // Without any symbol with quotes yet, the answer is an error of its own.
        let offered = symbols::offered(&answer, &[Channel::Quotes]).unwrap_or_default();
        let names = published_names(&offered, symbols)?;
        if names.len() == symbols as usize {
            return Ok(names);
        }
        if Instant::now() >= until {
            return Err(AnnounceError::Missing { listed: names.len(), published: symbols }.into());
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Of the broker's names (`acme:S0001`) those of the first `symbols` published symbols, in order.
fn published_names(offered: &[String], symbols: u32) -> Result<Vec<String>, AnnounceError> {
    let mut by_name: HashMap<&str, &String> = HashMap::new();
    let wanted: Vec<String> = (0..symbols).map(|symbol| lines::name(symbol, symbols)).collect();
    for whole in offered {
        let Some((_, name)) = whole.split_once(':') else { continue };
        if let Some(other) = by_name.insert(name, whole).filter(|_| wanted.iter().any(|one| one == name)) {
            return Err(AnnounceError::Ambiguous(other.clone(), whole.clone()));
        }
    }
    Ok(wanted.iter().filter_map(|name| by_name.get(name.as_str()).map(|whole| (*whole).clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(offered: &[&str], symbols: u32) -> Result<Vec<String>, AnnounceError> {
        published_names(&offered.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), symbols)
    }

    #[test]
    fn names_come_with_their_venue_and_in_order() {
        let offered = ["acme:S0001", "sim:ACME", "acme:S0000", "acme:S0002"];
        assert_eq!(names(&offered, 2).unwrap(), ["acme:S0000", "acme:S0001"]);
        assert_eq!(names(&offered, 4).unwrap().len(), 3);
    }

    #[test]
    fn a_name_of_two_venues_is_refused_if_it_matters() {
        let offered = ["acme:S0000", "other:S0000", "a:X", "b:X"];
        assert!(matches!(names(&offered, 1), Err(AnnounceError::Ambiguous(..))));
        assert!(names(&offered[1..], 1).is_ok());
    }
}
