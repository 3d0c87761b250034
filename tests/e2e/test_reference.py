"""The reference program is itself checked: against the venues' own checks and by small examples."""

import zlib

import pytest

from recordings import BY_NAME, RECORDINGS
from reference import Quote, Record, Trade, build
from reference.checksum import book_checksum, digits

BINANCE_DEPTH = '{"e":"depthUpdate","E":1,"s":"X","U":%d,"u":%d,"b":[%s],"a":[%s]}'


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_no_recording_contradicts_itself(recording):
    """Kraken's checksums hold, Binance's update ids follow each other, no trade is missing."""
    markets = build(recording.venue, recording.records())
    assert set(markets) == set(recording.symbols)
    for market in markets.values():
        assert market.failures == []
        assert market.lost_trades == 0
        assert market.book or recording.name == "binance-2026"


def test_counts_agree_with_what_is_known_of_the_recordings():
    kraken = build("kraken", BY_NAME["kraken-2026"].records())
    assert sum(len(market.checksums) for market in kraken.values()) == 2 + 2399 + 561
    resyncs = build("kraken", BY_NAME["kraken-resyncs"].records())
    assert resyncs["BTC/USD"].snapshots == 5
    coinbase = build("coinbase", BY_NAME["coinbase-2021"].records())
    assert sum(len(market.quotes) for market in coinbase.values()) == 107
    assert sum(len(market.trades) for market in coinbase.values()) == 97
    assert all(quote.bid_size is None for market in coinbase.values() for quote in market.quotes)


def test_checksum_of_the_venues_documented_rule():
    assert digits("0.00005100") == "5100"
    assert digits("63501.60") == "6350160"
    assert book_checksum([("9.5", "0.10")], [("10.0", "2")]) == crc("1002" + "9510")


def crc(text: str) -> int:
    return zlib.crc32(text.encode())


def test_a_binance_book_joins_inside_an_event():
    frames = [
        Record("frame", BINANCE_DEPTH % (1, 4, '["1","1"]', "")),
        Record("frame", BINANCE_DEPTH % (5, 9, '["2","2"]', '["3","3"]')),
        Record("depth", '{"lastUpdateId":7,"bids":[["0.5","5"]],"asks":[["4","4"]]}', symbol="X"),
        Record("frame", BINANCE_DEPTH % (10, 10, '["0.5","0.0"]', "")),
    ]
    market = build("binance", frames)["X"]
    assert market.failures == []
    assert market.book.top(10) == ([("2", "2")], [("3", "3"), ("4", "4")])
    assert market.quotes[-1] == Quote("2", "2", "3", "3")


def test_a_gap_in_a_binance_book_is_a_failure():
    frames = [
        Record("depth", '{"lastUpdateId":7,"bids":[],"asks":[]}', symbol="X"),
        Record("frame", BINANCE_DEPTH % (9, 9, '["2","2"]', "")),
    ]
    assert build("binance", frames)["X"].failures == ["gap: U 9 after 7"]


def test_a_futures_book_follows_the_events_that_name_each_other():
    event = '{"e":"depthUpdate","E":1,"s":"X","U":%d,"u":%d,"pu":%d,"b":[["%d","1"]],"a":[]}'
    frames = [
        Record("depth", '{"lastUpdateId":7,"bids":[],"asks":[]}', symbol="X"),
        Record("frame", event % (9, 12, 5, 1)),
        Record("frame", event % (20, 22, 12, 2)),
        Record("frame", event % (23, 25, 21, 3)),
    ]
    market = build("binance-usdm", frames)["X"]
    assert market.failures == ["gap: pu 21 after 22"]
    assert market.book.top(2) == ([("3", "1"), ("2", "1")], [])


def test_a_wrong_kraken_checksum_is_a_failure():
    text = (
        '{"channel":"book","type":"snapshot","data":[{"symbol":"X","bids":[],'
        '"asks":[{"price":1.50,"qty":2.0}],"checksum":1,"timestamp":"2026-01-01T00:00:00Z"}]}'
    )
    market = build("kraken", [Record("frame", text)])["X"]
    assert market.failures == [f"checksum {crc('15020')}, the venue says 1"]
    assert market.book.top(1) == ([], [("1.50", "2.0")])


def test_kraken_books_are_truncated_to_the_subscribed_depth():
    ack = '{"method":"subscribe","result":{"channel":"book","depth":2,"symbol":"X"},"success":true}'
    asks = ",".join('{"price":%d,"qty":1}' % price for price in (1, 2, 3))
    text = (
        '{"channel":"book","type":"snapshot","data":[{"symbol":"X","bids":[],"asks":[%s],'
        '"checksum":%d}]}' % (asks, crc("1121"))
    )
    market = build("kraken", [Record("frame", ack), Record("frame", text)])["X"]
    assert market.failures == []
    assert market.book.top(10) == ([], [("1", "1"), ("2", "1")])


