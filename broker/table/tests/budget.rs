//! The bytes of all logs together: what is counted, what goes when there are too many, and that nothing is left over.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "clippy takes only the functions marked as tests for tests")]

mod common;

use common::{Item, table};
use proptest::collection::vec;
use proptest::prelude::*;
use table::{CHUNK_ENTRIES, Encoding, Held, IMAGE_ENTRIES, Publisher, Table, TopicOptions};

/// What a frame takes beside its own bytes: the two counts of what shares it.
const COUNTS: usize = 2 * size_of::<usize>();

/// Encodes a frame that takes so many bytes.
fn encode(entry: &Held<Item>, bytes: usize) {
    entry.entry().update_frame(Encoding::Json, || vec![b'x'; bytes - COUNTS].into());
}

/// Bytes that `change` added.
fn added(table: &Table<Item, u64>, change: impl FnOnce()) -> usize {
    let before = table.budget().bytes();
    change();
    table.budget().bytes() - before
}

fn publish(publisher: &mut Publisher<Item, u64>, count: u64) {
    (0..count).for_each(|value| drop(publisher.publish(Item::update(value))));
}

/// What the chunks take that hold the first `entries` updates of no bytes.
fn chunk_bytes(entries: u64) -> usize {
    let table = table(usize::MAX);
    let mut publisher = table.register(256).unwrap();
    (0..entries).for_each(|value| drop(publisher.publish(Item { bytes: 0, ..Item::update(value) })));
    table.budget().bytes()
}

/// As many entries as the shortest log holds.
const SHORTEST: u64 = IMAGE_ENTRIES + CHUNK_ENTRIES;

/// What a mark of no bytes adds to a chunk with room.
fn mark_bytes() -> usize {
    let table = table(usize::MAX);
    let mut publisher = table.register(256).unwrap();
    publish(&mut publisher, 1);
    added(&table, || drop(publisher.publish(Item { bytes: 0, ..Item::mark(0) })))
}

#[test]
fn entries_lie_in_their_chunk() {
    let one = chunk_bytes(1);
    assert_eq!(chunk_bytes(CHUNK_ENTRIES), one);
    assert_eq!(chunk_bytes(2 * CHUNK_ENTRIES), 2 * one);
    let entry = one / CHUNK_ENTRIES as usize;
    assert!((50..400).contains(&entry), "{entry}");
}

#[test]
fn a_topic_without_entries_takes_none_of_the_budget() {
    let table = table(usize::MAX);
    let publisher = table.register(4_096).unwrap();
    assert_eq!(table.budget().bytes(), 0);
    drop(publisher);
}

/// The entries with which a topic of a hundred brings images, while between two of them another topic fills `chunks` chunks.
fn images_beside(table: &Table<Item, u64>, chunks: u64) -> Vec<u64> {
    let (mut slow, mut fast) = (table.register(10_000).unwrap(), table.register(10_000).unwrap());
    let mut images = Vec::new();
    for value in 1..=100 {
        if slow.image_is_due() {
            slow.publish_with_image(Item::update(value), value);
            images.push(value);
        } else {
            slow.publish(Item::update(value));
        }
        publish(&mut fast, chunks * CHUNK_ENTRIES);
        let image = slow.topic().image().unwrap().position().index;
        assert!(
            slow.topic().read_range(image + 1, value, |_| ()).is_ok(),
            "the log reaches back to the image"
        );
    }
    images
}

#[test]
fn an_image_that_holds_up_eviction_is_replaced() {
    let at_the_latest: Vec<u64> = (1..=100).step_by(IMAGE_ENTRIES as usize).collect();
    assert_eq!(images_beside(&table(usize::MAX), 60), at_the_latest);
    let images = images_beside(&table(chunk_bytes(50 * CHUNK_ENTRIES)), 60);
    assert!(images.windows(2).all(|pair| pair[1] - pair[0] <= CHUNK_ENTRIES + 1), "{images:?}");
}

