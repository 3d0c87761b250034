//! Topics by number, who is told of their changes, and how often a shard is woken.
#![cfg(not(loom))]

mod common;

use common::{Item, Wakes};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use table::{
    DirtySet, Encoding, FrameCell, Publisher, SHARDS_MAX, TOPICS_MAX, Table, TableFull, TopicId, Wake,
};

fn table_with(wakes: &[Wakes]) -> Table<Item, u64> {
    let wakes = wakes.iter().map(|wake| Box::new(wake.clone()) as Box<dyn Wake>).collect();
    Table::new(200, usize::MAX, wakes)
}

fn drained(table: &Table<Item, u64>, shard: usize) -> Vec<u32> {
    let mut topics = Vec::new();
    table.drain(shard, |topic| topics.push(topic.0));
    topics
}

#[test]
fn topics_get_dense_numbers_up_to_the_limit() {
    let table = table_with(&[]);
    assert_eq!((table.version(), table.topics().count()), (0, 0));
    for number in 0..200 {
        let publisher = table.register(256).unwrap();
        assert_eq!(publisher.topic().id(), TopicId(number));
        assert!(Arc::ptr_eq(table.topic(TopicId(number)).unwrap(), publisher.topic()));
        assert_eq!(table.version(), number + 1);
    }
    let full = table.register(256).unwrap_err();
    assert_eq!(full, TableFull { topics_max: 200 });
    assert_eq!(full.to_string(), "there are already 200 topics, as many as `topics_max` allows");
    assert!(table.topic(TopicId(200)).is_none() && table.topic(TopicId(u32::MAX)).is_none());
    let ids: Vec<u32> = table.topics().map(|topic| topic.id().0).collect();
    assert_eq!(ids, (0..200).collect::<Vec<_>>());
}

#[test]
fn registrations_from_many_threads_get_different_numbers() {
    let table = table_with(&[]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..50).for_each(|_| drop(table.register(256).unwrap())));
        }
        while table.version() < 200 {
            let version = table.version();
            assert!((0..version).all(|number| table.topic(TopicId(number)).unwrap().id().0 == number));
            std::thread::yield_now();
        }
    });
    assert!(table.register(256).is_err());
}

#[test]
#[should_panic(expected = "65 shards: at most 64")]
fn more_shards_than_interest_bits_are_refused() {
    table_with(&vec![Wakes::default(); SHARDS_MAX + 1]);
}

#[test]
#[should_panic(expected = "topics_max 4194305: at most 4194304")]
fn more_topics_than_a_dirty_set_takes_are_refused() {
    let _: Table<Item, u64> = Table::new(TOPICS_MAX + 1, 0, Vec::new());
}

#[test]
#[should_panic(expected = "shard 1 of 1")]
fn a_shard_that_does_not_exist_cannot_join() {
    let table = table_with(&[Wakes::default()]);
    let _ = table.register(256).unwrap().topic().join(1);
}

#[test]
fn only_interested_shards_are_told_and_each_is_woken_once() {
    let wakes: Vec<_> = (0..64).map(|_| Wakes::default()).collect();
    let table = table_with(&wakes);
    let mut topics: Vec<_> = (0..130).map(|_| table.register(256).unwrap()).collect();
    for topic in [0, 63, 64, 129] {
        join(&topics[topic], 0);
    }
    join(&topics[64], 63);
    topics.iter_mut().for_each(|publisher| drop(publisher.publish(Item::update(1))));
    topics[64].publish(Item::update(2));

    assert_eq!(woken(&wakes), [(0, 1), (63, 1)]);
    assert_eq!(drained(&table, 0), [0, 63, 64, 129]);
    assert_eq!(drained(&table, 63), [64]);
    assert!(drained(&table, 0).is_empty() && drained(&table, 1).is_empty());

    topics[64].topic().leave(0);
    topics[64].publish(Item::update(3));
    assert_eq!(woken(&wakes), [(0, 1), (63, 2)]);
    assert_eq!(drained(&table, 63), [64]);
    assert!(drained(&table, 0).is_empty());
}

/// A shard that is woken by each entry.
fn join(publisher: &Publisher<Item, u64>, shard: usize) {
    let join = publisher.topic().join(shard);
    assert_eq!(publisher.topic().be_prompt(shard), join.head);
}

