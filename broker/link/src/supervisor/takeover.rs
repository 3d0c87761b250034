//! How one connection takes over from another.

use super::successor::{Step, Successor};
use super::{Endpoints, Supervisor, open};
use crate::connect::{VenueSocket, host_of};
use crate::witness::Witness;
use std::time::Duration;
use tokio::time::{sleep, timeout};

impl<W: Witness> Supervisor<W> {
    /// Goes on with the connection that is to take over.
    pub(super) fn succeed(&mut self, step: Step, socket: &mut VenueSocket) {
        match step {
            Step::Due => {
                let Endpoints { stream, connects, .. } = &self.endpoints;
                let turn = self.context.dialling.turn(&host_of(stream), connects, self.now());
                let (url, limits) = (self.dial_url(), self.context.limits);
                self.successor.open(async move {
                    sleep(turn).await;
                    open(&url, limits).await
                });
            }
            Step::Opened(Ok(second)) => {
                tracing::info!(feed = %self.witness.name(), "a second connection stands beside the first");
                self.witness.connected(&self.dial_url());
                self.successor.stand(second);
                self.machine.doubled(self.now(), &mut self.actions);
            }
            Step::Opened(Err(reason)) => {
                tracing::warn!(feed = %self.witness.name(), %reason, "no second connection");
                self.successor.fail();
            }
            Step::Message(message) => {
                if let Err(reason) = self.message(message) {
                    self.lose_successor(&reason);
                }
            }
            Step::Over if self.machine.is_settled() => {
                self.take_over(socket, "another one has taken over");
            }
            Step::Over => self.successor.wait(),
        }
    }

    /// Goes on with the second connection alone, if it stands.
    pub(super) fn take_over(&mut self, socket: &mut VenueSocket, reason: &str) -> bool {
        let Some(second) = self.successor.take() else { return false };
        tracing::info!(feed = %self.witness.name(), %reason, "the first of two connections is over");
        let mut first = std::mem::replace(socket, second);
        // It does not matter any more whether the other side is still there.
        tokio::spawn(async move { timeout(Duration::from_secs(1), first.close(None)).await });
        self.machine.single(self.now());
        self.successor = Successor::of_life(self.endpoints.life, self.spread);
        true
    }

    pub(super) fn lose_successor(&mut self, reason: &str) {
        tracing::warn!(feed = %self.witness.name(), %reason, "the second connection is gone");
        self.successor.fail();
        self.machine.single(self.now());
    }
}
