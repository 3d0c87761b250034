//! How fast a client may ask: a token bucket.

use std::time::Instant;

/// Requests are paid with tokens, which come back over time.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_s: f64,
    burst: f64,
    tokens: f64,
    filled: Option<Instant>,
    refused: u32,
}

impl RateLimit {
    /// `per_s` requests a second over time, `burst` at once.
    pub(crate) fn new(per_s: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self { per_s: f64::from(per_s), burst, tokens: burst, filled: None, refused: 0 }
    }

    /// Takes a token, if there is one.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let since = self.filled.replace(now).map_or(0.0, |filled| now.duration_since(filled).as_secs_f64());
        self.tokens = (self.tokens + since * self.per_s).min(self.burst);
        let granted = self.tokens >= 1.0;
        if granted {
            self.tokens -= 1.0;
            self.refused = 0;
        } else {
            self.refused += 1;
        }
        granted
    }

    /// How many requests were refused since the last one that was not.
    pub(crate) fn refused_in_a_row(&self) -> u32 {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_granted_and_then_the_rate() {
        let mut rate = RateLimit::new(10, 3);
        let begin = Instant::now();
        assert_eq!((0..5).filter(|_| rate.take(begin)).count(), 3);
        assert_eq!(rate.refused_in_a_row(), 2);
        assert!(rate.take(begin + Duration::from_millis(110)));
        assert_eq!(rate.refused_in_a_row(), 0);
        assert!(!rate.take(begin + Duration::from_millis(120)));
    }
}
