use super::*;
use crate::book::BookDepth;
use crate::settings::Settings;
use crate::testing::{decimal, level, market, ms, story};
use schemas::model::TradeId;

const ACME: &str = "test:ACME";

fn open(change: impl Fn(&mut Settings)) -> (Arc<crate::market::Market>, SymbolPublishers) {
    let market = market();
    let mut settings = Settings::new("test", "e-1");
    change(&mut settings);
    let publishers = market.open(&settings, &["ACME"]).unwrap().remove(0);
    (market, publishers)
}

fn trade(id: u64) -> Trade {
    Trade { id: Some(TradeId::Number(id)), ts: None, price: decimal("1"), size: decimal("2"), side: None }
}

fn quote(bid: &str) -> Quote {
    Quote { bid: Some(decimal(bid)), ..Quote::default() }
}

fn book() -> Book {
    let mut book = Book::new(BookDepth::whole(10));
    book.reset(&[level("99", "1"), level("98", "1")], &[level("101", "1")]).unwrap();
    book
}

fn at(now: u64) -> Times {
    Times::now(ms(now))
}

#[test]
fn topics_come_to_life_with_their_first_data() {
    let (market, mut out) = open(|_| {});
    assert_eq!(story(&market, Channel::Status, ACME), [""; 0]);
    out.trades(at(1), Box::new([trade(7), trade(8)]));
    assert_eq!(out.state(), State::Resyncing, "the book is awaited");
    out.book_reset(at(2), &book());
    assert_eq!(story(&market, Channel::Trades, ACME), ["1 state live", "2-3 trades 7 8"]);
    assert_eq!(story(&market, Channel::Book, ACME), ["1 reset bids 99x1 98x1 asks 101x1", "2 state live"]);
    assert_eq!(story(&market, Channel::Book10, ACME), ["1 state live", "2 book bids 99x1 98x1 asks 101x1"]);
    assert_eq!(story(&market, Channel::Quotes, ACME), [""; 0], "quotes have a stream of their own");
    assert_eq!(story(&market, Channel::Status, ACME), ["1 state live"]);
    assert_eq!(market.registry().symbol(ACME).unwrap().state(), State::Live);
}

#[test]
fn without_a_stream_quotes_are_the_top_of_the_book_when_it_changes() {
    let (market, mut out) = open(|settings| settings.quotes = crate::settings::Quotes::Book);
    let mut book = book();
    out.book_reset(at(1), &book);
    for (n, bid) in (2..).zip(["98", "99", "97"]) {
        let delta = book.apply(&[level(bid, "5")], &[]).unwrap().unwrap();
        out.book_update(at(n), delta, &book);
    }
    assert_eq!(
        story(&market, Channel::Quotes, ACME),
        ["1 state live", "2 quote 99x1 101x1", "3 quote 99x5 101x1"]
    );
    assert_eq!(
        story(&market, Channel::Book, ACME)[2..],
        ["3 book bids 98x5 asks", "4 book bids 99x5 asks", "5 book bids 97x5 asks"]
    );
}

#[test]
fn a_resync_of_the_book_leaves_the_other_topics_alone() {
    let (market, mut out) = open(|_| {});
    out.quote(at(1), quote("98"));
    out.trades_live(ms(1));
    out.book_reset(at(2), &book());
    out.book_resyncing("gap", ms(3));
    assert_eq!(out.state(), State::Resyncing);
    out.book_reset(at(4), &book());
    assert_eq!(
        story(&market, Channel::Book, ACME)[1..],
        ["2 state live", "3 state resyncing gap", "4 reset bids 99x1 98x1 asks 101x1", "5 state live"]
    );
    assert_eq!(
        story(&market, Channel::Book10, ACME)[2..],
        ["3 state resyncing gap", "4 book bids 99x1 98x1 asks 101x1", "5 state live"],
        "the new top comes before the word live"
    );
    assert_eq!(story(&market, Channel::Quotes, ACME), ["1 state live", "2 quote 98x x"]);
    assert_eq!(story(&market, Channel::Trades, ACME), ["1 state live"]);
    assert_eq!(
        story(&market, Channel::Status, ACME),
        ["1 state live", "2 state resyncing gap", "3 state live"]
    );
}

#[test]
fn a_silence_ends_with_the_states_from_before_it() {
    let (market, mut out) = open(|_| {});
    out.quote(at(1), quote("98"));
    out.book_reset(at(1), &book());
    out.book_resyncing("gap", ms(2));
    out.suspend(State::Stale, "no data for 5 ms", ms(7));
    out.suspend(State::Stale, "no data for 5 ms", ms(8));
    assert_eq!(out.state(), State::Stale);
    out.resume(ms(9));
    out.resume(ms(10));
    assert_eq!(
        story(&market, Channel::Quotes, ACME)[2..],
        ["3 state stale no data for 5 ms", "4 state live"]
    );
    assert_eq!(
        story(&market, Channel::Book, ACME)[2..],
        ["3 state resyncing gap", "4 state stale no data for 5 ms", "5 state resyncing gap"]
    );
    assert_eq!(story(&market, Channel::Trades, ACME), [""; 0], "what never lived does not go stale");
}

