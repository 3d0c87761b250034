//! The whole path with real threads: publishers, shards that sleep and are woken, joins and leaves, lapping and eviction.
#![cfg(not(loom))]
#![allow(clippy::unwrap_used, reason = "clippy takes only the functions marked as tests for tests")]

mod common;

use common::Item;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;
use table::{CHUNK_ENTRIES, IMAGE_ENTRIES, Position, Publisher, Resume, Table, Topic, Wake};

const TOPICS: usize = 8;
const ENTRIES: u64 = 20_000;

/// A permit that a shard waits for.
#[derive(Clone, Default)]
struct Permit(Arc<(Mutex<bool>, Condvar)>);

impl Wake for Permit {
    fn wake(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_one();
    }
}

impl Permit {
    /// Waits until it is woken. A lost wake-up shows as a panic and not as a test that hangs.
    fn wait(&self) {
        let guard = self.0.0.lock().unwrap();
        let limit = Duration::from_secs(60);
        let (mut guard, result) = self.0.1.wait_timeout_while(guard, limit, |is_there| !*is_there).unwrap();
        assert!(!result.timed_out(), "a wake-up was lost");
        *guard = false;
    }
}

/// One subscriber of one topic, as a shard would serve it.
struct Subscriber {
    topic: Arc<Topic<Item, u64>>,
    stand: Position,
    lapped: u64,
}

impl Subscriber {
    fn join(topic: &Arc<Topic<Item, u64>>, shard: usize) -> Self {
        let join = topic.join(shard);
        let stand = join.image.as_ref().map_or(Position::START, |image| image.position());
        assert!(stand.index <= join.head.index);
        if let Some(image) = &join.image {
            assert_eq!(*image.body(), stand.index);
        }
        let mut subscriber = Self { topic: Arc::clone(topic), stand, lapped: 0 };
        subscriber.advance(join.head);
        subscriber.advance(topic.be_prompt(shard));
        subscriber
    }

    fn advance(&mut self, head: Position) {
        assert!(head.index >= self.stand.index && head.seq >= self.stand.seq);
        while self.stand.index < head.index {
            let stand = &mut self.stand;
            let result = self.topic.read_range(stand.index + 1, head.index, |entry| {
                assert_eq!(entry.before(), *stand, "entries tile");
                assert_eq!(entry.record().value, entry.index());
                *stand = entry.position();
            });
            if result.is_err() {
                self.lapped += 1;
                self.stand = self.topic.oldest().unwrap().before();
            }
        }
    }
}

fn publish(publisher: &mut Publisher<Item, u64>) {
    let value = publisher.position().index + 1;
    let item = Item { width: 1 + value % 3, ..Item::update(value) };
    match publisher.image_is_due() {
        true => drop(publisher.publish_with_image(item, value)),
        false => drop(publisher.publish(item)),
    }
}

/// Serves all topics until each has come to its end; leaves and joins again now and then.
fn shard(table: &Table<Item, u64>, shard: usize, permit: &Permit) -> u64 {
    let mut subscribers: Vec<_> = table.topics().map(|topic| Subscriber::join(topic, shard)).collect();
    let is_at_end = |subscriber: &Subscriber| subscriber.stand.index == ENTRIES;
    let mut turns = 0;
    while !subscribers.iter().all(is_at_end) {
        permit.wait();
        let mut dirty = Vec::new();
        table.drain(shard, |topic| dirty.push(topic));
        for topic in dirty {
            let subscriber = &mut subscribers[topic.0 as usize];
            subscriber.advance(subscriber.topic.head());
        }
        turns += 1;
        if turns % 16 == 0 {
            let subscriber = &mut subscribers[turns % TOPICS];
            subscriber.topic.leave(shard);
            let lapped = subscriber.lapped;
            *subscriber = Subscriber::join(&Arc::clone(&subscriber.topic), shard);
            subscriber.lapped += lapped;
        }
    }
    subscribers.iter().map(|subscriber| subscriber.lapped).sum()
}

/// Publishers on two threads, shards on two others, with a log and a budget of the given sizes.
fn run(log_entries: usize, log_bytes_max: usize) -> (Table<Item, u64>, u64) {
    let permits = [Permit::default(), Permit::default()];
    let wakes = permits.iter().map(|permit| Box::new(permit.clone()) as Box<dyn Wake>).collect();
    let table = Table::new(TOPICS as u32, log_bytes_max, wakes);
    let mut publishers: Vec<_> = (0..TOPICS).map(|_| table.register(log_entries).unwrap()).collect();
    let lapped = std::thread::scope(|scope| {
        let shards: Vec<_> = permits
            .iter()
            .enumerate()
            .map(|(number, permit)| {
                scope.spawn({
                    let table = &table;
                    move || shard(table, number, permit)
                })
            })
            .collect();
        for publishers in publishers.chunks_mut(TOPICS / 2) {
            scope.spawn(move || (0..ENTRIES).for_each(|_| publishers.iter_mut().for_each(publish)));
        }
        shards.into_iter().map(|shard| shard.join().unwrap()).sum()
    });
    (table, lapped)
}

#[test]
fn every_shard_gets_every_entry_to_the_end() {
    let (table, lapped) = run(ENTRIES as usize, usize::MAX);
    assert_eq!((lapped, table.budget().evicted()), (0, 0));
}

#[test]
fn short_logs_and_a_small_budget_lap_readers_but_never_mislead_them() {
    let (table, lapped) = run(128, 100_000);
    println!("lapped {lapped} times, {} chunks evicted", table.budget().evicted());
    assert!(table.budget().evicted() > 0);
    let kept = TOPICS * (IMAGE_ENTRIES + CHUNK_ENTRIES) as usize * 500;
    assert!(table.budget().bytes() <= 100_000 + kept, "{}", table.budget().bytes());
}

#[test]
fn a_resume_beside_a_publisher_finds_its_place_or_says_that_it_is_gone() {
    let table: Table<Item, u64> = Table::new(1, usize::MAX, Vec::new());
    let mut publisher = table.register(100).unwrap();
    let topic = Arc::clone(publisher.topic());
    let is_done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (0..ENTRIES).for_each(|_| publish(&mut publisher));
            is_done.store(true, Ordering::Release);
        });
        let mut step = 0;
        while !is_done.load(Ordering::Acquire) {
            let head = topic.head();
            step = (step + 7) % 400;
            let seq = head.seq.saturating_sub(step);
            match topic.resume(seq) {
                Resume::At(position) => {
                    assert_eq!(position.seq, seq);
                    let next = topic.read(position.index + 1);
                    assert!(next.is_none_or(|next| next.first() <= seq + 1 && seq < next.last()));
                }
                Resume::TooOld => assert!(topic.oldest().unwrap().first() > seq + 1),
                Resume::Beyond => panic!("{seq} is not beyond {head:?}"),
            }
            if let Some(latest) = topic.latest() {
                assert!(latest.index() >= head.index && latest.record().value == latest.index());
            }
        }
    });
    assert_eq!(topic.head().index, ENTRIES);
}
