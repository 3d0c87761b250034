//! What the machines of all venues whose books begin in band keep: the symbols, which of their books follow the venue's,
//! and the requests that wait.

use super::keepalive::Keepalive;
use super::rejoin::Rejoin;
use crate::book::{Book, BookDepth};
use crate::core::{Changed, Core, Offence};
use crate::machine::{Actions, MachineError};
use crate::market::Market;
use crate::pacer::{Pacer, Requests};
use crate::publish::Times;
use crate::settings::Settings;
use crate::twice::Twice;
use schemas::model::{Channel, Level, Micros};
use std::sync::Arc;

/// A book whose checksum is not the venue's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("checksum {ours}, the venue's is {theirs}")]
pub(crate) struct Mismatch {
    pub(crate) ours: i64,
    pub(crate) theirs: i64,
}

/// What all feeds of this kind have.
pub(crate) struct Session<S> {
    pub(crate) core: Core<S>,
    pub(super) rejoin: Rejoin,
    pub(super) requests: Requests,
    /// Where the venue sends no signs of life of its own.
    keepalive: Option<Keepalive>,
    /// What comes twice while two connections stand beside each other.
    pub(crate) twice: Twice,
}

impl<S: Default> Session<S> {
    /// With the symbols of the settings, and requests at the venue's pace.
    pub(crate) fn new(settings: Settings, market: Arc<Market>, pacer: Pacer) -> Result<Self, MachineError> {
        let core = Core::new(settings, market)?;
        Ok(Self {
            core,
            rejoin: Rejoin::default(),
            requests: Requests::new(pacer),
            keepalive: None,
            twice: Twice::default(),
        })
    }

    /// The same with signs of life that are asked for; not of a capture, which cannot answer.
    pub(crate) fn with_keepalive(self, ping: &'static str, every_us: Option<u64>) -> Self {
        let Settings { is_recorded, stale_after_ms, .. } = self.core.settings;
        let keepalive = (!is_recorded).then(|| Keepalive::new(ping, stale_after_ms, every_us));
        Self { keepalive, ..self }
    }

    /// Whether the book of a symbol follows the venue's.
    pub(crate) fn is_joined(&self, at: usize) -> bool {
        self.rejoin.is_joined(at)
    }

    /// Begins a book with a whole one. One that no book can be is asked for anew.
    pub(crate) fn snapshot(
        &mut self,
        at: usize,
        times: Times,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        if let Err(offence) = self.core.reset_book(at, times, bids, asks) {
            return self.broken(at, times.rx, offence);
        }
        self.rejoin.joined(at, times.rx);
        Ok(())
    }

    /// The same with a book of another depth, if it passes a check; one that does not is asked for anew.
    pub(crate) fn snapshot_checked(
        &mut self,
        at: usize,
        times: Times,
        depth: BookDepth,
        sides: (&[Level], &[Level]),
        check: impl FnOnce(&Book) -> Result<(), Mismatch>,
    ) -> Result<(), Offence> {
        match self.core.reset_checked(at, times, depth, sides, check) {
            Ok(Ok(())) => self.rejoin.joined(at, times.rx),
            Ok(Err(mismatch)) => self.mismatch(at, times.rx, &mismatch),
            Err(offence) => return self.broken(at, times.rx, offence),
        }
        Ok(())
    }

    /// Changes a book that is joined. What still comes of a subscription that was given up is passed over.
    pub(crate) fn change(
        &mut self,
        at: usize,
        times: Times,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        if !self.is_joined(at) {
            return Ok(());
        }
        let changed = self.core.change_book(at, times, bids, asks);
        self.changed(at, times.rx, changed)
    }

    /// Changes a book that is joined into one of exactly these levels.
    pub(crate) fn change_to(
        &mut self,
        at: usize,
        times: Times,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        let (bids, asks) = self.core.symbols[at].book.changes_to(bids, asks);
        self.change(at, times, &bids, &asks)
    }

