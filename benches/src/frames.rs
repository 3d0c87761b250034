//! Frames as venues send them, each made for one of several symbols and with a number that goes on: ids count up, sizes
//! change. How many levels a frame has is the median of a recording of that venue's busiest symbols.

use schemas::checksum;
use schemas::model::{Channel, Level};
use std::fmt::Write;

/// Levels a side of each book.
pub const BOOK_LEVELS: u64 = 1_000;

/// The ranks that a depth event of Binance changes on each side.
const DEPTH_RANKS: [u64; 8] = [0, 1, 3, 4, 7, 12, 40, 180];

/// A kind of frame.
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    /// What it is called.
    pub name: &'static str,
    /// The channel that it makes an entry of.
    pub channel: Channel,
    /// Writes the frame of a symbol with a number, counted from 1.
    pub write: fn(symbol: usize, number: u64) -> String,
}

/// Frames of Binance spot, on a combined connection.
pub mod binance {
    use super::{BOOK_LEVELS, Channel, DEPTH_RANKS, Kind, ask, bid, pairs, size};

    /// Best bid and ask.
    pub const BOOK_TICKER: Kind = Kind { name: "bookTicker", channel: Channel::Quotes, write: book_ticker };
    /// One trade.
    pub const TRADE: Kind = Kind { name: "trade", channel: Channel::Trades, write: trade };
    /// Eight levels a side.
    pub const DEPTH_UPDATE: Kind = Kind {
        name: "depthUpdate",
        channel: Channel::Book,
        write: |symbol, number| depth(symbol, number, 8),
    };
    /// 24-hour statistics.
    pub const TICKER: Kind = Kind { name: "24hrTicker", channel: Channel::Ticker, write: ticker };

    /// The venue's name of a symbol.
    #[must_use]
    pub fn symbol(symbol: usize) -> String {
        format!("S{symbol:02}USDT")
    }

    fn book_ticker(at: usize, number: u64) -> String {
        format!(
            r#"{{"stream":"s{at:02}usdt@bookTicker","data":{{"u":{},"s":"{}","b":"{}000000","B":"{}","a":"{}000000","A":"{}"}}}}"#,
            50_093_239_212 + number,
            symbol(at),
            bid(number % 5),
            size(number),
            ask(number % 3),
            size(number + 7),
        )
    }

    fn trade(at: usize, number: u64) -> String {
        let (ms, id) = (1_783_465_157_897 + number, 6_486_989_273 + number);
        format!(
            r#"{{"stream":"s{at:02}usdt@trade","data":{{"e":"trade","E":{ms},"s":"{}","t":{id},"p":"{}000000","q":"{}","T":{ms},"m":{},"M":true}}}}"#,
            symbol(at),
            bid(number % 5),
            size(number),
            number.is_multiple_of(2),
        )
    }

    /// A depth event with up to eight levels a side; more levels go on behind those.
    #[must_use]
    pub fn depth(at: usize, number: u64, levels: u64) -> String {
        let ranks: Vec<_> = DEPTH_RANKS.into_iter().chain(181..).take(levels as usize).collect();
        format!(
            r#"{{"stream":"s{at:02}usdt@depth@100ms","data":{{"e":"depthUpdate","E":{},"s":"{}","U":{},"u":{},"b":[{}],"a":[{}]}}}}"#,
            1_783_465_158_014 + 100 * number,
            symbol(at),
            first_id(number),
            first_id(number + 1) - 1,
            pairs(&ranks, number, |rank| format!("{}000000", bid(rank))),
            pairs(&ranks, number, |rank| format!("{}000000", ask(rank))),
        )
    }

    fn first_id(number: u64) -> u64 {
        97_109_082_206 + 37 * number
    }

    fn ticker(at: usize, number: u64) -> String {
        let ms = 1_783_465_157_897 + number;
        format!(
            r#"{{"stream":"s{at:02}usdt@ticker","data":{{"e":"24hrTicker","E":{ms},"s":"{}","p":"-741.52000000","P":"-1.155","w":"63820.11734271","x":"64201.37000000","c":"{}000000","Q":"0.00031000","b":"{}000000","B":"{}","a":"{}000000","A":"2.10422000","o":"64201.38000000","h":"64688.00000000","l":"62901.10000000","v":"21457.30318000","q":"1369407560.87310260","O":{},"C":{ms},"F":6483507612,"L":{},"n":3481662}}}}"#,
            symbol(at),
            bid(number % 5),
            bid(0),
            size(number),
            ask(0),
            ms - 86_400_000,
            6_486_989_273 + number,
        )
    }

