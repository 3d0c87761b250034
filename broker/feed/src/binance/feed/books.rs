//! Books: how events and snapshots come together.

use super::{Feed, UNKNOWN_SNAPSHOTS_MAX};
use crate::binance::depth::{Changes, Event, OLD_RUN_MAX, Place, Snapshot, Sync, Waiting};
use crate::core::{Changed, Offence};
use crate::counters::Fault;
use crate::machine::Purpose;
use crate::publish::Times;
use schemas::model::{Level, Micros};
use schemas::venue::binance::DepthBody;

impl Feed {
    pub(super) fn depth(&mut self, at: usize, changes: &Changes<'_>) -> Result<(), Offence> {
        let Sync::Joined { last_id, old_run } = &mut self.core.symbols[at].data.sync else {
            return self.wait(at, changes);
        };
        let ids = changes.ids;
        let is_twice = self.twice.is_so(changes.times.rx);
        match ids.place(*last_id, is_twice || old_run.is_none()) {
            Place::Old if is_twice => Ok(()),
            Place::Old if old_run.is_none_or(|run| run < OLD_RUN_MAX) => {
                *old_run = old_run.map(|run| run + 1);
                Ok(())
            }
            Place::Old => {
                let reason = format!("the numbering went back: u {} after {last_id}", ids.last);
                self.resync(at, &reason, changes.times.rx);
                self.wait(at, changes)
            }
            Place::Next => {
                (*last_id, *old_run) = (ids.last, Some(0));
                self.change(at, changes)
            }
            Place::Gap => {
                let reason = format!("gap: {ids} after u {last_id}");
                self.core.counters.gaps.up();
                self.resync(at, &reason, changes.times.rx);
                self.wait(at, changes)
            }
        }
    }

    /// Keeps an event until the snapshot comes, which may have come already without a name.
    fn wait(&mut self, at: usize, changes: &Changes<'_>) -> Result<(), Offence> {
        let rx = changes.times.rx;
        let is_telling = self.numbers_tell_symbols();
        let Sync::Waiting(waiting) = &mut self.core.symbols[at].data.sync else { return Ok(()) };
        waiting.push(Event::of(changes));
        let fits = |snapshot: &Snapshot| is_telling && waiting.spans(snapshot.last_id);
        let named = self.unknown.iter().position(fits);
        self.fetches.want(at, rx);
        match named.and_then(|position| self.unknown.remove(position)) {
            Some(Snapshot { last_id, bids, asks, .. }) => {
                self.join(at, last_id, Times::now(rx), &bids, &asks)
            }
            None => Ok(()),
        }
    }

    /// Changes a joined book.
    fn change(&mut self, at: usize, changes: &Changes<'_>) -> Result<(), Offence> {
        let Changes { times, bids, asks, .. } = *changes;
        match self.core.change_book(at, times, bids, asks) {
            Changed::Fine => Ok(()),
            Changed::Crossed => Err(Offence::crossed(&self.core.symbols[at].name)),
            Changed::Wrong(offence) => {
                self.resync(at, &offence.what, times.rx);
                Err(offence)
            }
        }
    }

    fn resync(&mut self, at: usize, reason: &str, now: Micros) {
        self.core.resyncing(at, reason, now);
        self.core.symbols[at].data.sync = Sync::Waiting(Waiting::default());
        self.fetches.want(at, now);
    }

    pub(super) fn partial_depth(
        &mut self,
        rx: Micros,
        stream: Option<&str>,
        last_id: u64,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        let Some(name) = stream.and_then(|stream| stream.split('@').next()) else {
            return Err(Offence::new(Fault::Unknown, "a partial book without its stream's name"));
        };
        match self.place(&name.to_uppercase(), rx) {
            Some(at) => self.join(at, last_id, Times::now(rx), bids, asks),
            None => Ok(()),
        }
    }

    pub(in super::super) fn depth_body(
        &mut self,
        rx: Micros,
        purpose: &Purpose,
        body: &DepthBody<'_>,
    ) -> Result<(), Offence> {
        let DepthBody { symbol, event_time, last_update_id: last_id, bids, asks } = *body;
        let times = Times::new(event_time, rx);
        let asked = if let Purpose::Depth(name) = purpose { Some(name.as_str()) } else { symbol };
        if let Some(name) = asked {
            let at = self.place(name, rx);
            return at.map_or(Ok(()), |at| self.join(at, last_id, times, bids, asks));
        }
        let is_telling = self.numbers_tell_symbols();
        let spanning = self.core.symbols.iter().position(|symbol| match &symbol.data.sync {
            Sync::Waiting(waiting) => is_telling && waiting.spans(last_id),
            Sync::Joined { .. } => false,
        });
        if let Some(at) = spanning {
            return self.join(at, last_id, times, bids, asks);
        }
        if self.unknown.len() == UNKNOWN_SNAPSHOTS_MAX {
            self.unknown.pop_front();
        }
        self.unknown.push_back(Snapshot { last_id, bids: bids.into(), asks: asks.into() });
        Ok(())
    }

    /// Whether a snapshot's number shows which symbol it is of: spot numbers each symbol's updates for itself, futures all together.
    fn numbers_tell_symbols(&self) -> bool {
        !self.product.is_future() || self.core.symbols.len() == 1
    }

    /// Begins a book with a snapshot and the events that waited for it. One that is joined needs none.
    pub(super) fn join(
        &mut self,
        at: usize,
        last_id: u64,
        times: Times,
        bids: &[Level],
        asks: &[Level],
    ) -> Result<(), Offence> {
        let Sync::Waiting(waiting) = &mut self.core.symbols[at].data.sync else { return Ok(()) };
        if !self.is_connected {
            return Ok(());
        }
        let events = match waiting.join(last_id) {
            Ok(events) => events,
            Err(too_old) => {
                self.core.counters.fetch_failures.up();
                tracing::debug!(symbol = &*self.core.symbols[at].name, %too_old, "fetching it anew");
                self.fetches.fail(at, times.rx);
                return Ok(());
            }
        };
        if let Err(offence) = self.core.reset_book(at, times.numbered(last_id), bids, asks) {
            self.fetches.fail(at, times.rx);
            return Err(offence);
        }
        self.fetches.done(at);
        self.core.symbols[at].data.sync = Sync::Joined { last_id, old_run: None };
        let mut outcome = Ok(());
        for event in &events {
            // One that is bad does not keep back the others.
            let next = self.depth(at, &event.changes());
            outcome = outcome.and(next);
        }
        outcome
    }
}