def test_the_aggressor_of_a_coinbase_match_is_not_its_maker():
    text = (
        '{"type":"%s","trade_id":%d,"side":"buy","size":"0.2","price":"63514.6",'
        '"product_id":"X","time":"2026-07-07T22:58:17.164892Z"}'
    )
    frames = [Record("frame", text % ("last_match", 7)), Record("frame", text % ("match", 9))]
    market = build("coinbase", frames)["X"]
    assert market.trades == [Trade("9", "63514.6", "0.2", "sell", 1783465097164892)]
    assert market.lost_trades == 1


OKX_BOOK = (
    '{"arg":{"channel":"books","instId":"X"},"action":"%s",'
    '"data":[{"asks":[%s],"bids":[%s],"ts":"1",%s}]}'
)


def test_an_okx_book_follows_its_numbers_or_its_checksums():
    def frames(*contents: tuple[str, str, str]) -> list[Record]:
        return [
            Record("frame", OKX_BOOK % (action, '["3","4","0","1"]', bids, numbers))
            for action, bids, numbers in contents
        ]

    numbered = frames(
        ("snapshot", '["1.0","5","0","1"]', '"checksum":0,"seqId":7,"prevSeqId":-1'),
        ("update", '["2","1","0","1"]', '"checksum":0,"seqId":9,"prevSeqId":7'),
        ("update", '["2","0","0","0"]', '"checksum":0,"seqId":12,"prevSeqId":11'),
    )
    market = build("okx", numbered)["X"]
    assert market.failures == ["gap: prevSeqId 11 after 9"]
    assert market.book.top(10) == ([("1.0", "5")], [("3", "4")])
    right = crc("1.0:5:3:4")
    right -= (1 << 32) if right >= 1 << 31 else 0
    checked = frames(
        ("snapshot", '["1.0","5","0","1"]', f'"checksum":{right}'),
        ("update", '["1","5","0","1"]', f'"checksum":{right}'),
    )
    failures = build("okx", checked)["X"].failures
    assert len(failures) == 1 and failures[0].endswith(f"the venue says {right}")


def test_an_okx_trade_may_stand_for_several():
    text = (
        '{"arg":{"channel":"trades","instId":"X"},"data":[{"tradeId":"%d","px":"1","sz":"1",'
        '"side":"buy","ts":"1","count":"%d"}]}'
    )
    frames = [Record("frame", text % trade) for trade in [(10, 1), (13, 3), (20, 2)]]
    market = build("okx", frames)["X"]
    assert [trade.id for trade in market.trades] == ["10", "13", "20"]
    assert market.lost_trades == 5


BYBIT_BOOK = (
    '{"topic":"orderbook.%d.X","type":"%s","ts":2,'
    '"data":{"s":"X","b":[%s],"a":[["3","4"]],"u":%d,"seq":1},"cts":1}'
)


def test_a_bybit_book_follows_its_numbers_and_begins_anew_with_any_snapshot():
    def frames(*contents: tuple[str, str, int]) -> list[Record]:
        return [
            Record("frame", BYBIT_BOOK % (50, kind, bids, number))
            for kind, bids, number in contents
        ]

    numbered = frames(
        ("snapshot", '["1.0","5"]', 7),
        ("delta", '["2","1"]', 8),
        ("snapshot", '["1.50","2"]', 1),
        ("delta", '["1.5","0"],["0.5","3"]', 2),
    )
    market = build("bybit", numbered)["X"]
    assert (market.failures, market.snapshots) == ([], 2)
    assert market.book.top(10) == ([("0.5", "3")], [("3", "4")])
    assert market.quotes[1] == Quote("2", "1", "3", "4")
    assert build("bybit", numbered[:1] + numbered[3:])["X"].failures == ["gap: u 2 after 7"]


def test_bybits_best_bid_and_ask_are_quotes_but_for_what_comes_again():
    contents = [('["1","5"]', 7), ('["1","5"]', 7), ("", 8), ('["1","5"]', 9), ('["1","5"]', 10)]
    frames = [Record("frame", BYBIT_BOOK % (1, "snapshot", *content)) for content in contents]
    market = build("bybit", frames)["X"]
    one, none = Quote("1", "5", "3", "4"), Quote(None, None, "3", "4")
    assert market.quotes == [one, none, one, one]
    assert (len(market.checksums), market.failures) == (3, [])


def test_bybits_trades_have_names():
    trade = '{"T":5,"s":"X","S":"Sell","v":"0.1","p":"2","i":"%s"}'
    text = '{"topic":"publicTrade.X","type":"snapshot","ts":6,"data":[%s,%s]}'
    frame = Record("frame", text % (trade % "20f43950-d8dd", trade % "2290000000068683542"))
    market = build("bybit", [frame])["X"]
    assert market.trades[0] == Trade("20f43950-d8dd", "2", "0.1", "sell", 5000)
    assert (len(market.trades), market.lost_trades) == (2, 0)


def test_the_same_trade_is_taken_once():
    text = '{"e":"trade","s":"X","t":5,"p":"1","q":"1","T":1,"m":true}'
    market = build("binance", [Record("frame", text), Record("frame", text)])["X"]
    assert [trade.id for trade in market.trades] == ["5"]
