//! What waits to be written, as lines in batches: bounded by its bytes, since a snapshot is a thousand times as large as a trade.
//!
//! Memory that one thread takes and another gives back in small pieces, by the hundred thousand, is not soon used again. So records
//! are written into large buffers, which go round.

use schemas::capture::{Body, Record, UnixNanos, Writer};
use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes of the lines of a batch; a longer line has a batch of its own.
const BATCH_BYTES: usize = 256 << 10;
/// What a record takes besides its texts, at most.
const RECORD_BYTES: usize = 64;

/// A queue that holds records of `bytes_max` bytes; one record may exceed it alone.
pub(super) fn queue(bytes_max: usize) -> (Arc<Sender>, Queue) {
    let shared =
        Arc::new(Shared { bytes_max, state: Mutex::default(), news: Condvar::new(), room: Condvar::new() });
    (Arc::new(Sender { shared: Arc::clone(&shared), waits: AtomicU64::new(0) }), Queue { shared })
}

/// The end that connections fill.
pub(super) struct Sender {
    shared: Arc<Shared>,
    waits: AtomicU64,
}

/// The end that the writer empties.
pub(super) struct Queue {
    shared: Arc<Shared>,
}

struct Shared {
    bytes_max: usize,
    state: Mutex<State>,
    /// Told when there is something to write, or nothing more comes.
    news: Condvar,
    /// Told when there is room again.
    room: Condvar,
}

#[derive(Default)]
struct State {
    /// The last one is being filled.
    batches: VecDeque<Batch>,
    /// Empty, as many as were ever needed at once.
    spares: Vec<Batch>,
    /// Of the batches, and of the one that is being written.
    bytes: usize,
    /// Nobody fills it any more.
    ended: bool,
    /// Nobody empties it any more.
    closed: bool,
}

/// Records as lines of a capture.
#[derive(Default)]
pub(super) struct Batch {
    lines: Vec<u8>,
    /// Of each record, its time and where its line ends.
    ends: Vec<(UnixNanos, usize)>,
}

impl Sender {
    /// Adds a record, and waits for room if there is none. If the writer has ended, the record is lost: the recording ends too.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidInput`] for a record that no line can hold.
    pub(super) fn put(&self, record: &Record<'_>) -> io::Result<()> {
        let (shared, bytes) = (&self.shared, size(record));
        let mut state = shared.state();
        if !shared.has_room(&state, bytes) {
            drop(state);
            self.waits.fetch_add(1, Ordering::Relaxed);
            // The runtime moves its other tasks elsewhere meanwhile.
            state = tokio::task::block_in_place(|| shared.wait_for_room(bytes));
        }
        if state.closed {
            return Ok(());
        }
        let added = state.batch(bytes).push(record)?;
        state.bytes += added;
        shared.news.notify_one();
        Ok(())
    }

    /// How often there was no room.
    pub(super) fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.state().ended = true;
        self.shared.news.notify_one();
    }
}

impl Queue {
    /// The next records, if some come in time; to be given back.
    pub(super) fn next(&self, within: Duration) -> Result<Batch, RecvTimeoutError> {
        let state = self.shared.state();
        let waiting = |state: &mut State| state.batches.is_empty() && !state.ended;
        let waited = self.shared.news.wait_timeout_while(state, within, waiting);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let none = if state.ended { RecvTimeoutError::Disconnected } else { RecvTimeoutError::Timeout };
        state.batches.pop_front().ok_or(none)
    }

    /// Gives records back that have been written.
    pub(super) fn written(&self, mut batch: Batch) {
        let mut state = self.shared.state();
        state.bytes -= batch.bytes();
        if batch.lines.capacity() <= BATCH_BYTES {
            batch.lines.clear();
            batch.ends.clear();
            state.spares.push(batch);
        }
        self.shared.room.notify_all();
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.room.notify_all();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_room(&self, state: &State, bytes: usize) -> bool {
        state.closed || state.bytes == 0 || state.bytes + bytes <= self.bytes_max
    }

    fn wait_for_room(&self, bytes: usize) -> MutexGuard<'_, State> {
        let waited = self.room.wait_while(self.state(), |state| !self.has_room(state, bytes));
        waited.unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The batch that is being filled, or a new one where so many bytes do not fit in.
    fn batch(&mut self, bytes: usize) -> &mut Batch {
        let fits = |batch: &Batch| batch.lines.len() + bytes <= batch.lines.capacity();
        if !self.batches.back().is_some_and(fits) {
            let spare = if bytes <= BATCH_BYTES { self.spares.pop() } else { None };
            let batch = spare.unwrap_or_else(|| Batch {
                lines: Vec::with_capacity(bytes.max(BATCH_BYTES)),
                ends: Vec::new(),
            });
            self.batches.push_back(batch);
        }
        let last = self.batches.len() - 1;
        &mut self.batches[last]
    }
}

impl Batch {
    /// The records: their times, and their lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = (UnixNanos, &[u8])> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts.zip(&self.ends).map(|(start, (time, end))| (*time, &self.lines[start..*end]))
    }

