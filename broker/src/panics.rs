//! What panics ends the broker in order: nothing here is meant to.
//!
//! A feed that is gone would leave its topics live for good, with the data that they had; a shard that is gone would take no part of
//! its connections any more. Nobody could tell that from a market that is quiet. A request over HTTP stands for itself: only its
//! connection ends.

use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

tokio::task_local! {
    /// Set in tasks that stand for themselves.
    static CONTAINED: ();
}

/// A task that stands for itself: if it panics, only it ends.
pub(crate) fn contained<T: Future>(task: T) -> impl Future<Output = T::Output> {
    CONTAINED.scope((), task)
}

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
            if CONTAINED.try_with(|()| ()).is_err() {
                told.0.store(true, Ordering::Release);
                shutdown.cancel();
            }
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
    async fn a_task_that_panics_asks_for_the_end_unless_it_stands_for_itself() {
        let shutdown = CancellationToken::new();
        let panics = Panics::end(shutdown.clone());
        tokio::spawn(contained(async { panic!("as it should") })).await.unwrap_err();
        assert!(!panics.any() && !shutdown.is_cancelled());
        tokio::spawn(async { panic!("as it should") }).await.unwrap_err();
        assert!(panics.any() && shutdown.is_cancelled());
    }
}
