//! Connections whose end the venue has announced.

use crate::stand_in::ConnId;
use schemas::capture::UnixNanos;

/// Those that are to be closed, some time after they were told.
#[derive(Debug)]
pub(super) struct Closing {
    notice_ns: u64,
    conns: Vec<ConnId>,
    /// None: time has not passed since it was announced.
    at: Option<UnixNanos>,
}

impl Closing {
    /// Connections end so long after the announcement.
    pub(super) const fn new(notice_ns: u64) -> Self {
        Self { notice_ns, conns: Vec::new(), at: None }
    }

    /// These have been told.
    pub(super) fn announced(&mut self, conns: impl Iterator<Item = ConnId>) {
        (self.conns, self.at) = (conns.collect(), None);
    }

    /// Those whose time has come.
    pub(super) fn due(&mut self, now: UnixNanos) -> Vec<ConnId> {
        if !self.conns.is_empty() && *self.at.get_or_insert(now + self.notice_ns) <= now {
            return std::mem::take(&mut self.conns);
        }
        Vec::new()
    }
}
