//! Real recordings: each is read, imported and read again, and holds what is known of it.

mod common;

use common::recording;
use feed_replay::import::import;
use feed_replay::info::Info;
use feed_replay::source::{Format, RestFile};
use feed_replay::tape::Tape;
use feed_replay::venue::Venue;

struct Known {
    name: &'static str,
    format: Format,
    venue: Venue,
    frames: u64,
    sent: u64,
    rest: usize,
    symbols: usize,
    seconds: f64,
}

const KNOWN: [Known; 16] = [
    Known {
        name: "binance-spot_btcusdt_20240808.gz",
        format: Format::Capture,
        venue: Venue::Binance,
        frames: 41_248,
        sent: 0,
        rest: 1,
        symbols: 1,
        seconds: 346.062,
    },
    Known {
        name: "binance-spot_10symbols_20210405.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Binance,
        frames: 11_357,
        sent: 0,
        rest: 10,
        symbols: 10,
        seconds: 119.992,
    },
    Known {
        name: "binance-spot_btc-eth_20260707.ndjson",
        format: Format::Frames,
        venue: Venue::Binance,
        frames: 2_063,
        sent: 0,
        rest: 0,
        symbols: 2,
        seconds: 44.918,
    },
    Known {
        name: "binance-usdm_btcusdt_20240718.gz",
        format: Format::Capture,
        venue: Venue::BinanceUsdM,
        frames: 11_413,
        sent: 0,
        rest: 1,
        symbols: 1,
        seconds: 178.002,
    },
    Known {
        name: "binance-coinm_10symbols_20210721.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::BinanceCoinM,
        frames: 4_371,
        sent: 0,
        rest: 0,
        symbols: 10,
        seconds: 31.028,
    },
    Known {
        name: "bybit-v5-linear_20250613.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Bybit,
        frames: 202,
        sent: 4,
        rest: 0,
        symbols: 4,
        seconds: 30.988,
    },
    Known {
        name: "bybit-v5-spot_20250613.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Bybit,
        frames: 145,
        sent: 6,
        rest: 0,
        symbols: 6,
        seconds: 31.233,
    },
    Known {
        name: "coinbase_10symbols_20210417.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Coinbase,
        frames: 9_946,
        sent: 3,
        rest: 0,
        symbols: 10,
        seconds: 31.003,
    },
    Known {
        name: "coinbase_btc-eth_20260707.ndjson",
        format: Format::Frames,
        venue: Venue::Coinbase,
        frames: 2_456,
        sent: 0,
        rest: 0,
        symbols: 2,
        seconds: 59.888,
    },
    Known {
        name: "kraken-v2_btc-eth_20260707.ndjson",
        format: Format::Frames,
        venue: Venue::Kraken,
        frames: 3_000,
        sent: 0,
        rest: 0,
        symbols: 2,
        seconds: 22.138,
    },
    Known {
        name: "kraken-v2_btcusd_20260802.cbcap",
        format: Format::Cbcap,
        venue: Venue::Kraken,
        frames: 2_104,
        sent: 0,
        rest: 0,
        symbols: 1,
        seconds: 50.653,
    },
    Known {
        name: "kraken-v2_btcusd-resyncs_20260801.cbcap",
        format: Format::Cbcap,
        venue: Venue::Kraken,
        frames: 377,
        sent: 0,
        rest: 0,
        symbols: 1,
        seconds: 60.239,
    },
    Known {
        name: "okx-v5_10symbols_20220227.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Okx,
        frames: 3_777,
        sent: 3,
        rest: 0,
        symbols: 10,
        seconds: 31.008,
    },
    Known {
        name: "okx-v5_10symbols_line1-of-3_20210722.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Okx,
        frames: 1_616,
        sent: 1,
        rest: 0,
        symbols: 10,
        seconds: 31.069,
    },
    Known {
        name: "okx-v5_10symbols_line2-of-3_20210722.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Okx,
        frames: 1_559,
        sent: 1,
        rest: 0,
        symbols: 10,
        seconds: 31.045,
    },
    Known {
        name: "okx-v5_10symbols_line3-of-3_20210722.cryptofeed",
        format: Format::Cryptofeed,
        venue: Venue::Okx,
        frames: 1_534,
        sent: 1,
        rest: 0,
        symbols: 10,
        seconds: 31.048,
    },
];

