//! A figure over several measurements.

use super::page::grouped_f64;
use serde::Serialize;

/// Where values lie.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Option<Self> {
        values.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*values.first()?, *values.last()?);
        let middle = values.len() / 2;
        let median = if values.len() % 2 == 1 {
            values[middle]
        } else {
            f64::midpoint(values[middle - 1], values[middle])
        };
        Some(Self { median, min, max })
    }

    pub(crate) fn words(&self) -> String {
        let [median, min, max] = [self.median, self.min, self.max].map(short);
        format!("{median} [{min} - {max}]")
    }
}

/// With about three digits.
pub(crate) fn short(value: f64) -> String {
    match value {
        1_000.0.. => grouped_f64(value),
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        1.0.. => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_middle_ones() {
        let spread = |values: &[f64]| Spread::of(values.to_vec());
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some(Spread { median: 2.0, min: 1.0, max: 3.0 }));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some(Spread { median: 2.5, min: 1.0, max: 4.0 }));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn figures_are_as_exact_as_they_are_read() {
        let shown = [0.0612, 1.0, 9.876, 12.34, 123.4, 2_344_742.0].map(short);
        assert_eq!(shown, ["0.061", "1.00", "9.88", "12.3", "123", "2,344,742"]);
    }
}
