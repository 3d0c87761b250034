//! The server of a pass: told when the window is, and asked what it has used.

use crate::broker_stats::{self, Sample};
use crate::floor::Floor;
use crate::peer::Process;
use crate::plan::Plan;
use std::cell::RefCell;

pub(super) type Sampled = Result<Sample, String>;

/// Whose cost is measured.
#[derive(Debug)]
pub enum Server {
    /// A broker's, by its metrics.
    Broker,
    /// The floor's, which tells it at its end.
    Floor(Box<RefCell<Floor>>),
    /// That of a process which this one started, by the system's account of it.
    Process(Box<RefCell<Process>>),
}

impl Server {
    /// What it has used so far; the floor tells it all at its end.
    pub(super) async fn sample(&self, plan: &Plan) -> Sampled {
        match self {
            Self::Broker => broker_stats::sum(plan.targets()).await,
            Self::Floor(_) => Ok(Sample::default()),
            Self::Process(process) => process.borrow().sample(),
        }
    }

    pub(super) fn open_window(&self, start_us: u64) {
        if let Self::Floor(floor) = self {
            floor.borrow_mut().open_window(start_us);
        }
    }

    pub(super) fn close_window(&self, end_us: u64) {
        if let Self::Floor(floor) = self {
            floor.borrow_mut().close_window(end_us);
        }
    }

    pub(super) fn end(&self) {
        match self {
            Self::Broker => {}
            Self::Floor(floor) => floor.borrow_mut().end(),
            Self::Process(process) => process.borrow_mut().release(),
        }
    }

    /// Whether its process ended already, where it is one that was started for the measurement.
    pub(super) fn has_failed(&self) -> bool {
        match self {
            Self::Broker => false,
            Self::Floor(floor) => floor.borrow_mut().has_failed(),
            Self::Process(process) => process.borrow_mut().has_ended(),
        }
    }
}
