//! How often something went wrong, by reason.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Different reasons that are told apart; what comes after them is counted together.
const REASONS_MAX: usize = 64;

/// Counts by reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reasons(BTreeMap<String, u64>);

impl Reasons {
    /// Counts one more for `reason`.
    pub fn count(&mut self, reason: &str) {
        self.add(reason, 1);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Self) {
        for (reason, count) in &other.0 {
            self.add(reason, *count);
        }
    }

    /// All of them together.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Reasons with their counts, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(reason, count)| (reason.as_str(), *count))
    }

    fn add(&mut self, reason: &str, count: u64) {
        if let Some(counted) = self.0.get_mut(reason) {
            *counted += count;
        } else {
            let known = self.0.len() < REASONS_MAX;
            *self.0.entry(if known { reason.to_owned() } else { "other".to_owned() }).or_default() += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_bounded_and_none_is_uncounted() {
        let mut reasons = Reasons::default();
        for i in 0..100 {
            reasons.count(&format!("{i}"));
            reasons.count("0");
        }
        let mut twice = reasons.clone();
        twice.merge(&reasons);
        assert_eq!((reasons.total(), twice.total()), (200, 400));
        assert!(reasons.iter().count() <= REASONS_MAX + 1);
        assert!(reasons.iter().any(|(reason, count)| reason == "0" && count == 101));
    }
}
