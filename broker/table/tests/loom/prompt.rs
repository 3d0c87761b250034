//! A shard that is not woken by each entry loses none, and is woken by what is urgent.

use crate::explore::{Item, Model};
use crate::join::Subscriber;
use loom::sync::Notify;
use loom::thread;
use std::sync::Arc;
use table::mutant::Mutant;
use table::{Publisher, Table, Wake};

struct Sleeper(Arc<Notify>);

impl Wake for Sleeper {
    fn wake(&self) {
        self.0.notify();
    }
}

/// A topic of a table whose only shard sleeps until it is woken.
fn topic() -> (Table<Item, u64>, Publisher<Item, u64>, Arc<Notify>) {
    let wake = Arc::new(Notify::new());
    let table = Table::new(2, usize::MAX, vec![Box::new(Sleeper(Arc::clone(&wake))) as Box<dyn Wake>]);
    let publisher = table.register(4).unwrap();
    (table, publisher, wake)
}

const HASTENED: Model = Model { preemptions: 7, run: hastened };

/// A shard that looks by itself is to be prompt from some time on: it is woken for all that it did not see then.
fn hastened() {
    let (table, mut publisher, wake) = topic();
    let mut subscriber = Subscriber::join(0, Arc::clone(publisher.topic()));
    let feed = thread::spawn(move || {
        publisher.publish(Item::update(1));
        publisher.publish(Item::update(2));
    });
    subscriber.be_prompt();
    while !subscriber.has_all(2) {
        wake.wait();
        subscriber.serve(&table);
    }
    feed.join().unwrap();
    subscriber.assert_has_all(2);
}

const URGENT: Model = Model { preemptions: 7, run: urgent };

/// What is urgent wakes it, also if the topic is marked already, and with it comes what was before.
fn urgent() {
    let (table, mut publisher, wake) = topic();
    let mut subscriber = Subscriber::join(0, Arc::clone(publisher.topic()));
    let feed = thread::spawn(move || {
        publisher.publish(Item::update(1));
        publisher.publish(Item { is_mark: true, ..Item::update(2) });
    });
    while !subscriber.has_all(2) {
        wake.wait();
        subscriber.serve(&table);
    }
    feed.join().unwrap();
    subscriber.assert_has_all(2);
}

#[test]
fn who_is_to_be_prompt_is_woken_for_all_it_has_not_seen() {
    HASTENED.holds();
}

#[test]
fn what_is_urgent_wakes_who_is_patient() {
    URGENT.holds();
}

#[test]
fn mutants_of_promptness_are_found() {
    HASTENED.finds(&[Mutant::PromptReadBeforeHead, Mutant::PromptAfterHead, Mutant::NoteIsForgotten]);
    URGENT.finds(&[Mutant::NoteIsForgotten]);
}
