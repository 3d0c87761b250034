//! What is traded there, as far as it decides where and how to ask.

use super::request::percent_encoded;
use super::{Route, Stream};

/// A line of Binance's products. Each has hosts, paths and limits of its own; the formats differ in a few fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// Spot.
    Spot,
    /// Futures with margin in USDT or USDC.
    UsdM,
    /// Futures with margin in coins. Their sizes count contracts.
    CoinM,
}

/// The depths over REST that futures offer, in levels a side; spot takes any number.
const FUTURES_DEPTHS: [u16; 7] = [5, 10, 20, 50, 100, 500, 1_000];

impl Product {
    /// Whether it is one of the futures, whose depth events name the event before them.
    #[must_use]
    pub const fn is_future(self) -> bool {
        !matches!(self, Self::Spot)
    }

    /// The deepest book over REST, in levels a side.
    #[must_use]
    pub const fn depth_max(self) -> u16 {
        if self.is_future() { 1_000 } else { 5_000 }
    }

    /// How often changes of books can be had, in milliseconds, the one that is usual here first. The stream without an interval in
    /// its name is that of [`unnamed_depth_ms`](Self::unnamed_depth_ms).
    #[must_use]
    pub const fn depth_ms(self) -> &'static [u32] {
        if self.is_future() { &[100, 250, 500] } else { &[100, 1_000] }
    }

    /// The interval of the stream of changes of a book whose name says none, in milliseconds.
    #[must_use]
    pub const fn unnamed_depth_ms(self) -> u32 {
        if self.is_future() { 250 } else { 1_000 }
    }

    /// How many messages a second it takes from a connection, pongs among them.
    #[must_use]
    pub const fn messages_per_s(self) -> u32 {
        if self.is_future() { 10 } else { 5 }
    }

    /// What requests over REST may weigh in a minute, over all of an address.
    #[must_use]
    pub const fn weight_per_minute(self) -> u64 {
        if self.is_future() { 2_400 } else { 6_000 }
    }

    /// The least depth over REST that is offered and holds `levels` a side; the deepest if none does.
    #[must_use]
    pub fn depth_limit(self, levels: usize) -> u16 {
        let levels = u16::try_from(levels).unwrap_or(u16::MAX);
        if self.is_future() {
            let holds = |limit: &u16| *limit >= levels;
            return FUTURES_DEPTHS.into_iter().find(holds).unwrap_or(self.depth_max());
        }
        levels.clamp(5, self.depth_max())
    }

    /// What a request for a book to `limit` levels a side weighs.
    #[must_use]
    pub const fn depth_weight(self, limit: u16) -> u64 {
        match (self.is_future(), limit) {
            (false, 0..=100) | (true, 51..=100) => 5,
            (false, 101..=500) => 25,
            (false, 501..=1_000) => 50,
            (false, _) => 250,
            (true, 0..=50) => 2,
            (true, 101..=500) => 10,
            (true, _) => 20,
        }
    }

    /// Path and query of the book of `symbol`, to `limit` levels a side.
    #[must_use]
    pub fn depth_path(self, symbol: &str, limit: u16) -> String {
        format!("{}/depth?symbol={}&limit={limit}", self.rest(), percent_encoded(symbol))
    }

    /// Paths and queries of what the venue knows of `symbols`: futures tell of all that they have, spot of at most `max` at once;
    /// of all of them if the list is empty.
    pub fn exchange_info_paths<S: AsRef<str>>(self, symbols: &[S], max: usize) -> Vec<String> {
        let path = format!("{}/exchangeInfo", self.rest());
        if symbols.is_empty() || self.is_future() {
            return vec![path];
        }
        let of = |symbols: &[S]| {
            let names: Vec<&str> = symbols.iter().map(AsRef::as_ref).collect();
            format!("{path}?symbols={}", percent_encoded(&serde_json::json!(names).to_string()))
        };
        symbols.chunks(max.max(1)).map(of).collect()
    }

    /// The entry point that carries a stream. USD-M has two: one for what its matching engine says at each change, one for what is
    /// summed up.
    #[must_use]
    pub const fn route(self, stream: Stream) -> Route {
        match (self, stream) {
            (Self::Spot | Self::CoinM, _) => Route::Whole,
            (Self::UsdM, Stream::Trade | Stream::BookTicker | Stream::Depth(_)) => Route::Public,
            (Self::UsdM, Stream::AggTrade | Stream::Ticker24h) => Route::Market,
        }
    }

    const fn rest(self) -> &'static str {
        match self {
            Self::Spot => "/api/v3",
            Self::UsdM => "/fapi/v1",
            Self::CoinM => "/dapi/v1",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Product::{CoinM, Spot, UsdM};
    use super::*;

    #[test]
    fn paths_hold_symbols_of_any_script() {
        assert_eq!(Spot.depth_path("BTCUSDT", 5000), "/api/v3/depth?symbol=BTCUSDT&limit=5000");
        assert_eq!(Spot.depth_path("é&x", 5), "/api/v3/depth?symbol=%C3%A9%26x&limit=5");
        assert_eq!(UsdM.depth_path("BTCUSDT", 1000), "/fapi/v1/depth?symbol=BTCUSDT&limit=1000");
        assert_eq!(CoinM.depth_path("BTCUSD_PERP", 500), "/dapi/v1/depth?symbol=BTCUSD_PERP&limit=500");
    }

    #[test]
    fn futures_tell_of_all_symbols_at_once() {
        assert_eq!(Spot.exchange_info_paths::<&str>(&[], 2), ["/api/v3/exchangeInfo"]);
        assert_eq!(
            Spot.exchange_info_paths(&["A", "B", "C"], 2),
            [
                "/api/v3/exchangeInfo?symbols=%5B%22A%22,%22B%22%5D",
                "/api/v3/exchangeInfo?symbols=%5B%22C%22%5D"
            ]
        );
        assert_eq!(UsdM.exchange_info_paths(&["A", "B", "C"], 2), ["/fapi/v1/exchangeInfo"]);
        assert_eq!(CoinM.exchange_info_paths(&["A"], 2), ["/dapi/v1/exchangeInfo"]);
    }

    #[test]
    fn depths_are_those_that_are_offered() {
        assert_eq!([1, 700, 9_999].map(|levels| Spot.depth_limit(levels)), [5, 700, 5_000]);
        assert_eq!([1, 5, 6, 500, 501, 5_000].map(|n| UsdM.depth_limit(n)), [5, 5, 10, 500, 1_000, 1_000]);
        assert_eq!([100, 500, 1_000, 5_000].map(|limit| Spot.depth_weight(limit)), [5, 25, 50, 250]);
        assert_eq!([50, 100, 500, 1_000].map(|limit| CoinM.depth_weight(limit)), [2, 5, 10, 20]);
    }

    #[test]
    fn only_usd_m_has_two_entry_points() {
        let streams =
            [Stream::Trade, Stream::BookTicker, Stream::Depth(None), Stream::AggTrade, Stream::Ticker24h];
        assert!(streams.iter().all(|stream| Spot.route(*stream) == Route::Whole));
        assert!(streams.iter().all(|stream| CoinM.route(*stream) == Route::Whole));
        let routes = streams.map(|stream| UsdM.route(stream));
        assert_eq!(routes, [Route::Public, Route::Public, Route::Public, Route::Market, Route::Market]);
    }
}
