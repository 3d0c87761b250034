//! What clients ask. Unknown parameters are errors; each error says what was expected where.

use super::reply::ErrorCode;
use crate::model::{Channel, UnknownChannel};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The longest string that may be an `id`, in bytes.
pub const ID_BYTES_MAX: usize = 64;

/// What a request's reply carries back: as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RequestId {
    /// An integer.
    Number(i64),
    /// A string of up to [`ID_BYTES_MAX`] bytes.
    Text(String),
    /// None was sent, or it could not be read.
    Absent,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What the reply carries back.
    pub id: RequestId,
    /// What is asked.
    pub method: Method,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Method {
    /// Begin, or change the options of what is held.
    Subscribe(Subscribe),
    /// End.
    Unsubscribe(Subscribe),
    /// List what is held.
    Subscriptions,
    /// Ask for a sign of life.
    Ping,
    /// Present a token.
    Authenticate(String),
}

/// The parameters of `subscribe`, which `unsubscribe` takes too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// The channel.
    pub channel: Channel,
    /// Symbols and patterns.
    pub symbols: Vec<Wanted>,
    /// The shortest time between two frames of a topic, in milliseconds; 0: each update.
    pub interval_ms: u32,
    /// What is to happen when the connection cannot keep up.
    pub on_slow: OnSlow,
    /// Send a snapshot of what is already held too.
    pub snapshot: bool,
    /// Whether what is conflated again and again may be moved to a slower tier, and back.
    pub adaptive: bool,
}

/// A symbol or a pattern, and where to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// `kraken:BTC/USD`, `binance:*` or `*`.
    pub symbol: String,
    /// What the client already has.
    pub resume: Option<Resume>,
}

/// What a client already has of a topic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resume {
    /// The topic's life that it knows.
    pub epoch: String,
    /// The last sequence number that it got.
    pub after: u64,
}

/// What is to happen when a connection cannot keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSlow {
    /// Skip what newer data replaces, and say so.
    #[default]
    Conflate,
    /// Close the connection.
    Disconnect,
}

impl OnSlow {
    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conflate => "conflate",
            Self::Disconnect => "disconnect",
        }
    }
}

/// Why a request was refused, with the `id` that its reply carries.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RequestError {
    /// The request's `id`, if it could be read.
    pub id: RequestId,
    /// The kind of error.
    pub code: ErrorCode,
    /// What was wrong, where, and what was expected.
    pub message: String,
}

type Fields<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Reads a request.
///
/// # Errors
/// [`RequestError`] with the code and the message of the reply.
pub fn parse(text: &str) -> Result<Request, RequestError> {
    let bad = |message: String| RequestError { id: RequestId::Absent, code: ErrorCode::BadRequest, message };
    let mut fields: Fields<'_> = serde_json::from_str(text).map_err(|e| bad(json_error(&e)))?;
    let id = match fields.remove("id").map(|raw| (raw, request_id(raw))) {
        None => RequestId::Absent,
        Some((_, Some(id))) => id,
        Some((raw, None)) => {
            let expected = format!("expected an integer or a string of up to {ID_BYTES_MAX} bytes");
            return Err(bad(at(text, "id", raw, &expected)));
        }
    };
    match (Reader { text, fields }).method() {
        Ok(method) => Ok(Request { id, method }),
        Err((code, message)) => Err(RequestError { id, code, message }),
    }
}

type Refusal = (ErrorCode, String);

/// The fields of an object that were not asked for yet.
struct Reader<'a> {
    text: &'a str,
    fields: Fields<'a>,
}

impl<'a> Reader<'a> {
    fn method(mut self) -> Result<Method, Refusal> {
        let method: Cow<'a, str> = self.required("method", "a string")?;
        let params = self.fields.remove("params");
        self.nothing_left()?;
        let params = params.map_or(Ok(Fields::new()), |raw| {
            serde_json::from_str(raw.get())
                .map_err(|_| refuse(at(self.text, "params", raw, "expected an object")))
        })?;
        let params = Reader { text: self.text, fields: params };
        match &*method {
            "subscribe" => params.subscribe().map(Method::Subscribe),
            "unsubscribe" => params.subscribe().map(Method::Unsubscribe),
            "subscriptions" => params.nothing_left().map(|()| Method::Subscriptions),
            "ping" => params.nothing_left().map(|()| Method::Ping),
            "authenticate" => params.authenticate(),
            other => Err((ErrorCode::UnknownMethod, unknown_method(other))),
        }
    }

