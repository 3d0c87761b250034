use super::*;
use feed::topic::{Logged, Table};
use proptest::prelude::*;
use schemas::decimal::Decimal;
use schemas::model::{
    BookImage, BookLevels, Event, Micros, Quote, State, StateChange, Symbol, Trade, TradeId,
};

/// A topic of its own, and its writer.
struct Rig {
    handle: TopicHandle,
    publisher: table::Publisher<Logged, BookImage>,
}

/// All frames, as type and range.
#[derive(Default)]
struct Taken {
    frames: Vec<(String, u64, u64)>,
    lost: u64,
    skipped: Skipped,
}

impl Sink for Taken {
    fn take(&mut self, frame: &Frame, _: Position, skipped: Skipped) -> bool {
        self.skipped.conflated += skipped.conflated;
        self.skipped.lost += skipped.lost;
        for frame in split(frame) {
            self.lost += frame["lost"].as_u64().unwrap_or(0);
            self.frames.push((
                frame["type"].as_str().unwrap().to_owned(),
                number(&frame, 0),
                number(&frame, 1),
            ));
        }
        true
    }
}

/// The frames of a piece. All are short enough for a header of two or four bytes.
fn split(mut piece: &[u8]) -> Vec<serde_json::Value> {
    let mut frames = Vec::new();
    while !piece.is_empty() {
        let payload = websocket::payload(piece);
        let len = match piece.len() - payload.len() {
            2 => usize::from(piece[1]),
            _ => usize::from(u16::from_be_bytes([piece[2], piece[3]])),
        };
        frames.push(serde_json::from_slice(&payload[..len]).unwrap());
        piece = &payload[len..];
    }
    frames
}

fn number(frame: &serde_json::Value, at: usize) -> u64 {
    frame["seq"][at].as_u64().unwrap()
}

impl Rig {
    fn new(channel: Channel, log_entries: usize) -> Self {
        let table = Table::new(8, 64 << 20, Vec::new());
        let publisher = table.register(log_entries).unwrap();
        let topic = Arc::clone(publisher.topic());
        let symbol = Symbol::new("sim", "ACME").unwrap();
        let handle = TopicHandle { id: topic.id(), channel, symbol, epoch: "e".into(), topic };
        Self { handle, publisher }
    }

    fn publish(&mut self, body: Body) {
        self.publisher.publish(Logged(Event { ts: None, rx: Micros(1), state: State::Live, body }));
    }

    fn quote(&mut self) {
        let quote = Quote { bid: Some(Decimal::new(1, 0)), ..Quote::default() };
        self.publish(Body::Update(Update::Quote(quote)));
    }

    fn trades(&mut self, count: u64) {
        self.publish(Body::Update(Update::Trades((0..count).map(trade).collect())));
    }

    fn state(&mut self) {
        self.publish(stale());
    }

    /// Advances from a position to the head.
    fn advance(&self, at: Position, pace: Pace) -> (Taken, Position) {
        let mut taken = Taken::default();
        let advanced = advance(&self.handle, at, self.handle.topic.head(), pace, &mut taken);
        (taken, advanced)
    }
}

fn stale() -> Body {
    Body::State(StateChange { state: State::Stale, reason: "".into(), since: Micros(1), last: None })
}

fn trade(number: u64) -> Trade {
    let one = Decimal::new(1, 0);
    Trade { id: Some(TradeId::Number(number)), ts: None, price: one, size: one, side: None }
}

fn frames(expected: &[(&str, u64, u64)]) -> Vec<(String, u64, u64)> {
    expected.iter().map(|(kind, first, last)| ((*kind).to_owned(), *first, *last)).collect()
}

#[test]
fn who_keeps_up_gets_every_entry() {
    let mut rig = Rig::new(Channel::Quotes, 64);
    (0..3).for_each(|_| rig.quote());
    let (taken, advanced) = rig.advance(Position::START, Pace::Every);
    assert_eq!(taken.frames, frames(&[("update", 1, 1), ("update", 2, 2), ("update", 3, 3)]));
    assert_eq!((advanced, taken.skipped), (rig.handle.topic.head(), Skipped::default()));
}

#[test]
fn the_last_state_and_the_latest_data_come_in_their_order() {
    let mut rig = Rig::new(Channel::Quotes, 64);
    (0..4).for_each(|_| rig.quote());
    rig.state();
    (0..3).for_each(|_| rig.quote());
    let (taken, _) = rig.advance(Position::START, Pace::Latest);
    let expected = [("conflated", 1, 4), ("state", 5, 5), ("conflated", 6, 7), ("update", 8, 8)];
    assert_eq!(taken.frames, frames(&expected));
    assert_eq!(taken.skipped.conflated, 6);
    rig.state();
    let (taken, _) = rig.advance(Position::START, Pace::Latest);
    assert_eq!(taken.frames, frames(&[("conflated", 1, 7), ("update", 8, 8), ("state", 9, 9)]));
}

