//! The publishers of one symbol's topics, and how their states go together.

mod one;
mod quotes;
mod status;

pub use one::Times;
pub(crate) use status::SymbolStatus;

use crate::book::{Book, BookDelta};
use crate::market::SymbolEntry;
use crate::settings::Quotes;
pub(crate) use one::{Condition, Placed, TopicPublisher};
use quotes::{QuoteSource, Taken};
use schemas::model::{Body, BookImage, Channel, Loss, Micros, Quote, State, Ticker, Trade, Update};
use status::Part;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The publishers of one symbol: of each of its channels that a connection carries, and of its part in the symbol's status.
///
/// A topic begins at `seq` 0 and resyncing. It comes to life with its first data, `trades` also when the venue has
/// granted the subscription ([`trades_live`](Self::trades_live)). Nobody else can publish on these channels of the symbol.
pub struct SymbolPublishers {
    symbol: Arc<SymbolEntry>,
    topics: [Option<TopicPublisher>; Channel::ALL.len()],
    options: Options,
    quotes: QuoteSource,
    /// Entries of the book since its last image.
    since_image: u32,
    status: Part,
    /// What is to be said of a connection that is a companion before any of its topics has come to life.
    companion: Option<Condition>,
    /// The book's top as it was last looked at.
    last_top: Option<Quote>,
    /// Counts the live symbols of the feed.
    live: Option<Arc<AtomicUsize>>,
}

/// How a symbol is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Options {
    /// Entries of the book between two images.
    pub(crate) image_every: u32,
    /// Whether the symbol is not live before its book is.
    pub(crate) awaits_book: bool,
    /// Where quotes come from, as the settings have it.
    pub(crate) quotes: Quotes,
    /// Whether it is live as soon as it is connected, since another connection carries what has to be there.
    pub(crate) is_companion: bool,
}

impl SymbolPublishers {
    pub(crate) fn new(
        symbol: Arc<SymbolEntry>,
        topics: [Option<TopicPublisher>; Channel::ALL.len()],
        options: Options,
    ) -> Self {
        Self {
            status: Arc::clone(symbol.status()).part(),
            symbol,
            topics,
            options,
            quotes: QuoteSource::of(options.quotes),
            since_image: 0,
            companion: options.is_companion.then(Condition::default),
            last_top: None,
            live: None,
        }
    }

    /// The symbol as the registry had it when it was opened.
    #[must_use]
    pub fn symbol(&self) -> &Arc<SymbolEntry> {
        &self.symbol
    }

    /// Whether the symbol fills this channel.
    #[must_use]
    pub fn has(&self, channel: Channel) -> bool {
        self.topics[channel as usize].is_some()
    }

    /// The state over all topics of this connection.
    #[must_use]
    pub const fn state(&self) -> State {
        self.status.state()
    }

    /// Counts this symbol in `live` from now on, while it is.
    pub(crate) fn count_live(&mut self, live: Arc<AtomicUsize>) {
        live.fetch_add(usize::from(self.state() == State::Live), Ordering::Relaxed);
        self.live = Some(live);
    }

    /// Says that quotes come by [`quote`](Self::quote).
    pub(crate) fn quotes_from_stream(&mut self) {
        self.quotes = QuoteSource::Stream;
    }

    /// Says that quotes are the book's top when it changes; those that were held back are published.
    pub(crate) fn quotes_from_book(&mut self) {
        for (times, quote) in self.quotes.begin_with_book() {
            self.quote(times, quote);
        }
    }

    /// Forgets the tops that were held back.
    pub(crate) fn forget_held_quotes(&mut self) {
        self.quotes.forget();
        self.last_top = None;
    }

    /// Publishes the trades of one venue message, oldest first; nothing if there are none.
    pub fn trades(&mut self, times: Times, trades: Box<[Trade]>) {
        if !trades.is_empty() {
            self.whole(Channel::Trades, times, Update::Trades(trades));
        }
    }

    /// Publishes best bid and ask.
    pub fn quote(&mut self, times: Times, quote: Quote) {
        self.whole(Channel::Quotes, times, Update::Quote(quote));
    }

    /// Publishes 24-hour statistics.
    pub fn ticker(&mut self, times: Times, ticker: Ticker) {
        self.whole(Channel::Ticker, times, Update::Ticker(Box::new(ticker)));
    }

    /// Publishes a whole new book, which is live since then: Reset, State live, and what follows of its top.
    pub fn book_reset(&mut self, times: Times, book: &Book) {
        self.since_image = 0;
        if let Some(topic) = self.topic(Channel::Book) {
            topic.reset(times, image(times, book));
        }
        self.book10(times, book);
        self.quote_of(times, book);
        self.refresh_status(times.rx);
    }

