//! A topic's log, against a list of everything that was published.
#![cfg(not(loom))]

mod common;

use common::{Item, table};
use proptest::collection::vec;
use proptest::prelude::*;
use std::sync::Arc;
use table::{CHUNK_ENTRIES, Entry, IMAGE_ENTRIES, Lapped, Position, Publisher, Resume, Topic, TopicOptions};

/// What was published, with the sequence numbers it should have.
struct Published {
    entries: Vec<(u64, u64, Item)>,
}

impl Published {
    fn new(items: &[Item], publisher: &mut Publisher<Item, u64>) -> Self {
        let mut last = 0;
        let mut entries = Vec::new();
        for item in items {
            let (first, width) = (last + 1, item.width.max(1));
            last += width;
            let entry = publisher.publish(item.clone());
            assert_eq!((entry.first(), entry.last()), (first, last));
            entries.push((first, last, item.clone()));
        }
        Self { entries }
    }

    fn head(&self) -> Position {
        Position { index: self.entries.len() as u64, seq: self.entries.last().map_or(0, |entry| entry.1) }
    }

    fn assert_is(&self, index: u64, entry: &Entry<Item>) {
        let (first, last, item) = &self.entries[index as usize - 1];
        assert_eq!((entry.index(), entry.first(), entry.last()), (index, *first, *last));
        assert_eq!(entry.record(), item);
        assert_eq!(entry.position(), Position { index, seq: *last });
        assert_eq!(entry.before(), Position { index: index - 1, seq: first - 1 });
    }

    /// The first index that can be read; from there on all can, and are right.
    fn first_readable(&self, topic: &Topic<Item, u64>) -> u64 {
        let head = self.head().index;
        let first = (1..=head).find(|&index| topic.read(index).is_some()).unwrap_or(head + 1);
        for index in first..=head {
            self.assert_is(index, &topic.read(index).expect("what is readable is the end of the log"));
        }
        assert!(topic.read(0).is_none() && topic.read(head + 1).is_none() && topic.read(u64::MAX).is_none());
        first
    }

    /// What `resume` must say of a sequence number when the log begins at an index.
    fn resume(&self, seq: u64, first_readable: u64) -> Resume {
        let head = self.head();
        if seq > head.seq {
            return Resume::Beyond;
        }
        if seq == head.seq {
            return Resume::At(head);
        }
        let next = self.entries.partition_point(|&(_, last, _)| last <= seq) as u64 + 1;
        if next < first_readable { Resume::TooOld } else { Resume::At(Position { index: next - 1, seq }) }
    }

    fn marks(&self, after: u64, up_to: u64) -> Vec<u64> {
        let within =
            |&&(first, last, ref item): &&(u64, u64, Item)| item.is_mark && first > after && last <= up_to;
        self.entries.iter().filter(within).map(|entry| entry.0).collect()
    }
}

fn items(max: usize) -> impl Strategy<Value = Vec<Item>> {
    let item = (0..4_u64, prop::bool::weighted(0.1), 0..2_000_usize).prop_map(|(width, is_mark, bytes)| {
        let width = if is_mark { 1 } else { width };
        Item { value: 0, width, is_mark, holds_on: false, bytes }
    });
    vec(item, 0..max).prop_map(|mut items| {
        for (value, item) in items.iter_mut().enumerate() {
            item.value = value as u64;
        }
        items
    })
}

fn assert_ranges(published: &Published, topic: &Topic<Item, u64>, first_readable: u64) {
    let head = published.head().index;
    for first in [1, first_readable, first_readable.saturating_sub(1).max(1), head.max(1)] {
        let mut next = first;
        let result = topic.read_range(first, head, |entry| {
            published.assert_is(next, &entry);
            next += 1;
        });
        let expected =
            if first < first_readable && first <= head { Err(Lapped { index: first }) } else { Ok(()) };
        assert_eq!(result, expected);
        assert_eq!(next, if expected.is_ok() { head.max(first - 1) + 1 } else { first });
    }
}

