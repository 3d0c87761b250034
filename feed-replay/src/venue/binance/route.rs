//! The entry points of a host, and which streams each of them carries.

use crate::stand_in::Target;
use schemas::venue::binance::{Product, Route};

/// What the path of a connection asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) route: Route,
    /// Payloads come in the wrapper that names the stream.
    pub(super) combined: bool,
    pub(super) streams: Vec<String>,
}

/// What a path asks for; none for a path without streams. USD-M serves one that names no entry point as if it had named `/public`,
/// and `/private` has nothing for who has no key.
pub(super) fn asked(product: Product, target: &Target) -> Option<Asked> {
    let path = target.path.as_str();
    let (route, path) = match (path.strip_prefix("/public"), path.strip_prefix("/market")) {
        _ if product != Product::UsdM => (Route::Whole, path),
        (Some(path), _) => (Route::Public, path),
        (_, Some(path)) => (Route::Market, path),
        _ => (Route::Public, path),
    };
    let names = |text: &str| text.split('/').filter(|name| is_stream(name)).map(str::to_owned).collect();
    let (combined, streams) = match path {
        "/stream" | "/stream/" => (true, names(target.query("streams").unwrap_or_default())),
        "/ws" | "/ws/" => (false, Vec::new()),
        path => (false, names(path.strip_prefix("/ws/")?)),
    };
    Some(Asked { route, combined, streams })
}

/// Whether a part of a path names a stream. Clients put a name of their own there to tell their connections apart (`/ws/0`).
fn is_stream(name: &str) -> bool {
    name.contains('@') || name.starts_with('!')
}

/// Whether an entry point carries a stream; one that it does not carry is granted, and silent.
pub(super) fn carries(route: Route, stream: &str) -> bool {
    let kind = stream.strip_prefix('!').or(stream.split('@').nth(1)).unwrap_or_default();
    let is_public =
        matches!(kind, "bookTicker" | "trade") || kind.starts_with("depth") || kind.starts_with("rpiDepth");
    match route {
        Route::Whole => true,
        Route::Public => is_public,
        Route::Market => !is_public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_names_the_entry_point_of_usd_m() {
        let of = |product, path: &str| {
            asked(product, &Target::parse(path))
                .map(|asked| (asked.route, asked.combined, asked.streams.len()))
        };
        assert_eq!(
            of(Product::UsdM, "/public/stream?streams=a@trade/b@depth"),
            Some((Route::Public, true, 2))
        );
        assert_eq!(of(Product::UsdM, "/market/ws/a@ticker"), Some((Route::Market, false, 1)));
        assert_eq!(of(Product::UsdM, "/ws"), Some((Route::Public, false, 0)));
        assert_eq!(of(Product::UsdM, "/private/ws"), None);
        assert_eq!(of(Product::CoinM, "/stream?streams=a@trade"), Some((Route::Whole, true, 1)));
        assert_eq!(of(Product::Spot, "/public/ws"), None);
    }

    #[test]
    fn what_names_no_stream_is_passed_over() {
        for path in ["/ws/0", "/ws", "/ws//", "/stream", "/stream?streams=", "/stream?streams=0/1"] {
            let asked = asked(Product::Spot, &Target::parse(path)).unwrap();
            assert_eq!(asked.streams, [""; 0], "{path}");
        }
        let path = "/ws/7/btcusdt@trade/!miniTicker@arr/ethusdt@depth@100ms/";
        let asked = asked(Product::Spot, &Target::parse(path)).unwrap();
        assert_eq!(asked.streams, ["btcusdt@trade", "!miniTicker@arr", "ethusdt@depth@100ms"]);
    }

    #[test]
    fn what_comes_with_each_change_is_public_and_what_is_summed_up_is_market() {
        let streams = [
            "btcusdt@depth@100ms",
            "btcusdt@depth5",
            "btcusdt@rpiDepth@500ms",
            "btcusdt@bookTicker",
            "!bookTicker",
            "btcusdt@trade",
            "btcusdt@aggTrade",
            "btcusdt@ticker",
            "!ticker@arr",
            "btcusdt@kline_1m",
            "btcusdt@markPrice",
        ];
        for (at, stream) in streams.into_iter().enumerate() {
            assert_eq!(carries(Route::Public, stream), at < 6, "{stream}");
            assert_eq!(carries(Route::Market, stream), at >= 6, "{stream}");
            assert!(carries(Route::Whole, stream));
        }
    }
}
