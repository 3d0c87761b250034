//! The status of a symbol over all its topics. Several connections may carry them; each has its part in it.

use super::one::{Condition, TopicPublisher};
use schemas::model::{Micros, State};
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The status of a symbol: the worst of what its connections say.
pub(crate) struct SymbolStatus {
    /// For readers, who never wait.
    state: AtomicU8,
    /// Held by a connection while it changes its part, which is seldom.
    told: Mutex<Told>,
}

struct Told {
    parts: Vec<Condition>,
    condition: Condition,
    topic: Option<TopicPublisher>,
}

/// What one connection says of the symbol's topics that it carries.
pub(super) struct Part {
    status: Arc<SymbolStatus>,
    at: usize,
    condition: Condition,
}

impl SymbolStatus {
    /// Of a symbol without connections, published by `topic`.
    pub(crate) fn new(topic: Option<TopicPublisher>) -> Arc<Self> {
        let told = Told { parts: Vec::new(), condition: Condition::default(), topic };
        Arc::new(Self { state: AtomicU8::new(number(State::Resyncing)), told: Mutex::new(told) })
    }

    /// The state that was published last.
    pub(crate) fn state(&self) -> State {
        let number_now = self.state.load(Ordering::Acquire);
        let states = [State::Live, State::Stale, State::Halted];
        states.into_iter().find(|state| number(*state) == number_now).unwrap_or(State::Resyncing)
    }

    /// One more connection has a part in it, of which it has not said anything.
    pub(super) fn part(self: Arc<Self>) -> Part {
        let condition = Condition::default();
        let mut told = self.told();
        let at = told.parts.len();
        told.parts.push(condition.clone());
        drop(told);
        Part { status: self, at, condition }
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Part {
    pub(super) const fn state(&self) -> State {
        self.condition.state
    }

    /// Says what the part is like now. Returns whether that is something else, which may have changed the whole.
    pub(super) fn tell(&mut self, condition: Condition, now: Micros) -> bool {
        if condition == self.condition {
            return false;
        }
        self.condition = condition.clone();
        let mut told = self.status.told();
        told.parts[self.at] = condition;
        let worst = told.worst();
        if worst != told.condition {
            self.status.state.store(number(worst.state), Ordering::Release);
            told.condition = worst.clone();
            if let Some(topic) = &mut told.topic {
                topic.status(worst, now);
            }
        }
        true
    }
}

impl Told {
    fn worst(&self) -> Condition {
        let of = |state| self.parts.iter().find(|part| part.state == state).cloned();
        let worst = [State::Halted, State::Resyncing, State::Stale, State::Live].into_iter().find_map(of);
        worst.unwrap_or_default()
    }
}

const fn number(state: State) -> u8 {
    match state {
        State::Resyncing => 0,
        State::Live => 1,
        State::Stale => 2,
        State::Halted => 3,
    }
}

impl fmt::Debug for SymbolStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SymbolStatus").field("state", &self.state()).finish_non_exhaustive()
    }
}
