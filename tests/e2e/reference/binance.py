"""Binance, spot and futures: trades or aggregates, bookTicker, books joined through REST depth."""

import json

from .captures import Record
from .model import Market, Quote, Trade


class Binance:
    """Reads the frames of a recording of Binance, raw or in the combined wrapper."""

    def __init__(self, records: list[Record], depth: int) -> None:
        self.depth = depth
        payloads = [unwrap(record) for record in records]
        self.events = list(zip(records, payloads, strict=True))
        self.has_trades = any(payload.get("e") == "trade" for payload in payloads)
        self.has_quotes = {payload["s"] for payload in payloads if is_book_ticker(payload)}
        self.markets: dict[str, Market] = {}
        self.waiting: dict[str, list[dict]] = {}
        self.update_ids: dict[str, int] = {}
        self.joined: set[str] = set()

    def build(self) -> dict[str, Market]:
        for record, payload in self.events:
            if record.kind == "depth":
                self.depth_body(record.symbol or self.only_symbol(), payload)
            elif is_book_ticker(payload):
                self.market(payload["s"]).quotes.append(
                    Quote(payload["b"], payload["B"], payload["a"], payload["A"])
                )
            elif payload.get("e") == "depthUpdate":
                self.depth_update(payload)
            elif payload.get("e") == ("trade" if self.has_trades else "aggTrade"):
                self.trade(payload)
        return self.markets

    def market(self, symbol: str) -> Market:
        return self.markets.setdefault(symbol, Market(symbol, self.depth))

    def only_symbol(self) -> str:
        """The symbol of a depth body whose request was not recorded."""
        symbols = {payload["s"] for _, payload in self.events if "s" in payload}
        if len(symbols) != 1:
            raise ValueError(f"a depth body without a symbol among {len(symbols)} symbols")
        return symbols.pop()

    def trade(self, event: dict) -> None:
        """`m` says that the buyer was the maker, so that the seller was the aggressor."""
        self.market(event["s"]).trade(
            Trade(
                id=str(event["t" if event["e"] == "trade" else "a"]),
                price=event["p"],
                size=event["q"],
                side="sell" if event["m"] else "buy",
                ts=event["T"] * 1000,
            )
        )

    def depth_body(self, symbol: str, body: dict) -> None:
        """Starts the book at `lastUpdateId` and applies the events that came before the body."""
        market = self.market(symbol)
        market.new_book().set_levels(body["bids"], body["asks"])
        market.book_changed(quote=symbol not in self.has_quotes)
        self.update_ids[symbol] = body["lastUpdateId"]
        self.joined.discard(symbol)
        for event in self.waiting.pop(symbol, []):
            self.apply(market, event)

    def depth_update(self, event: dict) -> None:
        symbol = event["s"]
        market = self.market(symbol)
        if market.book is None:
            self.waiting.setdefault(symbol, []).append(event)
        else:
            self.apply(market, event)

    def apply(self, market: Market, event: dict) -> None:
        """Events up to the known id are old; the next one goes on from it."""
        known = self.update_ids[market.symbol]
        if event["u"] <= known:
            return
        if failure := self.gap(market.symbol, event, known):
            market.failures.append(f"gap: {failure} after {known}")
        self.joined.add(market.symbol)
        self.update_ids[market.symbol] = event["u"]
        market.book.set_levels(event["b"], event["a"])
        market.book_changed(quote=market.symbol not in self.has_quotes)

    def gap(self, symbol: str, event: dict, known: int) -> str | None:
        """What does not go on from the known id.

        On spot an event holds the id that follows. A future's names the last id of the event
        before it (its own first id may be far beyond); the first one behind the body may also
        name an earlier one, since the body was made anywhere.
        """
        if "pu" not in event:
            return f"U {event['U']}" if event["U"] > known + 1 else None
        follows = event["pu"] == known if symbol in self.joined else event["pu"] <= known
        return None if follows else f"pu {event['pu']}"


def unwrap(record: Record) -> dict:
    """The payload of a frame, out of the combined stream's wrapper where it has one."""
    value = json.loads(record.text)
    return value["data"] if isinstance(value, dict) and "stream" in value else value


def is_book_ticker(payload: dict) -> bool:
    """bookTicker is the one stream of spot whose events name no type; those of futures do."""
    named = payload.get("e", "bookTicker") == "bookTicker"
    return named and {"u", "s", "b", "B", "a", "A"} <= payload.keys()
