use super::*;
use crate::machine::{Action, Actions, Machine};
use crate::market::MarketLimits;
use crate::testing::{ms, story};
use crate::topic::Table;
use schemas::model::Channel;
use table::Wake;

const LINGER_MS: u64 = 2_000;

/// A shard that nobody wakes.
#[derive(Debug)]
struct Asleep;

impl Wake for Asleep {
    fn wake(&self) {}
}

/// A feed that has its symbols on demand, in a market with one shard, connected as soon as it wants to be.
struct Rig {
    market: Arc<Market>,
    machine: Box<dyn Machine>,
    venue: Venue,
    is_connected: bool,
    now: u64,
}

impl Rig {
    fn new(venue: Venue, symbols_max: usize) -> Self {
        let table = Arc::new(Table::new(10_000, 1 << 30, vec![Box::new(Asleep)]));
        let market = Arc::new(Market::new(table, MarketLimits::default()));
        let machine = venue.machine(settings(venue, symbols_max), Arc::clone(&market)).unwrap();
        Self { market, machine, venue, is_connected: false, now: 1_000 }
    }

    /// Opens symbols, and watches their trades.
    fn watch(&self, names: &[&str]) -> Vec<(String, MarketError)> {
        let symbols: Vec<_> = names.iter().map(|name| self.symbol(name)).collect();
        let refused = self.market.demand(symbols.iter().map(String::as_str));
        for symbol in &symbols {
            self.each_topic(symbol, |topic| _ = topic.join(0));
        }
        refused
    }

    fn leave(&self, name: &str) {
        self.each_topic(&self.symbol(name), |topic| topic.leave(0));
    }

    fn each_topic(
        &self,
        symbol: &str,
        act: impl Fn(&table::Topic<crate::topic::Logged, schemas::model::BookImage>),
    ) {
        let registry = self.market.registry();
        let trades = registry.symbol(symbol).and_then(|entry| entry.topic(Channel::Trades).cloned());
        trades.into_iter().for_each(|handle| act(&handle.topic));
    }

    fn symbol(&self, name: &str) -> String {
        format!("{}:{name}", self.venue)
    }

    /// Lets time pass, and gives what is sent.
    fn pass(&mut self, ms_later: u64) -> Vec<String> {
        let mut actions = Actions::new();
        self.now += ms_later;
        self.machine.tick(ms(self.now), &mut actions);
        if !self.is_connected && self.machine.is_wanted() {
            self.is_connected = true;
            self.machine.connected(ms(self.now), &mut actions);
        }
        let sent = |action| match action {
            Action::Send(text) => Some(text),
            _ => None,
        };
        actions.drain().filter_map(sent).collect()
    }

    fn frame(&mut self, frame: &str) {
        self.machine.frame(ms(self.now), &mut frame.as_bytes().to_vec(), &mut Actions::new());
    }

    fn story(&self, channel: Channel, name: &str) -> Vec<String> {
        story(&self.market, channel, &self.symbol(name))
    }
}

fn settings(venue: Venue, symbols_max: usize) -> Settings {
    let on_demand = Some(OnDemand { venue, symbols_max, linger_ms: LINGER_MS });
    Settings { on_demand, ..Settings::new(venue.name(), "e") }
}

fn okx_book(name: &str) -> String {
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{name}"}},"action":"snapshot","data":[{{"asks":[],"bids":[["1","1","0","1"]],"ts":"1597026383085","checksum":0,"seqId":1,"prevSeqId":-1}}]}}"#
    )
}

