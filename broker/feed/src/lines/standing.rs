//! What one line would say of its topics: the states that they would have if there were no other line.

use crate::publish::Condition;
use schemas::model::{Channel, State};

/// The channels whose states are told apart; what a book brings along goes with it.
pub(super) const CHANNELS: [Channel; 4] = [Channel::Trades, Channel::Quotes, Channel::Ticker, Channel::Book];

/// The states of one line.
#[derive(Debug, Default)]
pub(super) struct Standing {
    topics: [Stand; CHANNELS.len()],
    /// The connection's.
    link: Stand,
}

#[derive(Debug, Default)]
struct Stand {
    condition: Condition,
    /// What it returns to.
    suspended: Option<Condition>,
    /// Whether it ever came to life.
    is_alive: bool,
}

impl Stand {
    fn set(&mut self, condition: Condition) {
        self.suspended = None;
        self.condition = condition;
    }

    fn suspend(&mut self, condition: &Condition) {
        if self.is_alive {
            let before = std::mem::replace(&mut self.condition, condition.clone());
            self.suspended.get_or_insert(before);
        }
    }

    fn resume(&mut self) {
        if let Some(before) = self.suspended.take() {
            self.condition = before;
        }
    }

    /// What has data is live, and under a suspension it is so afterwards.
    fn live(&mut self) {
        self.is_alive = true;
        if self.condition.state == State::Halted {
            self.suspended.iter_mut().for_each(|before| *before = Condition::live());
        } else if self.condition.state != State::Live {
            self.set(Condition::live());
        }
    }

    fn alive(&self) -> Option<&Condition> {
        self.is_alive.then_some(&self.condition)
    }
}

impl Standing {
    /// Data came on this channel.
    pub(super) fn live(&mut self, channel: Channel) {
        self.topic(channel).into_iter().for_each(Stand::live);
    }

    /// The venue has granted the trades, or is connected.
    pub(super) fn trades_live(&mut self) {
        self.live(Channel::Trades);
        self.link.is_alive = true;
        self.link.set(Condition::live());
    }

    /// The book has lost its way.
    pub(super) fn book_resyncing(&mut self, reason: &str) {
        let condition = Condition { state: State::Resyncing, reason: reason.into() };
        let book = self.topic(Channel::Book).filter(|book| book.is_alive);
        book.into_iter().for_each(|book| book.set(condition.clone()));
    }

    pub(super) fn all(&mut self, condition: &Condition) {
        for topic in self.topics.iter_mut().filter(|topic| topic.is_alive) {
            topic.set(condition.clone());
        }
        // It has nothing to begin with that it would wait for.
        if condition.state != State::Resyncing {
            self.link.is_alive = true;
            self.link.set(condition.clone());
        }
    }

    pub(super) fn suspend(&mut self, condition: &Condition) {
        self.topics.iter_mut().for_each(|topic| topic.suspend(condition));
        self.link.is_alive = true;
        self.link.set(condition.clone());
    }

    pub(super) fn resume(&mut self) {
        self.topics.iter_mut().for_each(Stand::resume);
        self.link.is_alive = true;
        self.link.set(Condition::live());
    }

    fn topic(&mut self, channel: Channel) -> Option<&mut Stand> {
        CHANNELS.iter().position(|one| *one == channel).map(|at| &mut self.topics[at])
    }

    /// The condition of a channel that has come to life on this line.
    pub(super) fn of(&self, channel: Channel) -> Option<&Condition> {
        let at = CHANNELS.iter().position(|one| *one == channel)?;
        self.topics[at].alive()
    }

    /// What is said of the connection.
    pub(super) const fn link(&self) -> &Condition {
        &self.link.condition
    }

    /// Whether the channel is live on this line.
    pub(super) fn is_live(&self, channel: Channel) -> bool {
        self.of(channel).is_some_and(|condition| condition.state == State::Live)
    }

    /// Whether the symbol would be live if there were no other line.
    pub(super) fn is_whole(&self, awaits_book: bool, is_companion: bool) -> bool {
        let mut alive =
            CHANNELS.iter().filter_map(|channel| self.of(*channel)).map(|condition| condition.state);
        let is_resyncing = self.of(Channel::Trades).is_some_and(|trades| trades.state == State::Resyncing)
            || (awaits_book && !self.is_live(Channel::Book));
        let has_live = alive.clone().any(|state| state == State::Live);
        let is_hindered = alive.any(|state| matches!(state, State::Halted | State::Stale));
        !is_resyncing
            && !is_hindered
            && (has_live || (is_companion && self.link.condition.state == State::Live))
    }
}

/// The best of what the lines say.
pub(super) fn best<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Option<&'a Condition> {
    let rank = |condition: &Condition| match condition.state {
        State::Live => 0,
        State::Halted => 1,
        State::Resyncing => 2,
        State::Stale => 3,
    };
    conditions.min_by_key(|condition| rank(condition))
}

/// A state and its reason.
pub(super) fn condition(state: State, reason: &str) -> Condition {
    Condition { state, reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stale() -> Condition {
        condition(State::Stale, "no data")
    }

    #[test]
    fn a_suspension_is_over_when_it_is_resumed_or_when_data_comes() {
        let mut standing = Standing::default();
        standing.suspend(&stale());
        assert_eq!(standing.of(Channel::Book), None, "nothing has come to life");
        standing.live(Channel::Book);
        standing.book_resyncing("gap");
        standing.suspend(&stale());
        standing.suspend(&condition(State::Halted, "maintenance"));
        assert_eq!(standing.of(Channel::Book).unwrap().state, State::Halted);
        standing.resume();
        assert_eq!(standing.of(Channel::Book).unwrap().state, State::Resyncing);
        standing.suspend(&stale());
        standing.live(Channel::Book);
        standing.resume();
        assert!(standing.is_live(Channel::Book));
    }

    #[test]
    fn a_line_is_whole_when_all_is_live_that_has_to_be() {
        let mut standing = Standing::default();
        assert!(!standing.is_whole(true, false) && !standing.is_whole(false, false));
        standing.trades_live();
        assert!(!standing.is_whole(true, false) && standing.is_whole(false, false));
        standing.live(Channel::Book);
        assert!(standing.is_whole(true, false));
        standing.all(&condition(State::Resyncing, "connected"));
        assert!(!standing.is_whole(true, false) && !standing.is_whole(false, false));
        let mut companion = Standing::default();
        companion.trades_live();
        companion.topics = <[Stand; CHANNELS.len()]>::default();
        assert!(companion.is_whole(false, true) && !companion.is_whole(false, false));
    }

    #[test]
    fn the_best_of_all_lines_is_told() {
        let [live, halted, resyncing] =
            [State::Live, State::Halted, State::Resyncing].map(|state| condition(state, ""));
        assert_eq!(best([&resyncing, &live, &stale()].into_iter()), Some(&live));
        assert_eq!(best([&stale(), &halted, &resyncing].into_iter()), Some(&halted));
        assert_eq!(best([&stale(), &resyncing].into_iter()), Some(&resyncing));
        assert_eq!(best(std::iter::empty()), None);
    }
}
