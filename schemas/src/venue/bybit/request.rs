use serde_json::json;

/// What a client sends to ask for a sign of life. The venue wants it every 20 seconds, and cuts a connection over which neither
/// that nor data went for ten minutes.
pub const PING: &str = r#"{"op":"ping"}"#;

/// The most that the topics of a connection may take, in characters with what stands around them.
pub const ARGS_BYTES_PER_CONNECTION_MAX: usize = 21_000;

/// The most topics of one request: spot takes no more.
pub const ARGS_PER_REQUEST_MAX: usize = 10;

/// A request that subscribes to topics, at most [`ARGS_PER_REQUEST_MAX`]; the reply repeats its id.
#[must_use]
pub fn subscribe<S: AsRef<str>>(topics: &[S], request: u64) -> String {
    text("subscribe", topics, request)
}

/// A request that ends the subscriptions to topics.
#[must_use]
pub fn unsubscribe<S: AsRef<str>>(topics: &[S], request: u64) -> String {
    text("unsubscribe", topics, request)
}

fn text<S: AsRef<str>>(op: &str, topics: &[S], request: u64) -> String {
    let topics: Vec<_> = topics.iter().map(AsRef::as_ref).collect();
    format!("{{\"req_id\":\"{request}\",\"op\":\"{op}\",\"args\":{}}}", json!(topics))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_topics_and_have_an_id() {
        assert_eq!(
            subscribe(&["orderbook.50.BTCUSDT", "publicTrade.A\"B"], 7),
            r#"{"req_id":"7","op":"subscribe","args":["orderbook.50.BTCUSDT","publicTrade.A\"B"]}"#
        );
        assert_eq!(
            unsubscribe(&["tickers.A"], 8),
            r#"{"req_id":"8","op":"unsubscribe","args":["tickers.A"]}"#
        );
    }
}
