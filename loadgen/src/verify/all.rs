//! A verifier for each channel.

use super::{Verification, Verifier};
use schemas::model::Channel;

/// Verifies the connections of a thread, each by its channel; none of them where nothing is to be verified.
#[derive(Debug, Default)]
pub struct Verifiers(Vec<(Channel, Verifier)>);

impl Verifiers {
    /// Of these channels.
    pub fn new(channels: impl Iterator<Item = Channel>) -> Self {
        Self(channels.map(|channel| (channel, Verifier::new(channel))).collect())
    }

    /// Whether nothing is verified.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who verifies this channel, if it is.
    pub fn of(&mut self, channel: Channel) -> Option<&mut Verifier> {
        self.0.iter_mut().find(|(its, _)| *its == channel).map(|(_, verifier)| verifier)
    }

    /// Faults that were found so far.
    #[must_use]
    pub fn found(&self) -> u64 {
        self.0.iter().map(|(_, verifier)| verifier.found()).sum()
    }

    /// Fresh snapshots that were asked for and did not come yet.
    #[must_use]
    pub fn comparisons_due(&self) -> usize {
        self.0.iter().map(|(_, verifier)| verifier.comparisons_due()).sum()
    }

    /// What was verified; `None` if nothing was to be.
    #[must_use]
    pub fn finish(self) -> Option<Verification> {
        let all = self.0.into_iter().map(|(_, verifier)| verifier.finish());
        all.reduce(|mut sum, more| {
            sum.merge(more);
            sum
        })
    }
}
