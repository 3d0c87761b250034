//! Warnings about what a venue sends, with the offending bytes: bounded in length and in number.

use schemas::model::Micros;
use std::fmt;

/// Bytes of a message that a warning shows.
const SHOWN_BYTES_MAX: usize = 240;
/// Warnings of one feed in a minute.
const PER_MINUTE_MAX: u32 = 20;
const MINUTE_US: u64 = 60_000_000;

/// Lets a number of warnings pass each minute and counts the rest.
#[derive(Debug, Default)]
pub(crate) struct Complaints {
    minute: Micros,
    passed: u32,
    suppressed: u64,
}

impl Complaints {
    /// Warns about `bytes`, unless too many warnings came before it.
    pub(crate) fn complain(&mut self, now: Micros, venue: &str, what: &dyn fmt::Display, bytes: &[u8]) {
        if let Some(suppressed) = self.pass(now) {
            tracing::warn!(venue, suppressed, "{what}: {}", Shown(bytes));
        }
    }

    /// Whether a warning may pass, and how many did not since the last one that did.
    fn pass(&mut self, now: Micros) -> Option<u64> {
        if now.since(self.minute) >= MINUTE_US {
            self.minute = now;
            self.passed = 0;
        }
        if self.passed >= PER_MINUTE_MAX {
            self.suppressed += 1;
            return None;
        }
        self.passed += 1;
        Some(std::mem::take(&mut self.suppressed))
    }
}

/// The beginning of a message, fit for a log line.
struct Shown<'a>(&'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = &self.0[..self.0.len().min(SHOWN_BYTES_MAX)];
        write!(f, "{}", shown.escape_ascii())?;
        if shown.len() < self.0.len() {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_cut_off_and_counted() {
        let mut complaints = Complaints::default();
        let start = Micros(MINUTE_US * 5);
        let passed = (0..100).filter(|i| complaints.pass(start.plus(*i)).is_some()).count();
        assert_eq!(passed, PER_MINUTE_MAX as usize);
        assert_eq!(complaints.pass(start.plus(MINUTE_US)), Some(80));
        assert_eq!(complaints.pass(start.plus(MINUTE_US)), Some(0));
    }

    #[test]
    fn long_and_binary_messages_are_cut_and_escaped() {
        assert_eq!(Shown(b"{\"a\"\n\xff").to_string(), "{\\\"a\\\"\\n\\xff");
        let shown = Shown(&[b'x'; 1_000]).to_string();
        assert!(shown.ends_with("x... (1000 bytes)") && shown.len() < 300);
    }
}
