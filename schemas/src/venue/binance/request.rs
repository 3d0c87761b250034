use std::fmt::Write;

/// The most streams that one connection may carry, by the venue's rules.
pub const STREAMS_PER_CONNECTION_MAX: usize = 1024;

/// The most streams in one request here. The venue names no number, but drops long requests.
pub const STREAMS_PER_REQUEST_MAX: usize = 100;

/// A kind of stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Every trade.
    Trade,
    /// Trades of one order at one price as one.
    AggTrade,
    /// Best bid and ask.
    BookTicker,
    /// Changes of the book: every so many milliseconds, or at the pace that needs no name.
    Depth(Option<u32>),
    /// Statistics of the last 24 hours, every second.
    Ticker24h,
}

impl Stream {
    /// The name of this stream of a symbol: `btcusdt@trade`.
    #[must_use]
    pub fn name(self, symbol: &str) -> String {
        let symbol = symbol.to_lowercase();
        match self {
            Self::Trade => symbol + "@trade",
            Self::AggTrade => symbol + "@aggTrade",
            Self::BookTicker => symbol + "@bookTicker",
            Self::Depth(Some(ms)) => format!("{symbol}@depth@{ms}ms"),
            Self::Depth(None) => symbol + "@depth",
            Self::Ticker24h => symbol + "@ticker",
        }
    }
}

/// An entry point of a host, which carries some of its streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Route {
    /// All streams.
    Whole,
    /// `/public`: what comes with each change.
    Public,
    /// `/market`: what is summed up.
    Market,
}

impl Route {
    /// Path and query of a combined connection that carries `streams` from its start. With an empty list nothing comes
    /// until a [`subscribe`]; so use that for more streams than a URL may hold. Only spot knows microseconds.
    #[must_use]
    pub fn combined_path<S: AsRef<str>>(self, streams: &[S], microseconds: bool) -> String {
        let route = match self {
            Self::Whole => "",
            Self::Public => "/public",
            Self::Market => "/market",
        };
        let mut query = Vec::new();
        if !streams.is_empty() {
            let names: Vec<String> = streams.iter().map(|name| percent_encoded(name.as_ref())).collect();
            query.push(format!("streams={}", names.join("/")));
        }
        if microseconds {
            query.push("timeUnit=MICROSECOND".to_owned());
        }
        let separator = if query.is_empty() { "" } else { "?" };
        format!("{route}/stream{separator}{}", query.join("&"))
    }
}

/// A request that changes nothing: what answers it is alive.
pub const SIGN_OF_LIFE: &str = r#"{"method":"GET_PROPERTY","params":["combined"],"id":0}"#;

/// Requests that subscribe to `streams`, numbered from `first_id` on. The venue takes five messages a second.
pub fn subscribe<S: AsRef<str>>(streams: &[S], first_id: i64) -> impl Iterator<Item = String> {
    requests("SUBSCRIBE", streams, first_id)
}

/// Requests that end `streams`, numbered from `first_id` on. The venue takes five messages a second.
pub fn unsubscribe<S: AsRef<str>>(streams: &[S], first_id: i64) -> impl Iterator<Item = String> {
    requests("UNSUBSCRIBE", streams, first_id)
}

fn requests<S: AsRef<str>>(method: &str, streams: &[S], first_id: i64) -> impl Iterator<Item = String> {
    streams.chunks(STREAMS_PER_REQUEST_MAX).zip(first_id..).map(move |(streams, id)| {
        let params: Vec<&str> = streams.iter().map(AsRef::as_ref).collect();
        serde_json::json!({ "method": method, "params": params, "id": id }).to_string()
    })
}

/// Leaves what a query may hold as it is, and `@`, which the venue's own examples do not encode. Its symbols are
/// not all ASCII.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' | b',' | b'!' => {
                encoded.push(char::from(byte));
            }
            // Writing to a string cannot fail.
            _ => drop(write!(encoded, "%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_named_in_lower_case() {
        let streams = [Stream::Trade.name("BTCUSDT"), Stream::Depth(Some(100)).name("ETHUSDT")];
        let path = |streams: &[String], microseconds| Route::Whole.combined_path(streams, microseconds);
        assert_eq!(path(&streams, false), "/stream?streams=btcusdt@trade/ethusdt@depth@100ms");
        assert_eq!(path(&streams[..1], true), "/stream?streams=btcusdt@trade&timeUnit=MICROSECOND");
        assert_eq!(path(&[], true), "/stream?timeUnit=MICROSECOND");
        assert_eq!(path(&[], false), "/stream");
        assert_eq!(Stream::Depth(None).name("BTCUSD_PERP"), "btcusd_perp@depth");
    }

    #[test]
    fn an_entry_point_stands_before_the_path() {
        let streams = [Stream::Ticker24h.name("BTCUSDT")];
        assert_eq!(Route::Market.combined_path(&streams, false), "/market/stream?streams=btcusdt@ticker");
        assert_eq!(Route::Public.combined_path::<&str>(&[], false), "/public/stream");
    }

    #[test]
    fn requests_come_in_batches_with_ids_of_their_own() {
        let streams: Vec<String> = (0..101).map(|n| format!("s{n}@trade")).collect();
        let requests: Vec<String> = subscribe(&streams, 7).collect();
        assert_eq!(requests.len(), 2);
        assert!(requests[0].starts_with(r#"{"method":"SUBSCRIBE","params":["s0@trade","s1@trade","#));
        assert_eq!(requests[1], r#"{"method":"SUBSCRIBE","params":["s100@trade"],"id":8}"#);
        let ends: Vec<String> = unsubscribe(&["a@ticker"], 1).collect();
        assert_eq!(ends, [r#"{"method":"UNSUBSCRIBE","params":["a@ticker"],"id":1}"#]);
    }
}
