//! Requests over the WebSocket, and replies and errors in Binance's form.

use serde_json::{Value, json};
use std::sync::Arc;

const METHODS: &str = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`";
const ID_CHARS_MAX: usize = 36;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    List,
    SetCombined(bool),
    GetCombined,
}

/// Reads a request and its id, as text of the type that it came with.
///
/// # Errors
/// The reply to a bad one.
pub(super) fn parse(text: &str) -> Result<(String, Request), String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| refusal(3, &format!("Invalid JSON: {error}"), "null"))?;
    if !value.is_object() {
        return Err(refusal(2, "Invalid request: expected an object", "null"));
    }
    let id = id(&value).ok_or_else(|| {
        let message =
            "Invalid request: request ID must be an integer, a string of at most 36 characters or null";
        refusal(2, message, "null")
    })?;
    match request(&value) {
        Ok(request) => Ok((id, request)),
        Err((code, message)) => Err(refusal(code, &message, &id)),
    }
}

/// A reply in the form of Binance's errors; `id` is JSON text.
pub(super) fn refusal(code: i32, message: &str, id: &str) -> String {
    format!("{{\"code\":{code},\"msg\":{},\"id\":{id}}}", Value::from(message))
}

/// A list of streams as JSON text.
pub(super) fn list(streams: &[Arc<str>]) -> String {
    Value::from_iter(streams.iter().map(|stream| &**stream)).to_string()
}

fn id(request: &Value) -> Option<String> {
    match &request["id"] {
        id @ Value::Null => Some(id.to_string()),
        id @ Value::Number(number) if number.is_i64() => Some(id.to_string()),
        id @ Value::String(text) if text.chars().count() <= ID_CHARS_MAX => Some(id.to_string()),
        _ => None,
    }
}

fn request(value: &Value) -> Result<Request, (i32, String)> {
    let invalid = |message: String| (2, format!("Invalid request: {message}"));
    let method = match &value["method"] {
        Value::String(method) => method.as_str(),
        Value::Null => return Err(invalid("missing field `method`".to_owned())),
        other => return Err(invalid(format!("method must be a string, found {other}"))),
    };
    let params = &value["params"];
    match method {
        "SUBSCRIBE" => streams(params).map(Request::Subscribe).map_err(invalid),
        "UNSUBSCRIBE" => streams(params).map(Request::Unsubscribe).map_err(invalid),
        "LIST_SUBSCRIPTIONS" => Ok(Request::List),
        "SET_PROPERTY" => match (&params[0], &params[1]) {
            (Value::String(name), Value::Bool(combined)) if name == "combined" => {
                Ok(Request::SetCombined(*combined))
            }
            (Value::String(name), _) if name == "combined" => {
                Err((1, "Invalid value type: expected Boolean".to_owned()))
            }
            (Value::String(_), _) => Err((0, "Unknown property".to_owned())),
            _ => Err(invalid("property name must be a string".to_owned())),
        },
        "GET_PROPERTY" => match &params[0] {
            Value::String(name) if name == "combined" => Ok(Request::GetCombined),
            Value::String(_) => Err((0, "Unknown property".to_owned())),
            _ => Err(invalid("property name must be a string".to_owned())),
        },
        other => Err(invalid(format!("unknown variant `{other}`, expected one of {METHODS}"))),
    }
}

fn streams(params: &Value) -> Result<Vec<String>, String> {
    let Value::Array(streams) = params else {
        return Err("params must be a list of streams".to_owned());
    };
    let names = streams.iter().map(|stream| stream.as_str().map(str::to_owned));
    names.collect::<Option<_>>().ok_or_else(|| format!("expected names of streams, found {}", json!(streams)))
}
