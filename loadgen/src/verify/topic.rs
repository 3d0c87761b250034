//! A topic: what each frame makes of what a subscriber had.

use super::body::{self, Body};
use super::book::Book;
use super::fault::Fault;
use super::ledger::{Known, Ledger, MARK};
use super::version::{Content, Step, Successor, Version};
use crate::scan::{Header, Kind};
use rustc_hash::FxHasher;
use schemas::model::Channel;
use std::collections::VecDeque;
use std::hash::Hasher;
use std::rc::Rc;

/// Snapshots that are remembered of each topic: many subscribers join by the same one.
const SNAPSHOTS_MAX: usize = 2;
/// Versions of each topic that are kept although nobody has them any more: one connection reads a whole batch before the
/// next one reads the same.
const RECENT_MAX: usize = 16;

/// One topic, for all subscribers of a thread.
#[derive(Debug)]
pub(super) struct Topic {
    channel: Channel,
    /// The epoch that was last granted, by its name.
    epoch: Box<str>,
    ledger: Ledger,
    snapshots: VecDeque<Successor>,
    recent: VecDeque<Rc<Version>>,
}

/// A frame that is being worked through.
struct Work<'a> {
    channel: Channel,
    ledger: &'a mut Ledger,
    header: &'a Header<'a>,
    text: &'a [u8],
    faults: Vec<Fault>,
    compared: bool,
}

impl Topic {
    /// A topic of this channel of which nothing is known.
    #[must_use]
    pub(super) fn new(channel: Channel) -> Self {
        Self {
            channel,
            epoch: Box::default(),
            ledger: Ledger::default(),
            snapshots: VecDeque::new(),
            recent: VecDeque::new(),
        }
    }

    /// A reply grants it in this epoch.
    pub(super) fn is_of(&mut self, epoch: &str) {
        if *self.epoch != *epoch {
            self.epoch = epoch.into();
        }
    }

    /// The name of an epoch, if it is the one that was last granted.
    #[must_use]
    pub(super) fn epoch_name(&self, epoch: u64) -> Option<&str> {
        (epoch_number(&self.epoch) == epoch).then_some(&*self.epoch)
    }

    /// The version before the first entry.
    #[must_use]
    pub(super) fn empty(&self, epoch: &str, state: Option<&str>) -> Rc<Version> {
        let content = match self.channel {
            Channel::Book => Content::Book(Book::default()),
            Channel::Trades => Content::Trades,
            _ => Content::Whole(0),
        };
        Rc::new(Version::new(epoch_number(epoch), 0, content, state.map(Rc::from)))
    }

    /// What the frame makes of `prior`.
    pub(super) fn step(&mut self, prior: &Rc<Version>, header: &Header<'_>, text: &[u8]) -> Step {
        let is_snapshot = header.kind == Kind::Snapshot;
        let known = if is_snapshot {
            self.snapshots.iter().find_map(|snapshot| snapshot.step(text))
        } else {
            prior.successor(text)
        };
        if let Some(step) = known {
            return step;
        }
        let step = Work {
            channel: self.channel,
            ledger: &mut self.ledger,
            header,
            text,
            faults: Vec::new(),
            compared: false,
        }
        .through(prior);
        if is_snapshot {
            self.snapshots.truncate(SNAPSHOTS_MAX - 1);
            self.snapshots.push_front(Successor::new(text, &step));
        } else {
            prior.remember(text, &step);
        }
        self.recent.truncate(RECENT_MAX - 1);
        self.recent.push_front(step.next.clone());
        step
    }
}

/// An epoch as a number.
#[must_use]
pub(super) fn epoch_number(epoch: &str) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(epoch.as_bytes());
    hasher.finish()
}

