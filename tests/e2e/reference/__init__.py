"""What a recording says, worked out by an independent program.

Nothing here is shared with the broker: it is written from the venues' formats alone, in another
language, so that an error in the broker's reading does not repeat itself here. It reads a
recording in any of the formats that public recorders write and builds, for each symbol, the final
book, all trades, all quotes and the venue's own checksums.

`python -m reference RECORDING --venue binance` prints it as JSON.
"""

from .build import build
from .captures import Record, read_capture
from .model import Market, Quote, Trade

__all__ = ["Market", "Quote", "Record", "Trade", "build", "read_capture"]
