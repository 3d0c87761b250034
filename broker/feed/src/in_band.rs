//! Machines of venues whose books begin in band: what is the same for all of them.
//!
//! Everything is subscribed to over one connection. A book begins with a snapshot in it; when it has lost its way it is
//! subscribed to anew, without touching any other. What differs from venue to venue is its [`Feed`].

mod demand;
pub(crate) mod keepalive;
mod rejoin;
mod session;

pub(crate) use session::{Mismatch, Session};

use crate::core::Offence;
use crate::counters::{Fault, FeedCounters};
use crate::machine::{Actions, Fetch, Machine};
use schemas::model::Micros;
use schemas::venue::{Parser, VenueError};
use std::sync::Arc;

/// The machine of one connection to a venue whose books begin in band.
pub(crate) struct InBand<F> {
    parser: Parser,
    pub(crate) feed: F,
}

/// What a venue of this kind adds; [`InBand`] does the rest.
pub(crate) trait Feed: Send {
    /// What is kept of each symbol besides.
    type Symbol: Default + Send;
    /// A message of the venue's.
    type Message<'a>;
    /// The path and query to dial.
    const PATH: &'static str;

    fn session(&self) -> &Session<Self::Symbol>;

    fn session_mut(&mut self) -> &mut Session<Self::Symbol>;

    /// Parses a frame, in place if that is the way of the venue.
    fn parse<'a>(frame: &'a mut [u8], parser: &'a mut Parser) -> Result<Self::Message<'a>, VenueError>;

    /// Whether the venue refuses all of a request for one symbol in it.
    const REFUSES_WHOLE: bool = false;

    /// The requests that subscribe to all that the settings want of these symbols.
    fn subscribe(&mut self, symbols: &[String]) -> Vec<String>;

    /// The requests that end these subscriptions.
    fn unsubscribe(&mut self, symbols: &[String]) -> Vec<String>;

    /// The requests that end the subscription to the book of a symbol and begin it anew.
    fn subscribe_anew(&mut self, symbol: &str) -> Vec<String>;

    /// Takes a message.
    fn take(&mut self, rx: Micros, message: Self::Message<'_>, actions: &mut Actions) -> Result<(), Offence>;

    /// The symbols of a message that cannot be read, none if it names none; nothing if it is about no book.
    fn books_in(frame: &[u8]) -> Option<Vec<&str>>;

    /// Sees to what else than books a message is about that cannot be read.
    fn damaged(&mut self, _now: Micros, _frame: &[u8]) {}

    /// Forgets what belonged to a connection that is gone, but for what the session and the symbols keep.
    fn forget(&mut self) {}

    /// When [`tick`](Self::tick) is due, where the venue has times of its own.
    fn deadline(&self) -> Option<Micros> {
        None
    }

    /// Does what is due at `now`.
    fn tick(&mut self, _now: Micros) {}
}

impl<F: Feed> InBand<F> {
    pub(crate) fn of(feed: F) -> Self {
        Self { parser: Parser::default(), feed }
    }

    /// Asks for books anew, as many as the venue's pace allows.
    fn rejoin(&mut self, now: Micros, actions: &mut Actions) {
        loop {
            let session = self.feed.session_mut();
            session.requests.send(now, actions);
            if !session.requests.is_free(now) {
                return;
            }
            let Some(at) = session.rejoin.next(now) else { return };
            let name = session.core.symbols[at].name.clone();
            let requests = self.feed.subscribe_anew(&name);
            let session = self.feed.session_mut();
            session.requests.extend(requests);
            session.rejoin.asked(at, now);
        }
    }
}

impl<F: Feed> Machine for InBand<F> {
    fn dial(&self) -> String {
        F::PATH.to_owned()
    }

    fn is_wanted(&self) -> bool {
        self.feed.session().core.is_wanted()
    }

    fn connected(&mut self, now: Micros, actions: &mut Actions) {
        let symbols = self.feed.session().core.settings.symbols.clone();
        let requests = self.feed.subscribe(&symbols);
        let session = self.feed.session_mut();
        session.connected(now);
        session.requests.extend(requests);
        session.requests.send(now, actions);
    }

    fn frame(&mut self, rx: Micros, frame: &mut Vec<u8>, actions: &mut Actions) {
        let Self { parser, feed } = self;
        feed.session_mut().received(rx, frame.len());
        match F::parse(frame, parser).map(|message| feed.take(rx, message, actions)) {
            Ok(Ok(())) => {}
            Ok(Err(offence)) => {
                feed.session_mut().core.offence(rx, &offence, frame);
                if offence.fault == Fault::Refused {
                    self.refused(rx, &offence.what);
                }
            }
            Err(error) => {
                let session = feed.session_mut();
                session.core.fault(rx, Fault::Malformed, &error, frame);
                if let Some(named) = F::books_in(frame) {
                    session.damaged(rx, &named);
                }
                feed.damaged(rx, frame);
            }
        }
    }

    fn fetched(&mut self, _: Micros, _: &Fetch, _: Result<&mut Vec<u8>, String>, _: &mut Actions) {}

    fn disconnected(&mut self, now: Micros, reason: &str) {
        self.feed.session_mut().disconnected(now, reason);
        self.feed.forget();
    }

    fn doubled(&mut self, now: Micros, actions: &mut Actions) {
        let symbols = self.feed.session().core.settings.symbols.clone();
        let requests = self.feed.subscribe(&symbols);
        let session = self.feed.session_mut();
        session.twice.begin();
        session.core.data_silence.begin(now);
        session.requests.extend(requests);
        session.requests.send(now, actions);
    }

    fn is_settled(&self) -> bool {
        self.feed.session().requests.is_empty()
    }

    fn single(&mut self, now: Micros) {
        self.feed.session_mut().twice.end(now);
    }

    fn deadline(&self) -> Option<Micros> {
        [self.feed.session().deadline(), self.feed.deadline()].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Micros, actions: &mut Actions) {
        self.feed.session_mut().tick(now, actions);
        self.feed.tick(now);
        self.see_to_demand(now);
        self.rejoin(now, actions);
    }

    fn counters(&self) -> &Arc<FeedCounters> {
        &self.feed.session().core.counters
    }

    fn is_live(&self) -> bool {
        self.feed.session().core.is_live()
    }
}
