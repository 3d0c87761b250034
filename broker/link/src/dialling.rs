//! Keeps the connects of all feeds to a venue within what it allows an address.

use feed::pacer::Pacer;
use schemas::model::Micros;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// When which host may be dialled; shared by all connections.
#[derive(Debug, Default)]
pub struct Dialling(Mutex<HashMap<String, Pacer>>);

impl Dialling {
    /// Takes the next turn to dial `host`, of a venue that allows so many connects, and says how long to wait for it.
    pub fn turn(&self, host: &str, allowed: &Pacer, now: Micros) -> Duration {
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let pacer = hosts.entry(host.to_owned()).or_insert_with(|| allowed.clone());
        let at = pacer.ready_at().max(now);
        pacer.take(at);
        Duration::from_micros(at.since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_dialled_in_turns_and_apart_from_one_another() {
        let (dialling, allowed) = (Dialling::default(), Pacer::within(3, 1_000_000));
        let wait = |host: &str, now| dialling.turn(host, &allowed, Micros(now)).as_millis();
        let waits: Vec<_> = (0..4).map(|_| wait("a:1", 5_000_000)).collect();
        assert_eq!(waits, [0, 333, 999, 1_666]);
        assert_eq!(wait("b:1", 5_000_000), 0);
        assert_eq!(wait("a:1", 60_000_000), 0);
    }
}
