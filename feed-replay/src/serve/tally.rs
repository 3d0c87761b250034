//! How many faults were made, for whoever compares them with what was noticed.

use crate::fault::Faults;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// The faults made so far; clones count together.
#[derive(Debug, Clone)]
pub struct Tally(Arc<Mutex<Counts>>);

/// The faults made until now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// What decided.
    pub seed: u64,
    /// Each fault that was asked for, in order.
    pub faults: Vec<Count>,
}

/// How often a fault was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The fault as it was written.
    pub fault: String,
    /// Messages that somebody listened to and that it hit, however many listened; or connections.
    pub injected: u64,
    /// The same by channel and symbol, for faults of messages.
    pub streams: Vec<StreamCount>,
    #[serde(skip)]
    by_stream: BTreeMap<(String, String), u64>,
}

/// How often a channel of a symbol was hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StreamCount {
    /// The venue's name of the channel.
    pub channel: String,
    /// The symbol.
    pub symbol: String,
    /// How often.
    pub injected: u64,
}

impl Tally {
    pub(super) fn new(faults: &Faults) -> Self {
        let count = |fault: &crate::fault::Fault| Count {
            fault: fault.to_string(),
            injected: 0,
            streams: Vec::new(),
            by_stream: BTreeMap::new(),
        };
        let counts = Counts { seed: faults.seed, faults: faults.faults.iter().map(count).collect() };
        Self(Arc::new(Mutex::new(counts)))
    }

    /// The fault at this place hit a message.
    pub(super) fn hit(&self, place: usize, channel: &str, symbol: &str) {
        self.change(place, |count| {
            count.injected += 1;
            *count.by_stream.entry((symbol.to_owned(), channel.to_owned())).or_default() += 1;
        });
    }

    /// The fault at this place hit so many connections.
    pub(super) fn hit_connections(&self, place: usize, connections: usize) {
        self.change(place, |count| count.injected += connections as u64);
    }

    /// What was counted until now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for count in &mut counts.faults {
            let stream = |((symbol, channel), injected)| StreamCount { channel, symbol, injected };
            count.streams = std::mem::take(&mut count.by_stream).into_iter().map(stream).collect();
        }
        counts
    }

    fn change(&self, place: usize, change: impl FnOnce(&mut Count)) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.faults.get_mut(place) {
            change(count);
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Count { fault, injected, .. } in &self.faults {
            writeln!(f, "fault {fault}: {injected} injected (seed {})", self.seed)?;
        }
        Ok(())
    }
}
