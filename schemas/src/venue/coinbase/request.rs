use serde_json::json;

/// A channel to subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The book, batched every 50 ms; needs no authentication.
    Level2Batch,
    /// Trades.
    Matches,
    /// Best bid and ask, and statistics, at each trade.
    Ticker,
    /// Sequence numbers every second.
    Heartbeat,
    /// What the venue knows of all its products, every five seconds; takes no products.
    Status,
}

impl Channel {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Level2Batch => "level2_batch",
            Self::Matches => "matches",
            Self::Ticker => "ticker",
            Self::Heartbeat => "heartbeat",
            Self::Status => "status",
        }
    }
}

/// A request for `channels` of `products`. It has to come within five seconds of connecting.
#[must_use]
pub fn subscribe<S: AsRef<str>>(channels: &[Channel], products: &[S]) -> String {
    request("subscribe", channels, products)
}

/// A request that ends `channels` of `products`; of all products if that list is empty.
#[must_use]
pub fn unsubscribe<S: AsRef<str>>(channels: &[Channel], products: &[S]) -> String {
    request("unsubscribe", channels, products)
}

fn request<S: AsRef<str>>(kind: &str, channels: &[Channel], products: &[S]) -> String {
    let channels: Vec<&str> = channels.iter().map(|channel| channel.name()).collect();
    let products: Vec<&str> = products.iter().map(AsRef::as_ref).collect();
    let request = if products.is_empty() {
        json!({ "type": kind, "channels": channels })
    } else {
        json!({ "type": kind, "product_ids": products, "channels": channels })
    };
    request.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_products_and_channels() {
        assert_eq!(
            subscribe(&[Channel::Level2Batch, Channel::Heartbeat], &["BTC-USD", "ETH-USD"]),
            r#"{"type":"subscribe","product_ids":["BTC-USD","ETH-USD"],"channels":["level2_batch","heartbeat"]}"#
        );
        assert_eq!(
            unsubscribe::<&str>(&[Channel::Matches], &[]),
            r#"{"type":"unsubscribe","channels":["matches"]}"#
        );
    }
}
