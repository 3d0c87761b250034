//! Leads crews through a run: waits, shows where it stands, and hears of interrupts; or of the one who leads several processes.

use crate::crew::Crew;
use crate::processes::Follower;
use crate::progress::{Progress, Standing};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often the lead looks at the workers.
pub const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The one who leads.
#[derive(Debug)]
pub struct Lead {
    shown: Shown,
    interrupted: Arc<AtomicBool>,
}

/// Who is shown where a run stands.
#[derive(Debug)]
enum Shown {
    /// People.
    People(Progress),
    /// The process that leads this one.
    Leader(Follower),
}

impl Lead {
    /// Leads a run of this many connections, within a runtime.
    #[must_use]
    pub fn new(connections: usize, verify: bool) -> Self {
        let interrupted = Arc::<AtomicBool>::default();
        tokio::spawn(watch_interrupt(interrupted.clone()));
        Self { shown: Shown::People(Progress::new(connections, verify)), interrupted }
    }

    /// Leads what another process leads together with others.
    #[must_use]
    pub fn led() -> Self {
        let interrupted = Arc::<AtomicBool>::default();
        Self { shown: Shown::Leader(Follower::new(interrupted.clone())), interrupted }
    }

    /// Waits until the other processes of the load are as far, if there are any.
    pub async fn meet(&mut self, crew: &Crew) {
        let Shown::Leader(follower) = &self.shown else { return };
        follower.connected();
        while !self.is_interrupted() && !crew.has_failed() {
            if let Shown::Leader(follower) = &mut self.shown {
                if follower.may_go() {
                    return;
                }
                follower.stands("waiting", Duration::ZERO, crew.standing());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Shows where the connections stand, while something goes on for so long still.
    pub fn show(&mut self, what: &str, left: Duration, standing: Standing) {
        match &mut self.shown {
            Shown::People(progress) => progress.show(what, left, standing),
            Shown::Leader(follower) => follower.stands(what, left, standing),
        }
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
            self.show(what, left, standing);
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
    }

    /// Leaves the terminal as it was.
    pub fn finish(&self) {
        if let Shown::People(progress) = &self.shown {
            progress.finish();
        }
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
