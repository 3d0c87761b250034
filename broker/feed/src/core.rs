//! What all machines have: their symbols, their counters, their silence and their complaints.

use crate::complaints::Complaints;
use crate::counters::{Fault, FeedCounters};
use crate::machine::Actions;
use crate::market::{Market, MarketError};
use crate::publish::SymbolPublishers;
use crate::settings::Settings;
use crate::silence::{Due, Silence};
use rustc_hash::FxHashMap;
use schemas::model::{Micros, State};
use std::fmt::Display;
use std::sync::Arc;

/// What a machine keeps of each symbol, beside its own data.
pub(crate) trait Instrument {
    /// Of a symbol that was opened just now.
    fn new(out: SymbolPublishers, settings: &Settings) -> Self;

    /// Its publishers.
    fn out(&mut self) -> &mut SymbolPublishers;

    /// Its publishers, to look at.
    fn published(&self) -> &SymbolPublishers;
}

/// What all machines have; `S` is what a machine keeps of each symbol.
pub(crate) struct Core<S> {
    pub(crate) settings: Settings,
    pub(crate) counters: Arc<FeedCounters>,
    /// In the order in which they were opened.
    pub(crate) symbols: Vec<S>,
    market: Arc<Market>,
    /// By the venue's names; none for one that cannot be opened.
    places: FxHashMap<Box<str>, Option<usize>>,
    silence: Silence,
    complaints: Complaints,
}

impl<S: Instrument> Core<S> {
    /// Opens the symbols that the settings name.
    pub(crate) fn new(settings: Settings, market: Arc<Market>) -> Result<Self, MarketError> {
        let silence = Silence::new(settings.stale_after_ms, settings.reconnect_after_ms);
        let opened = market.open(&settings, &settings.symbols)?;
        let names = settings.symbols.iter().zip(0..);
        Ok(Self {
            places: names.map(|(name, at)| (name.as_str().into(), Some(at))).collect(),
            symbols: opened.into_iter().map(|out| S::new(out, &settings)).collect(),
            counters: Arc::default(),
            complaints: Complaints::default(),
            settings,
            market,
            silence,
        })
    }

    /// The market that the symbols are part of.
    pub(crate) const fn market(&self) -> &Arc<Market> {
        &self.market
    }

    /// The place of a symbol by the venue's name, opened now if the feed discovers its symbols.
    pub(crate) fn place(&mut self, name: &str, now: Micros) -> Option<usize> {
        match self.places.get(name) {
            Some(Some(at)) => Some(*at),
            Some(None) => {
                self.counters.faults(Fault::Symbol).up();
                None
            }
            None if self.settings.discover => self.discover(name, now),
            None => {
                self.fault(
                    now,
                    Fault::Symbol,
                    &"a message about a symbol that was not asked for",
                    name.as_bytes(),
                );
                None
            }
        }
    }

    /// The symbol at a place that [`place`](Self::place) has given.
    pub(crate) fn at(&mut self, place: usize) -> &mut S {
        &mut self.symbols[place]
    }

    /// The symbol of this name, if it is open.
    pub(crate) fn symbol(&mut self, name: &str, now: Micros) -> Option<&mut S> {
        let place = self.place(name, now)?;
        self.symbols.get_mut(place)
    }

    fn discover(&mut self, name: &str, now: Micros) -> Option<usize> {
        if self.symbols.len() >= self.settings.symbols_max {
            let limit = format!("symbols_max: one more than {}", self.settings.symbols_max);
            self.fault(now, Fault::Symbol, &limit, name.as_bytes());
            return None;
        }
        let place = match self.market.open(&self.settings, &[name]) {
            Ok(opened) => {
                self.symbols.extend(opened.into_iter().map(|out| S::new(out, &self.settings)));
                Some(self.symbols.len() - 1)
            }
            Err(error) => {
                self.fault(now, Fault::Symbol, &error, name.as_bytes());
                None
            }
        };
        // As many refusals are remembered as symbols are let in, so that this cannot grow either.
        if place.is_some() || self.places.len() < self.settings.symbols_max.saturating_mul(2) {
            self.places.insert(name.into(), place);
        }
        place
    }

    /// A connection stands: whatever was known before it has to prove itself anew.
    pub(crate) fn connected(&mut self, now: Micros) {
        self.silence.hear(now);
        for symbol in &mut self.symbols {
            symbol.out().state_of_all(State::Resyncing, "connected", now);
        }
    }

    /// The connection is gone.
    pub(crate) fn disconnected(&mut self, now: Micros, reason: &str) {
        self.counters.disconnects.up();
        self.silence.end();
        let reason = format!("connection lost: {reason}");
        for symbol in &mut self.symbols {
            symbol.out().state_of_all(State::Stale, &reason, now);
        }
    }

    /// A message of so many bytes came.
    pub(crate) fn received(&mut self, rx: Micros, bytes: usize) {
        self.counters.frames.up();
        self.counters.bytes.add(bytes as u64);
        if self.silence.hear(rx) {
            self.symbols.iter_mut().for_each(|symbol| symbol.out().resume(rx));
        }
    }

    /// Something is wrong with a message: counts it, and warns with the offending bytes.
    pub(crate) fn fault(&mut self, now: Micros, fault: Fault, what: &dyn Display, bytes: &[u8]) {
        self.counters.faults(fault).up();
        self.complaints.complain(now, &self.settings.venue, what, bytes);
    }

    /// When [`tick`](Self::tick) is due.
    pub(crate) fn deadline(&self) -> Option<Micros> {
        self.silence.deadline()
    }

    /// Sees to the silence.
    pub(crate) fn tick(&mut self, now: Micros, actions: &mut Actions) {
        match self.silence.due(now) {
            Some(Due::Stale { ms }) => {
                self.counters.silences.up();
                let reason = format!("no data for {ms} ms");
                self.symbols.iter_mut().for_each(|symbol| symbol.out().suspend(State::Stale, &reason, now));
            }
            Some(Due::Reconnect { ms }) => actions.reconnect(format!("no data for {ms} ms")),
            None => {}
        }
    }

    /// Whether there are symbols and all of them are live.
    pub(crate) fn is_live(&self) -> bool {
        !self.symbols.is_empty()
            && self.symbols.iter().all(|symbol| symbol.published().state() == State::Live)
    }
}
