//! Mixes: what connections have in which shares, such as `quotes=3,book=1`.

use serde::Serialize;
use std::str::FromStr;

/// Different things with their weights; at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mix<T>(Vec<(T, u32)>);

/// Why a text is no mix.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// What is weighed is none of its kind.
    #[error("{0}")]
    Item(String),
    /// The weight is none.
    #[error("`{0}`: expected a weight from 1 to 1000000 behind `=`")]
    Weight(String),
    /// The same thing twice.
    #[error("`{0}` stands there twice")]
    Twice(String),
}

/// Weights beyond this are of no use, and their sum stays far below what fits a number.
const WEIGHT_MAX: u32 = 1_000_000;

/// How many have what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Dealt<T> {
    /// What.
    pub what: T,
    /// How many.
    pub count: usize,
}

impl<T: Copy> Mix<T> {
    /// Of one thing only.
    #[must_use]
    pub fn of(item: T) -> Self {
        Self(vec![(item, 1)])
    }

    /// What there is.
    pub fn items(&self) -> impl Iterator<Item = T> {
        self.0.iter().map(|(item, _)| *item)
    }

    /// The only thing, if there are no others.
    #[must_use]
    pub fn single(&self) -> Option<T> {
        if let [(item, _)] = self.0[..] { Some(item) } else { None }
    }

    /// So many, by the weights: each count is the whole number below or above its share.
    #[must_use]
    pub fn deal(&self, count: usize) -> Vec<Dealt<T>> {
        let total: u64 = self.0.iter().map(|(_, weight)| u64::from(*weight)).sum();
        // Where the shares up to and with one end; the last one ends at `count`.
        let end = |weights: u64| usize::try_from(count as u64 * weights / total.max(1)).unwrap_or(count);
        let mut weights = 0;
        let mut dealt = Vec::new();
        for (what, weight) in &self.0 {
            let start = end(weights);
            weights += u64::from(*weight);
            dealt.push(Dealt { what: *what, count: end(weights) - start });
        }
        dealt
    }
}

/// Each as often as it was dealt.
pub fn spread<T: Copy>(dealt: &[Dealt<T>]) -> Vec<T> {
    dealt.iter().flat_map(|dealt| std::iter::repeat_n(dealt.what, dealt.count)).collect()
}

impl<T: FromStr<Err: std::fmt::Display> + PartialEq> FromStr for Mix<T> {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut items: Vec<(T, u32)> = Vec::new();
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').unwrap_or((part, "1"));
            let item = name.trim().parse().map_err(|error| MixError::Item(format!("{error}")))?;
            if items.iter().any(|(known, _)| *known == item) {
                return Err(MixError::Twice(name.trim().to_owned()));
            }
            let weight = weight.trim().parse().ok().filter(|weight| (1..=WEIGHT_MAX).contains(weight));
            items.push((item, weight.ok_or_else(|| MixError::Weight(part.to_owned()))?));
        }
        Ok(Self(items))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dealt(mix: &str, count: usize) -> Vec<(u32, usize)> {
        mix.parse::<Mix<u32>>().unwrap().deal(count).iter().map(|dealt| (dealt.what, dealt.count)).collect()
    }

    #[test]
    fn all_are_dealt_by_weight() {
        assert_eq!(dealt("0=3,100=1", 400), [(0, 300), (100, 100)]);
        assert_eq!(dealt("7", 5), [(7, 5)]);
        assert_eq!(dealt("1,2,3", 10), [(1, 3), (2, 3), (3, 4)]);
        assert_eq!(dealt("1=1,2=1000000", 3), [(1, 0), (2, 3)]);
        assert_eq!(spread(&Mix::<u32>::from_str("4=2,5").unwrap().deal(3)), [4, 4, 5]);
    }

    #[test]
    fn what_is_no_mix_is_told() {
        let error = |text: &str| text.parse::<Mix<u32>>().unwrap_err().to_string();
        assert!(error("1=0").contains("weight from 1"));
        assert!(error("1=x").contains("`1=x`"));
        assert_eq!(error("1,2,1"), "`1` stands there twice");
        assert!(error("").contains("integer") && error("1,,2").contains("integer"));
    }
}