#[test]
fn trades_that_left_the_log_are_counted_and_the_states_between_them_told() {
    let mut rig = Rig::new(Channel::Trades, 64);
    rig.trades(10);
    rig.state();
    for _ in 0..1_000 {
        rig.trades(2);
    }
    let head = rig.handle.topic.head();
    let oldest = rig.handle.topic.oldest().unwrap().first();
    let (taken, advanced) = rig.advance(Position { index: 1, seq: 10 }, Pace::Latest);
    let expected = [("state", 11, 11), ("gap", 12, oldest - 1), ("update", oldest, oldest + 1)];
    assert_eq!(taken.frames[..3], frames(&expected));
    assert_eq!((taken.lost, taken.skipped.lost), (oldest - 12, oldest - 12));
    assert_eq!(advanced, head);
}

#[test]
fn a_resume_within_an_update_gets_its_rest() {
    let mut rig = Rig::new(Channel::Trades, 64);
    rig.trades(5);
    rig.trades(1);
    let at = rig.handle.topic.after(3).unwrap();
    let (taken, _) = rig.advance(at, Pace::Every);
    assert_eq!(taken.frames, frames(&[("update", 4, 5), ("update", 6, 6)]));
}

/// Takes frames while the writer goes on: before each frame it publishes as many entries as the plan says.
struct Overtaken<'a> {
    publisher: &'a mut table::Publisher<Logged, BookImage>,
    channel: Channel,
    plan: Vec<u16>,
    next: u64,
    snapshots: u64,
}

impl Sink for Overtaken<'_> {
    fn take(&mut self, frame: &Frame, position: Position, _: Skipped) -> bool {
        for frame in split(frame) {
            if frame["type"] == "snapshot" {
                assert!(number(&frame, 1) >= self.next, "{frame} goes back");
                self.snapshots += 1;
            } else {
                assert_eq!(number(&frame, 0), self.next, "{frame} does not tile");
            }
            self.next = number(&frame, 1) + 1;
        }
        assert_eq!(position.seq + 1, self.next);
        for _ in 0..self.plan.pop().unwrap_or(0) {
            publish_next(self.publisher, self.channel);
        }
        true
    }
}

/// Publishes data, now and then a state, with an image where one is due.
fn publish_next(publisher: &mut table::Publisher<Logged, BookImage>, channel: Channel) {
    let body = match channel {
        _ if publisher.position().index % 7 == 3 => stale(),
        Channel::Trades => Body::Update(Update::Trades(Box::new([trade(1), trade(2)]))),
        Channel::Book => Body::Update(Update::Book(BookLevels::default())),
        _ => Body::Update(Update::Quote(Quote::default())),
    };
    let event = Logged(Event { ts: None, rx: Micros(1), state: State::Live, body });
    if channel == Channel::Book && publisher.image_is_due() {
        publisher.publish_with_image(event, BookImage::default());
    } else {
        publisher.publish(event);
    }
}

proptest! {
    /// However far the writer gets while a cursor advances, the ranges tile, and the cursor gets to the head in the end.
    #[test]
    fn a_cursor_that_is_overtaken_on_its_way_tiles_and_arrives(
        plan in proptest::collection::vec(prop_oneof![4 => 0..3_u16, 1 => 60..300_u16], 0..8),
        begin in 1..300_u16,
        channel in prop_oneof![Just(Channel::Trades), Just(Channel::Quotes), Just(Channel::Book)],
        latest in any::<bool>(),
    ) {
        let Rig { handle, mut publisher } = Rig::new(channel, 64);
        (0..begin).for_each(|_| publish_next(&mut publisher, channel));
        let pace = if latest { Pace::Latest } else { Pace::Every };
        let mut at = Position::START;
        let mut sink = Overtaken { publisher: &mut publisher, channel, plan, next: 1, snapshots: 0 };
        for _ in 0..20 {
            at = advance(&handle, at, handle.topic.head(), pace, &mut sink);
        }
        prop_assert_eq!(at, handle.topic.head());
        prop_assert!(channel != Channel::Trades || sink.snapshots == 0);
    }

    /// Whatever a topic's history, its log's length and a cursor's place in it: the ranges tile up to the head, and what was
    /// neither sent nor a mark is counted.
    #[test]
    fn ranges_tile_and_sums_are_exact(
        history in proptest::collection::vec(0u64..8, 1..400),
        from in 0usize..400,
        trades in any::<bool>(),
        latest in any::<bool>(),
    ) {
        let channel = if trades { Channel::Trades } else { Channel::Quotes };
        let mut rig = Rig::new(channel, 64);
        let mut stands = vec![Position::START];
        for kind in history {
            match kind {
                0 => rig.state(),
                _ if trades => rig.trades(kind),
                _ => rig.quote(),
            }
            stands.push(rig.handle.topic.head());
        }
        let at = stands[from % stands.len()];
        let (taken, advanced) = rig.advance(at, if latest { Pace::Latest } else { Pace::Every });
        let head = rig.handle.topic.head();
        prop_assert_eq!(advanced, head);
        let (mut next, mut conflated, mut gaps) = (at.seq + 1, 0, 0);
        for (kind, first, last) in taken.frames {
            prop_assert_eq!(first, next, "{} does not tile", kind);
            next = last + 1;
            match &*kind {
                "conflated" => conflated += last + 1 - first,
                "gap" => gaps += last + 1 - first,
                _ => {}
            }
        }
        prop_assert_eq!(next, head.seq + 1);
        prop_assert_eq!((conflated, gaps, gaps), (taken.skipped.conflated, taken.skipped.lost, taken.lost));
    }
}
