//! What waits to be written: bounded by its bytes, since a snapshot is a thousand times as large as a trade.

use crate::source::Item;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A queue that holds records of `bytes_max` bytes; one record may exceed it alone.
pub(super) fn queue(bytes_max: usize) -> (Arc<Sender>, Queue) {
    let (items, received) = mpsc::channel();
    let room = Arc::new(Room { bytes_max, state: Mutex::default(), freed: Condvar::new() });
    let sender = Sender { items, room: Arc::clone(&room), waits: AtomicU64::new(0) };
    (Arc::new(sender), Queue { items: received, room })
}

/// The end that connections fill.
pub(super) struct Sender {
    items: mpsc::Sender<Item>,
    room: Arc<Room>,
    waits: AtomicU64,
}

/// The end that the writer empties.
pub(super) struct Queue {
    items: mpsc::Receiver<Item>,
    room: Arc<Room>,
}

struct Room {
    bytes_max: usize,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: usize,
    /// Nobody empties it any more.
    closed: bool,
}

impl Sender {
    /// Adds a record, and waits for room if there is none. If the writer has ended, the record is lost: the recording ends too.
    pub(super) fn put(&self, item: Item) {
        let bytes = size(&item);
        if !self.room.take(bytes) {
            self.waits.fetch_add(1, Ordering::Relaxed);
            // The runtime moves its other tasks elsewhere meanwhile.
            tokio::task::block_in_place(|| self.room.wait(bytes));
        }
        let _ = self.items.send(item);
    }

    /// How often there was no room.
    pub(super) fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }
}

impl Queue {
    /// The next record, if one comes in time.
    pub(super) fn next(&self, within: Duration) -> Result<Item, RecvTimeoutError> {
        let item = self.items.recv_timeout(within)?;
        self.room.give(size(&item));
        Ok(item)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.room.state().closed = true;
        self.room.freed.notify_all();
    }
}

impl Room {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, state: &State, bytes: usize) -> bool {
        state.closed || state.bytes == 0 || state.bytes + bytes <= self.bytes_max
    }

    fn take(&self, bytes: usize) -> bool {
        let mut state = self.state();
        let has_room = self.has(&state, bytes);
        state.bytes += if has_room { bytes } else { 0 };
        has_room
    }

    fn wait(&self, bytes: usize) {
        let state = self.state();
        let waited = self.freed.wait_while(state, |state| !self.has(state, bytes));
        waited.unwrap_or_else(PoisonError::into_inner).bytes += bytes;
    }

    fn give(&self, bytes: usize) {
        let mut state = self.state();
        state.bytes = state.bytes.saturating_sub(bytes);
        self.freed.notify_all();
    }
}

/// What it takes in memory, which may be twice its text.
fn size(item: &Item) -> usize {
    size_of::<Item>() + item.text.capacity() + item.bytes.capacity() + item.url.capacity()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Kind;
    use std::thread;

    fn item(text: &str) -> Item {
        let mut item = Item::default();
        item.set_text(1, Kind::Frame, text);
        item
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_is_waited_for_and_nothing_is_lost() {
        let (sender, queue) = queue(4 * size(&item("0123456789")));
        let writer = thread::spawn(move || {
            let mut texts = Vec::new();
            while let Ok(item) = queue.next(Duration::from_secs(5)) {
                thread::sleep(Duration::from_millis(1));
                texts.push(item.text);
                assert!(queue.room.state().bytes <= queue.room.bytes_max);
            }
            texts
        });
        let texts: Vec<_> = (0..50).map(|n| format!("{n:010}")).collect();
        texts.iter().for_each(|text| sender.put(item(text)));
        assert!(sender.waits() > 0);
        drop(sender);
        assert_eq!(writer.join().unwrap(), texts);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_record_may_exceed_the_bound_and_a_dead_writer_holds_nobody() {
        let (sender, queue) = queue(1);
        sender.put(item(&"x".repeat(10_000)));
        assert_eq!((queue.next(Duration::ZERO).unwrap().text.len(), sender.waits()), (10_000, 0));
        sender.put(item("waits"));
        let other = Arc::clone(&sender);
        let waiting = tokio::task::spawn_blocking(move || other.put(item("for ever?")));
        while sender.waits() == 0 {
            tokio::task::yield_now().await;
        }
        drop(queue);
        waiting.await.unwrap();
    }
}
