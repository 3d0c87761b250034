//! What is changed: the beginnings of the recordings and of the bundled samples.

use crate::common::recording;
use feed_replay::source::{Item, Kind};
use feed_replay::tape::Tape;
use feed_replay::venue::{ClassKind, Venue};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Records of a recording that are played, from its beginning.
const ITEMS: usize = 700;

/// The beginning of a recording.
pub(crate) struct Corpus {
    pub(crate) name: String,
    pub(crate) venue: Venue,
    pub(crate) items: Vec<Item>,
    pub(crate) symbols: Vec<String>,
    /// The depth of its books, where the venue has a choice.
    pub(crate) depth: Option<usize>,
    pub(crate) rule: Rule,
}

/// What the venue's own rule sees of a book's changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Nothing.
    None,
    /// That one is missing, when the next one comes.
    Missing,
    /// That the book is not the venue's, when the next one comes.
    Wrong,
}

const SAMPLE: &str = "";

/// The recordings, and the sample of each venue. Kraken's checksum is over ten levels: all of a book of depth 10. OKX's recordings
/// are from before its messages were numbered.
const ALL: [(Venue, &str, Option<usize>, Rule); 19] = [
    (Venue::Binance, SAMPLE, None, Rule::Missing),
    (Venue::Binance, "binance-spot_btcusdt_20240808.gz", None, Rule::Missing),
    (Venue::Binance, "binance-spot_10symbols_20210405.cryptofeed", None, Rule::Missing),
    (Venue::BinanceUsdM, SAMPLE, None, Rule::Missing),
    (Venue::BinanceUsdM, "binance-usdm_btcusdt_20240718.gz", None, Rule::Missing),
    (Venue::BinanceCoinM, SAMPLE, None, Rule::Missing),
    (Venue::BinanceCoinM, "binance-coinm_10symbols_20210721.cryptofeed", None, Rule::Missing),
    (Venue::Bybit, SAMPLE, Some(200), Rule::Missing),
    (Venue::Bybit, "bybit-v5-linear_20250613.cryptofeed", Some(1), Rule::Missing),
    (Venue::Bybit, "bybit-v5-spot_20250613.cryptofeed", Some(1), Rule::Missing),
    (Venue::Coinbase, SAMPLE, None, Rule::None),
    (Venue::Coinbase, "coinbase_10symbols_20210417.cryptofeed", None, Rule::None),
    (Venue::Kraken, SAMPLE, Some(10), Rule::Wrong),
    (Venue::Kraken, "kraken-v2_btc-eth_20260707.ndjson", Some(10), Rule::Wrong),
    (Venue::Kraken, "kraken-v2_btcusd-resyncs_20260801.cbcap", Some(10), Rule::Wrong),
    (Venue::Kraken, "kraken-v2_btcusd_20260802.cbcap", Some(25), Rule::None),
    (Venue::Okx, SAMPLE, None, Rule::Missing),
    (Venue::Okx, "okx-v5_10symbols_20220227.cryptofeed", None, Rule::None),
    (Venue::Okx, "okx-v5_10symbols_line1-of-3_20210722.cryptofeed", None, Rule::None),
];

/// All that there is of a venue: always its sample, and the recordings that are there.
pub(crate) fn of(venue: Venue) -> Vec<Corpus> {
    let read = |(_, name, depth, rule): &(_, &str, _, _)| {
        let sample = || Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("samples/{venue}.capture.zst"));
        let path = if *name == SAMPLE { sample() } else { recording(name)? };
        // What REST replied may lie in a file of its own.
        let replies = path.with_extension("http.cryptofeed");
        let paths: Vec<_> = [path, replies].into_iter().filter(|path| path.exists()).collect();
        Some(Corpus::read(venue, &paths, *depth, *rule))
    };
    ALL.iter().filter(|row| row.0 == venue).filter_map(read).collect()
}

impl Corpus {
    fn read(venue: Venue, paths: &[PathBuf], depth: Option<usize>, rule: Rule) -> Self {
        let tape = Tape::new(paths, None, Some(venue)).unwrap();
        let mut source = tape.open().unwrap();
        let mut items = Vec::new();
        while items.len() < ITEMS {
            let mut item = Item::default();
            let Some(read) = source.next(&mut item) else { break };
            read.unwrap();
            items.push(item);
        }
        let symbols: BTreeSet<_> = items.iter().filter_map(|item| symbol(venue, item)).collect();
        let name = paths[0].file_name().unwrap().to_string_lossy().into_owned();
        Self { name, venue, items, symbols: symbols.into_iter().collect(), depth, rule }
    }

    /// Whether it still says that the frame is about a book that changes. Binance's numbers tell with the next one that it is missing.
    pub(crate) fn names_book(&self, frame: &[u8]) -> bool {
        let marks: &[&[u8]] = match self.venue {
            Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => &[],
            Venue::Bybit => &[b"{\"topic\":\"orderbook.200."],
            Venue::Coinbase => &[b"\"type\":\"l2update\"", b"\"type\":\"snapshot\""],
            Venue::Kraken => &[b"\"channel\":\"book\""],
            Venue::Okx => &[b"\"channel\":\"books\"", b"\"channel\":\"books-l2-tbt\""],
        };
        marks.iter().any(|mark| memchr::memmem::find(frame, mark).is_some())
    }

    /// Whether it still says of which symbol.
    pub(crate) fn names_symbol(&self, frame: &[u8], symbol: &str) -> bool {
        let (before, behind) = match self.venue {
            Venue::Binance | Venue::BinanceUsdM | Venue::BinanceCoinM => ("\"s\":\"", "\""),
            Venue::Bybit => (".", "\""),
            Venue::Coinbase => ("\"product_id\":\"", "\""),
            Venue::Kraken => ("\"symbol\":\"", "\""),
            Venue::Okx => ("\"instId\":\"", "\""),
        };
        let named = format!("{before}{symbol}{behind}");
        memchr::memmem::find(frame, named.as_bytes()).is_some()
    }
}

fn symbol(venue: Venue, item: &Item) -> Option<String> {
    let class = venue.classify(&item.text);
    let is_data = item.kind == Kind::Frame && class.kind == ClassKind::Data;
    (is_data && !class.symbol.is_empty()).then(|| class.symbol.into_owned())
}
