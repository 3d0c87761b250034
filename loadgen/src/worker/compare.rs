//! Comparisons with fresh snapshots: what a subscriber rebuilt from updates must be what the broker gives a newcomer.

use super::Worker;
use super::schedule::Task;
use crate::connection::Stage;
use crate::phase::Phase;
use crate::plan::Behaviour;
use rustc_hash::FxHashSet;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How often some topics are compared while the run goes on.
pub(super) const EVERY: Duration = Duration::from_secs(1);
/// Topics, each on another connection, that are compared then.
const TOPICS_EACH_TIME: usize = 10;

impl Worker {
    /// Compares one topic on each of some connections, all at random.
    pub(super) fn compare_some(&mut self, at: Instant) {
        if self.phase != Phase::Running {
            return;
        }
        self.timers.schedule(at + EVERY, Task::Compare);
        for _ in 0..TOPICS_EACH_TIME.min(self.connections.len()) {
            let index = self.receiver.random.below(self.connections.len());
            let symbols = self.connections[index].session.client.symbols.clone();
            if !symbols.is_empty() && self.can_compare(index) {
                let symbol = symbols[self.receiver.random.below(symbols.len())];
                self.compare(index, &[symbol]);
            }
        }
    }

    /// Compares every topic that someone watches, once.
    pub(super) fn begin_checking(&mut self) {
        let mut compared = FxHashSet::default();
        for index in 0..self.connections.len() {
            if self.can_compare(index) {
                let client = &self.connections[index].session.client;
                let (symbols, channel) = (client.symbols.clone(), client.channel);
                let fresh: Vec<u32> =
                    symbols.iter().copied().filter(|symbol| compared.insert((channel, *symbol))).collect();
                self.compare(index, &fresh);
            }
        }
        self.board.comparisons_due.store(self.receiver.verifiers.comparisons_due(), Ordering::Release);
        self.board.last_comparisons_asked.store(1, Ordering::Release);
    }

    fn can_compare(&self, index: usize) -> bool {
        let session = &self.connections[index].session;
        matches!(session.stage, Stage::Live) && session.client.behaviour == Behaviour::Prompt
    }

    fn compare(&mut self, index: usize, symbols: &[u32]) {
        let receiver = &mut self.receiver;
        let session = &mut self.connections[index].session;
        let Some(verifier) = receiver.verifiers.of(session.client.channel) else { return };
        let names = symbols.iter().map(|symbol| receiver.plan.symbols[*symbol as usize].as_str());
        let wanted: Vec<&str> = names.filter(|name| verifier.compare(&mut session.watched, name)).collect();
        if !wanted.is_empty() {
            session.ask_snapshots(&wanted, &mut receiver.random);
            let flushed = self.connections[index].flush();
            self.settle(index, flushed);
        }
    }
}
