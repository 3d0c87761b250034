//! Shards come and go while a topic is published, and the last to come misses nothing.

use crate::explore::{Item, Model, table};
use crate::join::Subscriber;
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;

const INTEREST: Model = Model { preemptions: 4, run: interest };

fn interest() {
    let table = Arc::new(table(usize::MAX, 2));
    let mut publisher = table.register(4).unwrap();
    let topic = Arc::clone(publisher.topic());
    let other = {
        let (table, topic) = (Arc::clone(&table), Arc::clone(&topic));
        thread::spawn(move || {
            drop(Subscriber::join(1, Arc::clone(&topic)));
            topic.leave(1);
            let mut subscriber = Subscriber::join(1, topic);
            subscriber.serve(&table);
            subscriber
        })
    };
    let feed = thread::spawn(move || drop(publisher.publish(Item::update(1))));
    let mut subscriber = Subscriber::join(0, topic);
    subscriber.serve(&table);
    feed.join().unwrap();
    let mut other = other.join().unwrap();
    subscriber.serve(&table);
    other.serve(&table);
    subscriber.assert_has_all(1);
    other.assert_has_all(1);
}

const LEAVE: Model = Model { preemptions: 8, run: leave };

fn leave() {
    let table = Arc::new(table(usize::MAX, 1));
    let mut publisher = table.register(4).unwrap();
    let topic = Arc::clone(publisher.topic());
    drop(topic.join(0));
    let feed = thread::spawn(move || {
        publisher.publish(Item::update(1));
        publisher
    });
    topic.leave(0);
    let mut publisher = feed.join().unwrap();
    table.drain(0, |_| {});
    publisher.publish(Item::update(2));
    table.drain(0, |topic| panic!("{topic:?} was left before it changed"));
}

#[test]
fn a_shard_that_left_and_came_back_misses_nothing() {
    INTEREST.holds();
}

#[test]
fn a_shard_that_left_is_told_no_more() {
    LEAVE.holds();
}

#[test]
fn mutants_of_interest_are_found() {
    INTEREST.finds(&[Mutant::JoinInterestIsStore, Mutant::LeaveInterestIsStore]);
}