    /// Adds a record, and says by how many bytes it has grown.
    fn push(&mut self, record: &Record<'_>) -> io::Result<usize> {
        let before = self.bytes();
        let start = self.lines.len();
        if let Err(error) = Writer::new(&mut self.lines).write(record) {
            self.lines.truncate(start);
            return Err(error);
        }
        self.ends.push((record.time, self.lines.len()));
        Ok(self.bytes() - before)
    }

    fn bytes(&self) -> usize {
        self.lines.len() + size_of_val(self.ends.as_slice())
    }
}

/// How long the line of a record is at most; base64 is a third longer than what it stands for.
fn size(record: &Record<'_>) -> usize {
    let texts = match record.body {
        Body::Frame(text) | Body::Sent(text) | Body::Error(text) => text.len(),
        Body::Binary(bytes) => bytes.len(),
        Body::Open { url } => url.len(),
        Body::Http { url, body } => url.len() + body.len(),
        Body::Close { reason, .. } => reason.len(),
    };
    RECORD_BYTES + texts + texts / 3
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    fn frame(text: &str) -> Record<'_> {
        Record { time: 1, conn: 0, body: Body::Frame(text) }
    }

    fn texts(batch: &Batch) -> Vec<String> {
        batch.lines().map(|(_, line)| String::from_utf8(line.to_vec()).unwrap()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_full_queue_is_waited_for_and_nothing_is_lost() {
        let (sender, queue) = queue(4 * size(&frame("0123456789")));
        let writer = thread::spawn(move || {
            let mut written = Vec::new();
            while let Ok(batch) = queue.next(Duration::from_secs(5)) {
                thread::sleep(Duration::from_millis(1));
                written.extend(texts(&batch));
                assert!(queue.shared.state().bytes <= queue.shared.bytes_max);
                queue.written(batch);
            }
            written
        });
        let sent: Vec<_> = (0..50).map(|n| format!("{n:010}")).collect();
        sent.iter().for_each(|text| sender.put(&frame(text)).unwrap());
        assert!(sender.waits() > 0);
        drop(sender);
        let lines: Vec<_> = sent.iter().map(|text| format!("1 {text}\n")).collect();
        assert_eq!(writer.join().unwrap(), lines);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn one_record_may_exceed_the_bound_and_a_dead_writer_holds_nobody() {
        let (sender, queue) = queue(1);
        sender.put(&frame(&"x".repeat(10_000))).unwrap();
        let batch = queue.next(Duration::ZERO).unwrap();
        assert_eq!((texts(&batch)[0].len(), sender.waits()), (10_003, 0));
        queue.written(batch);
        sender.put(&frame("waits")).unwrap();
        let other = Arc::clone(&sender);
        let waiting = tokio::task::spawn_blocking(move || other.put(&frame("for ever?")));
        while sender.waits() == 0 {
            tokio::task::yield_now().await;
        }
        drop(queue);
        waiting.await.unwrap().unwrap();
    }

    #[test]
    fn a_line_never_outgrows_the_room_that_was_kept_for_it() {
        let (text, max) = ("x".repeat(4_000), u64::MAX);
        for body in [
            Body::Frame("a\nb"),
            Body::Frame(&text),
            Body::Frame(""),
            Body::Binary(text.as_bytes()),
            Body::Sent("a\nb"),
            Body::Sent(&text),
            Body::Error("e"),
            Body::Close { code: 1006, reason: "r\n" },
            Body::Open { url: "wss://h" },
            Body::Http { url: "https://h", body: &text },
        ] {
            let record = Record { time: max, conn: u32::MAX, body };
            let mut batch = Batch::default();
            batch.push(&record).unwrap();
            assert!(batch.lines.len() <= size(&record), "{record:?}: {}", batch.lines.len());
        }
    }

    #[test]
    fn buffers_go_round() {
        let (sender, queue) = queue(8 * BATCH_BYTES);
        let text = "x".repeat(BATCH_BYTES / 4);
        for _ in 0..100 {
            sender.put(&frame(&text)).unwrap();
            queue.written(queue.next(Duration::ZERO).unwrap());
        }
        sender.put(&frame(&"x".repeat(2 * BATCH_BYTES))).unwrap();
        queue.written(queue.next(Duration::ZERO).unwrap());
        let state = queue.shared.state();
        let kept: Vec<_> = state.spares.iter().map(|spare| spare.lines.capacity()).collect();
        assert_eq!((state.bytes, kept), (0, vec![BATCH_BYTES]));
    }
}
