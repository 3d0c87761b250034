//! Signs of life: messages, data, and what their absence leads to.

use super::Core;
use crate::machine::Actions;
use crate::silence::Due;
use schemas::model::{Micros, State};

impl<S: Default> Core<S> {
    /// A message of so many bytes came.
    pub(crate) fn received(&mut self, rx: Micros, bytes: usize) {
        self.counters.frames.up();
        self.counters.bytes.add(bytes as u64);
        self.hear(rx);
    }

    /// There is a sign of life.
    pub(crate) fn hear(&mut self, now: Micros) {
        if self.silence.hear(now) {
            self.end_of_suspension(now);
        }
    }

    /// Nobody is there who could be silent.
    pub(crate) fn end_of_silence(&mut self) {
        self.silence.end();
    }

    /// The venue has stopped trading.
    pub(crate) fn halt(&mut self, now: Micros, reason: &'static str) {
        self.halted = Some(reason);
        self.end_of_suspension(now);
    }

    /// The venue trades.
    pub(crate) fn unhalt(&mut self, now: Micros) {
        if self.halted.take().is_some() {
            self.end_of_suspension(now);
        }
    }

    fn end_of_suspension(&mut self, now: Micros) {
        for symbol in self.symbols.iter_mut().filter(|symbol| symbol.stage.is_active()) {
            match self.halted {
                Some(reason) => symbol.out.suspend(State::Halted, reason, now),
                None => symbol.out.resume(now),
            }
        }
    }

    /// Sees to what has been silent for too long.
    pub(super) fn see_to_silence(&mut self, now: Micros, actions: &mut Actions) {
        if self.is_connected && !self.is_wanted() {
            // Of nothing there is no silence.
            self.hear(now);
        }
        if self.halted.is_some() || self.settings.symbols.is_empty() {
            self.data_silence.excuse(now);
        }
        match self.silence.due(now) {
            Some(Due::Stale { ms }) => {
                self.counters.silences.up();
                let reason = format!("no data for {ms} ms");
                let active = self.symbols.iter_mut().filter(|symbol| symbol.stage.is_active());
                active.for_each(|symbol| symbol.out.suspend(State::Stale, &reason, now));
            }
            Some(Due::Reconnect { ms }) => actions.reconnect(format!("no data for {ms} ms")),
            None => {}
        }
        if let Some(ms) = self.data_silence.due(now) {
            self.counters.data_silences.up();
            actions.renew(format!("no data for {ms} ms, though the venue answers"));
        }
    }
}
