//! What one connection holds of its topics, and what may come next of each.

use super::fault::Fault;
use super::topic::{Topic, epoch_number};
use super::version::{Content, Version};
use crate::reply::Granted;
use crate::scan::{Header, Kind};
use schemas::model::Channel;
use std::rc::Rc;

/// What one connection holds of its topics.
#[derive(Debug, Default)]
pub struct Watched {
    /// In the order of their topics' numbers.
    pub(super) held: Vec<Held>,
    /// Whether a pattern was granted, so that topics may come that were not named.
    pub(super) has_pattern: bool,
    pub(super) asked: usize,
}

/// What a connection holds of a topic.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) topic: u32,
    pub(super) grant: Grant,
    /// The last `seq` that was covered; none before the first snapshot.
    pub(super) last: Option<u64>,
    /// The highest `seq` that was covered in this epoch.
    pub(super) highest: u64,
    pub(super) version: Rc<Version>,
    pub(super) promise: Option<Box<Promise>>,
    /// A fresh snapshot was asked for, to compare with.
    pub(super) asked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    Asked,
    Granted,
    Ended,
}

/// The snapshot that a reply announced.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Promise {
    pub(super) epoch: Option<Box<str>>,
    pub(super) seq: u64,
}

impl Watched {
    /// The connection ended: fresh snapshots that were asked for will not come.
    pub(crate) fn cut(&mut self) {
        self.asked = 0;
        for held in &mut self.held {
            held.asked = false;
            held.promise = None;
        }
    }

    pub(super) fn held_mut(&mut self, topic: u32) -> Option<&mut Held> {
        let at = self.held.binary_search_by_key(&topic, |held| held.topic).ok()?;
        self.held.get_mut(at)
    }
}

impl Held {
    pub(super) fn asked_for(topic: u32) -> Self {
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

    /// The connection comes back and asks for the topic: the epoch and the last `seq` that it can go on after.
    pub(super) fn ask_again<'a>(&mut self, topic: &'a Topic) -> Option<(&'a str, u64)> {
        self.grant = Grant::Asked;
        let after = self.last.filter(|last| *last > 0)?;
        Some((topic.epoch_name(self.version.epoch)?, after))
    }

    /// Whether what is granted goes on after what is held: by the log, or for trades by a `gap` for what the log no longer has.
    pub(super) fn goes_on(&self, granted: &Granted<'_>, channel: Channel) -> bool {
        let same_epoch = epoch_number(granted.epoch.as_deref().unwrap_or_default()) == self.version.epoch;
        let goes_on = granted.resumed.is_some_and(|resumed| resumed || channel == Channel::Trades);
        goes_on && same_epoch && self.last.is_some() && granted.seq == self.last
    }

    pub(super) fn repeats(&self, header: &Header<'_>, next: &Version) -> bool {
        next.epoch == self.version.epoch && header.seq.1 <= self.highest
    }

    /// What is wrong with the place of a frame among the others of the topic. Afterwards the frame is where it belongs,
    /// so that one fault is not reported again and again.
    pub(super) fn order_faults(&mut self, header: &Header<'_>) -> Vec<Fault> {
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

    pub(super) fn snapshot_fault(
        &self,
        header: &Header<'_>,
        next: &Version,
        channel: Channel,
    ) -> Option<Fault> {
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
    pub(super) fn advance(&mut self, header: &Header<'_>, next: Rc<Version>) -> bool {
        let same_epoch = self.version.epoch == next.epoch;
        self.highest = if same_epoch { self.highest.max(header.seq.1) } else { header.seq.1 };
        self.version = next;
        self.last = Some(header.seq.1);
        let answers = header.kind == Kind::Snapshot && self.promise.take().is_some();
        answers && std::mem::take(&mut self.asked)
    }
}
