//! Replies of the broker.

use serde::Deserialize;
use std::borrow::Cow;

/// A reply to `subscribe` or `unsubscribe`.
#[derive(Debug, Deserialize)]
pub struct Reply<'a> {
    /// The request's id; none when the broker could not read it.
    pub id: Option<u64>,
    /// What was done.
    #[serde(borrow)]
    pub result: Option<Outcome<'a>>,
    /// What was wrong.
    #[serde(borrow)]
    pub error: Option<Refusal<'a>>,
}

/// What was done.
#[derive(Debug, Deserialize)]
pub struct Outcome<'a> {
    /// Topics and patterns that were granted.
    #[serde(borrow, default)]
    pub subscribed: Vec<Granted<'a>>,
    /// What was not.
    #[serde(borrow, default)]
    pub rejected: Vec<Refusal<'a>>,
}

/// A topic or pattern that was granted.
#[derive(Debug, Deserialize)]
pub struct Granted<'a> {
    /// The channel.
    #[serde(borrow)]
    pub channel: Cow<'a, str>,
    /// The symbol, or none for a pattern.
    #[serde(borrow)]
    pub symbol: Option<Cow<'a, str>>,
    /// The topic's epoch.
    #[serde(borrow)]
    pub epoch: Option<Cow<'a, str>>,
    /// The last `seq` of the snapshot that follows; 0 if there is no data yet.
    pub seq: Option<u64>,
    /// The topic's state.
    #[serde(borrow)]
    pub state: Option<Cow<'a, str>>,
    /// Whether it goes on after what the client has; none if that was not asked.
    pub resumed: Option<bool>,
    /// The tier that was granted, in milliseconds.
    #[serde(default)]
    pub interval_ms: u32,
}

/// Why something was not granted.
#[derive(Debug, Deserialize)]
pub struct Refusal<'a> {
    /// The code.
    #[serde(borrow)]
    pub code: Cow<'a, str>,
    /// For people.
    #[serde(borrow, default)]
    pub message: Cow<'a, str>,
}

/// Reads a reply.
///
/// # Errors
/// When it is not one.
pub fn parse(text: &[u8]) -> Result<Reply<'_>, serde_json::Error> {
    serde_json::from_slice(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grants_rejections_and_errors() {
        let reply = parse(
            br#"{"id":1,"result":{"subscribed":[{"channel":"book","symbol":"a:b","epoch":"e","seq":7,"interval_ms":100,"new":[1]},
                {"channel":"book","pattern":"a:*","matched":4}],"rejected":[{"symbol":"x","code":"unknown_symbol","message":"m"}]}}"#,
        )
        .unwrap();
        let outcome = reply.result.unwrap();
        assert_eq!((reply.id, outcome.subscribed.len()), (Some(1), 2));
        assert_eq!((outcome.subscribed[0].seq, outcome.subscribed[0].interval_ms), (Some(7), 100));
        assert_eq!(outcome.rejected[0].code, "unknown_symbol");
        let refused =
            parse(br#"{"id":null,"error":{"code":"bad_request","message":"no","retryable":false}}"#);
        assert_eq!(refused.unwrap().error.unwrap().code, "bad_request");
        assert!(parse(br#"{"id":1,"result":{"unsubscribed":3}}"#).unwrap().result.is_some());
    }
}
