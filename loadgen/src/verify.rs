//! Proves the protocol's promises for every topic of every connection.
//!
//! - Ranges tile: each frame begins where the last one ended, or is a snapshot.
//! - Books are rebuilt and every checksum is computed again.
//! - Whatever way leads to a `seq` of a topic (updates, merged updates, snapshots, of any connection of the thread),
//!   the data there has the same digits.
//! - What is delivered, conflated and lost accounts for every sequence number.
//! - A reply precedes what it grants, nothing follows an unsubscribe, and only a snapshot changes an epoch.

mod account;
mod all;
mod body;
mod book;
mod digits;
mod fault;
mod held;
mod ledger;
mod topic;
mod version;

pub use account::{Account, Verification};
pub use all::Verifiers;
pub use fault::{Fault, Faults, Listed};
pub use held::Watched;

use held::{Grant, Held, Promise};

use crate::reply::{Granted, Reply};
use crate::request::Asked;
use crate::scan::{Header, Kind};
use rustc_hash::FxHashMap;
use schemas::model::Channel;
use topic::Topic;

/// Verifies all connections of a thread.
#[derive(Debug)]
pub struct Verifier {
    channel: Channel,
    numbers: FxHashMap<Box<str>, u32>,
    topics: Vec<Topic>,
    comparisons_due: usize,
    verification: Verification,
}

