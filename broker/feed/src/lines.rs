//! Two lines: the same feed over several connections at once, of which the first one to bring a message wins.
//!
//! Each line is a machine of its own, with its own connection, its own books and its own rule of continuity, so that none knows of
//! the others or can be harmed by them. What a machine would publish it offers to the symbol, which all lines share: there its
//! place in the venue's order says whether it is news ([`place`]), and the state of a topic is the best that any line has
//! ([`standing`]). What stands between the lines is a lock for each symbol, which only they take.

mod named;
mod numbered;
mod out;
mod place;
mod standing;
mod symbol;
mod trail;
mod whole;

pub(crate) use numbered::Offer;
pub(crate) use out::{BookChange, Out};

use crate::counters::FeedCounters;
use crate::market::{Market, MarketError};
use crate::settings::{Channels, Settings};
use out::OnLine;
use rustc_hash::FxHashMap;
use schemas::model::Symbol;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use symbol::Shared;

/// How many lines a feed may have.
pub const LINES_MAX: usize = 8;

/// The symbols that the lines of one feed share.
#[derive(Default)]
pub struct Lines {
    /// By the venue's names, and by the channels, since a symbol's channels may come over several connections.
    symbols: Mutex<FxHashMap<Key, Arc<Mutex<Shared>>>>,
}

type Key = (Box<str>, Channels);

/// One line of a feed.
#[derive(Debug, Clone)]
pub struct Line {
    lines: Arc<Lines>,
    number: usize,
}

impl Line {
    /// So many lines of one feed.
    ///
    /// # Panics
    /// If there are more than [`LINES_MAX`].
    #[must_use]
    pub fn several(count: usize) -> Vec<Self> {
        assert!(count <= LINES_MAX, "at most {LINES_MAX} lines, not {count}");
        let lines = Arc::<Lines>::default();
        (0..count).map(|number| Self { lines: Arc::clone(&lines), number }).collect()
    }

    /// Which one it is, counted from 0.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.number
    }

    /// Opens symbols for this line: in the market those that no line has opened before.
    pub(crate) fn open(
        &self,
        market: &Market,
        settings: &Settings,
        names: &[impl AsRef<str>],
        counters: &Arc<FeedCounters>,
    ) -> Result<Vec<Out>, MarketError> {
        let mut symbols = self.lines.symbols.lock().unwrap_or_else(PoisonError::into_inner);
        let key = |name: &str| (Box::from(name), settings.channels);
        let new: Vec<_> = names.iter().filter(|name| !symbols.contains_key(&key(name.as_ref()))).collect();
        let is_mine = |shared: &Arc<Mutex<Shared>>| symbol::lock(shared).has(self.number);
        if let Some(name) = names.iter().find(|name| symbols.get(&key(name.as_ref())).is_some_and(is_mine)) {
            return Err(MarketError::Taken(Symbol::new(&settings.venue, name.as_ref())?));
        }
        for publishers in market.open(settings, &new)? {
            let name = key(publishers.symbol().info.symbol.name());
            symbols.insert(name, Arc::new(Mutex::new(Shared::new(publishers))));
        }
        let shared = names.iter().filter_map(|name| symbols.get(&key(name.as_ref())));
        let join = |shared: &Arc<Mutex<Shared>>| OnLine::join(Arc::clone(shared), self.number, counters);
        Ok(shared.map(|shared| Out::Line(join(shared))).collect())
    }
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.lines, &other.lines) && self.number == other.number
    }
}

impl Eq for Line {}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
