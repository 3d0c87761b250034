//! A head never includes a mark that the topic's marks do not show.

use crate::explore::{Item, Model, table};
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;

const MARKS: Model = Model { preemptions: 8, run: marks };

fn marks() {
    let mut publisher = table(usize::MAX, 0).register(4).unwrap();
    let topic = Arc::clone(publisher.topic());
    let feed = thread::spawn(move || {
        for value in 1..=2 {
            publisher.publish(Item { is_mark: true, ..Item::update(value) });
        }
    });
    let head = topic.head_index();
    let marks = topic.marks_between(0, head);
    let values: Vec<u64> = marks.entries.iter().map(|entry| entry.record().value).collect();
    assert_eq!(values, (1..=head).collect::<Vec<_>>());
    assert!(marks.complete);
    feed.join().unwrap();
}

#[test]
fn marks_are_visible_before_the_head_that_includes_them() {
    MARKS.holds();
}

#[test]
fn mutants_of_marks_are_found() {
    MARKS.finds(&[Mutant::HeadBeforeMarks]);
}
