use std::fmt;

/// What can be subscribed to, named by one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic<'a> {
    /// The book of a symbol: `orderbook.50.BTCUSDT`. With one level it comes whole each time.
    Book {
        /// Levels a side.
        depth: u16,
        /// The symbol.
        symbol: &'a str,
    },
    /// The trades of a symbol: `publicTrade.BTCUSDT`.
    Trades {
        /// The symbol.
        symbol: &'a str,
    },
    /// Statistics of the last 24 hours: `tickers.BTCUSDT`.
    Ticker {
        /// The symbol.
        symbol: &'a str,
    },
}

impl<'a> Topic<'a> {
    /// The topic of this name; none if it is of another kind.
    #[must_use]
    pub fn parse(name: &'a str) -> Option<Self> {
        let (kind, rest) = name.split_once('.')?;
        let topic = match kind {
            "orderbook" => {
                let (depth, symbol) = rest.split_once('.')?;
                Self::Book { depth: depth.parse().ok()?, symbol }
            }
            "publicTrade" => Self::Trades { symbol: rest },
            "tickers" => Self::Ticker { symbol: rest },
            _ => return None,
        };
        (!topic.symbol().is_empty()).then_some(topic)
    }

    /// The symbol that it is about.
    #[must_use]
    pub const fn symbol(self) -> &'a str {
        match self {
            Self::Book { symbol, .. } | Self::Trades { symbol } | Self::Ticker { symbol } => symbol,
        }
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Book { depth, symbol } => write!(f, "orderbook.{depth}.{symbol}"),
            Self::Trades { symbol } => write!(f, "publicTrade.{symbol}"),
            Self::Ticker { symbol } => write!(f, "tickers.{symbol}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let topics = [
            ("orderbook.50.BTCUSDT", Topic::Book { depth: 50, symbol: "BTCUSDT" }),
            ("orderbook.1.A.B", Topic::Book { depth: 1, symbol: "A.B" }),
            ("publicTrade.BTC-26DEC25", Topic::Trades { symbol: "BTC-26DEC25" }),
            ("tickers.1000PEPEUSDT", Topic::Ticker { symbol: "1000PEPEUSDT" }),
        ];
        for (name, topic) in topics {
            assert_eq!((Topic::parse(name), topic.to_string().as_str()), (Some(topic), name));
        }
    }

    #[test]
    fn other_names_are_none() {
        for name in [
            "",
            "orderbook",
            "orderbook.50",
            "orderbook.50.",
            "orderbook.x.A",
            "tickers.",
            "kline.1.A",
            "orderbook.99999.A",
        ] {
            assert_eq!(Topic::parse(name), None, "{name}");
        }
    }
}
