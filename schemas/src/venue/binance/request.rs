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
    /// Changes of the book every 100 ms.
    Depth100Ms,
    /// Changes of the book every second.
    Depth1000Ms,
    /// Statistics of the last 24 hours, every second.
    Ticker24h,
}

impl Stream {
    /// The name of this stream of a symbol: `btcusdt@trade`.
    #[must_use]
    pub fn name(self, symbol: &str) -> String {
        let suffix = match self {
            Self::Trade => "@trade",
            Self::AggTrade => "@aggTrade",
            Self::BookTicker => "@bookTicker",
            Self::Depth100Ms => "@depth@100ms",
            Self::Depth1000Ms => "@depth",
            Self::Ticker24h => "@ticker",
        };
        symbol.to_lowercase() + suffix
    }
}

/// Path and query of a combined connection that carries `streams` from its start. With an empty list nothing comes
/// until a [`subscribe`]; so use that for more streams than a URL may hold.
#[must_use]
pub fn combined_path<S: AsRef<str>>(streams: &[S], microseconds: bool) -> String {
    let mut query = Vec::new();
    if !streams.is_empty() {
        let names: Vec<String> = streams.iter().map(|name| percent_encoded(name.as_ref())).collect();
        query.push(format!("streams={}", names.join("/")));
    }
    if microseconds {
        query.push("timeUnit=MICROSECOND".to_owned());
    }
    let separator = if query.is_empty() { "" } else { "?" };
    format!("/stream{separator}{}", query.join("&"))
}

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

/// Path and query of the book of `symbol`, to `limit` levels a side (at most 5000).
#[must_use]
pub fn depth_path(symbol: &str, limit: u16) -> String {
    format!("/api/v3/depth?symbol={}&limit={limit}", percent_encoded(symbol))
}

/// Path and query of what the venue knows of `symbols`; of all that it has if the list is empty.
#[must_use]
pub fn exchange_info_path<S: AsRef<str>>(symbols: &[S]) -> String {
    if symbols.is_empty() {
        return "/api/v3/exchangeInfo".to_owned();
    }
    let names: Vec<&str> = symbols.iter().map(AsRef::as_ref).collect();
    format!("/api/v3/exchangeInfo?symbols={}", percent_encoded(&serde_json::json!(names).to_string()))
}

/// Leaves what a query may hold as it is, and `@`, which the venue's own examples do not encode. Its symbols are
/// not all ASCII.
fn percent_encoded(text: &str) -> String {
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
        let streams = [Stream::Trade.name("BTCUSDT"), Stream::Depth100Ms.name("ETHUSDT")];
        assert_eq!(combined_path(&streams, false), "/stream?streams=btcusdt@trade/ethusdt@depth@100ms");
        assert_eq!(combined_path(&streams[..1], true), "/stream?streams=btcusdt@trade&timeUnit=MICROSECOND");
        assert_eq!(combined_path::<&str>(&[], true), "/stream?timeUnit=MICROSECOND");
        assert_eq!(combined_path::<&str>(&[], false), "/stream");
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

    #[test]
    fn paths_hold_symbols_of_any_script() {
        assert_eq!(depth_path("BTCUSDT", 5000), "/api/v3/depth?symbol=BTCUSDT&limit=5000");
        assert_eq!(depth_path("é&x", 5), "/api/v3/depth?symbol=%C3%A9%26x&limit=5");
        assert_eq!(exchange_info_path::<&str>(&[]), "/api/v3/exchangeInfo");
        assert_eq!(
            exchange_info_path(&["BTCUSDT", "ETHUSDT"]),
            "/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22,%22ETHUSDT%22%5D"
        );
    }
}
