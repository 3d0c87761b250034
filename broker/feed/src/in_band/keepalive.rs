//! Asking a venue for a sign of life, so that a quiet market is told from a dead connection.

use schemas::model::Micros;

/// How long nothing may come before the venue is asked, if the settings name no limit on silence, in microseconds.
const QUIET_US: u64 = 10_000_000;

/// The pings of one connection to a venue that sends no signs of life of its own.
#[derive(Debug)]
pub(crate) struct Keepalive {
    ping: &'static str,
    quiet_us: u64,
    /// The venue wants a ping so often even if data flows.
    every_us: Option<u64>,
    connected: Option<Connected>,
}

#[derive(Debug, Clone, Copy)]
struct Connected {
    heard: Micros,
    pinged: Micros,
}

impl Keepalive {
    /// Pings when half of the time has passed after which silence counts as staleness; and every `every_us`, if that is given.
    pub(crate) fn new(ping: &'static str, stale_after_ms: Option<u64>, every_us: Option<u64>) -> Self {
        let quiet_us = stale_after_ms.map_or(QUIET_US, |ms| ms.saturating_mul(500).min(QUIET_US));
        Self { ping, quiet_us, every_us, connected: None }
    }

    pub(crate) fn connected(&mut self, now: Micros) {
        self.connected = Some(Connected { heard: now, pinged: now });
    }

    pub(crate) fn disconnected(&mut self) {
        self.connected = None;
    }

    pub(crate) fn hear(&mut self, now: Micros) {
        if let Some(connected) = &mut self.connected {
            connected.heard = now;
        }
    }

    pub(crate) fn deadline(&self) -> Option<Micros> {
        let Connected { heard, pinged } = self.connected?;
        let quiet = heard.max(pinged).plus(self.quiet_us);
        Some(self.every_us.map_or(quiet, |every_us| quiet.min(pinged.plus(every_us))))
    }

    /// The ping that is due at `now`.
    pub(crate) fn ping(&mut self, now: Micros) -> Option<String> {
        self.deadline().filter(|due| *due <= now)?;
        self.connected.as_mut()?.pinged = now;
        Some(self.ping.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pings(keepalive: &mut Keepalive, heard_every_s: u64) -> Vec<u64> {
        keepalive.connected(Micros(0));
        let seconds = (1..=60).filter(|second| {
            let now = Micros(second * 1_000_000);
            if heard_every_s > 0 && second % heard_every_s == 0 {
                keepalive.hear(now);
            }
            keepalive.ping(now).is_some()
        });
        seconds.take(3).collect()
    }

    #[test]
    fn silence_is_asked_about_before_it_counts() {
        let mut keepalive = Keepalive::new("ping", Some(8_000), None);
        assert_eq!(keepalive.deadline(), None, "there is nobody to ask");
        assert_eq!(pings(&mut keepalive, 0), [4, 8, 12]);
        assert_eq!(pings(&mut keepalive, 3), [0; 0]);
        keepalive.disconnected();
        assert_eq!(keepalive.ping(Micros(u64::MAX)), None);
    }

    #[test]
    fn some_venues_want_pings_while_data_flows_too() {
        assert_eq!(pings(&mut Keepalive::new("ping", None, Some(20_000_000)), 1), [20, 40, 60]);
        assert_eq!(pings(&mut Keepalive::new("ping", None, Some(20_000_000)), 0), [10, 20, 30]);
    }
}
