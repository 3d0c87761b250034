//! A subscriber from the start, who knows nothing but the frames.

use feed::market::SymbolEntry;
use feed::topic::TopicHandle;
use schemas::checksum;
use schemas::model::{Channel, Level};
use schemas::wire::{SeqRange, frame};
use serde_json::Value;

/// What the frames of a symbol tell.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    pub(crate) bids: Vec<(String, String)>,
    pub(crate) asks: Vec<(String, String)>,
    book: [Vec<Level>; 2],
    /// After each book frame.
    pub(crate) checksums: Vec<u64>,
    pub(crate) resets: usize,
    pub(crate) trades: Vec<String>,
    pub(crate) quotes: Vec<String>,
    pub(crate) lost: u64,
}

pub(crate) fn follow(entry: &SymbolEntry) -> Followed {
    let mut followed = Followed::default();
    for channel in [Channel::Book, Channel::Trades, Channel::Quotes] {
        let frames = entry.topic(channel).map(|handle| frames(handle)).unwrap_or_default();
        let mut last = 0;
        for frame in frames {
            let (first, to) = (frame["seq"][0].as_u64().unwrap(), frame["seq"][1].as_u64().unwrap());
            assert_eq!(first, last + 1, "ranges tile");
            last = to;
            followed.take(channel, &frame);
        }
    }
    followed.finish()
}

fn frames(handle: &TopicHandle) -> Vec<Value> {
    let entries =
        (1..=handle.topic.head().index).map(|index| handle.topic.read(index).expect("the whole log"));
    let frame = |entry: feed::topic::Held| {
        let mut text = Vec::new();
        frame::entry(&mut text, handle.wire(), SeqRange::new(entry.first(), entry.last()), entry.record());
        serde_json::from_slice(&text).expect("frames are JSON")
    };
    entries.map(frame).collect()
}

impl Followed {
    fn take(&mut self, channel: Channel, frame: &Value) {
        match (channel, frame["type"].as_str().unwrap()) {
            (Channel::Book, "snapshot") => {
                self.resets += 1;
                self.book = Default::default();
                self.book(frame);
            }
            (Channel::Book, "update") => self.book(frame),
            (Channel::Trades, "update") => {
                let trades = frame["trades"].as_array().unwrap();
                self.trades.extend(trades.iter().map(|trade| {
                    let text = |key: &str| trade[key].as_str().unwrap().to_owned();
                    format!("{} {} {} {}", text("id"), text("price"), text("size"), text("side"))
                }));
            }
            (Channel::Trades, "gap") => self.lost += frame["lost"].as_u64().unwrap(),
            (Channel::Quotes, "update") => {
                let text = |key: &str| frame[key].as_str().unwrap_or("-").to_owned();
                let fields = ["bid", "bid_size", "ask", "ask_size"].map(text);
                self.quotes.push(fields.join(" "));
            }
            _ => {}
        }
    }

    fn book(&mut self, frame: &Value) {
        let [bids, asks] = &mut self.book;
        set_all(bids, &frame["bids"], true);
        set_all(asks, &frame["asks"], false);
        let sent = frame["checksum"].as_u64().unwrap();
        assert_eq!(u64::from(checksum::of_book(&*asks, &*bids)), sent, "{frame}");
        self.checksums.push(sent);
    }

    fn finish(mut self) -> Self {
        let text = |level: &Level| (level.price.to_string(), level.size.to_string());
        self.bids = self.book[0].iter().map(text).collect();
        self.asks = self.book[1].iter().map(text).collect();
        self
    }
}

/// Sets levels one by one; a deleted one must have been there.
fn set_all(side: &mut Vec<Level>, changes: &Value, descending: bool) {
    for change in changes.as_array().unwrap() {
        let number = |at: usize| change[at].as_str().unwrap().parse().unwrap();
        let set = Level { price: number(0), size: number(1) };
        let found = side.binary_search_by(|held| {
            let order = held.price.cmp(&set.price);
            if descending { order.reverse() } else { order }
        });
        match found {
            Ok(at) if change[1] == "0" => drop(side.remove(at)),
            Ok(at) => side[at] = set,
            Err(at) => {
                assert_ne!(change[1], "0", "{} is deleted and was never there", set.price);
                side.insert(at, set);
            }
        }
    }
}
