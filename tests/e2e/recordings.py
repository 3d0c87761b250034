"""The recordings that lie beside the project, and what is known of each."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reference import Record, read_capture

ROOT = Path(__file__).resolve().parents[2]
FEEDS = Path(os.environ.get("TICKCAST_FEEDS", ROOT.parent / "shared" / "feeds"))


@dataclass(frozen=True)
class Recording:
    """One file, how to read it, and how the broker is asked for what it holds.

    `importer` is the format that `feed-replay import` is told, none where the file replays as it
    is; `symbols` are the venue's own names; `url_path` and `query` are what the feed's URL says
    besides. `replies` is the file of what REST answered, where that was recorded by itself.
    """

    name: str
    file: str
    venue: str
    symbols: tuple[str, ...]
    importer: str | None = None
    replies: str | None = None
    url_path: str = ""
    query: dict[str, str] = field(default_factory=dict)
    depth_bodies: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the recording lies."""
        return existing(self.file)

    @property
    def paths(self) -> list[Path]:
        """All files that the recording consists of, the stream first."""
        return [self.path] + ([existing(self.replies)] if self.replies else [])

    @property
    def depth_paths(self) -> dict[str, Path]:
        """Where REST bodies lie that were recorded into files of their own, by symbol."""
        return {symbol: existing(file) for symbol, file in self.depth_bodies.items()}

    def records(self) -> list[Record]:
        """All records, such REST bodies before the rest."""
        bodies = [
            Record("depth", path.read_text(), symbol=symbol)
            for symbol, path in self.depth_paths.items()
        ]
        files = [list(read_capture(path)) for path in self.paths]
        return bodies + (files[0] if len(files) == 1 else by_time(*files))


def by_time(*files: list[Record]) -> list[Record]:
    """The records of several files in the order of their times; within a file the order stays."""
    timed = []
    for number, records in enumerate(files):
        time = 0
        for record in records:
            time = max(time, record.time_ns)
            timed.append((time, number, record))
    return [record for _, _, record in sorted(timed, key=lambda entry: entry[:2])]


def existing(file: str) -> Path:
    """A file of the recordings; a missing one skips the test, loudly."""
    path = FEEDS / file
    if not path.exists():
        pytest.skip(f"SKIPPED: the recording {file} is not in {FEEDS}")
    return path


def names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


RECORDINGS = [
    Recording(
        name="binance-2021",
        file="binance-spot_10symbols_20210405.cryptofeed",
        venue="binance",
        importer="cryptofeed",
        symbols=names(
            "BTCAUD MANAUSDT ETHBRL DENTUSDT ZILUSDT RENBTCETH BTCSTUSDT QTUMETH AXSBNB NEOUSDC"
        ),
        query={"trades": "aggregate"},
    ),
    Recording(
        name="binance-2024",
        file="binance-spot_btcusdt_20240808.gz",
        venue="binance",
        symbols=("BTCUSDT",),
    ),
    Recording(
        name="binance-2026",
        file="binance-spot_btc-eth_20260707.ndjson",
        venue="binance",
        importer="flashbook",
        symbols=("BTCUSDT", "ETHUSDT"),
        depth_bodies={"BTCUSDT": "binance-spot_btc_rest-depth_20260707.json"},
    ),
    Recording(
        name="binance-usdm-2024",
        file="binance-usdm_btcusdt_20240718.gz",
        venue="binance-usdm",
        symbols=("BTCUSDT",),
    ),
    Recording(
        name="binance-coinm-2021",
        file="binance-coinm_10symbols_20210721.cryptofeed",
        venue="binance-coinm",
        importer="cryptofeed",
        replies="binance-coinm_10symbols_20210721.http.cryptofeed",
        symbols=names(
            "LINKUSD_211231 LINKUSD_PERP TRXUSD_PERP ETCUSD_PERP BTCUSD_211231 XRPUSD_PERP"
            " EOSUSD_PERP BCHUSD_PERP BCHUSD_210924 ETHUSD_210924"
        ),
        query={"trades": "aggregate"},
    ),
    Recording(
        name="bybit-linear",
        file="bybit-v5-linear_20250613.cryptofeed",
        venue="bybit",
        importer="cryptofeed",
        symbols=names("BANDUSDT RADUSDT SNTUSDT AIOZUSDT"),
        url_path="/v5/public/linear",
        query={"depth": "1"},
    ),
    Recording(
        name="bybit-spot",
        file="bybit-v5-spot_20250613.cryptofeed",
        venue="bybit",
        importer="cryptofeed",
        symbols=names("OPUSDC TUSDUSDT KCSUSDT CPOOLUSDT ARBUSDC MASAUSDT"),
        query={"depth": "1"},
    ),
    Recording(
        name="coinbase-2021",
        file="coinbase_10symbols_20210417.cryptofeed",
        venue="coinbase",
        importer="cryptofeed",
        symbols=names(
            "SKL-USD SKL-BTC BAND-GBP NMR-EUR BAND-BTC YFI-BTC DASH-BTC NU-GBP CRV-EUR SKL-GBP"
        ),
    ),
    Recording(
        name="coinbase-2026",
        file="coinbase_btc-eth_20260707.ndjson",
        venue="coinbase",
        importer="flashbook",
        symbols=("BTC-USD", "ETH-USD"),
    ),
    Recording(
        name="kraken-2026",
        file="kraken-v2_btc-eth_20260707.ndjson",
        venue="kraken",
        importer="flashbook",
        url_path="/v2",
        symbols=("BTC/USD", "ETH/USD"),
        query={"depth": "10"},
    ),
    Recording(
        name="kraken-resyncs",
        file="kraken-v2_btcusd-resyncs_20260801.cbcap",
        venue="kraken",
        importer="cbcap",
        url_path="/v2",
        symbols=("BTC/USD",),
        query={"depth": "10"},
    ),
    Recording(
        name="kraken-depth25",
        file="kraken-v2_btcusd_20260802.cbcap",
        venue="kraken",
        importer="cbcap",
        url_path="/v2",
        symbols=("BTC/USD",),
        query={"depth": "25"},
    ),
    Recording(
        name="okx-2022",
        file="okx-v5_10symbols_20220227.cryptofeed",
        venue="okx",
        importer="cryptofeed",
        symbols=names(
            "ETH-USD-220624-20000-C PROPS-ETH ZEN-USDT ETH-USD-220624-12000-P UNI-USD-SWAP"
            " BTC-USD-220325-40000-C ETH-USD-220429-1900-P ELON-USDT ETH-USD-220325-8800-P"
            " ETH-USD-220228-3000-C"
        ),
    ),
    *(
        Recording(
            name=f"okx-2021-line{line}",
            file=f"okx-v5_10symbols_line{line}-of-3_20210722.cryptofeed",
            venue="okx",
            importer="cryptofeed",
            symbols=names(
                "FUN-BTC BTC-USD-210924-66000-C XMR-USDT-SWAP AUCTION-USDT OKT-BTC PAY-BTC"
                " BTC-USD-210924-42000-P ONT-USDT DHT-USDT TRX-USDT-210924"
            ),
        )
        for line in (1, 2, 3)
    ),
]

BY_NAME = {recording.name: recording for recording in RECORDINGS}
