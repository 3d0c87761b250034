use super::*;
use crate::testing::{market, table};
use schemas::model::State;
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
    opened[0].symbol().set_state(State::Halted);
    assert_eq!(entry.state(), State::Halted, "the state is shared");
    assert!(Arc::ptr_eq(
        entry.topic(Channel::Book).unwrap(),
        opened[0].symbol().topic(Channel::Book).unwrap()
    ));
}
