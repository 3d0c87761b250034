//! Proves the protocol's promises for every topic of every connection.
//!
//! - Ranges tile: each frame begins where the last one ended, or is a snapshot.
//! - Books are rebuilt and every checksum is computed again.
//! - Whatever way leads to a `seq` of a topic (updates, merged updates, snapshots, of any connection of the thread),
//!   the data there has the same digits.
//! - What is delivered, conflated and lost accounts for every sequence number.
//! - A reply precedes what it grants, nothing follows an unsubscribe, and only a snapshot changes an epoch.

mod body;
mod book;
mod digits;
mod fault;
mod ledger;
mod topic;
mod version;

pub use fault::{Fault, Faults, Listed};

use crate::reply::{Granted, Reply};
use crate::scan::{Header, Kind};
use rustc_hash::FxHashMap;
use schemas::model::Channel;
use serde::Serialize;
use std::rc::Rc;
use topic::{Topic, epoch_number};
use version::{Content, Version};

/// Verifies all connections of a thread.
#[derive(Debug)]
pub struct Verifier {
    channel: Channel,
    numbers: FxHashMap<Box<str>, u32>,
    topics: Vec<Topic>,
    comparisons_due: usize,
    verification: Verification,
}

/// What one connection holds of its topics.
#[derive(Debug, Default)]
pub struct Watched {
    /// In the order of their topics' numbers.
    held: Vec<Held>,
    /// Whether a pattern was granted, so that topics may come that were not named.
    has_pattern: bool,
    asked: usize,
}

/// What a connection holds of a topic.
#[derive(Debug)]
struct Held {
    topic: u32,
    grant: Grant,
    /// The last `seq` that was covered; none before the first snapshot.
    last: Option<u64>,
    /// The highest `seq` that was covered in this epoch.
    highest: u64,
    version: Rc<Version>,
    promise: Option<Box<Promise>>,
    /// A fresh snapshot was asked for, to compare with.
    asked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    Asked,
    Granted,
    Ended,
}

/// The snapshot that a reply announced.
#[derive(Debug, PartialEq, Eq)]
struct Promise {
    epoch: Option<Box<str>>,
    seq: u64,
}

/// What was verified, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Frames that were checked.
    pub frames: u64,
    /// Snapshots among them.
    pub snapshots: u64,
    /// Frames whose data was compared with what came another way: a snapshot with what updates led to, say.
    pub compared: u64,
    /// Fresh snapshots that were asked for, to compare with.
    pub asked: u64,
    /// Of which were answered.
    pub answered: u64,
    /// Where the sequence numbers went that the connections lived through.
    pub account: Account,
    /// What was wrong.
    pub faults: Faults,
}

/// Sequence numbers by what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// All of them: from where each topic of each connection began to where it ended.
    pub spanned: u64,
    /// Delivered in updates.
    pub delivered: u64,
    /// Changes of state.
    pub states: u64,
    /// Replaced by newer data, as `conflated` said.
    pub conflated: u64,
    /// Lost, as `gap` said.
    pub lost: u64,
    /// Contained in a snapshot.
    pub in_snapshots: u64,
}

impl Account {
    /// Whether nothing is missing and nothing is there twice.
    #[must_use]
    pub const fn adds_up(&self) -> bool {
        self.spanned == self.delivered + self.states + self.conflated + self.lost + self.in_snapshots
    }

    fn merge(&mut self, other: &Self) {
        self.spanned += other.spanned;
        self.delivered += other.delivered;
        self.states += other.states;
        self.conflated += other.conflated;
        self.lost += other.lost;
        self.in_snapshots += other.in_snapshots;
    }
}

