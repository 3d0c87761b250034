//! Leads crews through a run: waits, shows where it stands, and hears of interrupts.

use crate::crew::Crew;
use crate::progress::{Progress, Standing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the lead looks at the workers.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The one who leads.
#[derive(Debug)]
pub struct Lead {
    progress: Progress,
    interrupted: Arc<AtomicBool>,
}

impl Lead {
    /// Leads a run of this many connections, within a runtime.
    #[must_use]
    pub fn new(connections: usize, verify: bool) -> Self {
        let interrupted = Arc::<AtomicBool>::default();
        tokio::spawn(watch_interrupt(interrupted.clone()));
        Self { progress: Progress::new(connections, verify), interrupted }
    }

    /// Whether someone ended the run early.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Waits until `done`, `longest` is over, someone interrupts or a thread of `crews` fails.
    pub async fn stay(&mut self, what: &str, longest: Duration, crews: &[&Crew], done: impl Fn() -> bool) {
        let end = Instant::now() + longest;
        while Instant::now() < end && !done() && !self.is_interrupted() {
            if crews.iter().any(|crew| crew.has_failed()) {
                return;
            }
            let left = end.saturating_duration_since(Instant::now());
            let standing = crews.iter().map(|crew| crew.standing()).fold(Standing::default(), Standing::plus);
            self.progress.show(what, left, standing);
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
    }

    /// Leaves the terminal as it was.
    pub fn finish(&self) {
        self.progress.finish();
    }
}

/// The first interrupt ends the measurement, the second one the program.
async fn watch_interrupt(interrupted: Arc<AtomicBool>) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if interrupted.swap(true, Ordering::Relaxed) {
            std::process::exit(1);
        }
    }
}