#[test]
fn after_a_lost_connection_a_quiet_quote_holds_nobody_back() {
    let (market, mut out) = open(|_| {});
    out.quote(at(1), quote("98"));
    out.trades_live(ms(1));
    out.book_reset(at(1), &book());
    out.state_of_all(State::Stale, "connection lost: reset", ms(2));
    out.state_of_all(State::Resyncing, "connected", ms(3));
    out.trades_live(ms(4));
    assert_eq!(out.state(), State::Resyncing);
    out.book_reset(at(5), &book());
    assert_eq!(out.state(), State::Live);
    out.quote(at(6), quote("97"));
    assert_eq!(
        story(&market, Channel::Quotes, ACME)[2..],
        [
            "3 state stale connection lost: reset",
            "4 state resyncing connected",
            "5 quote 97x x",
            "6 state live"
        ]
    );
    assert_eq!(
        story(&market, Channel::Status, ACME),
        [
            "1 state live",
            "2 state stale connection lost: reset",
            "3 state resyncing connected",
            "4 state live"
        ]
    );
}

#[test]
fn a_loss_stands_in_the_order_of_the_trades() {
    let (market, mut out) = open(|_| {});
    out.trades(at(1), Box::new([trade(1)]));
    out.loss(3, ms(2));
    out.loss(0, ms(2));
    out.trades(at(2), Box::new([trade(5)]));
    out.trades(at(2), Box::new([]));
    assert_eq!(story(&market, Channel::Trades, ACME)[1..], ["2 trades 1", "3 gap 3", "4 trades 5"]);
}

#[test]
fn a_state_carries_the_latest_data_so_that_it_is_an_image_too() {
    let (market, mut out) = open(|_| {});
    out.quote(Times::new(Some(ms(8)), ms(9)), quote("98"));
    out.suspend(State::Stale, "no data", ms(10));
    let registry = market.registry();
    let entry = registry.symbol(ACME).unwrap().topic(Channel::Quotes).unwrap().topic.latest().unwrap();
    let Body::State(change) = &entry.record().body else { panic!("{entry:?}") };
    let last = change.last.as_deref().unwrap();
    assert_eq!((last.ts, last.rx), (Some(ms(8)), ms(9)));
    assert_eq!(last.update, Update::Quote(quote("98")));
    assert_eq!(entry.record().state, State::Stale);
}

#[test]
fn the_image_follows_the_log() {
    let (market, mut out) = open(|settings| settings.image_every = 3);
    let mut book = book();
    out.book_reset(at(1), &book);
    let registry = market.registry();
    let topic = &registry.symbol(ACME).unwrap().topic(Channel::Book).unwrap().topic;
    let image = || topic.image().unwrap();
    assert_eq!((image().position().seq, image().body().state), (2, State::Live));
    for n in 2..=4 {
        let delta = book.apply(&[level("97", &n.to_string())], &[]).unwrap().unwrap();
        out.book_update(at(n), delta, &book);
    }
    assert_eq!(image().position().seq, 5);
    assert_eq!((image().body().rx, &*image().body().levels), (ms(4), &book.published()));
}

#[test]
fn states_alone_do_not_leave_the_image_behind() {
    let (market, mut out) = open(|_| {});
    let mut book = book();
    out.book_reset(at(1), &book);
    let delta = book.apply(&[level("98", "0")], &[level("102", "3")]).unwrap().unwrap();
    out.book_update(at(2), delta, &book);
    for n in 0..1_000 {
        out.suspend(State::Stale, "silence", ms(3 + n));
        out.resume(ms(3 + n));
    }
    let registry = market.registry();
    let topic = &registry.symbol(ACME).unwrap().topic(Channel::Book).unwrap().topic;
    let image = topic.image().unwrap();
    assert!(topic.head_index() - image.position().index <= table::IMAGE_ENTRIES);
    assert_eq!((image.body().rx, &*image.body().levels), (ms(2), &book.published()));
    let state = topic.read(image.position().index).unwrap().record().state;
    assert_eq!(image.body().state, state);
}

#[test]
fn what_a_reset_shares_with_the_image_is_counted_once_the_log_holds_it_alone() {
    let table = crate::testing::table(10);
    let market = crate::market::Market::new(Arc::clone(&table), crate::market::MarketLimits::default());
    let settings = Settings { image_every: 2, ..Settings::new("test", "e-1") };
    let mut out = market.open(&settings, &["ACME"]).unwrap().remove(0);
    let mut deep = Book::new(BookDepth::whole(1_000));
    let levels: Vec<_> = (1..=1_000).map(|price| level(&price.to_string(), "1")).collect();
    deep.reset(&levels, &[]).unwrap();
    let levels_bytes = levels.len() * size_of_val(&levels[0]);
    let resets_since = |before| (table.budget().bytes() - before) / levels_bytes;

    let at_first = table.budget().bytes();
    out.book_reset(at(1), &deep);
    assert_eq!(resets_since(at_first), 0, "the image has them too");
    out.book_reset(at(2), &deep);
    assert_eq!(resets_since(at_first), 1, "the first reset has its own");
    let with_second = table.budget().bytes();
    for n in 3..100 {
        let delta = deep.apply(&[level("7", &n.to_string())], &[]).unwrap().unwrap();
        out.book_update(at(n), delta, &deep);
        let has_next_image = n > 3;
        assert_eq!(resets_since(with_second), usize::from(has_next_image), "after update {n}");
    }
}

#[test]
fn channels_that_nobody_wants_are_not_there() {
    let (market, mut out) = open(|settings| {
        settings.channels = crate::settings::Channels::of(&[Channel::Trades]);
    });
    out.quote(at(1), quote("98"));
    out.book_reset(at(1), &book());
    out.trades_live(ms(2));
    assert_eq!(out.state(), State::Live, "no book is awaited where there is none");
    let registry = market.registry();
    let entry = registry.symbol(ACME).unwrap();
    let channels: Vec<_> = entry.topics().map(|topic| topic.channel.name()).collect();
    assert_eq!(channels, ["trades", "status"]);
}
