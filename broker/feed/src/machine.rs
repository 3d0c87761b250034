//! A venue's adapter as a state machine without I/O, and what it asks of the shell around it.

use crate::counters::FeedCounters;
use crate::market::MarketError;
use schemas::model::Micros;
use std::sync::Arc;

/// Why a machine cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MachineError {
    /// The venue does not offer books of this depth.
    #[error("depth: {venue} offers {offered:?} levels, not {asked}")]
    Depth {
        /// The venue.
        venue: &'static str,
        /// The depths that it offers.
        offered: &'static [u16],
        /// What the settings want.
        asked: usize,
    },
    /// More than the venue lets one connection carry; see [`crate::venue::Venue::connections`].
    #[error("{asked} streams, and {venue} carries at most {max} on a connection")]
    Streams {
        /// The venue.
        venue: &'static str,
        /// The most that it carries.
        max: usize,
        /// What the symbols need.
        asked: usize,
    },
    /// The symbols cannot be opened.
    #[error(transparent)]
    Market(#[from] MarketError),
}

/// A venue's adapter without I/O: bytes and times in, entries published and actions out.
///
/// The shell dials [`dial`](Self::dial), tells what happens, carries out the [`Actions`] after each call, and calls
/// [`tick`](Self::tick) when [`deadline`](Self::deadline) has come. Times never go backwards.
pub trait Machine: Send {
    /// The path and query to dial; empty for feeds that have none.
    fn dial(&self) -> String;

    /// Whether there is anything to connect for. While there is not, [`tick`](Self::tick) is called all the same.
    fn is_wanted(&self) -> bool {
        true
    }

    /// A connection stands.
    fn connected(&mut self, now: Micros, actions: &mut Actions);

    /// A message came at `rx`. What it holds afterwards is of no use (it is parsed in place).
    fn frame(&mut self, rx: Micros, frame: &mut Vec<u8>, actions: &mut Actions);

    /// What was asked for with [`Action::Fetch`] came at `rx`, or why it did not.
    fn fetched(
        &mut self,
        rx: Micros,
        fetch: &Fetch,
        body: Result<&mut Vec<u8>, String>,
        actions: &mut Actions,
    );

    /// The connection is gone.
    fn disconnected(&mut self, now: Micros, reason: &str);

    /// A second connection to the same URL stands beside the first, which it is to replace: from now on messages come over both, in
    /// any order, and what is sent goes over the second. Only where [`crate::venue::Venue::takes_over`] says so.
    fn doubled(&mut self, _now: Micros, _actions: &mut Actions) {}

    /// Whether all has been asked for over the second connection.
    fn is_settled(&self) -> bool {
        true
    }

    /// One of the two connections is left, whichever.
    fn single(&mut self, _now: Micros) {}

    /// When [`tick`](Self::tick) is to be called next.
    fn deadline(&self) -> Option<Micros>;

    /// Does what is due at `now`.
    fn tick(&mut self, now: Micros, actions: &mut Actions);

    /// What it counts.
    fn counters(&self) -> &Arc<FeedCounters>;

    /// Whether all symbols that exist are live.
    fn is_live(&self) -> bool;
}

/// What a machine asks of its shell, in order.
#[derive(Debug, Default)]
pub struct Actions(Vec<Action>);

/// One thing that a machine asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Send this text to the venue.
    Send(String),
    /// Fetch this over HTTP, and call [`Machine::fetched`].
    Fetch(Fetch),
    /// End the connection for this reason and dial anew.
    Reconnect(String),
    /// Have another connection take over from this one, for this reason; end it and dial anew where that cannot be.
    Renew(String),
}

/// Something to fetch from the venue's REST interface.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Fetch {
    /// Path and query, behind the host.
    pub path: String,
    /// What for.
    pub purpose: Purpose,
}

/// What a fetched body is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// The depth snapshot of this symbol, by the venue's own name.
    Depth(String),
    /// The depth snapshot of a symbol that the body does not name and nobody knows: in captures.
    DepthOfUnknown,
    /// What the venue says of its symbols.
    Symbols,
}

impl Actions {
    /// Without any.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes all, in order.
    pub fn drain(&mut self) -> impl Iterator<Item = Action> {
        self.0.drain(..)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Asks to send a text.
    pub fn send(&mut self, text: String) {
        self.0.push(Action::Send(text));
    }

    /// Asks to fetch something.
    pub fn fetch(&mut self, fetch: Fetch) {
        self.0.push(Action::Fetch(fetch));
    }

    /// Asks to dial anew.
    pub fn reconnect(&mut self, reason: impl Into<String>) {
        self.0.push(Action::Reconnect(reason.into()));
    }

    /// Asks for another connection that takes over from this one.
    pub fn renew(&mut self, reason: impl Into<String>) {
        self.0.push(Action::Renew(reason.into()));
    }
}
