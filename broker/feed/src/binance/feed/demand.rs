//! Symbols on demand: their streams come and go on a connection that stands.

use super::Feed;
use crate::binance::depth::Sync;
use crate::binance::names;
use crate::core::Demanded;
use schemas::model::Micros;
use schemas::venue::binance as venue;

/// What the venue says over REST of a symbol that does not exist; streams that it does not have it grants all the same.
const INVALID_SYMBOL: &str = "-1121";

impl Feed {
    /// Subscribes to symbols that are watched since the last look, and lets go what is no longer.
    pub(super) fn see_to_demand(&mut self, now: Micros) {
        let Demanded { wanted, released } = self.core.look_at_demand(now);
        let (new, old) = (self.streams_of(&wanted), self.streams_of(&released));
        for at in released {
            self.end(at);
        }
        self.streams.retain(|stream| !old.contains(stream));
        self.streams.extend_from_slice(&new);
        // What has no connection yet will be asked for with the others when there is one.
        if self.is_connected {
            wanted.into_iter().for_each(|at| self.begin(at, now));
            self.requests.extend(venue::unsubscribe(&old, 1).chain(venue::subscribe(&new, 1)));
        }
    }

    fn streams_of(&self, places: &[usize]) -> Vec<String> {
        names(&self.of_symbol, &self.core.names(places))
    }

    /// Nothing more is expected of a symbol.
    fn end(&mut self, at: usize) {
        self.core.symbols[at].data.sync = Sync::default();
        self.fetches.done(at);
    }

    /// A snapshot did not come; if that is since the symbol does not exist, its subscribers are told.
    pub(super) fn refused(&mut self, at: usize, now: Micros, reason: &str) {
        if self.core.settings.on_demand.is_none() || !reason.contains(INVALID_SYMBOL) {
            return;
        }
        self.core.refused_symbol(at, reason, now);
        let streams = self.streams_of(&[at]);
        self.streams.retain(|stream| !streams.contains(stream));
        self.requests.extend(venue::unsubscribe(&streams, 1));
        self.end(at);
    }
}
