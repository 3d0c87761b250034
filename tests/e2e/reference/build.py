"""From records to markets."""

from collections.abc import Iterable

from .binance import Binance
from .bybit import Bybit
from .captures import Record
from .coinbase import Coinbase
from .kraken import Kraken
from .model import Market
from .okx import Okx

VENUES = {
    "binance": Binance,
    "binance-usdm": Binance,
    "binance-coinm": Binance,
    "bybit": Bybit,
    "coinbase": Coinbase,
    "kraken": Kraken,
    "okx": Okx,
}


def build(venue: str, records: Iterable[Record], depth: int = 1000) -> dict[str, Market]:
    """Builds the market of each symbol, by the venue's own name; books keep `depth` levels."""
    return VENUES[venue](list(records), depth).build()
