//! Cutting connections over which nothing goes, as some venues do.

use crate::stand_in::ConnId;
use rustc_hash::FxHashMap;
use schemas::capture::UnixNanos;
use std::time::Duration;

/// When something went over each connection last, in either direction.
#[derive(Debug)]
pub(super) struct Idle {
    within_ns: u64,
    conns: FxHashMap<ConnId, Activity>,
}

#[derive(Debug)]
struct Activity {
    at: UnixNanos,
    /// Whether something was sent to it since time passed last.
    is_served: bool,
}

impl Idle {
    /// A connection may be idle for so long.
    pub(super) fn new(within: Duration) -> Self {
        let within_ns = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
        Self { within_ns, conns: FxHashMap::default() }
    }

    /// A connection was opened, or has sent something.
    pub(super) fn heard(&mut self, conn: ConnId, now: UnixNanos) {
        self.conns.insert(conn, Activity { at: now, is_served: false });
    }

    /// Something was sent to a connection.
    pub(super) fn served(&mut self, conn: ConnId) {
        self.conns.entry(conn).and_modify(|activity| activity.is_served = true);
    }

    pub(super) fn closed(&mut self, conn: ConnId) {
        self.conns.remove(&conn);
    }

    /// The connections that are idle for too long.
    pub(super) fn overdue(&mut self, now: UnixNanos) -> Vec<ConnId> {
        let mut overdue = Vec::new();
        for (conn, activity) in &mut self.conns {
            if std::mem::take(&mut activity.is_served) {
                activity.at = now;
            }
            if now.saturating_sub(activity.at) >= self.within_ns {
                overdue.push(*conn);
            }
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_either_direction_keeps_a_connection() {
        let mut idle = Idle::new(Duration::from_nanos(10));
        (1..=4).for_each(|conn| idle.heard(conn, 0));
        idle.heard(2, 5);
        idle.served(3);
        idle.closed(4);
        idle.served(4);
        assert_eq!(idle.overdue(9), [0; 0]);
        assert_eq!(idle.overdue(10), [1]);
        let mut later = idle.overdue(19);
        later.sort_unstable();
        assert_eq!(later, [1, 2, 3]);
    }
}