    /// Changes a book that is joined if it passes a check; one that does not is asked for anew.
    pub(crate) fn change_checked(
        &mut self,
        at: usize,
        times: Times,
        sides: (&[Level], &[Level]),
        check: impl FnOnce(&Book) -> Result<(), Mismatch>,
    ) -> Result<(), Offence> {
        if !self.is_joined(at) {
            return Ok(());
        }
        match self.core.change_checked(at, times, sides, Some(check)) {
            Ok(changed) => self.changed(at, times.rx, changed),
            Err(mismatch) => {
                self.mismatch(at, times.rx, &mismatch);
                Ok(())
            }
        }
    }

    fn changed(&mut self, at: usize, now: Micros, changed: Changed) -> Result<(), Offence> {
        match changed {
            Changed::Fine => Ok(()),
            Changed::Crossed => Err(Offence::crossed(&self.core.symbols[at].name)),
            Changed::Wrong(offence) => self.broken(at, now, offence),
        }
    }

    fn mismatch(&mut self, at: usize, now: Micros, mismatch: &Mismatch) {
        self.core.counters.checksum_failures.up();
        let name = self.core.symbols[at].name.clone();
        self.core.warn(now, mismatch, name.as_bytes());
        self.resync(at, now, &mismatch.to_string());
    }

    /// The book of a symbol cannot be right, and is asked for anew.
    fn broken(&mut self, at: usize, now: Micros, offence: Offence) -> Result<(), Offence> {
        self.resync(at, now, &offence.what);
        Err(offence)
    }

    /// Lets these requests follow those that wait.
    pub(crate) fn ask(&mut self, requests: Vec<String>) {
        self.requests.extend(requests);
    }

    /// The book of a symbol has lost its way, and is asked for anew.
    pub(crate) fn resync(&mut self, at: usize, now: Micros, reason: &str) {
        self.core.resyncing(at, reason, now);
        self.rejoin.lost(at, now);
    }

    /// Nothing more is expected of a symbol.
    pub(super) fn forget(&mut self, at: usize) {
        self.rejoin.forget(at);
        self.core.symbols[at].data = S::default();
    }

    pub(super) fn connected(&mut self, now: Micros) {
        self.core.connected(now);
        self.keepalive.iter_mut().for_each(|keepalive| keepalive.connected(now));
        if self.core.settings.channels.has(Channel::Book) {
            let active = |at: &usize| self.core.symbols[*at].stage.is_active();
            (0..self.core.symbols.len()).filter(active).for_each(|at| self.rejoin.expected(at, now));
        }
    }

    pub(super) fn disconnected(&mut self, now: Micros, reason: &str) {
        self.core.disconnected(now, reason);
        self.keepalive.iter_mut().for_each(Keepalive::disconnected);
        self.rejoin.clear();
        self.requests.clear();
        self.twice = Twice::default();
        self.core.symbols.iter_mut().for_each(|symbol| symbol.data = S::default());
    }

    pub(super) fn deadline(&self) -> Option<Micros> {
        let rejoin = self.rejoin.deadline().map(|due| due.max(self.requests.free_at()));
        let ping = self.keepalive.as_ref().and_then(Keepalive::deadline);
        [self.core.deadline(), self.requests.deadline(), rejoin, ping].into_iter().flatten().min()
    }

    pub(super) fn received(&mut self, rx: Micros, bytes: usize) {
        self.core.received(rx, bytes);
        self.keepalive.iter_mut().for_each(|keepalive| keepalive.hear(rx));
    }

    pub(super) fn tick(&mut self, now: Micros, actions: &mut Actions) {
        self.core.tick(now, actions);
        if let Some(ping) = self.keepalive.as_mut().and_then(|keepalive| keepalive.ping(now)) {
            actions.send(ping);
        }
    }

    /// A message about a book that cannot be read is a change that is missing there.
    pub(super) fn damaged(&mut self, now: Micros, named: &[&str]) {
        let known: Vec<_> = named.iter().filter_map(|name| self.core.known(name)).collect();
        let about = if known.is_empty() { (0..self.core.symbols.len()).collect() } else { known };
        for at in about {
            if self.is_joined(at) {
                self.resync(at, now, "a message that cannot be read");
            }
        }
    }
}