fn check(known: &Known, info: &Info) {
    let Known { name, venue, frames, sent, rest, symbols, seconds, .. } = known;
    assert_eq!(info.errors, Vec::<String>::new(), "{name}");
    assert_eq!((info.frames, info.sent, info.rest.len()), (*frames, *sent, *rest), "{name}");
    assert_eq!((info.venue, info.symbols.len(), info.unknown), (Some(venue.name()), *symbols, 0), "{name}");
    assert!((info.seconds - seconds).abs() < 0.001, "{name}: {} s", info.seconds);
}

#[test]
fn recordings_hold_what_is_known_of_them_before_and_after_import() {
    let folder = tempfile::tempdir().unwrap();
    for known in &KNOWN {
        let Some(path) = recording(known.name) else { continue };
        let tape = Tape::new(std::slice::from_ref(&path), None, Some(known.venue)).unwrap();
        assert_eq!(tape.format(), Some(known.format), "{}", known.name);
        check(known, &Info::read(&tape).unwrap());

        let out = folder.path().join(format!("{}.zst", known.name));
        let imported = import(&tape, known.venue, &out, |message| panic!("{message}")).unwrap();
        assert_eq!((imported.frames, imported.damaged), (frames_as_written(known), 0), "{}", known.name);
        let again = Tape::new(&[out], None, None).unwrap();
        assert_eq!(again.format(), Some(Format::Capture));
        check(known, &Info::read(&again).unwrap());
    }
}

/// hftbacktest's files have their REST body among the frames.
fn frames_as_written(known: &Known) -> u64 {
    known.frames + if known.format == Format::Capture { known.rest as u64 } else { 0 }
}

#[test]
fn replies_in_a_file_of_their_own_merge_into_the_stream() {
    let name = "binance-coinm_10symbols_20210721";
    let names = [format!("{name}.cryptofeed"), format!("{name}.http.cryptofeed")];
    let files: Vec<_> = names.iter().filter_map(|name| recording(name)).collect();
    if files.len() < 2 {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("merged.zst");
    let tape = Tape::new(&files, None, Some(Venue::BinanceCoinM)).unwrap();
    let imported = import(&tape, Venue::BinanceCoinM, &out, |message| panic!("{message}")).unwrap();
    assert_eq!((imported.frames, imported.rest_bodies, imported.damaged), (4_371, 10, 0));
    let info = Info::read(&Tape::new(&[out], None, None).unwrap()).unwrap();
    assert_eq!((info.venue, info.rest.len(), info.symbols.len()), (Some("binance-coinm"), 10, 10));
    assert!(
        info.rest.iter().all(|rest| Some(rest.time_ns) > info.first_ns && Some(rest.time_ns) < info.last_ns)
    );
}

#[test]
fn a_rest_body_newer_than_the_stream_stands_at_its_end() {
    let (Some(stream), Some(body)) = (
        recording("binance-spot_btc-eth_20260707.ndjson"),
        recording("binance-spot_btc_rest-depth_20260707.json"),
    ) else {
        return;
    };
    let url = "https://api.binance.com/api/v3/depth?symbol=BTCUSDT&limit=100";
    let rest: RestFile = format!("{url}={}", body.display()).parse().unwrap();
    let tape = Tape::new(&[stream], None, Some(Venue::Binance)).unwrap().with_rest(vec![rest]);
    let info = Info::read(&tape).unwrap();
    assert_eq!((info.rest.len(), info.rest[0].url.as_str()), (1, url));
    assert_eq!(Some(info.rest[0].time_ns), info.last_ns);
}

#[test]
fn a_recording_on_three_connections_merges_by_time() {
    let lines: Vec<_> = (1..=3)
        .filter_map(|n| recording(&format!("okx-v5_10symbols_line{n}-of-3_20210722.cryptofeed")))
        .collect();
    if lines.len() < 3 {
        return;
    }
    let (mut frames, mut last) = ([0; 3], 0);
    let tape = Tape::new(&lines, None, None).unwrap();
    let read = tape.read(
        |error| panic!("{error}"),
        |item| {
            assert!(item.time >= last, "{} after {last}", item.time);
            last = item.time;
            frames[item.conn as usize] += u64::from(item.kind == feed_replay::source::Kind::Frame);
        },
    );
    read.unwrap();
    assert_eq!(frames, [1_616, 1_559, 1_534]);
}
