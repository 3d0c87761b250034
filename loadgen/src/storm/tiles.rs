//! Whether what one connection gets tiles, and whether it has all of its topics: cheap enough for ten thousand connections
//! that come at once.

use crate::scan::{Header, Kind};
use crate::verify::Fault;

/// What one connection has of each topic that it asked for.
#[derive(Debug, Default)]
pub struct Tiles {
    /// In the order of their symbols.
    slots: Vec<Slot>,
    missing: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    symbol: u32,
    epoch: u32,
    /// The `seq` that the next frame begins with; 0 if that is not known.
    next: u64,
    standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Asked,
    Granted,
    /// Frames came, and what they build on did not.
    Baseless,
    Held,
}

/// How a topic was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// The epoch, by a number that the caller gives it.
    pub epoch: u32,
    /// The last `seq` of the snapshot that follows, or what is resumed after; 0 if there is no data yet.
    pub seq: u64,
    /// Whether the log reached back to what the connection had.
    pub resumed: bool,
}

impl Tiles {
    /// The connection asks for these symbols (again); with `resume`, where it has them already, for what follows.
    pub fn begin(&mut self, symbols: &[u32], resume: bool) {
        if self.slots.is_empty() {
            let slot = |symbol: &u32| Slot { symbol: *symbol, epoch: 0, next: 0, standing: Standing::Asked };
            self.slots = symbols.iter().map(slot).collect();
            self.slots.sort_unstable_by_key(|slot| slot.symbol);
        }
        self.missing = self.slots.len();
        for slot in &mut self.slots {
            let knows = resume && slot.standing == Standing::Held;
            slot.next = if knows { slot.next } else { 0 };
            slot.standing = Standing::Asked;
        }
    }

    /// Symbols with the epoch and the last `seq` that the connection can go on after; none where it has no data.
    pub fn resumable(&self) -> impl Iterator<Item = (u32, Option<(u32, u64)>)> {
        let after = |slot: &Slot| (slot.next > 1).then(|| (slot.epoch, slot.next - 1));
        self.slots.iter().map(move |slot| (slot.symbol, after(slot)))
    }

    /// Whether every topic was granted and has its state.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.missing == 0 && !self.slots.is_empty()
    }

    /// A reply grants `symbol`. A topic without data yet is whole as it is, and so is one that goes on.
    pub fn granted(&mut self, symbol: u32, grant: Grant) {
        let Some(slot) = slot(&mut self.slots, symbol) else { return };
        slot.epoch = grant.epoch;
        if slot.standing != Standing::Asked {
            return;
        }
        slot.standing = Standing::Granted;
        if grant.seq == 0 || grant.resumed {
            slot.next = grant.seq + 1;
            slot.standing = Standing::Held;
            self.missing -= 1;
        }
    }

    /// A frame about `symbol`; what is wrong with its place among the others. Afterwards the topic stands where the frame
    /// ends, so that one fault is not found again and again.
    pub fn frame(&mut self, symbol: u32, header: &Header<'_>) -> Option<Fault> {
        let Some(slot) = slot(&mut self.slots, symbol) else { return Some(Fault::NotSubscribed) };
        let fault = slot.fault(header);
        let goes_on = slot.standing == Standing::Granted && header.seq.0 == slot.next;
        slot.next = header.seq.1.saturating_add(1);
        if slot.standing != Standing::Held {
            let is_base = header.kind == Kind::Snapshot || goes_on;
            slot.standing = if is_base { Standing::Held } else { Standing::Baseless };
            self.missing -= usize::from(is_base);
        }
        fault
    }
}

fn slot(slots: &mut [Slot], symbol: u32) -> Option<&mut Slot> {
    let at = slots.binary_search_by_key(&symbol, |slot| slot.symbol).ok()?;
    slots.get_mut(at)
}