    /// The body of a depth snapshot, which the event with number 1 follows.
    #[must_use]
    pub fn depth_body() -> String {
        let ranks: Vec<_> = (0..BOOK_LEVELS).collect();
        format!(
            r#"{{"lastUpdateId":{},"bids":[{}],"asks":[{}]}}"#,
            first_id(1) - 1,
            pairs(&ranks, 0, |rank| format!("{}000000", bid(rank))),
            pairs(&ranks, 0, |rank| format!("{}000000", ask(rank))),
        )
    }
}

/// Frames of Coinbase Exchange.
pub mod coinbase {
    use super::{BOOK_LEVELS, Channel, Kind, Side, ask, bid, pairs, size};

    /// Best bid and ask, and statistics.
    pub const TICKER: Kind = Kind { name: "ticker", channel: Channel::Quotes, write: ticker };
    /// One trade.
    pub const MATCH: Kind = Kind { name: "match", channel: Channel::Trades, write: trade };
    /// Five levels.
    pub const L2UPDATE: Kind = Kind { name: "l2update", channel: Channel::Book, write: l2update };

    /// The venue's name of a symbol.
    #[must_use]
    pub fn symbol(symbol: usize) -> String {
        format!("S{symbol:02}-USD")
    }

    fn ticker(at: usize, number: u64) -> String {
        format!(
            r#"{{"type":"ticker","sequence":{},"product_id":"{}","price":"{}","open_24h":"64201.38","volume_24h":"21457.30318042","low_24h":"62901.1","high_24h":"64688","volume_30d":"472105.61882731","best_bid":"{}","best_bid_size":"{}","best_ask":"{}","best_ask_size":"{}","side":"buy","time":"2026-07-07T22:58:17.164892Z","trade_id":{},"last_size":"0.00031"}}"#,
            132_235_026_010 + number,
            symbol(at),
            bid(number % 5),
            bid(0),
            size(number),
            ask(0),
            size(number + 7),
            1_052_119_289 + number,
        )
    }

    fn trade(at: usize, number: u64) -> String {
        format!(
            r#"{{"type":"match","trade_id":{},"maker_order_id":"15bc13f2-e38c-4693-8c0b-e8c6152b9c1d","taker_order_id":"13d7d08f-7396-421b-9dba-94eac92f3d78","side":"sell","size":"{}","price":"{}","product_id":"{}","sequence":{},"time":"2026-07-07T22:58:17.164892Z"}}"#,
            1_052_119_289 + number,
            size(number),
            bid(number % 5),
            symbol(at),
            132_235_026_010 + number,
        )
    }

