//! How long a connection may bring no data while the venue goes on to answer: pings, replies and heartbeats prove that somebody is
//! there, not that the data still flows.
//!
//! A market may be quiet for as long as it likes, so the limit grows with what was seen: beyond several times the longest silence that
//! data ended by itself, and twice as far after each new connection that brought nothing more.

use schemas::model::Micros;

/// A silence is suspicious when it is so many times as long as the longest that data has ended.
const TIMES_THE_LONGEST: u64 = 4;
/// Doublings at most, so that the limit stays a number.
const DOUBLINGS_MAX: u32 = 20;

/// Watches when data came last.
#[derive(Debug, Default)]
pub(crate) struct DataSilence {
    /// None: there is no limit.
    least_us: Option<u64>,
    /// Whether heartbeats tell when something is owed; otherwise it always is.
    is_told: bool,
    /// Since when data is owed; none: none is, or there is no connection.
    owed: Option<Micros>,
    /// Data that comes until then may be what every connection begins with.
    begins_until: Micros,
    /// The longest silence that data has ended on the present connection, and on the one before.
    longest_us: u64,
    before_us: u64,
    /// Connections in a row that were given up and brought no more than their beginning.
    fruitless: u32,
}

impl DataSilence {
    /// With the least limit.
    pub(crate) fn new(least_ms: Option<u64>) -> Self {
        Self { least_us: least_ms.map(|ms| ms.saturating_mul(1_000)), ..Self::default() }
    }

    /// The venue's heartbeats tell when something is owed ([`owed`](Self::owed)).
    pub(crate) const fn told_by_heartbeats(&mut self) {
        self.is_told = true;
    }

    /// A connection was made, which owes what each begins with.
    pub(crate) fn begin(&mut self, now: Micros) {
        if self.longest_us > 0 {
            self.before_us = std::mem::take(&mut self.longest_us);
        }
        self.begins_until = now.plus(self.least_us.unwrap_or_default() / 2);
        self.owed = Some(now);
    }

    /// There is nobody who owes anything.
    pub(crate) const fn end(&mut self) {
        self.owed = None;
    }

    /// Nothing is owed for the time before `now`.
    pub(crate) fn excuse(&mut self, now: Micros) {
        if let Some(owed) = &mut self.owed {
            *owed = now;
        }
    }

    /// Data came.
    pub(crate) fn data(&mut self, now: Micros) {
        if now > self.begins_until {
            let silent_us = self.owed.map_or(0, |owed| now.since(owed));
            self.longest_us = self.longest_us.max(silent_us);
            self.fruitless = 0;
        }
        self.owed = (!self.is_told).then_some(now);
    }

    /// A heartbeat tells of something that has not come.
    pub(crate) fn owed(&mut self, now: Micros) {
        self.owed.get_or_insert(now);
    }

    pub(crate) fn deadline(&self) -> Option<Micros> {
        Some(self.owed?.plus(self.limit_us()?))
    }

    fn limit_us(&self) -> Option<u64> {
        let doubled = self.least_us?.saturating_mul(1 << self.fruitless.min(DOUBLINGS_MAX));
        Some(doubled.max(self.longest_us.max(self.before_us).saturating_mul(TIMES_THE_LONGEST)))
    }

    /// The limit in milliseconds that is reached at `now`; that counts as another connection in vain until data proves otherwise.
    pub(crate) fn due(&mut self, now: Micros) -> Option<u64> {
        self.deadline().filter(|due| *due <= now)?;
        let limit_us = self.limit_us()?;
        self.fruitless += 1;
        self.owed = Some(now);
        Some(limit_us / 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn at(second: u64) -> Micros {
        Micros(second * SECOND)
    }

    fn connected(least_s: u64) -> DataSilence {
        let mut silence = DataSilence::new(Some(least_s * 1_000));
        silence.begin(at(0));
        silence
    }

    #[test]
    fn without_a_limit_or_a_connection_nothing_is_due() {
        let mut silence = DataSilence::new(None);
        silence.begin(at(0));
        assert_eq!((silence.deadline(), silence.due(Micros(u64::MAX))), (None, None));
        let mut silence = connected(10);
        silence.end();
        assert_eq!((silence.deadline(), silence.due(Micros(u64::MAX))), (None, None));
    }

    #[test]
    fn a_silence_counts_from_the_last_data() {
        let mut silence = connected(10);
        silence.data(at(5));
        assert_eq!((silence.due(at(14)), silence.deadline()), (None, Some(at(15))));
        assert_eq!(silence.due(at(15)), Some(10_000));
        assert_eq!(silence.due(at(16)), None, "once");
    }

    #[test]
    fn each_connection_in_vain_doubles_the_limit_until_data_flows() {
        let mut silence = connected(10);
        let mut now = 0;
        for limit_s in [10, 20, 40, 80] {
            silence.begin(at(now));
            // The snapshots with which each begins prove nothing.
            silence.data(at(now + 2));
            now += 2 + limit_s;
            assert_eq!((silence.due(at(now - 1)), silence.due(at(now))), (None, Some(limit_s * 1_000)));
        }
        silence.begin(at(now));
        silence.data(at(now + 1));
        silence.data(at(now + 6));
        assert_eq!(silence.deadline(), Some(at(now + 6 + 5 * TIMES_THE_LONGEST)));
    }

    #[test]
    fn a_market_that_was_quiet_before_may_be_so_again() {
        let mut silence = connected(10);
        silence.data(at(6));
        silence.data(at(15));
        assert_eq!(silence.deadline(), Some(at(15 + 9 * TIMES_THE_LONGEST)));
        silence.begin(at(20));
        silence.data(at(26));
        assert_eq!(silence.deadline(), Some(at(26 + 9 * TIMES_THE_LONGEST)), "it is the same market");
        silence.begin(at(30));
        silence.data(at(31));
        assert_eq!(silence.deadline(), Some(at(31 + 6 * TIMES_THE_LONGEST)), "long ago");
    }

    #[test]
    fn where_heartbeats_tell_a_quiet_market_owes_nothing() {
        let mut silence = connected(10);
        silence.told_by_heartbeats();
        assert_eq!(silence.deadline(), Some(at(10)), "the beginning is owed");
        silence.data(at(1));
        assert_eq!((silence.deadline(), silence.due(at(1_000))), (None, None));
        silence.owed(at(1_000));
        silence.owed(at(1_001));
        assert_eq!(silence.deadline(), Some(at(1_010)));
        silence.data(at(1_002));
        assert_eq!(silence.deadline(), None);
    }

    #[test]
    fn time_without_anything_to_come_is_no_silence() {
        let mut silence = connected(10);
        silence.excuse(at(9));
        assert_eq!(silence.deadline(), Some(at(19)));
        silence.end();
        silence.excuse(at(20));
        assert_eq!(silence.deadline(), None);
    }
}
