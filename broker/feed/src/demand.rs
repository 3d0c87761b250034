//! Symbols on demand: they exist from their first subscriber on, and are subscribed to at the venue while somebody watches them.
//!
//! Whoever answers subscribers opens a symbol here and hands it to the feed's machine, which looks after it from then on. A name
//! that was opened stays, so how many are is limited: a client may name what no venue has.

use crate::counters::FeedCounters;
use crate::market::{Market, MarketError};
use crate::publish::SymbolPublishers;
use crate::settings::Settings;
use crate::venue::Venue;
use schemas::model::Symbol;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How a feed has its symbols on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnDemand {
    /// Whose rules say how many symbols one connection carries.
    pub venue: Venue,
    /// How many symbols are opened at most, those included that are no longer watched, or that the venue refused.
    pub symbols_max: usize,
    /// How long a symbol that nobody watches stays subscribed to at the venue, in milliseconds.
    pub linger_ms: u64,
}

/// The symbols of one feed that have been asked for.
pub(crate) struct Demand {
    settings: Settings,
    symbols_max: usize,
    counters: Arc<FeedCounters>,
    /// Those that the machine has not taken yet.
    opened: Mutex<Vec<SymbolPublishers>>,
    len: AtomicUsize,
}

impl fmt::Debug for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Demand").field("venue", &self.settings.venue).finish_non_exhaustive()
    }
}

impl Demand {
    pub(crate) fn new(settings: &Settings, on_demand: OnDemand, counters: &Arc<FeedCounters>) -> Self {
        Self {
            settings: settings.clone(),
            symbols_max: on_demand.symbols_max,
            counters: Arc::clone(counters),
            opened: Mutex::default(),
            len: AtomicUsize::new(0),
        }
    }

    /// The venue's name in front of its symbols.
    pub(crate) fn venue(&self) -> &str {
        &self.settings.venue
    }

    /// What has been opened since this was asked last.
    pub(crate) fn take(&self) -> Vec<SymbolPublishers> {
        std::mem::take(&mut *self.opened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Opens symbols, by the venue's own names, that do not exist yet. Gives what cannot be opened, and why.
    pub(crate) fn open<'a>(&self, market: &Market, names: Vec<&'a str>) -> Vec<(&'a str, MarketError)> {
        // Held while they are opened, so that two who ask for the same at once open it once.
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = market.registry();
        let mut room = self.symbols_max.saturating_sub(self.len.load(Ordering::Relaxed));
        let (mut let_in, mut refused) = (Vec::new(), Vec::new());
        for name in names {
            match Symbol::new(self.venue(), name) {
                Ok(symbol) if registry.symbol(symbol.as_str()).is_some() || let_in.contains(&name) => {}
                Ok(_) if room > 0 => {
                    room -= 1;
                    let_in.push(name);
                }
                Ok(_) => {
                    self.counters.demand_limited.up();
                    refused.push((name, MarketError::DemandMax(self.symbols_max)));
                }
                Err(error) => refused.push((name, error.into())),
            }
        }
        // All at once; if that cannot be, each by itself, so that some find room where all do not.
        let publishers = market.open(&self.settings, &let_in).unwrap_or_else(|_| {
            let one = |name: &&'a str| match market.open(&self.settings, &[*name]) {
                Ok(publishers) => publishers,
                Err(error) => {
                    refused.push((*name, error));
                    Vec::new()
                }
            };
            let_in.iter().flat_map(one).collect()
        });
        self.len.fetch_add(publishers.len(), Ordering::Relaxed);
        opened.extend(publishers);
        refused
    }
}

#[cfg(test)]
mod tests;
