//! Malformed frames: real ones, changed at random, go through the broker's parsers and machines.
//!
//! A stand-in for the venue, without I/O, talks to two machines. One gets what the venue sends; the other gets some of its frames
//! changed, and its requests are answered as the venue would. Nothing may panic, what cannot be read is counted, and a book
//! that is said to be live is the book of the machine that was left in peace, wherever that can be known: once the venue has been asked for
//! it anew, or once its rule of continuity has had something to see.
//!
//! The corpus are the recordings (beside the project, where `TICKCAST_FEEDS` says or in `../shared/feeds`) and the bundled samples. Each
//! target runs `TICKCAST_FUZZ_SECONDS` long (8 unless said, which is a minute for all). Runs are numbered, and each is decided by its number: what fails
//! prints it, and `TICKCAST_FUZZ_SEED=NUMBER` begins with that one.

#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::print_stderr, reason = "a failure tells what it takes to repeat it")]

#[path = "../common/mod.rs"]
mod common;
mod corpus;
mod doubt;
mod line;
mod mutate;

use corpus::Corpus;
use doubt::Doubts;
use feed_replay::serve::Limits;
use feed_replay::source::{Item, Kind};
use feed_replay::stand_in::{ConnId, Moment, Out, Outbox, StandIn};
use feed_replay::venue::{ClassKind, Venue};
use line::Line;
use mutate::{Random, mutated};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

/// From one record to the next: fast enough for a run to see books fetched anew, and slow enough for no pace to hold that up.
const STEP_NS: u64 = 50_000_000;
/// The same at the end, where a machine fetches all its books at the pace that the venue allows.
const LONG_STEP_NS: u64 = 1_000_000_000;
const START_NS: u64 = 1_700_000_000_000_000_000;
/// Rounds in which nothing is changed any more, at the end of a run.
const PEACE: usize = 150;
/// Of these the last: books that change in them have begun anew.
const SETTLED: usize = 50;
const LEFT_IN_PEACE: ConnId = 1;
const CHANGED: ConnId = 2;

macro_rules! targets {
    ($($name:ident: $venue:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            fuzz(Venue::$venue);
        })*
    };
}

targets! {
    binance: Binance,
    binance_usd_m: BinanceUsdM,
    binance_coin_m: BinanceCoinM,
    bybit: Bybit,
    coinbase: Coinbase,
    kraken: Kraken,
    okx: Okx,
}

fn fuzz(venue: Venue) {
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let corpora = corpus::of(venue);
    let until = Instant::now() + Duration::from_secs(number("TICKCAST_FUZZ_SECONDS", 8));
    let first = number("TICKCAST_FUZZ_SEED", 1);
    let (mut runs, mut changed, mut compared) = (0, 0, 0);
    for seed in first.. {
        let corpus = &corpora[seed as usize % corpora.len()];
        let mut run = Run::new(corpus, seed);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run.play())) {
            let frame = String::from_utf8_lossy(&run.last);
            eprintln!(
                "{venue}: TICKCAST_FUZZ_SEED={seed} ({}), the frame changed last: {frame}",
                corpus.name
            );
            resume_unwind(panic);
        }
        runs += 1;
        changed += run.changed;
        compared += run.compared;
        if Instant::now() >= until {
            break;
        }
    }
    eprintln!("{venue}: {runs} runs from seed {first}, {changed} frames changed, {compared} books compared");
    assert!(changed > 0 && compared > changed / 10, "hardly anything was compared");
}

/// One recording's beginning, played once.
struct Run<'a> {
    corpus: &'a Corpus,
    random: Random,
    stand_in: Box<dyn StandIn>,
    in_peace: Line,
    disturbed: Line,
    doubts: Doubts,
    now: u64,
    /// One frame in so many is changed.
    rarity: usize,
    /// The frame changed last, as it was delivered.
    last: Vec<u8>,
    /// Another one, that pieces are taken from.
    other: Vec<u8>,
    changed: u64,
    compared: u64,
}

impl<'a> Run<'a> {
    fn new(corpus: &'a Corpus, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut stand_in = corpus.venue.stand_in(&Limits::default());
        corpus.items.iter().for_each(|item| stand_in.survey(item));
        stand_in.surveyed();
        let line = |conn| Line::new(corpus.venue, conn, &corpus.symbols, corpus.depth);
        Self {
            corpus,
            rarity: [2, 8, 40][random.below(3)],
            random,
            stand_in,
            in_peace: line(LEFT_IN_PEACE),
            disturbed: line(CHANGED),
            doubts: Doubts::new(corpus),
            now: START_NS,
            last: Vec::new(),
            other: Vec::new(),
            changed: 0,
            compared: 0,
        }
    }

