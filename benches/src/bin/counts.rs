//! Runs a path that must not drift, so that callgrind can count its instructions: `counts PATH` prints how many operations it
//! did, `counts` alone lists the paths. `benches/counts.py` runs them all and compares the counts with the committed ones.
//!
//! The counts are callgrind's own, without a harness around it: gungraun would do the same with its runner, which alone takes
//! longer to install than all of this may take.

use benches::events::event;
use benches::frames::{Kind, binance, kraken, ticks};
use benches::joiners::Joiners;
use benches::topics::Topics;
use benches::way_in::{SYMBOLS, WayIn};
use feed::settings::IMAGE_EVERY;
use feed::venue::Venue;
use schemas::model::{Channel, Symbol};
use schemas::venue::{self, Parser};
use schemas::wire::{SeqRange, frame, websocket};
use std::hint::black_box;
use std::io::Write;
use std::process::ExitCode;

/// After these rounds all logs are full and all buffers have grown.
const WARM_ROUNDS: usize = 400;
/// Of the others each is counted. Every 64 of them a log opens a chunk and drops an older one.
const ROUNDS: usize = WARM_ROUNDS + 128;
/// Topics that are written, read and joined in a round.
const TOPICS: usize = 20;

/// What was counted so far.
#[derive(Default)]
struct Counter {
    operations: usize,
}

type Path = (&'static str, fn(&mut Counter));

const PATHS: [Path; 11] = [
    ("parse_binance_book_ticker", |counter| parse(counter, binance::BOOK_TICKER)),
    ("parse_binance_trade", |counter| parse(counter, binance::TRADE)),
    ("way_in_binance_book_ticker", |counter| way_in(counter, Venue::Binance, binance::BOOK_TICKER)),
    ("way_in_binance_trade", |counter| way_in(counter, Venue::Binance, binance::TRADE)),
    ("way_in_binance_depth_update", |counter| way_in(counter, Venue::Binance, binance::DEPTH_UPDATE)),
    ("way_in_kraken_book", |counter| way_in(counter, Venue::Kraken, kraken::BOOK)),
    ("way_in_tick_line", |counter| way_in(counter, Venue::Ticks, ticks::QUOTE)),
    ("publish", publish),
    ("drain", drain),
    ("encode_quotes", encode_quotes),
    ("join_from_cache", join),
];

fn main() -> ExitCode {
    let wanted = std::env::args().nth(1);
    let mut out = std::io::stdout().lock();
    let outcome = match &wanted {
        None => PATHS.iter().try_for_each(|(name, _)| writeln!(out, "{name}")),
        Some(wanted) => match PATHS.iter().find(|(name, _)| name == wanted) {
            Some((_, run)) => {
                let mut counter = Counter::default();
                run(&mut counter);
                writeln!(out, "{}", counter.operations)
            }
            None => return ExitCode::from(2),
        },
    };
    if outcome.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Counter {
    /// Does the work of a round, which is so many operations, and counts it if the rounds before have warmed it up.
    fn round<T>(&mut self, round: usize, operations: usize, work: impl FnOnce() -> T) {
        let mut work = Some(work);
        let mut once = || drop(black_box(work.take().map(|work| work())));
        // Called through a pointer, so that it is compiled once for both.
        let work: &mut dyn FnMut() = black_box(&mut once);
        if round < WARM_ROUNDS {
            return work();
        }
        self.operations += operations;
        collected(work);
    }
}

/// Callgrind counts what happens in here, by this name.
#[inline(never)]
fn collected(work: &mut dyn FnMut()) {
    work();
}

fn parse(counter: &mut Counter, kind: Kind) {
    let mut parser = Parser::default();
    for round in 0..ROUNDS {
        let mut frame = (kind.write)(0, round as u64).into_bytes();
        let read = || drop(black_box(venue::binance::parse(&mut frame, &mut parser).expect("a message")));
        counter.round(round, 1, read);
    }
}

fn way_in(counter: &mut Counter, venue: Venue, kind: Kind) {
    let mut way_in = WayIn::new(venue, kind, IMAGE_EVERY);
    for round in 0..ROUNDS {
        let mut frames = way_in.next_round();
        counter.round(round, SYMBOLS, || frames.iter_mut().for_each(|frame| way_in.receive(frame)));
        way_in.drain();
    }
    assert!(way_in.published() >= (ROUNDS * SYMBOLS) as u64, "each frame makes an entry");
}

fn publish(counter: &mut Counter) {
    let mut topics = Topics::new(TOPICS as u32, 1);
    for round in 0..ROUNDS {
        let records = topics.next_records(TOPICS);
        counter.round(round, TOPICS, || topics.publish(records));
        topics.forget();
    }
}

/// Twenty topics of a thousand.
fn drain(counter: &mut Counter) {
    let mut topics = Topics::new(1_000, 1);
    for round in 0..ROUNDS {
        topics.publish_scattered(TOPICS);
        counter.round(round, 1, || assert_eq!(topics.drain(0), TOPICS as u64));
    }
}

fn encode_quotes(counter: &mut Counter) {
    let symbol = Symbol::new("binance", "BTCUSDT").expect("a symbol");
    let topic = frame::Topic { channel: Channel::Quotes, symbol: &symbol, epoch: "6b01777b-6e2c" };
    for round in 0..ROUNDS {
        let seq = SeqRange::new(round as u64, round as u64);
        let event = event(Channel::Quotes, round as u64);
        counter.round(round, 1, || websocket::text_of(|out| frame::entry(out, topic, seq, &event)));
    }
}

fn join(counter: &mut Counter) {
    let mut joiners = Joiners::new(Channel::Quotes, TOPICS, 0);
    for round in 0..ROUNDS {
        counter.round(round, TOPICS, || joiners.join());
    }
}