impl Work<'_> {
    fn through(mut self, prior: &Version) -> Step {
        let text = self.text;
        let made = Body::parse(text).and_then(|body| self.version(prior, &body));
        let version = made.unwrap_or_else(|fault| {
            self.faults.push(fault);
            Version::new(prior.epoch, self.header.seq.1, Content::Unknown { skipped: false }, None)
        });
        let next = self.shared(version);
        Step { next, faults: self.faults.into(), compared: self.compared }
    }

    fn version(&mut self, prior: &Version, body: &Body<'_>) -> Result<Version, Fault> {
        let named = body.epoch.as_deref().map(epoch_number);
        let epoch = match (named, self.header.kind) {
            (Some(epoch), Kind::Snapshot) => epoch,
            (None, Kind::Snapshot) => return Err(Fault::Malformed("a snapshot without epoch".into())),
            (_, _) => prior.epoch,
        };
        if named.is_some_and(|named| named != epoch) {
            self.faults.push(Fault::Epoch);
        }
        let content = match self.header.kind {
            Kind::Snapshot => self.snapshot(epoch, body)?,
            Kind::Update => self.update(prior, body)?,
            Kind::State => self.change_of_state(prior)?,
            Kind::Conflated => self.conflated(),
            Kind::Gap => self.gap(prior, body),
        };
        let state = match (&body.state, self.channel) {
            (_, Channel::Status) => None,
            (Some(state), _) => Some(Rc::from(state.as_ref())),
            (None, _) => prior.state.clone(),
        };
        Ok(Version::new(epoch, self.header.seq.1, content, state))
    }

    fn snapshot(&mut self, epoch: u64, body: &Body<'_>) -> Result<Content, Fault> {
        match self.channel {
            Channel::Trades => {
                self.snapshot_of_trades(epoch, body);
                Ok(Content::Trades)
            }
            Channel::Book => {
                if body.deletes() {
                    return Err(Fault::Malformed("a snapshot deletes a level".into()));
                }
                self.book(Book::default(), body)
            }
            _ => self.whole(body),
        }
    }

    fn update(&mut self, prior: &Version, body: &Body<'_>) -> Result<Content, Fault> {
        match (self.channel, &prior.content) {
            (Channel::Trades, _) => {
                self.new_trades(prior.epoch, body);
                Ok(Content::Trades)
            }
            (Channel::Book, Content::Book(book)) => self.book(book.clone(), body),
            (Channel::Book, Content::Unknown { skipped: true }) => Err(Fault::Unmendable),
            (Channel::Book, _) => Ok(Content::Unknown { skipped: false }),
            _ => self.whole(body),
        }
    }

    fn change_of_state(&mut self, prior: &Version) -> Result<Content, Fault> {
        self.accounts_for(1);
        match self.channel {
            Channel::Status => body::whole(self.text, true).map(Content::Whole),
            Channel::Trades => {
                self.entry(prior.epoch, self.header.seq.1, MARK);
                Ok(Content::Trades)
            }
            _ => Ok(prior.content.clone()),
        }
    }

    fn conflated(&mut self) -> Content {
        if self.channel == Channel::Trades {
            self.faults.push(Fault::ConflatedTrades);
            return Content::Trades;
        }
        Content::Unknown { skipped: true }
    }

    fn gap(&mut self, prior: &Version, body: &Body<'_>) -> Content {
        let lost = body.lost.unwrap_or(0);
        if body.reason.as_deref() != Some("venue") {
            self.accounts_for(lost);
        } else if lost == 0 {
            self.faults.push(Fault::Malformed("a gap that lost nothing".into()));
        } else {
            self.accounts_for(1);
            self.entry(prior.epoch, self.header.seq.1, MARK);
        }
        if self.channel == Channel::Trades { Content::Trades } else { Content::Unknown { skipped: true } }
    }

    fn book(&mut self, mut book: Book, body: &Body<'_>) -> Result<Content, Fault> {
        body.apply(&mut book)?;
        self.check_sum(body, &book);
        Ok(Content::Book(book))
    }

    fn whole(&mut self, body: &Body<'_>) -> Result<Content, Fault> {
        let digest = body::whole(self.text, self.channel == Channel::Status)?;
        // A snapshot of a topic without data yet has no levels, and no digest.
        if self.channel == Channel::Book10 && digest != 0 {
            let mut book = Book::default();
            body.apply(&mut book)?;
            self.check_sum(body, &book);
            if !body.is_top_ten(&book) {
                self.faults.push(Fault::NotTopTen);
            }
        }
        Ok(Content::Whole(digest))
    }

    fn check_sum(&mut self, body: &Body<'_>, book: &Book) {
        let computed = book.checksum();
        match body.checksum {
            None => self.faults.push(Fault::NoChecksum),
            Some(sent) if sent != computed => self.faults.push(Fault::Checksum { sent, computed }),
            Some(_) => {}
        }
    }

    fn new_trades(&mut self, epoch: u64, body: &Body<'_>) {
        let trades = body.trades();
        self.accounts_for(trades.len() as u64);
        for (seq, digest) in (self.header.seq.0..=self.header.seq.1).zip(trades) {
            self.entry(epoch, seq, digest);
        }
    }

    /// The latest trades. Between them may stand entries that are no trades, so they are found from the end.
    fn snapshot_of_trades(&mut self, epoch: u64, body: &Body<'_>) {
        let (first, last) = self.header.seq;
        let trades = body.trades();
        let width = last.saturating_add(1).saturating_sub(first);
        if trades.len() as u64 > width {
            return self.accounts_for(trades.len() as u64);
        }
        let has_marks = (trades.len() as u64) < width;
        let mut seqs = (first..=last).rev();
        for digest in trades.rev() {
            let Some(seq) = seqs.find(|seq| self.ledger.digest(epoch, *seq) != Some(MARK)) else { return };
            if has_marks && self.ledger.digest(epoch, seq).is_none() {
                // Whether a trade or something else stands here, nobody saw.
                return;
            }
            self.entry(epoch, seq, digest);
        }
    }

    fn accounts_for(&mut self, counted: u64) {
        let (first, last) = self.header.seq;
        let width = last.saturating_add(1).saturating_sub(first);
        if counted != width {
            self.faults.push(Fault::Sum { width, counted });
        }
    }

    /// An entry of `trades`, which is the same for everybody.
    fn entry(&mut self, epoch: u64, seq: u64, digest: u64) {
        match self.ledger.enter(epoch, seq, digest) {
            Known::Nothing => {}
            Known::Same(_) => self.compared = true,
            Known::Other(_) => {
                self.compared = true;
                self.faults.push(Fault::Digits { seq, difference: "another trade".into() });
            }
        }
    }

    /// The version that others have of the same `seq`, if its data is the same.
    fn shared(&mut self, version: Version) -> Rc<Version> {
        let seq = version.seq;
        let known = match &version.content {
            Content::Unknown { .. } => return Rc::new(version),
            Content::Book(book) => self.ledger.enter(version.epoch, seq, book.digest()),
            Content::Whole(digest) => self.ledger.enter(version.epoch, seq, *digest),
            Content::Trades => match self.ledger.digest(version.epoch, seq) {
                Some(digest) => self.ledger.enter(version.epoch, seq, digest),
                None => return Rc::new(version),
            },
        };
        self.compared |= !matches!(known, Known::Nothing);
        match known {
            Known::Other(other) => {
                let difference = difference(&version, other.as_deref());
                self.faults.push(Fault::Digits { seq, difference });
                return Rc::new(version);
            }
            Known::Same(Some(other)) if self.has_state_of(&version, &other) => return other,
            Known::Same(_) | Known::Nothing => {}
        }
        let version = Rc::new(version);
        self.ledger.attach(&version);
        version
    }

    fn has_state_of(&mut self, version: &Version, other: &Version) -> bool {
        match (&version.state, &other.state) {
            (Some(here), Some(there)) if here != there => {
                let (here, there) = (here.to_string(), there.to_string());
                self.faults.push(Fault::State { seq: version.seq, here, there });
                false
            }
            (here, there) => here == there,
        }
    }
}

fn difference(version: &Version, other: Option<&Version>) -> String {
    let books = match (&version.content, other.map(|other| &other.content)) {
        (Content::Book(here), Some(Content::Book(there))) => here.difference(there),
        _ => None,
    };
    books.unwrap_or_else(|| "other digits".to_owned())
}
