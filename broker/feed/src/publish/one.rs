//! The publisher of one topic: its state, its latest data, its digest.

use crate::book::{Book, BookDepth};
use crate::digest::TopicDigest;
use crate::topic::{Entry, Logged, TopicHandle};
use schemas::model::{Body, BookImage, Event, Micros, State, StateChange, Update, Whole};
use schemas::wire::SeqRange;
use std::sync::Arc;
use table::Publisher;

/// The publisher of one topic.
pub(crate) struct TopicPublisher {
    handle: Arc<TopicHandle>,
    publisher: Publisher<Logged, BookImage>,
    digest: Option<Arc<TopicDigest>>,
    condition: Condition,
    /// What the topic returns to when what suspended it is over.
    suspended: Option<Condition>,
    has_entries: bool,
    /// The entry of the last reset, while the image has the same levels.
    shared_reset: Option<u64>,
}

/// A state and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Condition {
    pub(crate) state: State,
    pub(crate) reason: Arc<str>,
}

impl Condition {
    pub(crate) fn live() -> Self {
        Self { state: State::Live, reason: "".into() }
    }

    fn since(&self, now: Micros, last: Option<Box<Whole>>) -> StateChange {
        StateChange { state: self.state, reason: Arc::clone(&self.reason), since: now, last }
    }
}

/// When something happened: by the venue's clock, and when it was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// The venue's event time, where it gives one.
    pub ts: Option<Micros>,
    /// When the broker received it.
    pub rx: Micros,
    /// What tells its place among the messages of its channel.
    pub(crate) placed: Placed,
}

/// What tells the place of a message among those of its channel, whichever connection it came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The venue's event time, if it gives one.
    ByTime,
    /// The venue's number, and what tells those of the same number apart.
    ByNumber(u64, u32),
    /// Nothing.
    Nowhere,
}

impl Times {
    /// Both; of two messages the one with the later event time is the later one.
    #[must_use]
    pub const fn new(ts: Option<Micros>, rx: Micros) -> Self {
        Self { ts, rx, placed: Placed::ByTime }
    }

    /// Of what the broker does itself.
    #[must_use]
    pub const fn now(rx: Micros) -> Self {
        Self::new(None, rx)
    }

    /// The same of a message that the venue has given a number, which rises.
    pub(crate) const fn numbered(self, number: u64) -> Self {
        self.numbered_within(number, 0)
    }

    /// The same where another number, which rises too, tells several of the same number apart.
    pub(crate) const fn numbered_within(self, number: u64, within: u32) -> Self {
        Self { placed: Placed::ByNumber(number, within), ..self }
    }

    /// The same of a message whose time does not tell its place, since each connection may have it at its own.
    pub(crate) const fn unplaced(self) -> Self {
        Self { placed: Placed::Nowhere, ..self }
    }
}

impl TopicPublisher {
    pub(crate) fn new(
        handle: Arc<TopicHandle>,
        publisher: Publisher<Logged, BookImage>,
        digest: Option<Arc<TopicDigest>>,
    ) -> Self {
        Self {
            handle,
            publisher,
            digest,
            condition: Condition::default(),
            suspended: None,
            has_entries: false,
            shared_reset: None,
        }
    }

    pub(crate) const fn handle(&self) -> &Arc<TopicHandle> {
        &self.handle
    }

    pub(super) fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether it has ever come to life.
    pub(super) const fn has_entries(&self) -> bool {
        self.has_entries
    }

    /// Publishes data; a topic that was not live is so since then.
    ///
    /// After a break the data goes first, so that nobody sees what is old under the word live.
    pub(super) fn update(&mut self, times: Times, update: Update) {
        self.resume_live();
        if self.is_up() {
            self.entry(times, update);
        } else if self.has_entries {
            self.entry(times, update);
            self.go_live(times.rx);
        } else {
            self.go_live(times.rx);
            self.entry(times, update);
        }
    }

    /// Publishes data in the state that the topic has.
    pub(super) fn entry(&mut self, times: Times, update: Update) {
        self.publish(times, Body::Update(update));
    }

    pub(super) fn go_live(&mut self, now: Micros) {
        self.set(Condition::live(), now);
    }

    /// Publishes the state over all topics of the symbol.
    pub(super) fn status(&mut self, condition: Condition, now: Micros) {
        let change = condition.since(now, None);
        self.condition = condition;
        self.entry(Times::now(now), Update::Status(change));
    }

    /// Publishes a whole new book; a topic that was not live is so since then.
    pub(super) fn reset(&mut self, times: Times, mut image: BookImage) {
        self.resume_live();
        image.state = self.condition.state;
        self.publish_with_image(times, Body::Reset(image.clone()), image.clone());
        if !self.is_up()
            && let Some(change) = self.change(Condition::live(), times.rx)
        {
            self.publish_with_image(Times::now(times.rx), Body::State(change), image);
        }
    }

