use super::*;
use crate::book::{Book, BookDepth};
use crate::publish::Times;
use crate::settings::Channels;
use crate::testing::{market, story, table};
use schemas::model::{Micros, State};
use table::TopicId;

fn settings() -> Settings {
    Settings::new("test", "e-1")
}

#[test]
fn symbols_are_sorted_and_topics_found_by_their_id() {
    let market = market();
    let before = market.registry();
    let opened = market.open(&settings(), &["B", "A", "C"]).unwrap();
    let registry = market.registry();
    assert!(registry.version() > before.version() && before.symbols().is_empty());
    let names: Vec<_> = registry.symbols().iter().map(|entry| entry.info.symbol.name()).collect();
    assert_eq!(names, ["A", "B", "C"]);
    assert_eq!(opened[0].symbol().info.symbol.as_str(), "test:B");
    for id in 0..registry.topics_len() {
        assert_eq!(registry.topic(TopicId(id)).unwrap().id, TopicId(id));
    }
    assert_eq!(registry.topics_len(), 18);
    let book = registry.symbol("test:C").unwrap().topic(Channel::Book).unwrap();
    assert_eq!((book.channel, book.symbol.as_str(), &*book.epoch), (Channel::Book, "test:C", "e-1"));
    assert!(registry.symbol("test:D").is_none() && registry.topic(TopicId(18)).is_none());
}

#[test]
fn a_symbol_has_one_publisher() {
    let market = market();
    let _first = market.open(&settings(), &["A"]).unwrap();
    let refused = market.open(&settings(), &["B", "A"]).err().unwrap();
    assert_eq!(refused.to_string(), "test:A is published already");
    assert!(market.registry().symbol("test:B").is_none(), "all of them, or none");
    assert!(matches!(market.open(&settings(), &["C", "C"]), Err(MarketError::Taken(_))));
    assert!(matches!(market.open(&settings(), &["a b"]), Err(MarketError::Symbol(_))));
}

/// The settings of two connections, of which the second one carries the statistics.
fn shared() -> [Settings; 2] {
    let channels = [Channel::Trades, Channel::Quotes, Channel::Book];
    let main = Settings { channels: Channels::of(&channels), ..settings() };
    let channels = Channels::of(&[Channel::Ticker]);
    [main, Settings { channels, is_companion: true, ..settings() }]
}

#[test]
fn connections_that_carry_other_channels_share_a_symbol() {
    let (market, [main, companion]) = (market(), shared());
    let _first = market.open(&main, &["A"]).unwrap();
    let second = market.open(&companion, &["A", "B"]).unwrap();
    assert!(matches!(market.open(&companion, &["A"]), Err(MarketError::Taken(_))));
    assert!(matches!(market.open(&main, &["B", "A"]), Err(MarketError::Taken(_))));
    let registry = market.registry();
    let channels = |name| registry.symbol(name).unwrap().info.channels.clone();
    assert_eq!(channels("test:A"), Channel::ALL);
    assert_eq!(channels("test:B"), [Channel::Ticker, Channel::Status]);
    assert_eq!(registry.symbol("test:A").unwrap().topics().count(), 6);
    assert_eq!(registry.topics_len(), 5 + 1 + 2, "a symbol has one status");
    assert!(second[0].has(Channel::Ticker) && !second[0].has(Channel::Status));
}

#[test]
fn the_status_of_a_symbol_is_the_worst_that_its_connections_say() {
    let (market, [main, companion]) = (market(), shared());
    let mut main = market.open(&main, &["A"]).unwrap().remove(0);
    let mut companion = market.open(&companion, &["A"]).unwrap().remove(0);
    let mut now = 0;
    let mut at = || {
        now += 1;
        Micros(now)
    };
    main.book_reset(Times::now(at()), &Book::new(BookDepth::whole(10)));
    companion.trades_live(at());
    companion.state_of_all(State::Stale, "the second is gone", at());
    main.state_of_all(State::Stale, "the first is gone", at());
    companion.state_of_all(State::Resyncing, "connected", at());
    companion.trades_live(at());
    companion.suspend(State::Stale, "no data", at());
    main.book_reset(Times::now(at()), &Book::new(BookDepth::whole(10)));
    companion.resume(at());
    assert_eq!(
        story(&market, Channel::Status, "test:A"),
        [
            "1 state live",
            "2 state stale the second is gone",
            "3 state stale the first is gone",
            "4 state stale no data",
            "5 state live"
        ]
    );
    assert_eq!(story(&market, Channel::Book, "test:A")[2], "3 state stale the first is gone");
    assert_eq!((main.state(), companion.state()), (State::Live, State::Live));
}

#[test]
fn a_full_market_takes_no_more() {
    let limits = MarketLimits { symbols_max: 2, ..MarketLimits::default() };
    let market = Market::new(table(100), limits);
    let _held = market.open(&settings(), &["A", "B"]).unwrap();
    assert!(matches!(market.open(&settings(), &["C"]), Err(MarketError::SymbolsMax(2))));
    let market = Market::new(table(13), MarketLimits::default());
    let _held = market.open(&settings(), &["A"]).unwrap();
    assert!(matches!(market.open(&settings(), &["B", "C"]), Err(MarketError::TopicsMax(_))));
    assert!(market.registry().symbol("test:B").is_none(), "all of them, or none");
}

#[test]
fn what_becomes_known_of_a_symbol_leaves_its_topics_alone() {
    let market = market();
    let opened = market.open(&settings(), &["BTCUSDT"]).unwrap();
    let known = |name| SymbolInfo {
        symbol: Symbol::new("test", name).unwrap(),
        base: Some("BTC".to_owned()),
        quote: Some("USDT".to_owned()),
        tick_size: "0.01".parse().ok(),
        lot_size: None,
        channels: Vec::new(),
    };
    market.describe([known("BTCUSDT"), known("ETHUSDT")]);
    let registry = market.registry();
    let entry = registry.symbol("test:BTCUSDT").unwrap();
    assert_eq!(entry.info.base.as_deref(), Some("BTC"));
    assert_eq!(entry.info.channels.len(), 6);
    assert!(registry.symbol("test:ETHUSDT").is_none());
    let mut opened = opened;
    opened[0].trades_live(Micros(1));
    opened[0].state_of_all(State::Stale, "gone", Micros(2));
    assert_eq!(entry.state(), State::Resyncing, "the book is awaited");
    opened[0].book_reset(Times::now(Micros(3)), &Book::new(BookDepth::whole(10)));
    assert_eq!(entry.state(), State::Stale, "the state is shared");
    assert!(Arc::ptr_eq(
        entry.topic(Channel::Book).unwrap(),
        opened[0].symbol().topic(Channel::Book).unwrap()
    ));
}