#[test]
fn a_patient_shard_is_woken_by_what_is_urgent_and_finds_all_else_when_it_looks() {
    let wakes = [Wakes::default(), Wakes::default()];
    let table = table_with(&wakes);
    let (mut one, mut other) = (table.register(256).unwrap(), table.register(256).unwrap());
    let _ = one.topic().join(0);
    let _ = other.topic().join(0);
    join(&one, 1);
    one.publish(Item::update(1));
    other.publish(Item::update(1));
    assert_eq!(woken(&wakes), [(1, 1)]);
    assert_eq!(drained(&table, 0), [0, 1]);

    other.publish(Item::update(2));
    other.publish(Item { is_mark: true, ..Item::update(3) });
    assert_eq!(woken(&wakes), [(0, 1), (1, 1)], "though it was marked already");
    assert_eq!(drained(&table, 0), [1]);

    one.publish(Item::update(2));
    assert_eq!(one.topic().be_prompt(0).index, 2);
    one.publish(Item::update(3));
    assert_eq!(woken(&wakes), [(0, 2), (1, 1)], "though it was marked already");
    assert_eq!(drained(&table, 0), [0]);
    one.topic().be_patient(0);
    one.publish(Item::update(4));
    assert_eq!(woken(&wakes)[0], (0, 2));
}

#[test]
fn a_table_knows_whether_some_entry_wakes_a_shard() {
    let table = table_with(&[Wakes::default(), Wakes::default()]);
    let (one, other) = (table.register(256).unwrap(), table.register(256).unwrap());
    let _ = one.topic().join(0);
    assert!(!table.is_watched_promptly(), "who has joined looks by itself");
    for (topic, shard) in [(one.topic(), 0), (one.topic(), 0), (other.topic(), 0), (one.topic(), 1)] {
        let _ = topic.be_prompt(shard);
    }
    one.topic().be_patient(0);
    one.topic().be_patient(0);
    other.topic().leave(0);
    assert!(table.is_watched_promptly(), "by the other shard");
    one.topic().leave(1);
    assert!(!table.is_watched_promptly());
}

/// The shards that were woken, and how often.
fn woken(wakes: &[Wakes]) -> Vec<(usize, usize)> {
    wakes.iter().map(Wakes::count).enumerate().filter(|&(_, count)| count > 0).collect()
}

#[test]
fn news_wake_every_shard_once() {
    let wakes = [Wakes::default(), Wakes::default()];
    let table = table_with(&wakes);
    assert_eq!(table.shards(), 2);
    table.wake_all();
    table.wake_all();
    assert_eq!(woken(&wakes), [(0, 1), (1, 1)]);
    assert!(drained(&table, 0).is_empty());
    table.wake_all();
    assert_eq!(woken(&wakes), [(0, 2), (1, 1)]);
}

#[test]
fn a_joiner_stands_at_the_head_and_its_image_is_not_ahead() {
    let table = table_with(&[Wakes::default()]);
    let mut publisher = table.register(256).unwrap();
    let topic = Arc::clone(publisher.topic());
    let join = topic.join(0);
    assert!(join.image.is_none() && join.head.index == 0);
    publisher.publish_with_image(Item { width: 5, ..Item::update(1) }, 77);
    publisher.publish(Item::update(2));
    let join = topic.join(0);
    let image = join.image.unwrap();
    assert_eq!((*image.body(), image.position().index, image.position().seq), (77, 1, 5));
    assert_eq!((join.head.index, join.head.seq), (2, 6));
    let frame = image.frame(Encoding::Json, || (*b"one").into());
    assert!(std::ptr::eq(frame, image.frame(Encoding::Json, || unreachable!("it is cached"))));
}

#[test]
fn a_topic_marked_during_a_drain_is_not_forgotten() {
    let set = DirtySet::new(10_000);
    assert!(set.mark(TopicId(9_999)) && !set.mark(TopicId(3)) && !set.mark(TopicId(3)));
    let mut drained = Vec::new();
    set.drain(|topic| {
        drained.push(topic.0);
        if topic == TopicId(3) {
            assert!(set.mark(TopicId(3)) && !set.mark(TopicId(4)));
        }
    });
    assert_eq!(drained, [3, 9_999]);
    drained.clear();
    set.drain(|topic| drained.push(topic.0));
    assert_eq!(drained, [3, 4]);
}

#[test]
fn threads_that_encode_the_same_frame_share_one() {
    let (cell, copies, start) = (FrameCell::new(), AtomicUsize::new(0), Barrier::new(4));
    let encode = || {
        copies.fetch_add(1, Ordering::Relaxed);
        [1, 2, 3].into()
    };
    let addresses: Vec<usize> = std::thread::scope(|scope| {
        let shards: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    cell.get_or_encode(Encoding::Json, encode).as_ptr() as usize
                })
            })
            .collect();
        shards.into_iter().map(|shard| shard.join().unwrap()).collect()
    });
    assert!(addresses.windows(2).all(|pair| pair[0] == pair[1]));
    assert!((1..=4).contains(&copies.into_inner()));
    assert_eq!(cell.get(Encoding::Json).unwrap().as_ptr() as usize, addresses[0]);
}