impl Slot {
    fn fault(&self, header: &Header<'_>) -> Option<Fault> {
        let ((first, last), is_snapshot) = (header.seq, header.kind == Kind::Snapshot);
        if self.standing == Standing::Asked {
            Some(Fault::BeforeReply)
        } else if first > last || (first == 0 && !is_snapshot) {
            Some(Fault::Range(first, last))
        } else if is_snapshot || first == self.next {
            None
        } else if self.next == 0 {
            Some(Fault::NoSnapshot)
        } else {
            Some(Fault::Tiling { expected: self.next, first })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    const AFRESH: Grant = Grant { epoch: 1, seq: 5, resumed: false };

    fn frame(tiles: &mut Tiles, symbol: u32, kind: Kind, seq: (u64, u64)) -> Option<&'static str> {
        let (channel, name) = (Cow::Borrowed("quotes"), Cow::Borrowed("a:b"));
        let header = Header { kind, channel, symbol: name, seq, ts: None, rx: None };
        tiles.frame(symbol, &header).map(|fault| fault.name())
    }

    fn begun(symbols: &[u32]) -> Tiles {
        let mut tiles = Tiles::default();
        tiles.begin(symbols, false);
        tiles
    }

    #[test]
    fn a_connection_is_whole_with_the_last_of_its_snapshots() {
        let mut tiles = begun(&[9, 2, 4]);
        [2, 4, 9].into_iter().for_each(|symbol| tiles.granted(symbol, AFRESH));
        for symbol in [4, 9, 2] {
            assert!(!tiles.is_whole());
            assert_eq!(frame(&mut tiles, symbol, Kind::Snapshot, (5, 5)), None);
            assert_eq!(frame(&mut tiles, symbol, Kind::Update, (6, 8)), None);
        }
        assert!(tiles.is_whole());
        assert_eq!(frame(&mut tiles, 4, Kind::Conflated, (9, 20)), None);
        assert_eq!(frame(&mut tiles, 4, Kind::Update, (21, 21)), None);
    }

    #[test]
    fn a_topic_without_data_is_whole_by_its_reply_and_begins_at_1() {
        let mut tiles = begun(&[1]);
        tiles.granted(1, Grant { seq: 0, ..AFRESH });
        assert!(tiles.is_whole());
        assert_eq!(frame(&mut tiles, 1, Kind::Update, (1, 1)), None);
        assert_eq!(frame(&mut tiles, 1, Kind::Update, (3, 3)), Some("tiling"));
    }

    #[test]
    fn each_fault_is_found_once() {
        let mut tiles = begun(&[1, 2]);
        assert_eq!(frame(&mut tiles, 3, Kind::Snapshot, (5, 5)), Some("not_subscribed"));
        assert_eq!(frame(&mut tiles, 1, Kind::Snapshot, (5, 5)), Some("before_reply"));
        assert_eq!(frame(&mut tiles, 1, Kind::Update, (7, 7)), Some("tiling"));
        assert_eq!(frame(&mut tiles, 1, Kind::Update, (8, 7)), Some("range"));
        tiles.granted(2, AFRESH);
        assert_eq!(frame(&mut tiles, 2, Kind::Update, (6, 6)), Some("no_snapshot"));
        assert_eq!(frame(&mut tiles, 2, Kind::Update, (7, 7)), None);
    }

    #[test]
    fn updates_without_their_snapshot_make_nothing_whole() {
        let mut tiles = begun(&[1]);
        tiles.granted(1, AFRESH);
        frame(&mut tiles, 1, Kind::Update, (6, 6));
        frame(&mut tiles, 1, Kind::Update, (7, 7));
        assert!(!tiles.is_whole());
        assert_eq!(frame(&mut tiles, 1, Kind::Snapshot, (9, 9)), None);
        assert!(tiles.is_whole());
    }

    #[test]
    fn what_is_held_can_be_resumed() {
        let mut tiles = begun(&[1, 2, 3]);
        tiles.granted(1, AFRESH);
        tiles.granted(2, Grant { seq: 0, ..AFRESH });
        frame(&mut tiles, 1, Kind::Snapshot, (5, 5));
        frame(&mut tiles, 1, Kind::Update, (6, 7));
        tiles.begin(&[], true);
        assert_eq!(tiles.resumable().collect::<Vec<_>>(), [(1, Some((1, 7))), (2, None), (3, None)]);
        tiles.granted(1, Grant { epoch: 1, seq: 7, resumed: true });
        assert_eq!(frame(&mut tiles, 1, Kind::Update, (9, 9)), Some("tiling"));
        // Trades that the log does not have are told by a gap, without a snapshot.
        tiles.begin(&[], true);
        tiles.granted(1, Grant { epoch: 1, seq: 9, resumed: false });
        assert_eq!(frame(&mut tiles, 1, Kind::Gap, (10, 20)), None);
        tiles.begin(&[], false);
        assert!(tiles.resumable().all(|(_, after)| after.is_none()));
    }
}