    fn play(&mut self) {
        self.in_peace.connect(self.now, &mut *self.stand_in);
        self.disturbed.connect(self.now, &mut *self.stand_in);
        self.serve();
        let peace = self.corpus.items.len() - PEACE;
        let changes = |line: &Line| line.books.values().map(|book| book.changes).collect::<Vec<_>>();
        let mut settled = Vec::new();
        for (n, item) in self.corpus.items.iter().enumerate() {
            if n == peace {
                // Whatever it was made to believe, a new connection sets it right.
                self.disturbed.disconnect(self.now, &mut *self.stand_in);
                self.disturbed.connect(self.now, &mut *self.stand_in);
                self.doubts.none();
            }
            if n == self.corpus.items.len() - SETTLED {
                settled = changes(&self.in_peace);
            }
            self.step(item, n < peace);
        }
        for ((symbol, book), settled) in self.in_peace.books.iter().zip(settled) {
            let disturbed = &self.disturbed.books[symbol];
            let is_settled = book.changes < settled + 2 || disturbed.state == book.state;
            assert!(is_settled, "{symbol} is {:?} at the end", disturbed.state);
        }
    }

    fn step(&mut self, item: &Item, is_disturbing: bool) {
        self.now += if is_disturbing { STEP_NS } else { LONG_STEP_NS };
        let mut out = Outbox::default();
        self.stand_in.play(item, &Moment::as_recorded(), &mut out);
        let before: Vec<_> = self.in_peace.books.values().map(|book| book.changes).collect();
        let (peaceful, rest): (Vec<_>, Vec<_>) =
            out.0.into_iter().partition(|(conn, _)| *conn == LEFT_IN_PEACE);
        self.in_peace.take(self.now, Outbox(peaceful));
        let moved = self.in_peace.books.iter().zip(before);
        let moved: Vec<_> = moved
            .filter(|((_, book), before)| book.changes != *before)
            .map(|((symbol, _), _)| symbol.clone())
            .collect();
        for (_, out) in rest.into_iter().filter(|(conn, _)| *conn == CHANGED) {
            let Out::Text(text) = out else { continue };
            if is_disturbing && item.kind == Kind::Frame && self.random.one_in(self.rarity) {
                self.disturb(text.as_bytes(), &moved);
            } else {
                self.disturbed.frame(self.now, text.as_bytes());
                self.doubts.undisturbed(&moved);
            }
            self.other = text.as_bytes().to_vec();
        }
        self.serve();
        self.compare();
    }

    /// Delivers a changed frame; `moved` are the books that the frame as it was has changed.
    fn disturb(&mut self, frame: &[u8], moved: &[String]) {
        self.last = mutated(frame, &self.other, &mut self.random);
        if self.last == frame {
            return self.disturbed.frame(self.now, frame);
        }
        self.changed += 1;
        let class = self.corpus.venue.classify(std::str::from_utf8(frame).unwrap());
        let about = (class.kind == ClassKind::Data).then(|| class.symbol.into_owned());
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(&self.last).is_ok();
        let malformed = self.disturbed.malformed();
        let changes: Vec<_> = self.disturbed.books.values().map(|book| book.changes).collect();
        let bytes = std::mem::take(&mut self.last);
        self.disturbed.frame(self.now, &bytes);
        self.last = bytes;
        if !is_json {
            assert!(self.disturbed.malformed() > malformed, "what cannot be read is counted");
        }
        let touched = self.disturbed.books.iter().zip(changes);
        let touched =
            touched.filter(|((_, book), before)| book.changes != *before).map(|((name, _), _)| name);
        self.doubts.disturbed(about.iter().chain(touched), moved, is_json, &self.disturbed.books);
        for symbol in moved.iter().filter(|_| !is_json && self.corpus.names_book(&self.last)) {
            let named = self.corpus.names_symbol(&self.last, symbol);
            let book = &self.disturbed.books[symbol];
            assert!(!named || !book.is_live(), "{symbol}: a change of its book is missing, and it is live");
        }
    }

    fn serve(&mut self) {
        let mut out = Outbox::default();
        self.stand_in.tick(self.now, false, &mut out);
        for line in [&mut self.in_peace, &mut self.disturbed] {
            let of_line = out.0.iter().filter(|(conn, _)| *conn == line.conn).cloned().collect();
            line.take(self.now, Outbox(of_line));
            line.serve(self.now, &mut *self.stand_in);
        }
        self.doubts.look(&self.disturbed.books);
    }

    fn compare(&mut self) {
        for (symbol, book) in &self.disturbed.books {
            let right = &self.in_peace.books[symbol];
            if book.is_live() && right.is_live() && !self.doubts.about(symbol) {
                assert!(book.equals(right), "{symbol} is live and wrong: {book:?}\nright is {right:?}");
                self.compared += 1;
            }
        }
    }
}