fn assert_resumes(published: &Published, topic: &Topic<Item, u64>, first_readable: u64) {
    for seq in 0..published.head().seq + 3 {
        let expected = published.resume(seq, first_readable);
        assert_eq!(topic.resume(seq), expected, "after {seq}, readable from {first_readable}");
        let Resume::At(position) = expected else {
            assert_eq!(topic.after(seq), None);
            continue;
        };
        assert_eq!(topic.after(seq), Some(position));
        if let Some(next) = topic.read(position.index + 1) {
            assert!(
                next.first() <= seq + 1 && seq < next.last(),
                "the entry that follows holds the next number"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn the_last_entries_are_readable_and_nothing_else_is_taken_for_them(
        items in items(600),
        log_entries in 0..300_usize,
    ) {
        let mut publisher = table(usize::MAX).register(log_entries).unwrap();
        let published = Published::new(&items, &mut publisher);
        let topic = publisher.topic();
        prop_assert_eq!(topic.head(), published.head());
        prop_assert_eq!(publisher.position(), published.head());

        let first = published.first_readable(topic);
        let readable = published.head().index + 1 - first;
        prop_assert!(readable >= (log_entries as u64).min(published.head().index));
        prop_assert!(readable <= IMAGE_ENTRIES.max(log_entries as u64) + 2 * CHUNK_ENTRIES);
        prop_assert_eq!(topic.oldest().map(|oldest| oldest.index()), (first <= published.head().index).then_some(first));
        prop_assert_eq!(topic.latest().map(|latest| latest.position()).unwrap_or_default(), published.head());
        assert_ranges(&published, topic, first);
        assert_resumes(&published, topic, first);
    }

    #[test]
    fn eviction_takes_the_oldest_chunks_and_never_the_open_one(
        items in items(600),
        log_bytes_max in 0..400_000_usize,
    ) {
        let table = table(log_bytes_max);
        let mut publisher = table.register(100_000).unwrap();
        let published = Published::new(&items, &mut publisher);
        let topic = publisher.topic();
        let first = published.first_readable(topic);
        let open = published.head().index.saturating_sub(1) / CHUNK_ENTRIES * CHUNK_ENTRIES + 1;
        prop_assert!(first <= open);
        prop_assert!(first == open || table.budget().bytes() <= log_bytes_max);
        prop_assert_eq!(table.budget().evicted_entries(), first - 1);
        assert_ranges(&published, topic, first);
        assert_resumes(&published, topic, first);
    }

    #[test]
    fn marks_are_known_beyond_the_log(
        items in items(600),
        marks_max in 1..40_usize,
        ranges in vec((0..900_u64, 0..900_u64), 20),
    ) {
        let options = TopicOptions { log_entries: 1, marks_max, marks_bytes_max: usize::MAX };
        let mut publisher = table(usize::MAX).register_with(options).unwrap();
        let published = Published::new(&items, &mut publisher);
        for (after, up_to) in ranges {
            let marks = publisher.topic().marks_between(after, up_to);
            let found: Vec<u64> = marks.entries.iter().map(|entry| entry.first()).collect();
            let expected = published.marks(after, up_to);
            prop_assert!(expected.ends_with(&found));
            // What was forgotten may lie behind the range, but nothing in it may be missing from what is called complete.
            prop_assert!(!marks.complete || found == expected);
            let all = published.marks(after, u64::MAX).len();
            prop_assert_eq!(marks.complete, all <= marks_max);
        }
    }
}

#[test]
fn marks_that_take_much_memory_are_few_but_never_none() {
    let options = TopicOptions { marks_bytes_max: 10_000, ..TopicOptions::default() };
    let mut publisher = table(usize::MAX).register_with(options).unwrap();
    let small = Item { bytes: 1_000, ..Item::mark(0) };
    (0..20).for_each(|_| drop(publisher.publish(small.clone())));
    let kept = publisher.topic().marks_between(0, 20);
    assert!((5..10).contains(&kept.entries.len()) && !kept.complete, "{}", kept.entries.len());

    publisher.publish(Item { bytes: 1_000_000, ..Item::mark(0) });
    let kept = publisher.topic().marks_between(0, 21);
    assert_eq!(kept.entries.iter().map(|entry| entry.first()).collect::<Vec<_>>(), [21]);
    assert!(!kept.complete && publisher.topic().marks_between(20, 21).complete);
}

#[test]
fn the_last_mark_that_holds_on_is_kept_behind_any_number_of_others() {
    let mut publisher = table(usize::MAX).register(1).unwrap();
    let state = Item { holds_on: true, ..Item::mark(0) };
    [&state, &state].into_iter().for_each(|item| drop(publisher.publish(item.clone())));
    (0..1_000).for_each(|_| drop(publisher.publish(Item::mark(0))));
    let kept = publisher.topic().marks_between(0, 2_000);
    let firsts: Vec<u64> = kept.entries.iter().map(|entry| entry.first()).collect();
    let marks_max = TopicOptions::default().marks_max as u64;
    assert_eq!(firsts, [2].into_iter().chain(1_003 - marks_max..=1_002).collect::<Vec<_>>());
    assert!(!kept.complete && publisher.topic().marks_between(1_002 - marks_max, 2_000).complete);
}

#[test]
fn a_topic_without_entries_has_a_beginning_and_no_more() {
    let publisher = table(usize::MAX).register(256).unwrap();
    let topic = publisher.topic();
    assert_eq!(topic.head(), Position::START);
    assert!(topic.latest().is_none() && topic.oldest().is_none() && topic.image().is_none());
    assert_eq!((topic.resume(0), topic.resume(1)), (Resume::At(Position::START), Resume::Beyond));
    let marks = topic.marks_between(0, 100);
    assert!(marks.entries.is_empty() && marks.complete);
}

#[test]
fn an_image_that_comes_when_it_is_due_is_always_within_the_reach_of_the_log() {
    let table = table(0);
    let mut publisher = table.register(10_000).unwrap();
    for value in 0..1_000 {
        if publisher.image_is_due() {
            publisher.publish_with_image(Item::update(value), value);
        } else {
            publisher.publish(Item::update(value));
        }
        let topic = publisher.topic();
        let image = topic.image().expect("the first entry brings one");
        let mut values = vec![*image.body()];
        topic
            .read_range(image.position().index + 1, topic.head().index, |entry| {
                values.push(entry.record().value)
            })
            .expect("the log reaches back to the image");
        assert_eq!(values.last(), Some(&value));
        assert!(values.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
    let before_image = 999 / IMAGE_ENTRIES * IMAGE_ENTRIES;
    assert_eq!(table.budget().evicted(), before_image / CHUNK_ENTRIES);
}

#[test]
fn a_reader_that_holds_a_chunk_reads_it_to_its_end_though_it_was_lapped() {
    let mut publisher = table(usize::MAX).register(1).unwrap();
    let topic = Arc::clone(publisher.topic());
    (1..=CHUNK_ENTRIES).for_each(|value| drop(publisher.publish(Item::update(value))));
    let mut reader = topic.reader(1, CHUNK_ENTRIES + 1);
    assert_eq!(reader.next().unwrap().map(|entry| entry.record().value), Some(1));
    (1..=IMAGE_ENTRIES + 3 * CHUNK_ENTRIES).for_each(|value| drop(publisher.publish(Item::update(value))));
    for value in 2..=CHUNK_ENTRIES {
        assert_eq!(reader.next().unwrap().map(|entry| entry.record().value), Some(value));
    }
    assert_eq!(reader.next().unwrap_err(), Lapped { index: CHUNK_ENTRIES + 1 });
}
