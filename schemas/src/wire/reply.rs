//! Frames that concern one connection: the greeting, replies, heartbeats, the farewell.

use super::request::RequestId;
use crate::model::{Channel, Micros, State};
use serde::{Serialize, Serializer};

/// The first frame of a connection.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename = "hello")]
pub struct Hello<'a> {
    /// [`super::PROTOCOL`].
    pub protocol: u32,
    /// The name of this broker.
    pub node: &'a str,
    /// How often the broker pings.
    pub ping_ms: u64,
    /// The intervals that `interval_ms` is rounded up to; 0 is each update.
    pub tiers_ms: &'a [u32],
    /// What a connection may do.
    pub limits: Limits,
}

/// What a connection may do.
#[derive(Debug, Clone, Serialize)]
pub struct Limits {
    /// Topics and patterns that it may be subscribed to.
    pub subscriptions: usize,
    /// Requests a second, over time.
    pub requests_per_s: u32,
    /// Bytes of one request.
    pub message_bytes: usize,
}

/// A topic that `subscribe` granted, or that `subscriptions` lists.
#[derive(Debug, Clone, Serialize)]
pub struct Subscribed<'a> {
    /// The channel.
    #[serde(serialize_with = "channel")]
    pub channel: Channel,
    /// The symbol, or none for a pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<&'a str>,
    /// The pattern, or none for a symbol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<&'a str>,
    /// How many topics the pattern matches now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<usize>,
    /// The topic's epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<&'a str>,
    /// The last `seq` of the snapshot that follows, or what was resumed after; 0: no data yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The tier that it is served in.
    pub interval_ms: u32,
    /// The tier that was asked for, while the broker serves it in a slower one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_interval_ms: Option<u32>,
    /// What happens when the connection cannot keep up.
    pub on_slow: &'static str,
    /// Whether the broker may move it to a slower tier, and back; not said if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub adaptive: bool,
    /// The topic's state.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "state")]
    pub state: Option<State>,
    /// Whether the log reached back to what the client had; absent if it did not ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resumed: Option<bool>,
}

/// A symbol that `subscribe` or `unsubscribe` did not accept.
#[derive(Debug, Clone, Serialize)]
pub struct Rejected<'a> {
    /// The symbol or pattern as it was sent.
    pub symbol: &'a str,
    /// Why.
    pub code: ErrorCode,
    /// Why, for people.
    pub message: String,
}

/// The error codes of replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request cannot be understood.
    BadRequest,
    /// No such method.
    UnknownMethod,
    /// No such channel.
    UnknownChannel,
    /// No such symbol.
    UnknownSymbol,
    /// Not allowed to see it.
    NotEntitled,
    /// Not authenticated.
    Unauthenticated,
    /// A limit of the connection is reached.
    LimitExceeded,
    /// Too many requests in too short a time.
    RateLimited,
    /// The broker's fault.
    Internal,
}

impl ErrorCode {
    /// Whether the same request may succeed later.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Internal)
    }
}

#[derive(Serialize)]
struct Reply<'a, T> {
    id: &'a RequestId,
    result: T,
}

#[derive(Serialize)]
struct ErrorReply<'a> {
    id: &'a RequestId,
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: ErrorCode,
    message: &'a str,
    retryable: bool,
}

#[derive(Serialize)]
struct SubscribeResult<'a> {
    subscribed: &'a [Subscribed<'a>],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    rejected: &'a [Rejected<'a>],
}

/// The greeting as JSON text.
#[must_use]
pub fn hello(hello: &Hello<'_>) -> Vec<u8> {
    json(hello)
}

/// The reply to `subscribe`.
#[must_use]
pub fn subscribe(id: &RequestId, subscribed: &[Subscribed<'_>], rejected: &[Rejected<'_>]) -> Vec<u8> {
    json(&Reply { id, result: SubscribeResult { subscribed, rejected } })
}

/// The reply to `unsubscribe`: how many topics it ended.
#[must_use]
pub fn unsubscribe(id: &RequestId, unsubscribed: usize, rejected: &[Rejected<'_>]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Ended<'a> {
        unsubscribed: usize,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        rejected: &'a [Rejected<'a>],
    }
    json(&Reply { id, result: Ended { unsubscribed, rejected } })
}

/// The reply to `subscriptions`.
#[must_use]
pub fn subscriptions(id: &RequestId, subscriptions: &[Subscribed<'_>]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Held<'a> {
        subscriptions: &'a [Subscribed<'a>],
    }
    json(&Reply { id, result: Held { subscriptions } })
}

/// The reply to `ping`, with the server's time.
#[must_use]
pub fn pong(id: &RequestId, ts: Micros) -> Vec<u8> {
    #[derive(Serialize)]
    struct Pong {
        ts: u64,
    }
    json(&Reply { id, result: Pong { ts: ts.0 } })
}

