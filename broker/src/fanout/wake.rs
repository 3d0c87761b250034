//! How shards are woken.

use std::cell::RefCell;
use std::sync::Arc;
use tokio::sync::Notify;

thread_local! {
    /// Wake-ups that this thread holds back, while it does.
    static HELD: RefCell<Option<Vec<Arc<Notify>>>> = const { RefCell::new(None) };
}

/// Wakes a shard that sleeps.
#[derive(Debug, Clone, Default)]
pub struct ShardWake(Arc<Notify>);

impl ShardWake {
    /// What the shard waits for.
    pub(super) fn notify(&self) -> Arc<Notify> {
        Arc::clone(&self.0)
    }
}

impl table::Wake for ShardWake {
    fn wake(&self) {
        let is_held =
            HELD.with_borrow_mut(|held| held.as_mut().map(|held| held.push(self.notify())).is_some());
        if !is_held {
            self.0.notify_one();
        }
    }
}

/// Publishes what has come at once, and wakes the shards when all of it is there: a shard that shares the publisher's core
/// would start with the first of it, and have to go round again for the rest.
pub(crate) fn hold_wakes<T>(publish: impl FnOnce() -> T) -> T {
    let outer = HELD.replace(Some(Vec::new()));
    let release = Release(outer);
    let result = publish();
    drop(release);
    result
}

/// Wakes those that were held back, also when the work in between has panicked.
struct Release(Option<Vec<Arc<Notify>>>);

impl Drop for Release {
    fn drop(&mut self) {
        for shard in HELD.replace(self.0.take()).into_iter().flatten() {
            shard.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use table::Wake;

    fn is_woken(wake: &ShardWake) -> bool {
        wake.0.notified().now_or_never().is_some()
    }

    #[test]
    fn what_is_held_back_comes_at_the_end() {
        let (one, other) = (ShardWake::default(), ShardWake::default());
        let while_held = hold_wakes(|| {
            one.wake();
            hold_wakes(|| other.wake());
            (is_woken(&one), is_woken(&other))
        });
        assert_eq!(while_held, (false, true));
        assert!(is_woken(&one) && !is_woken(&other));
        other.wake();
        assert!(is_woken(&other));
    }

    #[test]
    fn nobody_sleeps_on_because_of_a_panic() {
        let shard = ShardWake::default();
        let panicked = std::panic::catch_unwind(|| {
            hold_wakes(|| {
                shard.wake();
                panic!("while publishing");
            })
        });
        assert!(panicked.is_err() && is_woken(&shard));
    }
}
