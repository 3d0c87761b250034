//! A machine that sends some frames and takes whatever comes: for what has no machine of its own.

use feed::counters::FeedCounters;
use feed::machine::{Actions, Fetch, Machine};
use schemas::model::Micros;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

pub(super) struct Frames {
    /// The query of the URL, which stays as it is.
    dial: String,
    send: Vec<String>,
    reconnect_after_us: Option<u64>,
    /// When something came last; none without a connection.
    heard: Option<Micros>,
    counters: Arc<FeedCounters>,
}

impl Frames {
    pub(super) fn new(url: &Url, send: Vec<String>, reconnect_after: Option<Duration>) -> Self {
        let dial = url.query().map_or_else(String::new, |query| format!("?{query}"));
        let reconnect_after_us = reconnect_after.map(|after| after.as_micros() as u64);
        Self { dial, send, reconnect_after_us, heard: None, counters: Arc::default() }
    }
}

impl Machine for Frames {
    fn dial(&self) -> String {
        self.dial.clone()
    }

    fn connected(&mut self, now: Micros, actions: &mut Actions) {
        self.heard = Some(now);
        self.send.iter().for_each(|frame| actions.send(frame.clone()));
    }

    fn frame(&mut self, rx: Micros, frame: &mut Vec<u8>, _: &mut Actions) {
        self.heard = Some(rx);
        self.counters.frames.up();
        self.counters.bytes.add(frame.len() as u64);
    }

    fn fetched(&mut self, _: Micros, _: &Fetch, _: Result<&mut Vec<u8>, String>, _: &mut Actions) {}

    fn disconnected(&mut self, _: Micros, _: &str) {
        self.heard = None;
        self.counters.disconnects.up();
    }

    fn deadline(&self) -> Option<Micros> {
        Some(Micros(self.heard?.0.saturating_add(self.reconnect_after_us?)))
    }

    fn tick(&mut self, now: Micros, actions: &mut Actions) {
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.heard = None;
            self.counters.silences.up();
            actions.reconnect("nothing has come for too long");
        }
    }

    fn counters(&self) -> &Arc<FeedCounters> {
        &self.counters
    }

    fn is_live(&self) -> bool {
        self.heard.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use feed::machine::Action;

    #[test]
    fn silence_ends_the_connection_and_frames_put_it_off() {
        let url: Url = "ws://h/ws?streams=a@trade".parse().unwrap();
        let mut frames = Frames::new(&url, vec!["hello".into()], Some(Duration::from_secs(1)));
        let mut actions = Actions::new();
        assert_eq!((frames.dial(), frames.deadline()), ("?streams=a@trade".into(), None));
        frames.connected(Micros(1_000_000), &mut actions);
        frames.frame(Micros(1_500_000), &mut b"{}".to_vec(), &mut actions);
        frames.tick(Micros(2_400_000), &mut actions);
        assert_eq!(actions.drain().collect::<Vec<_>>(), [Action::Send("hello".into())]);
        assert_eq!(frames.deadline(), Some(Micros(2_500_000)));
        frames.tick(Micros(2_500_000), &mut actions);
        assert!(matches!(actions.drain().next(), Some(Action::Reconnect(_))));
        assert_eq!(Frames::new(&url, Vec::new(), None).deadline(), None);
    }
}