    /// Publishes what a venue's message changed in the book.
    pub fn book_update(&mut self, times: Times, delta: BookDelta, book: &Book) {
        self.since_image += 1;
        let (since, every) = (self.since_image, self.options.image_every);
        let left_behind = self.topic(Channel::Book).is_some_and(|topic| topic.image_is_due());
        let image_is_due = since >= every || left_behind;
        if let Some(topic) = self.topic(Channel::Book) {
            let body = Body::Update(Update::Book(delta.levels));
            if image_is_due {
                topic.publish_with_image(times, body, image(times, book));
            } else {
                topic.publish(times, body);
            }
        }
        if image_is_due {
            self.since_image = 0;
        }
        if delta.top10_changed {
            self.book10(times, book);
        }
        if delta.top_changed {
            self.quote_of(times, book);
        }
    }

    /// Says that so many trades were sent by the venue and never came.
    pub fn loss(&mut self, lost: u64, now: Micros) {
        if let Some(topic) = self.topic(Channel::Trades).filter(|_| lost > 0) {
            topic.publish(Times::now(now), Body::Loss(Loss { lost }));
        }
    }

    /// Says that the venue has granted the trades, or is connected: none being there is live, too.
    pub fn trades_live(&mut self, now: Micros) {
        if let Some(topic) = self.topic(Channel::Trades).filter(|topic| !topic.is_up()) {
            topic.go_live(now);
        }
        self.companion_is(Condition::live());
        self.refresh_status(now);
    }

    /// Says that trades may be missing here, nobody knows how many: they break off for this reason and are live again.
    pub fn trades_interrupted(&mut self, reason: &str, now: Micros) {
        let condition = Condition { state: State::Resyncing, reason: reason.into() };
        if let Some(topic) = self.topic(Channel::Trades).filter(|topic| topic.is_up()) {
            let before = topic.condition().clone();
            topic.set(condition, now);
            topic.set(before, now);
        }
    }

    /// Says that the book has lost its way and is fetched anew.
    pub fn book_resyncing(&mut self, reason: &str, now: Micros) {
        let condition = Condition { state: State::Resyncing, reason: reason.into() };
        for channel in [Channel::Book, Channel::Book10, Channel::Quotes] {
            let follows = channel != Channel::Quotes || self.quotes.is_book();
            if let Some(topic) = self.topic(channel).filter(|topic| follows && topic.has_entries()) {
                topic.set(condition.clone(), now);
            }
        }
        self.refresh_status(now);
    }

    /// Puts the topics that go with a channel into a state, those that have come to life; of trades none is also live. Whoever does
    /// so for all of them refreshes the status then.
    pub(crate) fn stand(&mut self, channel: Channel, condition: &Condition, now: Micros) {
        let is_book = self.quotes.is_book();
        let follows = match channel {
            Channel::Book => {
                [Channel::Book, Channel::Book10, if is_book { Channel::Quotes } else { Channel::Book }]
            }
            Channel::Quotes if is_book => return,
            _ => [channel; 3],
        };
        let comes_to_life = channel == Channel::Trades && condition.state == State::Live;
        for channel in follows {
            let topic = self.topic(channel).filter(|topic| topic.has_entries() || comes_to_life);
            topic.into_iter().for_each(|topic| topic.set(condition.clone(), now));
        }
    }

    /// Whether what comes of this channel changes nothing about its state.
    pub(crate) fn is_up(&self, channel: Channel) -> bool {
        self.topics[channel as usize].as_ref().is_some_and(TopicPublisher::is_up)
    }

    /// How the symbol is published.
    pub(crate) const fn options(&self) -> Options {
        self.options
    }

    /// Puts all topics that have come to life into a state.
    pub fn state_of_all(&mut self, state: State, reason: &str, now: Micros) {
        let condition = Condition { state, reason: reason.into() };
        for topic in self.data_topics().filter(|topic| topic.has_entries()) {
            topic.set(condition.clone(), now);
        }
        // It has nothing to begin with that it would wait for.
        if state != State::Resyncing {
            self.companion_is(condition);
        }
        self.refresh_status(now);
    }

    /// Puts all topics into a state, also those that have not come to life.
    pub(crate) fn tell_all(&mut self, state: State, reason: &str, now: Micros) {
        self.tell(state, reason, |_| true, now);
    }

