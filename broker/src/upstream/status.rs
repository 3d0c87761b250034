//! How a feed is doing, for `/readyz` and for metrics.

use feed::counters::{Count, FeedCounters};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The state of one feed, written by its task and read by anyone.
#[derive(Debug)]
pub struct FeedStatus {
    url: String,
    /// The name that it shares with other lines, and which of the connections of its line it is.
    line: Option<(String, usize)>,
    counters: Arc<FeedCounters>,
    was_live: AtomicBool,
    /// Why it is not live; none: it is.
    trouble: Mutex<Option<String>>,
    /// Connections made.
    pub connects: Count,
    /// Attempts to connect that failed.
    pub connect_failures: Count,
}

impl FeedStatus {
    /// Of a feed that has not begun.
    #[must_use]
    pub fn new(url: impl Into<String>, counters: Arc<FeedCounters>) -> Arc<Self> {
        Self::of_line(url, counters, (&None, 0))
    }

    /// The same of one connection of a feed that may have a name, which it shares with other lines then.
    #[must_use]
    pub fn of_line(
        url: impl Into<String>,
        counters: Arc<FeedCounters>,
        (name, place): (&Option<String>, usize),
    ) -> Arc<Self> {
        Arc::new(Self {
            url: url.into(),
            line: name.clone().map(|name| (name, place)),
            counters,
            was_live: AtomicBool::new(false),
            trouble: Mutex::new(Some("starting".to_owned())),
            connects: Count::default(),
            connect_failures: Count::default(),
        })
    }

    /// The feed's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What its machine counts.
    #[must_use]
    pub fn counters(&self) -> &FeedCounters {
        &self.counters
    }

    /// Whether it has been live.
    #[must_use]
    pub fn was_live(&self) -> bool {
        self.was_live.load(Ordering::Acquire)
    }

    /// Whether the other one carries the same: itself, or another line.
    #[must_use]
    pub fn is_same_feed(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.line.is_some() && self.line == other.line)
    }

    /// Why it is not live now; none if it is.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It is live.
    pub(super) fn live(&self) {
        self.was_live.store(true, Ordering::Release);
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// It is not live, for this reason.
    pub(super) fn not_live(&self, reason: impl Into<String>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.into());
    }
}