impl Verifier {
    /// Verifies subscriptions to `channel`.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self {
            channel,
            numbers: FxHashMap::default(),
            topics: Vec::new(),
            comparisons_due: 0,
            verification: Verification::default(),
        }
    }

    /// A connection asks for these symbols.
    pub fn watch(&mut self, symbols: &[&str]) -> Watched {
        let mut held: Vec<Held> = symbols.iter().map(|symbol| Held::asked_for(self.number(symbol))).collect();
        held.sort_unstable_by_key(|held| held.topic);
        held.dedup_by_key(|held| held.topic);
        Watched { held, has_pattern: false, asked: 0 }
    }

    /// A connection comes back and asks for these symbols, which are all that it had before, if it had any: what to ask for.
    pub fn watch_on<'a>(&'a mut self, watched: &mut Watched, symbols: &[&'a str]) -> Vec<Asked<'a>> {
        if watched.held.is_empty() {
            *watched = self.watch(symbols);
        }
        symbols.iter().map(|symbol| self.asked(watched, symbol)).collect()
    }

    fn asked<'a>(&'a self, watched: &mut Watched, symbol: &'a str) -> Asked<'a> {
        let number = self.numbers.get(symbol).copied();
        let held = number.and_then(|number| Some((watched.held_mut(number)?, &self.topics[number as usize])));
        let Some((held, topic)) = held else { return Asked::Afresh(symbol) };
        match held.ask_again(topic) {
            Some((epoch, after)) => Asked::Resumed { symbol, epoch, after },
            None => Asked::Afresh(symbol),
        }
    }

    /// A connection ended.
    pub fn forget(&mut self, watched: &Watched) {
        self.comparisons_due -= watched.asked;
    }

    /// A fresh snapshot of `symbol` is asked for on a connection; false if one already is, or the symbol has no data.
    pub fn compare(&mut self, watched: &mut Watched, symbol: &str) -> bool {
        let Some(held) = self.numbers.get(symbol).and_then(|number| watched.held_mut(*number)) else {
            return false;
        };
        if held.asked || held.grant != Grant::Granted || held.last.is_none_or(|last| last == 0) {
            return false;
        }
        held.asked = true;
        watched.asked += 1;
        self.comparisons_due += 1;
        self.verification.asked += 1;
        true
    }

    /// Fresh snapshots that were asked for and did not come yet.
    #[must_use]
    pub const fn comparisons_due(&self) -> usize {
        self.comparisons_due
    }

    /// Faults that were found so far.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.verification.faults.total()
    }

    /// What was verified.
    #[must_use]
    pub fn finish(self) -> Verification {
        self.verification
    }

    /// A reply came; `ended` if with it all subscriptions are ended.
    pub fn reply(&mut self, watched: &mut Watched, reply: &Reply<'_>, ended: bool) {
        for granted in reply.result.iter().flat_map(|outcome| &outcome.subscribed) {
            match &granted.symbol {
                Some(symbol) => self.granted(watched, symbol, granted),
                None => watched.has_pattern = true,
            }
        }
        if ended {
            watched.has_pattern = false;
            watched.held.iter_mut().for_each(|held| held.grant = Grant::Ended);
        }
    }

    /// A frame about a topic came to `connection`; true if all it covers had come before, which is so for what follows a
    /// fresh snapshot that was asked for.
    pub fn frame(
        &mut self,
        connection: u32,
        watched: &mut Watched,
        header: &Header<'_>,
        text: &[u8],
    ) -> bool {
        self.verification.frames += 1;
        self.verification.snapshots += u64::from(header.kind == Kind::Snapshot);
        let number = self.number(&header.symbol);
        if watched.held_mut(number).is_none() && watched.has_pattern {
            self.appeared(watched, number);
        }
        let held = watched.held_mut(number).filter(|_| *header.channel == *self.channel.name());
        let faults = &mut self.verification.faults;
        let Some(held) = held else {
            faults.add(connection, &Fault::NotSubscribed, text);
            return false;
        };
        let mut complain = |fault: &Fault| faults.add(connection, fault, text);
        held.order_faults(header).iter().for_each(&mut complain);
        let step = self.topics[number as usize].step(&held.version, header, text);
        step.faults.iter().for_each(&mut complain);
        if let Some(fault) = held.snapshot_fault(header, &step.next, self.channel) {
            complain(&fault);
        }
        self.verification.compared += u64::from(step.compared);
        let repeated = held.repeats(header, &step.next);
        if !repeated {
            self.verification.account.enter(held, header, &step.next);
        }
        if held.advance(header, step.next) {
            watched.asked -= 1;
            self.comparisons_due -= 1;
            self.verification.answered += 1;
        }
        repeated
    }

    fn granted(&mut self, watched: &mut Watched, symbol: &str, granted: &Granted<'_>) {
        let number = self.number(symbol);
        let Some(held) = watched.held_mut(number) else { return };
        let seq = granted.seq.unwrap_or(0);
        let topic = &mut self.topics[number as usize];
        topic.is_of(granted.epoch.as_deref().unwrap_or_default());
        if held.grant == Grant::Asked {
            held.grant = Grant::Granted;
            if held.goes_on(granted, self.channel) {
                self.verification.resumed += 1;
                return;
            }
            held.last = None;
            if seq == 0 {
                held.last = Some(0);
                let epoch = granted.epoch.as_deref().unwrap_or_default();
                held.version = topic.empty(epoch, granted.state.as_deref());
            }
        }
        if seq > 0 {
            let epoch = granted.epoch.as_deref().map(Box::from);
            held.promise = Some(Box::new(Promise { epoch, seq }));
        } else if std::mem::take(&mut held.asked) {
            // It has no data to be compared with.
            watched.asked -= 1;
            self.comparisons_due -= 1;
        }
    }

    /// A topic came that a pattern covers. It may be new, or have a snapshot first.
    fn appeared(&mut self, watched: &mut Watched, number: u32) {
        let at = watched.held.partition_point(|held| held.topic < number);
        let version = self.topics[number as usize].empty("", None);
        let held = Held { grant: Grant::Granted, version, ..Held::asked_for(number) };
        watched.held.insert(at, held);
    }

    fn number(&mut self, symbol: &str) -> u32 {
        if let Some(number) = self.numbers.get(symbol) {
            return *number;
        }
        let number = u32::try_from(self.topics.len()).unwrap_or(u32::MAX);
        self.numbers.insert(symbol.into(), number);
        self.topics.push(Topic::new(self.channel));
        number
    }
}

#[cfg(test)]
mod tests;