/// A reply that says what went wrong.
#[must_use]
pub fn error(id: &RequestId, code: ErrorCode, message: &str) -> Vec<u8> {
    json(&ErrorReply { id, error: ErrorBody { code, message, retryable: code.is_retryable() } })
}

/// A new symbol that a pattern covers and does not bring, nor those that come after it until there is room again.
#[must_use]
pub fn rejected(channel: Channel, pattern: &str, rejected: &Rejected<'_>) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "rejected")]
    struct LeftOut<'a> {
        #[serde(serialize_with = "self::channel")]
        channel: Channel,
        pattern: &'a str,
        #[serde(flatten)]
        rejected: &'a Rejected<'a>,
    }
    json(&LeftOut { channel, pattern, rejected })
}

/// To a connection that was sent nothing for a while.
#[must_use]
pub fn heartbeat(ts: Micros) -> Vec<u8> {
    format!(r#"{{"type":"heartbeat","ts":{}}}"#, ts.0).into_bytes()
}

/// The connection will be closed; the client is asked to come back after a while.
#[must_use]
pub fn goaway(reconnect_in_ms: u64, reason: &str) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(tag = "type", rename = "goaway")]
    struct Goaway<'a> {
        reconnect_in_ms: u64,
        reason: &'a str,
    }
    json(&Goaway { reconnect_in_ms, reason })
}

/// These types have string keys only and no maps of their own, so serializing them does not fail.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn channel<S: Serializer>(channel: &Channel, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(channel.name())
}

fn state<S: Serializer>(state: &Option<State>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(state.map_or("", State::name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: Vec<u8>) -> String {
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn replies_carry_the_id_as_it_was_sent() {
        insta::assert_snapshot!(
            text(pong(&RequestId::Number(7), Micros(12))), @r#"{"id":7,"result":{"ts":12}}"#);
        insta::assert_snapshot!(
            text(error(&RequestId::Text("a".into()), ErrorCode::RateLimited, "slower")),
            @r#"{"id":"a","error":{"code":"rate_limited","message":"slower","retryable":true}}"#);
        insta::assert_snapshot!(
            text(unsubscribe(&RequestId::Absent, 3, &[])), @r#"{"id":null,"result":{"unsubscribed":3}}"#);
    }

    #[test]
    fn a_grant_names_only_what_it_has() {
        let granted = Subscribed {
            channel: Channel::Book,
            symbol: Some("kraken:BTC/USD"),
            pattern: None,
            matched: None,
            epoch: Some("6745c1a2-1"),
            seq: Some(88_120),
            interval_ms: 100,
            requested_interval_ms: None,
            on_slow: "conflate",
            adaptive: false,
            state: Some(State::Live),
            resumed: None,
        };
        let demoted = Subscribed { requested_interval_ms: Some(50), adaptive: true, ..granted.clone() };
        insta::assert_snapshot!(
            text(subscriptions(&RequestId::Number(1), &[demoted])),
            @r#"{"id":1,"result":{"subscriptions":[{"channel":"book","symbol":"kraken:BTC/USD","epoch":"6745c1a2-1","seq":88120,"interval_ms":100,"requested_interval_ms":50,"on_slow":"conflate","adaptive":true,"state":"live"}]}}"#);
        let rejected =
            Rejected { symbol: "x:y", code: ErrorCode::UnknownSymbol, message: "no such symbol".into() };
        insta::assert_snapshot!(
            text(subscribe(&RequestId::Number(1), &[granted], &[rejected])),
            @r#"{"id":1,"result":{"subscribed":[{"channel":"book","symbol":"kraken:BTC/USD","epoch":"6745c1a2-1","seq":88120,"interval_ms":100,"on_slow":"conflate","state":"live"}],"rejected":[{"symbol":"x:y","code":"unknown_symbol","message":"no such symbol"}]}}"#);
    }

    #[test]
    fn greeting_and_farewell() {
        let limits = Limits { subscriptions: 4096, requests_per_s: 50, message_bytes: 262_144 };
        let greeting = Hello { protocol: 1, node: "a", ping_ms: 20_000, tiers_ms: &[0, 50], limits };
        insta::assert_snapshot!(
            text(hello(&greeting)),
            @r#"{"type":"hello","protocol":1,"node":"a","ping_ms":20000,"tiers_ms":[0,50],"limits":{"subscriptions":4096,"requests_per_s":50,"message_bytes":262144}}"#);
        insta::assert_snapshot!(
            text(goaway(1500, "shutdown")), @r#"{"type":"goaway","reconnect_in_ms":1500,"reason":"shutdown"}"#);
        insta::assert_snapshot!(text(heartbeat(Micros(4))), @r#"{"type":"heartbeat","ts":4}"#);
    }
}