#[test]
fn records_and_frames_are_counted() {
    let table = table(usize::MAX);
    let mut publisher = table.register(256).unwrap();
    publish(&mut publisher, 1);
    let item = |bytes| Item { bytes, ..Item::update(0) };
    assert_eq!(added(&table, || drop(publisher.publish(item(1_234)))), 1_234);

    let entry = publisher.publish(item(10));
    assert_eq!(added(&table, || encode(&entry, 500)), 500);
    assert_eq!(added(&table, || encode(&entry, 500)), 0, "it is encoded once");
    let snapshot =
        added(&table, || drop(entry.entry().snapshot_frame(Encoding::Json, || (*b"1234").into()).clone()));
    assert_eq!(snapshot, COUNTS + 4 + size_of::<table::FrameCell>());
}

#[test]
fn a_lapped_chunk_gives_everything_back_and_takes_nothing_more() {
    let table = table(usize::MAX);
    let mut publisher = table.register(1).unwrap();
    publish(&mut publisher, SHORTEST);
    let full = table.budget().bytes();
    let held: Vec<_> = (1..=CHUNK_ENTRIES).map(|index| publisher.topic().read(index).unwrap()).collect();
    held.iter().take(5).for_each(|entry| encode(entry, 1_000));
    assert_eq!(table.budget().bytes(), full + 5_000);

    publish(&mut publisher, CHUNK_ENTRIES);
    assert_eq!(
        table.budget().bytes(),
        full,
        "the first chunk is no longer in the log, though its entries are held"
    );
    held.iter().for_each(|entry| encode(entry, 1_000));
    drop(held);
    assert_eq!(table.budget().bytes(), full, "nothing is taken or given back for it any more");
}

#[test]
fn a_mark_is_counted_once_as_long_as_anybody_holds_it() {
    let table = table(usize::MAX);
    let options = TopicOptions { log_entries: 1, marks_max: 2, marks_bytes_max: usize::MAX };
    let mut publisher = table.register_with(options).unwrap();
    let mark = |publisher: &mut Publisher<Item, u64>| publisher.publish(Item { bytes: 100, ..Item::mark(0) });
    publish(&mut publisher, SHORTEST);
    let updates = table.budget().bytes();
    let each = mark_bytes() + 100;

    let first = mark(&mut publisher);
    publish(&mut publisher, SHORTEST - 1);
    assert_eq!(table.budget().bytes(), updates - 100 + each, "in the place of an update, and apart");
    publish(&mut publisher, CHUNK_ENTRIES);
    assert_eq!(table.budget().bytes(), updates + each, "only in the marks");
    encode(&first, 700);
    assert_eq!(table.budget().bytes(), updates + each + 700);

    let (second, third) = (mark(&mut publisher), mark(&mut publisher));
    encode(&second, 30);
    publish(&mut publisher, CHUNK_ENTRIES - 2);
    assert_eq!(table.budget().bytes(), updates - 200 + 3 * each + 730, "forgotten, but held here");
    drop(first);
    assert_eq!(table.budget().bytes(), updates - 200 + 2 * each + 30);
    mark(&mut publisher);
    publish(&mut publisher, CHUNK_ENTRIES - 1);
    assert_eq!(table.budget().bytes(), updates - 300 + 3 * each + 30, "forgotten, but in the log");
    drop((second, third));
    publish(&mut publisher, SHORTEST);
    assert_eq!(table.budget().bytes(), updates + 2 * each, "two are still known");
}

