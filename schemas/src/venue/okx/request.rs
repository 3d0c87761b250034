use super::Channel;
use std::fmt::Write;

/// What a client sends to ask for a sign of life; the answer is the text `pong`. The venue cuts a connection over which nothing
/// went for 30 seconds.
pub const PING: &str = "ping";

/// The most that the arguments of all subscriptions of a connection may take, in bytes: the venue says 64 KB.
pub const ARGS_BYTES_PER_CONNECTION_MAX: usize = 64_000;

/// The most that the arguments of one request take here, in bytes: older gateways took no more.
const ARGS_BYTES_PER_REQUEST_MAX: usize = 4_000;

/// Requests that subscribe to `channels` of `instruments`. The venue takes 480 an hour from a connection.
#[must_use]
pub fn subscribe<S: AsRef<str>>(channels: &[Channel], instruments: &[S]) -> Vec<String> {
    requests("subscribe", channels, instruments)
}

/// Requests that end the subscriptions to `channels` of `instruments`.
#[must_use]
pub fn unsubscribe<S: AsRef<str>>(channels: &[Channel], instruments: &[S]) -> Vec<String> {
    requests("unsubscribe", channels, instruments)
}

/// How many bytes the arguments of subscriptions to `channels` of an instrument take.
#[must_use]
pub fn args_bytes(channels: &[Channel], instrument: &str) -> usize {
    channels.iter().map(|channel| arg(*channel, instrument).len() + 1).sum()
}

fn requests<S: AsRef<str>>(op: &str, channels: &[Channel], instruments: &[S]) -> Vec<String> {
    let mut requests = Vec::new();
    let mut args = String::new();
    for instrument in instruments {
        for channel in channels {
            let arg = arg(*channel, instrument.as_ref());
            if !args.is_empty() && args.len() + arg.len() >= ARGS_BYTES_PER_REQUEST_MAX {
                requests.push(request(op, &args));
                args.clear();
            }
            let comma = if args.is_empty() { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(args, "{comma}{arg}");
        }
    }
    if !args.is_empty() {
        requests.push(request(op, &args));
    }
    requests
}

fn request(op: &str, args: &str) -> String {
    format!("{{\"op\":\"{op}\",\"args\":[{args}]}}")
}

fn arg(channel: Channel, instrument: &str) -> String {
    serde_json::json!({ "channel": channel.name(), "instId": instrument }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_channels_and_instruments() {
        assert_eq!(
            subscribe(&[Channel::Books, Channel::BboTbt], &["BTC-USDT", "ETH\"USDT"]),
            [
                r#"{"op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"},{"channel":"bbo-tbt","instId":"BTC-USDT"},{"channel":"books","instId":"ETH\"USDT"},{"channel":"bbo-tbt","instId":"ETH\"USDT"}]}"#
            ]
        );
        assert_eq!(
            unsubscribe(&[Channel::Books5], &["BTC-USDT"]),
            [r#"{"op":"unsubscribe","args":[{"channel":"books5","instId":"BTC-USDT"}]}"#]
        );
        assert_eq!(subscribe::<&str>(&[Channel::Trades], &[]), [""; 0]);
    }

    #[test]
    fn many_instruments_go_in_requests_that_old_gateways_take() {
        let instruments: Vec<String> = (0..300).map(|n| format!("S{n}-USDT-SWAP")).collect();
        let requests = subscribe(&[Channel::Trades, Channel::Tickers], &instruments);
        assert!(requests.iter().all(|request| request.len() < ARGS_BYTES_PER_REQUEST_MAX + 40));
        let args: usize = requests.iter().map(|request| request.matches("instId").count()).sum();
        assert_eq!((requests.len(), args), (8, 600));
        let bytes: usize = instruments.iter().map(|name| args_bytes(&[Channel::Trades], name)).sum();
        let all: usize = subscribe(&[Channel::Trades], &instruments).iter().map(String::len).sum();
        assert!(bytes < all, "without what stands around them: {bytes}, {all}");
    }
}
