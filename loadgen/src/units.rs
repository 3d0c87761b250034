//! Durations and shares as people type them.

use std::time::Duration;

/// Why a text is not what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// Not a duration.
    #[error("expected a duration such as 500ms, 10s, 2m or 1h, found `{0}`")]
    Duration(String),
    /// Not a share.
    #[error("expected a share from 0% to 100% such as 5% or 0.5%, found `{0}`")]
    Share(String),
    /// Not a share of a minute.
    #[error("expected a share each minute such as 5% or 5%/min, found `{0}`")]
    Churn(String),
}

/// A part of a whole, from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Share(pub f64);

impl Share {
    /// This part of `count`, rounded to the nearest whole.
    #[must_use]
    pub fn of(self, count: usize) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to `count`")]
        #[expect(clippy::cast_precision_loss, reason = "counts of connections are small")]
        let part = (self.0 * count as f64).round() as usize;
        part
    }
}

/// Reads `500ms`, `10s`, `2m` or `1h`, also with a fraction (`1.5s`).
///
/// # Errors
/// [`UnitError::Duration`].
pub fn duration(text: &str) -> Result<Duration, UnitError> {
    let wrong = || UnitError::Duration(text.to_owned());
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    let number = non_negative(number).ok_or_else(wrong)?;
    Duration::try_from_secs_f64(number * seconds).map_err(|_| wrong())
}

/// Reads `5%` or `5`.
///
/// # Errors
/// [`UnitError::Share`].
pub fn share(text: &str) -> Result<Share, UnitError> {
    percent(text).filter(|part| *part <= 1.0).map(Share).ok_or_else(|| UnitError::Share(text.to_owned()))
}

/// Reads `5%/min`, `5%` or `5`; more than 100% is possible.
///
/// # Errors
/// [`UnitError::Churn`].
pub fn churn(text: &str) -> Result<Share, UnitError> {
    let part = text.strip_suffix("/min").unwrap_or(text);
    percent(part).map(Share).ok_or_else(|| UnitError::Churn(text.to_owned()))
}

fn percent(text: &str) -> Option<f64> {
    non_negative(text.strip_suffix('%').unwrap_or(text)).map(|number| number / 100.0)
}

fn non_negative(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "10", "s", "-1s", "1d", "1e3s", "1 s", "infs", "nans"] {
            assert_eq!(duration(wrong), Err(UnitError::Duration(wrong.into())), "{wrong}");
        }
    }

    #[test]
    fn shares() {
        assert_eq!(share("5%"), Ok(Share(0.05)));
        assert_eq!(share("100"), Ok(Share(1.0)));
        assert_eq!(churn("250%/min"), Ok(Share(2.5)));
        assert_eq!(Share(0.01).of(250), 3);
        for wrong in ["", "%", "101%", "-1%", "x"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert!(churn("5%/s").is_err());
    }
}
