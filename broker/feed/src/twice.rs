//! While one connection takes over from another both carry the same, each at its own pace. What has been seen is passed over.

use schemas::model::Micros;

/// How far the connection that is left may lag behind the one that is gone.
const LATE_US: u64 = 10_000_000;

/// Until when messages may come twice.
#[derive(Debug, Default)]
pub(crate) struct Twice(Option<Micros>);

/// The number of the last message of each kind; they rise.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) quote: u64,
    pub(crate) trade: u64,
    /// A time, since statistics have no number.
    pub(crate) ticker: u64,
}

impl Twice {
    /// Two connections stand beside each other.
    pub(crate) fn begin(&mut self) {
        self.0 = Some(Micros(u64::MAX));
    }

    /// One is left.
    pub(crate) fn end(&mut self, now: Micros) {
        self.0 = Some(now.plus(LATE_US));
    }

    /// Whether messages may come twice.
    pub(crate) fn is_so(&self, now: Micros) -> bool {
        self.0.is_some_and(|until| now < until)
    }

    /// Whether a message with this number has not been there before, as far as that is in doubt.
    pub(crate) fn is_news(&self, now: Micros, seen: &mut u64, number: u64) -> bool {
        if self.is_so(now) && number <= *seen {
            return false;
        }
        *seen = number;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_passed_over_only_while_it_may_come_twice() {
        let (mut twice, mut seen) = (Twice::default(), 0);
        let mut news = |twice: &Twice, now, number| twice.is_news(Micros(now), &mut seen, number);
        assert!(
            news(&twice, 1, 7) && news(&twice, 1, 7) && news(&twice, 1, 6),
            "repeats are the venue's affair"
        );
        twice.begin();
        assert!(!news(&twice, 2, 6) && news(&twice, 2, 9) && !news(&twice, 2, 9) && !news(&twice, 2, 8));
        twice.end(Micros(10));
        assert!(!news(&twice, 11, 9) && news(&twice, 11, 10) && !news(&twice, 9_999_999, 10));
        assert!(news(&twice, 10 + LATE_US, 1), "by then the numbering has begun anew");
    }
}
