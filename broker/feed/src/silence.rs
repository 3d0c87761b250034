//! How long a feed may be silent.

use schemas::model::Micros;

/// Watches when the last message came.
#[derive(Debug)]
pub(crate) struct Silence {
    stale_after_us: Option<u64>,
    reconnect_after_us: Option<u64>,
    /// When the last message came, or when the connection was made; none without a connection.
    heard: Option<Micros>,
    is_stale: bool,
}

/// What a silence has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Nothing came for so long that the data is stale.
    Stale {
        /// The limit, in milliseconds.
        ms: u64,
    },
    /// Nothing came for so long that the connection is taken for dead.
    Reconnect {
        /// The limit, in milliseconds.
        ms: u64,
    },
}

impl Silence {
    pub(crate) fn new(stale_after_ms: Option<u64>, reconnect_after_ms: Option<u64>) -> Self {
        let us = |ms: u64| ms.saturating_mul(1_000);
        Self {
            stale_after_us: stale_after_ms.map(us),
            reconnect_after_us: reconnect_after_ms.map(us),
            heard: None,
            is_stale: false,
        }
    }

    /// A message came, or a connection was made. Returns whether that ends a silence.
    pub(crate) fn hear(&mut self, now: Micros) -> bool {
        self.heard = Some(now);
        std::mem::take(&mut self.is_stale)
    }

    /// Without a connection nobody is silent.
    pub(crate) fn end(&mut self) {
        self.heard = None;
        self.is_stale = false;
    }

    pub(crate) fn deadline(&self) -> Option<Micros> {
        let stale = self.stale_after_us.filter(|_| !self.is_stale);
        let limit = [stale, self.reconnect_after_us].into_iter().flatten().min()?;
        Some(self.heard?.plus(limit))
    }

    /// What is due at `now`; each thing once.
    pub(crate) fn due(&mut self, now: Micros) -> Option<Due> {
        let silent_us = now.since(self.heard?);
        if self.reconnect_after_us.is_some_and(|limit| silent_us >= limit) {
            self.end();
            return self.reconnect_after_us.map(|limit| Due::Reconnect { ms: limit / 1_000 });
        }
        let limit = self.stale_after_us.filter(|limit| !self.is_stale && silent_us >= *limit)?;
        self.is_stale = true;
        Some(Due::Stale { ms: limit / 1_000 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_makes_stale_once_and_then_dials_anew() {
        let mut silence = Silence::new(Some(2), Some(9));
        assert_eq!((silence.deadline(), silence.due(Micros(u64::MAX))), (None, None), "not connected");
        assert!(!silence.hear(Micros(1_000)));
        assert_eq!(silence.deadline(), Some(Micros(3_000)));
        assert_eq!(silence.due(Micros(2_999)), None);
        assert_eq!(silence.due(Micros(3_000)), Some(Due::Stale { ms: 2 }));
        assert_eq!(silence.due(Micros(3_001)), None);
        assert!(silence.hear(Micros(4_000)), "a message ends it");
        assert!(!silence.hear(Micros(4_001)));
        assert_eq!(silence.due(Micros(6_001)), Some(Due::Stale { ms: 2 }));
        assert_eq!(silence.deadline(), Some(Micros(13_001)));
        assert_eq!(silence.due(Micros(13_001)), Some(Due::Reconnect { ms: 9 }));
        assert_eq!(silence.deadline(), None);
    }

    #[test]
    fn without_limits_nothing_is_due() {
        let mut silence = Silence::new(None, None);
        silence.hear(Micros(1));
        assert_eq!((silence.deadline(), silence.due(Micros(u64::MAX))), (None, None));
    }
}
