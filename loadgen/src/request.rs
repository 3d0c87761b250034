//! Requests of the protocol, as JSON text.

use schemas::model::Channel;
use serde::Serialize;

/// Symbols in one request: far below what a broker's limit on the bytes of a request allows.
const SYMBOLS_MAX: usize = 500;

#[derive(Serialize)]
struct Request<'a, S> {
    id: u64,
    method: &'static str,
    params: Params<'a, S>,
}

#[derive(Serialize)]
struct Params<'a, S> {
    channel: &'static str,
    symbols: &'a [S],
    #[serde(skip_serializing_if = "is_zero")]
    interval_ms: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    snapshot: bool,
}

/// What to subscribe to, or to end.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a, S = &'a str> {
    /// The channel.
    pub channel: Channel,
    /// The symbols, by name or as [`Asked`].
    pub symbols: &'a [S],
    /// The rate tier in milliseconds; 0 is each update.
    pub interval_ms: u32,
    /// Whether a snapshot is wanted of what is held already.
    pub snapshot: bool,
}

/// A symbol that is subscribed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Asked<'a> {
    /// With a snapshot.
    Afresh(&'a str),
    /// After what the client has.
    Resumed {
        /// The symbol.
        symbol: &'a str,
        /// The epoch of what the client has.
        epoch: &'a str,
        /// The last `seq` of it.
        after: u64,
    },
}

/// `subscribe` requests with ids from `first_id` on, as many as are needed.
pub fn subscribe<S: Serialize>(wanted: Wanted<'_, S>, first_id: u64) -> impl Iterator<Item = Vec<u8>> {
    requests("subscribe", wanted, first_id)
}

/// `unsubscribe` requests with ids from `first_id` on, as many as are needed.
pub fn unsubscribe(wanted: Wanted<'_>, first_id: u64) -> impl Iterator<Item = Vec<u8>> {
    requests("unsubscribe", wanted, first_id)
}

fn requests<S: Serialize>(
    method: &'static str,
    wanted: Wanted<'_, S>,
    first_id: u64,
) -> impl Iterator<Item = Vec<u8>> {
    wanted.symbols.chunks(SYMBOLS_MAX).zip(first_id..).map(move |(symbols, id)| {
        let Wanted { channel, interval_ms, snapshot, .. } = wanted;
        let params = Params { channel: channel.name(), symbols, interval_ms, snapshot };
        // Strings and numbers: this does not fail.
        serde_json::to_vec(&Request { id, method, params }).unwrap_or_default()
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(interval_ms: &u32) -> bool {
    *interval_ms == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(requests: impl Iterator<Item = Vec<u8>>) -> Vec<String> {
        requests.map(|request| String::from_utf8(request).unwrap()).collect()
    }

    #[test]
    fn options_are_said_when_they_differ_from_the_default() {
        let plain = Wanted { channel: Channel::Quotes, symbols: &["a:b"], interval_ms: 0, snapshot: false };
        assert_eq!(
            text(subscribe(plain, 1)),
            [r#"{"id":1,"method":"subscribe","params":{"channel":"quotes","symbols":["a:b"]}}"#]
        );
        let all = Wanted { interval_ms: 100, snapshot: true, ..plain };
        assert_eq!(
            text(subscribe(all, 7)),
            [
                r#"{"id":7,"method":"subscribe","params":{"channel":"quotes","symbols":["a:b"],"interval_ms":100,"snapshot":true}}"#
            ]
        );
    }

    #[test]
    fn what_the_client_has_is_said() {
        let symbols = [Asked::Afresh("a:b"), Asked::Resumed { symbol: "a:c", epoch: "e", after: 7 }];
        let wanted = Wanted { channel: Channel::Quotes, symbols: &symbols, interval_ms: 0, snapshot: false };
        let expected = r#""symbols":["a:b",{"symbol":"a:c","epoch":"e","after":7}]"#;
        assert!(text(subscribe(wanted, 1))[0].contains(expected));
    }

    #[test]
    fn many_symbols_take_several_requests() {
        let symbols = vec!["a:b"; 1201];
        let wanted = Wanted { channel: Channel::Book, symbols: &symbols, interval_ms: 0, snapshot: false };
        let requests = text(unsubscribe(wanted, 5));
        assert_eq!(requests.len(), 3);
        assert!(requests[2].starts_with(r#"{"id":7,"method":"unsubscribe""#));
    }
}
