use serde_json::{Map, Value, json};

/// The depths of book that the venue offers, in levels a side.
pub const BOOK_DEPTHS: [u16; 5] = [10, 25, 100, 500, 1000];

/// The most symbols in one request here. The venue names no number; it answers each symbol by itself.
pub const SYMBOLS_PER_REQUEST_MAX: usize = 100;

/// What to subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subscription {
    /// The book to one of [`BOOK_DEPTHS`], beginning with a snapshot.
    Book {
        /// Levels a side.
        depth: u16,
    },
    /// Trades.
    Trade {
        /// Send the latest 50 first, which tells a client that comes back what it missed.
        snapshot: bool,
    },
    /// Best bid and ask at each change, and statistics, beginning with a snapshot.
    Ticker,
    /// What the venue knows of all its symbols, beginning with a snapshot.
    Instrument,
}

impl Subscription {
    fn params(self) -> Map<String, Value> {
        let params = match self {
            Self::Book { depth } => json!({ "channel": "book", "depth": depth, "snapshot": true }),
            Self::Trade { snapshot } => json!({ "channel": "trade", "snapshot": snapshot }),
            // Without this the venue sends a ticker at trades only.
            Self::Ticker => json!({ "channel": "ticker", "event_trigger": "bbo", "snapshot": true }),
            Self::Instrument => json!({ "channel": "instrument", "snapshot": true }),
        };
        match params {
            Value::Object(params) => params,
            _ => Map::new(),
        }
    }
}

/// Requests for `subscription` of `symbols`, numbered from `first_req_id` on. `Instrument` takes no symbols.
pub fn subscribe<S: AsRef<str>>(subscription: Subscription, symbols: &[S], first_req_id: u64) -> Vec<String> {
    requests("subscribe", &subscription.params(), symbols, first_req_id)
}

/// Requests that end `subscription` of `symbols`, numbered from `first_req_id` on.
pub fn unsubscribe<S: AsRef<str>>(
    subscription: Subscription,
    symbols: &[S],
    first_req_id: u64,
) -> Vec<String> {
    let mut params = subscription.params();
    params.remove("snapshot");
    requests("unsubscribe", &params, symbols, first_req_id)
}

/// A request for a sign of life.
#[must_use]
pub fn ping(req_id: u64) -> String {
    json!({ "method": "ping", "req_id": req_id }).to_string()
}

fn requests<S: AsRef<str>>(
    method: &str,
    params: &Map<String, Value>,
    symbols: &[S],
    first_req_id: u64,
) -> Vec<String> {
    let request = |params: &Map<String, Value>, req_id: u64| {
        json!({ "method": method, "params": params, "req_id": req_id }).to_string()
    };
    if params["channel"] == "instrument" {
        return vec![request(params, first_req_id)];
    }
    let batch = |(symbols, req_id): (&[S], u64)| {
        let mut params = params.clone();
        params.insert("symbol".to_owned(), symbols.iter().map(AsRef::as_ref).collect());
        request(&params, req_id)
    };
    symbols.chunks(SYMBOLS_PER_REQUEST_MAX).zip(first_req_id..).map(batch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_channel_symbols_and_depth() {
        assert_eq!(
            subscribe(Subscription::Book { depth: 25 }, &["BTC/USD", "ETH/USD"], 3),
            [
                r#"{"method":"subscribe","params":{"channel":"book","depth":25,"snapshot":true,"symbol":["BTC/USD","ETH/USD"]},"req_id":3}"#
            ]
        );
        assert_eq!(
            subscribe(Subscription::Ticker, &["BTC/USD"], 4),
            [
                r#"{"method":"subscribe","params":{"channel":"ticker","event_trigger":"bbo","snapshot":true,"symbol":["BTC/USD"]},"req_id":4}"#
            ]
        );
        assert_eq!(
            unsubscribe(Subscription::Trade { snapshot: true }, &["BTC/USD"], 5),
            [r#"{"method":"unsubscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":5}"#]
        );
        assert_eq!(
            subscribe::<&str>(Subscription::Instrument, &[], 6),
            [r#"{"method":"subscribe","params":{"channel":"instrument","snapshot":true},"req_id":6}"#]
        );
        assert_eq!(ping(101), r#"{"method":"ping","req_id":101}"#);
    }

    #[test]
    fn many_symbols_go_in_batches_with_numbers_of_their_own() {
        let symbols: Vec<String> = (0..201).map(|n| format!("S{n}/USD")).collect();
        let requests = subscribe(Subscription::Trade { snapshot: false }, &symbols, 1);
        assert_eq!(requests.len(), 3);
        assert!(requests[2].ends_with(r#""symbol":["S200/USD"]},"req_id":3}"#), "{}", requests[2]);
    }
}