    fn l2update(at: usize, number: u64) -> String {
        let changes = [(Side::Bid, 0), (Side::Bid, 4), (Side::Bid, 40), (Side::Ask, 1), (Side::Ask, 12)];
        let change = |(side, rank)| match side {
            Side::Bid => format!(r#"["buy","{}","{}"]"#, bid(rank), size(number + rank)),
            Side::Ask => format!(r#"["sell","{}","{}"]"#, ask(rank), size(number + rank)),
        };
        format!(
            r#"{{"type":"l2update","product_id":"{}","changes":[{}],"time":"2026-07-07T22:58:17.164892Z"}}"#,
            symbol(at),
            changes.map(change).join(","),
        )
    }

    /// The book that updates change.
    #[must_use]
    pub fn snapshot(at: usize) -> String {
        let ranks: Vec<_> = (0..BOOK_LEVELS).collect();
        format!(
            r#"{{"type":"snapshot","product_id":"{}","asks":[{}],"bids":[{}],"time":"2026-07-07T22:58:16.156605Z"}}"#,
            symbol(at),
            pairs(&ranks, 0, ask),
            pairs(&ranks, 0, bid),
        )
    }
}

/// Frames of Kraken, WebSocket v2.
pub mod kraken {
    use super::{BOOK_LEVELS, Channel, Kind, ask, bid, checksum, level, size};
    use std::fmt::Write;

    /// Best bid and ask, and statistics.
    pub const TICKER: Kind = Kind { name: "ticker", channel: Channel::Quotes, write: ticker };
    /// One trade.
    pub const TRADE: Kind = Kind { name: "trade", channel: Channel::Trades, write: trade };
    /// One level.
    pub const BOOK: Kind = Kind { name: "book", channel: Channel::Book, write: book };

    /// The venue's name of a symbol.
    #[must_use]
    pub fn symbol(symbol: usize) -> String {
        format!("S{symbol:02}/USD")
    }

    fn ticker(at: usize, number: u64) -> String {
        format!(
            r#"{{"channel":"ticker","type":"update","data":[{{"symbol":"{}","bid":{},"bid_qty":{},"ask":{},"ask_qty":{},"last":{},"volume":2141.30318042,"vwap":63820.1,"low":62901.1,"high":64688.0,"change":-741.5,"change_pct":-1.15,"timestamp":"2026-07-07T23:00:03.977459Z"}}]}}"#,
            symbol(at),
            bid(0),
            size(number),
            ask(0),
            size(number + 7),
            bid(number % 5),
        )
    }

    fn trade(at: usize, number: u64) -> String {
        format!(
            r#"{{"channel":"trade","type":"update","data":[{{"symbol":"{}","side":"buy","price":{},"qty":{},"ord_type":"limit","trade_id":{},"timestamp":"2026-07-07T23:00:21.478279Z"}}]}}"#,
            symbol(at),
            ask(number % 5),
            size(number),
            103_436_779 + number,
        )
    }

    /// The size of the best bid changes.
    fn book(at: usize, number: u64) -> String {
        let best = format!(r#"{{"price":{},"qty":{}}}"#, bid(0), size(number));
        message("update", at, &best, "", number)
    }

    /// The book that updates change.
    #[must_use]
    pub fn snapshot(at: usize) -> String {
        let side = |price: fn(u64) -> String| {
            (0..BOOK_LEVELS).fold(String::new(), |mut side, rank| {
                let comma = if rank == 0 { "" } else { "," };
                write!(side, r#"{comma}{{"price":{},"qty":{}}}"#, price(rank), size(rank)).expect("memory");
                side
            })
        };
        message("snapshot", at, &side(bid), &side(ask), 0)
    }

    fn message(kind: &str, at: usize, bids: &str, asks: &str, number: u64) -> String {
        let asked: Vec<_> = (0..10).map(|rank| level(&ask(rank), &size(rank))).collect();
        let mut bidden: Vec<_> = (0..10).map(|rank| level(&bid(rank), &size(rank))).collect();
        bidden[0] = level(&bid(0), &size(number));
        let checksum = checksum::of_book(&asked, &bidden);
        format!(
            r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"{}","bids":[{bids}],"asks":[{asks}],"checksum":{checksum},"timestamp":"2026-07-07T23:00:03.977459Z"}}]}}"#,
            symbol(at),
        )
    }
}

/// Tick lines.
pub mod ticks {
    use super::{Channel, Kind, ask, bid, size};

    /// Best bid and ask.
    pub const QUOTE: Kind = Kind { name: "quote", channel: Channel::Quotes, write: quote };

    fn quote(at: usize, number: u64) -> String {
        format!(
            r#"{{"channel":"quotes","symbol":"S{at:02}","ts":{},"bid":"{}","bid_size":"{}","ask":"{}","ask_size":"{}"}}"#,
            1_785_644_622_707_507 + number,
            bid(number % 5),
            size(number),
            ask(number % 3),
            size(number + 7),
        )
    }
}

#[derive(Debug, Clone, Copy)]
enum Side {
    Bid,
    Ask,
}

pub(crate) fn bid(rank: u64) -> String {
    cents(6_183_763 - rank)
}

pub(crate) fn ask(rank: u64) -> String {
    cents(6_183_764 + rank)
}

fn cents(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Another one for each number.
pub(crate) fn size(number: u64) -> String {
    format!("{}.{:08}", 1 + number % 9, 10_000_019 + number * 7_919 % 80_000_000)
}

/// Levels `["price","size"]`. The one at the fourth of these ranks comes and goes with the numbers.
fn pairs(ranks: &[u64], number: u64, price: impl Fn(u64) -> String) -> String {
    let mut text = String::new();
    for (at, rank) in ranks.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let goes = at == 3 && number % 2 == 1;
        let size = if goes { "0.00000000".to_owned() } else { size(number + rank) };
        write!(text, r#"{comma}["{}","{size}"]"#, price(*rank)).expect("memory");
    }
    text
}

pub(crate) fn level(price: &str, size: &str) -> Level {
    Level { price: price.parse().expect("a price"), size: size.parse().expect("a size") }
}
