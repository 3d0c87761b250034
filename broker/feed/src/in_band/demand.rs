//! Symbols on demand: they are subscribed to and let go on a connection that stands.

use super::{Feed, InBand};
use crate::core::Demanded;
use schemas::model::{Channel, Micros};

impl<F: Feed> InBand<F> {
    /// Subscribes to symbols that are watched since the last look, and lets go what is no longer.
    pub(super) fn see_to_demand(&mut self, now: Micros) {
        let Demanded { wanted, released } = self.feed.session_mut().core.look_at_demand(now);
        let session = self.feed.session_mut();
        released.iter().for_each(|at| session.forget(*at));
        // Those that have no connection yet will be asked for with the others when there is one.
        if !session.core.is_connected() || (wanted.is_empty() && released.is_empty()) {
            return;
        }
        if session.core.settings.channels.has(Channel::Book) {
            wanted.iter().for_each(|at| session.rejoin.expected(*at, now));
        }
        let (wanted, released) = (session.core.names(&wanted), session.core.names(&released));
        let mut requests = Vec::new();
        if !released.is_empty() {
            requests.extend(self.feed.unsubscribe(&released));
        }
        if !wanted.is_empty() {
            requests.extend(self.feed.subscribe(&wanted));
        }
        self.feed.session_mut().ask(requests);
    }

    /// Tells the subscribers of a symbol on demand that the venue has refused it. What was asked for together with it is asked for
    /// again where the venue has refused all of it.
    pub(super) fn refused(&mut self, now: Micros, what: &str) {
        let session = self.feed.session_mut();
        let Some(at) = session.core.refused(what, now) else { return };
        session.forget(at);
        if F::REFUSES_WHOLE {
            let others = session.core.asked();
            if !others.is_empty() {
                let requests = self.feed.subscribe(&others);
                self.feed.session_mut().ask(requests);
            }
        }
    }
}
