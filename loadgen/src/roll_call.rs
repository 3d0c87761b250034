//! Whether each subscriber gets each update that was due within the window, once and in order.
//!
//! What belongs to the window is told by the intended times of updates, and not by when they arrive: so as many are due as the
//! schedule has, whatever the server does with them, and what is missing at the end is lost.

use crate::phase::{Course, Place};
use crate::plan::{Client, Plan};
use crate::scan::{Header, Kind};
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::sync::Arc;

/// Looks at the updates of a thread's connections.
#[derive(Debug)]
pub struct RollCall {
    course: Arc<Course>,
    plan: Arc<Plan>,
    /// By the numbers of clients and the names of symbols.
    seen: FxHashMap<u32, FxHashMap<String, Seen>>,
    /// What came of those that were due within the window.
    pub answers: Answers,
}

/// What came of the updates that were due within the window, over all subscribers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Answers {
    /// Updates that came to a subscriber, each once.
    pub delivered: u64,
    /// Of which came behind a later one of the same symbol.
    pub reordered: u64,
    /// Updates that came again.
    pub repeated: u64,
    /// Updates of a symbol that the subscriber did not ask for.
    pub foreign: u64,
}

/// The updates of one symbol that one connection has.
#[derive(Debug, Clone, Copy)]
struct Seen {
    highest: u64,
    /// A bit for each `seq` up to the highest one, which is the lowest bit.
    latest: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    InOrder,
    Reordered,
    Repeated,
}

impl Answers {
    /// Adds those of others.
    pub const fn merge(&mut self, other: &Self) {
        self.delivered += other.delivered;
        self.reordered += other.reordered;
        self.repeated += other.repeated;
        self.foreign += other.foreign;
    }
}

impl RollCall {
    /// For connections of `plan`.
    #[must_use]
    pub fn new(plan: Arc<Plan>, course: Arc<Course>) -> Self {
        Self { course, plan, seen: FxHashMap::default(), answers: Answers::default() }
    }

    /// Takes a frame about a topic.
    pub fn frame(&mut self, client: &Client, header: &Header<'_>) {
        let (Kind::Update, Some(ts)) = (header.kind, header.ts) else { return };
        let fate = self.fate(client, &header.symbol, header.seq.1);
        if self.course.place(ts) != Place::Within {
            return;
        }
        match fate {
            None => self.answers.foreign += 1,
            Some(Fate::Repeated) => self.answers.repeated += 1,
            Some(fate) => {
                self.answers.delivered += 1;
                self.answers.reordered += u64::from(fate == Fate::Reordered);
            }
        }
    }

    /// None if it did not ask for the symbol.
    fn fate(&mut self, client: &Client, symbol: &str, seq: u64) -> Option<Fate> {
        let seen = self.seen.entry(client.number).or_default();
        if let Some(seen) = seen.get_mut(symbol) {
            return Some(seen.take(seq));
        }
        client.symbols.iter().find(|number| self.plan.symbols[**number as usize] == symbol)?;
        seen.insert(symbol.to_owned(), Seen { highest: seq, latest: 1 });
        Some(Fate::InOrder)
    }
}

impl Seen {
    /// What is further behind than it remembers counts as repeated.
    fn take(&mut self, seq: u64) -> Fate {
        let shifted = |by: u64| u32::try_from(by).ok().and_then(|by| 1_u64.checked_shl(by));
        if seq > self.highest {
            let by = u32::try_from(seq - self.highest).unwrap_or(u32::MAX);
            self.latest = self.latest.checked_shl(by).unwrap_or(0) | 1;
            self.highest = seq;
            return Fate::InOrder;
        }
        match shifted(self.highest - seq) {
            Some(bit) if self.latest & bit == 0 => {
                self.latest |= bit;
                Fate::Reordered
            }
            _ => Fate::Repeated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::FloorArgs;
    use crate::plan::{Behaviour, Interest, Target};
    use crate::popularity::Popularity;
    use clap::Parser;
    use schemas::model::Channel;

    fn roll_call() -> (RollCall, Client) {
        let window = FloorArgs::try_parse_from(["floor", "--connections", "1", "--rate", "1"])
            .unwrap()
            .measuring
            .window;
        let interest = Interest {
            channel: Channel::Quotes,
            connections: 1,
            symbols_per_connection: 1,
            popularity: Popularity::Uniform,
        };
        let symbols = vec!["a:b".to_owned(), "a:c".to_owned()];
        let plan = Plan::prompt(interest, Target::nowhere(), symbols, &window, 1).unwrap();
        let course = Course::default();
        course.open_window(100);
        course.close_window(200);
        let client = Client {
            number: 7,
            channel: Channel::Quotes,
            behaviour: Behaviour::Prompt,
            interval_ms: 0,
            symbols: Arc::from([0]),
        };
        (RollCall::new(Arc::new(plan), Arc::new(course)), client)
    }

    fn answers(updates: &[(&'static str, u64, u64)]) -> Answers {
        let (mut roll_call, client) = roll_call();
        for (symbol, seq, ts) in updates {
            let (symbol, seq, ts) = (std::borrow::Cow::Borrowed(*symbol), (*seq, *seq), Some(*ts));
            let header = Header { kind: Kind::Update, channel: "quotes".into(), symbol, seq, ts, rx: None };
            roll_call.frame(&client, &header);
        }
        roll_call.answers
    }

    #[test]
    fn what_was_due_within_the_window_counts_whenever_it_comes() {
        let updates = [("a:b", 1, 99), ("a:b", 2, 100), ("a:b", 3, 199), ("a:b", 4, 200)];
        assert_eq!(answers(&updates), Answers { delivered: 2, ..Answers::default() });
    }

    #[test]
    fn repeated_reordered_and_foreign_updates_are_told_apart() {
        let at = |seq| ("a:b", seq, 150);
        let none = Answers::default();
        assert_eq!(answers(&[at(5), at(7), at(6)]), Answers { delivered: 3, reordered: 1, ..none });
        assert_eq!(
            answers(&[at(5), at(4), at(4)]),
            Answers { delivered: 2, reordered: 1, repeated: 1, ..none }
        );
        assert_eq!(answers(&[at(5), at(5), at(500), at(500), at(499), at(5)]), {
            Answers { delivered: 3, reordered: 1, repeated: 3, ..none }
        });
        assert_eq!(
            answers(&[at(5), ("a:c", 1, 150), ("x", 1, 150)]),
            Answers { delivered: 1, foreign: 2, ..none }
        );
    }

    #[test]
    fn a_number_may_jump_as_far_as_it_likes() {
        let updates = [0, u64::MAX, 0, u64::MAX - 63, u64::MAX - 64].map(|seq| ("a:b", seq, 150));
        assert_eq!(
            answers(&updates),
            Answers { delivered: 3, reordered: 1, repeated: 2, ..Answers::default() }
        );
    }
}
