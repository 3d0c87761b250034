//! The broker's account of itself, before a storm, in it and after it.

use crate::broker_stats::{self, Sample};
use crate::phase::Place;
use crate::plan::Target;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// How often the broker is asked in the storm: enough to see a peak, and nothing beside ten thousand handshakes.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// What the broker said of itself.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Before the storm, in it, or after it.
    pub place: Place,
    /// When the answer was here.
    pub at: Instant,
    /// What it said, or why it did not.
    pub sample: Result<Sample, String>,
}

/// All readings of a run, in their order.
#[derive(Debug, Clone)]
pub struct Account {
    target: Arc<Target>,
    readings: Arc<Mutex<Vec<Reading>>>,
}

impl Account {
    /// Nothing yet of the broker there.
    #[must_use]
    pub fn new(target: Target) -> Self {
        Self { target: Arc::new(target), readings: Arc::default() }
    }

    /// Asks the broker.
    pub async fn look(&self, place: Place) {
        let sample = broker_stats::sample(&self.target).await;
        let reading = Reading { place, at: Instant::now(), sample };
        self.readings.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
    }

    /// Asks again and again, in the storm, until the task is aborted.
    #[must_use]
    pub fn keep_looking(&self) -> JoinHandle<()> {
        let account = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(ASK_EVERY).await;
                account.look(Place::Within).await;
            }
        })
    }

    /// What was read.
    #[must_use]
    pub fn readings(&self) -> Vec<Reading> {
        self.readings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