    fn subscribe(mut self) -> Result<Subscribe, Refusal> {
        let channel: Cow<'a, str> = self.required("channel", "a string")?;
        let channel =
            channel.parse().map_err(|e: UnknownChannel| (ErrorCode::UnknownChannel, e.to_string()))?;
        let symbols: Vec<&RawValue> = self.required("symbols", "a list")?;
        let symbols = symbols.into_iter().map(|raw| wanted(self.text, raw)).collect::<Result<_, _>>()?;
        let subscribe = Subscribe {
            channel,
            symbols,
            interval_ms: self.optional("interval_ms", "milliseconds from 0 to 4294967295")?.unwrap_or(0),
            on_slow: self.optional("on_slow", "\"conflate\" or \"disconnect\"")?.unwrap_or_default(),
            snapshot: self.optional("snapshot", "true or false")?.unwrap_or(false),
            adaptive: self.optional("adaptive", "true or false")?.unwrap_or(false),
        };
        self.nothing_left()?;
        Ok(subscribe)
    }

    fn authenticate(mut self) -> Result<Method, Refusal> {
        let token = self.required("token", "a string")?;
        self.nothing_left()?;
        Ok(Method::Authenticate(token))
    }

    fn required<T: Deserialize<'a>>(&mut self, name: &str, expected: &str) -> Result<T, Refusal> {
        self.optional(name, expected)?.ok_or_else(|| refuse(format!("{name}: missing, expected {expected}")))
    }

    fn optional<T: Deserialize<'a>>(&mut self, name: &str, expected: &str) -> Result<Option<T>, Refusal> {
        let Some(raw) = self.fields.remove(name) else { return Ok(None) };
        serde_json::from_str(raw.get())
            .map(Some)
            .map_err(|_| refuse(at(self.text, name, raw, &format!("expected {expected}"))))
    }

    fn nothing_left(&self) -> Result<(), Refusal> {
        match self.fields.iter().next() {
            None => Ok(()),
            Some((name, raw)) => Err(refuse(at(self.text, &clipped(name), raw, "unknown parameter"))),
        }
    }
}

/// A symbol as a string, or as an object that says where to go on.
fn wanted(text: &str, raw: &RawValue) -> Result<Wanted, Refusal> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Resumed {
        symbol: String,
        epoch: String,
        after: u64,
    }
    if let Ok(symbol) = serde_json::from_str(raw.get()) {
        return Ok(Wanted { symbol, resume: None });
    }
    let expected = "expected a symbol, or {\"symbol\":...,\"epoch\":...,\"after\":...}";
    let Resumed { symbol, epoch, after } =
        serde_json::from_str(raw.get()).map_err(|_| refuse(at(text, "symbols", raw, expected)))?;
    Ok(Wanted { symbol, resume: Some(Resume { epoch, after }) })
}

fn request_id(raw: &RawValue) -> Option<RequestId> {
    if raw.get() == "null" {
        return Some(RequestId::Absent);
    }
    if let Ok(number) = serde_json::from_str(raw.get()) {
        return Some(RequestId::Number(number));
    }
    let text: String = serde_json::from_str(raw.get()).ok()?;
    (text.len() <= ID_BYTES_MAX).then_some(RequestId::Text(text))
}

fn refuse(message: String) -> Refusal {
    (ErrorCode::BadRequest, message)
}

fn unknown_method(name: &str) -> String {
    format!(
        "unknown method `{}`: expected subscribe, unsubscribe, subscriptions, ping or authenticate",
        clipped(name)
    )
}

/// `raw` is a part of `text`, so its distance from the start is its offset.
fn at(text: &str, name: &str, raw: &RawValue, what: &str) -> String {
    let offset = (raw.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    format!("{name}: {what} at offset {offset}")
}

fn json_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line").map_or(text.as_str(), |(what, _)| what);
    format!("not a request: {what} at line {} column {}", error.line(), error.column())
}

