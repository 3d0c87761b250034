//! Messages that are held back for a while. Within a symbol their order stays: what follows one that waits, waits behind it.

use crate::stand_in::{ConnId, Out};
use rustc_hash::FxHashMap;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use tokio::time::Instant;

/// What waits, and when it is due.
#[derive(Default)]
pub(super) struct Waiting {
    queue: BinaryHeap<Reverse<Entry>>,
    /// When the last one of each symbol is due.
    due: FxHashMap<String, Instant>,
    /// What waits for each connection.
    bytes: FxHashMap<ConnId, usize>,
    entries: u64,
}

struct Entry {
    due: Instant,
    /// Of those that are due together the first comes first.
    number: u64,
    conn: ConnId,
    out: Out,
}

impl Waiting {
    /// When a message of `symbol` may go that is to be held back until `due`; none: now.
    pub(super) fn until(&self, symbol: &str, due: Option<Instant>, now: Instant) -> Option<Instant> {
        let behind = self.due.get(symbol).copied();
        due.max(behind).filter(|due| *due > now)
    }

    /// Keeps a message until `due`.
    pub(super) fn keep(&mut self, symbol: &str, due: Instant, conn: ConnId, out: Out) {
        self.entries += 1;
        *self.bytes.entry(conn).or_default() += out.bytes();
        self.queue.push(Reverse(Entry { due, number: self.entries, conn, out }));
        match self.due.get_mut(symbol) {
            Some(last) => *last = due,
            None => drop(self.due.insert(symbol.to_owned(), due)),
        }
    }

    /// When the next one is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(entry)| entry.due)
    }

    /// The next one that is due at `now`.
    pub(super) fn next(&mut self, now: Instant) -> Option<(ConnId, Out)> {
        if self.next_due()? > now {
            return None;
        }
        let Reverse(Entry { conn, out, .. }) = self.queue.pop()?;
        if let Some(bytes) = self.bytes.get_mut(&conn) {
            *bytes = bytes.saturating_sub(out.bytes());
        }
        Some((conn, out))
    }

    /// A connection for which more than `bytes_max` bytes wait.
    pub(super) fn overfull(&self, bytes_max: usize) -> Option<ConnId> {
        self.bytes.iter().find(|(_, bytes)| **bytes > bytes_max).map(|(conn, _)| *conn)
    }

    /// Nobody wants the messages of this connection any more.
    pub(super) fn forget(&mut self, conn: ConnId) {
        self.bytes.remove(&conn);
        self.queue.retain(|Reverse(entry)| entry.conn != conn);
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Entry {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_symbol_keeps_its_order_and_others_pass() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        let after = |ms| now + Duration::from_millis(ms);
        let out = |text: &str| Out::Text(text.into());
        let put = |waiting: &mut Waiting, symbol: &str, due, conn, text: &str| {
            let until = waiting.until(symbol, due, now);
            until.into_iter().for_each(|until| waiting.keep(symbol, until, conn, out(text)));
            until.is_some()
        };
        assert!(put(&mut waiting, "A", Some(after(20)), 1, "a1"));
        assert!(put(&mut waiting, "A", Some(after(10)), 1, "a2"), "it waits behind a1");
        assert!(put(&mut waiting, "A", None, 2, "a3"));
        assert!(put(&mut waiting, "B", Some(after(10)), 1, "b1"));
        assert!(!put(&mut waiting, "C", None, 1, "c1"));
        assert_eq!(waiting.next_due(), Some(after(10)));
        assert_eq!((waiting.overfull(5), waiting.overfull(6)), (Some(1), None));
        assert!(waiting.next(after(9)).is_none());
        assert_eq!(waiting.next(after(10)), Some((1, out("b1"))));
        waiting.forget(2);
        let rest: Vec<_> = std::iter::from_fn(|| waiting.next(after(30))).map(|(_, out)| out).collect();
        assert_eq!(rest, [out("a1"), out("a2")]);
        assert_eq!(waiting.overfull(0), None);
        assert_eq!(waiting.until("A", None, after(30)), None);
    }
}
