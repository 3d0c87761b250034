//! What came of each update at each of its subscribers.

use super::Measured;
use crate::roll_call::Answers;
use serde::Serialize;

/// Of the updates that were due within the window by the schedule, whenever they came.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RollCallReport {
    /// Deliveries that were due: each update as often as it has subscribers.
    pub due: u64,
    /// Of which never came.
    pub lost: u64,
    /// What came.
    #[serde(flatten)]
    pub answers: Answers,
}

impl RollCallReport {
    pub(super) fn new(measured: &Measured) -> Option<Self> {
        let (answers, published) = measured.answers.zip(measured.published.as_ref())?;
        let lost = published.due.saturating_sub(answers.delivered);
        Some(Self { due: published.due, lost, answers })
    }
}
