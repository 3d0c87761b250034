//! The threads that receive, as the one sees them who leads a run.

use crate::counted::Counted;
use crate::phase::Course;
use crate::plan::Plan;
use crate::progress::{Board, Standing};
use crate::tally::Tally;
use crate::worker::Worker;
use anyhow::Context as _;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The threads of one plan, which follow one course.
#[derive(Debug)]
pub struct Crew {
    /// Where they stand, and what counts.
    pub course: Arc<Course>,
    boards: Vec<Arc<Board>>,
    threads: Vec<JoinHandle<anyhow::Result<Counted>>>,
}

impl Crew {
    /// Starts a thread for each share of the plan's connections; `prepare` is called on each thread, and gives its worker
    /// what else it needs.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(
        plan: &Arc<Plan>,
        course: Arc<Course>,
        prepare: impl Fn(Worker) -> anyhow::Result<Worker> + Clone + Send + 'static,
    ) -> anyhow::Result<Self> {
        let mut crew = Self { course, boards: Vec::new(), threads: Vec::new() };
        for (number, clients) in plan.clients().into_iter().enumerate() {
            let board = Arc::<Board>::default();
            let (plan, course, shown) = (plan.clone(), crew.course.clone(), board.clone());
            let prepare = prepare.clone();
            let receive = move || prepare(Worker::new(plan, clients, course, shown)?)?.run();
            let thread = std::thread::Builder::new().name(format!("receive-{number}"));
            crew.threads.push(thread.spawn(receive).context("cannot start a thread")?);
            crew.boards.push(board);
        }
        Ok(crew)
    }

    /// Where the connections stand.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing::of(&self.boards)
    }

    /// Whether all answers to the last comparisons are in.
    #[must_use]
    pub fn all_compared(&self) -> bool {
        let standing = self.standing();
        standing.last_comparisons_asked == self.boards.len() && standing.comparisons_due == 0
    }

    /// Whether a thread ended already, which none does on its own but by failing.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Waits for the threads, whose course has come to its end, and adds up what they counted.
    ///
    /// # Errors
    /// When one of them failed.
    pub fn collect(self) -> anyhow::Result<Counted> {
        let mut sum = Counted::new(Tally::new()?);
        for thread in self.threads {
            sum.merge(thread.join().map_err(|_| anyhow::anyhow!("a receiving thread panicked"))??)?;
        }
        Ok(sum)
    }
}