    /// Publishes that the topic's state is another one since `now`; nothing if it is not.
    pub(super) fn set(&mut self, condition: Condition, now: Micros) {
        let Some(change) = self.change(condition, now) else { return };
        let (times, body) = (Times::now(now), Body::State(change));
        match self.book_if_image_is_due() {
            Some(image) => self.publish_with_image(times, body, image),
            None => self.publish(times, body),
        }
    }

    /// The book as of the last entry, if an image of it is due: states alone may push the last one out of the log's reach.
    fn book_if_image_is_due(&self) -> Option<BookImage> {
        let topic = &self.handle.topic;
        let image = topic.image().filter(|_| self.image_is_due())?;
        let BookImage { levels, mut ts, mut rx, state } = image.body().clone();
        let mut book = Book::new(BookDepth::whole(usize::MAX));
        book.reset(&levels.bids, &levels.asks).ok()?;
        let (after, head) = (image.position().index, self.publisher.position().index);
        let followed = topic.read_range(after + 1, head, |entry| {
            let event: &Event = entry.record();
            if let Body::Update(Update::Book(levels)) = &event.body {
                (ts, rx) = (event.ts, event.rx);
                // What was published has no impossible levels.
                let _ = book.apply(&levels.bids, &levels.asks);
            }
        });
        followed.ok().map(|()| BookImage { ts, rx, state, levels: Arc::new(book.published()) })
    }

    fn change(&mut self, condition: Condition, now: Micros) -> Option<StateChange> {
        self.suspended = None;
        if self.condition == condition {
            return None;
        }
        let change = condition.since(now, self.whole());
        self.condition = condition;
        Some(change)
    }

    /// Puts the topic into `condition` until it is resumed; one without entries has nothing to suspend.
    pub(super) fn suspend(&mut self, condition: Condition, now: Micros) {
        if !self.has_entries {
            return;
        }
        let before = self.suspended.take().unwrap_or_else(|| self.condition.clone());
        self.set(condition, now);
        self.suspended = Some(before);
    }

    /// Ends a suspension.
    pub(super) fn resume(&mut self, now: Micros) {
        if let Some(before) = self.suspended.take() {
            self.set(before, now);
        }
    }

    /// What has data under a suspension is live after it.
    fn resume_live(&mut self) {
        if let Some(before) = &mut self.suspended {
            *before = Condition::live();
        }
    }

    /// Live, or halted, when data changes nothing about the state.
    pub(super) fn is_up(&self) -> bool {
        matches!(self.condition.state, State::Live | State::Halted)
    }

    /// Whether the log may soon not reach back to the image.
    pub(super) fn image_is_due(&self) -> bool {
        self.publisher.image_is_due()
    }

    pub(super) fn publish(&mut self, times: Times, body: Body) {
        let event = self.event(times, body);
        let entry = self.publisher.publish(event);
        self.digest(&entry);
    }

    pub(super) fn publish_with_image(&mut self, times: Times, body: Body, mut image: BookImage) {
        self.count_reset(&image);
        let event = self.event(times, body);
        image.state = self.condition.state;
        let entry = self.publisher.publish_with_image(event, image);
        if matches!(entry.record().body, Body::Reset(_)) {
            self.shared_reset = Some(entry.index());
        }
        self.digest(&entry);
    }

    /// Counts the levels of the last reset in the log if the next image has others, so that only the log holds them. Counted from the
    /// beginning, the books that a feed opens with would take the place of updates until they are evicted, and what the logs hold in truth would
    /// grow in the meantime.
    fn count_reset(&mut self, next: &BookImage) {
        let Some(index) = self.shared_reset else { return };
        if let Some(entry) = self.handle.topic.read(index)
            && let Body::Reset(reset) = &entry.record().body
        {
            if Arc::ptr_eq(&reset.levels, &next.levels) {
                return;
            }
            entry.entry().count(reset.levels_bytes());
        }
        self.shared_reset = None;
    }

    fn event(&mut self, times: Times, body: Body) -> Logged {
        self.has_entries = true;
        Logged(Event { ts: times.ts, rx: times.rx, state: self.condition.state, body })
    }

    /// The latest data, of a channel whose updates are whole, as a state entry carries it: so the last entry always has it.
    fn whole(&self) -> Option<Box<Whole>> {
        let last = self.handle.topic.latest().filter(|_| self.handle.channel.is_whole())?;
        let event: &Event = last.record();
        match &event.body {
            Body::Update(update) => {
                Some(Box::new(Whole { ts: event.ts, rx: event.rx, update: update.clone() }))
            }
            Body::State(change) => change.last.clone(),
            Body::Reset(_) | Body::Loss(_) => None,
        }
    }

    fn digest(&self, entry: &Entry) {
        if let Some(digest) = &self.digest {
            let seq = SeqRange::new(entry.first(), entry.last());
            digest.take(self.handle.wire(), seq, entry.record());
        }
    }
}