    /// Puts those topics into a state that are not live.
    pub(crate) fn tell_others(&mut self, state: State, reason: &str, now: Micros) {
        self.tell(state, reason, |topic| !topic.is_up(), now);
    }

    fn tell(&mut self, state: State, reason: &str, is_told: impl Fn(&TopicPublisher) -> bool, now: Micros) {
        let condition = Condition { state, reason: reason.into() };
        let told = self.data_topics().filter(|topic| is_told(topic));
        told.for_each(|topic| topic.set(condition.clone(), now));
        self.refresh_status(now);
    }

    /// Puts all topics that have come to life into a state which [`resume`](Self::resume) ends.
    pub fn suspend(&mut self, state: State, reason: &str, now: Micros) {
        let condition = Condition { state, reason: reason.into() };
        self.data_topics().for_each(|topic| topic.suspend(condition.clone(), now));
        self.companion_is(condition);
        self.refresh_status(now);
    }

    /// Gives each topic back the state that it had when it was suspended.
    pub fn resume(&mut self, now: Micros) {
        self.data_topics().for_each(|topic| topic.resume(now));
        self.companion_is(Condition::live());
        self.refresh_status(now);
    }

    fn whole(&mut self, channel: Channel, times: Times, update: Update) {
        let Some(topic) = self.topic(channel) else { return };
        let was_up = topic.is_up();
        topic.update(times, update);
        if !was_up {
            self.refresh_status(times.rx);
        }
    }

    fn book10(&mut self, times: Times, book: &Book) {
        if let Some(topic) = self.topic(Channel::Book10) {
            topic.update(times, Update::Book10(book.top10().clone()));
        }
    }

    /// The book's top is a quote when it changes: not when a new image begins with the top that was there before.
    fn quote_of(&mut self, times: Times, book: &Book) {
        let top = book.top();
        if self.last_top.replace(top).is_some_and(|last| last.same_digits(&top)) {
            let is_book = self.quotes.is_book();
            if let Some(topic) = self.topic(Channel::Quotes).filter(|topic| is_book && !topic.is_up()) {
                topic.go_live(times.rx);
            }
            return;
        }
        match self.quotes.take(times, top) {
            Taken::Publish(quote) => self.quote(times, quote),
            Taken::Full => self.quotes_from_book(),
            Taken::Kept => {}
        }
    }

    fn topic(&mut self, channel: Channel) -> Option<&mut TopicPublisher> {
        self.topics[channel as usize].as_mut()
    }

    fn data_topics(&mut self) -> impl Iterator<Item = &mut TopicPublisher> {
        let (data, _status) = self.topics.split_at_mut(Channel::Status as usize);
        data.iter_mut().flatten()
    }

    pub(crate) fn companion_is(&mut self, condition: Condition) {
        if let Some(companion) = &mut self.companion {
            *companion = condition;
        }
    }

    /// Publishes the status if the state over all topics is another one.
    pub(crate) fn refresh_status(&mut self, now: Micros) {
        let (before, over_all) = (self.state(), self.over_all());
        if self.status.tell(over_all, now)
            && let Some(live) = &self.live
        {
            live.fetch_sub(usize::from(before == State::Live), Ordering::Relaxed);
            live.fetch_add(usize::from(self.state() == State::Live), Ordering::Relaxed);
        }
    }

    /// The worst condition among the topics that have come to life, and the book's if it is awaited.
    ///
    /// Quotes and statistics that wait for their next message after a break do not hold back the symbol: of a quiet
    /// one none may come for hours.
    fn over_all(&self) -> Condition {
        let data = &self.topics[..Channel::Status as usize];
        let alive =
            || data.iter().flatten().filter(|topic| topic.has_entries()).map(TopicPublisher::condition);
        let find = |state| alive().find(|condition| condition.state == state).cloned();
        let of = |channel| self.topics[channel as usize].as_ref();
        let awaited = of(Channel::Book).filter(|_| self.options.awaits_book).map(TopicPublisher::condition);
        let kept = of(Channel::Trades).filter(|topic| topic.has_entries()).map(TopicPublisher::condition);
        let resyncing =
            awaited.into_iter().chain(kept).find(|condition| condition.state == State::Resyncing).cloned();
        find(State::Halted)
            .or(resyncing)
            .or_else(|| find(State::Stale))
            .or_else(|| find(State::Live))
            .or_else(|| self.companion.clone())
            .unwrap_or_default()
    }
}

fn image(times: Times, book: &Book) -> BookImage {
    BookImage { ts: times.ts, rx: times.rx, state: State::Live, levels: Arc::new(book.published()) }
}

#[cfg(test)]
mod tests;
