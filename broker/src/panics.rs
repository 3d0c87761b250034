//! What panics ends the broker in order: nothing here is meant to.
//!
//! A feed that is gone would leave its topics live for good, with the data that they had; a shard that is gone would take no part of
//! its connections any more. Nobody could tell that from a market that is quiet.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// Whether something has panicked.
#[derive(Debug, Clone, Default)]
pub struct Panics(Arc<AtomicBool>);

impl Panics {
    /// From now on `shutdown` is asked for when a thread or a task panics, after the usual message.
    #[must_use]
    pub fn end(shutdown: CancellationToken) -> Self {
        let panics = Self::default();
        let (told, tell) = (panics.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            tell(panic);
            told.0.store(true, Ordering::Release);
            shutdown.cancel();
        }));
        panics
    }

    /// Whether there was one.
    #[must_use]
    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_panics_asks_for_the_end() {
        let shutdown = CancellationToken::new();
        let panics = Panics::end(shutdown.clone());
        assert!(!panics.any() && !shutdown.is_cancelled());
        tokio::spawn(async { panic!("as it should") }).await.unwrap_err();
        assert!(panics.any() && shutdown.is_cancelled());
    }
}