#[test]
fn symbols_are_subscribed_to_while_somebody_watches_them() {
    let mut rig = Rig::new(Venue::Okx, 10);
    assert!(!rig.machine.is_wanted() && rig.machine.is_live(), "there is nothing to connect for");
    assert_eq!(rig.pass(1_000), [""; 0]);
    rig.watch(&["A-B", "C-D"]);
    let sent = rig.pass(50);
    assert!(
        sent.len() == 1 && sent[0].contains("A-B") && sent[0].contains("C-D"),
        "in one request: {sent:?}"
    );
    assert!(!rig.machine.is_live());
    rig.frame(&okx_book("A-B"));
    rig.frame(&okx_book("C-D"));
    assert!(rig.machine.is_live());
    rig.watch(&["E-F"]);
    let sent = rig.pass(50);
    assert!(sent.len() == 1 && sent[0].contains("E-F") && !sent[0].contains("A-B"), "{sent:?}");
    rig.leave("C-D");
    assert!(rig.pass(50).is_empty() && rig.pass(LINGER_MS - 50).is_empty());
    let sent = rig.pass(50);
    assert!(sent[0].starts_with(r#"{"op":"unsubscribe""#) && sent[0].contains("C-D"), "{sent:?}");
    rig.frame(&okx_book("C-D"));
    assert_eq!(
        rig.story(Channel::Book, "C-D"),
        ["1 reset bids 1x1 asks", "2 state live", "3 state stale nobody was subscribed"],
        "what still comes is passed over"
    );
    rig.watch(&["C-D"]);
    assert!(rig.pass(50)[0].contains("C-D"));
    rig.frame(&okx_book("C-D"));
    let story = rig.story(Channel::Book, "C-D");
    assert_eq!(story[3..], ["4 state resyncing subscribing", "5 reset bids 1x1 asks", "6 state live"]);
}

#[test]
fn of_what_is_refused_or_never_comes_the_subscribers_are_told() {
    let mut rig = Rig::new(Venue::Okx, 10);
    rig.watch(&["A-B", "A-B-C"]);
    rig.pass(50);
    let refusal = "Wrong URL or channel:books,instId:A-B doesn't exist.";
    rig.frame(&format!(r#"{{"event":"error","code":"60018","msg":"{refusal}","connId":"a"}}"#));
    let told = format!("1 state stale the venue refuses it: refused: {refusal} (code 60018)");
    assert_eq!(
        (rig.story(Channel::Book, "A-B"), rig.story(Channel::Trades, "A-B")),
        (vec![told.clone()], vec![told])
    );
    rig.pass(5_000);
    rig.pass(5_000);
    assert_eq!(rig.story(Channel::Book, "A-B-C"), ["1 state stale nothing came within 10000 ms"]);
    rig.frame(&okx_book("A-B-C"));
    assert_eq!(rig.story(Channel::Book, "A-B-C")[1..], ["2 reset bids 1x1 asks", "3 state live"]);
    rig.pass(50);
    assert_eq!(rig.story(Channel::Ticker, "A-B-C")[1..], ["2 state resyncing waiting for its first message"]);
    rig.frame(r#"{"event":"subscribe","arg":{"channel":"trades","instId":"A-B-C"},"connId":"a"}"#);
    assert_eq!(rig.machine.counters().demand_refused.value(), 1);
    assert!(rig.machine.is_live(), "what was refused is nobody's trouble");
}

#[test]
fn one_product_that_does_not_exist_keeps_out_no_other() {
    let mut rig = Rig::new(Venue::Coinbase, 10);
    rig.watch(&["A-USD", "NO-SUCH"]);
    assert_eq!(rig.pass(50).len(), 1);
    rig.frame(
        r#"{"type":"error","message":"Failed to subscribe","reason":"NO-SUCH is not a valid product"}"#,
    );
    let sent = rig.pass(50);
    assert!(sent.len() == 1 && sent[0].contains("A-USD") && !sent[0].contains("NO-SUCH"), "{sent:?}");
}

#[test]
fn a_connection_carries_only_so_much() {
    let mut rig = Rig::new(Venue::Binance, 1_000);
    let names: Vec<String> = (0..257).map(|n| format!("S{n}")).collect();
    rig.watch(&names.iter().map(String::as_str).collect::<Vec<_>>());
    rig.pass(50);
    let full: Vec<_> = names.iter().filter(|name| !rig.story(Channel::Book, name).is_empty()).collect();
    assert_eq!(full.len(), 1);
    let told = rig.story(Channel::Book, full[0]);
    assert_eq!(told, ["1 state stale the connection to the venue carries no more symbols"]);
    assert_eq!(rig.machine.counters().demand_limited.value(), 1);
    let other = names.iter().find(|name| *name != full[0]).unwrap();
    rig.leave(other);
    rig.pass(50);
    rig.pass(LINGER_MS);
    rig.pass(50);
    assert_eq!(rig.story(Channel::Book, full[0])[1..], ["2 state resyncing subscribing"]);
    assert_eq!(rig.machine.counters().demand_subscribed.value(), 257);
}

#[test]
fn only_so_many_are_opened_and_by_one_feed() {
    let rig = Rig::new(Venue::Okx, 2);
    assert_eq!(rig.watch(&["A-B", "A-B", "A-B"]), []);
    let refused = rig.watch(&["A B", "C-D", "E-F"]);
    assert!(
        matches!(&refused[..], [(_, MarketError::Symbol(_)), (e_f, MarketError::DemandMax(2))] if e_f == "okx:E-F")
    );
    assert_eq!(rig.machine.counters().demand_limited.value(), 1);
    assert_eq!(rig.market.demand(["kraken:A", "okx"].into_iter()), [], "nobody brings these");
    let again = Venue::Okx.machine(settings(Venue::Okx, 2), Arc::clone(&rig.market));
    assert!(again.is_err_and(|error| error.to_string().contains("on demand")));
}