#[test]
fn the_oldest_chunks_of_all_topics_go_first() {
    let table = table(usize::MAX);
    let mut topics: Vec<_> = (0..3).map(|_| table.register(10_000).unwrap()).collect();
    // Chunks are completed in turn: 0, 1, 2, 0, 1, 2, ...
    for _ in 0..4 {
        topics.iter_mut().for_each(|publisher| publish(publisher, CHUNK_ENTRIES));
    }
    let held = table.budget().bytes();
    let limited = common::table(held * 2 / 3);
    let mut topics: Vec<_> = (0..3).map(|_| limited.register(10_000).unwrap()).collect();
    for _ in 0..4 {
        topics.iter_mut().for_each(|publisher| publish(publisher, CHUNK_ENTRIES));
        assert!(limited.budget().bytes() <= limited.budget().bytes_max());
    }
    let gone: Vec<u64> =
        topics.iter().map(|publisher| publisher.topic().oldest().unwrap().index() - 1).collect();
    assert_eq!(gone.iter().sum::<u64>(), limited.budget().evicted_entries());
    assert!(limited.budget().evicted() >= 4);
    assert!(gone.windows(2).all(|pair| pair[0] >= pair[1] && pair[0] - pair[1] <= CHUNK_ENTRIES), "{gone:?}");
}

#[test]
fn a_slow_topic_loses_its_old_chunks_to_a_fast_one() {
    let table = table(100_000);
    let (mut slow, mut fast) = (table.register(1_000).unwrap(), table.register(100_000).unwrap());
    publish(&mut slow, CHUNK_ENTRIES + 1);
    publish(&mut fast, 100 * CHUNK_ENTRIES);
    assert!(slow.topic().read(1).is_none());
    assert_eq!(slow.topic().latest().unwrap().index(), CHUNK_ENTRIES + 1);
    assert!(table.budget().bytes() <= 100_000);
}

#[test]
fn frames_count_when_the_next_entry_comes() {
    let table = table(160_000);
    let mut publisher = table.register(10_000).unwrap();
    publish(&mut publisher, 4 * CHUNK_ENTRIES);
    assert_eq!(table.budget().evicted(), 0);
    encode(&publisher.topic().read(2).unwrap(), 155_000);
    publish(&mut publisher, 1);
    assert!(table.budget().evicted() > 0 && table.budget().bytes() <= 160_000);
}

#[test]
fn with_a_bound_of_nothing_the_open_chunks_stay() {
    let table = table(0);
    let mut publisher = table.register(10_000).unwrap();
    for count in 1..1_000_u64 {
        publish(&mut publisher, 1);
        assert_eq!(
            publisher.topic().oldest().unwrap().index(),
            (count - 1) / CHUNK_ENTRIES * CHUNK_ENTRIES + 1
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// The gauge against a count of what can be read, after any history.
    #[test]
    fn the_gauge_is_what_the_logs_hold(
        steps in vec((0..3_usize, 1..150_u64, prop::option::of(COUNTS..3_000)), 1..25),
        log_bytes_max in prop_oneof![Just(usize::MAX), 0..200_000_usize],
    ) {
        let table = table(log_bytes_max);
        let mut topics: Vec<_> = [1, 200, 10_000].map(|entries| table.register(entries).unwrap()).into();
        let mut held = Vec::new();
        for (topic, count, frame_bytes) in steps {
            let publisher = &mut topics[topic];
            publish(publisher, count);
            let latest = publisher.topic().latest().unwrap();
            if let Some(bytes) = frame_bytes {
                encode(&latest, bytes);
                held.push((topic, latest, bytes));
            }
        }
        let is_in_log = |&&(topic, ref entry, _): &&(usize, Held<Item>, usize)| topics[topic].topic().read(entry.index()).is_some();
        let mut counted = std::collections::HashSet::new();
        let frames: usize = held
            .iter()
            .filter(is_in_log)
            .filter(|(topic, entry, _)| counted.insert((*topic, entry.index())))
            .map(|held| held.2)
            .sum();
        let each = Item::update(0).bytes;
        let chunk = chunk_bytes(1);
        let expected: usize = topics
            .iter()
            .filter_map(|publisher| Some((publisher.position().index, publisher.topic().oldest()?.index())))
            .map(|(head, oldest)| {
                let chunks = (head - 1) / CHUNK_ENTRIES - (oldest - 1) / CHUNK_ENTRIES + 1;
                (head + 1 - oldest) as usize * each + chunks as usize * chunk
            })
            .sum();
        prop_assert_eq!(table.budget().bytes(), expected + frames);
    }
}
