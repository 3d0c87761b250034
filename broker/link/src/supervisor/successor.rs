//! Make before break: a second connection is opened, both carry the same for a moment, and then the first one goes.

use crate::connect::VenueSocket;
use futures_util::StreamExt;
use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tungstenite::Message;

/// How long both stand beside each other once all has been asked for over the second one: what the first one still has to say
/// about the time before has come by then.
const BESIDE: Duration = Duration::from_secs(3);
/// The wait after an attempt that failed.
const RETRY: Duration = Duration::from_secs(5);
/// A connection is replaced this long before the venue would end it, and up to twice as long, so that not all are at once.
const AHEAD: Duration = Duration::from_secs(30 * 60);

type Opening = Pin<Box<dyn Future<Output = Result<Box<VenueSocket>, String>> + Send>>;

/// The connection that takes over from the present one.
pub(super) enum Successor {
    /// Wanted from this time on; none: never.
    Due(Option<Instant>),
    /// On its way.
    Opening(Opening),
    /// It stands beside the present one until this time.
    Beside(Box<VenueSocket>, Instant),
}

/// What happens with it.
pub(super) enum Step {
    /// It is wanted.
    Due,
    /// It stands, or does not.
    Opened(Result<Box<VenueSocket>, String>),
    /// A message came over it, or its end.
    Message(Option<Result<Message, tungstenite::Error>>),
    /// It has stood beside the present one for long enough.
    Over,
}

impl Successor {
    /// Of a connection that the venue lets live for so long, to be replaced by `spread` (0 to 1) sooner than it must.
    pub(super) fn of_life(life: Option<Duration>, spread: f64) -> Self {
        let wait = |life: Duration| life.checked_sub(AHEAD + AHEAD.mul_f64(spread.clamp(0.0, 1.0)));
        Self::Due(life.and_then(wait).map(|wait| Instant::now() + wait))
    }

    /// Wanted now, unless it is on its way.
    pub(super) fn want(&mut self) {
        if let Self::Due(at) = self {
            *at = Some(Instant::now());
        }
    }

    /// Failed: once more, later.
    pub(super) fn fail(&mut self) {
        *self = Self::Due(Some(Instant::now() + RETRY));
    }

    pub(super) fn open(
        &mut self,
        opening: impl Future<Output = Result<VenueSocket, String>> + Send + 'static,
    ) {
        *self = Self::Opening(Box::pin(async { opening.await.map(Box::new) }));
    }

    pub(super) fn stand(&mut self, socket: Box<VenueSocket>) {
        *self = Self::Beside(socket, Instant::now() + BESIDE);
    }

    /// All has not been asked for yet.
    pub(super) fn wait(&mut self) {
        if let Self::Beside(_, until) = self {
            *until = Instant::now() + BESIDE;
        }
    }

    /// The second connection, if it stands.
    pub(super) fn socket(&mut self) -> Option<&mut VenueSocket> {
        match self {
            Self::Beside(socket, _) => Some(socket),
            Self::Due(_) | Self::Opening(_) => None,
        }
    }

    /// Takes the second connection, if it stands; what comes after it is up to the caller.
    pub(super) fn take(&mut self) -> Option<VenueSocket> {
        match std::mem::replace(self, Self::Due(None)) {
            Self::Beside(socket, _) => Some(*socket),
            other => {
                *self = other;
                None
            }
        }
    }

    /// Waits for what happens next. Nothing is lost if it is called off.
    pub(super) async fn step(&mut self) -> Step {
        match self {
            Self::Due(None) => pending().await,
            Self::Due(Some(at)) => {
                sleep_until(*at).await;
                Step::Due
            }
            Self::Opening(opening) => Step::Opened(opening.await),
            Self::Beside(socket, until) => tokio::select! {
                message = socket.next() => Step::Message(message),
                () = sleep_until(*until) => Step::Over,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait until it is wanted, in whole minutes and seconds; none: it is on its way, or never is.
    fn wait(successor: &Successor) -> Option<(u64, u64)> {
        let Successor::Due(Some(at)) = successor else { return None };
        let seconds = at.saturating_duration_since(Instant::now()).as_secs_f64().round() as u64;
        Some((seconds / 60, seconds % 60))
    }

    #[test]
    fn a_connection_is_replaced_before_its_end_and_not_all_at_once() {
        let day = Duration::from_secs(24 * 60 * 60);
        let due = |life, spread| wait(&Successor::of_life(life, spread));
        assert_eq!(due(None, 0.5), None);
        assert_eq!(due(Some(day), 0.0), Some((24 * 60 - 30, 0)));
        assert_eq!(due(Some(day), 1.0), Some((24 * 60 - 60, 0)));
        assert_eq!(due(Some(AHEAD), 0.0), Some((0, 0)));
    }

    #[tokio::test]
    async fn what_failed_is_tried_again_later_and_what_is_wanted_at_once() {
        let mut successor = Successor::Due(None);
        successor.want();
        assert!(matches!(successor.step().await, Step::Due));
        successor.open(async { Err("no route".to_owned()) });
        successor.want();
        assert!(matches!(successor.step().await, Step::Opened(Err(_))), "it was on its way");
        successor.fail();
        assert_eq!(wait(&successor), Some((0, RETRY.as_secs())));
        assert!(successor.take().is_none() && successor.socket().is_none());
    }
}
