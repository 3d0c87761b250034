//! Time for single connections: what they ask, how they come and go.
//!
//! Thousands that come back at once would keep a shard from its turns, since the runtime runs their tasks first come, first
//! served. So these tasks do their work in turn, and have a share of time between two turns of the shard.

use std::cell::Cell;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long single connections are worked for between two turns.
const SHARE: Duration = Duration::from_micros(500);

/// The time that is left until the shard's next turn, and those who wait for more.
#[derive(Debug)]
pub(crate) struct Chores {
    left: Cell<Duration>,
    /// Lets the next one in. A permit that nobody waits for lets one in who would have got in anyway.
    next: Notify,
}

/// Work for one connection; it is over when this is dropped, before the next `await`.
#[derive(Debug)]
pub(crate) struct Chore<'a> {
    chores: &'a Chores,
    /// Woken when the time is up, so that a turn follows.
    turn: &'a Notify,
    begun: Instant,
}

impl Chores {
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(SHARE), next: Notify::new() }
    }

    /// Waits for its turn to work for a connection.
    pub(crate) async fn begin<'a>(&'a self, turn: &'a Notify) -> Chore<'a> {
        while self.left.get().is_zero() {
            self.next.notified().await;
        }
        Chore { chores: self, turn, begun: Instant::now() }
    }

    /// A turn is over: there is time again.
    pub(crate) fn renew(&self) {
        if self.left.replace(SHARE).is_zero() {
            self.next.notify_one();
        }
    }
}

impl Drop for Chore<'_> {
    fn drop(&mut self) {
        let left = self.chores.left.get().saturating_sub(self.begun.elapsed());
        self.chores.left.set(left);
        if left.is_zero() { self.turn.notify_one() } else { self.chores.next.notify_one() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::pin::pin;

    fn work_for(chore: Chore<'_>, time: Duration) {
        while chore.begun.elapsed() < time {}
    }

    #[test]
    fn who_comes_when_the_time_is_up_waits_for_the_turn_in_its_order() {
        let (chores, turn) = (Chores::new(), Notify::new());
        work_for(chores.begin(&turn).now_or_never().unwrap(), SHARE / 100);
        assert!(turn.notified().now_or_never().is_none());
        work_for(chores.begin(&turn).now_or_never().unwrap(), SHARE);
        assert!(turn.notified().now_or_never().is_some());

        let (mut first, mut second) = (pin!(chores.begin(&turn)), pin!(chores.begin(&turn)));
        assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
        chores.renew();
        assert!(second.as_mut().now_or_never().is_none());
        let chore = first.as_mut().now_or_never().unwrap();
        drop(chore);
        drop(second.as_mut().now_or_never().unwrap());
        chores.renew();
    }
}