impl Verification {
    /// Adds what another thread found.
    pub fn merge(&mut self, other: Self) {
        self.frames += other.frames;
        self.snapshots += other.snapshots;
        self.compared += other.compared;
        self.asked += other.asked;
        self.answered += other.answered;
        self.account.merge(&other.account);
        self.faults.merge(other.faults);
    }
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
        self.verification.account.enter(held, header, &step.next);
        let repeated = held.repeats(header, &step.next);
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
        if held.grant == Grant::Asked {
            held.grant = Grant::Granted;
            if seq == 0 {
                held.last = Some(0);
                let epoch = granted.epoch.as_deref().unwrap_or_default();
                held.version = self.topics[number as usize].empty(epoch, granted.state.as_deref());
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

impl Watched {
    fn held_mut(&mut self, topic: u32) -> Option<&mut Held> {
        let at = self.held.binary_search_by_key(&topic, |held| held.topic).ok()?;
        self.held.get_mut(at)
    }
}

impl Held {
    fn asked_for(topic: u32) -> Self {
        Self {
            topic,
            grant: Grant::Asked,
            last: None,
            highest: 0,
            version: Rc::new(Version::new(0, 0, Content::Unknown { skipped: false }, None)),
            promise: None,
            asked: false,
        }
    }

    fn repeats(&self, header: &Header<'_>, next: &Version) -> bool {
        next.epoch == self.version.epoch && header.seq.1 <= self.highest
    }

    /// What is wrong with the place of a frame among the others of the topic. Afterwards the frame is where it belongs,
    /// so that one fault is not reported again and again.
    fn order_faults(&mut self, header: &Header<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        match self.grant {
            Grant::Asked => {
                faults.push(Fault::BeforeReply);
                self.grant = Grant::Granted;
            }
            Grant::Granted => {}
            Grant::Ended => faults.push(Fault::AfterUnsubscribe),
        }
        let (first, last) = header.seq;
        if first > last || (first == 0 && header.kind != Kind::Snapshot) {
            faults.push(Fault::Range(first, last));
        }
        let place = match self.last {
            _ if header.kind == Kind::Snapshot => None,
            None if first == 1 && self.promise.is_none() => None,
            None => Some(Fault::NoSnapshot),
            Some(stood) if first != stood.saturating_add(1) => {
                Some(Fault::Tiling { expected: stood.saturating_add(1), first })
            }
            Some(_) => None,
        };
        if let Some(fault) = place {
            faults.push(fault);
            let unknown = Content::Unknown { skipped: false };
            self.version = Rc::new(Version::new(self.version.epoch, first.saturating_sub(1), unknown, None));
            self.last = None;
        }
        faults
    }

    fn snapshot_fault(&self, header: &Header<'_>, next: &Version, channel: Channel) -> Option<Fault> {
        let (first, seq) = header.seq;
        if header.kind != Kind::Snapshot {
            return None;
        }
        if let Some(promise) = &self.promise {
            let same_epoch = promise.epoch.as_deref().is_none_or(|epoch| epoch_number(epoch) == next.epoch);
            if !same_epoch || promise.seq != seq {
                let epoch = promise.epoch.as_deref().unwrap_or_default();
                let came = if same_epoch { format!("{epoch} {seq}") } else { format!("another epoch {seq}") };
                return Some(Fault::Promise { promised: format!("{epoch} {}", promise.seq), came });
            }
        }
        let stood = self.last.filter(|stood| *stood > 0 && next.epoch == self.version.epoch)?;
        if self.promise.is_none() && seq < stood {
            return Some(Fault::Back { seq, stood });
        }
        let skipped = first.saturating_sub(stood.saturating_add(1));
        (channel == Channel::Trades && skipped > 0).then_some(Fault::SilentLoss(skipped))
    }

    /// Takes the frame; true if it answers a request for a fresh snapshot.
    fn advance(&mut self, header: &Header<'_>, next: Rc<Version>) -> bool {
        let same_epoch = self.version.epoch == next.epoch;
        self.highest = if same_epoch { self.highest.max(header.seq.1) } else { header.seq.1 };
        self.version = next;
        self.last = Some(header.seq.1);
        let answers = header.kind == Kind::Snapshot && self.promise.take().is_some();
        answers && std::mem::take(&mut self.asked)
    }
}

impl Account {
    /// Enters a frame that comes on top of what is held.
    fn enter(&mut self, held: &Held, header: &Header<'_>, next: &Version) {
        let (first, last) = header.seq;
        let Some(stood) = held.last.filter(|stood| *stood == 0 || held.version.epoch == next.epoch) else {
            return;
        };
        let width = last.saturating_add(1).saturating_sub(first);
        match header.kind {
            Kind::Snapshot => {
                let ahead = last.saturating_sub(stood);
                self.spanned += ahead;
                self.in_snapshots += ahead;
                return;
            }
            Kind::Update => self.delivered += width,
            Kind::State => self.states += width,
            Kind::Conflated => self.conflated += width,
            Kind::Gap => self.lost += width,
        }
        self.spanned += last.saturating_sub(stood);
    }
}

#[cfg(test)]
mod tests;