/// So that an error message cannot be made long from outside.
fn clipped(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refused(text: &str) -> (RequestId, ErrorCode, String) {
        let error = parse(text).unwrap_err();
        (error.id, error.code, error.message)
    }

    #[test]
    fn reads_a_subscription_with_all_its_options() {
        let request = parse(
            r#"{"id":1,"method":"subscribe","params":{"channel":"book","symbols":["kraken:BTC/USD",
               {"symbol":"a:b","epoch":"e-1","after":7}],"interval_ms":100,"on_slow":"disconnect","snapshot":true,"adaptive":true}}"#,
        );
        let wanted = |symbol: &str, resume| Wanted { symbol: symbol.into(), resume };
        let expected = Subscribe {
            channel: Channel::Book,
            symbols: vec![
                wanted("kraken:BTC/USD", None),
                wanted("a:b", Some(Resume { epoch: "e-1".into(), after: 7 })),
            ],
            interval_ms: 100,
            on_slow: OnSlow::Disconnect,
            snapshot: true,
            adaptive: true,
        };
        assert_eq!(request, Ok(Request { id: RequestId::Number(1), method: Method::Subscribe(expected) }));
    }

    #[test]
    fn ids_are_integers_or_short_strings() {
        assert_eq!(parse(r#"{"method":"ping","id":"x"}"#).unwrap().id, RequestId::Text("x".into()));
        assert_eq!(parse(r#"{"method":"ping","id":-5}"#).unwrap().id, RequestId::Number(-5));
        assert_eq!(parse(r#"{"method":"ping"}"#).unwrap().id, RequestId::Absent);
        for id in ["1.5", "[]", "true", &format!("\"{}\"", "x".repeat(65))] {
            assert_eq!(
                refused(&format!(r#"{{"id":{id},"method":"ping"}}"#)).1,
                ErrorCode::BadRequest,
                "{id}"
            );
        }
    }

    #[test]
    fn errors_say_what_was_expected_where() {
        let (id, code, message) =
            refused(r#"{"id":1,"method":"subscribe","params":{"channel":"book","symbols":5}}"#);
        assert_eq!((id, code), (RequestId::Number(1), ErrorCode::BadRequest));
        assert_eq!(message, "symbols: expected a list at offset 66");
        let cases = [
            ("{", ErrorCode::BadRequest, "not a request: EOF while parsing an object at line 1 column 1"),
            (
                "[]",
                ErrorCode::BadRequest,
                "not a request: invalid type: sequence, expected a map at line 1 column 0",
            ),
            (r#"{"id":1}"#, ErrorCode::BadRequest, "method: missing, expected a string"),
            (r#"{"method":"ping","x":1}"#, ErrorCode::BadRequest, "x: unknown parameter at offset 21"),
            (
                r#"{"method":"ping","params":[]}"#,
                ErrorCode::BadRequest,
                "params: expected an object at offset 26",
            ),
            (
                r#"{"method":"ping","params":{"y":2}}"#,
                ErrorCode::BadRequest,
                "y: unknown parameter at offset 31",
            ),
            (
                r#"{"method":"fly"}"#,
                ErrorCode::UnknownMethod,
                "unknown method `fly`: expected subscribe, unsubscribe, subscriptions, ping or authenticate",
            ),
            (
                r#"{"method":"subscribe","params":{"channel":"x","symbols":[]}}"#,
                ErrorCode::UnknownChannel,
                "unknown channel `x`: expected trades, quotes, ticker, book10, book or status",
            ),
        ];
        for (text, code, message) in cases {
            assert_eq!(refused(text), (refused(text).0, code, message.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_request_or_an_error(text in "\\PC{0,80}") {
            let _ = parse(&text);
        }

        #[test]
        fn anything_in_place_of_a_value_is_answered(value in "[\\[\\]{}\":,0-9a-z]{0,20}") {
            let _ = parse(&format!(r#"{{"id":1,"method":"subscribe","params":{{"channel":{value},"symbols":[{value}]}}}}"#));
        }
    }
}
